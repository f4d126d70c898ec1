//! Snapshots equal what one would count by hand.

use domain::{
    contact::ContactRole,
    port::{Customers, Intake},
    record::{Priority, Record, Row, SurveyKind, SurveyRow, TicketRow},
    snapshot::{ContractFacts, SurveyFacts, TicketFacts, UsageFacts},
};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date},
};

use crate::{
    backend::Backend,
    intake::{subscription, ticket, usage},
    stage::{SOURCE, account_row, contact_row, record},
};

contract! {
    use_is_counted_by_hand,
    tickets_are_counted_by_hand,
    surveys_contracts_and_contacts_are_as_read,
    an_account_of_which_nothing_is_known_says_so,
    health_keeps_what_it_was_before,
}

/// Reads rows in, after accounts `A-1` and `A-2`; the ids of both.
async fn read_in(backend: &Backend, rows: Vec<Row>) -> [domain::id::AccountId; 2] {
    let mut records: Vec<Record> =
        ["A-1", "A-2"].map(|id| record(id, Row::Account(account_row(id)))).into();
    records.extend(rows.into_iter().enumerate().map(|(n, row)| record(&format!("R-{n}"), row)));
    backend.store.absorb(SOURCE, records, backend.now(), false).await.unwrap();
    let one = backend.store.find_account("A-1").await.unwrap().remove(0).id;
    let two = backend.store.find_account("A-2").await.unwrap().remove(0).id;
    [one, two]
}

fn ago(backend: &Backend, days: i64) -> Timestamp {
    backend.now() - SignedDuration::from_hours(24 * days)
}

/// The clock stands at 2026-05-04: the last 28 days begin on 2026-04-07, those before on
/// 2026-03-10.
async fn use_is_counted_by_hand(backend: &Backend) {
    let on = |day: Date, feature: &str, events| Row::Usage(usage("A-1", day, feature, events));
    let rows = vec![
        on(date(2026, 5, 4), "a", 4),
        on(date(2026, 5, 4), "b", 2),
        on(date(2026, 4, 7), "a", 10),
        // The whole product and a part of it on one day: the whole counts.
        on(date(2026, 4, 20), "", 7),
        on(date(2026, 4, 20), "a", 5),
        // Nothing happened: no active day, no feature.
        on(date(2026, 4, 21), "c", 0),
        on(date(2026, 4, 6), "a", 3),
        on(date(2026, 3, 10), "a", 20),
        on(date(2026, 3, 9), "a", 1000),
        // Not yet.
        on(date(2026, 5, 5), "d", 1000),
        Row::Usage(usage("A-2", date(2026, 3, 1), "a", 1)),
    ];
    let ids = read_in(backend, rows).await;
    let mut snapshots = backend.store.snapshots(&ids, backend.now()).await.unwrap();
    snapshots.sort_by_key(|snapshot| snapshot.account.id);
    assert_eq!(
        snapshots[0].usage,
        UsageFacts {
            active_days_28: 3,
            events_28: 6 + 10 + 7,
            events_prior_28: 23,
            trend_28: 0.0,
            peak_users_28: 5,
            features_28: 2,
            days_since_last: 0,
        }
    );
    let never = UsageFacts { days_since_last: 64, ..UsageFacts::default() };
    assert_eq!(snapshots[1].usage, never);
    let earlier = backend.store.snapshots(&ids[..1], ago(backend, 13)).await.unwrap();
    assert_eq!(earlier[0].usage.days_since_last, 1, "as of an earlier moment");
}

