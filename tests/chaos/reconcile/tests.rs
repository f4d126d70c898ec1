//! Does the reconciliation notice what must not be?

use std::sync::atomic::{AtomicU64, Ordering};

use domain::{
    approval::ApprovalState,
    draft::Binding,
    id::{AccountId, ApprovalId, ContactId, ContentId, MessageId, RunId, SignalId, TaskId},
    run::{Cause, Progress, Run},
    task::{Task, TaskKind, TaskStatus},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::chaos::{
    scene::{GATE, PLAYBOOKS, STEPS, TASKS},
    truth::Entry,
};

/// One finished run with a letter, and everything that belongs to it.
struct Story {
    ledger: Vec<Line>,
    mail: Vec<Taken>,
    truth: Truth,
}

fn fresh() -> Uuid {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(u128::from(NUMBER.fetch_add(1, Ordering::Relaxed)))
}

fn line(ask: Ask, about: &impl ToString, seen: &str, heard: Heard) -> Line {
    Line {
        at: Timestamp::UNIX_EPOCH,
        ask,
        about: about.to_string(),
        seen: seen.to_owned(),
        heard,
        why: String::new(),
        ms: 0,
    }
}

fn entry(seq: i64, event: Value) -> Entry {
    Entry { seq, at: Timestamp::UNIX_EPOCH, event }
}

impl Story {
    fn new() -> Self {
        let (run, approval) = (RunId::from_uuid(fresh()), ApprovalId::from_uuid(fresh()));
        let message = MessageId::from_uuid(fresh());
        let binding = "ab".repeat(32);
        let drill = "drill-1-1";
        let truth = Truth {
            runs: vec![a_run(run, drill)],
            approvals: vec![an_approval(approval, run, message, &binding)],
            texts: [(approval, ("Hello".to_owned(), "Dear Robin".to_owned()))].into(),
            messages: vec![a_message(message, approval, run, &binding)],
            tasks: TASKS.iter().map(|step| a_task(run, step)).collect(),
            trails: [(run, a_trail(approval, message))].into(),
            faults: Vec::new(),
            intact: true,
        };
        let mail = vec![Taken {
            at: Timestamp::UNIX_EPOCH,
            key: message.to_string(),
            message_id: format!("<{message}@vendor.example>"),
            to: vec!["robin@customer.example".to_owned()],
            subject: "Hello".to_owned(),
            body: "Dear Robin".to_owned(),
        }];
        let ledger = vec![
            line(Ask::Signal, &drill, "", Heard::Nothing),
            line(Ask::Signal, &drill, "", Heard::Accepted),
            line(Ask::Approve, &approval, &binding, Heard::Nothing),
            line(Ask::Approve, &approval, &binding, Heard::Accepted),
        ];
        Self { ledger, mail, truth }
    }

    fn rules(&self) -> Vec<&'static str> {
        let found = reconcile(&self.ledger, &self.mail, &self.truth).violations;
        found.into_iter().map(|violation| violation.rule).collect()
    }

    /// The client never heard how its approval went.
    fn forget_the_answer(&mut self) {
        for line in &mut self.ledger {
            if line.ask == Ask::Approve && line.heard == Heard::Accepted {
                line.heard = Heard::Unknown;
            }
        }
    }

    fn not_approved(&mut self, state: ApprovalState) {
        self.truth.approvals[0].state = state;
        self.truth.messages.clear();
    }
}

/// A finished run of a drill.
pub(in crate::chaos) fn a_run(id: RunId, drill: &str) -> Run {
    let cause = Cause {
        trigger: "event".to_owned(),
        signal: SignalId::from_uuid(fresh()),
        kind: "drill.letter_asked".to_owned(),
        data: json!({ "drill": drill }),
        at: Timestamp::UNIX_EPOCH,
        condition: String::new(),
    };
    serde_json::from_value(json!({
        "id": id, "playbook": PLAYBOOKS[0], "version": "v", "account": AccountId::from_uuid(fresh()),
        "cause": cause, "status": "completed", "progress": Progress::start(""), "wake_at": null,
        "priority": 0, "started_at": Timestamp::UNIX_EPOCH, "changed_at": Timestamp::UNIX_EPOCH,
    }))
    .expect("a run")
}

fn an_approval(id: ApprovalId, run: RunId, message: MessageId, binding: &str) -> Approval {
    let at = Timestamp::UNIX_EPOCH;
    serde_json::from_value(json!({
        "id": id, "run": run, "step": GATE, "playbook": PLAYBOOKS[0],
        "account": AccountId::from_uuid(fresh()), "contact": ContactId::from_uuid(fresh()),
        "action": "send_email", "risk": "low", "team": "csm", "assignee": null,
        "queued_at": at, "due_at": at, "revision": 1,
        "state": ApprovalState::Approved {
            by: domain::user::Actor::Engine, at, binding: Binding::from_hex(binding), message,
        },
        "version": {
            "number": 1, "author": { "author": "offline", "prompt": "p", "prompt_hash": "h" },
            "content": ContentId::from_uuid(fresh()), "binding": binding,
            "judgement": {
                "occasion": "draft", "verdict": "review", "policy": "p", "matched": [],
                "evaluated": 1,
            },
            "findings": [], "confidence": null, "tokens": 0, "instruction": null, "at": at,
        },
    }))
    .expect("an approval")
}

