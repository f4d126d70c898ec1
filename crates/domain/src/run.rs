//! One execution of one playbook version for one account: its state, and what it waits for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    account::words,
    id::{AccountId, ApprovalId, MessageId, RunId, SignalId, TaskId},
};

words! {
    /// Where a run stands, as one word.
    RunStatus {
        /// It moves by itself: due now or at its `wake_at`.
        Active = "active",
        /// A person stopped it for a while.
        Paused = "paused",
        /// It cannot go on alone and says why; a person retries or cancels it.
        Stuck = "stuck",
        /// All steps are done.
        Completed = "completed",
        /// A person ended it.
        Cancelled = "cancelled",
    }
}

words! {
    /// How soon a run's turn comes while more is due than there are hands for.
    Priority {
        /// Eight shares of the hands.
        Urgent = "urgent",
        /// Four shares.
        Normal = "normal",
        /// One share: never before the others, and never not at all.
        Bulk = "bulk",
    }
}

impl Priority {
    /// Its shares of the hands. Each playbook with something due has its own.
    pub const fn shares(self) -> i64 {
        match self {
            Self::Urgent => 8,
            Self::Normal => 4,
            Self::Bulk => 1,
        }
    }
}

impl RunStatus {
    /// Whether nothing more happens to the run.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
}

/// Where in its current step a run is. Whatever it waits for is named here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// The step has not begun.
    Ready,
    /// A model is (or was, before a crash) at work on it.
    Drafting {
        /// The approval whose redraft this is; none for the first version.
        redraft: Option<ApprovalId>,
    },
    /// A person has to decide.
    AwaitingApproval {
        /// On this.
        approval: ApprovalId,
    },
    /// A message is in the outbox.
    AwaitingDelivery {
        /// This one.
        message: MessageId,
    },
    /// A person has to finish something.
    AwaitingTask {
        /// This.
        task: TaskId,
        /// Until then.
        until: Option<Timestamp>,
    },
    /// Something has to happen at the customer's.
    AwaitingSignal {
        /// A signal of this kind.
        kind: String,
        /// Signals received after this time count.
        since: Timestamp,
        /// Until then.
        until: Timestamp,
    },
    /// Time has to pass.
    Sleeping {
        /// Until then.
        until: Timestamp,
    },
}

/// Why a run cannot go on alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadEnd {
    /// Stable code: `model-unreachable`, `condition-failed`, `budget-spent`.
    pub code: String,
    /// In words, with what to do.
    pub why: String,
}

/// How far a run has come: the part of its state the engine reads and writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// The current step's id; empty when all are done.
    pub step: String,
    /// Where in that step.
    pub phase: Phase,
    /// Failed attempts at the current step since it last moved.
    pub attempts: u32,
    /// What finished steps left behind, by step id: what conditions and templates see.
    pub results: BTreeMap<String, Value>,
    /// Steps begun so far.
    pub steps_begun: u32,
    /// Model calls made so far.
    pub model_calls: u32,
    /// Tokens used so far.
    pub tokens: u64,
    /// Why it is stuck, if it is.
    pub dead_end: Option<DeadEnd>,
    /// What it waits for though its step could go on: a rate that is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

impl Progress {
    /// The start of a run at its first step.
    pub fn start(step: &str) -> Self {
        Self {
            step: step.to_owned(),
            phase: Phase::Ready,
            attempts: 0,
            results: BTreeMap::new(),
            steps_begun: 0,
            model_calls: 0,
            tokens: 0,
            dead_end: None,
            held: None,
        }
    }
}

/// Why a run was started: the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// Which kind of trigger fired: `lifecycle`, `event`, `schedule` or `manual`.
    pub trigger: String,
    /// The signal that fired it.
    pub signal: SignalId,
    /// The signal's kind.
    pub kind: String,
    /// What the signal said.
    pub data: Value,
    /// When it happened.
    pub at: Timestamp,
    /// The condition that held, in words or CEL; empty when there is none.
    pub condition: String,
}

/// What of a signal's data may be kept in the trail for ever: words and numbers of our own
/// vocabulary. Everything else is untrusted and may be personal.
const KEPT: [&str; 8] = ["stage", "from", "to", "band", "playbook", "at", "priority", "milestone"];

