//! The seam through which time, ids and randomness enter, so that replays and tests own them.

use std::{future::Future, pin::Pin, time::Duration};

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

/// Where waiting comes from: pauses between two looks, heartbeats, how long turns wait for company.
/// It follows a clock that only goes forward; what must survive the process is a time in the
/// database instead.
pub trait Timer: Send + Sync {
    /// Ends when this much time has passed. The time begins to run at the call.
    fn sleep(&self, time: Duration) -> Sleep;
}

/// A wait, under way. It costs nothing to drop it.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Rounds down to whole microseconds.
pub fn microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
