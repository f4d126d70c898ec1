//! Samples of everything the screens show, full and with every optional part missing.

use domain::{
    account::{Account, AccountStatus, Lifecycle, Money, Segment, Tier},
    action::{ActionName, Severity, Team},
    approval::{Approval, ApprovalState, RejectReason},
    archive::ArchiveKind,
    contact::{Consent, Contact, ContactRole},
    draft::{Attachment, Author, Binding, Fact, Finding, Letter, Manuscript, Restored, Version},
    event::{Event, FieldSet, StoredEvent, Taken},
    id::{
        AccountId, ApprovalId, ContactId, ContentId, ErasureId, MessageId, RunId, SignalId, TaskId,
        UserId,
    },
    intent::{Channel, MessageClass, Recipient},
    message::{Message, MessageStatus},
    port::{Opened, PlaybookVersion, PolicyVersion, QueueItem, Reviewed},
    record::Priority,
    run::{Cause, DeadEnd, Phase, Progress, Run, RunStatus},
    signal::Signal,
    snapshot::{ContractFacts, Snapshot, SurveyFacts, TicketBrief, TicketFacts, UsageFacts},
    task::{Task, TaskKind, TaskStatus},
    user::{Actor, Role, User},
    verdict::{Judgement, Matched, Occasion, Verdict},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::{
    api,
    moment::Moment,
    operator::AuditReport,
    page::{
        self, Choice,
        line::{MessageLine, RunLine, TaskLine},
    },
    screen::{Frame, Person, Powers, Stop},
    timeline::{self, Names},
};

/// The texts that come from outside.
pub(crate) struct Words {
    pub(super) word: String,
    pub(super) name: String,
    pub(super) line: String,
    pub(super) text: String,
}

impl Words {
    pub(crate) fn plain() -> Self {
        Self {
            word: "renewal-at-risk".to_owned(),
            name: "Northwind Logistics".to_owned(),
            line: "Your renewal in February, and a plan for the export errors".to_owned(),
            text:
                "Hello Ann,\n\nyour team opened three tickets about the CSV export this month, and \
                   use fell by 38 %. That is not what you bought it for.\n\nCould we take 20 \
                   minutes this week to go through a fix and a plan up to your renewal on 14 \
                   February?\n\nMaria"
                    .to_owned(),
        }
    }

    pub(super) fn hostile() -> Self {
        let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> \" onmouseover=\"x";
        Self {
            word: format!("{evil}{{{{ frame.title }}}}"),
            name: format!("\u{202e}شركة الاختبار {evil} {}", "Lang".repeat(60)),
            line: format!("{evil}\r\nBcc: x@example.com {}", "ü".repeat(300)),
            text: format!("{evil}\n</textarea></pre>\u{0}\u{feff}{}", "w".repeat(4000)),
        }
    }
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T07:10:00Z".parse().unwrap()
}

fn hours(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000 + number)
}

pub(crate) fn user() -> User {
    User {
        id: UserId::from_uuid(id(1)),
        email: "maria@example.com".to_owned(),
        name: "Maria Keller".to_owned(),
        role: Role::Csm,
        since: None,
        disabled_at: None,
    }
}

pub(super) fn actor() -> Actor {
    Actor::User { id: user().id }
}

pub(super) fn names() -> Names {
    let mut names = Names::of_users(&[user()]);
    names.accounts.insert(AccountId::from_uuid(id(2)), "Northwind Logistics".to_owned());
    names
}

fn named(words: &Words) -> Names {
    let mut names = names();
    names.accounts.insert(AccountId::from_uuid(id(2)), words.name.clone());
    names
}

fn account(words: &Words, full: bool) -> Account {
    Account {
        id: AccountId::from_uuid(id(2)),
        source: "hubspot".to_owned(),
        source_id: words.word.clone(),
        name: words.name.clone(),
        domain: full.then(|| words.word.clone()),
        industry: full.then(|| words.word.clone()),
        employees: full.then_some(240),
        segment: Segment::MidMarket,
        tier: Tier::HighTouch,
        lifecycle: Lifecycle::Renewal,
        status: AccountStatus::Active,
        csm: full.then(|| user().id),
        region: full.then(|| words.word.clone()),
        time_zone: full.then(|| "Europe/Berlin".to_owned()),
        arr: Money { minor: 4_800_000, currency: "EUR".to_owned() },
        contract_start: full.then(|| "2024-02-15".parse().unwrap()),
        renewal_date: full.then(|| "2027-02-14".parse().unwrap()),
        health: full.then_some(41.0),
        previous_health: full.then_some(63.0),
        as_of: hours(-2),
    }
}

