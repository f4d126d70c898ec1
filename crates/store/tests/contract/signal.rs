//! Signals: stored once, waking whom they concern.

use std::sync::Arc;

use domain::{
    event::{Event, NewEvent, Stream},
    id::{AccountId, SignalId},
    page::PageRequest,
    port::{Heard, Journal, Looked, RunFilter},
    run::{Priority, Started},
    signal::NewSignal,
    user::Actor,
};
use jiff::SignedDuration;
use serde_json::json;
use tokio::sync::Barrier;

use crate::{
    backend::Backend,
    stage::{LONG, Stage},
};

contract! {
    signals_are_stored_once_and_wake_the_runs_they_concern,
    an_awaited_signal_is_the_first_after_the_wait_began,
    lanes_take_turns_however_many_wait_in_one,
    what_nobody_listens_to_keeps_nothing_waiting_however_many_kinds_there_are,
    tr_04_of_several_who_look_at_the_same_signals_one_does_what_they_ask_for,
    tr_04_what_comes_of_signals_is_done_whole_or_not_at_all,
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
    looked_at(backend, new[0].id).await;
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

/// A trigger that looks at a signal and does nothing.
pub(crate) async fn looked_at(backend: &Backend, signal: SignalId) {
    let looked = Looked { signal, runs: Vec::new(), events: Vec::new() };
    let done = backend.store.trigger(vec![looked], backend.now()).await.unwrap();
    assert_eq!(done, [Some(Vec::new())]);
}

fn dropped(stage: &Stage<'_>, kind: &str, event_id: &str) -> NewSignal {
    NewSignal { kind: kind.to_owned(), ..reply(stage, event_id) }
}

fn heard(lanes: &[(&str, Priority)]) -> Vec<Heard> {
    lanes
        .iter()
        .map(|(lane, priority)| Heard { lane: (*lane).to_owned(), priority: *priority })
        .collect()
}

/// How many of each kind.
fn kinds(signals: &[domain::signal::Signal], kind: &str) -> usize {
    signals.iter().filter(|signal| signal.kind == kind).count()
}

async fn lanes_take_turns_however_many_wait_in_one(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    store.signal(vec![dropped(&stage, "usage.dropped", "0")], backend.now()).await.unwrap();
    let flood = if backend.is_postgres() {
        "INSERT INTO signals (id, source, event_id, kind, account, happened_at, received_at, data, \
         triggered, lane) SELECT 'sig_' || lpad(to_hex(n), 32, '0'), source, 'n' || n, kind, \
         account, happened_at, received_at - n, data, 0, lane FROM signals, \
         generate_series(1, 100000) AS n"
    } else {
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
         WHERE n < 100000) INSERT INTO signals (id, source, event_id, kind, account, happened_at, \
         received_at, data, triggered, lane) SELECT 'sig_' || printf('%032x', n), source, 'n' || n, \
         kind, account, happened_at, received_at - n, data, 0, lane FROM signals, numbers"
    };
    backend.behind_the_back(flood).await.unwrap();
    let (mut late, stages) = (Vec::new(), ["renewal", "adoption"]);
    for n in 0..10 {
        late.push(dropped(&stage, "health.dropped", &format!("h{n}")));
        let mut entered = dropped(&stage, "lifecycle.entered", &format!("l{n}"));
        entered.data = json!({ "stage": stages[n % 2], "from": "onboarding" });
        late.push(entered);
    }
    store.signal(late, backend.now()).await.unwrap();

    let found = store.untriggered(64).await.unwrap();
    assert_eq!(found.len(), 64);
    assert_eq!(kinds(&found, "health.dropped"), 10);
    assert_eq!(kinds(&found, "lifecycle.entered"), 10);
    // Where there is little room, it goes by priority, and one lane for each phase.
    let lanes = heard(&[
        ("usage.dropped", Priority::Bulk),
        ("health.dropped", Priority::Normal),
        ("lifecycle.entered:renewal", Priority::Urgent),
    ]);
    let found = store.untriggered_of(&lanes, 8).await.unwrap();
    let renewals = found.iter().filter(|signal| signal.data["stage"] == "renewal").count();
    assert_eq!((renewals, kinds(&found, "health.dropped")), (5, 3), "{found:?}");
    // And the flood has its share.
    let found = store.untriggered_of(&lanes, 16).await.unwrap();
    assert!(kinds(&found, "usage.dropped") > 0);
    assert!(found.is_sorted_by_key(|signal| (signal.received_at, signal.id)), "oldest first");
}

