//! The doors we ask the world for: persistence, content keys, writers, channels.

use std::{error::Error, fmt};

mod access;
mod catalogue;
mod customers;
mod desk;
mod exit;
mod history;
mod journal;
mod ledger;
mod outbox;
mod queue;
mod rates;
mod steering;
mod vault;
mod writer;

pub use access::{Access, Session};
pub use catalogue::{Catalogue, PlaybookVersion, PolicyVersion, Schedule};
pub use customers::{AccountFilter, Customers, Intake, Listed, Listing, Mark};
pub use desk::{Desk, DeskError, Opened, Reviewed, Ruling};
pub use exit::{Exit, Parcel, Prompted, Stranger, StrangerKind, Unchecked};
pub use history::History;
pub use journal::{Heard, Journal, Looked, RunFilter, Work};
pub use ledger::{Checkpoint, Ledger, StreamHead};
pub use outbox::{Begun, Channels, Outbox, Outcome, Room, Transmission};
pub use queue::{Inbox, QueueFilter, QueueItem, QueueOrder, TaskFilter};
pub use rates::{Ask, Grant, Rates};
pub use steering::{
    BATCH, Backlog, Changed, Forecast, Hindered, KnownVersion, Measure, Move, Rewind, RunGroup,
    Steering, Tally,
};
pub use vault::{Vault, VaultError};
pub use writer::{
    Answer, Assignment, LetterTask, Reader, Release, Route, Task as WriterTask, WriteError, Writer,
    Written, WrittenLetter, WrittenSummary,
};

/// The database did not do as asked. What it is behind this is the adapter's business.
#[derive(Debug)]
pub struct StoreError {
    transient: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// Wraps an adapter's error. `transient` says whether the same call may work later.
    pub fn new(transient: bool, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { transient, source: source.into() }
    }

    /// Whether the same call may work later: the connection was lost, the database was busy.
    pub const fn is_transient(&self) -> bool {
        self.transient
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.transient { "database is unavailable" } else { "database error" })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
