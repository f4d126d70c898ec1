//! The seam through which time, ids and randomness enter, so that replays and tests own them.

use jiff::Timestamp;
use uuid::Uuid;

/// Where "now" and new ids come from. Nothing else in the product reads a clock.
pub trait Clock: Send + Sync {
    /// The present moment in UTC, rounded down to whole microseconds, which is what both
    /// databases keep.
    fn now(&self) -> Timestamp;

    /// A new `UUIDv7` of this clock's time.
    fn uuid(&self) -> Uuid;
}

/// Rounds down to whole microseconds.
pub fn microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
