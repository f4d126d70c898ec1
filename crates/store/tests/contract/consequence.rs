//! What rows read in mean for their accounts.

use domain::{
    account::{AccountStatus, Lifecycle},
    port::{Customers, Intake, Journal},
    record::{Row, TicketRow},
};
use jiff::{SignedDuration, civil::date};
use serde_json::json;

use crate::{
    backend::Backend,
    intake::{absorb, account, churn, money, subscription, ticket},
    stage::{SOURCE, account_row, record},
};

contract! {
    revenue_and_renewal_follow_from_open_lines_unless_given,
    a_departure_counts_unless_the_customer_bought_again,
    a_new_phase_and_a_new_ticket_are_announced_once,
}

async fn revenue_and_renewal_follow_from_open_lines_unless_given(backend: &Backend) {
    let mut given = account_row("Given");
    given.arr = Some(money(7));
    given.renewal_date = Some(date(2027, 7, 7));
    let line = |id: &str, row| record(id, Row::Subscription(row));
    // The clock stands at 2026-05-04.
    let rows = vec![
        record("A-1", Row::Account(account_row("Computed"))),
        record("A-2", Row::Account(given)),
        record("A-3", Row::Account(account_row("Endless"))),
        line("S-1", subscription("A-1", date(2025, 6, 1), Some(date(2026, 5, 31)), 100)),
        line("S-2", subscription("A-1", date(2026, 1, 1), Some(date(2026, 12, 31)), 250)),
        line("S-3", subscription("A-1", date(2024, 1, 1), Some(date(2026, 5, 3)), 9_000)),
        line("S-4", subscription("A-1", date(2026, 6, 1), None, 9_000)),
        line("S-5", subscription("A-2", date(2026, 1, 1), Some(date(2026, 12, 31)), 250)),
        line("S-6", subscription("A-3", date(2024, 8, 15), None, 30)),
        line("S-7", subscription("A-3", date(2023, 3, 1), None, 12)),
    ];
    absorb(backend, rows).await;
    let computed = account(backend, "A-1").await;
    assert_eq!((computed.arr, computed.renewal_date), (money(350), Some(date(2026, 12, 31))));
    let given = account(backend, "A-2").await;
    assert_eq!((given.arr, given.renewal_date), (money(7), Some(date(2027, 7, 7))));
    let endless = account(backend, "A-3").await;
    assert_eq!((endless.arr, endless.renewal_date), (money(42), Some(date(2026, 8, 15))));
    // Read again without revenue, the account keeps what was computed.
    let mut renamed = account_row("Computed Ltd");
    renamed.industry = Some("tools".to_owned());
    absorb(backend, vec![record("A-1", Row::Account(renamed))]).await;
    assert_eq!(account(backend, "A-1").await.arr, money(350));
}

async fn a_departure_counts_unless_the_customer_bought_again(backend: &Backend) {
    let rows = vec![
        record("A-1", Row::Account(account_row("Left"))),
        record("A-2", Row::Account(account_row("Came back"))),
        record("A-3", Row::Account(account_row("Bought again"))),
        record("S-3", Row::Subscription(subscription("A-3", date(2026, 4, 1), None, 5))),
        record("X-1", Row::Churn(churn("A-1", date(2026, 3, 1), false))),
        record("X-2", Row::Churn(churn("A-2", date(2026, 3, 1), false))),
        record("X-3", Row::Churn(churn("A-2", date(2026, 3, 9), true))),
        record("X-4", Row::Churn(churn("A-3", date(2026, 3, 1), false))),
    ];
    absorb(backend, rows).await;
    assert_eq!(account(backend, "A-1").await.status, AccountStatus::Churned);
    assert_eq!(account(backend, "A-2").await.status, AccountStatus::Active);
    assert_eq!(account(backend, "A-3").await.status, AccountStatus::Active);
    let population = backend.store.population(None, 10).await.unwrap();
    assert_eq!(population.len(), 2, "who left is not walked by schedules");
    assert!(population.is_sorted());
    let rest = backend.store.population(Some(population[0]), 10).await.unwrap();
    assert_eq!(rest, population[1..]);
    assert_eq!(backend.store.population(None, 1).await.unwrap(), population[..1]);
}

async fn a_new_phase_and_a_new_ticket_are_announced_once(backend: &Backend) {
    let mut row = account_row("Acme");
    row.lifecycle = Some(Lifecycle::Onboarding);
    let first = record("A-1", Row::Account(row.clone()));
    let quiet = vec![first.clone()];
    backend.store.absorb(SOURCE, quiet, backend.now(), false).await.unwrap();
    assert_eq!(backend.store.untriggered(10).await.unwrap(), [], "a first import is quiet");

    row.lifecycle = Some(Lifecycle::Adoption);
    let closed = TicketRow { closed_at: Some(backend.now()), ..ticket(backend, "A-1") };
    let rows = vec![
        record("A-1", Row::Account(row)),
        record("A-2", Row::Account(account_row("New"))),
        record("T-1", Row::Ticket(ticket(backend, "A-1"))),
        record("T-2", Row::Ticket(closed)),
    ];
    absorb(backend, rows.clone()).await;
    absorb(backend, rows).await;
    let signals = backend.store.untriggered(10).await.unwrap();
    let mut said: Vec<_> =
        signals.iter().map(|signal| (signal.kind.as_str(), signal.data.clone())).collect();
    said.sort_by_key(|(kind, data)| format!("{kind}{data}"));
    assert_eq!(
        said,
        [
            ("lifecycle.entered", json!({ "from": "onboarding", "stage": "adoption" })),
            ("lifecycle.entered", json!({ "from": null, "stage": "adoption" })),
            ("ticket.opened", json!({ "priority": "p1", "ticket": "T-1" })),
        ]
    );
    assert!(signals.iter().all(|signal| signal.source == "playgate"));
    // Back to the old phase, at a later time, is news again.
    backend.clock.advance(SignedDuration::from_hours(1));
    absorb(backend, vec![first]).await;
    assert_eq!(backend.store.untriggered(10).await.unwrap().len(), 4);
}
