//! Erasing a person: what there is of them, what was destroyed, and the receipt.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    id::{AccountId, ContactId, ErasureId},
    user::Actor,
};

/// What there is of a person, before it is destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Footprint {
    /// The person.
    pub contact: ContactId,
    /// Their account.
    pub account: AccountId,
    /// Whether there is a key that opens what was written to them, here and in archives.
    pub key: bool,
    /// Texts sealed under that key in the database.
    pub letters: i64,
    /// Drafts to them that wait for somebody.
    pub drafts: i64,
    /// Messages to them that wait to be sent.
    pub messages: i64,
    /// Their tickets.
    pub tickets: i64,
    /// Their answers to surveys.
    pub surveys: i64,
    /// Mails from and to them.
    pub emails: i64,
}

/// What was destroyed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Destroyed {
    /// Whether a key was: without it nothing that was sealed for the person opens, in the database,
    /// in archives and in copies made from now on.
    pub key: bool,
    /// Texts in the database that do not open any more.
    pub letters: i64,
    /// Drafts that were cancelled.
    pub drafts: i64,
    /// Messages that will not be sent.
    pub messages: i64,
    /// Whether name, address, number and the rest of the profile were there.
    pub profile: bool,
    /// Tickets whose words went; their dates and scores stay.
    pub tickets: i64,
    /// Answers to surveys whose words went; the scores stay.
    pub surveys: i64,
    /// Mails whose words went.
    pub emails: i64,
    /// Drafts to the person of which reviewers' notes and instructions went; their decisions stay.
    pub notes: i64,
    /// Other texts of the account from which the person's name, addresses and numbers went.
    pub mentions: i64,
    /// Placeholders of runs that stood for the person.
    pub placeholders: i64,
}

/// The receipt of an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// The person, by the id that stands for them from now on.
    pub contact: ContactId,
    /// Their account.
    pub account: AccountId,
    /// When.
    pub at: Timestamp,
    /// In whose name.
    pub by: Actor,
    /// What.
    pub destroyed: Destroyed,
}

impl Erasure {
    /// SHA-256 of the receipt as JSON, in hex: what the audit trail has of it.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        hex::encode(Sha256::digest(json))
    }
}

/// What became of an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erased {
    /// It was done.
    Now(Erasure),
    /// It had been done before: this is its receipt.
    Before(Erasure),
    /// Nobody has this id.
    NotFound,
}
