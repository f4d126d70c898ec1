//! History that is over: what may leave the database, and what is known of what left.

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};

use super::{Checkpoint, StoreError};
use crate::{
    archive::{Archive, Due, Exported, Finished, NewArchive, Pruned, Recorded, Stretch},
    id::RunId,
    user::Actor,
};

/// Moving what is over out of the database. Nothing leaves that is not in a file which the
/// database and the trail know by its hash.
#[async_trait]
pub trait History: Send + Sync {
    /// How much could be moved that ended before this time.
    async fn due(&self, before: Timestamp) -> Result<Due, StoreError>;

    /// Runs that began and ended before this time, oldest first, after `after`. The latest run of
    /// each playbook for each account is not among them: `once_per` looks at it.
    async fn finished(
        &self,
        before: Timestamp,
        after: Option<Finished>,
        limit: u32,
    ) -> Result<Vec<Finished>, StoreError>;

    /// Everything there is of these runs, as of one moment.
    async fn export(&self, runs: &[RunId]) -> Result<Vec<Exported>, StoreError>;

    /// The oldest events of streams that never end and grow with use, before this time and still
    /// in the database: at most `limit` a stream. Streams that say what was in force are kept.
    async fn stretches(&self, before: Timestamp, limit: u32) -> Result<Vec<Stretch>, StoreError>;

    /// Checkpoints from before this time, oldest first, whose every head is archived or covered by
    /// a later checkpoint, and whose own heads are still in the database.
    async fn spent_checkpoints(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Checkpoint>, StoreError>;

    /// Makes a written file known, with its event on [`crate::event::Stream::History`]; nothing is
    /// deleted yet. Refused if anything in it is not exactly as in the file any longer.
    async fn record_archive(
        &self,
        archive: NewArchive,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Recorded, StoreError>;

    /// Deletes rows an archive holds, at most `limit` runs, stretches or checkpoints. What went on
    /// after it was archived stays.
    async fn prune(&self, archive: i64, limit: u32, now: Timestamp) -> Result<Pruned, StoreError>;

    /// Archives whose rows are still in the database, oldest first.
    async fn unpruned(&self) -> Result<Vec<Archive>, StoreError>;

    /// Forgets signals received before this time that were looked at and that no run which is
    /// still going can need, at most `limit`; how many.
    async fn forget_signals(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Forgets days of use before this one, of at most `limit` accounts; how many days.
    async fn forget_usage(&self, before: Date, limit: u32) -> Result<u64, StoreError>;

    /// Forgets sessions, links and tokens that have ended; how many.
    async fn forget_secrets(&self, now: Timestamp) -> Result<u64, StoreError>;
}
