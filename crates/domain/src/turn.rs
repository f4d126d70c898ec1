//! Everything one turn of a run decided. The store applies it whole or not at all.

use jiff::Timestamp;

use crate::{
    action::{FieldUpdate, Team},
    approval::Approval,
    content::{Sealed, SealedPseudonyms},
    event::NewEvent,
    id::AccountId,
    message::Outgoing,
    run::{Lease, Progress, RunStatus},
    task::Task,
};

/// A row written in the turn's own transaction, and so exactly once.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Work for a person. An existing task of the same run and step is left alone.
    Task(Task),
    /// The account goes to the first active user of this role, or stays when there is none.
    AssignOwner {
        /// The account.
        account: AccountId,
        /// The role.
        to: Team,
    },
    /// One field of the account.
    SetField {
        /// The account.
        account: AccountId,
        /// The field and its value.
        update: FieldUpdate,
    },
}

/// Everything one turn decided, under the lease it was decided under.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The right to change the run.
    pub lease: Lease,
    /// How far the run has come now.
    pub progress: Progress,
    /// Where it stands now.
    pub status: RunStatus,
    /// When it moves again by itself. None: only when something wakes it.
    pub wake_at: Option<Timestamp>,
    /// Keep the lease, because the same worker goes on at once.
    pub keep: bool,
    /// What happened.
    pub events: Vec<NewEvent>,
    /// Internal effects.
    pub effects: Vec<Effect>,
    /// Approvals that are new, or whose new state replaces the one stored.
    pub approvals: Vec<Approval>,
    /// Sealed content the approvals refer to.
    pub contents: Vec<Sealed>,
    /// Granted messages.
    pub outbox: Vec<Outgoing>,
    /// What the run's placeholders stand for, if the turn had a model write.
    pub pseudonyms: Option<SealedPseudonyms>,
}

/// What became of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is durable.
    Applied,
    /// Somebody else holds the run now; nothing was changed.
    LostLease,
}

/// A person's decision on an approval, with everything it changes.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The approval in its new state; its `revision` is the one that was read.
    pub approval: Approval,
    /// What happened.
    pub events: Vec<NewEvent>,
    /// Sealed content of a new version.
    pub contents: Vec<Sealed>,
    /// The message that was granted.
    pub outbox: Option<Outgoing>,
    /// Whether the run has something to do now.
    pub wake: bool,
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is durable.
    Applied,
    /// The approval changed since it was read; nothing was changed.
    Conflict,
}
