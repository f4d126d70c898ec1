//! How much a database holds and has written: for measuring, not for working.

use domain::port::StoreError;

use crate::{
    open::Store,
    sql::{Sql, args, sql},
};

/// PostgreSQL counts the log's synchronisations elsewhere from this version on.
const STAT_IO: i64 = 180_000;

/// What a database holds and has written so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of tables and indexes. On SQLite what is still in the write-ahead log counts as if it
    /// were folded in.
    pub bytes: i64,
    /// Bytes of write-ahead log the server has written since it was made, for all its databases;
    /// none on SQLite, and where asking for it is not allowed.
    pub wal_bytes: Option<i64>,
    /// How often the server has made its log durable, for all its databases; none on SQLite, before
    /// PostgreSQL 14, and where asking for it is not allowed. Sessions report it when they end, or
    /// some seconds after they fell idle.
    pub wal_syncs: Option<i64>,
    /// The server process that answered; none on SQLite.
    pub process: Option<i64>,
}

fn bytes() -> Sql {
    Sql::pair(
        "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()",
        "SELECT pg_database_size(current_database())::BIGINT AS n",
    )
}

impl Store {
    /// Measures the database. PostgreSQL is asked for a checkpoint first, where that is allowed.
    pub async fn footprint(&self) -> Result<Footprint, StoreError> {
        if self.engine_name() == "sqlite" {
            let bytes = self.number(bytes()).await?;
            return Ok(Footprint { bytes, wal_bytes: None, wal_syncs: None, process: None });
        }
        // Not everybody may; the size is then what it is.
        let checkpoint = self.perform(sql!("CHECKPOINT")).await;
        if let Err(error) = checkpoint {
            tracing::debug!(%error, "no checkpoint");
        }
        let version = sql!("SELECT current_setting('server_version_num')::BIGINT AS n");
        let syncs = if self.number(version).await? >= STAT_IO {
            sql!("SELECT SUM(fsyncs)::BIGINT AS n FROM pg_stat_io WHERE object = 'wal'")
        } else {
            sql!("SELECT wal_sync AS n FROM pg_stat_wal")
        };
        let position = sql!("SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::BIGINT AS n");
        Ok(Footprint {
            bytes: self.number(bytes()).await?,
            wal_bytes: self.number(position).await.ok(),
            wal_syncs: self.number(syncs).await.ok(),
            process: Some(self.number(sql!("SELECT pg_backend_pid()::BIGINT AS n")).await?),
        })
    }

    /// Makes a table of no meaning, for measuring what a commit of plain rows costs.
    pub async fn make_scratch_table(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                tx.execute(
                    sql!(
                        "CREATE TABLE scratch (id BIGINT NOT NULL PRIMARY KEY, note TEXT NOT NULL)"
                    ),
                    args![],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Commits rows of 140 bytes into that table, in one statement.
    pub async fn fill_scratch_table(&self, ids: std::ops::Range<i64>) -> Result<(), StoreError> {
        let note = "x".repeat(140);
        let rows: Vec<_> = ids.map(|id| serde_json::json!({ "id": id, "note": note })).collect();
        self.write(move |tx| {
            Box::pin(async move {
                tx.execute(
                    sql!("INSERT INTO scratch (id, note) SELECT r.id, r.note FROM "
                        {rows "$1" (id BIGINT, note TEXT)}),
                    vec![crate::sql::Value::rows(rows)],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    async fn number(&self, sql: Sql) -> Result<i64, StoreError> {
        self.read(move |tx| Box::pin(async move { tx.count(sql, args![]).await })).await
    }

    async fn perform(&self, sql: Sql) -> Result<(), StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.execute(sql, args![]).await?;
                Ok(())
            })
        })
        .await
    }
}
