//! What holds of every policy, whatever its files say.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use domain::{
    action::Team,
    contact::{Consent, ContactRole},
    intent::MessageClass,
    verdict::Verdict,
};
use proptest::prelude::*;

use crate::{BUILT_IN, Budgets, Policy, UNCOVERED, scene::Scene};

const HEAD: &str = "owner: a@b.example\npurpose: to test\nreview_by: 2027-01-01\n";

/// A file of this name with these lines after its head.
fn file(name: &str, rest: &str) -> (String, String) {
    (format!("{name}.yaml"), format!("policy: {name}\n{HEAD}{rest}"))
}

/// A file with rules given as id, condition and verdict.
fn rules(name: &str, rules: &[(&str, &str, Verdict)]) -> (String, String) {
    let mut text = "rules:\n".to_owned();
    for (id, when, verdict) in rules {
        writeln!(
            text,
            "  - id: {id}\n    when: '{when}'\n    verdict: {verdict}\n    reason: because {id}"
        )
        .unwrap();
    }
    if rules.is_empty() { file(name, "") } else { file(name, &text) }
}

fn policy(files: &[(String, String)]) -> Policy {
    Policy::compile(files).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refusal(files: &[(String, String)]) -> String {
    Policy::compile(files).expect_err("it compiled").to_string()
}

#[test]
fn ai_06_the_same_draft_is_allowed_by_one_policy_and_reviewed_by_another() {
    let scene = Scene::new().draft("Hello").with(|scene| {
        scene.snapshot.account.arr = domain::account::Money::from_major(40_000.0, "EUR");
    });
    let rule = |limit: u32| {
        policy(&[rules(
            "thresholds",
            &[
                ("small-goes-alone", "account.arr < 100000.0", Verdict::Allow),
                ("large-waits", &format!("account.arr >= {limit}.0"), Verdict::Review),
            ],
        )])
    };
    let (lax, strict) = (rule(50_000), rule(30_000));
    assert_eq!(scene.verdict(&lax), Verdict::Allow);
    let judgement = scene.judged_by(&strict);
    assert_eq!(judgement.verdict, Verdict::Review);
    assert_eq!(
        judgement.in_words(),
        "Needs review: because large-waits (rule thresholds/large-waits)."
    );
    assert_ne!(lax.version(), strict.version());
    assert_eq!(judgement.policy, strict.version());
    assert_eq!(judgement.evaluated, 2);
}

#[test]
fn ai_05_any_change_of_a_file_is_another_version_and_their_order_is_not() {
    let (a, b) = (file("a", ""), file("b", ""));
    let version = |files: &[(String, String)]| policy(files).version().to_owned();
    let first = version(&[a.clone(), b.clone()]);
    assert_eq!(first.len(), 64);
    assert_eq!(version(&[b.clone(), a.clone()]), first);
    assert_ne!(version(std::slice::from_ref(&a)), first);
    let commented = (a.0.clone(), format!("{}# one more line\n", a.1));
    assert_ne!(version(&[commented, b]), first, "a comment is a change, too");
}

#[test]
fn what_no_rule_covers_is_reviewed_for_customers_and_allowed_inside() {
    for nothing in [policy(&[]), policy(&[rules("a", &[("never", "false", Verdict::Forbid)])])] {
        let judgement = Scene::new().judged_by(&nothing);
        assert_eq!(judgement.verdict, Verdict::Review);
        assert_eq!(judgement.matched[0].file, BUILT_IN);
        assert_eq!(judgement.matched[0].rule, UNCOVERED);
        assert!(judgement.in_words().contains("no rule covers"), "{}", judgement.in_words());
        let judgement = Scene::internal().judged_by(&nothing);
        assert_eq!((judgement.verdict, judgement.matched.len()), (Verdict::Allow, 0));
    }
}

#[test]
fn a_rule_that_cannot_be_evaluated_asks_for_a_person_and_never_allows() {
    for verdict in Verdict::ALL {
        let broken = policy(&[rules("a", &[("divides", "1 / tickets.open > 0", *verdict)])]);
        for scene in [Scene::new(), Scene::internal()] {
            let judgement = scene.judged_by(&broken);
            assert_eq!(judgement.verdict, Verdict::Review, "{verdict}");
            assert_eq!(judgement.matched[0].reason, "rule divides could not be evaluated");
        }
        let fine = Scene::internal().with(|scene| scene.snapshot.tickets.open = 1);
        assert_eq!(fine.verdict(&broken), *verdict, "with an open ticket it has an answer");
    }
}

#[test]
fn every_rule_that_matches_is_named_strictest_first() {
    let judgement = Scene::new().judged_by(&policy(&[
        rules("b", &[("allows", "true", Verdict::Allow), ("reviews", "true", Verdict::Review)]),
        rules(
            "a",
            &[("forbids", "true", Verdict::Forbid), ("also-reviews", "true", Verdict::Review)],
        ),
        rules("c", &[("silent", "false", Verdict::Forbid)]),
    ]));
    let order: Vec<&str> = judgement.matched.iter().map(|matched| matched.rule.as_str()).collect();
    assert_eq!(order, ["forbids", "also-reviews", "reviews", "allows"]);
    assert_eq!(judgement.verdict, Verdict::Forbid);
    assert_eq!(judgement.evaluated, 5);
}

#[test]
fn rules_see_the_facts_they_are_promised() {
    let scene = Scene::new().finding("leak", true).with(|scene| {
        scene.draft.as_mut().unwrap().body = "one two three".to_owned();
    });
    let internal = Scene::internal();
    for (scene, condition) in [
        (&scene, r#"occasion == "draft""#),
        (&scene, r#"intent.action == "send_email" && intent.audience == "customer""#),
        (&scene, r#"intent.playbook == "onboarding-smb" && intent.step == "outreach""#),
        (&scene, r#"intent.class == "relationship" && intent.channel == "email""#),
        (&scene, r#"intent.recipient_role == "champion" && intent.has_recipient"#),
        (
            &scene,
            r#"draft.present && draft.author == "offline" && draft.subject.contains("project")"#,
        ),
        (&scene, r#"draft.words == 3 && draft.body.startsWith("one")"#),
        (&scene, r#"draft.findings.exists(code, code == "leak") && draft.blocking"#),
        (&scene, "draft.confidence == -1.0"),
        (&scene, r#"contact.role == "champion" && contact.consent == "granted""#),
        (&scene, r#"contact.locale.startsWith("de") && contact.has_time_zone && !contact.bounced"#),
        (&scene, r#"account.segment == "mid_market" && account.band == "green""#),
        (&internal, r#"intent.class == "" && intent.channel == "" && intent.recipient_role == """#),
        (&internal, r#"!draft.present && draft.findings.size() == 0 && contact.consent == """#),
    ] {
        let asked = policy(&[rules("a", &[("fact", condition, Verdict::Forbid)])]);
        let judgement = scene.judged_by(&asked);
        assert_eq!(judgement.verdict, Verdict::Forbid, "{condition}: {judgement:?}");
    }
}

#[test]
fn the_reviewer_a_rule_names_is_handed_on_and_its_period_is_not() {
    let asked = policy(&[file(
        "a",
        "rules: [{id: r, when: 'true', verdict: review, reason: It is large., reviewer: csm_manager}]\n",
    )]);
    let judgement = Scene::new().judged_by(&asked);
    assert_eq!(judgement.matched[0].reviewer, Some(Team::CsmManager));
    assert_eq!(judgement.in_words(), "Needs review: It is large (rule a/r).");
}

#[test]
fn of_several_budgets_the_smallest_number_holds() {
    let budgets = |rest: &[&str]| {
        let files: Vec<_> =
            rest.iter().zip(["a", "b", "c"]).map(|(rest, name)| file(name, rest)).collect();
        policy(&files).budgets()
    };
    assert_eq!(budgets(&[""]), Budgets::default());
    assert_eq!(
        budgets(&[
            "budgets: {model_calls_per_run: 40, tokens_per_run: 9000}\n",
            "budgets: {model_calls_per_run: 30}\n",
            "",
        ]),
        Budgets { model_calls_per_run: 30, tokens_per_run: 9000, steps_per_run: 200 }
    );
}

#[test]
fn ai_12_a_model_that_is_not_on_the_list_is_not_allowed() {
    let listed = policy(&[file("a", "models: {allow: [\"gpt-4o*\", offline]}\n")]);
    assert!(listed.model_allowed("gpt-4o-mini") && listed.model_allowed("offline"));
    assert!(!listed.model_allowed("llama-3") && !listed.model_allowed("person"));
    assert!(policy(&[]).model_allowed("llama-3"));
}

#[test]
fn a_misspelt_key_is_refused() {
    insta::assert_snapshot!(refusal(&[file("a", "rulez: []\n")]), @r"
    error: unknown key `rulez`
     --> a.yaml:5:1
      |
    5 | rulez: []
      | ^^^^^
      = help: did you mean `rules`?
    ");
}

#[test]
fn a_misspelt_fact_is_shown_where_it_stands() {
    insta::assert_snapshot!(
        refusal(&[rules("a", &[("r", "intent.audiance == \"customer\"", Verdict::Review)])]),
        @r#"
        error: there is no `audiance` here
         --> a.yaml:7:19
          |
        7 |     when: 'intent.audiance == "customer"'
          |                   ^^^^^^^^
          = help: did you mean `audience`?
        "#
    );
}

#[test]
fn a_word_that_can_never_be_equal_is_shown() {
    insta::assert_snapshot!(
        refusal(&[rules("a", &[("r", "contact.consent == \"opt_out\"", Verdict::Forbid)])]),
        @r#"
        error: this is never "opt_out"
         --> a.yaml:7:31
          |
        7 |     when: 'contact.consent == "opt_out"'
          |                               ^^^^^^^^^
          = help: did you mean `opted_out`?
        "#
    );
}

#[test]
fn a_misspelt_verdict_is_refused() {
    insta::assert_snapshot!(
        refusal(&[file("a", "rules: [{id: r, when: 'true', verdict: forbidden, reason: x}]\n")]),
        @r"
        error: `forbidden` is not a word that is known here
         --> a.yaml:5:40
          |
        5 | rules: [{id: r, when: 'true', verdict: forbidden, reason: x}]
          |                                        ^^^^^^^^^
          = help: known here: allow, review, forbid
        "
    );
}

#[test]
fn a_broken_pattern_is_shown() {
    insta::assert_snapshot!(
        refusal(&[file("a", "redact:\n  - { type: NO, pattern: '\\bKD-([0-9]{6}' }\n")]),
        @r"
        error: pattern is no regular expression: unclosed group
         --> a.yaml:6:26
          |
        6 |   - { type: NO, pattern: '\bKD-([0-9]{6}' }
          |                          ^^^^^^^^^^^^^^^^
          = help: the syntax is that of the Rust crate `regex`: no look-around or back-reference
        "
    );
}

#[test]
fn a_pattern_that_matches_everywhere_and_a_name_with_digits_are_refused() {
    insta::assert_snapshot!(
        refusal(&[file("a", "redact:\n  - { type: No_1, pattern: '[0-9]*' }\n")]),
        @r"
        error: `No_1` is not a name for placeholders
         --> a.yaml:6:13
          |
        6 |   - { type: No_1, pattern: '[0-9]*' }
          |             ^^^^
          = help: use up to 32 capital letters and single `_`, such as `CUSTOMER_NO`

        error: pattern matches the empty text, so it would match everywhere
         --> a.yaml:6:28
          |
        6 |   - { type: No_1, pattern: '[0-9]*' }
          |                            ^^^^^^^^
          = help: let it ask for at least one character: `+` instead of `*`
        "
    );
}

#[test]
fn a_rule_of_the_same_name_in_another_file_is_refused() {
    insta::assert_snapshot!(
        refusal(&[
            rules("a", &[("same", "true", Verdict::Review)]),
            rules("b", &[("same", "true", Verdict::Allow)]),
        ]),
        @r"
        error: rule `same` exists twice
         --> b.yaml:6:9
          |
        6 |   - id: same
          |         ^^^^
          = help: the other is at a.yaml:6; ids are unique over all policy files
        "
    );
}

#[test]
fn a_file_under_another_name_and_an_owner_without_address_are_both_shown() {
    let text = format!("policy: contact\n{}", HEAD.replace("a@b.example", "nobody"));
    insta::assert_snapshot!(refusal(&[("contacts.yaml".to_owned(), text)]), @r"
    error: policy `contact` is in a file of another name
     --> contacts.yaml:1:9
      |
    1 | policy: contact
      |         ^^^^^^^
      = help: write `policy: contacts`, or rename the file to `contact.yaml`

    error: `nobody` is not an e-mail address
     --> contacts.yaml:2:8
      |
    2 | owner: nobody
      |        ^^^^^^
      = help: name whoever answers for this policy
    ");
}

#[test]
fn a_reviewer_without_review_and_an_empty_reason_are_refused() {
    insta::assert_snapshot!(
        refusal(&[file(
            "a",
            "rules:\n  - {id: r, when: 'true', verdict: forbid, reason: ' ', reviewer: csm}\n"
        )]),
        @r"
        error: `reason` is empty
         --> a.yaml:6:52
          |
        6 |   - {id: r, when: 'true', verdict: forbid, reason: ' ', reviewer: csm}
          |                                                    ^^^
          = help: people read it to understand a verdict

        error: verdict `forbid` has no reviewer
         --> a.yaml:6:67
          |
        6 | d: r, when: 'true', verdict: forbid, reason: ' ', reviewer: csm}
          |                                                             ^^^
          = help: leave `reviewer` out, or make the verdict `review`
        "
    );
}

#[test]
fn a_budget_of_nothing_and_a_day_that_does_not_exist_are_refused() {
    insta::assert_snapshot!(refusal(&[file("a", "budgets: {steps_per_run: 0}\n")]), @r"
    error: a budget of 0 stops every run
     --> a.yaml:5:26
      |
    5 | budgets: {steps_per_run: 0}
      |                          ^
      = help: write at least 1; to stop sending there is `playgate kill`
    ");
    let (name, text) = file("a", "");
    insta::assert_snapshot!(refusal(&[(name, text.replace("2027-01-01", "2027-02-30"))]), @r"
    error: parsed date is not valid: parameter 'day' for `2027-02` is invalid, must be in range `1..=28`
     --> a.yaml:4:12
      |
    4 | review_by: 2027-02-30
      |            ^^^^^^^^^^
    ");
}

#[test]
fn an_error_in_one_file_keeps_the_whole_policy_out_and_all_errors_are_listed() {
    let errors = Policy::compile(&[
        rules("a", &[("r", "true", Verdict::Review)]),
        file("b", "rulez: []\n"),
        rules("c", &[("s", "nothing.there", Verdict::Review)]),
    ])
    .unwrap_err();
    let files: Vec<&str> = errors.as_slice().iter().map(|error| error.file.as_str()).collect();
    assert_eq!(files, ["b.yaml", "c.yaml"]);
}

#[test]
fn the_schema_for_editors_knows_the_keys_and_refuses_others() {
    let schema = crate::json_schema();
    assert_eq!(schema["additionalProperties"], false);
    let required: Vec<&str> =
        schema["required"].as_array().unwrap().iter().filter_map(|key| key.as_str()).collect();
    assert_eq!(required, ["policy", "owner", "purpose", "review_by"]);
    for key in ["rules", "redact", "budgets", "models"] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
}

#[test]
fn two_hundred_rules_are_judged_in_no_noticeable_time() {
    let many: Vec<(String, String, Verdict)> = (0..200)
        .map(|n| {
            let when = format!(
                "account.arr > {n}.0 && intent.class == \"commercial\" && tickets.open > 0"
            );
            (format!("r-{n}"), when, Verdict::Review)
        })
        .collect();
    let many: Vec<(&str, &str, Verdict)> =
        many.iter().map(|(id, when, verdict)| (id.as_str(), when.as_str(), *verdict)).collect();
    let asked = policy(&[rules("many", &many)]);
    let scene = Scene::new().draft(&"word ".repeat(300));
    let fastest = (0..20)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(scene.judged_by(&asked).evaluated, 200);
            begun.elapsed()
        })
        .min()
        .unwrap();
    // Unoptimised, on a busy machine; a release build takes a fifth of what this does.
    assert!(fastest < Duration::from_millis(150), "{fastest:?}");
}

/// Conditions of which some match some of the scenes below, and one sometimes has no answer.
const CONDITIONS: [&str; 8] = [
    "true",
    "false",
    "intent.audience == \"customer\"",
    "contact.consent == \"opted_out\"",
    "intent.class == \"commercial\"",
    "account.health < 50.0",
    "draft.present && draft.blocking",
    "100 / tickets.open > 20",
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
        let uncovered = before.matched.iter().any(|matched| matched.file == BUILT_IN);
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
