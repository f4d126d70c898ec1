//! Laws that hold of any rules about any question.

use domain::{
    contact::{Consent, ContactRole},
    intent::MessageClass,
    verdict::Verdict,
};
use proptest::prelude::*;

use super::{policy, rules};
use crate::{BUILT_IN, Policy, UNCOVERED, scene::Scene};

/// Conditions of which some match some of the scenes below, and one sometimes has no answer.
const CONDITIONS: [&str; 12] = [
    "true",
    "false",
    "intent.audience == \"customer\"",
    "contact.consent == \"opted_out\"",
    "intent.class == \"commercial\"",
    "account.health < 50.0",
    "draft.present && draft.blocking",
    "100 / tickets.open > 20",
    "100 / tickets.open > 20 && intent.action == \"send_email\"",
    "occasion == \"draft\" && draft.blocking",
    "intent.action in [\"notify_team\", \"send_survey\"] && account.health < 50.0",
    "intent.audience == \"customer\" || occasion != \"intent\"",
];

fn any_rule() -> impl Strategy<Value = (usize, Verdict)> {
    (0..CONDITIONS.len(), proptest::sample::select(Verdict::ALL))
}

fn any_scene() -> impl Strategy<Value = Scene> {
    (
        any::<bool>(),
        proptest::sample::select(MessageClass::ALL),
        proptest::sample::select(Consent::ALL),
        proptest::sample::select(ContactRole::ALL),
        0_i64..10,
        proptest::option::of(0.0_f64..100.0),
        proptest::option::of(any::<bool>()),
    )
        .prop_map(|(internal, class, consent, role, tickets, health, blocking)| {
            let scene = if internal {
                Scene::internal()
            } else {
                Scene::new().class(class).consent(consent).role(role)
            };
            let scene = match blocking {
                Some(blocking) => scene.finding("leak", blocking),
                None => scene,
            };
            scene.with(|scene| {
                scene.snapshot.tickets.open = tickets;
                scene.snapshot.account.health = health;
            })
        })
}

/// Rules spread over three files, named so that order can be told from identity.
fn spread(chosen: &[(usize, Verdict)]) -> Vec<(String, String)> {
    ["a", "b", "c"]
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let mine: Vec<(String, &str, Verdict)> = chosen
                .iter()
                .enumerate()
                .filter(|(n, _)| n % 3 == index)
                .map(|(n, (condition, verdict))| {
                    (format!("r-{n}"), CONDITIONS[*condition], *verdict)
                })
                .collect();
            let mine: Vec<(&str, &str, Verdict)> =
                mine.iter().map(|(id, when, verdict)| (id.as_str(), *when, *verdict)).collect();
            rules(name, &mine)
        })
        .collect()
}

/// The same rules, in the opposite order within each file.
fn reversed(files: &[(String, String)]) -> Vec<(String, String)> {
    files
        .iter()
        .rev()
        .map(|(name, text)| match text.split_once("rules:\n") {
            None => (name.clone(), text.clone()),
            Some((head, rules)) => {
                let mut entries: Vec<&str> = rules.split("  - id: ").skip(1).collect();
                entries.reverse();
                let rules = entries.join("  - id: ");
                (name.clone(), format!("{head}rules:\n  - id: {rules}"))
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn adding_a_rule_never_loosens_what_another_rule_says(
        chosen in proptest::collection::vec(any_rule(), 0..6), extra in any_rule(), scene in any_scene(),
    ) {
        let before = scene.judged_by(&policy(&spread(&chosen)));
        let mut more = chosen;
        more.push(extra);
        let after = scene.judged_by(&policy(&spread(&more)));
        // The one thing a rule may loosen is the review of what no rule covers: that is what an
        // allow rule is for.
        let uncovered = before.matched.iter().any(|matched| matched.rule == UNCOVERED);
        if !uncovered || extra.1 != Verdict::Allow {
            prop_assert!(after.verdict >= before.verdict, "{before:?} then {after:?}");
        }
        for matched in before.matched.iter().filter(|matched| matched.file != BUILT_IN) {
            prop_assert!(after.verdict >= matched.verdict);
        }
    }

    #[test]
    fn the_order_of_files_and_rules_changes_nothing_but_the_version(
        chosen in proptest::collection::vec(any_rule(), 0..8), scene in any_scene(),
    ) {
        let files = spread(&chosen);
        let there = scene.judged_by(&policy(&files));
        let back = scene.judged_by(&policy(&reversed(&files)));
        prop_assert_eq!(there.verdict, back.verdict);
        prop_assert_eq!(there.matched, back.matched);
    }

    #[test]
    fn rules_that_are_not_asked_would_not_have_matched(
        chosen in proptest::collection::vec(any_rule(), 0..8), scene in any_scene(),
    ) {
        let policy = policy(&spread(&chosen));
        let judgement = scene.judged_by(&policy);
        let of_files = judgement.matched.iter().filter(|matched| matched.file != BUILT_IN);
        let all = policy.matching_of_all(&scene.question());
        prop_assert_eq!(of_files.count(), all.len());
        prop_assert!(all.iter().all(|matched| judgement.matched.contains(matched)));
        prop_assert_eq!(judgement.evaluated, chosen.len());
    }

    #[test]
    fn the_verdict_is_the_strictest_of_what_matched(
        chosen in proptest::collection::vec(any_rule(), 0..8), scene in any_scene(),
    ) {
        let judgement = scene.judged_by(&policy(&spread(&chosen)));
        let strictest = judgement.matched.iter().map(|matched| matched.verdict).max();
        prop_assert_eq!(judgement.verdict, strictest.unwrap_or(Verdict::Allow));
        prop_assert!(judgement.matched.is_sorted_by(|a, b| a.verdict >= b.verdict));
    }

    #[test]
    fn no_text_makes_compiling_panic(text in "(?s).{0,200}") {
        if let Err(errors) = Policy::compile(&[("x.yaml".to_owned(), text)]) {
            prop_assert!(!errors.as_slice().is_empty());
        }
    }
}
