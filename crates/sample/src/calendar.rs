//! Days counted from today, and the dates and moments they are.

use jiff::{Timestamp, ToSpan, civil::Date};

/// A day as its distance from today: −1 is yesterday, the last day there is data of.
pub(crate) type Day = i64;

/// The last day there is data of.
pub(crate) const YESTERDAY: Day = -1;
/// The first day there is data of, twelve months back.
pub(crate) const FIRST: Day = -365;

/// Turns days into dates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    today: Date,
    /// Days from 1970-01-01 to today.
    epoch: i64,
}

impl Calendar {
    pub(crate) fn new(today: Date) -> Self {
        let epoch = today.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24;
        Self { today, epoch }
    }

    pub(crate) fn date(self, day: Day) -> Date {
        self.today.saturating_add(day.days())
    }

    /// The distance of a date from today.
    pub(crate) fn day(self, date: Date) -> Day {
        date.duration_since(self.today).as_hours() / 24
    }

    /// A moment of a day: so many seconds after its midnight in UTC.
    pub(crate) fn moment(self, day: Day, second: i64) -> Timestamp {
        Timestamp::from_second((self.epoch + day) * 86_400 + second).unwrap_or(Timestamp::MAX)
    }

    /// Days since Monday, 0 to 6.
    pub(crate) const fn weekday(self, day: Day) -> i64 {
        // 1970-01-01 was a Thursday.
        (self.epoch + day + 3).rem_euclid(7)
    }

    /// Whether a day is Saturday or Sunday.
    pub(crate) const fn is_weekend(self, day: Day) -> bool {
        self.weekday(day) >= 5
    }

    /// The same day, or the Friday before when it is a weekend.
    pub(crate) const fn working_day(self, day: Day) -> Day {
        match self.weekday(day) {
            5 => day - 1,
            6 => day - 2,
            _ => day,
        }
    }
}
