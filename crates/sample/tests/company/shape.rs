//! Rows that fit together.

use std::collections::HashSet;

use domain::{
    account::AccountStatus,
    record::{Entity, Record, Row},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use sample::{Company, Settings};

use crate::view::{AS_OF, account, company};

#[test]
fn every_row_refers_to_rows_before_it_and_no_id_comes_twice() {
    let mut ids: HashSet<(Entity, String)> = HashSet::new();
    for bundle in company(150, 3).bundles() {
        let own = bundle.records[0].source_id.clone();
        assert_eq!(bundle.destiny.account, own);
        let mut contacts = HashSet::new();
        let mut usage = 0;
        for record in &bundle.records {
            let entity = record.row.entity();
            assert!(ids.insert((entity, record.source_id.clone())), "{} twice", record.source_id);
            assert_eq!(record.row_hash.len(), 64);
            if entity == Entity::Contact {
                contacts.insert(record.source_id.clone());
            }
            usage += u32::from(entity == Entity::Usage);
            if let Some((account, people)) = references(record) {
                assert_eq!(account, own, "{}", record.source_id);
                for contact in people {
                    assert!(contacts.contains(&contact), "{} names {contact}", record.source_id);
                }
            }
        }
        assert!(usage <= 413, "{own} has {usage} usage rows");
        assert!(bundle.signals.iter().all(|signal| signal.account == own));
    }
}

/// The account and the contacts a row names.
fn references(record: &Record) -> Option<(String, Vec<String>)> {
    let list = |contact: &Option<String>| contact.iter().cloned().collect::<Vec<_>>();
    Some(match &record.row {
        Row::Account(_) => return None,
        Row::Contact(row) => (row.account.clone(), Vec::new()),
        Row::Subscription(row) => (row.account.clone(), Vec::new()),
        Row::Usage(row) => (row.account.clone(), Vec::new()),
        Row::Ticket(row) => (row.account.clone(), list(&row.contact)),
        Row::Survey(row) => (row.account.clone(), list(&row.contact)),
        Row::Meeting(row) => (row.account.clone(), row.attendees.clone()),
        Row::Email(row) => (row.account.clone(), list(&row.contact)),
        Row::Churn(row) => (row.account.clone(), Vec::new()),
    })
}

#[test]
fn nothing_happened_after_today_or_outside_the_contract() {
    let midnight = AS_OF.to_zoned(TimeZone::UTC).unwrap().timestamp();
    for bundle in company(200, 8).bundles() {
        let row = account(&bundle);
        let start = row.contract_start.unwrap();
        let begins = start.to_zoned(TimeZone::UTC).unwrap().timestamp();
        let check = |at: Timestamp, id: &str| {
            assert!(at < midnight, "{id} at {at}");
            assert!(at >= begins - 24.hours(), "{id} at {at}, before the contract of {start}");
        };
        for record in &bundle.records {
            let id = &record.source_id;
            match &record.row {
                Row::Account(_) | Row::Contact(_) => {}
                Row::Subscription(row) => {
                    assert!(row.start <= AS_OF && row.end.unwrap() > row.start, "{id}");
                }
                Row::Usage(row) => {
                    assert!(row.day < AS_OF && row.day >= start, "{id}");
                    assert!(row.day >= AS_OF.saturating_sub(365.days()), "{id}");
                    assert!(row.events > 0 && row.seconds > 0 && row.errors >= 0, "{id}");
                }
                Row::Ticket(row) => {
                    check(row.opened_at, id);
                    if let Some(closed) = row.closed_at {
                        assert!(closed > row.opened_at && closed < midnight, "{id}");
                    }
                    assert!(row.csat.is_none_or(|csat| (1..=5).contains(&csat)), "{id}");
                }
                Row::Survey(row) => check(row.at, id),
                Row::Meeting(row) => check(row.at, id),
                Row::Email(row) => check(row.at, id),
                Row::Churn(row) => {
                    assert!(row.day < AS_OF, "{id}");
                    assert_eq!(account(&bundle).status, Some(AccountStatus::Churned));
                }
            }
        }
        for signal in &bundle.signals {
            assert!(signal.at < midnight && signal.at > midnight - 24.hours() * 16);
        }
    }
}

#[test]
fn a_leap_day_and_a_new_year_are_days_like_others() {
    for day in [Date::constant(2024, 2, 29), Date::constant(2027, 1, 1)] {
        let company = Company::new(Settings::new(60, 2, day)).unwrap();
        for bundle in company.bundles() {
            assert!(bundle.records.len() > 1);
        }
    }
}

#[test]
fn no_text_has_a_gap_that_was_not_filled() {
    for bundle in company(150, 19).bundles() {
        for record in &bundle.records {
            let texts = match &record.row {
                Row::Ticket(row) => vec![&row.subject, &row.body],
                Row::Email(row) => vec![&row.subject, &row.body],
                Row::Meeting(row) => vec![&row.notes, &row.next_steps],
                _ => continue,
            };
            for text in texts {
                assert!(!text.is_empty() && !text.contains(['{', '}']), "{text}");
            }
        }
    }
}
