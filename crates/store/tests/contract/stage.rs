//! What cases play with: an account with a contact, users, runs, approvals.

use domain::{
    account::{Lifecycle, Money},
    action::{ActionName, Severity, Team},
    approval::{Approval, ApprovalState},
    contact::{Consent, ContactRole},
    content::Sealed,
    draft::{Author, Binding, Letter, Version},
    event::{Event, NewEvent},
    id::{AccountId, ApprovalId, ContactId, ContentId, RunId, SignalId, UserId},
    intent::{Channel, MessageClass},
    message::Outgoing,
    port::{Access, Customers, Inbox, Intake, Journal},
    record::{AccountRow, ContactRow, Record, Row},
    run::{Cause, Claimed, NewRun, Phase, Progress, RunStatus, Started},
    turn::{Committed, Settled, Settlement, Turn},
    user::{Actor, Role, User},
    verdict::{Judgement, Occasion, Verdict},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::backend::Backend;

pub(crate) const SOURCE: &str = "crm";

/// A lease long enough for any case.
pub(crate) const LONG: SignedDuration = SignedDuration::from_mins(10);

pub(crate) fn record(source_id: &str, row: Row) -> Record {
    let hash = format!("{row:?}");
    Record { source_id: source_id.to_owned(), row_hash: hash, row }
}

pub(crate) fn account_row(name: &str) -> AccountRow {
    AccountRow {
        name: name.to_owned(),
        domain: None,
        industry: None,
        employees: None,
        segment: None,
        tier: None,
        lifecycle: None,
        status: None,
        csm_email: None,
        csm_name: None,
        csm_since: None,
        region: None,
        time_zone: None,
        arr: None,
        contract_start: None,
        renewal_date: None,
        health: None,
    }
}

pub(crate) fn contact_row(account: &str, email: &str) -> ContactRow {
    ContactRow {
        account: account.to_owned(),
        email: Some(email.to_owned()),
        first: "Ann".to_owned(),
        last: "Lee".to_owned(),
        title: None,
        role: ContactRole::Champion,
        phone: None,
        locale: None,
        time_zone: None,
        consent: Consent::Contractual,
        opted_out_at: None,
    }
}

/// An account with a CSM and a contact.
pub(crate) struct Stage<'a> {
    pub(crate) backend: &'a Backend,
    pub(crate) account: AccountId,
    pub(crate) contact: ContactId,
    pub(crate) csm: UserId,
}

impl<'a> Stage<'a> {
    pub(crate) async fn new(backend: &'a Backend) -> Self {
        let mut account = account_row("Acme");
        account.csm_email = Some("Maria@example.com".to_owned());
        account.csm_name = Some("Maria Diaz".to_owned());
        account.lifecycle = Some(Lifecycle::Adoption);
        account.arr = Some(Money { minor: 1_200_000, currency: "EUR".to_owned() });
        let records = vec![
            record("A-1", Row::Account(account)),
            record("C-1", Row::Contact(contact_row("A-1", "ann@acme.test"))),
        ];
        let store = &backend.store;
        store.absorb(SOURCE, records, backend.now(), false).await.unwrap();
        let account = store.find_account("A-1").await.unwrap().remove(0);
        let snapshot = store.snapshots(&[account.id], backend.now()).await.unwrap().remove(0);
        Self {
            backend,
            account: account.id,
            contact: snapshot.contacts[0].id,
            csm: account.csm.unwrap(),
        }
    }

    pub(crate) fn by(&self) -> Actor {
        Actor::User { id: self.csm }
    }

    pub(crate) async fn add_user(&self, email: &str, role: Role) -> User {
        let user = User {
            id: UserId::new(&*self.backend.clock),
            email: email.to_owned(),
            name: email.to_owned(),
            role,
            since: None,
            disabled_at: None,
        };
        self.backend.store.add_user(&user, &self.by(), self.backend.now()).await.unwrap()
    }

    pub(crate) fn cause(&self) -> Cause {
        Cause {
            trigger: "manual".to_owned(),
            signal: SignalId::new(&*self.backend.clock),
            kind: "manual.requested".to_owned(),
            data: json!({}),
            at: self.backend.now(),
            condition: String::new(),
        }
    }

    pub(crate) fn new_run(&self, key: &str) -> NewRun {
        NewRun {
            id: RunId::new(&*self.backend.clock),
            playbook: "renewal".to_owned(),
            version: "v1".to_owned(),
            account: self.account,
            cause: self.cause(),
            priority: domain::run::Priority::Normal,
            progress: Progress::start("outreach"),
            once_since: None,
            key: key.to_owned(),
        }
    }

    /// Starts a run.
    pub(crate) async fn run(&self, key: &str) -> RunId {
        let answers =
            self.backend.store.start(vec![self.new_run(key)], self.backend.now()).await.unwrap();
        match answers[..] {
            [Started::New(id)] => id,
            ref other => panic!("not started: {other:?}"),
        }
    }

    /// Claims the one run that is due.
    pub(crate) async fn claim(&self, ttl: SignedDuration) -> Claimed {
        let mut claimed = self.backend.store.claim(self.backend.now(), 10, ttl).await.unwrap();
        assert_eq!(claimed.len(), 1, "one run is due");
        claimed.remove(0)
    }

