//! Reading customer data in: each row once, nothing in silence.

use std::time::{Duration, Instant};

use domain::{
    account::{Account, AccountStatus, Lifecycle, Money, Segment, Tier},
    contact::Consent,
    event::{Event, NewEvent, Stream},
    page::PageRequest,
    port::{Access, AccountFilter, Customers, Intake},
    record::{
        Absorbed, AccountRow, ChurnRow, Direction, EmailRow, MeetingKind, MeetingRow, Priority,
        Record, Row, SubscriptionRow, SurveyKind, SurveyRow, TicketRow, UsageRow,
    },
    user::{Actor, Role},
};
use jiff::{
    SignedDuration, ToSpan,
    civil::{Date, date},
};

use crate::{
    backend::Backend,
    stage::{SOURCE, Stage, account_row, contact_row, record},
};

contract! {
    reading_the_same_rows_again_changes_nothing,
    a_row_that_refers_to_nothing_known_is_rejected_and_says_why,
    of_two_rows_with_one_id_the_later_wins,
    what_a_row_leaves_out_stays_as_it_is_known,
    a_new_account_is_sized_by_its_people,
    a_csm_is_found_or_added_by_address,
    an_opt_out_and_a_new_address_are_taken_over,
    the_same_id_in_another_source_is_another_account,
    accounts_are_found_and_listed,
    spans_and_sources_are_known,
    text_of_any_kind_survives,
    a_year_of_use_is_read_in_fast_enough,
    while_history_is_archived_customers_are_read_in,
}

async fn while_history_is_archived_customers_are_read_in(backend: &Backend) {
    let duty = backend.store.take_duty().await.unwrap();
    assert!(duty.is_some());
    let rows = vec![record("A-1", Row::Account(account_row("Acme")))];
    let reading = tokio::time::timeout(Duration::from_secs(5), absorb(backend, rows));
    assert_eq!(reading.await.expect("it does not wait for the archive"), [Absorbed::Inserted]);
    drop(duty);
}

pub(crate) async fn absorb(backend: &Backend, records: Vec<Record>) -> Vec<Absorbed> {
    backend.store.absorb(SOURCE, records, backend.now(), true).await.unwrap()
}

pub(crate) async fn account(backend: &Backend, text: &str) -> Account {
    let mut found = backend.store.find_account(text).await.unwrap();
    assert_eq!(found.len(), 1, "{text}");
    found.remove(0)
}

pub(crate) fn money(minor: i64) -> Money {
    Money { minor, currency: "EUR".to_owned() }
}

pub(crate) fn subscription(
    account: &str,
    start: Date,
    end: Option<Date>,
    arr: i64,
) -> SubscriptionRow {
    SubscriptionRow {
        account: account.to_owned(),
        product: "core".to_owned(),
        plan: Some("pro".to_owned()),
        start,
        end,
        seats: Some(10),
        arr: money(arr),
        is_trial: false,
        auto_renew: true,
    }
}

pub(crate) fn usage(account: &str, day: Date, feature: &str, events: i64) -> UsageRow {
    UsageRow {
        account: account.to_owned(),
        day,
        feature: feature.to_owned(),
        users: Some(events.min(5)),
        events,
        seconds: events * 10,
        errors: 0,
    }
}

pub(crate) fn ticket(backend: &Backend, account: &str) -> TicketRow {
    TicketRow {
        account: account.to_owned(),
        contact: None,
        subject: "It is slow".to_owned(),
        body: "Since Monday".to_owned(),
        priority: Priority::P1,
        opened_at: backend.now(),
        closed_at: None,
        first_response_minutes: None,
        csat: None,
        escalated: false,
    }
}

