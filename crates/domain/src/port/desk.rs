//! The desk: where people decide. What the API, the screens and the CLI ask the engine for.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{QueueFilter, QueueItem, StoreError, VaultError};
use crate::{
    account::Account,
    approval::{DecideError, RejectReason},
    draft::{Binding, Manuscript, Version},
    id::{ApprovalId, UserId},
    page::{Page, PageRequest},
    run::Cause,
    user::Actor,
};

/// A version with its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Opened {
    /// The version.
    pub version: Version,
    /// Its text; none once the person it is about was erased.
    pub manuscript: Option<Manuscript>,
}

/// Everything needed to decide on one approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reviewed {
    /// The queue's line.
    pub item: QueueItem,
    /// The account.
    pub account: Account,
    /// Why the run was started.
    pub cause: Cause,
    /// All versions, oldest first; the last is the current one.
    pub versions: Vec<Opened>,
    /// Policy's verdict on the current version, in words.
    pub verdict: String,
}

impl Reviewed {
    /// The current version.
    pub fn current(&self) -> Option<&Opened> {
        self.versions.last()
    }

    /// The same for whoever may not see what a model saw and what was put back for placeholders.
    pub fn conceal(&mut self) {
        for opened in &mut self.versions {
            if let Some(manuscript) = &mut opened.manuscript {
                manuscript.seen_by_model.clear();
                manuscript.restored.clear();
            }
        }
    }
}

/// What a person decides.
#[derive(Clone, Debug, PartialEq)]
pub enum Ruling {
    /// Let it go, exactly as seen.
    Approve {
        /// The binding of the version the person saw.
        seen: Binding,
    },
    /// Put this text in its place; it is judged again and still waits.
    Edit {
        /// The binding of the version the edit started from.
        seen: Binding,
        /// The new subject line.
        subject: String,
        /// The new text.
        body: String,
    },
    /// It will not go.
    Reject {
        /// Why.
        reason: RejectReason,
        /// In their words; may be empty.
        note: String,
    },
    /// Write another version.
    Redraft {
        /// What should be different.
        instruction: String,
    },
    /// Somebody else decides.
    Reassign {
        /// Who.
        to: UserId,
    },
    /// Later.
    Snooze {
        /// Then.
        until: Timestamp,
    },
}

/// Why the desk did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such approval.
    #[error("there is no approval `{0}`")]
    NotFound(ApprovalId),
    /// The decision is not possible.
    #[error(transparent)]
    Decide(#[from] DecideError),
    /// A value given does not make sense.
    #[error("`{field}` {why}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong with it and what to do.
        why: String,
    },
    /// The text cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The active policy cannot be applied.
    #[error("active policy cannot be applied: {0}")]
    Policy(String),
}

/// Where people decide.
#[async_trait]
pub trait Desk: Send + Sync {
    /// Lists the queue.
    async fn list(
        &self,
        filter: &QueueFilter,
        page: &PageRequest,
    ) -> Result<Page<QueueItem>, DeskError>;

    /// Everything needed to decide on one approval.
    async fn show(&self, id: ApprovalId) -> Result<Reviewed, DeskError>;

    /// Takes a decision. Of two deciders one wins; the other gets [`DecideError::Settled`].
    async fn rule(&self, id: ApprovalId, by: &Actor, ruling: Ruling)
    -> Result<Reviewed, DeskError>;
}
