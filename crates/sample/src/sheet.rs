//! Where an account's rows are gathered, each with its id and fingerprint.

use domain::record::{Record, Row};
use sha2::{Digest, Sha256};

/// Rows of one account in the order they are to be read in.
pub(crate) struct Sheet {
    records: Vec<Record>,
    buffer: Vec<u8>,
}

impl Sheet {
    pub(crate) fn new() -> Self {
        Self { records: Vec::with_capacity(400), buffer: Vec::with_capacity(1_024) }
    }

    pub(crate) fn push(&mut self, source_id: String, row: Row) {
        self.buffer.clear();
        // Writing a row of numbers and texts to memory cannot fail; were it to, the fingerprint
        // would still be the same for the same row.
        let _infallible = serde_json::to_writer(&mut self.buffer, &row);
        let row_hash = hex::encode(Sha256::digest(&self.buffer));
        self.records.push(Record { source_id, row_hash, row });
    }

    pub(crate) fn records(self) -> Vec<Record> {
        self.records
    }
}
