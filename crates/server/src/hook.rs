//! The door signals come in by, as the server sees it.

use async_trait::async_trait;
use domain::{id::SignalId, port::StoreError};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// What became of the signals of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Accepted {
    /// Ids of signals that were new.
    pub new: Vec<SignalId>,
    /// The source's ids of events that were known already; handing them in again did no harm.
    pub known: Vec<String>,
}

/// Why signals were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SignalProblem {
    /// The body is in no format we read.
    #[error("content type `{0}` is not understood; send `application/cloudevents+json`")]
    MediaType(String),
    /// The body is not what its content type says.
    #[error("{0}")]
    Malformed(String),
    /// A value does not make sense: an unknown account, a time in the far future.
    #[error("`{field}` {why}")]
    Invalid {
        /// Which attribute of the event.
        field: String,
        /// What is wrong with it and what to do.
        why: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where signals come in.
#[async_trait]
pub trait SignalDoor: Send + Sync {
    /// Checks the signature headers of a webhook over the body exactly as received. The error
    /// says what is wrong without telling how to forge it.
    fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), String>;

    /// Takes signals in, each at most once per source and event id; all of a request or none.
    async fn accept(&self, content_type: &str, body: &[u8]) -> Result<Accepted, SignalProblem>;
}
