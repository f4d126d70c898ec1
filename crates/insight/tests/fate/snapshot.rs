//! Facts of a sample account, added up the plain way.

use domain::{
    account::{Account, Lifecycle, Money, Segment, Tier},
    contact::Contact,
    id::{AccountId, ContactId},
    record::{Priority, Row, SurveyKind},
    snapshot::{ContractFacts, Snapshot, SurveyFacts, TicketFacts, UsageFacts},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sample::{Bundle, SOURCE};
use uuid::Uuid;

/// What the product would know of the account on the morning of `today`.
pub(crate) fn of(bundle: &Bundle, today: Date) -> Snapshot {
    let at = today.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let mut snapshot = empty(at);
    let age = |day: Date| today.duration_since(day).as_hours() / 24;
    let day_of = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let mut features = std::collections::BTreeSet::new();
    let (mut answers, mut satisfied) = (0_i32, 0_i64);
    for record in &bundle.records {
        match &record.row {
            Row::Account(row) => {
                snapshot.account.source_id.clone_from(&record.source_id);
                snapshot.account.contract_start = row.contract_start;
                snapshot.account.renewal_date = row.renewal_date;
            }
            Row::Contact(row) => snapshot.contacts.push(Contact {
                id: ContactId::from_uuid(Uuid::nil()),
                account: snapshot.account.id,
                source: SOURCE.into(),
                source_id: record.source_id.clone(),
                email: row.email.clone(),
                first: row.first.clone(),
                last: row.last.clone(),
                title: row.title.clone(),
                role: row.role,
                phone: row.phone.clone(),
                locale: row.locale.clone(),
                time_zone: row.time_zone.clone(),
                consent: row.consent,
                opted_out_at: row.opted_out_at,
                bounced_at: None,
            }),
            Row::Subscription(row) => {
                snapshot.contract.seats += row.seats.unwrap_or(0);
                snapshot.contract.open_lines += 1;
            }
            Row::Usage(row) => {
                let usage = &mut snapshot.usage;
                match (row.feature.as_str(), age(row.day)) {
                    ("", 1..=28) => {
                        usage.active_days_28 += 1;
                        usage.events_28 += row.events;
                        usage.peak_users_28 = usage.peak_users_28.max(row.users.unwrap_or(0));
                    }
                    ("", 29..=56) => usage.events_prior_28 += row.events,
                    (feature, 1..=28) => {
                        features.insert(feature.to_owned());
                    }
                    _ => {}
                }
                usage.days_since_last = usage.days_since_last.min(age(row.day));
            }
            Row::Ticket(row) => {
                let tickets = &mut snapshot.tickets;
                let days = age(day_of(row.opened_at));
                let open = row.closed_at.is_none();
                tickets.open += i64::from(open);
                tickets.open_p1 += i64::from(open && row.priority == Priority::P1);
                tickets.opened_28 += i64::from((0..=28).contains(&days));
                tickets.opened_prior_28 += i64::from((29..=56).contains(&days));
                tickets.escalated_90 += i64::from(row.escalated && days <= 90);
                if let (Some(csat), 0..=90) = (row.csat, days) {
                    answers += 1;
                    satisfied += csat;
                }
            }
            Row::Survey(row) if row.kind == SurveyKind::Nps => {
                let days = age(day_of(row.at));
                if days <= snapshot.survey.days_since_nps {
                    snapshot.survey = SurveyFacts { nps: row.score, days_since_nps: days };
                }
            }
            _ => {}
        }
    }
    let usage = &mut snapshot.usage;
    usage.features_28 = i64::try_from(features.len()).unwrap();
    if usage.events_prior_28 > 0 {
        usage.trend_28 = float(usage.events_28) / float(usage.events_prior_28) - 1.0;
    }
    if answers > 0 {
        snapshot.tickets.csat_90 = float(satisfied) / f64::from(answers);
    }
    snapshot
}

fn empty(at: Timestamp) -> Snapshot {
    Snapshot {
        account: Account {
            id: AccountId::from_uuid(Uuid::nil()),
            source: SOURCE.into(),
            source_id: String::new(),
            name: String::new(),
            domain: None,
            industry: None,
            employees: None,
            segment: Segment::Smb,
            tier: Tier::TechTouch,
            lifecycle: Lifecycle::Adoption,
            status: domain::account::AccountStatus::Active,
            csm: None,
            region: None,
            time_zone: None,
            arr: Money { minor: 0, currency: "EUR".into() },
            contract_start: None,
            renewal_date: None,
            health: None,
            previous_health: None,
            as_of: at,
        },
        csm: None,
        contacts: Vec::new(),
        usage: UsageFacts { days_since_last: 9999, ..UsageFacts::default() },
        tickets: TicketFacts::default(),
        survey: SurveyFacts { nps: -1, days_since_nps: 9999 },
        contract: ContractFacts::default(),
        recent_tickets: Vec::new(),
        at,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a month's events are far below 2^53")]
fn float(n: i64) -> f64 {
    n as f64
}
