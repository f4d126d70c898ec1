//! What only the engine can do, as the server asks for it.

use async_trait::async_trait;
use domain::{
    id::{AccountId, RunId},
    port::StoreError,
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

    /// Checks every event, every chain and every checkpoint.
    async fn verify_audit(&self) -> Result<AuditReport, OperateError>;
}
