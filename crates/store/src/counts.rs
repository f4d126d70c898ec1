//! How much there is of what, for status displays.

use std::collections::BTreeMap;

use domain::{
    approval::ApprovalStatus, message::MessageStatus, port::StoreError, run::RunStatus,
    task::TaskStatus,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    connection::Tx,
    open::Store,
    sql::{Sql, Value, args, sql},
};

/// Row counts, none higher than [`Counts::MOST`]: where one is as high as that, there are at least so
/// many. A status display must not walk history.
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

impl Counts {
    /// How far rows are counted.
    pub const MOST: i64 = 100_000;
}

/// Rows of a table: `$1` counted at most.
macro_rules! rows_of {
    ($table:literal) => {
        sql!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM " $table " LIMIT +$1) AS counted")
    };
}

/// Rows of a table in each of the states `$1`: `$2` counted at most.
macro_rules! states_of {
    ($table:literal) => {
        sql!("SELECT r.status AS status, (SELECT COUNT(*) FROM (SELECT 1 FROM " $table
            " WHERE " $table ".status = r.status LIMIT +$2) AS counted) AS n FROM "
            {rows "$1" (status TEXT)})
    };
}

impl Store {
    /// Counts everything as far as [`Counts::MOST`], as of one moment.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.view(|tx| {
            Box::pin(async move {
                Ok(Counts {
                    accounts: rows(tx, rows_of!("accounts")).await?,
                    contacts: rows(tx, rows_of!("contacts")).await?,
                    usage_days: rows(tx, rows_of!("usage_days")).await?,
                    tickets: rows(tx, rows_of!("tickets")).await?,
                    signals: rows(tx, rows_of!("signals")).await?,
                    events: rows(tx, rows_of!("events")).await?,
                    runs: states(tx, RunStatus::ALL, states_of!("runs")).await?,
                    approvals: states(tx, ApprovalStatus::ALL, states_of!("approvals")).await?,
                    messages: states(tx, MessageStatus::ALL, states_of!("messages")).await?,
                    tasks: states(tx, TaskStatus::ALL, states_of!("tasks")).await?,
                })
            })
        })
        .await
    }
}

async fn rows(tx: &mut Tx, sql: Sql) -> Result<i64, StoreError> {
    tx.count(sql, args![Counts::MOST]).await
}

/// Those states anything is in.
async fn states(
    tx: &mut Tx,
    states: &[impl Serialize + Sync],
    sql: Sql,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let asked: Vec<_> = states.iter().map(|state| json!({ "status": state })).collect();
    let counted = tx
        .fetch(sql, vec![Value::json(&asked), Value::from(Counts::MOST)])
        .await?
        .iter()
        .map(|row| Ok((row.text("status")?, row.int("n")?)))
        .collect::<Result<BTreeMap<_, _>, StoreError>>()?;
    Ok(counted.into_iter().filter(|(_, n)| *n > 0).collect())
}