/// One row of every entity, all of account `A-1`.
fn one_of_each(backend: &Backend) -> Vec<Record> {
    let account = || "A-1".to_owned();
    let now = backend.now();
    vec![
        record("A-1", Row::Account(account_row("Acme"))),
        record("C-1", Row::Contact(contact_row("A-1", "ann@acme.test"))),
        record("S-1", Row::Subscription(subscription("A-1", date(2026, 1, 1), None, 100))),
        record("U-1", Row::Usage(usage("A-1", date(2026, 5, 1), "reports", 3))),
        record(
            "T-1",
            Row::Ticket(TicketRow { contact: Some("C-1".into()), ..ticket(backend, "A-1") }),
        ),
        record(
            "N-1",
            Row::Survey(SurveyRow {
                account: account(),
                contact: Some("C-1".to_owned()),
                kind: SurveyKind::Nps,
                score: 9,
                comment: None,
                at: now,
            }),
        ),
        record(
            "M-1",
            Row::Meeting(MeetingRow {
                account: account(),
                kind: MeetingKind::Qbr,
                at: now,
                attendees: vec!["C-1".to_owned()],
                notes: "n".to_owned(),
                next_steps: "s".to_owned(),
            }),
        ),
        record(
            "E-1",
            Row::Email(EmailRow {
                account: account(),
                contact: Some("C-1".to_owned()),
                thread: "t".to_owned(),
                direction: Direction::Inbound,
                subject: "s".to_owned(),
                body: "b".to_owned(),
                at: now,
            }),
        ),
        record("X-1", Row::Churn(churn("A-1", date(2025, 1, 1), true))),
    ]
}

pub(crate) fn churn(account: &str, day: Date, reactivation: bool) -> ChurnRow {
    ChurnRow {
        account: account.to_owned(),
        day,
        reason: "price".to_owned(),
        reactivation,
        feedback: None,
    }
}

async fn reading_the_same_rows_again_changes_nothing(backend: &Backend) {
    let rows = one_of_each(backend);
    assert_eq!(absorb(backend, rows.clone()).await, vec![Absorbed::Inserted; 9]);
    let before = account(backend, "A-1").await;
    let counts = backend.store.counts().await.unwrap();
    assert_eq!(absorb(backend, rows.clone()).await, vec![Absorbed::Unchanged; 9]);
    assert_eq!(account(backend, "A-1").await, before);
    assert_eq!(backend.store.counts().await.unwrap(), counts);
    let mut changed = rows;
    for record in &mut changed {
        record.row_hash.push('!');
    }
    assert_eq!(absorb(backend, changed).await, vec![Absorbed::Updated; 9]);
    assert_eq!(backend.store.counts().await.unwrap(), counts);
    assert_eq!(account(backend, "A-1").await.id, before.id, "ids last");
}

async fn a_row_that_refers_to_nothing_known_is_rejected_and_says_why(backend: &Backend) {
    let mut stray = ticket(backend, "A-1");
    stray.contact = Some("C-9".to_owned());
    let meeting = MeetingRow {
        account: "A-1".to_owned(),
        kind: MeetingKind::Ebr,
        at: backend.now(),
        attendees: vec!["C-9".to_owned()],
        notes: String::new(),
        next_steps: String::new(),
    };
    let answers = absorb(
        backend,
        vec![
            record("U-1", Row::Usage(usage("A-9", date(2026, 5, 1), "", 1))),
            record("A-1", Row::Account(account_row("Acme"))),
            record("C-1", Row::Contact(contact_row("A-9", "ann@acme.test"))),
            record("T-1", Row::Ticket(stray)),
            record("M-1", Row::Meeting(meeting)),
            record("U-2", Row::Usage(usage("A-1", date(2026, 5, 1), "", 1))),
        ],
    )
    .await;
    let rejected = |index: usize| match &answers[index] {
        Absorbed::Rejected { field, why } => (*field, why.as_str()),
        other => panic!("{index} was {other:?}"),
    };
    assert_eq!(rejected(0), ("account", "account `A-9` is not known; import accounts first"));
    assert_eq!(answers[1], Absorbed::Inserted);
    assert_eq!(rejected(2).0, "account");
    assert_eq!(rejected(3), ("contact", "contact `C-9` is not known; import contacts first"));
    assert_eq!(rejected(4).0, "attendees");
    assert_eq!(answers[5], Absorbed::Inserted, "neighbours of a rejected row are read in");
}

