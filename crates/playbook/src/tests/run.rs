//! A compiled plan: its triggers, its actions and its preview.

use std::collections::BTreeMap;

use domain::{
    action::{Action, Severity},
    contact::ContactRole,
    run::Cause,
};
use jiff::{SignedDuration, Timestamp, civil::date};
use serde_json::{Value, json};

use super::{SOUND, files, fixture};
use crate::{Doing, Plan, RenderError, Runs, Trigger, preview};

fn plan(text: &str) -> Plan {
    Plan::compile(&files(text)).unwrap_or_else(|errors| panic!("{errors}"))
}

fn cause(data: Value) -> Cause {
    Cause {
        trigger: "event".to_owned(),
        signal: "sig_00000000000000000000000000000004".parse().unwrap(),
        kind: "health.dropped".to_owned(),
        data,
        at: "2026-11-22T07:00:00Z".parse().unwrap(),
        condition: String::new(),
    }
}

/// The sound playbook with another step in the place of the waiting one.
fn with_step(step: &str) -> Plan {
    plan(
        &SOUND
            .replace("    wait_for: { signal: email.replied, up_to: 5d }", &format!("    {step}"))
            .replace("steps.reply.outcome == \"received\"", "steps.reply.outcome == \"done\""),
    )
}

fn action(plan: &Plan, step: &str) -> Result<Action, RenderError> {
    let snapshot = fixture::snapshot();
    let facts = plan.facts(&snapshot, &cause(json!({})), &BTreeMap::new());
    match &plan.step(step).unwrap().doing {
        Doing::Act(act) => act.action(&facts, &snapshot),
        other => panic!("{step} does not act: {other:?}"),
    }
}

#[test]
fn steps_come_in_order_with_their_defaults() {
    let plan = plan(SOUND);
    assert_eq!(plan.first(), Some("assess"));
    assert_eq!(plan.next_after("assess").as_deref(), Some("letter"));
    assert_eq!(plan.next_after("call"), None);
    assert_eq!(plan.next_after("nowhere"), None);
    let step = plan.step("letter").unwrap();
    assert_eq!((step.retries, step.timeout), (5, SignedDuration::from_hours(14 * 24)));
    assert_eq!(plan.prompts().collect::<Vec<_>>(), ["outreach", "route-risk"]);
    assert_eq!(plan.weeks, (1, 2));
    assert!(plan.asset("hello").unwrap().text.starts_with("---\nkind: email_template"));
    assert!(plan.asset("nothing").is_none());
}

#[test]
fn conditions_see_the_account_the_signal_and_what_steps_left_behind() {
    let plan = plan(&SOUND.replace(
        "if: steps.assess.severity != \"high\"",
        "if: steps.assess.severity == \"high\" && signal.data.band == \"red\" && account.arr > 1",
    ));
    let condition = plan.step("letter").unwrap().condition.as_ref().unwrap();
    let snapshot = fixture::snapshot();
    let results = BTreeMap::from([(
        "assess".to_owned(),
        json!({ "outcome": "routed", "severity": Severity::High, "confidence": 1 }),
    )]);
    let facts = plan.facts(&snapshot, &cause(json!({ "band": "red" })), &results);
    assert_eq!(condition.holds(&facts), Ok(true));
    let facts = plan.facts(&snapshot, &cause(json!({ "band": "yellow" })), &results);
    assert_eq!(condition.holds(&facts), Ok(false));
}

#[test]
fn a_condition_about_a_step_that_never_ran_has_an_answer() {
    let plan = plan(SOUND);
    let snapshot = fixture::snapshot();
    for results in
        [BTreeMap::new(), BTreeMap::from([("assess".to_owned(), json!({ "outcome": "skipped" }))])]
    {
        let facts = plan.facts(&snapshot, &cause(json!({})), &results);
        for step in &plan.steps {
            if let Some(condition) = &step.condition {
                assert!(condition.holds(&facts).is_ok(), "{condition}");
            }
            if let Doing::Branch(arms) = &step.doing {
                for condition in arms.iter().filter_map(|arm| arm.condition.as_ref()) {
                    assert_eq!(condition.holds(&facts), Ok(false), "{condition}");
                }
            }
        }
    }
}

#[test]
fn a_task_comes_filled_in() {
    let plan = plan(SOUND);
    let facts = plan.facts(&fixture::snapshot(), &cause(json!({})), &BTreeMap::new());
    let Doing::HumanTask(task) = &plan.step("call").unwrap().doing else { panic!("no task") };
    let spec = task.spec(&facts).unwrap();
    assert_eq!(spec.title, "Call Acme");
    assert_eq!(spec.body, "# Call Acme\n\nOpen: 2");
    assert_eq!(spec.due, SignedDuration::from_hours(48));
    assert_eq!(task.up_to, None);
}

#[test]
fn a_name_of_any_length_makes_no_task_fail() {
    let plan = plan(SOUND);
    let mut snapshot = fixture::snapshot();
    snapshot.account.name = format!("{}\n{{{{ evil }}}}", "Long ".repeat(100));
    let facts = plan.facts(&snapshot, &cause(json!({})), &BTreeMap::new());
    let Doing::HumanTask(task) = &plan.step("call").unwrap().doing else { panic!("no task") };
    let title = task.spec(&facts).unwrap().title;
    assert_eq!(title.chars().count(), 200);
    assert!(title.ends_with('…') && !title.contains('\n'));
    // What a CRM holds is text, never a template.
    snapshot.account.name = "{{ contact.first }} <b>&".to_owned();
    let facts = plan.facts(&snapshot, &cause(json!({})), &BTreeMap::new());
    assert_eq!(task.spec(&facts).unwrap().title, "Call {{ contact.first }} <b>&");
}