fn cause(words: &Words, full: bool) -> Cause {
    Cause {
        trigger: if full { "event" } else { "manual" }.to_owned(),
        signal: SignalId::from_uuid(id(3)),
        kind: "health.dropped".to_owned(),
        data: if full {
            json!({ "from": 63, "to": 41, "band": "red", "note": words.line })
        } else {
            json!(null)
        },
        at: hours(-3),
        condition: if full { "account.health < 50".to_owned() } else { String::new() },
    }
}

fn judgement(words: &Words, full: bool) -> Judgement {
    Judgement {
        occasion: Occasion::Draft,
        verdict: Verdict::Review,
        policy: "5f2c9a7b1e".repeat(6),
        matched: if full {
            vec![Matched {
                file: "customer-facing.yaml".to_owned(),
                rule: "review-all".to_owned(),
                verdict: Verdict::Review,
                reason: words.line.clone(),
                reviewer: Some(Team::Csm),
            }]
        } else {
            Vec::new()
        },
        evaluated: 7,
    }
}

fn findings(words: &Words) -> Vec<Finding> {
    vec![
        Finding {
            code: "injection-suspected".to_owned(),
            detail: "the customer's text asks to ignore instructions".to_owned(),
            blocking: false,
            place: None,
        },
        Finding {
            code: "unsupported-number".to_owned(),
            detail: "38 % is in the text and in no fact.".to_owned(),
            blocking: false,
            place: None,
        },
        Finding {
            code: "placeholder".to_owned(),
            detail: words.line.clone(),
            blocking: true,
            place: None,
        },
    ]
}

/// A recipient as the store reads it back.
fn stored(recipient: serde_json::Value) -> Recipient {
    serde_json::from_value(recipient).unwrap()
}

fn letter(words: &Words, full: bool) -> Letter {
    Letter {
        recipient: stored(json!({
            "contact": ContactId::from_uuid(id(4)),
            "name": words.name,
            "address": "ann@northwind.example",
            "role": ContactRole::Champion,
        })),
        channel: Channel::Email,
        class: MessageClass::Relationship,
        subject: words.line.clone(),
        body: words.text.clone(),
        attachments: if full {
            vec![Attachment { name: words.word.clone(), sha256: "ab".repeat(32) }]
        } else {
            Vec::new()
        },
    }
}

fn version(words: &Words, number: i64, full: bool) -> Opened {
    let letter = letter(words, full);
    let content = ContentId::from_uuid(id(5));
    let fact = |id: &str, label: &str| Fact {
        id: id.to_owned(),
        label: label.to_owned(),
        value: words.line.clone(),
        source: words.word.clone(),
    };
    Opened {
        version: Version {
            number,
            author: if full {
                Author::Offline { prompt: "outreach".to_owned(), prompt_hash: "cd".repeat(32) }
            } else {
                Author::Person { user: user().id }
            },
            content,
            binding: Binding::of(content, &letter, "policy"),
            judgement: judgement(words, full),
            findings: if full { findings(words) } else { Vec::new() },
            confidence: full.then_some(0.62),
            tokens: 812,
            instruction: full.then(|| words.line.clone()),
            at: hours(-1),
        },
        manuscript: Some(Manuscript {
            letter,
            facts: if full { vec![fact("f1", "Renewal"), fact("f2", "Tickets")] } else { vec![] },
            used: vec!["f1".to_owned()],
            seen_by_model: if full { words.text.clone() } else { String::new() },
            restored: if full { restored(words) } else { Vec::new() },
        }),
    }
}

fn restored(words: &Words) -> Vec<Restored> {
    let line = |placeholder: &str, kind: Option<&str>, value: Option<&String>| Restored {
        placeholder: placeholder.to_owned(),
        kind: kind.map(str::to_owned),
        count: 2,
        value: value.cloned(),
    };
    vec![
        line("[PERSON_1]", Some("PERSON"), Some(&words.line)),
        line("[CREDIT_CARD_1]", Some("CREDIT_CARD"), None),
        line("[EMAIL_9]", None, None),
    ]
}

