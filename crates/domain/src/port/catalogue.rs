//! Versions of playbooks and policies, and the schedules that tick.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::user::Actor;

/// A playbook version, kept for as long as a run is pinned to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaybookVersion {
    /// The playbook's name.
    pub name: String,
    /// Content hash over file and assets, in hex.
    pub version: String,
    /// Files by name, the playbook's own first: what the plan is compiled from.
    pub files: Vec<(String, String)>,
    /// Whether triggers start this version.
    pub active: bool,
    /// Runs of the playbook, of whatever version, in workers' hands at once while this version is
    /// active.
    pub concurrency: Option<u32>,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// A policy version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Content hash over all files, in hex.
    pub version: String,
    /// Files by name.
    pub files: Vec<(String, String)>,
    /// When it became active.
    pub activated_at: Timestamp,
}

/// A schedule that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The playbook it starts.
    pub playbook: String,
    /// The tick that is due.
    pub due: Timestamp,
}

/// What is in force.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Stores versions and makes exactly these the active ones; returns the names of those that
    /// were not active before.
    async fn load_playbooks(
        &self,
        versions: &[PlaybookVersion],
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError>;

    /// The active versions, by name.
    async fn active_playbooks(&self) -> Result<Vec<PlaybookVersion>, StoreError>;

    /// One version.
    async fn playbook_version(&self, version: &str) -> Result<Option<PlaybookVersion>, StoreError>;

    /// Makes a policy version the active one; false if it was already.
    async fn activate_policy(
        &self,
        version: &PolicyVersion,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// The version of the active policy: asked at every turn, so without its files.
    async fn active_policy_version(&self) -> Result<Option<String>, StoreError>;

    /// The active policy.
    async fn active_policy(&self) -> Result<Option<PolicyVersion>, StoreError>;

    /// Sets when a playbook's schedule ticks next, if it is not set; `None` removes it.
    async fn schedule(&self, playbook: &str, next: Option<Timestamp>) -> Result<(), StoreError>;

    /// Schedules due at `now`.
    async fn due_schedules(&self, now: Timestamp) -> Result<Vec<Schedule>, StoreError>;

    /// Moves a schedule from the tick that was handled to the next one; false if another process
    /// moved it first.
    async fn advance_schedule(&self, tick: &Schedule, next: Timestamp) -> Result<bool, StoreError>;
}
