//! What a model is asked, what it answers, and how it fails.

use async_trait::async_trait;
use domain::{draft::Finding, port::WriteError};
use jiff::SignedDuration;
use privacy::Redacted;
use serde_json::Value;

use crate::fact::Signs;

/// One question to a model. All text in it is redacted; nothing else fits in.
///
/// ```compile_fail
/// fn ask(call: &mut agent::Call, ticket: String) {
///     call.user = ticket;
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    /// How to work.
    pub system: Redacted,
    /// What to work on.
    pub user: Redacted,
    /// What the answer must look like.
    pub schema: Schema,
    /// Sampling temperature, 0 to 2.
    pub temperature: f32,
    /// The most tokens the answer may have.
    pub max_tokens: u32,
    /// The same work in pieces, for the offline writer.
    pub material: Material,
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Its name: `letter`, `route` or `summary`.
    pub name: &'static str,
    /// JSON Schema, strict: every property required, no others allowed.
    pub json: Value,
}

/// A fact with its value redacted.
#[derive(Clone, Debug)]
pub struct Given {
    /// Short id: `f1`.
    pub id: String,
    /// Which fact it is: `renewal_date`.
    pub key: &'static str,
    /// What it is, in words.
    pub label: &'static str,
    /// Its value.
    pub value: Redacted,
}

/// The work in pieces.
#[derive(Clone, Debug)]
pub enum Material {
    /// A letter: the asset filled in, and what a reviewer asked for.
    Letter {
        /// The asset's subject.
        subject: Redacted,
        /// The asset's text.
        body: Redacted,
        /// What a person asked to be different.
        instruction: Option<Redacted>,
        /// Subject and text the instruction is about.
        previous: Option<(Redacted, Redacted)>,
        /// The facts.
        facts: Vec<Given>,
    },
    /// A risk: numbers only.
    Route {
        /// The numbers the rules look at.
        signs: Signs,
        /// The facts.
        facts: Vec<Given>,
    },
    /// A summary.
    Summary {
        /// The facts.
        facts: Vec<Given>,
    },
}

/// A model's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The text, in the form the schema asks for if the model obeys.
    pub text: String,
    /// Tokens read and written, if it says.
    pub tokens: Option<u64>,
    /// Requests it took: two when the endpoint does not know JSON Schema and was asked again.
    pub calls: u32,
    /// What the writer has to say of its own work.
    pub notes: Vec<Finding>,
}

/// What went wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Unreachable,
    /// Connected, but no whole answer in time.
    Silent,
    /// The connection broke in the middle of the answer.
    CutOff,
    /// 429, or our own limit.
    RateLimited,
    /// 5xx.
    Down,
    /// 401 or 403.
    Unauthorized,
    /// The account at the provider has no money or quota left.
    QuotaSpent,
    /// 404: wrong address or unknown model.
    NotFound,
    /// Another 4xx.
    BadRequest,
    /// A redirect, which is never followed.
    Redirect,
    /// More than the limit was sent.
    TooLarge,
    /// 200, but not the JSON of a chat completion.
    Malformed,
    /// A completion without text.
    Empty,
    /// The answer was cut at `max_tokens`.
    Truncated,
    /// The model declines, or a content filter does.
    Refused,
}

/// A call that gave no usable answer. Carries no text of the prompt or the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{}", .failure.words(), status_words(*.status), code_words(.code.as_deref()))]
pub struct ModelError {
    /// What went wrong.
    pub failure: Failure,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How long to wait, as asked by the other side, at most five minutes.
    pub retry_after: Option<SignedDuration>,
    /// The provider's error code or type, letters, digits and `_.-` only.
    pub code: Option<String>,
}

fn status_words(status: Option<u16>) -> String {
    status.map_or_else(String::new, |status| format!(" (HTTP status {status})"))
}

fn code_words(code: Option<&str>) -> String {
    code.map_or_else(String::new, |code| format!(" `{code}`"))
}

impl Failure {
    const fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "endpoint cannot be reached",
            Self::Silent => "endpoint did not answer in time",
            Self::CutOff => "endpoint broke off its answer",
            Self::RateLimited => "endpoint asks for fewer calls",
            Self::Down => "endpoint is down",
            Self::Unauthorized => "endpoint does not accept the API key",
            Self::QuotaSpent => "quota at the provider is spent",
            Self::NotFound => "endpoint does not know the model or the address",
            Self::BadRequest => "endpoint does not accept the request",
            Self::Redirect => "endpoint redirects, which is not followed: set its final address",
            Self::TooLarge => "endpoint sent more than is accepted",
            Self::Malformed => "endpoint did not answer with a chat completion",
            Self::Empty => "answer has no text",
            Self::Truncated => "answer was cut off at the token limit",
            Self::Refused => "model declines to answer",
        }
    }

    /// Whether the model was there and its answer is what is wrong. A text in the prompt can bring
    /// that about.
    pub const fn is_of_the_answer(self) -> bool {
        matches!(self, Self::Empty | Self::Truncated | Self::Refused | Self::TooLarge)
    }

    /// Whether the same call may work later.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Silent | Self::CutOff | Self::RateLimited | Self::Down
        )
    }
}

impl ModelError {
    /// An error without HTTP status.
    pub const fn new(failure: Failure) -> Self {
        Self { failure, status: None, retry_after: None, code: None }
    }

    /// Whether the same call may work later.
    pub const fn is_transient(&self) -> bool {
        self.failure.is_transient()
    }
}

impl From<ModelError> for WriteError {
    fn from(err: ModelError) -> Self {
        match err.failure {
            failure if failure.is_transient() => {
                Self::Unavailable { why: err.to_string(), retry_after: err.retry_after }
            }
            Failure::Malformed | Failure::TooLarge | Failure::Empty | Failure::Truncated => {
                Self::Unusable(err.to_string())
            }
            _ => Self::Refused(err.to_string()),
        }
    }
}

/// Something that answers calls: a language model, or the offline writer.
#[async_trait]
pub trait Model: Send + Sync {
    /// Its name, as drafts, the policy's allow-list and metrics show it.
    fn name(&self) -> &str;

    /// Whether it works without a language model.
    fn is_offline(&self) -> bool {
        false
    }

    /// Answers one call.
    async fn complete(&self, call: &Call) -> Result<Completion, ModelError>;
}

/// About how many tokens a text has.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate of a length"
)]
pub(crate) fn estimate(bytes: usize) -> u64 {
    (bytes as f64 / 3.5).ceil() as u64
}
