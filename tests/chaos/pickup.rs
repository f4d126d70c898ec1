//! How long work lay idle after each fault before somebody picked it up, from the trails.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    fault::{Kind, Strike},
    ledger::{Ask, Heard, Line},
    truth::{Entry, Truth},
};

/// The longest wait after a kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// From the fault to the next event.
    pub time: SignedDuration,
    /// Whose: a run.
    pub run: String,
    /// Between which events.
    pub between: String,
    /// When the fault was.
    pub at: Timestamp,
}

/// What ends a wait for a person or for time to pass: nobody could have picked anything up.
const NOT_OURS: [&str; 9] = [
    "approval_granted",
    "approval_rejected",
    "approval_edited",
    "approval_snoozed",
    "decision_refused",
    "redraft_requested",
    "task_finished",
    "message_resolved",
    "run_retried",
];

/// What is followed by a wait on purpose.
const PUT_OFF: [&str; 4] = ["delivery_retried", "step_retried", "message_uncertain", "run_stuck"];

/// The longest wait after each kind of fault that interrupts work. A wait is measured from the
/// last fault in it, for work that is interrupted twice is picked up twice; a fault that takes the
/// database away counts from when it is back.
pub fn worst(truth: &Truth, ledger: &[Line], strikes: &[Strike]) -> BTreeMap<Kind, Wait> {
    let mut marks: Vec<(Timestamp, Kind)> = strikes
        .iter()
        .filter(|strike| strike.kind.interrupts())
        .map(|strike| {
            (if strike.kind.is_outage() { strike.until } else { strike.from }, strike.kind)
        })
        .collect();
    marks.sort();
    let mut worst = BTreeMap::new();
    let accepted = ledger
        .iter()
        .filter(|line| line.ask == Ask::Signal && line.heard == Heard::Accepted)
        .map(|line| (line.about.as_str(), line.at))
        .collect::<BTreeMap<_, _>>();
    for run in &truth.runs {
        let Some(trail) = truth.trails.get(&run.id) else { continue };
        let name = run.id.to_string();
        let drill = run.cause.data["drill"].as_str().unwrap_or_default();
        if let (Some(asked), Some(first)) = (accepted.get(drill), trail.first()) {
            note(&mut worst, &marks, &name, (*asked, "signal"), (first.at, first.kind()));
        }
        for pair in trail.windows(2) {
            let [before, after] = pair else { continue };
            if !is_put_off(before, after) {
                let from = (before.at, before.kind());
                note(&mut worst, &marks, &name, from, (after.at, after.kind()));
            }
        }
    }
    worst
}

fn is_put_off(before: &Entry, after: &Entry) -> bool {
    NOT_OURS.contains(&after.kind()) || PUT_OFF.contains(&before.kind())
}

fn note(
    worst: &mut BTreeMap<Kind, Wait>,
    marks: &[(Timestamp, Kind)],
    run: &str,
    (from, before): (Timestamp, &str),
    (until, after): (Timestamp, &str),
) {
    let end = marks.partition_point(|(at, _)| *at <= until);
    let Some((at, kind)) = end.checked_sub(1).and_then(|last| marks.get(last)) else { return };
    if *at < from {
        return;
    }
    let time = until.duration_since(*at);
    if worst.get(kind).is_none_or(|wait: &Wait| wait.time < time) {
        let between = format!("{before} and {after}");
        worst.insert(*kind, Wait { time, run: run.to_owned(), between, at: *at });
    }
}
