//! Steering many runs: groups, batches, moves to another version, going back.

use std::collections::BTreeMap;

use domain::{
    action::Team,
    approval::ApprovalStatus,
    id::{MessageId, RunId},
    message,
    page::PageRequest,
    port::{
        BATCH, Changed, Inbox, Journal, Move, Outbox, Rewind, RunFilter, Steering, Tally,
        TaskFilter,
    },
    run::{DeadEnd, Intervention, Phase, Priority, Run, RunStatus},
    task::TaskStatus,
    turn::{Committed, Effect, Settled},
};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    effect,
    stage::{LONG, Stage, minutes_after},
};

contract! {
    groups_count_what_is_not_over,
    a_batch_changes_what_matches_and_tells_the_rest,
    a_batch_beats_turns_in_flight_and_leaves_one_event_each,
    cancelling_many_closes_what_they_leave_open,
    every_part_of_a_filter_narrows,
    a_run_moves_to_another_version_and_what_waits_of_it_follows,
    a_run_that_moved_on_or_is_sending_is_not_migrated,
    a_run_goes_back_and_does_its_steps_again,
    a_run_does_not_go_back_over_a_message_or_under_a_worker,
    many_go_back_in_one_transaction_and_those_that_cannot_stay,
    a_backlog_is_what_is_due,
}

async fn read(backend: &Backend, run: RunId) -> Run {
    backend.store.run(run).await.unwrap().unwrap()
}

/// A run that is stuck with a code.
async fn stuck(stage: &Stage<'_>, key: &str, code: &str) -> RunId {
    let run = stage.run(key).await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.status = RunStatus::Stuck;
    turn.progress.attempts = 5;
    turn.progress.dead_end = Some(DeadEnd { code: code.to_owned(), why: "it is".to_owned() });
    stage.commit(turn).await;
    run
}

/// A run at rest at a step.
async fn resting(stage: &Stage<'_>, key: &str, step: &str) -> RunId {
    let run = stage.run(key).await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.progress.step = step.to_owned();
    turn.progress.phase = Phase::Sleeping { until: minutes_after(stage.backend.now(), 60) };
    turn.wake_at = Some(minutes_after(stage.backend.now(), 60));
    stage.commit(turn).await;
    run
}

fn status(status: RunStatus) -> RunFilter {
    RunFilter { status: Some(status), ..RunFilter::default() }
}

async fn groups_count_what_is_not_over(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for key in ["a", "b"] {
        resting(&stage, key, "reply").await;
    }
    stuck(&stage, "c", "model-unreachable").await;
    let over = resting(&stage, "d", "reply").await;
    let cancel = Intervention::Cancel { reason: "done with".to_owned() };
    backend.store.intervene(over, &cancel, &stage.by(), backend.now()).await.unwrap();

    let groups = backend.store.groups(&RunFilter::default()).await.unwrap();
    let groups: Vec<_> = groups
        .iter()
        .map(|group| (&*group.playbook, group.status, &*group.step, group.count))
        .collect();
    assert_eq!(
        groups,
        [("renewal", RunStatus::Active, "reply", 2), ("renewal", RunStatus::Stuck, "outreach", 1)]
    );
    assert_eq!(backend.store.groups(&status(RunStatus::Cancelled)).await.unwrap(), []);
}

async fn a_batch_changes_what_matches_and_tells_the_rest(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut runs = Vec::new();
    for n in 0..4 {
        runs.push(stuck(&stage, &n.to_string(), "model-unreachable").await);
    }
    let other = stuck(&stage, "other", "budget-spent").await;
    let paused = resting(&stage, "paused", "reply").await;
    runs.extend([other, paused, RunId::new(&*backend.clock)]);

    let filter = RunFilter { code: Some("model-unreachable".to_owned()), ..RunFilter::default() };
    let (by, now) = (stage.by(), backend.now());
    let retry = Intervention::Retry;
    let tally = backend.store.intervene_all(&runs, &filter, &retry, &by, now).await.unwrap();
    assert_eq!(tally, Tally { done: 4, not_possible: 0, gone: 3 });
    assert_eq!(read(backend, runs[0]).await.progress.dead_end, None);
    assert_eq!(read(backend, other).await.status, RunStatus::Stuck);

    // Without a filter the ones that cannot be retried are told apart from those not there.
    let all = RunFilter::default();
    let tally = backend.store.intervene_all(&runs, &all, &retry, &by, now).await.unwrap();
    assert_eq!(tally, Tally { done: 1, not_possible: 5, gone: 1 });
    let none = backend.store.intervene_all(&[], &all, &retry, &by, now).await.unwrap();
    assert_eq!(none, Tally::default());
    assert_eq!(backend.store.claim(now, 10, LONG).await.unwrap().len(), 5, "they are due");
}

