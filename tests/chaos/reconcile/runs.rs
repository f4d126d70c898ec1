//! Every run that was asked for exists once, took each step once, and is not left behind.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::{
    approval::ApprovalState,
    id::RunId,
    message::MessageStatus,
    run::{Phase, Run, RunStatus},
    task::{Task, TaskStatus},
};

use super::{Case, Reckoning};
use crate::chaos::{
    ledger::{Ask, Heard},
    scene::{GATE, PLAYBOOKS, STEPS, TASKS},
    truth::Entry,
};

const STARTED: &str = "a signal starts one run";
const LEFT: &str = "no run is left behind";
const STEP: &str = "no step is taken twice";
const ALL: &str = "no step is left out";

pub(super) fn check(case: &Case<'_>, reckoning: &mut Reckoning) {
    started(case, reckoning);
    let mut tasks: HashMap<RunId, Vec<&Task>> = HashMap::new();
    for task in &case.truth.tasks {
        tasks.entry(task.run).or_default().push(task);
        finished(case, task, reckoning);
    }
    for run in case.truth.runs.iter().filter(|run| PLAYBOOKS.contains(&run.playbook.as_str())) {
        left_behind(case, run, reckoning);
        effects(run, tasks.get(&run.id).map_or(&[], Vec::as_slice), reckoning);
        trail(run, case.truth.trails.get(&run.id).map_or(&[], Vec::as_slice), reckoning);
    }
}

/// Signals that were accepted started one run, unknown ones one at most, others none.
fn started(case: &Case<'_>, reckoning: &mut Reckoning) {
    let mut runs: HashMap<&str, usize> = HashMap::new();
    for run in &case.truth.runs {
        if PLAYBOOKS.contains(&run.playbook.as_str()) {
            *runs.entry(run.cause.data["drill"].as_str().unwrap_or_default()).or_default() += 1;
        }
    }
    let asked: BTreeSet<&str> = case
        .ledger
        .iter()
        .filter(|line| line.ask == Ask::Signal)
        .map(|line| line.about.as_str())
        .collect();
    for id in &asked {
        let begun = runs.remove(id).unwrap_or(0);
        let accepted = case.heard(Ask::Signal, id, Heard::Accepted);
        if begun > 1 || (accepted && begun == 0) {
            let how = if accepted { "accepted" } else { "never accepted" };
            reckoning.wrong(STARTED, id, format!("it was {how}, and {begun} runs began"));
        }
    }
    for (id, begun) in runs {
        let detail = format!("{begun} runs began, and nobody asked for that");
        reckoning.wrong(STARTED, if id.is_empty() { "no signal" } else { id }, detail);
    }
}

/// A task is done if, and only if, somebody said so.
fn finished(case: &Case<'_>, task: &Task, reckoning: &mut Reckoning) {
    let id = task.id.to_string();
    let accepted = case.heard(Ask::Finish, &id, Heard::Accepted);
    let asked = !case.asked(Ask::Finish, &id).is_empty();
    let done = task.status == TaskStatus::Done;
    if (accepted && !done) || (done && !asked) || task.status == TaskStatus::Cancelled {
        let detail = format!("it is {}; finishing it was accepted: {accepted}", task.status);
        reckoning.wrong("what the client heard is so", id, detail);
    }
}

/// A run is over, or waits for somebody who can still be found.
fn left_behind(case: &Case<'_>, run: &Run, reckoning: &mut Reckoning) {
    let phase = &run.progress.phase;
    let at = format!("{} at step `{}`", run.status, run.progress.step);
    match run.status {
        RunStatus::Completed => return,
        RunStatus::Active => {}
        _ => {
            let why = run.progress.dead_end.as_ref().map_or("", |dead_end| dead_end.why.as_str());
            return reckoning.wrong(LEFT, run.id, format!("it is {at}: {why}"));
        }
    }
    let why = match phase {
        Phase::AwaitingDelivery { message } => match case.messages.get(message) {
            // A person says what became of it; that is visible, and not an orphan.
            Some(message) if message.status == MessageStatus::Uncertain => return,
            Some(other) => format!("it waits for {message}, which is {}", other.status),
            None => format!("it waits for {message}, which is gone"),
        },
        Phase::AwaitingApproval { approval } => match case.approvals.get(approval) {
            Some(item) if matches!(item.state, ApprovalState::Waiting { .. }) => {
                format!("{approval} still waits for a decision: the client was not done")
            }
            Some(item) => format!("it waits for {approval}, which is {}", item.state.status()),
            None => format!("it waits for {approval}, which is gone"),
        },
        other => format!("it is {other:?} and should have moved"),
    };
    let wake = run.wake_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    reckoning.wrong(LEFT, run.id, format!("it is {at}, wakes {wake}: {why}"));
}

/// Steps leave one task each.
fn effects(run: &Run, tasks: &[&Task], reckoning: &mut Reckoning) {
    let mut seen = HashSet::new();
    for task in tasks {
        if !seen.insert(task.step.as_str()) {
            reckoning.wrong(STEP, run.id, format!("step `{}` left two tasks", task.step));
        }
    }
    if run.status != RunStatus::Completed {
        return;
    }
    let gate = (run.playbook == PLAYBOOKS[1]).then_some(GATE);
    let expected: HashSet<&str> = TASKS.into_iter().chain(gate).collect();
    if seen != expected {
        let (left, due) = (sorted(seen), sorted(expected));
        reckoning.wrong(ALL, run.id, format!("it left tasks of {left:?}, not of {due:?}"));
    }
}

fn sorted(steps: HashSet<&str>) -> BTreeSet<&str> {
    steps.into_iter().collect()
}

/// The trail is whole, and says of everything once that it happened.
fn trail(run: &Run, trail: &[Entry], reckoning: &mut Reckoning) {
    for (place, entry) in (1..).zip(trail) {
        if entry.seq != place {
            let detail = format!("event {place} of its trail is missing");
            return reckoning.wrong("the trail is whole", run.id, detail);
        }
    }
    let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
    for entry in trail {
        let what = match entry.kind() {
            "step_started" | "step_finished" | "task_created" | "field_updated"
            | "approval_requested" => entry.text("step"),
            "approval_granted" | "approval_rejected" => entry.text("approval"),
            "message_delivered" | "message_uncertain" | "message_resolved" => entry.text("message"),
            "task_finished" => entry.text("task"),
            "run_started" | "run_completed" => "",
            _ => continue,
        };
        *seen.entry((entry.kind(), what)).or_default() += 1;
    }
    // A letter that a person sends again may turn out uncertain again.
    let again = |kind| matches!(kind, "message_uncertain" | "message_resolved");
    for ((kind, what), times) in &seen {
        if *times > 1 && !again(*kind) {
            reckoning.wrong(STEP, run.id, format!("`{kind}` of `{what}` happened {times} times"));
        }
    }
    if run.status == RunStatus::Completed {
        let missing = STEPS.iter().filter(|step| !seen.contains_key(&("step_finished", **step)));
        for step in missing {
            reckoning.wrong(ALL, run.id, format!("step `{step}` was never finished"));
        }
        for kind in ["run_started", "run_completed"] {
            if !seen.contains_key(&(kind, "")) {
                reckoning.wrong(ALL, run.id, format!("its trail has no `{kind}`"));
            }
        }
    }
}
