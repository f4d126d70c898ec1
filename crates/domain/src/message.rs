//! A customer-facing message on its way out, and the last checks before it leaves.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    account::words,
    approval::{Approval, ApprovalState, Approved},
    contact::Contact,
    draft::{Binding, Letter, Version},
    id::{AccountId, ApprovalId, ContactId, ContentId, MessageId, RunId},
    intent::Channel,
    killswitch::Kill,
    verdict::{Judgement, Verdict},
};

words! {
    /// Where a message stands.
    ///
    /// `queued → sending → transmitting → delivered`; a failure before transmission goes back to
    /// `queued` or to `failed`, one during transmission to `uncertain`.
    MessageStatus {
        Queued = "queued",
        Sending = "sending",
        Transmitting = "transmitting",
        Delivered = "delivered",
        Refused = "refused",
        Failed = "failed",
        Uncertain = "uncertain",
    }
}

impl MessageStatus {
    /// Whether nothing more happens to the message by itself.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Delivered | Self::Refused | Self::Failed | Self::Uncertain)
    }
}

/// The id, and thereby the idempotency key and Message-ID, of the message a step sends: a
/// function of run and step, so that a repeated attempt is the same message.
pub fn id_of(run: RunId, step: &str) -> MessageId {
    let mut hash = Sha256::new();
    hash.update(b"playgate/message/1");
    hash.update(run.uuid().as_bytes());
    hash.update(step.as_bytes());
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    MessageId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// A message that has been granted and can be put in the outbox. Made only from an [`Approved`].
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    id: MessageId,
    approval: ApprovalId,
    run: RunId,
    step: String,
    account: AccountId,
    contact: ContactId,
    channel: Channel,
    content: ContentId,
    binding: Binding,
}

impl Outgoing {
    /// Takes the grant; there is no other way to make one.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a grant is used up by the message it grants"
    )]
    pub fn new(approved: Approved) -> Self {
        Self {
            id: approved.message(),
            approval: approved.approval(),
            run: approved.run(),
            step: approved.step().to_owned(),
            account: approved.account(),
            contact: approved.contact(),
            channel: approved.channel(),
            content: approved.content(),
            binding: approved.binding().clone(),
        }
    }
    /// The message's id.
    pub const fn id(&self) -> MessageId {
        self.id
    }
    /// The approval that granted it.
    pub const fn approval(&self) -> ApprovalId {
        self.approval
    }
    /// The run it belongs to.
    pub const fn run(&self) -> RunId {
        self.run
    }
    /// The step it belongs to.
    pub fn step(&self) -> &str {
        &self.step
    }
    /// The account it concerns.
    pub const fn account(&self) -> AccountId {
        self.account
    }
    /// The contact it reaches.
    pub const fn contact(&self) -> ContactId {
        self.contact
    }
    /// How it travels.
    pub const fn channel(&self) -> Channel {
        self.channel
    }
    /// Where the sealed manuscript is.
    pub const fn content(&self) -> ContentId {
        self.content
    }
    /// What was approved.
    pub const fn binding(&self) -> &Binding {
        &self.binding
    }
}

/// A message as the outbox holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Our id.
    pub id: MessageId,
    /// The approval that granted it.
    pub approval: ApprovalId,
    /// The run it belongs to.
    pub run: RunId,
    /// The step it belongs to.
    pub step: String,
    /// The account it concerns.
    pub account: AccountId,
    /// The contact it reaches.
    pub contact: ContactId,
    /// How it travels; e-mail for what a program put in the outbox that did not say so yet.
    #[serde(default)]
    pub channel: Channel,
    /// Where the sealed manuscript is.
    pub content: ContentId,
    /// What was approved.
    pub binding: Binding,
    /// Where it stands.
    pub status: MessageStatus,
    /// Attempts begun.
    pub attempts: i64,
    /// When it is tried (again).
    pub next_at: Timestamp,
    /// What the other side said last, or why it was refused.
    pub note: String,
    /// When it entered the outbox.
    pub queued_at: Timestamp,
    /// When it settled.
    pub settled_at: Option<Timestamp>,
    /// Fencing token of the delivery attempt that holds it.
    #[serde(skip)]
    pub token: i64,
}

impl Message {
    /// The value of the `Message-ID` header, without angle brackets.
    pub fn message_id(&self, host: &str) -> String {
        format!("{}@{host}", self.id)
    }
}