    /// A turn that says which step began, and parks the run.
    pub(crate) fn turn(&self, claimed: &Claimed) -> Turn {
        let event = Event::StepStarted { step: "outreach".to_owned() };
        let mut progress = claimed.run.progress.clone();
        progress.steps_begun += 1;
        Turn {
            lease: claimed.lease,
            progress,
            status: RunStatus::Active,
            wake_at: None,
            keep: false,
            events: vec![self.event(claimed.run.id, event)],
            effects: Vec::new(),
            approvals: Vec::new(),
            contents: Vec::new(),
            outbox: Vec::new(),
            pseudonyms: None,
        }
    }

    pub(crate) fn event(&self, run: RunId, event: Event) -> NewEvent {
        NewEvent::of_run(run, self.backend.now(), Actor::Engine, event)
    }

    /// The letter every draft here is.
    pub(crate) fn letter(&self) -> Letter {
        letter_to(self.contact)
    }

    pub(crate) fn version(&self, number: i64) -> (Version, Sealed) {
        let content = ContentId::new(&*self.backend.clock);
        let version = Version {
            number,
            author: Author::Offline { prompt: "renewal".to_owned(), prompt_hash: "00".to_owned() },
            content,
            binding: Binding::of(content, &self.letter(), "p1"),
            judgement: Judgement {
                occasion: Occasion::Draft,
                verdict: Verdict::Allow,
                policy: "p1".to_owned(),
                matched: Vec::new(),
                evaluated: 3,
            },
            findings: Vec::new(),
            confidence: Some(0.8),
            tokens: 100,
            instruction: None,
            at: self.backend.now(),
        };
        let sealed =
            Sealed { id: content, subject: self.contact, bytes: vec![0, 255, 7, 39, 92, 0] };
        (version, sealed)
    }

    pub(crate) fn approval(&self, run: RunId) -> (Approval, Sealed) {
        let (version, sealed) = self.version(1);
        let approval = Approval {
            id: ApprovalId::new(&*self.backend.clock),
            run,
            step: "outreach".to_owned(),
            playbook: "renewal".to_owned(),
            account: self.account,
            contact: self.contact,
            channel: Channel::Email,
            action: ActionName::SendEmail,
            risk: Severity::Medium,
            team: Team::Csm,
            assignee: Some(self.csm),
            queued_at: self.backend.now(),
            due_at: self.backend.now() + SignedDuration::from_hours(48),
            state: ApprovalState::Waiting { snoozed_until: None },
            revision: 1,
            version,
        };
        (approval, sealed)
    }

    /// A run parked at an approval that waits.
    pub(crate) async fn waiting(&self, key: &str) -> Approval {
        let run = self.run(key).await;
        let claimed = self.claim(LONG).await;
        assert_eq!(claimed.run.id, run);
        let (approval, sealed) = self.approval(run);
        let mut turn = self.turn(&claimed);
        turn.progress.phase = Phase::AwaitingApproval { approval: approval.id };
        turn.approvals.push(approval.clone());
        turn.contents.push(sealed);
        self.commit(turn).await;
        approval
    }

    pub(crate) async fn commit(&self, turn: Turn) {
        let answers = self.backend.store.commit(vec![turn]).await.unwrap();
        assert_eq!(answers, [Committed::Applied]);
    }

    /// The settlement by which a person approves, with the message it grants.
    pub(crate) fn approve(&self, approval: &Approval) -> Settlement {
        let mut approval = approval.clone();
        let seen = approval.version.binding.clone();
        let judgement = approval.version.judgement.clone();
        let granted = approval.approve(self.by(), self.backend.now(), &seen, &judgement).unwrap();
        let event = Event::ApprovalGranted {
            approval: approval.id,
            version: 1,
            binding: seen,
            judgement,
            message: granted.message(),
        };
        Settlement {
            events: vec![NewEvent::of_run(approval.run, self.backend.now(), self.by(), event)],
            outbox: Some(Outgoing::new(granted)),
            approval,
            contents: Vec::new(),
            wake: true,
        }
    }

    /// Approves; the message is in the outbox afterwards.
    pub(crate) async fn granted(&self, key: &str) -> Approval {
        let approval = self.waiting(key).await;
        let settled =
            self.backend.store.settle(self.approve(&approval), self.backend.now()).await.unwrap();
        assert_eq!(settled, Settled::Applied);
        self.backend.store.approval(approval.id).await.unwrap().unwrap().approval
    }

    /// The words of a stream's events.
    pub(crate) async fn events(&self, stream: impl ToString) -> Vec<String> {
        use domain::port::Ledger;
        let events = self.backend.store.events(&stream.to_string(), 0, 1000).await.unwrap();
        events
            .iter()
            .map(|event| {
                let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
                data["event"].as_str().unwrap().to_owned()
            })
            .collect()
    }
}

/// The letter every draft here is.
pub(crate) fn letter_to(contact: ContactId) -> Letter {
    Letter {
        recipient: serde_json::from_value(json!({
            "contact": contact,
            "name": "Ann Lee",
            "address": "ann@acme.test",
            "role": "champion",
        }))
        .unwrap(),
        channel: Channel::Email,
        class: MessageClass::Relationship,
        subject: "Your renewal".to_owned(),
        body: "Hello Ann".to_owned(),
        attachments: Vec::new(),
    }
}

/// A time some minutes after another.
pub(crate) fn minutes_after(at: Timestamp, minutes: i64) -> Timestamp {
    at + SignedDuration::from_mins(minutes)
}
