//! The playbooks the product ships with: in order, complete, and fit to be sent.

use std::{collections::BTreeSet, fs, path::Path};

use super::fixture;
use crate::{AssetKind, Doing, Plan, Runs, Stage, Trigger, act::Act, preview};

/// The files of the shipped playbooks, each with its assets.
pub(crate) fn files() -> Vec<Vec<(String, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks");
    let mut playbooks = Vec::new();
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names.iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut files = vec![(name, fs::read_to_string(path).unwrap())];
        let beside = path.with_extension("");
        let stem = beside.file_name().unwrap().to_str().unwrap().to_owned();
        let mut assets: Vec<_> =
            fs::read_dir(&beside).unwrap().map(|e| e.unwrap().path()).collect();
        assets.sort();
        for asset in assets {
            let name = format!("{stem}/{}", asset.file_name().unwrap().to_str().unwrap());
            files.push((name, fs::read_to_string(&asset).unwrap()));
        }
        playbooks.push(files);
    }
    playbooks
}

pub(crate) fn plans() -> Vec<Plan> {
    files()
        .iter()
        .map(|files| Plan::compile(files).unwrap_or_else(|errors| panic!("\n{errors}\n")))
        .collect()
}

fn plan(name: &str) -> Plan {
    plans().into_iter().find(|plan| plan.name == name).unwrap()
}

#[test]
fn every_shipped_playbook_is_in_order_without_a_warning() {
    for plan in plans() {
        let warnings: Vec<String> = plan.warnings().iter().map(ToString::to_string).collect();
        assert!(warnings.is_empty(), "{}", warnings.join("\n"));
    }
}

#[test]
fn lc_05_the_three_plays_of_crawl_are_there() {
    let plans = plans();
    let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
    assert_eq!(
        names,
        ["churn-risk-response", "onboarding-enterprise", "onboarding-smb", "renewal"]
    );
    assert!(plans.iter().all(|plan| plan.stage == Stage::Crawl && plan.once_per.is_some()));
}

#[test]
fn as_01_every_kind_of_asset_is_shipped() {
    let kinds: BTreeSet<AssetKind> = plans()
        .iter()
        .flat_map(|plan| plan.assets().map(|asset| asset.kind).collect::<Vec<_>>())
        .collect();
    assert_eq!(kinds.len(), AssetKind::ALL.len());
}

#[test]
fn only_three_prompts_are_needed() {
    let plans = plans();
    let prompts: BTreeSet<&str> = plans.iter().flat_map(Plan::prompts).collect();
    assert_eq!(
        prompts.into_iter().collect::<Vec<_>>(),
        ["outreach", "route-risk", "summarize-account"]
    );
}

#[test]
fn pb_12_small_companies_go_without_meetings_and_at_their_own_pace() {
    let plan = plan("onboarding-smb");
    assert_eq!(plan.weeks, (2, 2));
    let waits = plan.steps.iter().filter(|step| {
        matches!(&step.doing, Doing::WaitFor { signal, .. } if signal == "milestone.reached")
    });
    assert!(waits.count() >= 2);
    assert!(
        !plan.steps.iter().any(|step| matches!(step.doing, Doing::Act(Act::ProposeMeeting { .. })))
    );
}

#[test]
fn pb_12_larger_companies_meet_and_plan_together() {
    let plan = plan("onboarding-enterprise");
    assert_eq!(plan.weeks, (4, 8));
    assert!(
        plan.steps.iter().any(|step| matches!(step.doing, Doing::Act(Act::ProposeMeeting { .. })))
    );
    // AS-04: welcome, kick-off with its schedule, integration set-up, follow-up calls.
    for asset in
        ["welcome", "kick-off-agenda", "integration-set-up", "follow-up-call", "joint-plan"]
    {
        assert!(plan.asset(asset).is_some(), "{asset}");
    }
}

