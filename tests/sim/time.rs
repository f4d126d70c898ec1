//! Simulated time: one clock that only goes forward, and processes whose clocks differ from it.

use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

use domain::clock::Clock;
use jiff::Timestamp;
use uuid::Uuid;

use crate::chaos::chance::Chance;

/// A second, in microseconds.
pub const SECOND: i64 = 1_000_000;
/// An hour, in microseconds.
pub const HOUR: i64 = 3600 * SECOND;
/// A day, in microseconds.
pub const DAY: i64 = 24 * HOUR;

/// A moment from microseconds since 1970.
pub fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The time there is. The database's clock shows it; leases are kept by it.
#[derive(Debug)]
pub struct Time(AtomicI64);

impl Time {
    /// Begins at a moment.
    pub const fn at(micros: i64) -> Self {
        Self(AtomicI64::new(micros))
    }

    /// Microseconds since 1970.
    pub fn micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Goes on to a moment, if that is later.
    pub fn reach(&self, micros: i64) {
        self.0.fetch_max(micros, Ordering::SeqCst);
    }

    /// Goes on by so much.
    pub fn pass(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        moment(self.micros())
    }

    fn uuid(&self) -> Uuid {
        // A database makes no ids.
        Uuid::nil()
    }
}

/// The clock of one process: it may be ahead or behind, and jump.
#[derive(Debug)]
pub struct ProcessClock {
    time: std::sync::Arc<Time>,
    ahead: AtomicI64,
    ids: Mutex<Chance>,
}

impl ProcessClock {
    /// A clock that is right, and that draws its ids from a seed.
    pub const fn new(time: std::sync::Arc<Time>, ids: Chance) -> Self {
        Self { time, ahead: AtomicI64::new(0), ids: Mutex::new(ids) }
    }

    /// How far it is ahead of the time there is, in microseconds.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::SeqCst)
    }

    /// Sets it.
    pub fn set(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::SeqCst);
    }
}

impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        moment(self.time.micros() + self.ahead())
    }

    fn uuid(&self) -> Uuid {
        let mut ids = self.ids.lock().expect("nobody panicked with the ids in hand");
        let mut random = [0; 10];
        random[..8].copy_from_slice(&ids.number().to_be_bytes());
        random[8..].copy_from_slice(&ids.number().to_be_bytes()[..2]);
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
