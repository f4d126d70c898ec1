//! Ids that stand for more than one row of an import, found in bounded memory.

use std::collections::HashMap;

use domain::record::Entity;
use sha2::{Digest, Sha256};

/// How many ids are remembered, at some 24 bytes each.
const MOST: usize = 2_000_000;

/// What an id turns out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was not used before.
    New,
    /// It was used for the same row.
    Same,
    /// It was used for another row; for the first time if `first`.
    Other {
        /// Whether the id was not known to be ambiguous before.
        first: bool,
        /// A number that tells the row from the others of that id, from 2.
        number: u32,
    },
}

/// Remembers ids and rows by hash.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    rows: HashMap<u64, u64>,
    others: HashMap<u64, Vec<u64>>,
    forgot: bool,
}

impl Repeats {
    /// Looks at an id and the hash of its row, and remembers both.
    pub(super) fn see(&mut self, entity: Entity, id: &str, row_hash: &str) -> Seen {
        let key = hash(&format!("{entity}\0{id}"));
        let row = hash(row_hash);
        match self.rows.get(&key) {
            None => {
                self.rows.insert(key, row);
                Seen::New
            }
            Some(known) if *known == row => Seen::Same,
            Some(_) => {
                let others = self.others.entry(key).or_default();
                if others.contains(&row) {
                    return Seen::Same;
                }
                others.push(row);
                Seen::Other {
                    first: others.len() == 1,
                    number: u32::try_from(others.len()).unwrap_or(u32::MAX).saturating_add(1),
                }
            }
        }
    }

    /// Begins anew when there is too much to remember. Called between batches, so that within a
    /// batch no id is ever handed in twice.
    pub(super) fn bound(&mut self) {
        if self.rows.len() > MOST {
            self.rows.clear();
            self.others.clear();
            self.forgot = true;
        }
    }

    /// Whether ids that lie further apart than [`MOST`] rows may have gone unnoticed.
    pub(super) const fn forgot(&self) -> bool {
        self.forgot
    }
}

fn hash(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    let mut bytes = [0_u8; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(bytes)
}