#[test]
fn np_03_a_red_account_is_escalated_within_a_day() {
    let plan = plan("churn-risk-response");
    assert!(matches!(&plan.trigger.on, Trigger::Event { signal } if signal == "health.dropped"));
    let due = plan.steps.iter().find_map(|step| match &step.doing {
        Doing::Act(Act::Escalate { due, .. }) => Some(*due),
        _ => None,
    });
    assert!(due.unwrap() <= jiff::SignedDuration::from_hours(24));
    assert_eq!(preview(&plan, &fixture::snapshot()).applies, Runs::Yes);
}

#[test]
fn np_08_renewals_start_120_90_and_60_days_ahead() {
    use domain::account::Segment::{Enterprise, MidMarket, Smb};
    let plan = plan("renewal");
    for (segment, days, starts) in [
        (Enterprise, 121, Runs::No),
        (Enterprise, 120, Runs::Yes),
        (MidMarket, 120, Runs::No),
        (MidMarket, 90, Runs::Yes),
        (Smb, 90, Runs::No),
        (Smb, 60, Runs::Yes),
        (Smb, 1, Runs::Yes),
        (Enterprise, 0, Runs::No),
        (Enterprise, -5, Runs::No),
    ] {
        let mut snapshot = fixture::snapshot();
        snapshot.account.segment = segment;
        let today = snapshot.at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let ends = today.checked_add(jiff::Span::new().days(days)).unwrap();
        snapshot.account.renewal_date = Some(ends);
        assert_eq!(preview(&plan, &snapshot).applies, starts, "{segment} {days}");
    }
    let mut unknown = fixture::snapshot();
    unknown.account.renewal_date = None;
    assert_eq!(preview(&plan, &unknown).applies, Runs::No);
    let mut gone = fixture::snapshot();
    gone.account.status = domain::account::AccountStatus::Churned;
    assert_eq!(preview(&plan, &gone).applies, Runs::No);
}

#[test]
fn letters_carry_no_scores_no_sales_pitch_and_no_gaps() {
    for plan in plans() {
        for letter in plan.assets().filter(|asset| asset.kind == AssetKind::EmailTemplate) {
            let whole = letter.text.to_lowercase();
            for word in
                ["health", "score", "churn", "risk", "arr", "upsell", "upgrade", "expand", "nrr"]
            {
                let found = whole.split(|c: char| !c.is_alphanumeric()).any(|found| found == word);
                assert!(!found, "{}/{} says `{word}`", plan.name, letter.name);
            }
            assert!(whole.contains("{{ csm.name }}"), "{}/{}", plan.name, letter.name);
            let subject = letter.subject.as_ref().unwrap();
            assert!(subject.contains("contact.first") || subject.contains("account.name"));
            for material in crate::facts::sample_materials(true, &serde_json::json!({})) {
                let body = crate::text::render(letter.body(), &material).unwrap();
                assert!(
                    !body.contains("\n\n\n\n") && !body.contains("  ,") && !body.contains("null")
                );
                let words = body.split_whitespace().count();
                assert!((60..=260).contains(&words), "{}/{}: {words}", plan.name, letter.name);
            }
        }
    }
}

#[test]
fn as_02_every_task_a_shipped_playbook_gives_comes_with_its_material() {
    let facts_of = |plan: &Plan, snapshot: &domain::snapshot::Snapshot| {
        crate::facts::of(&plan.steps, snapshot, None, &std::collections::BTreeMap::new())
    };
    let mut bare = fixture::snapshot();
    bare.csm = None;
    bare.contacts.clear();
    bare.account.renewal_date = None;
    for plan in plans() {
        for snapshot in [&fixture::snapshot(), &bare] {
            let facts = facts_of(&plan, snapshot);
            for step in &plan.steps {
                let spec = match &step.doing {
                    Doing::HumanTask(task) => task.spec(&facts),
                    Doing::Act(Act::CreateTask(work)) => work.spec(&facts),
                    Doing::Act(act) => {
                        act.action(&facts, snapshot).unwrap_or_else(|error| panic!("{error}"));
                        continue;
                    }
                    _ => continue,
                };
                let spec =
                    spec.unwrap_or_else(|error| panic!("{}/{}: {error}", plan.name, step.id));
                assert!(spec.title.contains("Acme"), "{}", spec.title);
                assert!(spec.body.len() > 200, "{}/{}", plan.name, step.id);
            }
        }
    }
}
