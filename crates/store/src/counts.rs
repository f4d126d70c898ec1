//! How much there is of what, for status displays.

use std::collections::BTreeMap;

use domain::port::StoreError;

use crate::{
    connection::Tx,
    open::Store,
    sql::{Sql, args, sql},
};

/// Row counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Customer companies.
    pub accounts: i64,
    /// Their people.
    pub contacts: i64,
    /// Days of use.
    pub usage_days: i64,
    /// Support cases.
    pub tickets: i64,
    /// Signals received.
    pub signals: i64,
    /// Events in the audit trail.
    pub events: i64,
    /// Runs by status.
    pub runs: BTreeMap<String, i64>,
    /// Approvals by status.
    pub approvals: BTreeMap<String, i64>,
    /// Messages by status.
    pub messages: BTreeMap<String, i64>,
    /// Tasks by status.
    pub tasks: BTreeMap<String, i64>,
}

impl Store {
    /// Counts everything, as of one moment.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.view(|tx| {
            Box::pin(async move {
                Ok(Counts {
                    accounts: tx.count(sql!("SELECT COUNT(*) AS n FROM accounts"), args![]).await?,
                    contacts: tx.count(sql!("SELECT COUNT(*) AS n FROM contacts"), args![]).await?,
                    usage_days: tx
                        .count(sql!("SELECT COUNT(*) AS n FROM usage_days"), args![])
                        .await?,
                    tickets: tx.count(sql!("SELECT COUNT(*) AS n FROM tickets"), args![]).await?,
                    signals: tx.count(sql!("SELECT COUNT(*) AS n FROM signals"), args![]).await?,
                    events: tx.count(sql!("SELECT COUNT(*) AS n FROM events"), args![]).await?,
                    runs: by_status(
                        tx,
                        sql!("SELECT status, COUNT(*) AS n FROM runs GROUP BY status"),
                    )
                    .await?,
                    approvals: by_status(
                        tx,
                        sql!("SELECT status, COUNT(*) AS n FROM approvals GROUP BY status"),
                    )
                    .await?,
                    messages: by_status(
                        tx,
                        sql!("SELECT status, COUNT(*) AS n FROM messages GROUP BY status"),
                    )
                    .await?,
                    tasks: by_status(
                        tx,
                        sql!("SELECT status, COUNT(*) AS n FROM tasks GROUP BY status"),
                    )
                    .await?,
                })
            })
        })
        .await
    }
}

async fn by_status(tx: &mut Tx, sql: Sql) -> Result<BTreeMap<String, i64>, StoreError> {
    tx.fetch(sql, args![])
        .await?
        .iter()
        .map(|row| Ok((row.text("status")?, row.int("n")?)))
        .collect()
}
