//! The audit trail, as stored.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::{
    archive::{Archive, Archived},
    event::StoredEvent,
};

/// The end of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHead {
    /// The stream.
    pub stream: String,
    /// Number of its last event.
    pub seq: i64,
    /// Hash of its last event.
    pub hash: Vec<u8>,
}

/// A Merkle root over the heads that changed since the checkpoint before, chained to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Counts from 1.
    pub number: i64,
    /// When it was taken, microseconds since 1970.
    pub at: i64,
    /// The heads it covers, by stream name.
    pub heads: Vec<StreamHead>,
    /// The Merkle root over them.
    pub root: Vec<u8>,
    /// Hash of the checkpoint before it.
    pub prev: Vec<u8>,
    /// Hash of this checkpoint.
    pub hash: Vec<u8>,
    /// The archive its heads went to, if they did.
    pub archive: Option<i64>,
}

/// Reading and checkpointing the trail. There is no way to change it.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Whether what is decided now would be kept: the database answers, takes writes, and a commit
    /// goes all the way. Asking often costs little.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Events of a stream after `after`, in order.
    async fn events(
        &self,
        stream: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// Ends of streams after `after` by name, in order.
    async fn heads(&self, after: &str, limit: u32) -> Result<Vec<StreamHead>, StoreError>;

    /// Covers every head that changed since the last checkpoint; none if nothing did.
    async fn checkpoint(&self, now: Timestamp) -> Result<Option<i64>, StoreError>;

    /// A checkpoint with its heads.
    async fn checkpoint_at(&self, number: i64) -> Result<Option<Checkpoint>, StoreError>;

    /// The latest events of all streams, newest first.
    async fn recent(&self, limit: u32) -> Result<Vec<StoredEvent>, StoreError>;

    /// Archives after this number, in order.
    async fn archives(&self, after: i64, limit: u32) -> Result<Vec<Archive>, StoreError>;

    /// The ends of the streams an archive holds, after `after` by name.
    async fn archived_in(
        &self,
        archive: i64,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Archived>, StoreError>;

    /// Which stretches of these streams are in files, by stream and number.
    async fn archived_of(&self, streams: &[&str]) -> Result<Vec<Archived>, StoreError>;

    /// Number and hash of the checkpoints whose heads an archive holds.
    async fn checkpoints_in(&self, archive: i64) -> Result<Vec<(i64, Vec<u8>)>, StoreError>;
}
