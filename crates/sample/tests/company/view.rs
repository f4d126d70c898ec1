//! What the other tests look at a company through.

use domain::record::{AccountRow, Row};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use sample::{Bundle, Company, Settings};

pub(crate) const AS_OF: Date = Date::constant(2026, 3, 2);

pub(crate) fn company(accounts: u64, seed: u64) -> Company {
    Company::new(Settings::new(accounts, seed, AS_OF)).unwrap()
}

pub(crate) fn account(bundle: &Bundle) -> &AccountRow {
    match &bundle.records[0].row {
        Row::Account(row) => row,
        other => panic!("the first record is {}", other.entity()),
    }
}

/// How busy an account is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Activity {
    /// Events a day.
    pub(crate) events: f64,
    /// Tickets a week.
    pub(crate) tickets: f64,
}

/// Mean events a day and tickets a week in the last `days` before a day.
pub(crate) fn activity(bundle: &Bundle, until: Date, days: i32) -> Activity {
    let from = until.saturating_sub(days.days());
    let (mut events, mut tickets) = (0, 0_u32);
    for record in &bundle.records {
        match &record.row {
            Row::Usage(row) if row.feature.is_empty() && row.day >= from && row.day < until => {
                events += row.events;
            }
            Row::Ticket(row) => {
                let day = row.opened_at.to_zoned(TimeZone::UTC).date();
                tickets += u32::from(day >= from && day < until);
            }
            _ => {}
        }
    }
    let events = f64::from(i32::try_from(events).unwrap());
    Activity {
        events: events / f64::from(days),
        tickets: f64::from(tickets) * 7.0 / f64::from(days),
    }
}
