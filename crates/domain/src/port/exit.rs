//! The exit: looks at a letter right before it is put forward, and again before it is sent.

use async_trait::async_trait;

use crate::{
    draft::{Finding, Letter},
    outgoing::Standards,
    snapshot::Snapshot,
    untrusted::Untrusted,
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

/// Texts that a model may be given for an account.
#[derive(Clone, Debug)]
pub struct Prompted<'a> {
    /// The account they are for, as it is now.
    pub snapshot: &'a Snapshot,
    /// What our own people wrote, and what earlier steps left behind.
    pub ours: Vec<&'a str>,
    /// What came from outside.
    pub outside: Vec<&'a Untrusted>,
    /// What policy says is public.
    pub standards: &'a Standards,
}

/// What is known of another customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StrangerKind {
    /// A person's name.
    Person,
    /// A mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A company, its domain, or the number of an invoice to it.
    Company,
}

/// Somebody or something of another customer, as a text writes it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stranger {
    /// What it is.
    pub kind: StrangerKind,
    /// The words of the text.
    pub value: String,
}

impl std::fmt::Debug for Stranger {
    /// Never the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stranger({:?})", self.kind)
    }
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

    /// What texts for one account say of other customers, each once, to be hidden from the model that
    /// is given them.
    async fn strangers(&self, texts: Prompted<'_>) -> Result<Vec<Stranger>, Unchecked>;
}