async fn tickets_are_counted_by_hand(backend: &Backend) {
    let of = |opened: i64, closed: Option<i64>| TicketRow {
        opened_at: ago(backend, opened),
        closed_at: closed.map(|days| ago(backend, days)),
        priority: Priority::P2,
        ..ticket(backend, "A-1")
    };
    let rows = vec![
        Row::Ticket(TicketRow { priority: Priority::P1, ..of(1, None) }),
        Row::Ticket(of(2, None)),
        Row::Ticket(TicketRow { csat: Some(5), ..of(27, Some(1)) }),
        Row::Ticket(TicketRow { csat: Some(2), escalated: true, ..of(40, Some(30)) }),
        Row::Ticket(TicketRow { csat: Some(1), escalated: true, ..of(200, Some(100)) }),
        Row::Ticket(of(55, Some(54))),
        Row::Ticket(of(60, Some(-1))),
        Row::Ticket(of(-1, None)),
    ];
    let ids = read_in(backend, rows).await;
    let snapshot = backend.store.snapshots(&ids[..1], backend.now()).await.unwrap().remove(0);
    assert_eq!(
        snapshot.tickets,
        TicketFacts {
            open: 3,
            open_p1: 1,
            opened_28: 3,
            opened_prior_28: 2,
            escalated_90: 1,
            csat_90: 3.5,
        }
    );
    let recent: Vec<_> =
        snapshot.recent_tickets.iter().map(|brief| (brief.opened_at, brief.open)).collect();
    assert_eq!(
        recent,
        [(1, true), (2, true), (27, false), (40, false), (55, false)]
            .map(|(days, open)| (ago(backend, days), open))
    );
}

async fn surveys_contracts_and_contacts_are_as_read(backend: &Backend) {
    let survey = |days, kind, score| {
        Row::Survey(SurveyRow {
            account: "A-1".to_owned(),
            contact: None,
            kind,
            score,
            comment: None,
            at: ago(backend, days),
        })
    };
    let mut small = subscription("A-1", date(2026, 1, 1), None, 10);
    small.plan = Some("basic".to_owned());
    small.auto_renew = false;
    let mut buyer = contact_row("A-1", "bo@acme.test");
    buyer.role = ContactRole::EconomicBuyer;
    let rows = vec![
        survey(40, SurveyKind::Nps, 3),
        survey(12, SurveyKind::Nps, 8),
        survey(1, SurveyKind::Csat, 1),
        survey(-1, SurveyKind::Nps, 0),
        Row::Subscription(small),
        Row::Subscription(subscription("A-1", date(2025, 1, 1), Some(date(2026, 5, 4)), 90)),
        Row::Subscription(subscription("A-1", date(2025, 1, 1), Some(date(2026, 5, 3)), 900)),
        Row::Contact(contact_row("A-1", "ann@acme.test")),
        Row::Contact(buyer),
    ];
    let ids = read_in(backend, rows).await;
    let snapshot = backend.store.snapshots(&ids[..1], backend.now()).await.unwrap().remove(0);
    assert_eq!(snapshot.survey, SurveyFacts { nps: 8, days_since_nps: 12 });
    let contract =
        ContractFacts { seats: 20, open_lines: 2, plan: "pro".to_owned(), auto_renew: false };
    assert_eq!(snapshot.contract, contract);
    let roles: Vec<_> = snapshot.contacts.iter().map(|contact| contact.role).collect();
    assert_eq!(roles, [ContactRole::Champion, ContactRole::EconomicBuyer]);
}

async fn an_account_of_which_nothing_is_known_says_so(backend: &Backend) {
    let ids = read_in(backend, Vec::new()).await;
    let unknown = domain::id::AccountId::new(&*backend.clock);
    let asked = [ids[0], unknown];
    let snapshots = backend.store.snapshots(&asked, backend.now()).await.unwrap();
    assert_eq!(snapshots.len(), 1, "unknown ids are left out");
    let snapshot = &snapshots[0];
    assert_eq!(snapshot.usage.days_since_last, 9999);
    assert_eq!(snapshot.survey, SurveyFacts { nps: -1, days_since_nps: 9999 });
    assert_eq!(snapshot.tickets, TicketFacts::default());
    assert_eq!(snapshot.contract, ContractFacts::default());
    assert_eq!((snapshot.csm.clone(), snapshot.contacts.len()), (None, 0));
    assert_eq!(backend.store.snapshots(&[], backend.now()).await.unwrap(), []);
}

async fn health_keeps_what_it_was_before(backend: &Backend) {
    let [id, _] = read_in(backend, Vec::new()).await;
    let mut seen = Vec::new();
    for score in [80.0, 61.25, 61.25] {
        backend.store.set_health(&[(id, score)], backend.now()).await.unwrap();
        let account = backend.store.account(id).await.unwrap().unwrap();
        seen.push((account.health, account.previous_health));
    }
    let last = (Some(61.25), Some(80.0));
    assert_eq!(seen, [(Some(80.0), None), last, last]);
}
