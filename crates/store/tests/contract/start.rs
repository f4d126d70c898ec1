//! Starting runs: once per key, not too soon after the one before, never in silence (TR-04).

use std::collections::BTreeSet;

use domain::{
    page::PageRequest,
    port::{Journal, Ledger, RunFilter},
    run::Started,
};
use jiff::SignedDuration;

use crate::{backend::Backend, stage::Stage};

contract! {
    tr_04_a_request_starts_one_run_however_often_it_is_made,
    tr_04_a_run_that_comes_too_soon_is_suppressed_and_says_so,
    tr_04_of_two_who_ask_at_once_one_is_suppressed,
}

async fn tr_04_a_request_starts_one_run_however_often_it_is_made(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let (first, again) = (stage.new_run("k"), stage.new_run("k"));
    let id = first.id;
    let both = vec![first, again];
    let answers = backend.store.start(both, backend.now()).await.unwrap();
    assert_eq!(answers, [Started::New(id), Started::Known(id)]);
    let later = backend.store.start(vec![stage.new_run("k")], backend.now()).await.unwrap();
    assert_eq!(later, [Started::Known(id)]);
    assert_eq!(stage.events(id).await, ["run_started"]);
    let run = backend.store.run(id).await.unwrap().unwrap();
    assert_eq!((run.playbook.as_str(), run.wake_at), ("renewal", Some(backend.now())));
    assert_eq!(run.cause.kind, "manual.requested");
}

async fn tr_04_a_run_that_comes_too_soon_is_suppressed_and_says_so(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let first = stage.run("a").await;
    backend.clock.advance(SignedDuration::from_hours(24));
    let mut soon = stage.new_run("b");
    soon.once_since = Some(backend.now() - SignedDuration::from_hours(48));
    let mut elsewhere = stage.new_run("c");
    elsewhere.once_since = soon.once_since;
    elsewhere.playbook = "onboarding".to_owned();
    let mut after = stage.new_run("d");
    after.once_since = Some(backend.now() - SignedDuration::from_hours(24));
    let (other, next) = (elsewhere.id, after.id);
    let requests = vec![soon, elsewhere, after];
    let answers = backend.store.start(requests, backend.now()).await.unwrap();
    assert_eq!(
        answers,
        [Started::Suppressed { by: first }, Started::New(other), Started::New(next)]
    );
    assert_eq!(stage.events("signal").await, ["trigger_suppressed"]);
    let event = backend.store.events("signal", 0, 1).await.unwrap().remove(0);
    assert!(event.data.contains(&first.to_string()), "it says which run: {}", event.data);
}

async fn tr_04_of_two_who_ask_at_once_one_is_suppressed(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut asking = Vec::new();
    for n in 0..8 {
        let mut run = stage.new_run(&n.to_string());
        run.once_since = Some(backend.now() - SignedDuration::from_hours(1));
        let (store, now) = (backend.another().await, backend.now());
        asking.push(tokio::spawn(async move { store.start(vec![run], now).await.unwrap() }));
    }
    let mut started = BTreeSet::new();
    let mut suppressed = 0;
    for answer in asking {
        match answer.await.unwrap()[..] {
            [Started::New(id)] => assert!(started.insert(id)),
            [Started::Suppressed { .. }] => suppressed += 1,
            ref other => panic!("{other:?}"),
        }
    }
    assert_eq!((started.len(), suppressed), (1, 7));
    let runs = backend.store.runs(&RunFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(runs.total, 1);
}
