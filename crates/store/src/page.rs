//! Keyset cursors: where a page of a list ended, in a form callers only hand back.

use domain::{
    page::{Page, PageRequest},
    port::StoreError,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{fault::BadCursor, row::Row};

/// The sort key of the last item of the page before, if there was one.
pub(crate) fn after<K: DeserializeOwned>(page: &PageRequest) -> Result<Option<K>, StoreError> {
    page.cursor
        .as_deref()
        .map(|cursor| {
            hex::decode(cursor)
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .ok_or_else(|| StoreError::new(false, BadCursor))
        })
        .transpose()
}

/// How many rows to read for a page: one more than it holds, to know whether another follows.
pub(crate) fn rows(page: &PageRequest) -> i64 {
    i64::from(page.limit.clamp(1, 200)) + 1
}

/// Rows that are looked at to count what matches, and one more, which tells whether that was all.
/// Counting a million takes longer than anybody waits for a page.
pub(crate) const LOOKED_AT: i64 = 10_001;

/// How many rows match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Total {
    pub(crate) count: i64,
    pub(crate) exact: bool,
}

impl Total {
    /// Of a row with the columns `n`, those that match, and `looked`, those that were looked at.
    pub(crate) fn of(row: &Row) -> Result<Self, StoreError> {
        let exact = row.int("looked")? < LOOKED_AT;
        Ok(Self { count: row.int("n")?.min(LOOKED_AT - 1), exact })
    }
}

/// Makes a page of the rows that were read for it.
pub(crate) fn of<T, K: Serialize>(
    page: &PageRequest,
    mut items: Vec<T>,
    total: Total,
    key: impl FnOnce(&T) -> K,
) -> Page<T> {
    let limit = page.limit.clamp(1, 200) as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more {
        items.last().map(|last| hex::encode(serde_json::to_vec(&key(last)).unwrap_or_default()))
    } else {
        None
    };
    Page { items, total: u64::try_from(total.count).unwrap_or(0), exact: total.exact, next }
}
