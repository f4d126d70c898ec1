//! What leaves the database for a file when it is over, and the record that is kept of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    account::words,
    chain::{self, Hash},
    content::Sealed,
    event::StoredEvent,
    id::{AccountId, ContactId, RunId},
    port::StreamHead,
};

/// Days that anything auditable is kept in the database at least (GV-01, AI Act articles 19 and
/// 26(6): six months).
pub const FLOOR_DAYS: u32 = 183;

words! {
    /// What an archive file holds.
    ArchiveKind {
        /// Runs that are over, whole.
        Runs = "runs",
        /// Old stretches of streams that never end.
        Streams = "streams",
        /// The heads that old checkpoints covered.
        Checkpoints = "checkpoints",
    }
}

/// One archive file, as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Archive {
    /// Counts from 1.
    pub number: i64,
    /// The file's name.
    pub name: String,
    /// What it holds.
    pub kind: ArchiveKind,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// The file's size.
    pub bytes: i64,
    /// Runs, stretches of streams, or checkpoints in it.
    pub items: i64,
    /// Events in it.
    pub events: i64,
    /// Merkle root over what it holds, in hex; see [`root_of_heads`] and [`root_of_checkpoints`].
    pub root: String,
    /// When the oldest thing in it began.
    pub first_at: Timestamp,
    /// When the latest thing in it began.
    pub last_at: Timestamp,
    /// When it was written.
    pub archived_at: Timestamp,
    /// When its rows left the database; none while they are still there.
    pub pruned_at: Option<Timestamp>,
}

/// A file that was written and synced, before the database knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewArchive {
    /// The file's name.
    pub name: String,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// The file's size.
    pub bytes: i64,
    /// Events in it.
    pub events: i64,
    /// When the oldest thing in it began.
    pub first_at: Timestamp,
    /// When the latest thing in it began.
    pub last_at: Timestamp,
    /// What it holds.
    pub holds: Holds,
}

/// What a new archive file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Whole runs, by the heads of their streams.
    Runs(Vec<StreamHead>),
    /// Stretches of streams, by their ends.
    Streams(Vec<StreamHead>),
    /// Checkpoints, by number and hash.
    Checkpoints(Vec<(i64, Vec<u8>)>),
}

impl Holds {
    /// Which kind of file this makes.
    pub const fn kind(&self) -> ArchiveKind {
        match self {
            Self::Runs(_) => ArchiveKind::Runs,
            Self::Streams(_) => ArchiveKind::Streams,
            Self::Checkpoints(_) => ArchiveKind::Checkpoints,
        }
    }

    /// How many things it holds.
    pub const fn len(&self) -> usize {
        match self {
            Self::Runs(heads) | Self::Streams(heads) => heads.len(),
            Self::Checkpoints(checkpoints) => checkpoints.len(),
        }
    }

    /// Whether it holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The Merkle root over it.
    pub fn root(&self) -> Hash {
        match self {
            Self::Runs(heads) | Self::Streams(heads) => root_of_heads(heads),
            Self::Checkpoints(checkpoints) => root_of_checkpoints(checkpoints),
        }
    }
}

/// The Merkle root over the ends of archived streams, in the order of their names.
pub fn root_of_heads(heads: &[StreamHead]) -> Hash {
    let mut heads: Vec<&StreamHead> = heads.iter().collect();
    heads.sort_by(|a, b| a.stream.cmp(&b.stream).then(a.seq.cmp(&b.seq)));
    chain::root(heads.iter().map(|head| (head.stream.as_str(), head.seq, &*head.hash)))
}

/// The Merkle root over archived checkpoints, by number.
pub fn root_of_checkpoints(checkpoints: &[(i64, Vec<u8>)]) -> Hash {
    let mut checkpoints: Vec<_> = checkpoints.iter().collect();
    checkpoints.sort();
    chain::root(checkpoints.iter().map(|(number, hash)| ("checkpoint", *number, &**hash)))
}

/// The end of a stretch of a stream that is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Where it ends.
    pub head: StreamHead,
    /// Number of the archive.
    pub archive: i64,
}

/// What became of a new archive file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The database and the trail know of it: its rows may go.
    Kept(Archive),
    /// Something in it went on meanwhile; the file is of no use and nothing may go.
    Moved,
}

/// How far the rows of an archive have gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Runs, stretches or checkpoints that went now.
    pub items: u64,
    /// Whether nothing of the archive is left.
    pub done: bool,
}

/// A run that is over, of which nothing waits for anybody, and which a checkpoint covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last changed: when it ended.
    pub ended_at: Timestamp,
}

/// How much an archive pass would move now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Due {
    /// Runs.
    pub runs: i64,
    /// Their events.
    pub run_events: i64,
    /// When the oldest of them began.
    pub oldest: Option<Timestamp>,
    /// Old events of streams that never end.
    pub stream_events: i64,
    /// Checkpoints whose heads nothing needs any longer.
    pub checkpoints: i64,
    /// Signals that were looked at and that no live run can need.
    pub signals: i64,
}

impl Due {
    /// How far runs, events of streams, checkpoints and signals are counted, each: where one is as
    /// high as that, there are at least so many. A preview must not take as long as the work.
    pub const MOST: i64 = 10_000;
}

/// The rows of a table, by column.
pub type Rows = Vec<Map<String, Value>>;

/// Everything the database has of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The run.
    pub run: RunId,
    /// Its account.
    pub account: AccountId,
    /// When it began.
    pub started_at: Timestamp,
    /// The end of its stream.
    pub head: StreamHead,
    /// Its events, in order.
    pub events: Vec<StoredEvent>,
    /// Sealed texts, as ciphertext.
    pub contents: Vec<Sealed>,
    /// The people it wrote or would have written to.
    pub contacts: Vec<ContactId>,
    /// Rows by table, reduced to columns that hold no words of any person.
    pub outline: BTreeMap<String, Rows>,
    /// The same rows whole. They may hold anything, so they are kept sealed only.
    pub rows: BTreeMap<String, Rows>,
}

/// An old stretch of a stream that never ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The stream.
    pub stream: String,
    /// Its events, in order; never none.
    pub events: Vec<StoredEvent>,
}
