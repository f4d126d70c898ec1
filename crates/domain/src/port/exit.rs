//! The exit: looks at a letter right before it is put forward, and again before it is sent.

use async_trait::async_trait;

use crate::{
    draft::{Finding, Letter},
    outgoing::Standards,
    snapshot::Snapshot,
};

/// A letter that would go out, with what it may hold.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The letter.
    pub letter: &'a Letter,
    /// The account it goes to, as it is now.
    pub snapshot: &'a Snapshot,
    /// The playbook's own text it was made of; what links are in it may go out.
    pub asset: &'a str,
    /// What policy holds it to.
    pub standards: &'a Standards,
    /// Names of playbooks, which customers are not to read.
    pub playbook: &'a str,
}

/// Why a letter could not be looked at. Nothing may go out then without a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text could not be compared with other customers' data: {0}")]
pub struct Unchecked(pub String);

/// Looks for other customers' data, secrets, and what only we are meant to see.
#[async_trait]
pub trait Exit: Send + Sync {
    /// What does not belong in a letter, each with its place; nothing personal is repeated.
    async fn inspect(&self, parcel: Parcel<'_>) -> Result<Vec<Finding>, Unchecked>;
}
