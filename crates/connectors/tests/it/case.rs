//! A cleared letter and a watched hand-over, for the delivery tests.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use connectors::outlet::{Mail, Outlets, Sender, Webhook};
use domain::{
    action::{ActionName, Severity, Team},
    approval::{Approval, ApprovalState},
    clock::Clock,
    contact::{Consent, Contact, ContactRole},
    draft::{Attachment, Author, Binding, Letter, Version},
    id::{AccountId, ApprovalId, ContactId, ContentId, MessageId, RunId, UserId},
    intent::{Channel, MessageClass},
    message::{Clearance, DeliverError, Message, MessageStatus, Outgoing, Receipt},
    port::{Channels as _, Transmission},
    user::Actor,
    verdict::{Judgement, Occasion, Verdict},
};
use jiff::Timestamp;
use uuid::Uuid;

/// A clock that stands still and counts its ids.
#[derive(Default)]
pub(crate) struct Still(AtomicU64);

impl Still {
    /// Where it stands.
    pub(crate) fn at() -> Timestamp {
        "2026-11-22T09:30:00Z".parse().unwrap()
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Self::at()
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + (7 << 76))
    }
}

/// Counts hand-overs, and can forbid them.
#[derive(Default)]
pub(crate) struct Handover {
    forbidden: bool,
    begun: AtomicUsize,
}

impl Handover {
    pub(crate) fn forbidden() -> Self {
        Self { forbidden: true, begun: AtomicUsize::new(0) }
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Transmission for Handover {
    async fn begin(&self) -> bool {
        self.begun.fetch_add(1, Ordering::SeqCst);
        !self.forbidden
    }
}

/// A letter on its way out.
pub(crate) struct Case {
    pub(crate) letter: Letter,
    /// In whose name it is approved.
    pub(crate) by: Actor,
    /// The model that wrote it.
    pub(crate) model: String,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self {
            letter: Letter {
                recipient: serde_json::from_value(serde_json::json!({
                    "contact": ContactId::from_uuid(Uuid::from_u128(3)),
                    "name": "Ann Müller",
                    "address": "ann@acme.test",
                    "role": "champion",
                }))
                .unwrap(),
                channel: Channel::Email,
                class: MessageClass::Relationship,
                subject: "Your renewal".to_owned(),
                body: "Hello Ann,\n\n.a line with a dot\nBest\n".to_owned(),
                attachments: Vec::new(),
            },
            by: Actor::User { id: UserId::from_uuid(Uuid::from_u128(9)) },
            model: "gpt-x".to_owned(),
        }
    }

    pub(crate) fn by_webhook(mut self) -> Self {
        self.letter.channel = Channel::Webhook;
        self
    }

    pub(crate) fn with_attachment(mut self) -> Self {
        let attachment = Attachment { name: "plan.pdf".to_owned(), sha256: "00".to_owned() };
        self.letter.attachments.push(attachment);
        self
    }

    /// Approves, clears and delivers the letter.
    pub(crate) async fn deliver(
        &self,
        outlets: &Outlets,
        handover: &Handover,
    ) -> Result<Receipt, DeliverError> {
        let letter = &self.letter;
        let content = ContentId::from_uuid(Uuid::from_u128(4));
        let allowed = Judgement {
            occasion: Occasion::Send,
            verdict: Verdict::Allow,
            policy: "p1".to_owned(),
            matched: Vec::new(),
            evaluated: 1,
        };
        let version = Version {
            number: 1,
            author: Author::Model {
                model: self.model.clone(),
                prompt: "renewal".to_owned(),
                prompt_hash: String::new(),
            },
            content,
            binding: Binding::of(content, letter, "p1"),
            judgement: allowed.clone(),
            findings: Vec::new(),
            confidence: None,
            tokens: 0,
            instruction: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let mut approval = Approval {
            id: ApprovalId::from_uuid(Uuid::from_u128(2)),
            run: run(),
            step: "outreach".to_owned(),
            playbook: "renewal".to_owned(),
            account: account(),
            contact: letter.recipient.contact,
            channel: letter.channel,
            action: ActionName::SendEmail,
            risk: Severity::Low,
            team: Team::Csm,
            assignee: None,
            queued_at: Timestamp::UNIX_EPOCH,
            due_at: Timestamp::UNIX_EPOCH,
            state: ApprovalState::Waiting { snoozed_until: None },
            revision: 0,
            version: version.clone(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let approved = if self.by == Actor::Policy {
            approval.approve_by_policy(at)
        } else {
            approval.approve(self.by.clone(), at, &version.binding, &allowed)
        };
        let outgoing = Outgoing::new(approved.unwrap());
        let message = Message {
            id: outgoing.id(),
            approval: outgoing.approval(),
            run: outgoing.run(),
            step: outgoing.step().to_owned(),
            account: outgoing.account(),
            contact: outgoing.contact(),
            channel: outgoing.channel(),
            content: outgoing.content(),
            binding: outgoing.binding().clone(),
            status: MessageStatus::Sending,
            attempts: 1,
            next_at: at,
            note: String::new(),
            queued_at: at,
            settled_at: None,
            token: 1,
        };
        let contact = Contact {
            id: letter.recipient.contact,
            account: account(),
            source: "crm".to_owned(),
            source_id: "c1".to_owned(),
            email: Some(letter.recipient.address.clone()),
            first: "Ann".to_owned(),
            last: "Müller".to_owned(),
            title: None,
            role: ContactRole::Champion,
            phone: None,
            locale: None,
            time_zone: None,
            consent: Consent::Granted,
            opted_out_at: None,
            bounced_at: None,
        };
        let clearance = Clearance {
            message: &message,
            letter,
            approval: &approval,
            version: &version,
            contact: &contact,
            kills: &[],
            judgement: &allowed,
        };
        outlets.deliver(&clearance.check().unwrap(), handover).await
    }
}

/// The message's id, whatever the letter says.
pub(crate) fn id() -> MessageId {
    domain::message::id_of(run(), "outreach")
}

fn run() -> RunId {
    RunId::from_uuid(Uuid::from_u128(1))
}

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(5))
}

pub(crate) fn sender() -> Sender {
    Sender::new("Vendor CS", "cs@vendor.test").unwrap()
}

pub(crate) fn outlets(mail: Mail, webhook: Option<Webhook>) -> Outlets {
    Outlets::new(mail, webhook, Arc::new(Still::default()))
}
