//! What is over: finding it, noting what went to which file, and answering what is known of it.

use async_trait::async_trait;
use domain::{
    archive::{Archive, Due, Exported, Finished, NewArchive, Pruned, Recorded, Stretch},
    id::RunId,
    port::{Checkpoint, History, StoreError},
    user::Actor,
};
use jiff::{Timestamp, civil::Date};

use crate::{
    export,
    open::Store,
    prune,
    row::Row,
    sql::{Assembled, Sql, Value, args, sql},
};

/// What makes a run of `status` one that may go, `?` being the time it began and ended before:
/// nothing of it waits for anybody, a checkpoint covers it, and it is not the latest of its playbook
/// for its account, which decides whether the next may start.
const MAY_GO: &str = " AND runs.started_at < ? AND runs.changed_at < ? \
    AND EXISTS (SELECT 1 FROM streams WHERE streams.name = runs.id \
    AND streams.covered >= streams.seq) \
    AND EXISTS (SELECT 1 FROM runs newer WHERE newer.playbook = runs.playbook \
    AND newer.account = runs.account AND newer.started_at >= runs.started_at \
    AND (newer.started_at, newer.id) > (runs.started_at, runs.id)) \
    AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.run = runs.id \
    AND (messages.settled_at IS NULL OR messages.status = 'uncertain')) \
    AND NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.run = runs.id AND tasks.status = 'open') \
    AND NOT EXISTS (SELECT 1 FROM approvals WHERE approvals.run = runs.id \
    AND approvals.status IN ('waiting', 'redrafting'))";

/// The two ways a run can be over, each with an index of its own.
const OVER: [&str; 2] = ["completed", "cancelled"];

/// Runs that may go, oldest first.
pub(crate) fn finished(
    status: &str,
    before: Timestamp,
    after: Option<Finished>,
    limit: u32,
) -> (Sql, Vec<Value>) {
    let mut query =
        Assembled::new("SELECT runs.id AS id, started_at, changed_at FROM runs WHERE 1 = 1");
    query.clause_with(" AND runs.status = ?", [Value::from(status)]);
    query.clause_with(MAY_GO, [Value::from(before), Value::from(before)]);
    if let Some(after) = after {
        let place = [Value::from(after.started_at), Value::word(after.run)];
        query.clause_with(" AND (runs.started_at, runs.id) > (?, ?)", place);
    }
    query.clause_with(" ORDER BY runs.started_at, runs.id LIMIT +?", [Value::from(limit)]);
    query.build()
}

pub(crate) fn archive_of(row: &Row) -> Result<Archive, StoreError> {
    Ok(Archive {
        number: row.int("number")?,
        name: row.text("name")?,
        kind: row.word("kind")?,
        sha256: row.text("sha256")?,
        bytes: row.int("bytes")?,
        items: row.int("items")?,
        events: row.int("events")?,
        root: hex::encode(row.get::<Vec<u8>>("root")?),
        first_at: row.at("first_at")?,
        last_at: row.at("last_at")?,
        archived_at: row.at("archived_at")?,
        pruned_at: row.maybe_at("pruned_at")?,
    })
}

#[async_trait]
impl History for Store {
    async fn due(&self, before: Timestamp) -> Result<Due, StoreError> {
        self.view(move |tx| {
            Box::pin(async move {
                let mut due = Due {
                    stream_events: export::count_stretches(tx, before, Due::MOST).await?,
                    checkpoints: i64::try_from(
                        tx.fetch(export::spent(), args![before, Due::MOST]).await?.len(),
                    )
                    .unwrap_or(i64::MAX),
                    signals: tx.count(prune::count_signals(), args![before, Due::MOST]).await?,
                    ..Due::default()
                };
                for status in OVER {
                    let mut query = Assembled::new(
                        "SELECT COUNT(*) AS n, \
                         CAST(COALESCE(SUM(ends.seq), 0) AS BIGINT) AS events, \
                         MIN(ends.started_at) AS oldest FROM (SELECT runs.started_at, heads.seq \
                         FROM runs JOIN streams heads ON heads.name = runs.id WHERE 1 = 1",
                    );
                    query.clause_with(" AND runs.status = ?", [Value::from(status)]);
                    query.clause_with(MAY_GO, [Value::from(before), Value::from(before)]);
                    query.clause_with(
                        " ORDER BY runs.started_at, runs.id LIMIT +?) AS ends",
                        [Value::from(Due::MOST)],
                    );
                    let (sql, args) = query.build();
                    if let Some(row) = tx.one(sql, args).await? {
                        due.runs += row.int("n")?;
                        due.run_events += row.int("events")?;
                        let oldest = row.maybe_at("oldest")?;
                        due.oldest = [due.oldest, oldest].into_iter().flatten().min();
                    }
                }
                due.runs = due.runs.min(Due::MOST);
                Ok(due)
            })
        })
        .await
    }

    async fn finished(
        &self,
        before: Timestamp,
        after: Option<Finished>,
        limit: u32,
    ) -> Result<Vec<Finished>, StoreError> {
        self.view(move |tx| {
            Box::pin(async move {
                let mut found = Vec::new();
                for status in OVER {
                    let (sql, args) = finished(status, before, after, limit);
                    for row in tx.fetch(sql, args).await? {
                        found.push(Finished {
                            run: row.word("id")?,
                            started_at: row.at("started_at")?,
                            ended_at: row.at("changed_at")?,
                        });
                    }
                }
                found.sort_by_key(|one| (one.started_at, one.run));
                found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                Ok(found)
            })
        })
        .await
    }

    async fn export(&self, runs: &[RunId]) -> Result<Vec<Exported>, StoreError> {
        let runs = runs.to_vec();
        self.view(move |tx| Box::pin(async move { export::export(tx, &runs).await })).await
    }

    async fn stretches(&self, before: Timestamp, limit: u32) -> Result<Vec<Stretch>, StoreError> {
        self.view(move |tx| Box::pin(export::stretches(tx, before, limit))).await
    }

    async fn spent_checkpoints(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Checkpoint>, StoreError> {
        self.view(move |tx| Box::pin(export::spent_checkpoints(tx, before, limit))).await
    }

    async fn record_archive(
        &self,
        archive: NewArchive,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let by = by.clone();
        self.write(move |tx| Box::pin(prune::record(tx, archive, by, now))).await
    }

    async fn prune(&self, archive: i64, limit: u32, now: Timestamp) -> Result<Pruned, StoreError> {
        self.write_whole(move |tx| Box::pin(prune::prune(tx, archive, limit, now))).await
    }

    async fn unpruned(&self) -> Result<Vec<Archive>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT number, name, kind, sha256, bytes, items, events, root, first_at, "
                        "last_at, archived_at, pruned_at FROM archives WHERE pruned_at IS NULL "
                        "ORDER BY number"),
                    args![],
                )
                .await?
                .iter()
                .map(archive_of)
                .collect()
            })
        })
        .await
    }

    async fn forget_signals(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.write(move |tx| Box::pin(prune::forget_signals(tx, before, limit))).await
    }

    async fn forget_usage(&self, before: Date, limit: u32) -> Result<u64, StoreError> {
        self.write(move |tx| Box::pin(prune::forget_usage(tx, before, limit))).await
    }

    async fn forget_secrets(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.write(move |tx| Box::pin(prune::forget_secrets(tx, now))).await
    }
}
