//! What rows read in mean for their accounts: revenue, renewal, departure, signals.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    id::AccountId,
    port::StoreError,
    record::Row,
    signal::{NewSignal, kind},
};
use jiff::{ToSpan, civil::Date};
use serde_json::json;

use super::{Frame, Raised, table::Change};
use crate::{
    connection::Tx,
    signal,
    snapshot::day,
    sql::{Value, sql},
};

fn accounts(changes: &[Change<'_>]) -> Vec<AccountId> {
    changes.iter().map(|change| change.account).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A new open ticket is announced.
pub(super) fn of_tickets(frame: &Frame<'_>, changes: &[Change<'_>], raised: &mut Raised) {
    if !frame.announce {
        return;
    }
    for change in changes.iter().filter(|change| change.new) {
        if let Row::Ticket(ticket) = &change.record.row
            && ticket.closed_at.is_none()
        {
            let id = &change.record.source_id;
            raised.signals.push(NewSignal {
                source: signal::OURS.to_owned(),
                event_id: format!("ticket:{}:{id}", frame.source),
                kind: kind::TICKET_OPENED.to_owned(),
                account: change.account,
                at: ticket.opened_at,
                data: json!({ "priority": ticket.priority, "ticket": id }),
                run: None,
            });
        }
    }
}

/// An open contract line, as far as revenue and renewal go.
struct Line {
    starts_on: Date,
    ends_on: Option<Date>,
    arr_minor: i64,
    arr_currency: String,
}

/// Revenue and renewal date of accounts whose source does not give them follow from their open
/// contract lines.
pub(super) async fn of_subscriptions(
    tx: &mut Tx,
    frame: &Frame<'_>,
    changes: &[Change<'_>],
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let accounts = accounts(changes);
    let today = day(frame.as_of);
    let mut lines: BTreeMap<AccountId, Vec<Line>> =
        accounts.iter().map(|account| (*account, Vec::new())).collect();
    let rows = tx
        .fetch(
            // The largest line first: its currency is the account's.
            sql!("SELECT account, starts_on, ends_on, arr_minor, arr_currency FROM subscriptions "
                "WHERE account" {among "$1"}
                "AND starts_on <= $2 AND (ends_on IS NULL OR ends_on >= $2) "
                "ORDER BY account, arr_minor DESC, source_id"),
            vec![Value::json(&accounts), Value::from(today)],
        )
        .await?;
    for row in rows {
        lines.entry(row.word("account")?).or_default().push(Line {
            starts_on: row.word("starts_on")?,
            ends_on: row.maybe_word("ends_on")?,
            arr_minor: row.int("arr_minor")?,
            arr_currency: row.text("arr_currency")?,
        });
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|(account, lines)| {
            let currency = lines.first().map(|line| line.arr_currency.as_str());
            // Amounts in different currencies have no sum.
            let arr: i64 = lines
                .iter()
                .filter(|line| Some(line.arr_currency.as_str()) == currency)
                .map(|line| line.arr_minor)
                .sum();
            json!({
                "id": account,
                "arr_minor": arr,
                "arr_currency": currency,
                "renewal_date": renewal(lines, today),
            })
        })
        .collect();
    tx.execute(
        sql!("UPDATE accounts SET "
            "arr_minor = CASE WHEN arr_given = 0 THEN r.arr_minor ELSE accounts.arr_minor END, "
            "arr_currency = CASE WHEN arr_given = 0 "
            "THEN COALESCE(r.arr_currency, accounts.arr_currency) ELSE accounts.arr_currency END, "
            "renewal_date = CASE WHEN renewal_given = 0 THEN r.renewal_date "
            "ELSE accounts.renewal_date END FROM "
            {rows "$1" (id TEXT, arr_minor BIGINT, arr_currency TEXT, renewal_date TEXT)}
            "WHERE accounts.id = r.id"),
        vec![Value::rows(rows)],
    )
    .await?;
    Ok(())
}

/// The last day of the line that ends last, or else the next anniversary of the latest line.
fn renewal(lines: &[Line], today: Date) -> Option<Date> {
    lines
        .iter()
        .filter_map(|line| line.ends_on)
        .max()
        .or_else(|| lines.iter().map(|line| line.starts_on).max().map(|start| next(start, today)))
}

/// The first anniversary of `start` after `today`.
fn next(start: Date, today: Date) -> Date {
    let mut years = i64::from(today.year() - start.year()).max(1);
    while start.saturating_add(years.years()) <= today {
        years += 1;
    }
    start.saturating_add(years.years())
}

/// Accounts whose latest word is that they leave have left, unless they bought again since.
pub(super) async fn of_churns(
    tx: &mut Tx,
    frame: &Frame<'_>,
    changes: &[Change<'_>],
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    tx.execute(
        sql!("UPDATE accounts SET status = 'churned' WHERE id" {among "$1"}
            "AND (SELECT reactivation FROM churns WHERE churns.account = accounts.id "
            "ORDER BY day DESC, source_id DESC LIMIT 1) = 0 "
            "AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE subscriptions.account = accounts.id "
            "AND starts_on > (SELECT MAX(day) FROM churns WHERE churns.account = accounts.id) "
            "AND (ends_on IS NULL OR ends_on >= $2))"),
        vec![Value::json(&accounts(changes)), Value::from(day(frame.as_of))],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_next_anniversary_is_after_today() {
        assert_eq!(next(date(2020, 3, 1), date(2024, 2, 29)), date(2024, 3, 1));
        assert_eq!(next(date(2020, 3, 1), date(2024, 3, 1)), date(2025, 3, 1));
        assert_eq!(next(date(2024, 2, 29), date(2024, 3, 1)), date(2025, 2, 28));
    }

    #[test]
    fn an_end_counts_more_than_an_anniversary() {
        let line = |starts_on, ends_on| Line {
            starts_on,
            ends_on,
            arr_minor: 0,
            arr_currency: String::new(),
        };
        let today = date(2024, 6, 1);
        let open = line(date(2023, 1, 1), None);
        let ends = line(date(2022, 1, 1), Some(date(2024, 12, 31)));
        assert_eq!(renewal(&[open, ends], today), Some(date(2024, 12, 31)));
        assert_eq!(renewal(&[line(date(2023, 1, 1), None)], today), Some(date(2025, 1, 1)));
        assert_eq!(renewal(&[], today), None);
    }
}
