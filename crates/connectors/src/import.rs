//! Reads a customer's CSV files into the product: streaming, idempotent, losing nothing unsaid.

mod csv;
mod encoding;
pub(crate) mod field;
mod flow;
mod layout;
mod mapping;
mod oddity;
mod plan;
mod preset;
mod reading;
mod repeat;
mod report;
mod value;

use std::path::PathBuf;

use domain::{
    clock::Clock,
    port::{Intake, StoreError},
    record::Row,
};
use sha2::{Digest, Sha256};

pub use mapping::{Entry, Mapping, MappingError};
pub use oddity::{Anomaly, Oddity};
pub use plan::FileError;
pub use report::{Counts, FileReport, Rejection, Report};
pub use value::DateOrder;

/// What can be chosen about an import.
#[derive(Clone, Debug)]
pub struct Options {
    /// The encoding of files without a byte-order mark, as a label such as `windows-1252`;
    /// UTF-8 if none.
    pub encoding: Option<String>,
    /// Currency of amounts whose file names none, ISO 4217.
    pub currency: String,
    /// How dates with slashes or dots are written, if other than the mapping says.
    pub dates: Option<DateOrder>,
    /// Whether new accounts and tickets raise signals. Not by default, so that years of history
    /// start no runs; a changed lifecycle phase always does.
    pub announce: bool,
    /// How many rejections the report holds.
    pub keep_rejections: usize,
    /// Where all rejections are written as CSV.
    pub rejects: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            encoding: None,
            currency: "USD".to_owned(),
            dates: None,
            announce: false,
            keep_rejections: 20,
            rejects: None,
        }
    }
}

/// Why an import did not take place, or ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// An option cannot be used. Nothing was read in.
    #[error("{0}")]
    Option(String),
    /// Files cannot be imported. Nothing was read in, from no file.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Files(Vec<FileError>),
    /// A file could not be read to its end.
    #[error(
        "`{file}` cannot be read on after {read} rows; what was read in stays, and importing again goes on from there"
    )]
    Read {
        /// The file.
        file: String,
        /// Rows dealt with before, in all files.
        read: u64,
        /// Why.
        source: std::io::Error,
    },
    /// The file for rejections could not be written.
    #[error("rejected rows cannot be written to `{file}`")]
    Rejections {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed, repeatedly where that could help.
    #[error(
        "database failed after {read} rows; what was read in stays, and importing again goes on from there"
    )]
    Store {
        /// Rows dealt with before, in all files.
        read: u64,
        /// Why.
        source: StoreError,
    },
}

/// An import that can be run.
#[derive(Debug)]
pub struct Import {
    mapping: Mapping,
    source: String,
    options: Options,
}

impl Import {
    /// An import of files from one source system, read by one mapping.
    pub fn new(mapping: Mapping, source: impl Into<String>, options: Options) -> Self {
        Self { mapping, source: source.into(), options }
    }

    /// Reads files, and the CSV files of folders, in: accounts first, then contacts and
    /// subscriptions, then the rest, whatever order they are given in. Every header is checked
    /// before the first row is read in. `progress` is told the rows dealt with so far.
    ///
    /// Running the same import again changes nothing. That it took place is for the caller to
    /// record, who knows in whose name.
    pub async fn run(
        &self,
        paths: &[PathBuf],
        intake: &dyn Intake,
        clock: &dyn Clock,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Report, ImportError> {
        let plan = self.plan(paths)?;
        flow::Flow::new(self, intake, clock.now(), progress)?.run(plan).await
    }
}

/// SHA-256 of a row's canonical content, in hex: what tells a changed row from an unchanged one.
/// Columns that are not mapped do not count, nor does their order.
pub fn row_hash(row: &Row) -> String {
    // Rows are plain structs of texts and numbers; writing them as JSON cannot fail.
    let json = serde_json::to_vec(row).unwrap_or_default();
    hex::encode(Sha256::digest(json))
}