fn a_message(id: MessageId, approval: ApprovalId, run: RunId, binding: &str) -> Message {
    Message {
        id,
        approval,
        run,
        step: GATE.to_owned(),
        account: AccountId::from_uuid(fresh()),
        contact: ContactId::from_uuid(fresh()),
        channel: domain::intent::Channel::Email,
        content: ContentId::from_uuid(fresh()),
        binding: Binding::from_hex(binding),
        status: MessageStatus::Delivered,
        attempts: 1,
        next_at: Timestamp::UNIX_EPOCH,
        note: String::new(),
        queued_at: Timestamp::UNIX_EPOCH,
        settled_at: Some(Timestamp::UNIX_EPOCH),
        token: 1,
    }
}

fn a_task(run: RunId, step: &str) -> Task {
    Task {
        id: TaskId::from_uuid(fresh()),
        kind: TaskKind::Work,
        account: AccountId::from_uuid(fresh()),
        run,
        step: step.to_owned(),
        team: domain::action::Team::Csm,
        assignee: None,
        title: String::new(),
        body: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
        due_at: Timestamp::UNIX_EPOCH,
        status: TaskStatus::Open,
        outcome: None,
    }
}

fn a_trail(approval: ApprovalId, message: MessageId) -> Vec<Entry> {
    let mut events = vec![json!({ "event": "run_started" })];
    for step in STEPS {
        if step == GATE {
            events.push(json!({ "event": "approval_granted", "approval": approval }));
            events.push(json!({ "event": "message_delivered", "message": message }));
        }
        events.push(json!({ "event": "step_finished", "step": step }));
    }
    events.push(json!({ "event": "run_completed" }));
    (1..).zip(events).map(|(seq, event)| entry(seq, event)).collect()
}

#[test]
fn a_story_that_went_well_reconciles() {
    let mut story = Story::new();
    assert_eq!(story.rules(), Vec::<&str>::new());
    story.forget_the_answer();
    assert_eq!(story.rules(), Vec::<&str>::new(), "an unknown answer may have been carried out");
}

#[test]
fn ai_01_a_letter_that_was_lost_or_left_twice_is_noticed() {
    let once = "what was approved is carried out exactly once";
    let mut story = Story::new();
    story.mail.clear();
    assert_eq!(story.rules(), [once], "delivered, they say, and nobody has it");
    story.truth.messages[0].status = MessageStatus::Uncertain;
    assert_eq!(story.rules(), Vec::<&str>::new(), "visibly uncertain is honest");

    let mut story = Story::new();
    story.mail.push(story.mail[0].clone());
    assert_eq!(story.rules(), [once, once], "seen from the approval and from the sink");
    story.truth.messages[0].status = MessageStatus::Uncertain;
    assert_eq!(story.rules(), [once, once], "uncertain is no excuse for two");

    for status in [MessageStatus::Queued, MessageStatus::Failed, MessageStatus::Refused] {
        let mut story = Story::new();
        story.mail.clear();
        story.truth.messages[0].status = status;
        assert_eq!(story.rules(), [once], "{status}");
    }
    let mut story = Story::new();
    story.mail.clear();
    story.truth.messages.clear();
    assert_eq!(story.rules(), [once], "the outbox forgot it");
    let mut story = Story::new();
    story.mail.clear();
    story.not_approved(ApprovalState::Waiting { snoozed_until: None });
    assert_eq!(story.rules(), [once], "an accepted approval was forgotten");
}

#[test]
fn gv_02_a_letter_nobody_approved_is_noticed() {
    let nothing_else = "nothing leaves that nobody approved";
    let mut story = Story::new();
    story.forget_the_answer();
    story.not_approved(ApprovalState::Waiting { snoozed_until: None });
    assert_eq!(story.rules(), [nothing_else], "it left before the approval");
    story.mail.clear();
    assert_eq!(story.rules(), Vec::<&str>::new(), "an unknown answer may come to nothing");

    let mut story = Story::new();
    story.ledger.retain(|line| line.ask != Ask::Approve);
    assert_eq!(story.rules(), [nothing_else], "approved by nobody we know");

    let mut story = Story::new();
    for line in &mut story.ledger {
        if line.ask == Ask::Approve && line.heard == Heard::Accepted {
            line.heard = Heard::Refused;
        }
    }
    story.ledger.retain(|line| line.ask != Ask::Approve || line.heard != Heard::Nothing);
    assert_eq!(story.rules(), [nothing_else], "what was refused is no approval");

    let mut story = Story::new();
    story.mail[0].key = MessageId::from_uuid(fresh()).to_string();
    assert!(story.rules().contains(&nothing_else), "mail from nowhere");

    let mut story = Story::new();
    story.mail[0].body = "Dear Robin, something else".to_owned();
    assert_eq!(story.rules(), ["what leaves is what was seen"]);
    let mut story = Story::new();
    story.truth.messages[0].binding = Binding::from_hex("cd");
    assert!(story.rules().contains(&"what leaves is what was seen"));
}

