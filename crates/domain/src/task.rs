//! Work for a person, made by a step or by the runtime when it cannot go on alone.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    account::words,
    action::Team,
    id::{AccountId, RunId, TaskId, UserId},
};

words! {
    /// What kind of item it is.
    TaskKind {
        /// Something to do; a run may wait for it.
        Work = "work",
        /// Something to know.
        Notice = "notice",
        /// Something to act on at once.
        Escalation = "escalation",
    }
}
words! {
    /// Where a task stands.
    TaskStatus { Open = "open", Done = "done", Cancelled = "cancelled" }
}

/// Work for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// Our id.
    pub id: TaskId,
    /// Work, notice or escalation.
    pub kind: TaskKind,
    /// The account it concerns.
    pub account: AccountId,
    /// The run that made it.
    pub run: RunId,
    /// The step that made it.
    pub step: String,
    /// The role it is for.
    pub team: Team,
    /// The person it is for, where known.
    pub assignee: Option<UserId>,
    /// One line.
    pub title: String,
    /// Material, Markdown.
    pub body: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is due.
    pub due_at: Timestamp,
    /// Where it stands.
    pub status: TaskStatus,
    /// What was noted when it was finished.
    pub outcome: Option<String>,
}