async fn of_two_rows_with_one_id_the_later_wins(backend: &Backend) {
    let named = |name: &str| record("A-1", Row::Account(account_row(name)));
    let day = |events| record("U-1", Row::Usage(usage("A-1", date(2026, 5, 1), "", events)));
    let rows = vec![named("Acme"), named("Acme GmbH"), named("Acme GmbH"), day(1), day(2), day(2)];
    let answers = absorb(backend, rows).await;
    let expected = [Absorbed::Inserted, Absorbed::Updated, Absorbed::Unchanged];
    assert_eq!(answers[..3], expected);
    assert_eq!(answers[3..], expected);
    let account = account(backend, "A-1").await;
    assert_eq!(account.name, "Acme GmbH");
    let snapshots = backend.store.snapshots(&[account.id], backend.now()).await.unwrap();
    assert_eq!(snapshots[0].usage.events_28, 2);
}

async fn what_a_row_leaves_out_stays_as_it_is_known(backend: &Backend) {
    let full = AccountRow {
        name: "Acme".to_owned(),
        domain: Some("acme.test".to_owned()),
        industry: Some("tools".to_owned()),
        employees: Some(250),
        segment: None,
        tier: Some(Tier::Vip),
        lifecycle: Some(Lifecycle::Renewal),
        status: Some(AccountStatus::Trial),
        csm_email: Some("maria@example.com".to_owned()),
        csm_name: Some("Maria".to_owned()),
        csm_since: Some(date(2024, 2, 1)),
        region: Some("DE".to_owned()),
        time_zone: Some("Europe/Berlin".to_owned()),
        arr: Some(money(5_000)),
        contract_start: Some(date(2024, 1, 1)),
        renewal_date: Some(date(2026, 12, 31)),
        health: Some(71.5),
    };
    absorb(backend, vec![record("A-1", Row::Account(full))]).await;
    let before = account(backend, "A-1").await;
    assert_eq!((before.segment, before.tier), (Segment::MidMarket, Tier::Vip));
    backend.clock.advance(SignedDuration::from_hours(1));
    let mut sparse = account_row("Acme AG");
    sparse.health = Some(60.0);
    absorb(backend, vec![record("A-1", Row::Account(sparse))]).await;
    let after = account(backend, "A-1").await;
    let expected = Account {
        name: "Acme AG".to_owned(),
        health: Some(60.0),
        previous_health: Some(71.5),
        as_of: backend.now(),
        ..before
    };
    assert_eq!(after, expected);
}

async fn a_new_account_is_sized_by_its_people(backend: &Backend) {
    let sizes = [None, Some(99), Some(100), Some(999), Some(1000)];
    let rows = sizes.iter().enumerate().map(|(n, employees)| {
        let mut row = account_row("x");
        row.employees = *employees;
        record(&format!("A-{n}"), Row::Account(row))
    });
    absorb(backend, rows.collect()).await;
    let mut found = Vec::new();
    for n in 0..sizes.len() {
        let account = account(backend, &format!("A-{n}")).await;
        assert_eq!(account.arr, Money { minor: 0, currency: "USD".to_owned() });
        assert_eq!(
            (account.lifecycle, account.status),
            (Lifecycle::Adoption, AccountStatus::Active)
        );
        found.push((account.segment, account.tier));
    }
    let (small, mid) = ((Segment::Smb, Tier::TechTouch), (Segment::MidMarket, Tier::MidTouch));
    assert_eq!(found, [small, small, mid, mid, (Segment::Enterprise, Tier::HighTouch)]);
}