async fn a_batch_beats_turns_in_flight_and_leaves_one_event_each(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let new: Vec<_> = (0..BATCH).map(|n| stage.new_run(&n.to_string())).collect();
    let runs: Vec<RunId> = new.iter().map(|run| run.id).collect();
    backend.store.start(new, backend.now()).await.unwrap();
    let in_flight = backend.store.claim(backend.now(), 7, LONG).await.unwrap();

    let (by, now) = (stage.by(), backend.now());
    let pause = Intervention::Pause;
    let all = RunFilter::default();
    let tally = backend.store.intervene_all(&runs, &all, &pause, &by, now).await.unwrap();
    assert_eq!(tally, Tally { done: BATCH as u64, not_possible: 0, gone: 0 });
    let turns = in_flight.iter().map(|claimed| stage.turn(claimed)).collect();
    let late = backend.store.commit(turns).await.unwrap();
    assert!(late.iter().all(|answer| *answer == Committed::LostLease), "{late:?}");
    for run in &runs {
        assert_eq!(stage.events(run).await, ["run_started", "run_paused"]);
    }
}

async fn cancelling_many_closes_what_they_leave_open(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let waiting = stage.waiting("a").await;
    let granted = stage.granted("b").await;
    let run = stage.run("c").await;
    // The run that was granted is due too: it would take note.
    let claimed = backend.store.claim(backend.now(), 10, LONG).await.unwrap();
    let claimed = claimed.into_iter().find(|claimed| claimed.run.id == run).unwrap();
    let mut turn = stage.turn(&claimed);
    turn.effects.push(Effect::Task(effect::task(&stage, run, "call", Team::Csm)));
    stage.commit(turn).await;

    let cancel = Intervention::Cancel { reason: "wrong list".to_owned() };
    let (by, now) = (stage.by(), backend.now());
    let runs = [waiting.run, granted.run, run];
    let all = RunFilter::default();
    let tally = backend.store.intervene_all(&runs, &all, &cancel, &by, now).await.unwrap();
    assert_eq!(tally, Tally { done: 3, not_possible: 0, gone: 0 });
    let stored = backend.store.approval(waiting.id).await.unwrap().unwrap().approval;
    assert_eq!(stored.state.status(), ApprovalStatus::Withdrawn);
    let message = message::id_of(granted.run, "outreach");
    let message = backend.store.message(message).await.unwrap().unwrap();
    assert_eq!(message.status.as_str(), "refused");
    let filter = TaskFilter { run: Some(run), ..TaskFilter::default() };
    let tasks = backend.store.tasks(&filter, &PageRequest::default()).await.unwrap();
    assert_eq!(tasks.items[0].status, TaskStatus::Cancelled);
    let ends = |events: Vec<String>| events[events.len() - 2..].to_vec();
    assert_eq!(ends(stage.events(waiting.run).await), ["run_cancelled", "approval_withdrawn"]);
    assert_eq!(ends(stage.events(granted.run).await), ["run_cancelled", "message_refused"]);
}

