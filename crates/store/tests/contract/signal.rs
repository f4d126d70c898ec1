//! Signals: stored once, waking whom they concern.

use domain::{port::Journal, signal::NewSignal};
use jiff::SignedDuration;
use serde_json::json;

use crate::{
    backend::Backend,
    stage::{LONG, Stage},
};

contract! {
    signals_are_stored_once_and_wake_the_runs_they_concern,
    an_awaited_signal_is_the_first_after_the_wait_began,
}

/// A customer's answer.
pub(crate) fn reply(stage: &Stage<'_>, event_id: &str) -> NewSignal {
    NewSignal {
        source: "mailbox".to_owned(),
        event_id: event_id.to_owned(),
        kind: "email.replied".to_owned(),
        account: stage.account,
        at: stage.backend.now(),
        data: json!({ "text": "yes\u{0}" }),
        run: None,
    }
}

async fn signals_are_stored_once_and_wake_the_runs_they_concern(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let other = stage.run("l").await;
    for claimed in backend.store.claim(backend.now(), 10, LONG).await.unwrap() {
        stage.commit(stage.turn(&claimed)).await;
    }
    let mut answer = reply(&stage, "1");
    answer.run = Some(run);
    let twice = vec![answer.clone(), answer.clone()];
    let new = backend.store.signal(twice, backend.now()).await.unwrap();
    assert_eq!(new.len(), 1);
    assert_eq!(backend.store.signal(vec![answer], backend.now()).await.unwrap(), []);
    assert_eq!(stage.claim(LONG).await.run.id, run, "a reply to one run wakes that run only");
    let parked = backend.store.run(other).await.unwrap().unwrap();
    assert_eq!(parked.wake_at, None);

    assert_eq!(backend.store.untriggered(10).await.unwrap(), new);
    backend.store.triggered(&[new[0].id]).await.unwrap();
    assert_eq!(backend.store.untriggered(10).await.unwrap(), []);
    assert_eq!(backend.store.signals_of(stage.account, 10).await.unwrap(), new);
    assert_eq!(new[0].data, json!({ "text": "yes\u{0}" }));
}

async fn an_awaited_signal_is_the_first_after_the_wait_began(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let other = stage.run("l").await;
    let began = backend.now();
    let store = &backend.store;
    store.signal(vec![reply(&stage, "at the very moment")], began).await.unwrap();
    backend.clock.advance(SignedDuration::from_secs(1));
    let mut theirs = reply(&stage, "to another run");
    theirs.run = Some(other);
    store.signal(vec![theirs], backend.now()).await.unwrap();
    let kind = "email.replied";
    assert_eq!(store.awaited(stage.account, run, kind, began).await.unwrap(), None);
    backend.clock.advance(SignedDuration::from_secs(1));
    store.signal(vec![reply(&stage, "first")], backend.now()).await.unwrap();
    backend.clock.advance(SignedDuration::from_secs(1));
    store.signal(vec![reply(&stage, "second")], backend.now()).await.unwrap();
    let found = store.awaited(stage.account, run, kind, began).await.unwrap().unwrap();
    assert_eq!(found.event_id, "first");
    assert_eq!(store.awaited(stage.account, run, "other", began).await.unwrap(), None);
}
