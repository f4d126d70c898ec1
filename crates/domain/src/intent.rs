//! What a step asks to do, before anybody has agreed to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    account::words,
    action::Action,
    contact::{Contact, ContactRole},
    id::{AccountId, ContactId, RunId},
};

words! {
    /// What kind of message this is in law.
    MessageClass {
        Transactional = "transactional",
        Relationship = "relationship",
        Commercial = "commercial",
    }
}
words! {
    /// How a message travels.
    Channel { Email = "email", Webhook = "webhook" }
}

impl Default for Channel {
    /// What approvals of before there was another way meant.
    fn default() -> Self {
        Self::Email
    }
}

/// Whom a message goes to: chosen from the CRM by role, never by a model and never invented.
///
/// Only [`Recipient::choose`] makes one, of a contact; what is stored is read back as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Recipient {
    /// The contact.
    pub contact: ContactId,
    /// Their name as it is written in the address line.
    pub name: String,
    /// Their address.
    pub address: String,
    /// What they are to the account.
    pub role: ContactRole,
}

impl Recipient {
    /// The first contact, in the order of `roles`, who has an address that does not bounce.
    pub fn choose(roles: &[ContactRole], contacts: &[Contact]) -> Option<Self> {
        roles.iter().find_map(|role| {
            contacts
                .iter()
                .find(|contact| {
                    contact.role == *role
                        && contact.bounced_at.is_none()
                        && contact.email.as_deref().is_some_and(is_address)
                })
                .map(|contact| Self {
                    contact: contact.id,
                    name: contact.full_name(),
                    address: contact.email.clone().unwrap_or_default(),
                    role: contact.role,
                })
        })
    }
}

/// Whether a text has the shape of one mail address: no white space, no control characters, one
/// `@` with something on either side.
pub fn is_address(text: &str) -> bool {
    text.len() <= 254
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>,;\"".contains(c))
        && text.rsplit_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && host.len() > 2 && !local.contains('@')
        })
}

/// One bounded action that a step of a run asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Intent {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: String,
    /// The playbook's name.
    pub playbook: String,
    /// The account it concerns.
    pub account: AccountId,
    /// What is to be done.
    pub action: Action,
    /// Whom it reaches, for customer-facing actions.
    pub recipient: Option<Recipient>,
}
