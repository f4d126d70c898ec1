//! Going back: what is done again, what stays, and what must never be sent twice.

use std::collections::BTreeMap;

use domain::{
    id::MessageId,
    run::{DeadEnd, Phase, Progress},
};
use proptest::prelude::*;
use serde_json::json;

use super::{SOUND, files};
use crate::{Plan, RewindError, rewind};

fn plan() -> Plan {
    Plan::compile(&files(SOUND)).unwrap()
}

/// At `call`, stuck, with everything before it done.
fn run() -> Progress {
    let mut run = Progress::start("call");
    for step in ["assess", "letter", "reply", "fork"] {
        run.results.insert(step.to_owned(), json!({ "outcome": "done" }));
    }
    run.attempts = 5;
    run.tokens = 99;
    run.model_calls = 4;
    run.steps_begun = 5;
    run.dead_end = Some(DeadEnd { code: "task-missing".to_owned(), why: "gone".to_owned() });
    run
}

fn message() -> MessageId {
    "msg_00000000000000000000000000000001".parse().unwrap()
}

fn sent(steps: &[&str]) -> BTreeMap<String, MessageId> {
    steps.iter().map(|step| ((*step).to_owned(), message())).collect()
}

#[test]
fn going_back_drops_later_results_and_keeps_what_was_spent() {
    let back = rewind(&plan(), &run(), "reply", &sent(&["letter"])).unwrap();
    assert_eq!(back.again, ["reply", "fork", "call"]);
    let kept: Vec<&str> = back.progress.results.keys().map(String::as_str).collect();
    assert_eq!(kept, ["assess", "letter"]);
    assert_eq!((&*back.progress.step, &back.progress.phase), ("reply", &Phase::Ready));
    assert_eq!((back.progress.attempts, &back.progress.dead_end), (0, &None));
    let spent = |run: &Progress| (run.tokens, run.model_calls, run.steps_begun);
    assert_eq!(spent(&back.progress), spent(&run()));
}

#[test]
fn nothing_is_sent_twice_and_the_next_step_is_offered() {
    let refused = rewind(&plan(), &run(), "assess", &sent(&["letter"])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "step `letter` has message msg_00000000000000000000000000000001 already, and nothing is \
         sent twice: a message's id is made of run and step; retry from `reply`, the step after it"
    );
    let mut at_letter = Progress::start("letter");
    at_letter.results.insert("assess".to_owned(), json!({ "outcome": "routed" }));
    let refused = rewind(&plan(), &at_letter, "letter", &sent(&["letter"])).unwrap_err();
    assert!(refused.to_string().ends_with("start the playbook anew"), "{refused}");
}

#[test]
fn a_run_goes_back_and_never_forward() {
    let mut at_letter = Progress::start("letter");
    at_letter.results.insert("assess".to_owned(), json!({ "outcome": "routed" }));
    let refused = rewind(&plan(), &at_letter, "reply", &sent(&[])).unwrap_err();
    assert_eq!(refused.to_string(), "the run has not come to step `reply`; it is at `letter`");
    let refused = rewind(&plan(), &at_letter, "reply2", &sent(&[])).unwrap_err();
    assert!(matches!(refused, RewindError::NoStep { .. }), "{refused}");
}

proptest! {
    #[test]
    fn whatever_was_sent_lies_before_the_place_a_run_goes_back_to(
        to in 0..5_usize,
        messages in prop::collection::btree_set(0..5_usize, 0..3),
    ) {
        let names = ["assess", "letter", "reply", "fork", "call"];
        let steps: Vec<&str> = messages.iter().map(|at| names[*at]).collect();
        match rewind(&plan(), &run(), names[to], &sent(&steps)) {
            Ok(back) => {
                prop_assert!(messages.iter().all(|at| *at < to));
                prop_assert_eq!(back.progress.results.len(), to);
                prop_assert!(back.again.iter().all(|step| !back.progress.results.contains_key(step)));
            }
            Err(RewindError::Sent { next, .. }) => {
                prop_assert!(messages.iter().any(|at| *at >= to));
                if let Some(next) = next {
                    prop_assert!(rewind(&plan(), &run(), &next, &sent(&steps)).is_ok());
                } else {
                    prop_assert!(messages.contains(&4));
                }
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
