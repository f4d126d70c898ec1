//! Steering: what people do to runs from outside, many at a time.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RunFilter, StoreError};
use crate::{
    id::{MessageId, RunId},
    message::Message,
    run::{Intervention, Priority, Progress, Run, RunStatus},
    user::Actor,
};

/// Runs changed in one transaction, at most.
pub const BATCH: usize = 200;

/// Runs that are alike, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunGroup {
    /// The playbook's name.
    pub playbook: String,
    /// Where they stand.
    pub status: RunStatus,
    /// The step they are at.
    pub step: String,
    /// How many.
    pub count: u64,
}

/// What is done to many runs at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// What may be done to any one.
    Intervene(Intervention),
    /// They do this step, and all that come after it, again.
    RetryFrom(String),
}

impl From<Intervention> for Measure {
    fn from(what: Intervention) -> Self {
        Self::Intervene(what)
    }
}

impl Measure {
    /// Whether it may make sense for a run in this state.
    pub const fn is_possible(&self, status: RunStatus) -> bool {
        match self {
            Self::Intervene(what) => what.is_possible(status),
            Self::RetryFrom(_) => matches!(status, RunStatus::Stuck | RunStatus::Active),
        }
    }

    /// What is done to a run, as in `3 runs were paused`.
    pub const fn done(&self) -> &'static str {
        match self {
            Self::Intervene(what) => what.done(),
            Self::RetryFrom(_) => "taken back",
        }
    }
}

/// Runs for which something cannot be done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hindered {
    /// The playbook's name.
    pub playbook: String,
    /// The step they are at.
    pub step: String,
    /// Why it cannot be done.
    pub why: String,
    /// How many.
    pub count: u64,
}

/// What became of a batch of interventions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Changed.
    pub done: u64,
    /// Left as they were, because it makes no sense in their state, or cannot be done.
    pub not_possible: u64,
    /// Not among those meant any more: they moved on meanwhile, or are no longer there.
    pub gone: u64,
}

impl Tally {
    /// Counts another batch too.
    pub const fn add(&mut self, other: Self) {
        self.done += other.done;
        self.not_possible += other.not_possible;
        self.gone += other.gone;
    }
}

/// What an intervention in many runs would do, without doing it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// Runs it would change.
    pub count: u64,
    /// Runs that match and that it makes no sense for in their state.
    pub left_alone: u64,
    /// Runs that match and for which it cannot be done, alike in why; most first.
    #[serde(default)]
    pub hindered: Vec<Hindered>,
    /// The runs it would change, by playbook, status and step; most first.
    pub groups: Vec<RunGroup>,
    /// The first few of them, longest started first.
    pub first: Vec<Run>,
}

/// A version of a playbook, without its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownVersion {
    /// Content hash, in hex.
    pub version: String,
    /// Whether triggers start it.
    pub active: bool,
    /// When it was loaded.
    pub loaded_at: Timestamp,
}

/// A run's move to another version of its playbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The run as it was read; if it has changed since, it is not moved.
    pub run: Run,
    /// The version it is pinned to from now on.
    pub to: String,
    /// The priority that version asks for.
    pub priority: Priority,
    /// How far it has come, in the words of that version.
    pub progress: Progress,
    /// Steps that have another name there: the old one, the new one.
    pub renamed: Vec<(String, String)>,
}

/// What became of a change that is made only to what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is done.
    Done,
    /// The run moved on since it was read; look again.
    MovedOn,
    /// One of its messages is being handed over at this moment; try again shortly.
    Sending,
    /// There is no such run.
    NotFound,
}

/// A run's return to an earlier step.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewind {
    /// The run as it was read; if it has changed since, it stays where it is.
    pub run: Run,
    /// How far it has come then.
    pub progress: Progress,
    /// The steps that are done again.
    pub again: Vec<String>,
}

/// What is due and not done yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Runs that are due, those a worker has in hand included.
    pub runs: u64,
    /// Since when the longest waiting of them is due.
    pub oldest: Option<Timestamp>,
}

/// Changing many runs from outside, each fenced: a turn in flight is lost, the run is not.
#[async_trait]
pub trait Steering: Send + Sync {
    /// Counts runs that are not over and match, by playbook, status and step; most first.
    async fn groups(&self, filter: &RunFilter) -> Result<Vec<RunGroup>, StoreError>;

    /// Runs that are not over and match, longest started first, after one of them. Whoever walks
    /// many of them names a status: then a page costs what it reads.
    async fn longest_started(
        &self,
        filter: &RunFilter,
        after: Option<(Timestamp, RunId)>,
        limit: u32,
    ) -> Result<Vec<Run>, StoreError>;

    /// Changes runs, at most [`BATCH`], in one transaction with one event each, as
    /// [`super::Journal::intervene`] does; those that no longer match are left alone.
    async fn intervene_all(
        &self,
        runs: &[RunId],
        filter: &RunFilter,
        what: &Intervention,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Tally, StoreError>;

    /// Moves runs, at most [`BATCH`], to another version in one transaction, with a `RunMigrated`
    /// event each; what waits of them (approvals, messages, tasks) follows to renamed steps. The
    /// answers are in the order of the moves.
    async fn migrate_runs(
        &self,
        moves: Vec<Move>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError>;

    /// Takes a run back, see [`Steering::rewind_all`].
    async fn rewind(
        &self,
        rewind: Rewind,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let answers = self.rewind_all(vec![rewind], by, now).await?;
        Ok(answers.into_iter().next().unwrap_or(Changed::NotFound))
    }

    /// Takes runs back, at most [`BATCH`], in one transaction, with a `RunRewound` event each: open
    /// approvals and tasks of the steps that are done again are withdrawn, and the runs are due at
    /// `now`. A run that a worker holds, or one of whose steps to be done again has a message, has
    /// moved on. The answers are in the order of the rewinds.
    async fn rewind_all(
        &self,
        rewinds: Vec<Rewind>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError>;

    /// The steps of these runs that have a message, whatever became of it.
    async fn sent_by(&self, runs: &[RunId]) -> Result<Vec<(RunId, String, MessageId)>, StoreError>;

    /// All messages of a run, oldest first.
    async fn messages_of(&self, run: RunId) -> Result<Vec<Message>, StoreError>;

    /// Names of the playbooks with a version whose hash begins like this, in their order.
    async fn playbooks_with(&self, beginning: &str) -> Result<Vec<String>, StoreError>;

    /// All versions of a playbook, latest loaded first.
    async fn versions_of(&self, playbook: &str) -> Result<Vec<KnownVersion>, StoreError>;

    /// What is due at `now` and not done yet.
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError>;
}