pub(crate) fn reviewed(words: &Words, full: bool) -> Reviewed {
    let mut versions = vec![version(words, 1, full)];
    if full {
        versions[0].manuscript = None;
        versions.push(version(words, 2, true));
    }
    let current = versions.last().unwrap().version.clone();
    Reviewed {
        verdict: current.judgement.in_words(),
        item: QueueItem {
            approval: Approval {
                id: ApprovalId::from_uuid(id(6)),
                run: RunId::from_uuid(id(7)),
                step: "outreach".to_owned(),
                playbook: words.word.clone(),
                account: AccountId::from_uuid(id(2)),
                contact: ContactId::from_uuid(id(4)),
                channel: Channel::Email,
                action: ActionName::SendEmail,
                risk: Severity::High,
                team: Team::Csm,
                assignee: full.then(|| user().id),
                queued_at: hours(-1),
                due_at: hours(3),
                state: ApprovalState::Waiting { snoozed_until: full.then(|| hours(1)) },
                revision: 2,
                version: current,
            },
            account_name: words.name.clone(),
            contact_name: words.name.clone(),
            assignee_name: full.then(|| words.name.clone()),
        },
        account: account(words, full),
        cause: cause(words, full),
        versions,
    }
}

pub(crate) fn run(words: &Words, full: bool) -> Run {
    Run {
        id: RunId::from_uuid(id(7)),
        playbook: words.word.clone(),
        version: "77aa".repeat(16),
        account: AccountId::from_uuid(id(2)),
        cause: cause(words, full),
        status: if full { RunStatus::Stuck } else { RunStatus::Active },
        progress: Progress {
            phase: Phase::AwaitingApproval { approval: ApprovalId::from_uuid(id(6)) },
            dead_end: full
                .then(|| DeadEnd { code: "model-unreachable".to_owned(), why: words.line.clone() }),
            ..Progress::start(if full { "outreach" } else { "" })
        },
        wake_at: full.then(|| hours(4)),
        started_at: hours(-3),
        changed_at: hours(-1),
    }
}

fn task(words: &Words, number: u128, full: bool) -> Task {
    Task {
        id: TaskId::from_uuid(id(100 + number)),
        kind: if full { TaskKind::Escalation } else { TaskKind::Work },
        account: AccountId::from_uuid(id(2)),
        run: RunId::from_uuid(id(7)),
        step: "escalate".to_owned(),
        team: Team::CsmManager,
        assignee: full.then(|| user().id),
        title: words.line.clone(),
        body: if full { words.text.clone() } else { String::new() },
        created_at: hours(-30),
        due_at: hours(-2),
        status: TaskStatus::Open,
        outcome: full.then(|| words.line.clone()),
    }
}

fn message(words: &Words, status: MessageStatus, full: bool) -> Message {
    Message {
        id: MessageId::from_uuid(id(8)),
        approval: ApprovalId::from_uuid(id(6)),
        run: RunId::from_uuid(id(7)),
        step: "outreach".to_owned(),
        account: AccountId::from_uuid(id(2)),
        contact: ContactId::from_uuid(id(4)),
        channel: Channel::Email,
        content: ContentId::from_uuid(id(5)),
        binding: Binding::from_hex("ab"),
        status,
        attempts: 1,
        next_at: hours(1),
        note: if full { words.line.clone() } else { String::new() },
        queued_at: hours(-1),
        settled_at: full.then(|| hours(0)),
        token: 1,
    }
}