impl Cause {
    /// The cause as the audit trail keeps it: the signal's data reduced to short words and numbers
    /// under known names.
    #[must_use]
    pub fn for_trail(&self) -> Self {
        let kept = self.data.as_object().map(|data| {
            data.iter()
                .filter(|(name, value)| {
                    KEPT.contains(&name.as_str())
                        && match value {
                            Value::String(text) if *name == "at" => {
                                text.parse::<Timestamp>().is_ok()
                            }
                            Value::String(text) => {
                                text.len() <= 40
                                    && text
                                        .chars()
                                        .all(|c| c.is_ascii_lowercase() || "_-".contains(c))
                            }
                            Value::Number(_) | Value::Bool(_) | Value::Null => true,
                            Value::Array(_) | Value::Object(_) => false,
                        }
                })
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        });
        Self { data: Value::Object(kept.unwrap_or_default()), ..self.clone() }
    }
}

/// A run to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The playbook's name.
    pub playbook: String,
    /// Content hash of the playbook version it is pinned to, in hex.
    pub version: String,
    /// The account.
    pub account: AccountId,
    /// Why.
    pub cause: Cause,
    /// How soon its turn comes.
    pub priority: Priority,
    /// Its first step.
    pub progress: Progress,
    /// Runs of the same playbook and account that began after this time suppress this one.
    pub once_since: Option<Timestamp>,
    /// The same key starts one run only, however often it is asked: playbook and signal.
    pub key: String,
}

/// What became of a request to start a run (TR-04: never silence).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// It was started.
    New(RunId),
    /// The same request was made before.
    Known(RunId),
    /// Another run of the playbook for the account is too recent.
    Suppressed {
        /// That run.
        by: RunId,
    },
}

/// A run as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Our id.
    pub id: RunId,
    /// The playbook's name.
    pub playbook: String,
    /// Content hash of the version it is pinned to.
    pub version: String,
    /// The account.
    pub account: AccountId,
    /// Why it was started.
    pub cause: Cause,
    /// Where it stands.
    pub status: RunStatus,
    /// How far it has come.
    pub progress: Progress,
    /// When it moves again by itself, if it does.
    pub wake_at: Option<Timestamp>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// The right to change a run, until somebody else claims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// Fencing token; every claim and every intervention raises it.
    pub token: i64,
    /// How often the run had been woken when it was claimed; a later wake is not lost.
    pub wakes: i64,
}

/// A run that was claimed, with the lease to change it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The run.
    pub run: Run,
    /// The lease.
    pub lease: Lease,
}

/// What a person may do to a run from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intervention {
    /// Stop for a while.
    Pause,
    /// Go on after a pause.
    Resume,
    /// End for good; open approvals and tasks are withdrawn.
    Cancel {
        /// Why.
        reason: String,
    },
    /// Try the current step again after a dead end.
    Retry,
}

impl Intervention {
    /// Whether it makes sense for a run in this state.
    pub const fn is_possible(&self, status: RunStatus) -> bool {
        match self {
            Self::Pause => matches!(status, RunStatus::Active),
            Self::Resume => matches!(status, RunStatus::Paused),
            Self::Cancel { .. } => !status.is_over(),
            Self::Retry => matches!(status, RunStatus::Stuck),
        }
    }

    /// What is done to a run, as in `3 runs were paused`.
    pub const fn done(&self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Cancel { .. } => "cancelled",
            Self::Retry => "retried",
        }
    }
}

/// What became of an intervention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intervened {
    /// It is done.
    Done,
    /// There is no such run.
    NotFound,
    /// It makes no sense in this state.
    NotPossible {
        /// The state.
        status: RunStatus,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_trail_keeps_words_of_our_own_and_nothing_a_customer_wrote() {
        let cause = Cause {
            trigger: "event".to_owned(),
            signal: SignalId::from_uuid(Uuid::from_u128(1)),
            kind: "health.dropped".to_owned(),
            data: json!({
                "band": "red", "from": 71, "comment": "Jane Doe, +49 30 5550 1234",
                "stage": "call Jane Doe", "to": "+491705550142", "milestone": "Wilhelmina",
            }),
            at: Timestamp::UNIX_EPOCH,
            condition: String::new(),
        };
        assert_eq!(cause.for_trail().data, json!({ "band": "red", "from": 71 }));
    }
}
