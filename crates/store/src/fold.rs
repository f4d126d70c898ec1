//! Folds SQLite's write-ahead log into its file beside the work, so that a commit seldom has to.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use sqlx::SqlitePool;
use tracing::debug;

/// Commits after which the log is folded in: a second's worth under load, a few seconds' at ten
/// approvals a second.
const COMMITS: u32 = 64;

/// A connection of its own that folds the log, when there is something to fold.
///
/// It keeps nobody waiting: it copies what no reader needs and leaves the rest. Once all is copied,
/// the next commit begins the log anew; without it, every few thousand pages one commit would stop
/// to copy them all.
pub(crate) struct Folder {
    pool: SqlitePool,
    commits: AtomicU32,
    under_way: AtomicBool,
}

impl Folder {
    pub(crate) const fn new(pool: SqlitePool) -> Self {
        Self { pool, commits: AtomicU32::new(0), under_way: AtomicBool::new(false) }
    }

    /// Notes a commit, and folds when enough have gathered.
    pub(crate) fn committed(self: &Arc<Self>) {
        let commits = self.commits.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if commits < COMMITS || self.under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        self.commits.store(0, Ordering::Relaxed);
        let folder = Arc::clone(self);
        tokio::spawn(async move {
            let done = sqlx::raw_sql("PRAGMA wal_checkpoint(PASSIVE)").execute(&folder.pool).await;
            if let Err(error) = done {
                // A commit does it in the end, and says what is wrong with the disk.
                debug!(%error, "write-ahead log was not folded in");
            }
            folder.under_way.store(false, Ordering::Release);
        });
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