fn snapshot(words: &Words, full: bool) -> Snapshot {
    let contact = Contact {
        id: ContactId::from_uuid(id(4)),
        account: AccountId::from_uuid(id(2)),
        source: "hubspot".to_owned(),
        source_id: "c1".to_owned(),
        email: Some("ann@northwind.example".to_owned()),
        first: words.name.clone(),
        last: String::new(),
        title: Some(words.line.clone()),
        role: ContactRole::Champion,
        phone: Some(words.word.clone()),
        locale: None,
        time_zone: None,
        consent: Consent::OptedOut,
        opted_out_at: Some(now()),
        bounced_at: Some(now()),
    };
    Snapshot {
        account: account(words, full),
        csm: full.then(user),
        contacts: if full { vec![contact] } else { Vec::new() },
        usage: if full {
            UsageFacts {
                active_days_28: 11,
                events_28: 420,
                events_prior_28: 680,
                ..Default::default()
            }
        } else {
            UsageFacts { days_since_last: 9999, ..Default::default() }
        },
        tickets: TicketFacts {
            open: 3,
            open_p1: 1,
            csat_90: if full { 2.5 } else { 0.0 },
            ..Default::default()
        },
        survey: SurveyFacts { nps: if full { 4 } else { -1 }, days_since_nps: 20 },
        contract: ContractFacts {
            plan: if full { words.word.clone() } else { String::new() },
            ..Default::default()
        },
        recent_tickets: if full {
            vec![TicketBrief {
                source_id: "T-17".to_owned(),
                subject: words.line.clone().into(),
                body: words.text.clone().into(),
                priority: Priority::P1,
                opened_at: hours(-40),
                open: true,
            }]
        } else {
            Vec::new()
        },
        at: now(),
    }
}

pub(super) fn frame(words: &Words, title: &str, full: bool) -> Frame {
    let mut frame = Frame::outside(title);
    frame.here = "today";
    frame.person = Some(Person {
        name: words.name.clone(),
        email: "maria@example.com".to_owned(),
        role: "csm",
    });
    frame.may = Powers { decide: true, operate: true, kill: true, audit: true };
    if full {
        frame.stops = vec![Stop {
            scope: "all".to_owned(),
            what: "all messages".to_owned(),
            by: words.name.clone(),
            at: Moment::of(hours(-1), now()),
            reason: words.line.clone(),
        }];
        frame = frame.done(Some("approved"));
    }
    frame
}

fn choices(words: &Words) -> Vec<Choice> {
    vec![
        Choice::new(&words.word, words.name.clone(), Some(&words.word)),
        Choice::new("b", "B", None),
    ]
}

pub(super) fn today(words: &Words, full: bool) -> page::today::Today {
    if !full {
        return page::today::Today::default();
    }
    let names = named(words);
    let item = reviewed(words, true).item;
    let about = snapshot(words, true);
    let mut calm = item.clone();
    calm.approval.risk = Severity::Low;
    calm.approval.version.findings.clear();
    calm.assignee_name = None;
    page::today::Today {
        lines: vec![
            page::today::Line::new(&item, Some(&about), now()),
            page::today::Line::new(&calm, None, now()),
        ],
        total: 2.into(),
        mine: true,
        elsewhere: Some(7.into()),
        filtered: true,
        who: choices(words),
        playbooks: choices(words),
        actions: choices(words),
        sorts: choices(words),
        more: Some("/?cursor=x".to_owned()),
        as_of: Some(Moment::of(hours(-2), now())),
        tasks: (0..2).map(|n| TaskLine::new(&task(words, n, n == 0), &names, now())).collect(),
        tasks_total: 12.into(),
        stuck: vec![RunLine::new(&run(words, true), &names, now())],
        stuck_total: 1.into(),
        uncertain: vec![MessageLine::new(
            &message(words, MessageStatus::Uncertain, true),
            &names,
            now(),
        )],
        uncertain_total: 1.into(),
    }
}

pub(super) fn approval(words: &Words, full: bool) -> page::approval::View {
    let mut view = page::approval::view(&reviewed(words, full), &named(words), now());
    view.people = choices(words);
    if full {
        view.also = 2;
        view.health = insight::health::assess(&snapshot(words, true))
            .as_ref()
            .map(page::account::HealthView::new);
        view.unsaved =
            Some(page::approval::Unsaved { subject: words.line.clone(), body: words.text.clone() });
    }
    view
}

fn hidden(words: &Words) -> Vec<page::bulk::Hidden> {
    vec![page::bulk::Hidden { name: "playbook", value: words.word.clone() }]
}

