//! One account with everything a playbook looks at.

use domain::{
    account::{Account, AccountStatus, Lifecycle, Money, Segment, Tier},
    contact::{Consent, Contact, ContactRole},
    record::Priority,
    snapshot::{ContractFacts, Snapshot, SurveyFacts, TicketBrief, TicketFacts, UsageFacts},
    user::{Role, User},
};
use jiff::civil::date;

/// An active mid-market customer, 60 days before renewal, with a champion and a CSM.
pub(crate) fn snapshot() -> Snapshot {
    let at = "2026-11-22T08:00:00Z".parse().unwrap();
    let account = "acc_00000000000000000000000000000001".parse().unwrap();
    let csm = "usr_00000000000000000000000000000002".parse().unwrap();
    Snapshot {
        account: Account {
            id: account,
            source: "csv".to_owned(),
            source_id: "A-1".to_owned(),
            name: "Acme".to_owned(),
            domain: Some("acme.example".to_owned()),
            industry: Some("retail".to_owned()),
            employees: Some(120),
            segment: Segment::MidMarket,
            tier: Tier::MidTouch,
            lifecycle: Lifecycle::Adoption,
            status: AccountStatus::Active,
            csm: Some(csm),
            region: Some("DE".to_owned()),
            time_zone: Some("Europe/Berlin".to_owned()),
            arr: Money::from_major(48_000.0, "EUR"),
            contract_start: Some(date(2025, 1, 21)),
            renewal_date: Some(date(2027, 1, 21)),
            health: Some(44.0),
            previous_health: Some(71.0),
            as_of: at,
        },
        csm: Some(User {
            id: csm,
            email: "sam@example.com".to_owned(),
            name: "Sam Lee".to_owned(),
            role: Role::Csm,
            since: None,
            disabled_at: None,
        }),
        contacts: vec![Contact {
            id: "con_00000000000000000000000000000003".parse().unwrap(),
            account,
            source: "csv".to_owned(),
            source_id: "C-1".to_owned(),
            email: Some("ada@acme.example".to_owned()),
            first: "Ada".to_owned(),
            last: "Byron".to_owned(),
            title: Some("COO".to_owned()),
            role: ContactRole::Champion,
            phone: None,
            locale: None,
            time_zone: None,
            consent: Consent::Granted,
            opted_out_at: None,
            bounced_at: None,
        }],
        usage: UsageFacts {
            active_days_28: 14,
            events_28: 300,
            events_prior_28: 500,
            trend_28: -0.4,
            peak_users_28: 9,
            features_28: 4,
            days_since_last: 2,
        },
        tickets: TicketFacts {
            open: 2,
            open_p1: 1,
            opened_28: 3,
            opened_prior_28: 1,
            escalated_90: 1,
            csat_90: 3.5,
        },
        survey: SurveyFacts { nps: 6, days_since_nps: 40 },
        contract: ContractFacts {
            seats: 40,
            open_lines: 1,
            plan: "Team".to_owned(),
            auto_renew: false,
        },
        recent_tickets: vec![TicketBrief {
            source_id: "T-9".to_owned(),
            subject: "Export fails".into(),
            body: "It stops at 90 %.".into(),
            priority: Priority::P1,
            opened_at: at,
            open: true,
        }],
        at,
    }
}
