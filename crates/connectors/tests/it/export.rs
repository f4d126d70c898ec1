//! What is exported is imported as it was.

use std::sync::atomic::{AtomicU64, Ordering};

use connectors::{
    export::Writer,
    import::{Import, Mapping, Options, row_hash},
};
use domain::{
    account::{AccountStatus, Lifecycle, Money, Segment, Tier},
    contact::{Consent, ContactRole},
    record::{
        AccountRow, ChurnRow, ContactRow, Direction, EmailRow, MeetingKind, MeetingRow, Priority,
        Record, Row, SubscriptionRow, SurveyKind, SurveyRow, TicketRow, UsageRow,
    },
};
use jiff::civil::date;
use proptest::prelude::*;

use crate::{
    case::Still,
    import::{Watched, World},
};

fn record(source_id: &str, row: Row) -> Record {
    Record { source_id: source_id.to_owned(), row_hash: row_hash(&row), row }
}

fn account(name: &str) -> Row {
    Row::Account(AccountRow {
        name: name.to_owned(),
        domain: Some("acme.test".to_owned()),
        industry: Some("Retail, \"fine\"".to_owned()),
        employees: Some(12),
        segment: Some(Segment::MidMarket),
        tier: Some(Tier::Vip),
        lifecycle: Some(Lifecycle::Renewal),
        status: Some(AccountStatus::Active),
        csm_email: Some("maria@vendor.test".to_owned()),
        csm_name: Some("Maria Novak".to_owned()),
        csm_since: Some(date(2024, 2, 1)),
        region: Some("DE".to_owned()),
        time_zone: Some("Europe/Berlin".to_owned()),
        arr: Some(Money { minor: 1_234_567, currency: "EUR".to_owned() }),
        contract_start: Some(date(2024, 1, 1)),
        renewal_date: Some(date(2026, 12, 31)),
        health: Some(61.25),
    })
}

fn ticket(subject: &str, body: &str) -> Row {
    Row::Ticket(TicketRow {
        account: "a1".to_owned(),
        contact: Some("c1".to_owned()),
        subject: subject.to_owned(),
        body: body.to_owned(),
        priority: Priority::P2,
        opened_at: "2026-11-01T10:00:00.123456Z".parse().unwrap(),
        closed_at: None,
        first_response_minutes: Some(15),
        csat: Some(4),
        escalated: true,
    })
}

