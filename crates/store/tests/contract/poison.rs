//! Runs that end whoever works on them, and what that does to their neighbours.

use std::collections::BTreeSet;

use domain::{
    id::RunId,
    port::{Journal, Move, Rewind, Steering},
    run::{Claimed, Intervened, Intervention, Phase, Priority, RunStatus},
};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    stage::{LONG, Stage},
};

contract! {
    a_run_that_was_lost_twice_is_claimed_alone,
    neighbours_of_a_run_that_ends_its_workers_get_through,
    being_steered_is_not_being_lost,
    what_is_given_back_counts_for_nothing_and_comes_again_soon,
    what_was_woken_meanwhile_comes_again_at_once,
    a_lease_that_was_lost_cannot_be_given_back,
}

const DIED: SignedDuration = SignedDuration::from_secs(-1);

async fn runs(stage: &Stage<'_>, count: usize) -> Vec<RunId> {
    let mut runs = Vec::new();
    for n in 0..count {
        runs.push(stage.run(&n.to_string()).await);
        stage.backend.clock.advance(SignedDuration::from_millis(1));
    }
    runs
}

async fn claim(backend: &Backend, ttl: SignedDuration) -> Vec<Claimed> {
    backend.clock.advance(SignedDuration::from_millis(1));
    backend.store.claim(backend.now(), 9, ttl).await.unwrap()
}

fn ids(claimed: &[Claimed]) -> BTreeSet<RunId> {
    claimed.iter().map(|claimed| claimed.run.id).collect()
}

async fn a_run_that_was_lost_twice_is_claimed_alone(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let all: BTreeSet<_> = runs(&stage, 4).await.into_iter().collect();
    for _ in 0..2 {
        assert_eq!(ids(&claim(backend, DIED).await), all);
    }
    let first = claim(backend, LONG).await;
    assert_eq!(first.len(), 1, "alone");
    assert_eq!(claim(backend, LONG).await.len(), 0, "and while nobody has another in hand");
    let fresh = stage.run("fresh").await;
    assert_eq!(ids(&claim(backend, LONG).await), BTreeSet::from([fresh]), "others go on");
    // What comes through is like any other from there on.
    let mut turn = stage.turn(&first[0]);
    turn.wake_at = Some(backend.now());
    stage.commit(turn).await;
    let mut seen = ids(&first);
    let again = claim(backend, LONG).await;
    assert_eq!(again.len(), 1, "the next of those that were lost, or the first once more");
    seen.extend(ids(&again));
    stage.commit(stage.turn(&again[0])).await;
    while seen.len() < 4 {
        let next = claim(backend, LONG).await;
        assert!(!next.is_empty(), "nothing is left behind");
        for one in &next {
            seen.insert(one.run.id);
            stage.commit(stage.turn(one)).await;
        }
    }
    assert_eq!(seen, all);
}

async fn neighbours_of_a_run_that_ends_its_workers_get_through(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let all = runs(&stage, 6).await;
    let poison = all[3];
    let mut deaths = 0;
    loop {
        let claimed = claim(backend, DIED).await;
        if claimed.is_empty() {
            break;
        }
        if ids(&claimed).contains(&poison) {
            // Whoever has it is gone, and with him everything else he had.
            deaths += 1;
            assert!(deaths < 20, "it is claimed for ever");
            continue;
        }
        for one in &claimed {
            stage.commit(stage.turn(one)).await;
        }
    }
    assert_eq!(deaths, 5);
    for run in all {
        let stored = backend.store.run(run).await.unwrap().unwrap();
        let expected = if run == poison { RunStatus::Stuck } else { RunStatus::Active };
        assert_eq!(stored.status, expected, "{run}");
        assert_eq!(stored.progress.steps_begun, u32::from(run != poison));
    }
}

async fn being_steered_is_not_being_lost(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let (by, store) = (stage.by(), &backend.store);
    for n in 0..8 {
        assert_eq!(stage.claim(LONG).await.run.id, run, "{n}");
        for what in [Intervention::Pause, Intervention::Resume] {
            let done = store.intervene(run, &what, &by, backend.now()).await.unwrap();
            assert_eq!(done, Intervened::Done);
        }
    }
    for n in 0..8 {
        let claimed = stage.claim(LONG).await;
        let one = Move {
            progress: claimed.run.progress.clone(),
            run: claimed.run,
            to: format!("v{n}"),
            priority: Priority::Normal,
            renamed: Vec::new(),
        };
        store.migrate_runs(vec![one], &by, backend.now()).await.unwrap();
    }
    for _ in 0..8 {
        let claimed = stage.claim(DIED).await;
        let mut progress = claimed.run.progress.clone();
        progress.phase = Phase::Ready;
        let rewind = Rewind { run: claimed.run, progress, again: vec!["outreach".to_owned()] };
        store.rewind(rewind, &by, backend.now()).await.unwrap();
    }
    stage.commit(stage.turn(&stage.claim(LONG).await)).await;
}

async fn what_is_given_back_counts_for_nothing_and_comes_again_soon(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    for _ in 0..12 {
        let claimed = stage.claim(LONG).await;
        assert_eq!(claimed.run.id, run);
        let until = backend.now() + SignedDuration::from_secs(2);
        backend.store.give_back(&[claimed.lease], until).await.unwrap();
        assert_eq!(claim(backend, LONG).await.len(), 0, "not at once");
        assert_eq!(backend.store.next_wake().await.unwrap(), Some(until));
        backend.clock.advance(SignedDuration::from_secs(2));
    }
    // It is no suspect either: it is claimed together with another.
    stage.run("other").await;
    assert_eq!(claim(backend, LONG).await.len(), 2);
    assert_eq!(backend.store.give_back(&[], backend.now()).await.ok(), Some(()));
}

async fn what_was_woken_meanwhile_comes_again_at_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let mut reply = crate::signal::reply(&stage, "1");
    reply.run = None;
    backend.store.signal(vec![reply], backend.now()).await.unwrap();
    let later = backend.now() + SignedDuration::from_hours(1);
    backend.store.give_back(&[claimed.lease], later).await.unwrap();
    stage.claim(LONG).await;
}

async fn a_lease_that_was_lost_cannot_be_given_back(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.run("k").await;
    let lost = stage.claim(DIED).await;
    let held = stage.claim(LONG).await;
    let later = backend.now() + SignedDuration::from_hours(1);
    backend.store.give_back(&[lost.lease], later).await.unwrap();
    stage.commit(stage.turn(&held)).await;
    // Nobody holds it any more, and it does not come back for that.
    backend.store.give_back(&[held.lease], backend.now()).await.unwrap();
    assert_eq!(claim(backend, LONG).await.len(), 0);
}