pub(super) fn runs(words: &Words, full: bool) -> page::run::List {
    let lines = vec![RunLine::new(&run(words, full), &named(words), now())];
    let text = |text: &str| if full { text.to_owned() } else { String::new() };
    page::run::List {
        total: if full { 1.into() } else { 0.into() },
        lines: if full { lines } else { Vec::new() },
        narrowed: full,
        told: full.then(|| "1 run was paused.".to_owned()),
        statuses: choices(words),
        playbooks: choices(words),
        step: text(&words.word),
        code: text(&words.line),
        older_than: text("3d"),
        codes: vec!["model-unreachable"],
        kept: if full { hidden(words) } else { Vec::new() },
        fields: if full { hidden(words) } else { Vec::new() },
        actions: choices(words),
        goes_back: full,
        more: full.then(|| "/runs?cursor=x".to_owned()),
    }
}

pub(super) fn bulk(words: &Words, full: bool) -> page::bulk::View {
    page::bulk::View {
        action: if full { "cancel" } else { "pause" },
        verb: if full { "Cancel" } else { "Pause" },
        cancels: full,
        from: full.then(|| words.word.clone()),
        count: if full { 312 } else { 0 },
        left_alone: if full { 4 } else { 0 },
        kept: vec![page::bulk::Kept {
            playbook: words.word.clone(),
            step: words.word.clone(),
            why: words.line.clone(),
            count: 7,
        }],
        groups: vec![page::bulk::Group {
            playbook: words.word.clone(),
            status: "stuck",
            step: words.word.clone(),
            count: 312,
        }],
        first: vec![RunLine::new(&run(words, full), &named(words), now())],
        fields: if full { hidden(words) } else { Vec::new() },
        back: "/runs".to_owned(),
    }
}

fn trail(words: &Words) -> Vec<StoredEvent> {
    let mut events = events();
    events.push(Event::TaskFinished {
        task: TaskId::from_uuid(id(100)),
        outcome: words.line.clone(),
    });
    (1..)
        .zip(events)
        .map(|(seq, event)| StoredEvent {
            stream: RunId::from_uuid(id(7)).to_string(),
            seq,
            at: hours(-3).as_microsecond() + seq * 60_000_000,
            actor: serde_json::to_string(&if seq % 3 == 0 { actor() } else { Actor::Engine })
                .unwrap(),
            data: serde_json::to_string(&event).unwrap(),
            prev: vec![0; 32],
            hash: vec![7; 32],
        })
        .collect()
}

fn entries(words: &Words) -> Vec<timeline::Entry> {
    trail(words).iter().map(|event| timeline::entry(event, &named(words))).collect()
}

pub(super) fn run_view(words: &Words, full: bool) -> page::run::View {
    let events = if full { entries(words) } else { Vec::new() };
    page::run::view(&run(words, full), &named(words), events, now())
}

pub(super) fn tasks(words: &Words, full: bool) -> page::task::List {
    let line = |n| TaskLine::new(&task(words, n, n != 1), &named(words), now());
    page::task::List {
        lines: if full { vec![line(1), line(2)] } else { Vec::new() },
        total: 2.into(),
        statuses: choices(words),
        who: choices(words),
        more: full.then(|| "/tasks?cursor=x".to_owned()),
    }
}

pub(super) fn accounts(words: &Words, full: bool) -> page::account::List {
    let line = |full| page::account::Line::new(&account(words, full), &named(words));
    page::account::List {
        lines: if full { vec![line(true), line(false)] } else { Vec::new() },
        total: 2.into(),
        text: if full { words.word.clone() } else { String::new() },
        more: full.then(|| "/accounts?cursor=x".to_owned()),
    }
}

pub(super) fn account_view(words: &Words, full: bool) -> page::account::View {
    let snapshot = snapshot(words, full);
    let everything = api::account::View {
        health: insight::health::assess(&snapshot),
        snapshot,
        runs: if full { vec![run(words, true)] } else { Vec::new() },
        signals: if full {
            vec![Signal {
                id: SignalId::from_uuid(id(3)),
                source: words.word.clone(),
                event_id: "e1".to_owned(),
                kind: "health.dropped".to_owned(),
                account: AccountId::from_uuid(id(2)),
                at: hours(-3),
                received_at: hours(-3),
                data: json!({ "said": words.line }),
                run: None,
            }]
        } else {
            Vec::new()
        },
    };
    let mut view = page::account::view(&everything, &named(words), now());
    if full {
        view.playbooks = choices(words);
    }
    view
}