/// A row of every table.
#[expect(clippy::too_many_lines, reason = "one row after the other")]
fn every() -> Vec<Record> {
    let at = "2026-11-01T10:00:00Z".parse().unwrap();
    let account_id = || "a1".to_owned();
    vec![
        record("a1", account("Acme")),
        record(
            "a2",
            Row::Account(AccountRow {
                name: "Bare".to_owned(),
                domain: None,
                industry: None,
                employees: None,
                segment: None,
                tier: None,
                lifecycle: None,
                status: None,
                csm_email: None,
                csm_name: None,
                csm_since: None,
                region: None,
                time_zone: None,
                arr: None,
                contract_start: None,
                renewal_date: None,
                health: None,
            }),
        ),
        record(
            "c1",
            Row::Contact(ContactRow {
                account: account_id(),
                email: Some("ann@acme.test".to_owned()),
                first: "Ann".to_owned(),
                last: String::new(),
                title: None,
                role: ContactRole::ExecSponsor,
                phone: Some("+49 30 1".to_owned()),
                locale: Some("de-DE".to_owned()),
                time_zone: None,
                consent: Consent::OptedOut,
                opted_out_at: Some(at),
            }),
        ),
        record(
            "x;y",
            Row::Contact(ContactRow {
                account: account_id(),
                email: None,
                first: String::new(),
                last: "Yü".to_owned(),
                title: Some("CTO".to_owned()),
                role: ContactRole::Admin,
                phone: None,
                locale: None,
                time_zone: Some("UTC".to_owned()),
                consent: Consent::Contractual,
                opted_out_at: None,
            }),
        ),
        record(
            "s1",
            Row::Subscription(SubscriptionRow {
                account: account_id(),
                product: "Suite".to_owned(),
                plan: Some("Pro".to_owned()),
                start: date(2024, 1, 1),
                end: None,
                seats: Some(50),
                arr: Money { minor: -5, currency: "USD".to_owned() },
                is_trial: false,
                auto_renew: true,
            }),
        ),
        record(
            "u1",
            Row::Usage(UsageRow {
                account: account_id(),
                day: date(2026, 11, 1),
                feature: String::new(),
                users: None,
                events: 7,
                seconds: 60,
                errors: 0,
            }),
        ),
        record("t1", ticket("Broken", "Hello;\n\n  it is \"broken\", all of it\r\n")),
        record(
            "v1",
            Row::Survey(SurveyRow {
                account: account_id(),
                contact: None,
                kind: SurveyKind::Ces,
                score: 7,
                comment: Some("=1+1".to_owned()),
                at,
            }),
        ),
        record(
            "m1",
            Row::Meeting(MeetingRow {
                account: account_id(),
                kind: MeetingKind::CheckIn,
                at,
                attendees: vec!["c1".to_owned(), "x;y".to_owned()],
                notes: "- one\n- two".to_owned(),
                next_steps: String::new(),
            }),
        ),
        record(
            "e1",
            Row::Email(EmailRow {
                account: account_id(),
                contact: Some("c1".to_owned()),
                thread: "th1".to_owned(),
                direction: Direction::Inbound,
                subject: "Re: hello".to_owned(),
                body: "> quoted\n\tindented".to_owned(),
                at,
            }),
        ),
        record(
            "x1",
            Row::Churn(ChurnRow {
                account: "a2".to_owned(),
                day: date(2026, 10, 1),
                reason: "pricing".to_owned(),
                reactivation: true,
                feedback: None,
            }),
        ),
    ]
}

/// Exports, imports, and hands out what reached the store.
async fn round_trip(world: &World, source: &str, records: &[Record]) -> Vec<Record> {
    let dir = world.dir.path().join(source);
    let mut writer = Writer::create(&dir).unwrap();
    for record in records {
        writer.write(record).unwrap();
    }
    let written = writer.finish().unwrap();
    assert_eq!(written.iter().map(|(_, rows)| rows).sum::<u64>(), records.len() as u64);
    let store = Watched::new(&world.store, 0);
    let import = Import::new(Mapping::preset("generic").unwrap(), source, Options::default());
    let report = import.run(&[dir], &store, &Still::default(), &|_| {}).await.unwrap();
    assert_eq!(report.totals().inserted, records.len() as u64, "{report}");
    assert_eq!(report.anomalies, [], "{report}");
    store.records.into_inner().unwrap()
}

#[tokio::test]
async fn a_row_of_every_table_comes_back_as_it_was() {
    let world = World::new().await;
    let records = every();
    let read = round_trip(&world, "sample", &records).await;
    assert_eq!(read, records);
}

#[test]
fn texts_of_any_kind_come_back_as_they_were() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let next = AtomicU64::new(0);
    let short = "[a-zé\"',;=@+-][a-z é\"',;\n]{0,20}[a-zé\"]";
    let long = "[a-zé\"',;\r\n\t ]{0,60}";
    proptest!(ProptestConfig::with_cases(48), |(name in short, subject in short, body in long)| {
        // White space alone says nothing, and is read as nothing.
        let body = if body.trim().is_empty() { String::new() } else { body };
        let records = [
            record("a1", account(&name)),
            record("c1", every().remove(2).row),
            record("t1", ticket(&subject, &body)),
        ];
        let source = format!("s{}", next.fetch_add(1, Ordering::Relaxed));
        let read = runtime.block_on(round_trip(&world, &source, &records));
        prop_assert_eq!(&read[..], &records[..]);
    });
}