#[test]
fn ai_02_every_entry_of_the_catalogue_becomes_its_action() {
    let message = "to: [exec_sponsor, champion], class: relationship, asset: hello, prompt: p";
    for (step, expected) in [
        ("route_risk: { prompt: p }", "route_risk"),
        ("summarize_account: { prompt: p }", "summarize_account"),
        ("create_task: { for: csm_manager, title: Look, due: 1d }", "create_task"),
        ("assign_owner: { to: csm_manager, reason: \"{{ account.segment }}\" }", "assign_owner"),
        ("update_field: { lifecycle: renewal }", "update_field"),
        ("notify_team: { team: support, text: \"{{ tickets.open }} open\" }", "notify_team"),
        ("escalate: { to: leader, reason: Look, due: 24h }", "escalate"),
        (&format!("send_email: {{ {message} }}"), "send_email"),
        (&format!("send_survey: {{ {message}, survey: nps }}"), "send_survey"),
        (&format!("propose_meeting: {{ {message}, minutes: 30, in: 3d }}"), "propose_meeting"),
        (&format!("answer_ticket: {{ {message}, ticket: latest_open }}"), "answer_ticket"),
    ] {
        let made = action(&with_step(step), "reply").unwrap();
        assert_eq!(made.name().as_str(), expected);
        assert_eq!(made.check(), Ok(()));
        if let Some(outreach) = made.outreach() {
            assert_eq!(outreach.to, [ContactRole::ExecSponsor, ContactRole::Champion]);
        }
        match made {
            Action::ProposeMeeting { earliest, .. } => assert_eq!(earliest, date(2026, 11, 25)),
            Action::AnswerTicket { ticket, .. } => assert_eq!(ticket, "T-9"),
            Action::NotifyTeam { text, .. } => assert_eq!(text, "2 open"),
            Action::AssignOwner { reason, .. } => assert_eq!(reason, "mid_market"),
            _ => {}
        }
    }
}

#[test]
fn without_an_open_ticket_there_is_none_to_answer() {
    let plan = with_step(
        "answer_ticket: { to: champion, class: relationship, asset: hello, prompt: p, \
         ticket: latest_open }",
    );
    let mut snapshot = fixture::snapshot();
    snapshot.recent_tickets.clear();
    let facts = plan.facts(&snapshot, &cause(json!({})), &BTreeMap::new());
    let Doing::Act(act) = &plan.step("reply").unwrap().doing else { panic!("no act") };
    assert_eq!(act.action(&facts, &snapshot), Err(RenderError::NoOpenTicket));
}

#[test]
fn a_text_that_finds_no_value_says_so_without_repeating_any() {
    let plan =
        with_step("notify_team: { team: csm, text: \"{{ signal.data?.secret?.key or 'x' }}\" }");
    assert!(action(&plan, "reply").is_ok());
    let mut snapshot = fixture::snapshot();
    snapshot.account.name = String::new();
    let plan = with_step("notify_team: { team: csm, text: \"{{ account.name }}\" }");
    let facts = plan.facts(&snapshot, &cause(json!({})), &BTreeMap::new());
    let Doing::Act(act) = &plan.step("reply").unwrap().doing else { panic!("no act") };
    let error = act.action(&facts, &snapshot).unwrap_err();
    assert_eq!(error.to_string(), "`text` must not be empty");
}

#[test]
fn tr_01_a_schedule_ticks_in_its_zone_across_the_change_of_clocks() {
    let text = SOUND.replace(
        "trigger: { on: manual }",
        "trigger: { on: schedule, cron: '30 6 * * 1-5', zone: Europe/Berlin }\n\
         once_per: { account: 60d }",
    );
    let plan = plan(&text);
    let Trigger::Schedule(schedule) = &plan.trigger.on else { panic!("no schedule") };
    let next = |after: &str| schedule.next(after.parse().unwrap()).unwrap();
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    // A Friday in summer time; the Monday after it is in winter time.
    assert_eq!(next("2026-10-23T04:00:00Z"), at("2026-10-23T04:30:00Z"));
    assert_eq!(next("2026-10-23T04:30:00Z"), at("2026-10-26T05:30:00Z"));
    assert_eq!(plan.once_per, Some(SignedDuration::from_hours(60 * 24)));
    assert_eq!(plan.trigger.on.to_string(), "schedule 30 6 * * 1-5 (Europe/Berlin)");
}

#[test]
fn a_preview_says_what_would_happen_and_to_whom() {
    let text = SOUND.replace("title: Small", "title: Small\nsegment: account.arr > 1000");
    insta::assert_snapshot!(preview(&plan(&text), &fixture::snapshot()), @r#"
    Starts on: by hand — applies to this account

      1.   assess: classify the risk with prompt route-risk
      2. ? letter: relationship email from asset hello
           to Ada Byron (champion)
           if steps.assess.severity != "high" — not known yet
      3.   reply: wait for email.replied, up to 5d
      4.   fork: if steps.reply.outcome == "received" go to end; go to call
      5.   call: task for csm: Call Acme (due in 2d)
    "#);
}

#[test]
fn a_preview_names_what_stands_in_the_way() {
    let text = SOUND
        .replace("title: Small", "title: Small\nsegment: account.segment == \"smb\"")
        .replace("if: steps.assess.severity != \"high\"", "if: tickets.open == 0");
    let mut snapshot = fixture::snapshot();
    snapshot.contacts.clear();
    let preview = preview(&plan(&text), &snapshot);
    assert_eq!(preview.applies, Runs::No);
    assert_eq!(preview.steps[1].runs, Runs::No);
    assert_eq!(preview.steps[1].recipient.as_deref(), Some("no contact with role champion"));
    assert!(!serde_json::to_string(&preview).unwrap().contains('@'));
}
