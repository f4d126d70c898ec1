//! Advisory locks of PostgreSQL: who waits for whom where no row is there to be locked.
//!
//! SQLite has one writer and needs none: there the statement is empty. A number means the same in
//! every version of the program, since old and new work side by side: one that is not needed any more
//! is not given to something else.

/// Statements that take a lock until the end of the transaction, each with what it guards and what
/// else is set for as long.
macro_rules! locks {
    ($($(#[$doc:meta])+ $name:ident = $id:literal $($before:literal)?;)+) => {
        $($(#[$doc])+ pub(crate) const $name: &str =
            concat!($($before,)? "SELECT pg_advisory_xact_lock(", $id, ")");)+

        /// Every number that is taken until the end of a transaction.
        #[cfg(test)]
        const NUMBERS: &[i64] = &[$($id),+];
    };
}

locks! {
    /// The schema: one process brings it up to date.
    SCHEMA = 7_014_000;
    /// Checkpoints are chained: one at a time.
    CHECKPOINT = 7_014_002;
    /// What is in force: playbooks and policy are changed by one at a time.
    CATALOGUE = 7_014_003;
    /// Of two imports at once, each would take the other's new rows for its own.
    INTAKE = 7_014_004;
    /// One claim at a time, so that each sees what is in hand by the ones before it.
    /// Whoever is stopped in the middle must not keep all others from claiming; compiling the
    /// statement to machine code would take a thousand times as long as running it; while
    /// nothing is known of a young table, going through all of it looks cheap. A bitmap of an index
    /// keeps entries of dead rows, which a plain look at it throws out: what is in hand would take
    /// longer with every claim.
    CLAIM = 7_014_005 "SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; ";
    /// Archives are counted: one at a time.
    ARCHIVE = 7_014_006;
}

/// Tries to take the duty of archiving for as long as the session lasts.
pub(crate) const DUTY: &str = concat!("SELECT pg_try_advisory_lock(", 7014007, ") AS taken");

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::{DUTY, NUMBERS};

    #[test]
    fn every_lock_has_a_number_of_its_own() {
        let unique: BTreeSet<_> = NUMBERS.iter().collect();
        assert_eq!(unique.len(), NUMBERS.len());
        assert!(!NUMBERS.iter().any(|number| DUTY.contains(&number.to_string())));
    }

    #[test]
    fn numbers_of_locks_are_written_down_here_only() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("lock.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let taken = text.contains("_advisory_lock(") || text.contains("_xact_lock(");
                    assert!(!taken, "{} takes a lock of its own", path.display());
                }
            }
        }
    }
}