pub(super) fn outbox(words: &Words, full: bool) -> page::outbox::List {
    let line = |status, full| MessageLine::new(&message(words, status, full), &named(words), now());
    page::outbox::List {
        lines: if full {
            vec![
                line(MessageStatus::Uncertain, true),
                line(MessageStatus::Queued, false),
                line(MessageStatus::Delivered, true),
            ]
        } else {
            Vec::new()
        },
        total: 3.into(),
        statuses: choices(words),
        more: full.then(|| "/outbox?cursor=x".to_owned()),
    }
}

pub(super) fn catalogue(words: &Words, full: bool) -> page::catalogue::View {
    if !full {
        return page::catalogue::View::default();
    }
    let files = vec![(words.word.clone(), words.text.clone())];
    let playbook = PlaybookVersion {
        name: words.word.clone(),
        version: "ef".repeat(32),
        files: files.clone(),
        active: true,
        concurrency: None,
        loaded_at: hours(-9),
    };
    let policy = PolicyVersion { version: "ab".repeat(32), files, activated_at: hours(-9) };
    page::catalogue::view(vec![playbook], Some(policy), now())
}

pub(super) fn stop(words: &Words, full: bool) -> page::stop::View {
    page::stop::View { scopes: if full { choices(words) } else { Vec::new() } }
}

pub(super) fn audit(words: &Words, full: bool) -> page::audit::View {
    if !full {
        return page::audit::View::default();
    }
    page::audit::View {
        events: entries(words)
            .into_iter()
            .map(|entry| page::run::EventLine::new(entry, now()))
            .collect(),
        report: Some(AuditReport {
            intact: false,
            streams: 3,
            archived: 1,
            events: 120,
            checkpoints: 2,
            faults: vec![words.line.clone()],
        }),
    }
}

