//! Claiming and committing runs.

use std::collections::BTreeSet;

use domain::{
    action::Team,
    approval::ApprovalStatus,
    event::Event,
    id::{RunId, UserId},
    page::PageRequest,
    port::{Inbox, Journal, RunFilter, TaskFilter},
    run::{DeadEnd, Intervened, Intervention, Phase, RunStatus},
    task::TaskStatus,
    turn::{Committed, Effect, Settled},
};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    effect, signal,
    stage::{LONG, Stage, minutes_after},
};

contract! {
    a_lost_lease_cannot_commit,
    a_released_lease_commits_once,
    a_kept_lease_goes_on,
    a_turn_is_all_or_nothing,
    a_lost_turn_does_not_hurt_its_neighbours,
    a_wake_during_a_turn_is_not_lost,
    a_decision_beats_the_turn_that_read_the_approval_before_it,
    two_claimers_never_share_a_run,
    claims_take_the_longest_due_first,
    renewing_tells_which_leases_are_held,
    leases_end_by_the_clock_that_stands_for_the_databases,
    an_intervention_beats_a_turn_in_flight,
    cancelling_withdraws_approvals_and_tasks,
    a_retry_clears_the_dead_end,
    runs_page_from_newest_to_oldest,
}

async fn a_lost_lease_cannot_commit(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let stalled = stage.claim(SignedDuration::from_secs(-1)).await;
    let current = stage.claim(LONG).await;
    assert!(current.lease.token > stalled.lease.token);

    let mut late = stage.turn(&stalled);
    late.status = RunStatus::Completed;
    assert_eq!(backend.store.commit(vec![late]).await.unwrap(), [Committed::LostLease]);
    let untouched = backend.store.run(run).await.unwrap().unwrap();
    assert_eq!(untouched, current.run);
    assert_eq!(stage.events(run).await, ["run_started"]);

    stage.commit(stage.turn(&current)).await;
    assert_eq!(stage.events(run).await, ["run_started", "step_started"]);
}

async fn a_released_lease_commits_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    stage.commit(stage.turn(&claimed)).await;
    let again = backend.store.commit(vec![stage.turn(&claimed)]).await.unwrap();
    assert_eq!(again, [Committed::LostLease]);
    assert_eq!(stage.events(run).await, ["run_started", "step_started"]);
}

async fn a_kept_lease_goes_on(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.keep = true;
    turn.wake_at = Some(backend.now());
    stage.commit(turn).await;
    assert_eq!(backend.store.claim(backend.now(), 10, LONG).await.unwrap(), []);
    let mut turn = stage.turn(&claimed);
    turn.wake_at = Some(minutes_after(backend.now(), 5));
    stage.commit(turn).await;
    let run = backend.store.run(claimed.run.id).await.unwrap().unwrap();
    assert_eq!(run.wake_at, Some(minutes_after(backend.now(), 5)));
    assert_eq!(backend.store.next_wake().await.unwrap(), run.wake_at);
    assert_eq!(backend.store.claim(backend.now(), 10, LONG).await.unwrap(), []);
    backend.clock.advance(SignedDuration::from_mins(5));
    assert_eq!(stage.claim(LONG).await.run.id, claimed.run.id);
}

/// A task for a person who does not exist cannot be stored.
fn impossible(stage: &Stage<'_>, run: RunId) -> Effect {
    let mut task = effect::task(stage, run, "impossible", Team::Csm);
    task.assignee = Some(UserId::new(&*stage.backend.clock));
    Effect::Task(task)
}

async fn a_turn_is_all_or_nothing(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let (approval, sealed) = stage.approval(run);
    let id = approval.id;
    let mut turn = stage.turn(&claimed);
    turn.status = RunStatus::Completed;
    turn.approvals.push(approval);
    turn.contents.push(sealed);
    turn.effects.push(impossible(&stage, run));
    let error = backend.store.commit(vec![turn]).await.unwrap_err();
    assert!(!error.is_transient());

    assert_eq!(backend.store.run(run).await.unwrap().unwrap(), claimed.run);
    assert_eq!(backend.store.approval(id).await.unwrap(), None);
    assert_eq!(stage.events(run).await, ["run_started"]);
    // The lease is still good: nothing of it was used up either.
    stage.commit(stage.turn(&claimed)).await;
}

async fn a_lost_turn_does_not_hurt_its_neighbours(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for key in ["a", "b", "c"] {
        stage.run(key).await;
    }
    let claimed = backend.store.claim(backend.now(), 10, LONG).await.unwrap();
    let [a, b, c] = &claimed[..] else { panic!("three are due") };
    let pause = Intervention::Pause;
    backend.store.intervene(b.run.id, &pause, &stage.by(), backend.now()).await.unwrap();
    let turns = vec![stage.turn(a), stage.turn(b), stage.turn(c)];
    let answers = backend.store.commit(turns).await.unwrap();
    assert_eq!(answers, [Committed::Applied, Committed::LostLease, Committed::Applied]);
    assert_eq!(stage.events(a.run.id).await, ["run_started", "step_started"]);
    assert_eq!(stage.events(b.run.id).await, ["run_started", "run_paused"]);
    assert_eq!(stage.events(c.run.id).await, ["run_started", "step_started"]);
}