async fn what_nobody_listens_to_keeps_nothing_waiting_however_many_kinds_there_are(
    backend: &Backend,
) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let odd = (0..300).map(|n| dropped(&stage, &format!("odd.{n:03}"), &format!("o{n}"))).collect();
    store.signal(odd, backend.now()).await.unwrap();
    let last = dropped(&stage, "zeal.lost", "z");
    store.signal(vec![last], backend.now()).await.unwrap();
    let lanes = heard(&[("zeal.lost", Priority::Normal)]);
    let found = store.untriggered_of(&lanes, 10).await.unwrap();
    assert_eq!((found.len(), kinds(&found, "zeal.lost")), (10, 1));
    // In the end all of them are looked at.
    let mut rounds = 0;
    loop {
        let found = store.untriggered_of(&lanes, 200).await.unwrap();
        if found.is_empty() {
            break;
        }
        for signal in found {
            looked_at(backend, signal.id).await;
        }
        rounds += 1;
    }
    assert!(rounds <= 6, "{rounds} rounds");
}

/// What a trigger makes of a signal: a run, and a word about another playbook that did not start.
fn looked(stage: &Stage<'_>, signal: SignalId, key: &str) -> Looked {
    let event = Event::TriggerSuppressed {
        playbook: "onboarding".to_owned(),
        account: stage.account,
        kind: "health.dropped".to_owned(),
        why: "its condition does not hold".to_owned(),
    };
    let at = stage.backend.now();
    let event = NewEvent { stream: Stream::Signal, at, actor: Actor::Engine, event };
    Looked { signal, runs: vec![stage.new_run(key)], events: vec![event] }
}

async fn tr_04_of_several_who_look_at_the_same_signals_one_does_what_they_ask_for(
    backend: &Backend,
) {
    let stage = Stage::new(backend).await;
    let (count, now) = (20, backend.now());
    let new = (0..count).map(|n| dropped(&stage, "health.dropped", &n.to_string())).collect();
    backend.store.signal(new, now).await.unwrap();
    let barrier = Arc::new(Barrier::new(6));
    let mut looking = Vec::new();
    for n in 0..6 {
        let store = backend.another().await;
        let barrier = Arc::clone(&barrier);
        let mut all: Vec<_> = store
            .untriggered(100)
            .await
            .unwrap()
            .iter()
            .map(|signal| looked(&stage, signal.id, &signal.event_id))
            .collect();
        assert_eq!(all.len(), count);
        if n % 2 == 1 {
            all.reverse();
        }
        looking.push(tokio::spawn(async move {
            barrier.wait().await;
            store.trigger(all, now).await.unwrap()
        }));
    }
    let mut done = Vec::new();
    for looking in looking {
        done.extend(looking.await.unwrap().into_iter().flatten().flatten());
    }
    assert_eq!(done.len(), count);
    assert!(done.iter().all(|started| matches!(started, Started::New(_))), "{done:?}");
    assert_eq!(stage.events("signal").await, vec!["trigger_suppressed"; count]);
    let runs = backend.store.runs(&RunFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(runs.total, 20);
    assert_eq!(backend.store.untriggered(10).await.unwrap(), []);
}

async fn tr_04_what_comes_of_signals_is_done_whole_or_not_at_all(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let (store, now) = (&backend.store, backend.now());
    let new = ["1", "2"].map(|n| dropped(&stage, "health.dropped", n)).to_vec();
    let new = store.signal(new, now).await.unwrap();
    // The second run cannot be written: it ends the transaction after the first.
    let mut all: Vec<_> =
        new.iter().map(|signal| looked(&stage, signal.id, &signal.event_id)).collect();
    all[1].runs[0].account = AccountId::new(&*backend.clock);
    store.trigger(all, now).await.unwrap_err();
    assert_eq!(store.untriggered(10).await.unwrap().len(), 2, "they are looked at again");
    assert_eq!(stage.events("signal").await, [""; 0]);
    let runs = store.runs(&RunFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(runs.total, 0);

    let all: Vec<_> =
        new.iter().map(|signal| looked(&stage, signal.id, &signal.event_id)).collect();
    let first = all[0].runs[0].id;
    let twice = vec![all[0].clone(), all[0].clone(), all[1].clone()];
    let done = store.trigger(twice, now).await.unwrap();
    assert_eq!(done[0], Some(vec![Started::New(first)]));
    assert_eq!((done[1].is_none(), done[2].is_some()), (true, true));
    assert_eq!(stage.events("signal").await, ["trigger_suppressed"; 2]);
}