/// One event of every kind.
#[expect(clippy::too_many_lines, reason = "one sample for each event")]
pub(super) fn events() -> Vec<Event> {
    let words = Words::plain();
    let account = AccountId::from_uuid(id(2));
    let approval = ApprovalId::from_uuid(id(6));
    let message = MessageId::from_uuid(id(8));
    let content = ContentId::from_uuid(id(5));
    let user = user().id;
    let step = || "outreach".to_owned();
    let hash = || "cd".repeat(32);
    let judgement = || judgement(&words, true);
    let binding = || Binding::from_hex("ab");
    vec![
        Event::RunStarted {
            playbook: words.word.clone(),
            version: hash(),
            account,
            cause: cause(&words, true),
        },
        Event::StepStarted { step: step() },
        Event::StepSkipped { step: step(), condition: "account.health < 50".to_owned() },
        Event::StepFinished {
            step: step(),
            outcome: "done".to_owned(),
            result: json!({ "severity": "high" }),
            taken: None,
        },
        Event::StepFinished {
            step: step(),
            outcome: "done".to_owned(),
            result: json!({}),
            taken: Some(Taken {
                action: ActionName::UpdateField,
                judgement: judgement(),
                set: Some(FieldSet { field: "lifecycle".to_owned(), value: "renewal".to_owned() }),
            }),
        },
        Event::StepRetried {
            step: step(),
            attempt: 2,
            why: "model is unavailable".to_owned(),
            until: hours(1),
        },
        Event::RunStuck {
            step: step(),
            dead_end: DeadEnd { code: "x".to_owned(), why: "the model refuses".to_owned() },
        },
        Event::RunCompleted {},
        Event::RunPaused {},
        Event::RunResumed {},
        Event::RunCancelled { reason: "they left".to_owned() },
        Event::RunRetried {},
        Event::RunRewound {
            from: "reply".to_owned(),
            to: "outreach".to_owned(),
            again: vec!["outreach".to_owned(), "reply".to_owned()],
        },
        Event::RunMigrated {
            from: "9f86d081884c7d659a2feaa0".to_owned(),
            to: "60303ae22b998861bce3b28f".to_owned(),
            step_from: "outreach".to_owned(),
            step_to: "letter".to_owned(),
        },
        Event::IntentJudged {
            step: step(),
            action: ActionName::SendEmail,
            contact: Some(ContactId::from_uuid(id(4))),
            judgement: judgement(),
        },
        Event::RecipientMissing { step: step(), action: ActionName::SendEmail },
        Event::ModelCalled { step: step(), prompt: "outreach".to_owned(), prompt_hash: hash() },
        Event::ModelAnswered {
            step: step(),
            author: "offline".to_owned(),
            tokens: 0,
            result: json!({ "category": "support" }),
            findings: findings(&words),
        },
        Event::DraftWritten {
            step: step(),
            approval,
            version: 1,
            author: "offline".to_owned(),
            content,
            content_hash: hash(),
            binding: binding(),
            judgement: judgement(),
            findings: findings(&words),
            tokens: 0,
        },
        Event::ApprovalRequested { step: step(), approval, assignee: Some(user), due_at: hours(3) },
        Event::ApprovalGranted {
            approval,
            version: 2,
            binding: binding(),
            judgement: judgement(),
            message,
        },
        Event::ApprovalEdited {
            approval,
            version: 2,
            content,
            content_hash: hash(),
            binding: binding(),
            judgement: judgement(),
        },
        Event::ApprovalRejected {
            approval,
            reason: RejectReason::WrongTiming,
            note: "after the outage".to_owned(),
        },
        Event::RedraftRequested { approval, instruction: "shorter".to_owned() },
        Event::ApprovalSnoozed { approval, until: hours(4) },
        Event::ApprovalReassigned { approval, to: user },
        Event::ApprovalExpired { approval },
        Event::ApprovalWithdrawn { approval },
        Event::DecisionRefused { approval, why: "policy forbids it".to_owned() },
        Event::TaskCreated {
            step: step(),
            task: TaskId::from_uuid(id(100)),
            title: "Call the sponsor".to_owned(),
        },
        Event::TaskFinished { task: TaskId::from_uuid(id(100)), outcome: "called".to_owned() },
        Event::OwnerAssigned {
            step: step(),
            account,
            to: Some(user),
            reason: "high risk".to_owned(),
        },
        Event::FieldUpdated {
            step: step(),
            account,
            field: "lifecycle".to_owned(),
            value: "renewal".to_owned(),
        },
        Event::DeliveryStarted { message, attempt: 1 },
        Event::MessageDelivered { message, note: "250 queued".to_owned() },
        Event::MessageRefused { message, why: "the contact has opted out".to_owned() },
        Event::MessageFailed { message, why: "550 no such user".to_owned() },
        Event::MessageUncertain { message, why: "no answer after the text".to_owned() },
        Event::DeliveryRetried { message, why: "connection refused".to_owned(), until: hours(1) },
        Event::MessageResolved { message, resolution: "it arrived".to_owned() },
        Event::SignalReceived { step: step(), kind: "email.replied".to_owned() },
        Event::PlaybookLoaded { name: words.word.clone(), version: hash() },
        Event::PolicyActivated { version: hash(), files: vec!["a.yaml".to_owned()] },
        Event::KillEngaged { scope: "all".to_owned(), reason: "drill".to_owned() },
        Event::KillReleased { scope: "all".to_owned() },
        Event::DataImported {
            source: "hubspot".to_owned(),
            read: 10,
            inserted: 4,
            updated: 3,
            unchanged: 2,
            rejected: 1,
        },
        Event::TriggerSuppressed {
            playbook: words.word.clone(),
            account,
            kind: "health.dropped".to_owned(),
            why: "an earlier run is too recent".to_owned(),
        },
        Event::UserAdded { user, role: "csm".to_owned() },
        Event::SignedIn { user },
        Event::AccessIssued { user, what: "token".to_owned() },
        Event::HistoryArchived {
            file: "runs-2026-03.jsonl.gz".to_owned(),
            kind: ArchiveKind::Runs,
            sha256: hash(),
            items: 12,
            events: 120,
            root: hash(),
        },
        Event::BackupTaken { bytes: 4096, sha256: hash() },
        Event::DatabaseRestored { copied_at: Some(now()), held: 2 },
        Event::PersonErased {
            erasure: ErasureId::from_uuid(id(90)),
            contact: ContactId::from_uuid(id(91)),
            account: AccountId::from_uuid(id(2)),
            receipt: hash(),
        },
        Event::PersonExported { contact: ContactId::from_uuid(id(91)), sha256: hash() },
        Event::PlaceholdersForgotten { runs: 3, before: now() },
        Event::MasterKeyChanged { from: vec!["00".repeat(8)], to: "11".repeat(8) },
        Event::MasterKeyRotated { key: "11".repeat(8), rewrapped: 12 },
    ]
}