async fn a_csm_is_found_or_added_by_address(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut known = account_row("Two");
    known.csm_email = Some("MARIA@example.com".to_owned());
    let mut new = account_row("Three");
    new.csm_email = Some("li@example.com".to_owned());
    new.csm_since = Some(date(2026, 1, 7));
    let rows = vec![record("A-2", Row::Account(known)), record("A-3", Row::Account(new))];
    absorb(backend, rows).await;
    assert_eq!(account(backend, "A-2").await.csm, Some(stage.csm));
    let li = backend.store.user_by_email("li@example.com").await.unwrap().unwrap();
    assert_eq!((li.role, li.since), (Role::Csm, Some(date(2026, 1, 7))));
    assert_eq!(account(backend, "A-3").await.csm, Some(li.id));
    assert_eq!(stage.events("user").await, ["user_added", "user_added"]);
}

async fn an_opt_out_and_a_new_address_are_taken_over(backend: &Backend) {
    let stage = Stage::new(backend).await;
    backend.behind_the_back("UPDATE contacts SET bounced_at = 1").await.unwrap();
    let mut row = contact_row("A-1", "ann@acme.test");
    row.consent = Consent::OptedOut;
    row.opted_out_at = Some(backend.now());
    absorb(backend, vec![record("C-1", Row::Contact(row.clone()))]).await;
    let contact = backend.store.contact(stage.contact).await.unwrap().unwrap();
    assert_eq!(contact.consent, Consent::OptedOut);
    assert_eq!(contact.opted_out_at, Some(backend.now()));
    assert!(contact.bounced_at.is_some(), "the address is still the one that bounces");
    row.email = Some("ann@new.test".to_owned());
    absorb(backend, vec![record("C-1", Row::Contact(row))]).await;
    let contact = backend.store.contact(stage.contact).await.unwrap().unwrap();
    assert_eq!((contact.bounced_at, contact.id), (None, stage.contact));
}

async fn the_same_id_in_another_source_is_another_account(backend: &Backend) {
    absorb(backend, vec![record("A-1", Row::Account(account_row("Acme")))]).await;
    let other = vec![
        record("A-1", Row::Account(account_row("Other"))),
        record("C-1", Row::Contact(contact_row("A-1", "x@other.test"))),
    ];
    backend.store.absorb("erp", other, backend.now(), false).await.unwrap();
    let both = backend.store.find_account("A-1").await.unwrap();
    assert_eq!(both.len(), 2, "ambiguous");
    assert_eq!(account(backend, "other").await.source, "erp");
}

async fn accounts_are_found_and_listed(backend: &Backend) {
    let names = ["Zeta", "alpha", "Beta 50%", "beta_x", "Ärger GmbH"];
    let rows = names.iter().enumerate().map(|(n, name)| {
        let mut row = account_row(name);
        row.domain = Some(format!("d{n}.example"));
        record(&format!("A-{n}"), Row::Account(row))
    });
    absorb(backend, rows.collect()).await;
    let id = account(backend, "ALPHA").await.id;
    assert_eq!(account(backend, &id.to_string()).await.id, id);
    assert_eq!(account(backend, "ärger gmbh").await.name, "Ärger GmbH");
    assert_eq!(backend.store.find_account("nobody").await.unwrap(), []);

    let list = async |text: Option<&str>| {
        let filter = AccountFilter { text: text.map(str::to_owned) };
        let mut page = PageRequest { cursor: None, limit: 2 };
        let mut seen = Vec::new();
        loop {
            let found = backend.store.accounts(&filter, &page).await.unwrap();
            seen.extend(found.items.into_iter().map(|account| account.name));
            let Some(next) = found.next else {
                assert_eq!(found.total, seen.len() as u64);
                return seen;
            };
            page.cursor = Some(next);
        }
    };
    assert_eq!(list(None).await, ["alpha", "Beta 50%", "beta_x", "Zeta", "Ärger GmbH"]);
    assert_eq!(list(Some("BETA")).await, ["Beta 50%", "beta_x"]);
    assert_eq!(list(Some("a_x")).await, ["beta_x"], "wildcards are plain characters");
    assert_eq!(list(Some("50%")).await, ["Beta 50%"]);
    assert_eq!(list(Some("d3.exam")).await, ["beta_x"], "by domain");
    assert_eq!(list(Some("a-4")).await, ["Ärger GmbH"], "by source id");
    assert_eq!(list(Some("ÄRGER")).await, ["Ärger GmbH"]);
}