async fn every_part_of_a_filter_narrows(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let first = resting(&stage, "a", "reply").await;
    backend.clock.advance(SignedDuration::from_mins(1));
    let between = backend.now();
    backend.clock.advance(SignedDuration::from_mins(1));
    let second = stuck(&stage, "b", "it's %odd").await;
    let third = resting(&stage, "c", "call").await;
    let cancel = Intervention::Cancel { reason: String::new() };
    let over = resting(&stage, "d", "reply").await;
    backend.store.intervene(over, &cancel, &stage.by(), backend.now()).await.unwrap();

    let any = RunFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (any(), vec![first, second, third], 4),
        (RunFilter { status: Some(RunStatus::Stuck), ..any() }, vec![second], 1),
        (RunFilter { playbook: text("renewal"), ..any() }, vec![first, second, third], 4),
        (RunFilter { playbook: text("other"), ..any() }, vec![], 0),
        (RunFilter { account: Some(stage.account), ..any() }, vec![first, second, third], 4),
        // Step and version look at what is not over, unless a status is given.
        (RunFilter { step: text("reply"), ..any() }, vec![first], 1),
        (RunFilter { version: text("v1"), ..any() }, vec![first, second, third], 3),
        (RunFilter { version: text("v1"), status: Some(RunStatus::Cancelled), ..any() }, vec![], 1),
        (RunFilter { version: text("v2"), ..any() }, vec![], 0),
        (RunFilter { code: text("it's %odd"), ..any() }, vec![second], 1),
        (RunFilter { code: text("it"), ..any() }, vec![], 0),
        (RunFilter { started_before: Some(between), ..any() }, vec![first], 1),
        (RunFilter { step: text("call"), playbook: text("renewal"), ..any() }, vec![third], 1),
    ];
    for (filter, wanted, listed) in cases {
        let found = backend.store.longest_started(&filter, None, 10).await.unwrap();
        assert!(found.iter().all(|run| filter.matches(run)), "{filter:?}");
        let ids: Vec<_> = found.iter().map(|run| run.id).collect();
        assert_eq!(ids, wanted, "{filter:?}");
        let counted: u64 =
            backend.store.groups(&filter).await.unwrap().iter().map(|group| group.count).sum();
        assert_eq!(counted, wanted.len() as u64, "{filter:?}");
        let page = backend.store.runs(&filter, &PageRequest::default()).await.unwrap();
        assert_eq!(page.total, listed, "{filter:?}");
        assert!(page.items.iter().all(|run| filter.matches(run)), "{filter:?}");
    }
    let page = backend.store.longest_started(&any(), None, 2).await.unwrap();
    let last = page.last().map(|run| (run.started_at, run.id));
    let rest = backend.store.longest_started(&any(), last, 2).await.unwrap();
    assert_eq!(rest.iter().map(|run| run.id).collect::<Vec<_>>(), [third]);
}

/// A move of a run as it is now, its steps renamed.
async fn moved(backend: &Backend, run: RunId, renamed: &[(&str, &str)]) -> Move {
    let run = read(backend, run).await;
    let mut progress = run.progress.clone();
    let names: BTreeMap<_, _> = renamed.iter().copied().collect();
    if let Some(new) = names.get(&*progress.step) {
        progress.step = (*new).to_owned();
    }
    let renamed = renamed.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect();
    Move { run, to: "v2".to_owned(), priority: Priority::Urgent, progress, renamed }
}

async fn a_run_moves_to_another_version_and_what_waits_of_it_follows(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let waiting = stage.waiting("a").await;
    let granted = stage.granted("b").await;
    let plain = stage.run("c").await;
    let in_flight = backend.store.claim(backend.now(), 10, LONG).await.unwrap();
    let in_flight = in_flight.into_iter().find(|claimed| claimed.run.id == plain).unwrap();
    let mut turn = stage.turn(&in_flight);
    turn.keep = true;
    turn.wake_at = Some(backend.now());
    turn.effects.push(Effect::Task(effect::task(&stage, plain, "outreach", Team::Csm)));
    stage.commit(turn).await;

    let names = [("outreach", "letter")];
    let mut moves = Vec::new();
    for run in [waiting.run, granted.run, plain] {
        moves.push(moved(backend, run, &names).await);
    }
    let (by, now) = (stage.by(), backend.now());
    let answers = backend.store.migrate_runs(moves, &by, now).await.unwrap();
    assert_eq!(answers, [Changed::Done; 3]);

    for run in [waiting.run, granted.run, plain] {
        let run = read(backend, run).await;
        assert_eq!((&*run.version, &*run.progress.step), ("v2", "letter"));
        assert_eq!(run.status, RunStatus::Active);
    }
    // Whoever had the draft open looks again; then it is granted under its new name.
    let late = backend.store.settle(stage.approve(&waiting), now).await.unwrap();
    assert_eq!(late, Settled::Conflict);
    let stored = backend.store.approval(waiting.id).await.unwrap().unwrap().approval;
    assert_eq!((&*stored.step, stored.revision), ("letter", waiting.revision + 1));
    let settled = backend.store.settle(stage.approve(&stored), now).await.unwrap();
    assert_eq!(settled, Settled::Applied);
    // A message that was granted keeps its id, and is found under the new name.
    let sent = backend.store.messages_of(granted.run).await.unwrap();
    assert_eq!(sent.len(), 1);
    let id: MessageId = message::id_of(granted.run, "outreach");
    assert_eq!((sent[0].id, &*sent[0].step), (id, "letter"));
    let filter = TaskFilter { run: Some(plain), ..TaskFilter::default() };
    let tasks = backend.store.tasks(&filter, &PageRequest::default()).await.unwrap();
    assert_eq!(tasks.items[0].step, "letter");
    // The turn in flight is lost, the run is not.
    let lost = backend.store.commit(vec![stage.turn(&in_flight)]).await.unwrap();
    assert_eq!(lost, [Committed::LostLease]);
    let due = backend.store.claim(now, 10, LONG).await.unwrap();
    assert!(due.iter().any(|claimed| claimed.run.id == plain));
    assert_eq!(stage.events(plain).await, ["run_started", "step_started", "run_migrated"]);
}

