//! The approval queue and the task list, as stored.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::{
    account::words,
    action::ActionName,
    approval::{Approval, ApprovalStatus},
    draft::Version,
    id::{AccountId, ApprovalId, RunId, TaskId, UserId},
    page::{Page, PageRequest},
    task::{Task, TaskStatus},
    turn::{Settled, Settlement},
    user::Actor,
};

words! {
    /// How a queue is sorted.
    QueueOrder {
        /// Highest risk first, then the earliest due.
        Risk = "risk",
        /// Earliest due first.
        Due = "due",
        /// Newest first.
        Newest = "newest",
    }
}

/// Which approvals to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFilter {
    /// Only in this state.
    pub status: Option<ApprovalStatus>,
    /// Only for this person.
    pub assignee: Option<UserId>,
    /// Only of this playbook.
    pub playbook: Option<String>,
    /// Only of this action.
    pub action: Option<ActionName>,
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Leave out what is snoozed beyond this time.
    pub awake_at: Option<Timestamp>,
    /// Sorted how.
    pub order: QueueOrder,
}

impl QueueFilter {
    /// What waits for somebody at `now`, riskiest first.
    pub const fn waiting(now: Timestamp) -> Self {
        Self {
            status: Some(ApprovalStatus::Waiting),
            assignee: None,
            playbook: None,
            action: None,
            account: None,
            awake_at: Some(now),
            order: QueueOrder::Risk,
        }
    }

    /// Everything, newest first.
    pub const fn all() -> Self {
        Self {
            status: None,
            assignee: None,
            playbook: None,
            action: None,
            account: None,
            awake_at: None,
            order: QueueOrder::Newest,
        }
    }
}

/// One line of the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueItem {
    /// The approval.
    pub approval: Approval,
    /// The account's name.
    pub account_name: String,
    /// The contact's name.
    pub contact_name: String,
    /// The assignee's name.
    pub assignee_name: Option<String>,
}

/// Which tasks to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only in this state.
    pub status: Option<TaskStatus>,
    /// Only for this person.
    pub assignee: Option<UserId>,
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only of this run.
    pub run: Option<RunId>,
}

/// What waits for people.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Lists approvals.
    async fn approvals(
        &self,
        filter: &QueueFilter,
        page: &PageRequest,
    ) -> Result<Page<QueueItem>, StoreError>;

    /// Reads one approval.
    async fn approval(&self, id: ApprovalId) -> Result<Option<QueueItem>, StoreError>;

    /// All versions of its draft, oldest first.
    async fn versions(&self, id: ApprovalId) -> Result<Vec<Version>, StoreError>;

    /// Applies a decision if the approval is still at the revision it was read at.
    async fn settle(&self, settlement: Settlement, now: Timestamp) -> Result<Settled, StoreError>;

    /// Lists tasks, earliest due first.
    async fn tasks(
        &self,
        filter: &TaskFilter,
        page: &PageRequest,
    ) -> Result<Page<Task>, StoreError>;

    /// Reads one task.
    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError>;

    /// Finishes an open task and wakes its run; false if it was not open.
    async fn finish_task(
        &self,
        id: TaskId,
        outcome: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
