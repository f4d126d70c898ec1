//! From the driver's errors to [`StoreError`]: what went wrong, and whether it may work later.

use domain::port::StoreError;

/// A stored value cannot be read: the schema and the code disagree, or somebody edited the data.
#[derive(Debug, thiserror::Error)]
#[error("stored `{column}` is unreadable")]
pub(crate) struct Unreadable {
    pub(crate) column: String,
    #[source]
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

/// The task that did the work ended before it could answer.
#[derive(Debug, thiserror::Error)]
#[error("unit of work ended without an answer")]
pub(crate) struct Abandoned(#[source] pub(crate) tokio::task::JoinError);

/// The error of a unit of work that several callers shared.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Shared(pub(crate) std::sync::Arc<StoreError>);

/// No commit goes through; the log has the reason.
#[derive(Debug, thiserror::Error)]
#[error("database takes no commits at the moment")]
pub(crate) struct Arrested;

/// A cursor was made up, or is of another list.
#[derive(Debug, thiserror::Error)]
#[error("cursor is not one this list gave out; start without one")]
pub(crate) struct BadCursor;

/// Wraps a driver's error.
pub(crate) fn of_sqlx(error: sqlx::Error) -> StoreError {
    StoreError::new(is_transient(&error), error)
}

/// Wraps a value that does not read as what it should be.
pub(crate) fn unreadable(
    column: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::new(false, Unreadable { column: column.to_owned(), source: source.into() })
}

/// Whether the same call may work later. By kind and code, never by text.
pub(crate) fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        // A proxy in front of a dead server hangs up in the middle of the greeting, which the driver
        // calls a breach of protocol: another connection may be fine.
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(error) => {
            let Some(code) = error.code() else { return false };
            if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                code.parse().is_ok_and(sqlite_transient)
            } else {
                postgres_transient(&code)
            }
        }
        _ => false,
    }
}

/// Of extended result codes: busy, locked, and a full disk somebody may make room on.
const fn sqlite_transient(code: i32) -> bool {
    matches!(code & 0xff, 5 | 6 | 13)
}

/// Of SQLSTATEs: connection lost, resources short (also disk), operator at work, conflicts
/// between transactions, and a server that is no primary (any more).
fn postgres_transient(code: &str) -> bool {
    ["08", "53", "57"].iter().any(|class| code.starts_with(class))
        || matches!(code, "40001" | "40P01" | "55P03" | "25P03" | READ_ONLY)
}

/// Whether PostgreSQL gave up waiting for a lock somebody else has.
pub(crate) fn is_locked_out(error: &StoreError) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(sqlx::Error::Database(error)) = error.downcast_ref() {
            return error.code().is_some_and(|code| code == "55P03");
        }
        source = error.source();
    }
    false
}

/// SQLSTATE of a server or session that takes no writes.
const READ_ONLY: &str = "25006";

/// Whether nobody should be given the connection again on which this happened: it is broken, or it
/// leads to a server that was the primary once and is it no more.
pub(crate) fn spoils(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code == READ_ONLY || code.starts_with("57P") || code.starts_with("08")
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transience_is_decided_by_code() {
        assert!(sqlite_transient(5) && sqlite_transient(517) && sqlite_transient(13));
        assert!(!sqlite_transient(19) && !sqlite_transient(1));
        for code in ["08006", "57P01", "53100", "40001", "40P01", "55P03", "25006"] {
            assert!(postgres_transient(code), "{code}");
        }
        for code in ["23505", "42601", "22P02"] {
            assert!(!postgres_transient(code), "{code}");
        }
        assert!(is_transient(&sqlx::Error::PoolTimedOut));
        assert!(is_transient(&sqlx::Error::Protocol("unexpected response".to_owned())));
        assert!(!is_transient(&sqlx::Error::RowNotFound));
        assert!(spoils(&sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
        assert!(!spoils(&sqlx::Error::PoolTimedOut));
    }
}
