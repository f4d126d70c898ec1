//! History that is over: out of the database, into files that can be checked against the trail.

pub mod check;
pub mod content;
pub mod file;
pub mod keeper;
pub mod line;
pub mod pass;

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use crate::{app::App, bad_input, config::Config};

/// Where archive files are; none on PostgreSQL unless the configuration names a folder, for files
/// must not be scattered over the machines of workers.
pub fn folder(config: &Config) -> Option<PathBuf> {
    match &config.retention.archive_dir {
        Some(folder) => Some(folder.clone()),
        None => config.is_embedded().then(|| config.data.join("archive")),
    }
}

/// As [`folder`], or what to do about it.
pub fn folder_or_refuse(config: &Config) -> anyhow::Result<PathBuf> {
    match folder(config) {
        Some(folder) => Ok(folder),
        None => bad_input!(
            "on PostgreSQL say where archive files go: set `retention.archive_dir` to a folder \
             that every `serve` and `worker` sees, and that is backed up"
        ),
    }
}

/// The moment before which runs have to be over to be archived.
pub fn before(app: &App, age: SignedDuration) -> Timestamp {
    app.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN)
}
