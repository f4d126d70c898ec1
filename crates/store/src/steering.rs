//! Steering many runs: what there is, and changing it in batches.

use async_trait::async_trait;
use domain::{
    id::{MessageId, RunId},
    message::Message,
    port::{
        Backlog, Changed, KnownVersion, Move, Rewind, RunFilter, RunGroup, Steering, StoreError,
        Tally,
    },
    run::{Intervention, Run},
    user::Actor,
};
use jiff::Timestamp;

use crate::{
    message,
    open::Store,
    run,
    sql::{Assembled, Sql, Value, args, sql},
};

impl Store {
    /// Live runs that match, with the longest started first. Of one status they are read in order.
    pub(crate) fn select_longest_started(
        &self,
        filter: &RunFilter,
        after: Option<(Timestamp, RunId)>,
        limit: u32,
    ) -> Assembled {
        let mut query = Assembled::new(
            "SELECT id, playbook, version, account, cause, status, progress, wake_at, started_at, \
             changed_at FROM runs WHERE 1 = 1",
        );
        query.clause(run::LIVE);
        self.narrow_runs(&mut query, filter);
        if let Some((at, id)) = after {
            query.clause_with(" AND (started_at, id) > (?, ?)", [Value::from(at), Value::word(id)]);
        }
        query.clause_with(" ORDER BY started_at, id LIMIT +?", [Value::from(limit)]);
        query
    }

    /// Live runs that match, counted.
    pub(crate) fn select_groups(&self, filter: &RunFilter) -> Assembled {
        let mut query =
            Assembled::new("SELECT playbook, status, step, COUNT(*) AS n FROM runs WHERE 1 = 1");
        query.clause(run::LIVE);
        self.narrow_runs(&mut query, filter);
        query.clause(" GROUP BY playbook, status, step ORDER BY n DESC, playbook, status, step");
        query
    }
}

/// Due runs, counted, and when the first of them was due: `$1` now.
pub(crate) fn backlog() -> Sql {
    sql!("SELECT COUNT(*) AS n, MIN(wake_at) AS oldest FROM runs "
        "WHERE status = 'active' AND wake_at <= $1")
}

#[async_trait]
impl Steering for Store {
    async fn groups(&self, filter: &RunFilter) -> Result<Vec<RunGroup>, StoreError> {
        let (sql, args) = self.select_groups(filter).build();
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(sql, args)
                    .await?
                    .iter()
                    .map(|row| {
                        Ok(RunGroup {
                            playbook: row.text("playbook")?,
                            status: row.word("status")?,
                            step: row.text("step")?,
                            count: u64::try_from(row.int("n")?).unwrap_or(0),
                        })
                    })
                    .collect()
            })
        })
        .await
    }

    async fn longest_started(
        &self,
        filter: &RunFilter,
        after: Option<(Timestamp, RunId)>,
        limit: u32,
    ) -> Result<Vec<Run>, StoreError> {
        let (sql, args) = self.select_longest_started(filter, after, limit).build();
        self.read(move |tx| {
            Box::pin(async move { tx.fetch(sql, args).await?.iter().map(run::read).collect() })
        })
        .await
    }

    async fn intervene_all(
        &self,
        runs: &[RunId],
        filter: &RunFilter,
        what: &Intervention,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Tally, StoreError> {
        self.intervene_in_all(runs, filter.clone(), what.clone(), by.clone(), now).await
    }

    async fn migrate_runs(
        &self,
        moves: Vec<Move>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError> {
        self.relocate(moves, by.clone(), now).await
    }

    async fn rewind_all(
        &self,
        rewinds: Vec<Rewind>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError> {
        self.take_back(rewinds, by.clone(), now).await
    }

    async fn sent_by(&self, runs: &[RunId]) -> Result<Vec<(RunId, String, MessageId)>, StoreError> {
        let args = vec![Value::json(&runs)];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(sql!("SELECT run, step, id FROM messages WHERE run" {among "$1"}), args)
                    .await?
                    .iter()
                    .map(|row| Ok((row.word("run")?, row.text("step")?, row.word("id")?)))
                    .collect()
            })
        })
        .await
    }

    async fn messages_of(&self, run: RunId) -> Result<Vec<Message>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT id, approval, run, step, account, contact, content, binding, "
                        "status, attempts, next_at, note, queued_at, settled_at, token, channel "
                        "FROM messages WHERE run = $1 ORDER BY queued_at, id"),
                    vec![Value::word(run)],
                )
                .await?
                .iter()
                .map(message::read)
                .collect()
            })
        })
        .await
    }

    async fn playbooks_with(&self, beginning: &str) -> Result<Vec<String>, StoreError> {
        // Every hash that begins like this comes before it with something beyond hex behind it.
        let args = args![beginning, format!("{beginning}g")];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT DISTINCT name FROM playbooks WHERE version >= $1 AND version < $2 "
                        "ORDER BY name"),
                    args,
                )
                .await?
                .iter()
                .map(|row| row.text("name"))
                .collect()
            })
        })
        .await
    }

    async fn versions_of(&self, playbook: &str) -> Result<Vec<KnownVersion>, StoreError> {
        let args = args![playbook];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT version, active, loaded_at FROM playbooks WHERE name = $1 "
                        "ORDER BY loaded_at DESC, version"),
                    args,
                )
                .await?
                .iter()
                .map(|row| {
                    Ok(KnownVersion {
                        version: row.text("version")?,
                        active: row.flag("active")?,
                        loaded_at: row.at("loaded_at")?,
                    })
                })
                .collect()
            })
        })
        .await
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.one(backlog(), args![now]).await?.map_or_else(
                    || Ok(Backlog::default()),
                    |row| {
                        Ok(Backlog {
                            runs: u64::try_from(row.int("n")?).unwrap_or(0),
                            oldest: row.maybe_at("oldest")?,
                        })
                    },
                )
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests;