async fn a_wake_during_a_turn_is_not_lost(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    backend.clock.advance(SignedDuration::from_secs(1));
    backend.store.signal(vec![signal::reply(&stage, "1")], backend.now()).await.unwrap();
    // The turn did not see the reply and would sleep for a day.
    let mut turn = stage.turn(&claimed);
    turn.wake_at = Some(minutes_after(backend.now(), 24 * 60));
    stage.commit(turn).await;
    let due = backend.store.run(run).await.unwrap().unwrap().wake_at.unwrap();
    assert!(due <= backend.now());
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.wake_at = Some(minutes_after(backend.now(), 24 * 60));
    stage.commit(turn).await;
    assert_eq!(backend.store.claim(backend.now(), 10, LONG).await.unwrap(), []);
}

async fn a_decision_beats_the_turn_that_read_the_approval_before_it(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.waiting("k").await;
    backend.clock.advance(SignedDuration::from_hours(48));
    backend.store.signal(vec![signal::reply(&stage, "1")], backend.now()).await.unwrap();
    let claimed = stage.claim(LONG).await;
    let settled = backend.store.settle(stage.approve(&approval), backend.now()).await.unwrap();
    assert_eq!(settled, Settled::Applied);

    let mut expired = approval.clone();
    expired.expire(backend.now()).unwrap();
    let mut turn = stage.turn(&claimed);
    turn.approvals.push(expired);
    let event = Event::ApprovalExpired { approval: approval.id };
    turn.events.push(stage.event(approval.run, event));
    assert_eq!(backend.store.commit(vec![turn]).await.unwrap(), [Committed::LostLease]);

    let stored = backend.store.approval(approval.id).await.unwrap().unwrap().approval;
    assert_eq!(stored.state.status(), ApprovalStatus::Approved);
    // The run is due at once and sees the decision.
    assert_eq!(stage.claim(LONG).await.run.id, approval.run);
}

async fn two_claimers_never_share_a_run(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let runs: Vec<_> = (0..60).map(|n| stage.new_run(&n.to_string())).collect();
    backend.store.start(runs, backend.now()).await.unwrap();
    let mut claimers = Vec::new();
    for _ in 0..6 {
        let (store, now) = (backend.another().await, backend.now());
        claimers.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim(now, 3, LONG).await.unwrap();
                assert!(claimed.len() <= 3);
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|claimed| claimed.run.id));
            }
        }));
    }
    let mut all = Vec::new();
    for claimer in claimers {
        all.extend(claimer.await.unwrap());
    }
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (60, 60));
}

async fn claims_take_the_longest_due_first(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut runs = Vec::new();
    for key in ["a", "b", "c"] {
        runs.push(stage.run(key).await);
        backend.clock.advance(SignedDuration::from_secs(1));
    }
    let claimed = backend.store.claim(backend.now(), 2, LONG).await.unwrap();
    let claimed: Vec<_> = claimed.iter().map(|claimed| claimed.run.id).collect();
    assert_eq!(claimed, runs[..2]);
    assert_eq!(
        backend.store.next_wake().await.unwrap(),
        Some(backend.now() - SignedDuration::from_secs(1)),
        "held runs are due to whoever holds them"
    );
}

async fn renewing_tells_which_leases_are_held(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.run("a").await;
    let lost = stage.claim(SignedDuration::from_secs(-1)).await;
    let held = stage.claim(LONG).await;
    let answers = backend.store.renew(&[lost.lease, held.lease], LONG).await.unwrap();
    assert_eq!(answers, [false, true]);
    backend.store.renew(&[held.lease], SignedDuration::from_secs(-1)).await.unwrap();
    assert_eq!(stage.claim(LONG).await.run.id, held.run.id);
}

async fn leases_end_by_the_clock_that_stands_for_the_databases(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.run("k").await;
    let store = backend.keeping_leases_by_our_clock().await;
    let claim = async || store.claim(backend.now(), 10, LONG).await.unwrap().len();
    assert_eq!(claim().await, 1);
    backend.clock.advance(LONG);
    assert_eq!(claim().await, 0, "it is held to the end");
    assert_eq!(store.next_wake().await.unwrap(), None);
    backend.clock.advance(SignedDuration::from_micros(1));
    assert!(store.next_wake().await.unwrap().is_some());
    assert_eq!(claim().await, 1, "and no longer");
    store.close().await;
}

