//! What starts a playbook: a phase, a signal, the clock or a person.

use std::fmt;

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use domain::account::Lifecycle;
use jiff::{Timestamp, tz::TimeZone};
use notation::Condition;

/// What starts a playbook, and under which condition.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The mechanism.
    pub on: Trigger,
    /// What must hold besides; a person who starts it by hand is not asked (TR-01).
    pub when: Option<Condition>,
}

/// The mechanism that starts a playbook.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// The account enters a phase of its journey.
    Lifecycle {
        /// This one.
        enters: Lifecycle,
    },
    /// A signal.
    Event {
        /// Of this kind.
        signal: String,
    },
    /// The clock, for every account to which the conditions apply.
    Schedule(Schedule),
    /// Only a person.
    Manual,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lifecycle { enters } => write!(f, "account enters {enters}"),
            Self::Event { signal } => write!(f, "signal {signal}"),
            Self::Schedule(schedule) => write!(f, "schedule {schedule}"),
            Self::Manual => f.write_str("by hand"),
        }
    }
}

/// Five cron fields in a time zone.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Box<Cron>,
    text: String,
    zone: TimeZone,
    zone_name: String,
}

/// Why a schedule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScheduleError {
    #[error("schedule has {0} fields, five are read: minute hour day month weekday")]
    Fields(usize),
    #[error("schedule cannot be read: {0}")]
    Unreadable(String),
    #[error("schedule never ticks")]
    Never,
    #[error("there is no time zone `{0}`")]
    Zone(String),
}

impl Schedule {
    pub(crate) fn parse(text: &str, zone_name: Option<&str>) -> Result<Self, ScheduleError> {
        let fields = text.split_whitespace().count();
        if fields != 5 || text.len() > 200 {
            return Err(ScheduleError::Fields(fields));
        }
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(text)
            .map_err(|error| ScheduleError::Unreadable(error.to_string()))?;
        let zone_name = zone_name.unwrap_or("UTC").to_owned();
        let zone = TimeZone::get(&zone_name).map_err(|_| ScheduleError::Zone(zone_name.clone()))?;
        let schedule = Self { cron: Box::new(cron), text: text.to_owned(), zone, zone_name };
        schedule.next(Timestamp::UNIX_EPOCH).ok_or(ScheduleError::Never)?;
        Ok(schedule)
    }

    /// The first tick after a moment; none once time has run out of days.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.to_zoned(self.zone.clone());
        self.cron.find_next_occurrence(&after, false).ok().map(|tick| tick.timestamp())
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.zone_name)
    }
}
