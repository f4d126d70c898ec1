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
    /// When the fault was, or when the wait began under it.
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

/// The longest waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// After each kind of fault.
    pub after: BTreeMap<Kind, Wait>,
    /// Where there was no fault: how long work has to queue on this machine under this load.
    pub usual: SignedDuration,
}

/// What a fault is to somebody who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    /// Waiting counts from here.
    from: Timestamp,
    /// Whatever begins to wait after this has nothing to do with it.
    until: Timestamp,
    kind: Kind,
}

impl Mark {
    /// A fault that takes the database away counts from when it is back; one that freezes somebody
    /// from when it begins, for others are there to go on.
    fn of(strike: &Strike) -> Self {
        let from = if strike.kind.is_outage() { strike.until } else { strike.from };
        Self { from, until: strike.until, kind: strike.kind }
    }
}

/// The longest wait after each kind of fault that interrupts work. A wait is measured from the
/// last fault in it, for work that is interrupted twice is picked up twice.
pub fn worst(truth: &Truth, ledger: &[Line], strikes: &[Strike]) -> Waits {
    let mut marks: Vec<Mark> =
        strikes.iter().filter(|strike| strike.kind.interrupts()).map(Mark::of).collect();
    marks.sort();
    let mut worst = Waits::default();
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
    worst: &mut Waits,
    marks: &[Mark],
    run: &str,
    (from, before): (Timestamp, &str),
    (until, after): (Timestamp, &str),
) {
    let begun = marks.partition_point(|mark| mark.from <= until);
    let last = marks[..begun].iter().rev().find(|mark| mark.until >= from);
    let Some(mark) = last else {
        worst.usual = worst.usual.max(until.duration_since(from));
        return;
    };
    let at = mark.from.max(from);
    let time = until.duration_since(at);
    if worst.after.get(&mark.kind).is_none_or(|wait: &Wait| wait.time < time) {
        let between = format!("{before} and {after}");
        worst.after.insert(mark.kind, Wait { time, run: run.to_owned(), between, at });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn entry(seq: i64, second: i64, kind: &str) -> Entry {
        Entry { seq, at: at(second), event: json!({ "event": kind }) }
    }

    fn strike(kind: Kind, from: i64, until: i64) -> Strike {
        let (target, note) = (String::new(), String::new());
        Strike { kind, target, from: at(from), until: at(until), note }
    }

    fn of(trail: &[Entry], strikes: &[Strike]) -> Waits {
        let run = domain::id::RunId::from_uuid(uuid::Uuid::from_u128(7));
        let truth = Truth {
            runs: vec![crate::chaos::reconcile::a_run(run, "drill-1-1")],
            trails: [(run, trail.to_vec())].into(),
            ..Truth::default()
        };
        worst(&truth, &[], strikes)
    }

    #[test]
    fn a_wait_counts_from_the_last_fault_that_interrupted_it() {
        let trail = [entry(1, 10, "run_started"), entry(2, 30, "step_finished")];
        let waits = of(&trail, &[strike(Kind::KillWorker, 12, 13)]);
        assert_eq!(waits.after[&Kind::KillWorker].time, SignedDuration::from_secs(18));
        let twice = [strike(Kind::KillWorker, 12, 13), strike(Kind::StopDatabase, 15, 25)];
        let waits = of(&trail, &twice);
        let after: Vec<_> = waits.after.iter().map(|(kind, wait)| (*kind, wait.time)).collect();
        let back = SignedDuration::from_secs(5);
        assert_eq!(after, [(Kind::StopDatabase, back)], "from when the database was back");
        assert_eq!(waits.usual, SignedDuration::ZERO);
    }

    #[test]
    fn waits_for_people_for_time_and_without_faults_are_no_slow_pick_up() {
        let kill = [strike(Kind::KillWorker, 12, 13)];
        let person = [entry(1, 10, "approval_requested"), entry(2, 30, "approval_granted")];
        assert_eq!(of(&person, &kill), Waits::default());
        let retried = [entry(1, 10, "delivery_retried"), entry(2, 30, "message_delivered")];
        assert_eq!(of(&retried, &kill), Waits::default());
        let before = [entry(1, 14, "run_started"), entry(2, 17, "step_finished")];
        let waits = of(&before, &kill);
        assert!(waits.after.is_empty());
        assert_eq!(waits.usual, SignedDuration::from_secs(3), "the machine's own slowness");
        let waits = of(&before, &[strike(Kind::StopWorker, 12, 20)]);
        let frozen = waits.after[&Kind::StopWorker].time;
        assert_eq!(frozen, SignedDuration::from_secs(3), "one who is frozen may hold it");
    }
}