async fn a_run_that_moved_on_or_is_sending_is_not_migrated(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let resting = resting(&stage, "a", "reply").await;
    let granted = stage.granted("b").await;
    let (by, now) = (stage.by(), backend.now());
    let outdated = moved(backend, resting, &[]).await;
    backend.store.intervene(resting, &Intervention::Pause, &by, now).await.unwrap();
    assert_eq!(backend.store.claim_messages(now, 10, LONG).await.unwrap().len(), 1);
    let sending = moved(backend, granted.run, &[]).await;
    let mut nowhere = sending.clone();
    nowhere.run.id = RunId::new(&*backend.clock);
    let moves = vec![outdated, sending, nowhere];
    let answers = backend.store.migrate_runs(moves, &by, now).await.unwrap();
    assert_eq!(answers, [Changed::MovedOn, Changed::Sending, Changed::NotFound]);
    for run in [granted.run, resting] {
        assert_eq!(read(backend, run).await.version, "v1");
        assert!(!stage.events(run).await.contains(&"run_migrated".to_owned()));
    }
    // Paused runs move too, once they are looked at again.
    let again = vec![moved(backend, resting, &[]).await];
    let answers = backend.store.migrate_runs(again, &by, now).await.unwrap();
    assert_eq!(answers, [Changed::Done]);
    let run = read(backend, resting).await;
    assert_eq!((&*run.version, run.status), ("v2", RunStatus::Paused));
}

/// A run's return to the step it is at.
async fn rewind(backend: &Backend, run: RunId, again: &[&str]) -> Rewind {
    let run = read(backend, run).await;
    let mut progress = run.progress.clone();
    progress.phase = Phase::Ready;
    progress.dead_end = None;
    progress.step = again[0].to_owned();
    Rewind { run, progress, again: again.iter().map(|step| (*step).to_owned()).collect() }
}

async fn a_run_goes_back_and_does_its_steps_again(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let waiting = stage.waiting("a").await;
    let run = waiting.run;
    let woken = domain::signal::NewSignal { run: Some(run), ..crate::signal::reply(&stage, "1") };
    backend.store.signal(vec![woken], backend.now()).await.unwrap();
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.effects.push(Effect::Task(effect::task(&stage, run, "call", Team::Csm)));
    turn.effects.push(Effect::Task(effect::task(&stage, run, "before", Team::Csm)));
    stage.commit(turn).await;

    let (by, now) = (stage.by(), backend.now());
    let back = rewind(backend, run, &["outreach", "call"]).await;
    assert_eq!(backend.store.rewind(back, &by, now).await.unwrap(), Changed::Done);
    let stored = backend.store.approval(waiting.id).await.unwrap().unwrap().approval;
    assert_eq!(stored.state.status(), ApprovalStatus::Withdrawn);
    let filter = TaskFilter { run: Some(run), ..TaskFilter::default() };
    let tasks = backend.store.tasks(&filter, &PageRequest::default()).await.unwrap();
    for task in &tasks.items {
        let again = task.step.starts_with("call#");
        assert!(again || task.step == "before", "{}", task.step);
        assert_eq!(task.status == TaskStatus::Cancelled, again, "{}", task.step);
    }
    let events = stage.events(run).await;
    assert_eq!(events[events.len() - 2..], ["run_rewound", "approval_withdrawn"]);
    // The step makes its task anew.
    let claimed = stage.claim(LONG).await;
    assert_eq!(
        (&*claimed.run.progress.step, claimed.run.progress.phase.clone()),
        ("outreach", Phase::Ready)
    );
    let mut turn = stage.turn(&claimed);
    turn.effects.push(Effect::Task(effect::task(&stage, run, "call", Team::Csm)));
    stage.commit(turn).await;
    let tasks = backend.store.tasks(&filter, &PageRequest::default()).await.unwrap();
    assert_eq!(tasks.total, 3);
}

