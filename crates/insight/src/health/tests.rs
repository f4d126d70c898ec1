//! The score against accounts whose state is plain to a person.

use domain::{
    account::{Account, AccountStatus, Lifecycle, Money, Segment, Tier},
    contact::{Consent, Contact, ContactRole},
    id::{AccountId, ContactId},
    snapshot::{ContractFacts, SurveyFacts, TicketFacts, UsageFacts},
};
use jiff::{Timestamp, ToSpan, civil::date};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn now() -> Timestamp {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

fn contact(role: ContactRole) -> Contact {
    Contact {
        id: ContactId::from_uuid(Uuid::from_u128(role as u128)),
        account: AccountId::from_uuid(Uuid::nil()),
        source: "test".into(),
        source_id: role.to_string(),
        email: Some(format!("{role}@acme.example")),
        first: "Ann".into(),
        last: "Example".into(),
        title: None,
        role,
        phone: None,
        locale: None,
        time_zone: None,
        consent: Consent::Contractual,
        opted_out_at: None,
        bounced_at: None,
    }
}

fn thriving() -> Snapshot {
    Snapshot {
        account: Account {
            id: AccountId::from_uuid(Uuid::nil()),
            source: "test".into(),
            source_id: "A-1".into(),
            name: "Acme".into(),
            domain: None,
            industry: None,
            employees: None,
            segment: Segment::MidMarket,
            tier: Tier::MidTouch,
            lifecycle: Lifecycle::Adoption,
            status: AccountStatus::Active,
            csm: None,
            region: None,
            time_zone: None,
            arr: Money { minor: 1_000_000, currency: "EUR".into() },
            contract_start: Some(date(2024, 5, 1)),
            renewal_date: Some(date(2026, 5, 1)),
            health: None,
            previous_health: None,
            as_of: now(),
        },
        csm: None,
        contacts: vec![contact(ContactRole::Champion), contact(ContactRole::ExecSponsor)],
        usage: UsageFacts {
            active_days_28: 20,
            events_28: 1_050,
            events_prior_28: 1_000,
            trend_28: 0.05,
            peak_users_28: 40,
            features_28: 5,
            days_since_last: 1,
        },
        tickets: TicketFacts {
            open: 1,
            opened_28: 1,
            opened_prior_28: 1,
            csat_90: 4.5,
            ..TicketFacts::default()
        },
        survey: SurveyFacts { nps: 9, days_since_nps: 30 },
        contract: ContractFacts { seats: 50, open_lines: 1, plan: "team".into(), auto_renew: true },
        recent_tickets: Vec::new(),
        at: now(),
    }
}

fn failing() -> Snapshot {
    let mut account = thriving();
    account.contacts = vec![contact(ContactRole::User)];
    account.usage = UsageFacts {
        active_days_28: 9,
        events_28: 300,
        events_prior_28: 900,
        trend_28: -0.667,
        peak_users_28: 6,
        features_28: 2,
        days_since_last: 5,
    };
    account.tickets = TicketFacts {
        open: 4,
        open_p1: 1,
        opened_28: 5,
        opened_prior_28: 1,
        escalated_90: 1,
        csat_90: 2.3,
    };
    account.survey = SurveyFacts { nps: 4, days_since_nps: 20 };
    account
}

#[test]
fn me_03_the_points_of_the_parts_are_the_score() {
    for snapshot in [thriving(), failing()] {
        let health = assess(&snapshot).unwrap();
        let points: f64 = health.parts.iter().map(|part| part.points).sum();
        assert!((points - health.score).abs() <= 0.05 + 1e-9, "{health:#?}");
        let weights: f64 = health.parts.iter().map(|part| part.weight).sum();
        assert!((weights - 100.0).abs() < 1e-9);
        assert!(health.parts.iter().all(|part| !part.words.is_empty()));
        assert!((5..=7).contains(&health.parts.len()), "NP-04 asks for five to seven");
    }
}

#[test]
fn np_04_a_thriving_account_is_green_and_a_failing_one_red() {
    let good = assess(&thriving()).unwrap();
    assert_eq!(good.band, Band::Green);
    assert!(good.score > 95.0, "{good:#?}");
    assert!((good.confidence - 1.0).abs() < 1e-9);
    let bad = assess(&failing()).unwrap();
    assert_eq!(bad.band, Band::Red);
    assert!(bad.score < 30.0, "{bad:#?}");
    assert_eq!(bad.parts[0].words, "use is down 67 % in four weeks (300 events after 900)");
}

#[test]
fn a_score_is_the_one_computed_by_hand() {
    let health = assess(&failing()).unwrap();
    // trend 0 of 40; active days 9/20 of 10 = 4.5; adoption (6/50/0.6 = 0.2, 2/4 = 0.5) 0.35 of
    // 15 = 5.25; support 1 − 0.4 − 0.25 − 0.1 − 0.3 < 0 of 15 = 0; sentiment (0.26667, 0.16667)
    // 0.21667 of 10 = 2.16667; people 0.4 of 10 = 4. Together 15.9.
    assert!((health.score - 15.9).abs() < 1e-9, "{health:#?}");
}

#[test]
fn missing_inputs_share_out_their_weight_and_lower_confidence() {
    let mut snapshot = thriving();
    snapshot.survey = SurveyFacts { nps: -1, days_since_nps: 9999 };
    snapshot.tickets.csat_90 = 0.0;
    let health = assess(&snapshot).unwrap();
    assert_eq!(health.band, Band::Green);
    assert!((health.confidence - 0.9).abs() < 1e-9);
    let sentiment = &health.parts[4];
    assert_eq!((sentiment.name, sentiment.value), ("sentiment", None));
    assert!(sentiment.weight.abs() < 1e-9 && sentiment.points.abs() < 1e-9);
}

#[test]
fn without_usage_there_is_no_score() {
    let mut snapshot = thriving();
    snapshot.usage = UsageFacts { days_since_last: 9999, ..UsageFacts::default() };
    snapshot.survey = SurveyFacts { nps: -1, days_since_nps: 9999 };
    snapshot.tickets.csat_90 = 0.0;
    assert_eq!(assess(&snapshot), None);
}

#[test]
fn a_customer_who_fell_silent_is_red_not_unknown() {
    let mut snapshot = thriving();
    snapshot.usage = UsageFacts {
        events_prior_28: 400,
        trend_28: -1.0,
        days_since_last: 31,
        ..UsageFacts::default()
    };
    assert_eq!(assess(&snapshot).unwrap().band, Band::Red, "{:#?}", assess(&snapshot));
}

#[test]
fn a_young_contract_is_not_blamed_for_its_age() {
    let mut snapshot = thriving();
    snapshot.account.contract_start = Some(date(2026, 2, 16));
    snapshot.usage.events_prior_28 = 0;
    snapshot.usage.trend_28 = 0.0;
    snapshot.usage.active_days_28 = 10;
    let health = assess(&snapshot).unwrap();
    assert_eq!(health.parts[0].value, None);
    assert_eq!(health.parts[1].value, Some(1.0), "ten days are all the working days there were");
    assert_eq!(health.band, Band::Green);
}

#[test]
fn old_data_lowers_confidence_and_nothing_else() {
    let mut snapshot = thriving();
    let fresh = assess(&snapshot).unwrap();
    snapshot.account.as_of = now() - 44.hours() * 24;
    let stale = assess(&snapshot).unwrap();
    assert!((stale.confidence - 0.5).abs() < 1e-9, "{}", stale.confidence);
    assert!((stale.score - fresh.score).abs() < 1e-9);
    snapshot.account.as_of = now() - 14.hours() * 24;
    assert!((assess(&snapshot).unwrap().confidence - 1.0).abs() < 1e-9);
}

#[test]
fn people_we_may_not_write_to_do_not_count() {
    let mut snapshot = thriving();
    snapshot.contacts[0].consent = Consent::OptedOut;
    snapshot.contacts[1].bounced_at = Some(now());
    let health = assess(&snapshot).unwrap();
    assert_eq!(health.parts[5].value, Some(0.0));
    assert_eq!(health.parts[5].words, "nobody we may write to");
}

proptest! {
    #[test]
    fn any_facts_give_a_score_in_bounds(
        days in 0..40_i64,
        events in 0..100_000_i64,
        prior in 0..100_000_i64,
        people in 0..500_i64,
        seats in 0..500_i64,
        open in 0..60_i64,
        csat in 0.0..5.0_f64,
        nps in -1..=10_i64,
    ) {
        let mut snapshot = thriving();
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        let trend = if prior == 0 { 0.0 } else { events as f64 / prior as f64 - 1.0 };
        snapshot.usage = UsageFacts {
            active_days_28: days,
            events_28: events,
            events_prior_28: prior,
            trend_28: trend,
            peak_users_28: people,
            features_28: people % 9,
            days_since_last: 28 - days,
        };
        snapshot.contract.seats = seats;
        snapshot.tickets = TicketFacts { open, open_p1: open / 3, csat_90: csat, ..snapshot.tickets };
        snapshot.survey.nps = nps;
        if let Some(health) = assess(&snapshot) {
            prop_assert!((0.0..=100.0).contains(&health.score));
            prop_assert!((0.0..=1.0).contains(&health.confidence));
            prop_assert_eq!(health.band, Band::of(health.score));
            for part in &health.parts {
                prop_assert!(part.value.is_none_or(|value| (0.0..=1.0).contains(&value)));
            }
        }
    }

    #[test]
    fn more_use_never_lowers_the_score(prior in 1..5_000_i64, less in 0..5_000_i64, more in 0..5_000_i64) {
        let score = |events: i64| {
            let mut snapshot = thriving();
            snapshot.usage.events_prior_28 = prior;
            snapshot.usage.events_28 = events;
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let trend = events as f64 / prior as f64 - 1.0;
            snapshot.usage.trend_28 = trend;
            assess(&snapshot).unwrap().score
        };
        prop_assert!(score(less.min(more)) <= score(less.max(more)));
    }
}