#[test]
fn what_the_client_heard_is_held_against_what_is() {
    let as_heard = "what the client heard is so";
    let mut story = Story::new();
    let (id, binding) = (story.truth.approvals[0].id, "ab".repeat(32));
    story.ledger.push(line(Ask::Approve, &id, &binding, Heard::Accepted));
    assert_eq!(story.rules(), [as_heard], "one approval, accepted twice");
    let mut story = Story::new();
    story.ledger.push(line(Ask::Reject, &id, "", Heard::Accepted));
    let other = story.truth.approvals[0].id;
    story.ledger.push(line(Ask::Reject, &other, "", Heard::Accepted));
    assert_eq!(story.rules(), [as_heard, as_heard], "one unknown, one approved after all");
    let mut story = Story::new();
    let task = story.truth.tasks[0].id;
    story.ledger.push(line(Ask::Finish, &task, "", Heard::Accepted));
    assert_eq!(story.rules(), [as_heard], "a task that was finished is open");
    let mut story = Story::new();
    story.truth.tasks[0].status = TaskStatus::Done;
    assert_eq!(story.rules(), [as_heard], "a task that nobody finished is done");
}

#[test]
fn runs_that_are_missing_doubled_or_left_behind_are_noticed() {
    let mut story = Story::new();
    story.ledger.push(line(Ask::Signal, &"drill-1-2", "", Heard::Accepted));
    assert_eq!(story.rules(), ["a signal starts one run"]);
    let mut story = Story::new();
    story.ledger.push(line(Ask::Signal, &"drill-1-2", "", Heard::Unknown));
    assert_eq!(story.rules(), Vec::<&str>::new());
    let mut story = Story::new();
    story.ledger.retain(|line| line.ask != Ask::Signal);
    assert_eq!(story.rules(), ["a signal starts one run"]);

    for status in [RunStatus::Active, RunStatus::Stuck, RunStatus::Paused, RunStatus::Cancelled] {
        let mut story = Story::new();
        story.truth.runs[0].status = status;
        assert_eq!(story.rules(), ["no run is left behind"], "{status}");
    }
    let mut story = Story::new();
    story.truth.runs[0].status = RunStatus::Active;
    let message = story.truth.messages[0].id;
    story.truth.runs[0].progress.phase = domain::run::Phase::AwaitingDelivery { message };
    assert_eq!(story.rules(), ["no run is left behind"], "what it waits for has come");
    story.truth.messages[0].status = MessageStatus::Uncertain;
    assert_eq!(story.rules(), Vec::<&str>::new(), "it waits for a person, visibly");
}

#[test]
fn steps_taken_twice_or_left_out_are_noticed() {
    let twice = "no step is taken twice";
    let mut story = Story::new();
    let run = story.truth.runs[0].id;
    story.truth.tasks.push(a_task(run, TASKS[0]));
    assert_eq!(story.rules(), [twice]);
    let mut story = Story::new();
    story.truth.tasks.pop();
    assert_eq!(story.rules(), ["no step is left out"]);
    let mut story = Story::new();
    let mut again = story.truth.approvals[0].clone();
    again.id = ApprovalId::from_uuid(fresh());
    again.state = ApprovalState::Waiting { snoozed_until: None };
    story.truth.approvals.push(again);
    assert_eq!(story.rules(), [twice]);
    for event in [
        json!({ "event": "step_finished", "step": "one" }),
        json!({ "event": "run_completed" }),
        json!({ "event": "message_delivered", "message": story.truth.messages[0].id }),
    ] {
        let mut story = Story::new();
        let run = story.truth.runs[0].id;
        if let Some(trail) = story.truth.trails.get_mut(&run) {
            let first = trail.iter().find(|entry| entry.kind() == event["event"]).cloned();
            let copy = first.expect("it happened once").event;
            let seq = i64::try_from(trail.len()).expect("few events") + 1;
            trail.push(entry(seq, copy));
        }
        assert_eq!(story.rules(), [twice], "{event}");
    }
    let mut story = Story::new();
    let run = story.truth.runs[0].id;
    if let Some(trail) = story.truth.trails.get_mut(&run) {
        trail.remove(2);
    }
    assert_eq!(story.rules(), ["the trail is whole"]);
    let mut story = Story::new();
    story.truth.intact = false;
    assert_eq!(story.rules(), ["the audit trail verifies"]);
}
