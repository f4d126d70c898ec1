//! What policy is asked, and the facts its rules may look at.

use domain::{
    action::{ActionName, Audience},
    contact::{Consent, Contact, ContactRole},
    draft::Finding,
    intent::{Channel, Intent, MessageClass},
    snapshot::Snapshot,
    verdict::Occasion,
};
use notation::{Schema, Type, facts};
use serde_json::{Value, json};

use crate::asked::Shape;

/// A text, as far as policy looks at it.
#[derive(Clone, Copy, Debug)]
pub struct DraftFacts<'a> {
    /// Who wrote it: a model's name, `offline` or `person`.
    pub author: &'a str,
    /// Subject line.
    pub subject: &'a str,
    /// Plain text.
    pub body: &'a str,
    /// What the checks found.
    pub findings: &'a [Finding],
    /// The writer's own confidence from 0 to 1, where it gave one.
    pub confidence: Option<f64>,
}

/// What policy is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// When it is asked.
    pub occasion: Occasion,
    /// About what.
    pub intent: &'a Intent,
    /// What is known of the account.
    pub snapshot: &'a Snapshot,
    /// The contact it reaches, as known now.
    pub contact: Option<&'a Contact>,
    /// The text, once there is one.
    pub draft: Option<DraftFacts<'a>>,
}

/// The names and types a rule's condition may use: those of the account, and `intent`, `draft`,
/// `contact` and `occasion`. What does not exist is `""`, -1, 0 or false.
pub fn schema() -> Schema {
    use Type::{Bool, Double, Int, String};
    facts::schema()
        .with("occasion", words(Occasion::ALL, Occasion::as_str))
        .with(
            "intent",
            Type::record([
                ("action", words(ActionName::ALL, ActionName::as_str)),
                ("audience", words(Audience::ALL, Audience::as_str)),
                ("playbook", String),
                ("step", String),
                ("class", words_or_none(MessageClass::ALL, MessageClass::as_str)),
                ("channel", words_or_none(Channel::ALL, Channel::as_str)),
                ("recipient_role", words_or_none(ContactRole::ALL, ContactRole::as_str)),
                ("has_recipient", Bool),
            ]),
        )
        .with(
            "draft",
            Type::record([
                ("present", Bool),
                ("author", String),
                ("subject", String),
                ("body", String),
                ("words", Int),
                ("findings", Type::list(String)),
                ("blocking", Bool),
                ("confidence", Double),
            ]),
        )
        .with(
            "contact",
            Type::record([
                ("role", words_or_none(ContactRole::ALL, ContactRole::as_str)),
                ("consent", words_or_none(Consent::ALL, Consent::as_str)),
                ("locale", String),
                ("has_time_zone", Bool),
                ("bounced", Bool),
            ]),
        )
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Type {
    Type::OneOf(all.iter().map(|value| word(*value)).collect())
}

fn words_or_none<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Type {
    Type::OneOf(all.iter().map(|value| word(*value)).chain([""]).collect())
}

impl Question<'_> {
    /// What of it does not depend on the customer.
    pub(crate) fn shape(&self) -> Shape {
        Shape {
            occasion: self.occasion,
            action: self.intent.action.name(),
            message: self.intent.action.outreach().is_some(),
            recipient: self.intent.recipient.is_some(),
            draft: self.draft.is_some(),
            contact: self.contact.is_some(),
        }
    }

    /// The facts that are not the account's: for some shapes, some of them are always the same.
    pub(crate) fn own_facts(&self) -> Value {
        json!({
            "occasion": self.occasion,
            "intent": self.intent_facts(),
            "draft": self.draft_facts(),
            "contact": self.contact_facts(),
        })
    }

    /// The facts, under the names of [`schema`].
    pub(crate) fn facts(&self) -> Value {
        let mut facts = facts::of(self.snapshot);
        if let (Value::Object(all), Value::Object(more)) = (&mut facts, self.own_facts()) {
            all.extend(more);
        }
        facts
    }

    fn intent_facts(&self) -> Value {
        let outreach = self.intent.action.outreach();
        let recipient = self.intent.recipient.as_ref();
        json!({
            "action": self.intent.action.name(),
            "audience": self.intent.action.name().audience(),
            "playbook": self.intent.playbook,
            "step": self.intent.step,
            "class": outreach.map_or("", |outreach| outreach.class.as_str()),
            "channel": outreach.map_or("", |outreach| outreach.channel.as_str()),
            "recipient_role": recipient.map_or("", |recipient| recipient.role.as_str()),
            "has_recipient": recipient.is_some(),
        })
    }

    fn draft_facts(&self) -> Value {
        match self.draft {
            Some(draft) => json!({
                "present": true,
                "author": draft.author,
                "subject": draft.subject,
                "body": draft.body,
                "words": draft.body.split_whitespace().count(),
                "findings": draft.findings.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(),
                "blocking": draft.findings.iter().any(|finding| finding.blocking),
                "confidence": draft.confidence.unwrap_or(-1.0),
            }),
            None => json!({
                "present": false,
                "author": "",
                "subject": "",
                "body": "",
                "words": 0,
                "findings": [],
                "blocking": false,
                "confidence": -1.0,
            }),
        }
    }

    fn contact_facts(&self) -> Value {
        match self.contact {
            Some(contact) => json!({
                "role": contact.role,
                // A recorded opt-out counts even where another system still claims consent.
                "consent": match contact.opted_out_at {
                    Some(_) => Consent::OptedOut,
                    None => contact.consent,
                },
                "locale": contact.locale.as_deref().unwrap_or_default(),
                "has_time_zone": contact.time_zone.is_some(),
                "bounced": contact.bounced_at.is_some(),
            }),
            None => json!({
                "role": "",
                "consent": "",
                "locale": "",
                "has_time_zone": false,
                "bounced": false,
            }),
        }
    }
}
