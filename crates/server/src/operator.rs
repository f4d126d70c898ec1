//! What only the engine can do, as the server asks for it.

use async_trait::async_trait;
use domain::{
    erasure::{Erased, Erasure, Footprint},
    id::{AccountId, ContactId, RunId},
    port::{Forecast, Measure, RunFilter, StoreError, Tally},
    user::Actor,
};
use schemars::JsonSchema;
use serde::Serialize;

/// Why the engine did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// No active playbook has this name.
    #[error("there is no active playbook `{0}`")]
    NoPlaybook(String),
    /// There is no such account.
    #[error("there is no account `{0}`")]
    NoAccount(AccountId),
    /// An earlier run of the same playbook is too recent.
    #[error("run `{by}` of this playbook for this account is too recent")]
    Suppressed {
        /// That run.
        by: RunId,
    },
    /// Not as many runs match as whoever asked has seen.
    #[error("{found} runs match now, not {expected}; nothing was changed, look again")]
    Moved {
        /// As many were seen.
        expected: u64,
        /// As many there are.
        found: u64,
    },
    /// The database failed when some runs were changed already.
    #[error(
        "the database failed after {} runs; what was done is done, ask again for the rest",
        done.done
    )]
    Interrupted {
        /// What was done before.
        done: Tally,
        /// Why it stopped.
        source: StoreError,
    },
    /// The playbook does not apply.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What verifying the audit trail found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditReport {
    /// Whether every event is as it was written.
    pub intact: bool,
    /// Streams checked.
    pub streams: u64,
    /// Of those, streams with events in archive files.
    pub archived: u64,
    /// Events checked.
    pub events: u64,
    /// Checkpoints checked.
    pub checkpoints: u64,
    /// What is wrong, one sentence each; empty when intact.
    pub faults: Vec<String>,
}

/// What only the engine can do.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Starts a run by hand.
    async fn start(
        &self,
        playbook: &str,
        account: AccountId,
        by: &Actor,
    ) -> Result<RunId, OperateError>;

    /// What would be done to all runs that match; does nothing.
    async fn forecast(&self, filter: &RunFilter, what: &Measure) -> Result<Forecast, OperateError>;

    /// Does it to all runs that match, if exactly as many would be changed as were seen.
    async fn intervene_all(
        &self,
        filter: &RunFilter,
        what: &Measure,
        expect: u64,
        by: &Actor,
    ) -> Result<Tally, OperateError>;

    /// Has a run do its steps again from an earlier one; its message says why not.
    async fn retry_from(&self, run: RunId, step: &str, by: &Actor) -> Result<(), OperateError>;

    /// Checks every event, every chain and every checkpoint.
    async fn verify_audit(&self) -> Result<AuditReport, OperateError>;

    /// What there is of a person, with the receipt if they were erased; none if nobody has this id.
    async fn look_at(
        &self,
        contact: ContactId,
    ) -> Result<Option<(Footprint, Option<Erasure>)>, OperateError>;

    /// Erases a person for good.
    async fn erase(&self, contact: ContactId, by: &Actor) -> Result<Erased, OperateError>;

    /// Everything there is of a person; none if nobody has this id.
    async fn export(
        &self,
        contact: ContactId,
        by: &Actor,
    ) -> Result<Option<serde_json::Value>, OperateError>;
}