/// A letter that has passed every check at the moment of sending: all a channel accepts.
#[derive(Debug)]
pub struct Cleared<'a> {
    message: &'a Message,
    letter: &'a Letter,
    reviewed_by: String,
    author: &'a str,
}

impl Cleared<'_> {
    /// The message.
    pub const fn message(&self) -> &Message {
        self.message
    }
    /// What to send.
    pub const fn letter(&self) -> &Letter {
        self.letter
    }
    /// Who approved it: a user's id, or `policy`.
    pub fn reviewed_by(&self) -> &str {
        &self.reviewed_by
    }
    /// Who wrote it: a model's name, `offline` or `person`.
    pub const fn author(&self) -> &str {
        self.author
    }
}

/// Why a message may not leave.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No decision of a person or policy covers it.
    #[error("no grant covers this message: {0}")]
    NoGrant(String),
    /// What would be sent is not what was approved.
    #[error("the message is not the one that was approved")]
    Altered,
    /// The contact does not want this.
    #[error("the contact's consent is `{0}`")]
    Consent(String),
    /// The contact's address has changed or bounces.
    #[error("the contact's address {0}")]
    Address(&'static str),
    /// Policy forbids it now.
    #[error("policy forbids it now: {0}")]
    Policy(String),
    /// Sending is stopped; the message stays queued.
    #[error("sending is stopped: {0}")]
    Killed(String),
}

impl Refusal {
    /// Whether the message may be tried again when the cause is gone.
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Killed(_))
    }
}

/// Everything the last check looks at.
#[derive(Clone, Copy, Debug)]
pub struct Clearance<'a> {
    /// The message.
    pub message: &'a Message,
    /// The letter that would be sent.
    pub letter: &'a Letter,
    /// The approval, read now.
    pub approval: &'a Approval,
    /// The version that was approved.
    pub version: &'a Version,
    /// The contact, read now.
    pub contact: &'a Contact,
    /// Kills in force, read now.
    pub kills: &'a [Kill],
    /// Policy's answer now.
    pub judgement: &'a Judgement,
}

impl<'a> Clearance<'a> {
    /// Clears the letter, or says why not. The only maker of a [`Cleared`].
    pub fn check(self) -> Result<Cleared<'a>, Refusal> {
        let ApprovalState::Approved { by, binding, message, .. } = &self.approval.state else {
            return Err(Refusal::NoGrant(format!(
                "approval {} is {}",
                self.approval.id,
                self.approval.state.status()
            )));
        };
        if self.approval.id != self.message.approval || *message != self.message.id {
            return Err(Refusal::NoGrant("it belongs to another message".to_owned()));
        }
        let now = Binding::of(self.message.content, self.letter, &self.version.judgement.policy);
        if now != *binding || now != self.message.binding {
            return Err(Refusal::Altered);
        }
        if let Some(kill) = self.kills.iter().find(|kill| kill.covers(self.approval)) {
            return Err(Refusal::Killed(kill.in_words()));
        }
        let consent = self.contact.consent_now();
        if !consent.permits(self.letter.class) {
            return Err(Refusal::Consent(consent.to_string()));
        }
        if self.contact.bounced_at.is_some() {
            return Err(Refusal::Address("bounces"));
        }
        if self.contact.email.as_deref() != Some(self.letter.recipient.address.as_str()) {
            return Err(Refusal::Address("has changed since approval"));
        }
        // A person's grant stands unless policy forbids; policy's own grant needs its word now.
        let alone = matches!(by, crate::user::Actor::Policy);
        if self.judgement.verdict == Verdict::Forbid
            || (alone && self.judgement.verdict != Verdict::Allow)
        {
            return Err(Refusal::Policy(self.judgement.in_words()));
        }
        Ok(Cleared {
            message: self.message,
            letter: self.letter,
            reviewed_by: by.to_string(),
            author: self.version.author.label(),
        })
    }
}

/// What a channel says of a delivery that worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The other side's words, for the record: `250 2.0.0 queued as 4F2`.
    pub note: String,
}

/// Why a channel did not deliver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliverError {
    /// Nothing was handed over; trying again is safe.
    #[error("not handed over: {0}")]
    Transient(String),
    /// The other side will never take it.
    #[error("refused by the other side: {0}")]
    Permanent(String),
    /// It was handed over and no answer came; it may or may not have arrived.
    #[error("handed over without an answer: {0}")]
    Unknown(String),
}
