//! The writer: who drafts texts and routes risk. A model, or the offline writer, behind redaction.

use async_trait::async_trait;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Stranger;
use crate::{
    action::{RiskCategory, Severity, Team},
    content::Pseudonyms,
    draft::{Author, Fact, Finding, Letter, Restored},
    intent::Recipient,
    redaction::Redaction,
    run::Cause,
    snapshot::Snapshot,
};

/// What the writer is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Write to a contact.
    Letter(Box<LetterTask>),
    /// Classify the account's risk.
    Route,
    /// Sum the account up.
    Summary,
}

/// A message to write, starting from a playbook's asset.
#[derive(Clone, Debug, PartialEq)]
pub struct LetterTask {
    /// Whom to.
    pub recipient: Recipient,
    /// The asset's name.
    pub asset: String,
    /// The asset's Tera template: front matter with `subject`, then the text. Variables:
    /// `account`, `contact`, `csm`, `usage`, `tickets`, `contract`, `results`, `today`.
    pub template: String,
    /// What a person asked to be different, on a redraft.
    pub instruction: Option<String>,
    /// The text that the instruction is about: subject and body.
    pub previous: Option<(String, String)>,
    /// The ticket's id in its source, when answering one.
    pub ticket: Option<String>,
}

/// One piece of work for the writer.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// What to do.
    pub task: Task,
    /// Name of the prompt file, without extension.
    pub prompt: String,
    /// What is known of the account.
    pub snapshot: Snapshot,
    /// What finished steps left behind.
    pub results: serde_json::Value,
    /// Why the run was started.
    pub cause: Cause,
    /// The playbook's objective.
    pub objective: String,
    /// Tokens the run may still use.
    pub tokens_left: u64,
    /// What the policy says of personal data.
    pub redaction: Redaction,
    /// What policy says of putting originals back, beyond what always holds.
    pub releases: Vec<Release>,
    /// What the run's placeholders stand for so far.
    pub pseudonyms: Pseudonyms,
    /// Whom and what of other customers the texts speak of, whom nobody at this account knows.
    pub strangers: Vec<Stranger>,
}

impl Task {
    /// What our own people wrote that is asked for.
    pub fn words(&self) -> Vec<&str> {
        let Self::Letter(letter) = self else { return Vec::new() };
        let previous = letter.previous.iter().flat_map(|(subject, body)| [subject, body]);
        letter.instruction.iter().chain(previous).map(String::as_str).collect()
    }
}

/// Where a text with originals put back goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// To a customer.
    Customer,
    /// To a colleague: summaries and reasons.
    Colleague,
}

/// Whether values of a type may be put back for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The type, as placeholders write it.
    pub kind: String,
    /// For whom.
    pub to: Reader,
    /// Whether they may.
    pub allow: bool,
}

/// A drafted message.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenLetter {
    /// Subject line, personal data restored.
    pub subject: String,
    /// Text, personal data restored.
    pub body: String,
    /// Ids of the facts it says it used.
    pub used: Vec<String>,
    /// Its own confidence from 0 to 1.
    pub confidence: Option<f64>,
}

/// A classified risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// What it is about.
    pub category: RiskCategory,
    /// How bad.
    pub severity: Severity,
    /// Who should own it.
    pub owner: Team,
    /// Why, each citing a fact by id.
    pub reasons: Vec<String>,
    /// Its own confidence from 0 to 1.
    pub confidence: f64,
}

/// A summary for colleagues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenSummary {
    /// A few sentences, personal data restored.
    pub summary: String,
}

/// What the writer answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Task::Letter`].
    Letter(WrittenLetter),
    /// To [`Task::Route`].
    Route(Route),
    /// To [`Task::Summary`].
    Summary(WrittenSummary),
}

/// An answer with its provenance.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The answer.
    pub answer: Answer,
    /// Who wrote it.
    pub author: Author,
    /// The facts it was given.
    pub facts: Vec<Fact>,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// Exactly what the model saw.
    pub seen_by_model: String,
    /// What was put back for placeholders in the answer, and what was not.
    pub restored: Vec<Restored>,
    /// What the run's placeholders stand for now.
    pub pseudonyms: Pseudonyms,
    /// Tokens read and written.
    pub tokens: u64,
    /// Model calls made (a repair is a second one).
    pub calls: u32,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The model may answer later.
    #[error("model is unavailable: {why}")]
    Unavailable {
        /// What happened, without any text of the prompt or answer.
        why: String,
        /// How long it asked us to wait.
        retry_after: Option<SignedDuration>,
    },
    /// The model refuses, or is set up wrongly: waiting does not help.
    #[error("model refuses: {0}")]
    Refused(String),
    /// Its answer cannot be used, even after one repair.
    #[error("model's answer cannot be used: {0}")]
    Unusable(String),
    /// The prompt or asset is wrong.
    #[error("{what} `{name}`: {why}")]
    Template {
        /// `prompt` or `asset`.
        what: &'static str,
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The run's budget does not cover the call.
    #[error("call needs about {needed} tokens, the run has {left} left")]
    OverBudget {
        /// Estimate.
        needed: u64,
        /// What is left.
        left: u64,
    },
}

impl WriteError {
    /// Whether the same call may work later.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unusable(_))
    }
}

/// Drafts texts and routes risk.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Name and hash of a prompt file, for the record before the call is made.
    fn prompt_hash(&self, prompt: &str) -> Option<String>;

    /// Checks a text a person wrote in place of a draft: secrets and other people's data
    /// (blocking), numbers no fact supports (not blocking: the person may know more).
    fn inspect(&self, letter: &Letter, facts: &[Fact], snapshot: &Snapshot) -> Vec<Finding>;

    /// Does one piece of work.
    async fn write(&self, assignment: &Assignment) -> Result<Written, WriteError>;
}
