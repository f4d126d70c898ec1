//! Do the policies that ship say what they promise? A case for every rule.

use std::{collections::BTreeSet, fs, path::Path};

use domain::{
    account::Segment,
    action::{Action, ActionName, Audience},
    contact::{Consent, ContactRole},
    intent::MessageClass,
    verdict::{Occasion, Verdict},
};

use crate::{Budgets, Policy, scene::Scene};

/// The shipped files, by name.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(".yaml"))
        .map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().into_string().unwrap(), text)
        })
        .collect()
}

fn shipped() -> Policy {
    Policy::compile(&files()).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A rule, what it says, a scene it matches, and one next to it that it does not match.
fn cases() -> Vec<(&'static str, Verdict, Scene, Scene)> {
    use Verdict::{Forbid, Review};
    let at_risk = |segment| {
        Scene::new().with(|scene| {
            scene.snapshot.account.segment = segment;
            scene.snapshot.account.health = Some(30.0);
        })
    };
    let confident = |confidence| {
        Scene::new()
            .draft("Hello")
            .with(|scene| scene.draft.as_mut().unwrap().confidence = confidence)
    };
    let outage = |playbook: &str, open_p1| {
        Scene::new().with(|scene| {
            scene.intent.playbook = playbook.to_owned();
            scene.snapshot.tickets.open_p1 = open_p1;
        })
    };
    let bounced = |scene: Scene| {
        scene.with(|scene| {
            scene.contact.as_mut().unwrap().bounced_at = "2026-01-01T00:00:00Z".parse().ok();
        })
    };
    vec![
        ("customer-facing-is-reviewed", Review, Scene::new(), Scene::internal()),
        (
            "executives-are-reviewed-by-a-manager",
            Review,
            Scene::new().role(ContactRole::EconomicBuyer),
            Scene::new().role(ContactRole::User),
        ),
        (
            "executives-are-reviewed-by-a-manager",
            Review,
            Scene::new().role(ContactRole::ExecSponsor),
            Scene::new().role(ContactRole::Champion),
        ),
        (
            "large-accounts-at-risk-are-reviewed-by-a-manager",
            Review,
            at_risk(Segment::Enterprise),
            at_risk(Segment::Smb),
        ),
        ("doubtful-drafts-are-reviewed", Review, confident(Some(0.4)), confident(Some(0.5))),
        // A writer that gives no confidence is not a doubtful one.
        ("doubtful-drafts-are-reviewed", Review, confident(Some(0.0)), confident(None)),
        (
            "suspected-injection-is-reviewed",
            Review,
            Scene::new().finding("injection-suspected", false),
            Scene::new().finding("unsupported-number", false),
        ),
        (
            "opted-out-contacts-are-left-alone",
            Forbid,
            Scene::new().consent(Consent::OptedOut),
            Scene::new().consent(Consent::OptedOut).class(MessageClass::Transactional),
        ),
        (
            "commercial-mail-needs-consent",
            Forbid,
            Scene::new().consent(Consent::Unknown).class(MessageClass::Commercial),
            Scene::new().consent(Consent::Granted).class(MessageClass::Commercial),
        ),
        ("bounced-addresses-are-not-written-to", Forbid, bounced(Scene::new()), Scene::new()),
        ("no-selling-during-an-outage", Review, outage("renewal", 1), outage("renewal", 0)),
        (
            "no-selling-during-an-outage",
            Review,
            outage("expansion-seats", 1),
            outage("onboarding-smb", 1),
        ),
        (
            "blocked-drafts-stay-in",
            Forbid,
            Scene::new().finding("leak", true),
            Scene::new().finding("leak", false),
        ),
        (
            "endless-drafts-are-reviewed",
            Review,
            Scene::new().draft(&"word ".repeat(401)),
            Scene::new().draft(&"word ".repeat(400)),
        ),
    ]
}

fn hits(policy: &Policy, scene: &Scene) -> BTreeSet<String> {
    scene.judged_by(policy).matched.into_iter().map(|matched| matched.rule).collect()
}

#[test]
fn every_shipped_rule_matches_its_case_and_not_the_case_next_to_it() {
    let policy = shipped();
    for (rule, verdict, yes, no) in cases() {
        let judgement = yes.judged_by(&policy);
        let matched = judgement.matched.iter().find(|matched| matched.rule == rule);
        let matched = matched.unwrap_or_else(|| panic!("`{rule}` does not match {yes:?}"));
        assert_eq!(matched.verdict, verdict, "{rule}");
        assert!(judgement.verdict >= verdict, "{rule}");
        assert!(!hits(&policy, &no).contains(rule), "`{rule}` matches {no:?}");
    }
}

#[test]
fn every_shipped_rule_has_a_case() {
    let covered: BTreeSet<&str> = cases().iter().map(|(rule, ..)| *rule).collect();
    let policy = shipped();
    let rules: BTreeSet<&str> =
        policy.files().iter().flat_map(|file| &file.rules).map(String::as_str).collect();
    assert_eq!(rules, covered, "policies/ (left) and the cases in this file (right) differ");
}

#[test]
fn ai_07_every_customer_facing_action_waits_for_a_person_at_every_occasion() {
    let policy = shipped();
    let outreach = Scene::new().intent.action.outreach().unwrap().clone();
    let actions = [
        Action::SendEmail(outreach.clone()),
        Action::SendSurvey { outreach: outreach.clone(), survey: domain::record::SurveyKind::Nps },
        Action::ProposeMeeting {
            outreach: outreach.clone(),
            minutes: 30,
            earliest: "2026-02-01".parse().unwrap(),
        },
        Action::AnswerTicket { outreach, ticket: "T-1".to_owned() },
    ];
    let customer_facing =
        ActionName::ALL.iter().filter(|name| name.audience() == Audience::Customer).count();
    assert_eq!(actions.len(), customer_facing, "an action is missing here");
    for action in actions {
        for occasion in Occasion::ALL {
            let scene = Scene::new().draft("Hello").with(|scene| {
                scene.occasion = *occasion;
                scene.intent.action = action.clone();
            });
            assert_eq!(scene.verdict(&policy), Verdict::Review, "{occasion} {action:?}");
        }
    }
    assert_eq!(Scene::internal().verdict(&policy), Verdict::Allow);
}

#[test]
fn gv_29_an_objection_stops_everything_but_transactional_mail_also_when_it_is_queued() {
    let policy = shipped();
    for class in MessageClass::ALL {
        for occasion in Occasion::ALL {
            let by_consent = Scene::new().class(*class).consent(Consent::OptedOut);
            // The opt-out came in another way than the consent state, and still counts.
            let by_date = Scene::new().class(*class).with(|scene| {
                scene.contact.as_mut().unwrap().opted_out_at = "2026-01-09T08:00:00Z".parse().ok();
            });
            for scene in [by_consent, by_date] {
                let scene = scene.draft("Hello").with(|scene| scene.occasion = *occasion);
                let expected = match class {
                    MessageClass::Transactional => Verdict::Review,
                    MessageClass::Relationship | MessageClass::Commercial => Verdict::Forbid,
                };
                assert_eq!(scene.verdict(&policy), expected, "{class} at {occasion}");
            }
        }
    }
}

#[test]
fn gv_32_commercial_mail_goes_to_nobody_who_did_not_agree() {
    let policy = shipped();
    for consent in Consent::ALL {
        let scene = Scene::new().class(MessageClass::Commercial).consent(*consent);
        let expected = if *consent == Consent::Granted { Verdict::Review } else { Verdict::Forbid };
        assert_eq!(scene.verdict(&policy), expected, "{consent}");
    }
    let vanished = Scene::new().class(MessageClass::Commercial).with(|scene| scene.contact = None);
    assert_eq!(
        vanished.verdict(&policy),
        Verdict::Forbid,
        "a contact who is gone agreed to nothing"
    );
}

#[test]
fn the_shipped_policy_is_never_laxer_than_the_law_in_domain() {
    let policy = shipped();
    for class in MessageClass::ALL {
        for consent in Consent::ALL {
            let verdict = Scene::new().class(*class).consent(*consent).verdict(&policy);
            if !consent.permits(*class) {
                assert_eq!(verdict, Verdict::Forbid, "{class} under {consent}");
            }
        }
    }
}

#[test]
fn the_shipped_files_name_owner_purpose_and_a_day_to_look_again() {
    let policy = shipped();
    let names: Vec<&str> = policy.files().iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["contact", "customer-facing", "privacy"]);
    assert_eq!(policy.overdue("2027-06-30".parse().unwrap()).count(), 0);
    assert_eq!(policy.overdue("2027-07-01".parse().unwrap()).count(), 3);
}

#[test]
fn the_shipped_redactions_budgets_and_models_are_what_the_files_say() {
    let policy = shipped();
    let redaction = policy.redaction();
    let [customer, contract] = &redaction.patterns[..] else {
        panic!("{redaction:?}");
    };
    assert_eq!((&*customer.kind, &*contract.kind), ("CUSTOMER_NO", "CONTRACT_NO"));
    assert_eq!(redaction.seen, [""; 0]);
    let pattern = regex::Regex::new(customer.expression.as_deref().unwrap()).unwrap();
    assert!(pattern.is_match("see KD-104233, please"));
    assert!(!pattern.is_match("see KD-1042334"));
    assert_eq!(
        policy.budgets(),
        Budgets { model_calls_per_run: 12, tokens_per_run: 60_000, steps_per_run: 200 }
    );
    assert!(policy.model_allowed("offline") && policy.model_allowed("gpt-4o-mini"));
}