async fn spans_and_sources_are_known(backend: &Backend) {
    assert!(!backend.store.knows_source(SOURCE).await.unwrap());
    absorb(backend, one_of_each(backend)).await;
    assert!(backend.store.knows_source(SOURCE).await.unwrap());
    assert!(!backend.store.knows_source("erp").await.unwrap());
    let ids = ["S-1".to_owned(), "S-9".to_owned()];
    let spans = backend.store.subscription_spans(SOURCE, &ids).await.unwrap();
    assert_eq!(spans, [("S-1".to_owned(), "A-1".to_owned(), date(2026, 1, 1), None)]);
    let event = NewEvent {
        stream: Stream::Import,
        at: backend.now(),
        actor: Actor::Connector { name: "csv".to_owned() },
        event: Event::DataImported {
            source: SOURCE.to_owned(),
            read: 9,
            inserted: 9,
            updated: 0,
            unchanged: 0,
            rejected: 0,
        },
    };
    backend.store.imported(event).await.unwrap();
    let events = domain::port::Ledger::events(&backend.store, "import", 0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
}

async fn text_of_any_kind_survives(backend: &Backend) {
    let odd = "a\u{0}b \\u0000 \\ ' \" $1 ? {} \u{1F600} \u{202E} \r\n\t";
    let mut row = ticket(backend, "A-1");
    row.subject = odd.to_owned();
    row.body = "\u{FFFD}\u{7F}".to_owned();
    let rows = vec![record("A-1", Row::Account(account_row(odd))), record(odd, Row::Ticket(row))];
    assert_eq!(absorb(backend, rows).await, vec![Absorbed::Inserted; 2]);
    let account = account(backend, "A-1").await;
    // PostgreSQL cannot store NUL, so nobody does.
    let kept = odd.replace('\0', "");
    assert_eq!(account.name, kept);
    let snapshot = backend.store.snapshots(&[account.id], backend.now()).await.unwrap().remove(0);
    assert_eq!(*snapshot.recent_tickets[0].subject.for_a_person(), kept);
    assert_eq!(snapshot.recent_tickets[0].source_id, kept);
    assert_eq!(snapshot.recent_tickets[0].body.for_a_person(), "\u{FFFD}\u{7F}");
}

async fn a_year_of_use_is_read_in_fast_enough(backend: &Backend) {
    let accounts = (0..40).map(|n| record(&format!("A-{n}"), Row::Account(account_row("x"))));
    absorb(backend, accounts.collect()).await;
    let rows: Vec<Record> = (0..20_000)
        .map(|n: i64| {
            let day = date(2025, 5, 5).saturating_add((n / 40 % 365).days());
            let row = usage(&format!("A-{}", n % 40), day, "reports", n % 17);
            Record {
                source_id: format!("U-{n}"),
                row_hash: format!("{n:064x}"),
                row: Row::Usage(row),
            }
        })
        .collect();
    let begun = Instant::now();
    let mut inserted = 0;
    for batch in rows.chunks(2_000) {
        let answers = absorb(backend, batch.to_vec()).await;
        inserted += answers.iter().filter(|answer| **answer == Absorbed::Inserted).count();
    }
    let took = begun.elapsed();
    assert_eq!(inserted, 20_000);
    println!("{:.0} rows/s", 20_000.0 / took.as_secs_f64());
    // An order of magnitude below what is expected, so that a busy machine does not matter and a
    // statement per row does.
    assert!(took.as_secs() < 20, "{took:?}");
}
