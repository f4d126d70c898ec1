//! Moving runs between versions: a run lands where it makes sense, or says why not.

use std::collections::{BTreeMap, BTreeSet};

use domain::run::{Phase, Progress};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::{SOUND, files};
use crate::{Landing, Misfit, Names, NamesError, Plan, check_names, land};

fn plan(text: &str) -> Plan {
    Plan::compile(&files(text)).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn names(pairs: &[(&str, &str)]) -> Names {
    pairs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect()
}

fn at(step: &str, phase: Phase) -> Progress {
    Progress { phase, ..Progress::start(step) }
}

fn approval() -> Phase {
    Phase::AwaitingApproval { approval: "apv_00000000000000000000000000000001".parse().unwrap() }
}

fn task() -> Phase {
    let task = "tsk_00000000000000000000000000000002".parse().unwrap();
    Phase::AwaitingTask { task, until: None }
}

fn signal(kind: &str) -> Phase {
    let at = Timestamp::UNIX_EPOCH;
    Phase::AwaitingSignal { kind: kind.to_owned(), since: at, until: at }
}

fn lands(from: &Plan, to: &Plan, map: &[(&str, &str)], run: &Progress) -> Landing {
    land(Some(from), to, &names(map), run).unwrap()
}

fn refuses(from: &Plan, to: &Plan, map: &[(&str, &str)], run: &Progress) -> String {
    land(Some(from), to, &names(map), run).unwrap_err().to_string()
}

#[test]
fn a_step_that_is_gone_must_be_mapped_and_what_it_left_behind_follows() {
    let old = plan(SOUND);
    let new = plan(
        &SOUND
            .replace("id: letter", "id: note")
            .replace("id: assess", "id: risk")
            .replace("steps.assess", "steps.risk"),
    );
    let mut run = at("letter", approval());
    run.results.insert("assess".to_owned(), json!({ "outcome": "routed", "severity": "low" }));
    assert_eq!(
        refuses(&old, &new, &[], &run),
        "the new version has no step `letter`; say what it is called there with --map letter=NEW"
    );
    let landing = lands(&old, &new, &[("letter", "note"), ("assess", "risk")], &run);
    assert_eq!((&*landing.progress.step, &landing.progress.phase), ("note", &run.phase));
    assert_eq!(landing.progress.results["risk"]["severity"], "low");
    let renamed: Vec<_> =
        landing.renamed.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
    assert_eq!(renamed, [("assess", "risk"), ("letter", "note")]);
}

#[test]
fn what_a_run_waits_for_must_still_fit() {
    let old = plan(SOUND);
    let refused = |map: &[(&str, &str)], run: &Progress| refuses(&old, &old, map, run);
    assert_eq!(
        refused(&[("letter", "call")], &at("letter", approval())),
        "`call` is human_task in the new version; the run is at send_email, and a draft of it \
         waits for a decision"
    );
    assert!(refused(&[("call", "letter")], &at("call", task())).contains("a task of it waits"));
    // Before anything of a step was done, a person may say what it becomes.
    assert_eq!(
        lands(&old, &old, &[("letter", "call")], &at("letter", Phase::Ready)).progress.step,
        "call"
    );

    let ticket = plan(&SOUND.replace("signal: email.replied", "signal: ticket.opened"));
    let waits = at("reply", signal("email.replied"));
    assert_eq!(
        refuses(&old, &ticket, &[], &waits),
        "`reply` is wait_for ticket.opened in the new version; the run is at wait_for \
         email.replied, and waits for its signal"
    );
    assert_eq!(lands(&old, &ticket, &[], &at("reply", Phase::Ready)).progress.step, "reply");

    let bulk = plan(&SOUND.replace("class: relationship", "class: commercial"));
    let misfit = land(Some(&old), &bulk, &Names::new(), &at("letter", approval())).unwrap_err();
    assert_eq!(misfit, Misfit::Message { to: "letter".to_owned() });
    let wait = plan(
        &SOUND
            .replace("wait_for: { signal: email.replied, up_to: 5d }", "wait: 5d")
            .replace("steps.reply.outcome == \"received\"", "steps.reply.outcome == \"done\""),
    );
    let sleeping = at("reply", Phase::Sleeping { until: Timestamp::UNIX_EPOCH });
    assert_eq!(lands(&wait, &wait, &[], &sleeping).progress, sleeping);
    assert!(refuses(&wait, &old, &[], &sleeping).contains("waits for its time"));
}

#[test]
fn of_a_version_that_cannot_be_read_a_mapping_says_what_a_step_is() {
    let new = plan(SOUND);
    let run = at("call", Phase::Ready);
    let misfit = land(None, &new, &Names::new(), &run).unwrap_err().to_string();
    assert!(misfit.contains("a step the old version does not have"), "{misfit}");
    assert!(land(None, &new, &names(&[("call", "call")]), &run).is_ok());
    assert!(land(None, &new, &Names::new(), &at("call", task())).is_ok());
    let draft = at("letter", approval());
    assert!(land(None, &new, &names(&[("letter", "letter")]), &draft).is_err());
}

#[test]
fn nothing_that_was_done_may_lie_ahead() {
    let old = plan(SOUND);
    let (head, tail) = SOUND.split_once("  - id: letter").unwrap();
    let (letter, rest) = tail.split_once("  - id: reply").unwrap();
    let (reply, rest) = rest.split_once("  - id: fork").unwrap();
    let swapped =
        plan(&format!("{head}  - id: reply{reply}  - id: letter{letter}  - id: fork{rest}"));
    let mut run = at("reply", signal("email.replied"));
    run.results.insert("letter".to_owned(), json!({ "outcome": "sent" }));
    assert_eq!(
        refuses(&old, &swapped, &[], &run),
        "the run has done `letter`, which comes after `reply` in the new version"
    );
    run.results.insert("letter".to_owned(), json!({ "outcome": "skipped" }));
    assert_eq!(lands(&old, &swapped, &[], &run).progress.step, "reply");
    let misfit = land(Some(&old), &old, &names(&[("reply", "letter")]), &run).unwrap_err();
    assert!(matches!(misfit, Misfit::Taken { .. }), "{misfit}");
}

#[test]
fn a_mapping_is_checked_as_a_whole() {
    let plan = plan(SOUND);
    let check = |map: &[(&str, &str)]| check_names(&[&plan], &plan, &names(map));
    assert_eq!(check(&[("letter", "call"), ("reply", "reply")]), Ok(()));
    assert!(matches!(check(&[("letter", "lettre")]), Err(NamesError::NoTarget(..))));
    assert_eq!(check(&[("lettre", "letter")]), Err(NamesError::NoSource("lettre".to_owned())));
    assert!(matches!(check(&[("letter", "call"), ("call", "fork")]), Err(NamesError::Both(_))));
}

const KINDS: [&str; 6] = [
    "route_risk: { prompt: route-risk }",
    "send_email: { to: champion, class: relationship, asset: hello, prompt: outreach }",
    "send_email: { to: champion, class: commercial, asset: hello, prompt: outreach }",
    "wait_for: { signal: email.replied, up_to: 5d }",
    "wait: 2d",
    "human_task: { for: csm, title: Call, asset: script, due: 2d }",
];

fn steps() -> impl Strategy<Value = Steps> {
    let names = prop::sample::subsequence(vec!["a", "b", "c", "d", "e"], 1..=5).prop_shuffle();
    (names, prop::collection::vec(0..KINDS.len(), 5))
        .prop_map(|(names, kinds)| names.into_iter().zip(kinds).collect())
}

fn compile(steps: &[(&str, usize)]) -> Plan {
    let head = SOUND.split_once("steps:").unwrap().0;
    let body: Vec<String> =
        steps.iter().map(|(id, kind)| format!("  - id: {id}\n    {}\n", KINDS[*kind])).collect();
    let all = files(&format!("{head}steps:\n{}", body.concat()));
    // An asset nobody uses is an error.
    let used = |name: &str| {
        name == "small.yaml"
            || steps.iter().any(|(_, kind)| match name {
                "small/hello.md" => matches!(kind, 1 | 2),
                _ => *kind == 5,
            })
    };
    let files: Vec<_> = all.into_iter().filter(|(name, _)| used(name)).collect();
    Plan::compile(&files).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A run somewhere in its steps: where it is, what it waits for, what it did before.
fn somewhere(steps: &[(&'static str, usize)]) -> impl Strategy<Value = Progress> + use<> {
    let steps = steps.to_vec();
    (0..steps.len(), any::<bool>(), prop::collection::vec(0..3_u8, 5)).prop_map(
        move |(here, begun, done)| {
            let (step, kind) = steps[here];
            let phase = match (begun, kind) {
                (false, _) => Phase::Ready,
                (true, 0) => Phase::Drafting { redraft: None },
                (true, 1 | 2) => approval(),
                (true, 3) => signal("email.replied"),
                (true, 4) => Phase::Sleeping { until: Timestamp::UNIX_EPOCH },
                (true, _) => task(),
            };
            let mut run = Progress { tokens: 7, steps_begun: 3, attempts: 2, ..at(step, phase) };
            for ((step, _), done) in steps[..here].iter().zip(done) {
                let outcome = ["", "done", "skipped"][usize::from(done)];
                if !outcome.is_empty() {
                    run.results.insert((*step).to_owned(), json!({ "outcome": outcome }));
                }
            }
            run
        },
    )
}

/// Steps by name and kind.
type Steps = Vec<(&'static str, usize)>;

fn moves() -> impl Strategy<Value = (Steps, Steps, Names, Progress)> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    let map = prop::collection::btree_map(name.clone(), name, 0..3);
    (steps(), steps(), map).prop_flat_map(|(old, new, map)| {
        let map: Names = map.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let run = somewhere(&old);
        (Just(old), Just(new), Just(map), run)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn staying_is_always_possible_and_changes_nothing((old, run) in steps().prop_flat_map(|old| {
        let run = somewhere(&old);
        (Just(old), run)
    })) {
        let plan = compile(&old);
        let landing = land(Some(&plan), &plan, &Names::new(), &run).unwrap();
        let mut same = run;
        if matches!(same.phase, Phase::Drafting { .. }) {
            same.phase = Phase::Ready;
        }
        prop_assert_eq!(landing, Landing { progress: same, renamed: Vec::new() });
    }

    #[test]
    fn a_run_lands_where_what_it_waits_for_fits_and_nothing_is_done_twice(
        (old, new, map, run) in moves()
    ) {
        let (from, to) = (compile(&old), compile(&new));
        let kind = |steps: &[(&str, usize)], step: &str| {
            steps.iter().find(|(id, _)| *id == step).map(|(_, kind)| *kind)
        };
        let target = map.get(&run.step).unwrap_or(&run.step);
        match land(Some(&from), &to, &map, &run) {
            Ok(Landing { progress, renamed }) => {
                prop_assert_eq!(&progress.step, target);
                let (was, is) = (kind(&old, &run.step), kind(&new, &progress.step));
                prop_assert!(is.is_some());
                // Only before anything was done, and only by a mapping, may the kind change;
                // until a draft is there, the class of a message is not yet anybody's business.
                let fresh = matches!(run.phase, Phase::Ready | Phase::Drafting { .. });
                let alike = was == is || fresh && matches!((was, is), (Some(1 | 2), Some(1 | 2)));
                prop_assert!(alike || fresh && map.contains_key(&run.step), "{was:?} {is:?}");
                let position = |step: &str| new.iter().position(|(id, _)| *id == step);
                for (step, result) in &progress.results {
                    prop_assert!(
                        result["outcome"] == "skipped" || position(step) < position(&progress.step)
                            || position(step).is_none(),
                    );
                }
                // Nothing is forgotten, nothing is spent, what it waits for is the same.
                prop_assert_eq!(progress.results.len(), run.results.len());
                prop_assert_eq!((progress.tokens, progress.steps_begun), (7, 3));
                if !fresh {
                    prop_assert_eq!(&progress.phase, &run.phase);
                }
                let touched: BTreeSet<&str> = run.results.keys().map(String::as_str)
                    .chain([run.step.as_str()]).collect();
                let back: BTreeMap<&str, &str> =
                    renamed.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
                prop_assert_eq!(back.len(), renamed.len(), "no two get one name");
                for (old, new) in &renamed {
                    prop_assert!(touched.contains(old.as_str()) && map.get(old) == Some(new));
                }
            }
            Err(Misfit::NoStep(step)) => {
                prop_assert_eq!(&step, &run.step);
                prop_assert!(to.step(&step).is_none() && !map.contains_key(&step));
            }
            Err(Misfit::NoTarget { to: name, .. }) => prop_assert!(to.step(&name).is_none()),
            Err(Misfit::Taken { step, to: name }) => {
                prop_assert!(map.values().any(|new| *new == name));
                prop_assert!(step != name || map.iter().any(|(old, new)| *new == name && *old != name));
            }
            Err(Misfit::Kind { .. }) => {
                prop_assert!(kind(&old, &run.step) != kind(&new, target));
            }
            Err(Misfit::Message { .. }) => prop_assert_eq!(&run.phase, &approval()),
            Err(Misfit::Again { done, .. }) => {
                let result = run.results.iter().find(|(step, _)| {
                    map.get(*step).unwrap_or(step) == &done
                });
                prop_assert!(result.is_some_and(|(_, result)| result["outcome"] == "done"));
            }
        }
    }
}
