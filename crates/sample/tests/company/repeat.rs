//! The same company every time.

use std::collections::{HashMap, HashSet};

use domain::record::Entity;
use jiff::civil::Date;
use sample::{Bundle, Company, Settings, SettingsError};

use crate::view::{AS_OF, company};

/// Everything of a bundle as text.
fn bytes(bundle: &Bundle) -> String {
    let rows: Vec<_> = bundle.records.iter().map(|r| (&r.source_id, &r.row_hash, &r.row)).collect();
    let signals: Vec<_> =
        bundle.signals.iter().map(|s| (&s.event_id, s.kind, &s.account, s.at, &s.data)).collect();
    serde_json::to_string(&(rows, signals, &bundle.destiny)).unwrap()
}

#[test]
fn the_same_settings_give_the_same_bytes_in_any_order() {
    let streamed: Vec<String> = company(40, 11).bundles().map(|bundle| bytes(&bundle)).collect();
    let other = company(40, 11);
    for index in (0..40).rev() {
        let place = usize::try_from(index).unwrap();
        assert_eq!(bytes(&other.account(index)), streamed[place], "account {index}");
    }
    assert_eq!(other.team(), company(40, 11).team());
}

#[test]
fn another_seed_is_another_company() {
    let (one, two) = (company(40, 11), company(40, 12));
    assert_ne!(one.team(), two.team());
    for index in 0..40 {
        assert_ne!(bytes(&one.account(index)), bytes(&two.account(index)), "account {index}");
    }
}

#[test]
fn a_larger_company_holds_the_smaller_one_apart_from_its_owners() {
    let mut small = company(30, 5).account(7);
    let mut large = company(3_000, 5).account(7);
    for bundle in [&mut small, &mut large] {
        // Who looks after whom depends on the size of the team; so do notes that name the CSM.
        bundle.records.retain(|record| record.row.entity() == Entity::Usage);
    }
    assert_eq!(small, large);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refuse = |change: fn(&mut Settings)| {
        let mut settings = Settings::new(10, 1, AS_OF);
        change(&mut settings);
        Company::new(settings).map(|_| ()).unwrap_err()
    };
    assert_eq!(refuse(|s| s.accounts = 0), SettingsError::NoAccounts);
    assert_eq!(refuse(|s| s.effect = 0.41), SettingsError::Effect(0.41));
    assert!(matches!(refuse(|s| s.effect = f64::NAN), SettingsError::Effect(_)));
    assert!(matches!(refuse(|s| s.as_of = Date::MIN), SettingsError::AsOf(_)));
}

#[test]
fn equal_rows_have_equal_hashes_and_others_do_not() {
    let bundle = company(10, 3).account(4);
    let mut hashes = HashMap::new();
    for record in &bundle.records {
        let text = serde_json::to_string(&record.row).unwrap();
        let hash = hashes.entry(text).or_insert_with(|| record.row_hash.clone());
        assert_eq!(*hash, record.row_hash);
    }
    let distinct: HashSet<_> = hashes.values().collect();
    assert_eq!(distinct.len(), hashes.len());
}