async fn an_intervention_beats_a_turn_in_flight(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let (store, by, now) = (&backend.store, stage.by(), backend.now());
    let pause = store.intervene(run, &Intervention::Pause, &by, now).await.unwrap();
    assert_eq!(pause, Intervened::Done);
    let lost = store.commit(vec![stage.turn(&claimed)]).await.unwrap();
    assert_eq!(lost, [Committed::LostLease]);
    assert_eq!(store.claim(now, 10, LONG).await.unwrap(), []);
    let again = store.intervene(run, &Intervention::Pause, &by, now).await.unwrap();
    assert_eq!(again, Intervened::NotPossible { status: RunStatus::Paused });
    let resume = store.intervene(run, &Intervention::Resume, &by, now).await.unwrap();
    assert_eq!(resume, Intervened::Done);
    stage.commit(stage.turn(&stage.claim(LONG).await)).await;
    assert_eq!(
        stage.events(run).await,
        ["run_started", "run_paused", "run_resumed", "step_started"]
    );
    let nowhere = RunId::new(&*backend.clock);
    let missing = store.intervene(nowhere, &Intervention::Pause, &by, now).await.unwrap();
    assert_eq!(missing, Intervened::NotFound);
}

async fn cancelling_withdraws_approvals_and_tasks(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.waiting("k").await;
    backend.store.signal(vec![signal::reply(&stage, "1")], backend.now()).await.unwrap();
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.effects.push(Effect::Task(effect::task(&stage, approval.run, "call", Team::Csm)));
    stage.commit(turn).await;

    let cancel = Intervention::Cancel { reason: "wrong account".to_owned() };
    let (by, now) = (stage.by(), backend.now());
    let done = backend.store.intervene(approval.run, &cancel, &by, now).await.unwrap();
    assert_eq!(done, Intervened::Done);
    let stored = backend.store.approval(approval.id).await.unwrap().unwrap().approval;
    assert_eq!(stored.state.status(), ApprovalStatus::Withdrawn);
    // Whoever had it open decides too late.
    let late = backend.store.settle(stage.approve(&approval), now).await.unwrap();
    assert_eq!(late, Settled::Conflict);
    let filter = TaskFilter { run: Some(approval.run), ..TaskFilter::default() };
    let tasks = backend.store.tasks(&filter, &PageRequest::default()).await.unwrap();
    assert_eq!(tasks.items[0].status, TaskStatus::Cancelled);
    let events = stage.events(approval.run).await;
    assert_eq!(events[events.len() - 2..], ["run_cancelled", "approval_withdrawn"]);
    let again = backend.store.intervene(approval.run, &cancel, &by, now).await.unwrap();
    assert_eq!(again, Intervened::NotPossible { status: RunStatus::Cancelled });
    assert_eq!(backend.store.claim(now, 10, LONG).await.unwrap(), []);
}

async fn a_retry_clears_the_dead_end(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.status = RunStatus::Stuck;
    turn.progress.phase = Phase::Drafting { redraft: None };
    turn.progress.attempts = 5;
    turn.progress.dead_end =
        Some(DeadEnd { code: "model-unreachable".to_owned(), why: "it is away".to_owned() });
    stage.commit(turn).await;
    assert_eq!(backend.store.claim(backend.now(), 10, LONG).await.unwrap(), []);
    let (by, now) = (stage.by(), backend.now());
    let retry = backend.store.intervene(run, &Intervention::Retry, &by, now).await.unwrap();
    assert_eq!(retry, Intervened::Done);
    let progress = stage.claim(LONG).await.run.progress;
    assert_eq!((progress.phase, progress.attempts, progress.dead_end), (Phase::Ready, 0, None));
}

async fn runs_page_from_newest_to_oldest(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut started = Vec::new();
    for n in 0..7 {
        started.push(stage.run(&n.to_string()).await);
        if n % 2 == 0 {
            backend.clock.advance(SignedDuration::from_secs(1));
        }
    }
    let filter = RunFilter { account: Some(stage.account), ..RunFilter::default() };
    let mut page = PageRequest { cursor: None, limit: 3 };
    let mut seen = Vec::new();
    loop {
        let found = backend.store.runs(&filter, &page).await.unwrap();
        assert_eq!(found.total, 7);
        seen.extend(found.items.into_iter().map(|run| run.id));
        let Some(next) = found.next else { break };
        page.cursor = Some(next);
    }
    started.reverse();
    assert_eq!(seen, started);
    let stuck = RunFilter { status: Some(RunStatus::Stuck), ..RunFilter::default() };
    assert_eq!(backend.store.runs(&stuck, &PageRequest::default()).await.unwrap().total, 0);
    page.cursor = Some("not ours".to_owned());
    assert!(backend.store.runs(&filter, &page).await.is_err());
}
