//! Data that follows destiny, and a treatment that works as told.

use domain::{account::AccountStatus, record::Row};
use jiff::ToSpan;
use sample::{Company, Destiny, Fate, MOST_EFFECT, Settings};

use crate::view::{AS_OF, Activity, account, activity, company};

#[test]
fn use_falls_and_tickets_rise_before_a_customer_leaves() {
    let (mut left, mut thriving) = (Vec::new(), Vec::new());
    for bundle in company(1_200, 1).bundles() {
        let destiny = &bundle.destiny;
        let old_enough =
            account(&bundle).contract_start.unwrap() < AS_OF.saturating_sub(300.days());
        let until = destiny.decides_on;
        // The four weeks before the end against four weeks half a year earlier.
        if destiny.fate == Fate::Churned && until > AS_OF.saturating_sub(90.days()) && old_enough {
            let early = activity(&bundle, until.saturating_sub(240.days()), 28);
            left.push((activity(&bundle, until, 28), early));
        } else if destiny.fate == Fate::Thriving && old_enough {
            let early = activity(&bundle, AS_OF.saturating_sub(240.days()), 28);
            thriving.push((activity(&bundle, AS_OF, 28), early));
        }
    }
    assert!(left.len() > 15 && thriving.len() > 150, "{} {}", left.len(), thriving.len());
    let ratio = |accounts: &[(Activity, Activity)], value: fn(&Activity) -> f64| {
        let late: f64 = accounts.iter().map(|(late, _)| value(late)).sum();
        let early: f64 = accounts.iter().map(|(_, early)| value(early)).sum();
        late / early
    };
    let (use_left, use_thriving) = (ratio(&left, |a| a.events), ratio(&thriving, |a| a.events));
    let (cases_left, cases_thriving) =
        (ratio(&left, |a| a.tickets), ratio(&thriving, |a| a.tickets));
    assert!(use_left < 0.6 * use_thriving, "use: {use_left:.2} against {use_thriving:.2}");
    assert!(
        cases_left > 1.5 * cases_thriving,
        "cases: {cases_left:.2} against {cases_thriving:.2}"
    );
}

#[test]
fn the_signs_are_not_proof() {
    // The same fall in use is seen in accounts that stay, and accounts leave without one.
    let (mut false_alarms, mut surprises) = (0, 0);
    for bundle in company(600, 6).bundles() {
        let (now, before) = (
            activity(&bundle, AS_OF, 28).events,
            activity(&bundle, AS_OF.saturating_sub(28.days()), 28).events,
        );
        let fell = before > 0.0 && now < 0.7 * before;
        let leaves = bundle.destiny.churns_on.is_some_and(|day| day >= AS_OF);
        false_alarms += u32::from(fell && !leaves);
        surprises += u32::from(leaves && bundle.destiny.fate == Fate::Steady);
    }
    assert!(false_alarms >= 4, "{false_alarms}");
    assert!(surprises >= 4, "{surprises}");
}

#[test]
fn the_treatment_effect_is_the_one_asked_for() {
    for effect in [0.0, 0.15, MOST_EFFECT] {
        let settings = Settings { effect, ..Settings::new(20_000, 9, AS_OF) };
        let company = Company::new(settings).unwrap();
        let (mut n, mut untreated, mut treated) = (0.0, 0.0, 0.0);
        for index in 0..20_000 {
            let destiny = company.destiny(index);
            let Some(window) = destiny.window.filter(|_| destiny.decides_on > AS_OF) else {
                continue;
            };
            n += 1.0;
            untreated += f64::from(u8::from(destiny.outcome(None).is_churn()));
            treated += f64::from(u8::from(destiny.outcome(Some(window.opens)).is_churn()));
        }
        let realised: f64 = (untreated - treated) / n;
        // Both worlds share their draws, so the difference is a share of its own.
        let error = 3.0 * (effect * (1.0 - effect) / n).sqrt();
        assert!(n > 3_000.0, "{n}");
        assert!((realised - effect).abs() <= error, "{realised} for {effect}, ± {error}");
    }
}

#[test]
fn treatment_never_harms_and_only_counts_in_time() {
    let company = company(2_000, 13);
    let mut saved = 0;
    for index in 0..2_000 {
        let destiny = company.destiny(index);
        let untreated = destiny.outcome(None);
        assert_eq!(destiny.churns_on.is_some(), untreated.is_churn());
        let Some(window) = destiny.window else {
            assert_eq!(destiny.outcome(Some(AS_OF)), untreated, "not at risk");
            continue;
        };
        let in_time = destiny.outcome(Some(window.closes));
        assert!(untreated.is_churn() || !in_time.is_churn(), "{destiny:?}");
        saved += u32::from(untreated.is_churn() && !in_time.is_churn());
        for late in [window.opens.yesterday().unwrap(), window.closes.tomorrow().unwrap()] {
            assert_eq!(destiny.outcome(Some(late)), untreated, "{destiny:?}");
        }
    }
    assert!(saved > 20, "{saved}");
}

#[test]
fn the_truth_matches_the_rows() {
    for bundle in company(400, 17).bundles() {
        let row = account(&bundle);
        let Destiny { fate, decides_on, churns_on, decline_begins, .. } = bundle.destiny;
        assert_eq!(row.renewal_date, Some(decides_on));
        assert_eq!(fate == Fate::Churned, row.status == Some(AccountStatus::Churned));
        assert_eq!(fate == Fate::Churned, churns_on.is_some_and(|day| day < AS_OF));
        assert_eq!(matches!(fate, Fate::Churned | Fate::Declining), decline_begins.is_some());
        let lines: i64 = bundle
            .records
            .iter()
            .filter_map(|record| match &record.row {
                Row::Subscription(row) => Some(row.arr.minor),
                _ => None,
            })
            .sum();
        assert_eq!(lines, row.arr.as_ref().unwrap().minor, "{}", row.name);
    }
}