async fn a_run_does_not_go_back_over_a_message_or_under_a_worker(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let granted = stage.granted("a").await;
    let (by, now) = (stage.by(), backend.now());
    let over = rewind(backend, granted.run, &["outreach"]).await;
    assert_eq!(backend.store.rewind(over, &by, now).await.unwrap(), Changed::MovedOn);
    assert!(!stage.events(granted.run).await.contains(&"run_rewound".to_owned()));

    let claimed = stage.claim(LONG).await;
    let held = rewind(backend, granted.run, &["later"]).await;
    assert_eq!(backend.store.rewind(held, &by, now).await.unwrap(), Changed::MovedOn);
    stage.commit(stage.turn(&claimed)).await;

    let waiting = stage.waiting("b").await;
    let outdated = rewind(backend, waiting.run, &["outreach"]).await;
    backend.store.intervene(waiting.run, &Intervention::Pause, &by, now).await.unwrap();
    assert_eq!(backend.store.rewind(outdated, &by, now).await.unwrap(), Changed::MovedOn);
    let stored = backend.store.approval(waiting.id).await.unwrap().unwrap().approval;
    assert_eq!(stored.state.status(), ApprovalStatus::Waiting, "nothing was withdrawn");
}

async fn many_go_back_in_one_transaction_and_those_that_cannot_stay(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let granted = stage.granted("a").await;
    stage.commit(stage.turn(&stage.claim(LONG).await)).await;
    let waiting = stage.waiting("b").await;
    let other = stage.waiting("c").await;
    let (by, now) = (stage.by(), backend.now());
    let sent = backend.store.sent_by(&[granted.run, waiting.run]).await.unwrap();
    let message = message::id_of(granted.run, "outreach");
    assert_eq!(sent, [(granted.run, "outreach".to_owned(), message)]);

    let mut rewinds = vec![rewind(backend, granted.run, &["outreach"]).await];
    for run in [waiting.run, other.run] {
        rewinds.push(rewind(backend, run, &["outreach"]).await);
    }
    let mut nobody = rewinds[1].clone();
    nobody.run.id = RunId::new(&*backend.clock);
    rewinds.push(nobody);
    rewinds.push(rewinds[1].clone());
    let answers = backend.store.rewind_all(rewinds, &by, now).await.unwrap();
    let moved_on = Changed::MovedOn;
    assert_eq!(
        answers,
        [moved_on, Changed::Done, Changed::Done, Changed::NotFound, moved_on],
        "one has sent, one is not there, and none goes back twice"
    );
    for approval in [&waiting, &other] {
        let stored = backend.store.approval(approval.id).await.unwrap().unwrap().approval;
        assert_eq!(stored.state.status(), ApprovalStatus::Withdrawn);
        let events = stage.events(approval.run).await;
        assert_eq!(events[events.len() - 2..], ["run_rewound", "approval_withdrawn"]);
    }
    let stored = backend.store.approval(granted.id).await.unwrap().unwrap().approval;
    assert_eq!(stored.state.status(), ApprovalStatus::Approved);
    assert_eq!(backend.store.claim(now, 10, LONG).await.unwrap().len(), 2, "they are due");
    assert_eq!(backend.store.rewind_all(Vec::new(), &by, now).await.unwrap(), []);
}

async fn a_backlog_is_what_is_due(backend: &Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(backend.store.backlog(backend.now()).await.unwrap().oldest, None);
    let since = backend.now();
    resting(&stage, "a", "reply").await;
    stage.run("b").await;
    backend.clock.advance(SignedDuration::from_mins(1));
    stage.run("c").await;
    let backlog = backend.store.backlog(backend.now()).await.unwrap();
    assert_eq!((backlog.runs, backlog.oldest), (2, Some(since)));
    let versions = backend.store.versions_of("renewal").await.unwrap();
    assert_eq!(versions, []);
}
