//! What holds of every policy, whatever its files say.

mod law;
mod refusal;

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use domain::{action::Team, port::Reader, verdict::Verdict};
use jiff::SignedDuration;

use crate::{BUILT_IN, Budgets, DOUBTED, Policy, UNCOVERED, scene::Scene};

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
fn gv_13_no_policy_lets_a_doubted_draft_go_alone() {
    let trusting = policy(&[rules("trusting", &[("all", "true", Verdict::Allow)])]);
    assert_eq!(Scene::new().draft("Hello").verdict(&trusting), Verdict::Allow);
    for (code, blocking, verdict) in [
        ("injection-suspected", false, Verdict::Review),
        ("model-unusable", false, Verdict::Review),
        ("unsupported-promise", false, Verdict::Review),
        ("leak", true, Verdict::Review),
        ("greeting", false, Verdict::Allow),
    ] {
        let judgement = Scene::new().finding(code, blocking).judged_by(&trusting);
        assert_eq!(judgement.verdict, verdict, "{code}");
        let doubted = judgement.matched.iter().find(|matched| matched.rule == DOUBTED);
        assert_eq!(doubted.is_some(), verdict == Verdict::Review, "{code}");
        assert!(doubted.is_none_or(|matched| matched.file == BUILT_IN));
    }
    let strict = policy(&[rules("strict", &[("none", "true", Verdict::Forbid)])]);
    let judgement = Scene::new().finding("injection-suspected", false).judged_by(&strict);
    assert_eq!(judgement.verdict, Verdict::Forbid, "files may be stricter");
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
fn of_what_files_say_of_putting_back_and_keeping_the_strictest_holds() {
    let one = file(
        "one",
        "restore:\n  - { type: IBAN, to: customer, allow: false }\n  \
         - { type: CUSTOMER_NO, to: colleague, allow: true }\nretention: { placeholders: 30d }\n",
    );
    let two = file(
        "two",
        "restore:\n  - { type: CUSTOMER_NO, to: colleague, allow: false }\n  \
         - { type: PHONE, to: customer, allow: true }\nretention: { placeholders: 7d }\n",
    );
    let both = policy(&[one, two]);
    let said: Vec<_> =
        both.releases().iter().map(|one| (one.kind.as_str(), one.to, one.allow)).collect();
    assert_eq!(
        said,
        [("IBAN", Reader::Customer, false), ("CUSTOMER_NO", Reader::Colleague, false)]
    );
    assert_eq!(both.keeps_placeholders(), SignedDuration::from_hours(7 * 24));
    let silent = policy(&[rules("silent", &[])]);
    assert!(silent.releases().is_empty());
    assert_eq!(silent.keeps_placeholders(), SignedDuration::from_hours(30 * 24));
}

#[test]
fn no_policy_lets_secrets_out_keeps_placeholders_for_ever_or_holds_a_key() {
    for (rest, says) in [
        ("restore:\n  - { type: SECRET, to: customer, allow: true }\n", "never goes to a customer"),
        ("restore:\n  - { type: iban, to: customer, allow: false }\n", "not a name"),
        ("retention: { placeholders: 366d }\n", "365d"),
        ("keys: { master: 00 }\n", "keys.master_env"),
    ] {
        let told = refusal(&[file("p", rest)]);
        assert!(told.contains(says) && told.contains("p.yaml:"), "{rest}: {told}");
    }
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

#[test]
fn what_rules_ask_for_is_converted_once_however_many_they_are() {
    use notation::{Condition, Facts};
    let schema = crate::question::schema();
    let json = serde_json::json!({ "account": { "tier": "vip" } });
    let facts = Facts::new(&json);
    for _ in 0..200 {
        let rule = Condition::compile("account.tier == 'vip'", &schema).unwrap();
        // The account of these facts lacks fields, which matters to nobody who does not ask.
        assert_eq!(rule.holds_of(&facts), Ok(true));
    }
    assert_eq!(facts.conversions(), 1);
}
