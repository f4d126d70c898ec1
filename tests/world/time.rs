//! A clock that stands still until a test moves it.

use std::sync::Mutex;

use domain::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A clock that stands still until it is moved. Its ids are in the order they were made.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<(Timestamp, u64)>,
}

impl ManualClock {
    /// A clock at this moment.
    pub const fn at(now: Timestamp) -> Self {
        Self { state: Mutex::new((now, 0)) }
    }

    /// Time passes.
    pub fn pass(&self, by: SignedDuration) {
        let mut state = self.state.lock().expect("no test panicked with the clock in hand");
        state.0 = state.0.checked_add(by).expect("a time in range");
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state.lock().expect("no test panicked with the clock in hand").0
    }

    fn uuid(&self) -> Uuid {
        let mut state = self.state.lock().expect("no test panicked with the clock in hand");
        state.1 += 1;
        let mut random = [0_u8; 10];
        random[2..].copy_from_slice(&state.1.to_be_bytes());
        let millis = u64::try_from(state.0.as_millisecond()).expect("after 1970");
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
