//! Runs as stored: reading, listing, and waking them.

use std::collections::{BTreeSet, HashMap};

use domain::{
    id::{AccountId, RunId},
    page::{Page, PageRequest},
    port::{RunFilter, StoreError, Work},
    run::Run,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{
    connection::Tx,
    gather,
    open::Store,
    page::{self, LOOKED_AT, Total},
    row::Row,
    sql::{Assembled, Sql, Value, args, sql},
};

/// Runs that are not over.
pub(crate) const LIVE: &str = " AND status IN ('active', 'paused', 'stuck')";

/// A run of a row with the columns of `runs`.
pub(crate) fn read(row: &Row) -> Result<Run, StoreError> {
    Ok(Run {
        id: row.word("id")?,
        playbook: row.text("playbook")?,
        version: row.text("version")?,
        account: row.word("account")?,
        cause: row.json("cause")?,
        status: row.word("status")?,
        progress: row.json("progress")?,
        wake_at: row.maybe_at("wake_at")?,
        started_at: row.at("started_at")?,
        changed_at: row.at("changed_at")?,
    })
}

async fn find_all(tx: &mut Tx, ids: &[RunId]) -> Result<HashMap<RunId, Run>, StoreError> {
    tx.fetch(
        sql!("SELECT id, playbook, version, account, cause, status, progress, wake_at, "
            "started_at, changed_at FROM runs WHERE id" {among "$1"}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| read(row).map(|run| (run.id, run)))
    .collect()
}

/// The runs of all who ask.
pub(crate) fn find_each(
    tx: &mut Tx,
    ids: Vec<RunId>,
) -> BoxFuture<'_, Result<Vec<Option<Run>>, StoreError>> {
    Box::pin(async move { Ok(gather::in_order(&ids, &find_all(tx, &ids).await?)) })
}

/// Locks a run's row. Whatever else a unit of work locks comes after: approvals, messages, tasks,
/// streams, in this order.
pub(crate) async fn lock(tx: &mut Tx, run: RunId) -> Result<Option<Row>, StoreError> {
    tx.one(
        sql!("SELECT id, playbook, version, account, cause, status, progress, wake_at, "
            "started_at, changed_at FROM runs WHERE id = $1" {lock}),
        vec![Value::word(run)],
    )
    .await
}

/// Locks the rows of several runs, in one order for everybody, where writers run side by side.
pub(crate) async fn lock_all(tx: &mut Tx, runs: &BTreeSet<RunId>) -> Result<(), StoreError> {
    if tx.is_postgres() && !runs.is_empty() {
        tx.fetch(
            sql!("SELECT id FROM runs WHERE id" {among "$1"} "ORDER BY id" {lock}),
            vec![Value::json(runs)],
        )
        .await?;
    }
    Ok(())
}

/// Makes an active run due now at the latest, and tells a turn in flight that something happened.
pub(crate) async fn wake(tx: &mut Tx, run: RunId, now: Timestamp) -> Result<(), StoreError> {
    tx.stir(Work::Runs);
    tx.execute(
        sql!("UPDATE runs SET wakes = wakes + 1, "
            "wake_at = CASE WHEN wake_at < $2 THEN wake_at ELSE $2 END "
            "WHERE id = $1 AND status = 'active'"),
        vec![Value::word(run), Value::from(now)],
    )
    .await?;
    Ok(())
}

/// Active runs of the accounts `$1`.
pub(crate) fn active_of() -> Sql {
    // A bare status would tempt SQLite to walk all active runs by their index.
    sql!("SELECT id FROM runs WHERE account" {among "$1"} "AND status || '' = 'active'")
}

/// Wakes active runs, by id and by account.
pub(crate) async fn wake_all(
    tx: &mut Tx,
    runs: Vec<RunId>,
    accounts: &[AccountId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut ids: BTreeSet<RunId> = runs.into_iter().collect();
    if !accounts.is_empty() {
        let of_accounts = tx.fetch(active_of(), vec![Value::json(&accounts)]).await?;
        for row in of_accounts {
            ids.insert(row.word("id")?);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    tx.stir(Work::Runs);
    lock_all(tx, &ids).await?;
    let ids = Value::json(&ids);
    // The status is looked at in `SET`: in `WHERE`, SQLite would walk all active runs for it.
    tx.execute(
        sql!("UPDATE runs SET wakes = wakes + CASE WHEN status = 'active' THEN 1 ELSE 0 END, "
            "wake_at = CASE WHEN status <> 'active' THEN wake_at "
            "WHEN wake_at < $2 THEN wake_at ELSE $2 END WHERE id" {among "$1"}),
        vec![ids, Value::from(now)],
    )
    .await?;
    Ok(())
}

impl Store {
    pub(crate) async fn read_run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.gatherers().runs.ask(self, id).await
    }

    pub(crate) async fn list_runs(
        &self,
        filter: &RunFilter,
        request: &PageRequest,
    ) -> Result<Page<Run>, StoreError> {
        let after: Option<(Timestamp, RunId)> = page::after(request)?;
        let count = self.count_runs(filter);
        let list = self.select_runs(filter, after, page::rows(request));
        let (runs, total) = self.list(list, count, read).await?;
        Ok(page::of(request, runs, total, |last| (last.started_at, last.id)))
    }

    /// How many match of those that are looked at. What a status or an account has is looked at in
    /// the order of its index, which keeps PostgreSQL from looking for few among all there ever were.
    pub(crate) fn count_runs(&self, filter: &RunFilter) -> Assembled {
        let mut count = Assembled::new("SELECT COUNT(*) AS looked, COUNT(CASE WHEN 1 = 1");
        self.sift_runs(&mut count, filter);
        // What an index has is not looked up in the table.
        let looks = filter.step.is_some() || filter.version.is_some() || filter.code.is_some();
        count.clause(if looks {
            " THEN 1 END) AS n FROM (SELECT step, version, started_at, progress FROM runs \
             WHERE 1 = 1"
        } else {
            " THEN 1 END) AS n FROM (SELECT started_at FROM runs WHERE 1 = 1"
        });
        Self::find_runs(&mut count, filter);
        if filter.status.is_some() || filter.account.is_some() {
            count.clause(" ORDER BY started_at, id");
        }
        count.clause_with(" LIMIT +?) AS looked_at", [Value::from(LOOKED_AT)]);
        count
    }

    /// Runs that match, newest first.
    pub(crate) fn select_runs(
        &self,
        filter: &RunFilter,
        after: Option<(Timestamp, RunId)>,
        rows: i64,
    ) -> Assembled {
        let mut list = Assembled::new(
            "SELECT id, playbook, version, account, cause, status, progress, wake_at, started_at, \
             changed_at FROM runs WHERE 1 = 1",
        );
        self.narrow_runs(&mut list, filter);
        if let Some((at, id)) = after {
            list.clause_with(" AND (started_at, id) < (?, ?)", [Value::from(at), Value::word(id)]);
        }
        list.clause(if filter.only_live() {
            // Dressed up: bare, it would tempt the planner to walk all there ever were from the
            // newest on, in search of the few that match.
            " ORDER BY started_at + 0 DESC, id DESC"
        } else {
            " ORDER BY started_at DESC, id DESC"
        });
        list.clause_with(" LIMIT +?", [Value::from(rows)]);
        list
    }

    /// Leaves what a filter means. Status, playbook, account and start have their indexes. Step,
    /// version and code are looked for among the runs that are not over (or are in the status that
    /// is named): indexes of their own would be written to with every turn.
    pub(crate) fn narrow_runs(&self, query: &mut Assembled, filter: &RunFilter) {
        Self::find_runs(query, filter);
        self.sift_runs(query, filter);
    }

    /// Leaves what an index finds.
    fn find_runs(query: &mut Assembled, filter: &RunFilter) {
        if filter.only_live() {
            query.clause(LIVE);
        }
        if let Some(status) = filter.status {
            query.clause_with(" AND status = ?", [Value::word(status)]);
        }
        if let Some(playbook) = &filter.playbook {
            query.clause_with(" AND playbook = ?", [Value::from(playbook.as_str())]);
        }
        if let Some(account) = filter.account {
            query.clause_with(" AND account = ?", [Value::word(account)]);
        }
        if filter.code.is_some() {
            query.clause(" AND status = 'stuck'");
        }
    }

    /// Leaves what has to be looked at one by one.
    fn sift_runs(&self, query: &mut Assembled, filter: &RunFilter) {
        if let Some(step) = &filter.step {
            query.clause_with(" AND step = ?", [Value::from(step.as_str())]);
        }
        if let Some(version) = &filter.version {
            query.clause_with(" AND version = ?", [Value::from(version.as_str())]);
        }
        if let Some(before) = filter.started_before {
            query.clause_with(" AND started_at < ?", [Value::from(before)]);
        }
        if let Some(code) = &filter.code {
            let code_is = match self.engine_name() {
                "postgres" => " AND progress::jsonb #>> '{dead_end,code}' = ?",
                _ => " AND progress ->> '$.dead_end.code' = ?",
            };
            query.clause_with(code_is, [Value::from(code.as_str())]);
        }
    }

    /// Reads a page's rows and the number of all rows, as of one moment.
    pub(crate) async fn list<T: Send + 'static>(
        &self,
        list: Assembled,
        count: Assembled,
        read: fn(&Row) -> Result<T, StoreError>,
    ) -> Result<(Vec<T>, Total), StoreError> {
        let (list, list_args) = list.build();
        let (count, count_args) = count.build();
        self.view(move |tx| {
            Box::pin(async move {
                let none = Total { count: 0, exact: true };
                let total =
                    tx.one(count, count_args).await?.map_or(Ok(none), |row| Total::of(&row))?;
                let rows = tx.fetch(list, list_args).await?;
                Ok((rows.iter().map(read).collect::<Result<_, _>>()?, total))
            })
        })
        .await
    }

    pub(crate) async fn earliest_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                // Runs somebody holds are due to whoever holds them.
                tx.one(
                    sql!("SELECT wake_at FROM runs WHERE status = 'active' "
                        "AND wake_at IS NOT NULL AND (lease_until IS NULL OR lease_until <" {now}
                        ") ORDER BY wake_at LIMIT 1"),
                    args![],
                )
                .await?
                .map_or(Ok(None), |row| row.maybe_at("wake_at"))
            })
        })
        .await
    }
}
