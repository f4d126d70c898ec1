//! Reading and checkpointing the audit trail.

use async_trait::async_trait;
use domain::{
    archive::{Archive, Archived},
    chain,
    event::StoredEvent,
    port::{Checkpoint, Ledger, StoreError, StreamHead},
};
use jiff::Timestamp;

use crate::{
    connection::Tx,
    fault::of_sqlx,
    history,
    open::Store,
    row::Row,
    sql::{Value, args, sql},
};

pub(crate) fn event(row: &Row) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        stream: row.text("stream")?,
        seq: row.int("seq")?,
        at: row.int("at")?,
        actor: row.text("actor")?,
        data: row.text("data")?,
        prev: row.get("prev")?,
        hash: row.get("hash")?,
    })
}

pub(crate) fn head(row: &Row) -> Result<StreamHead, StoreError> {
    Ok(StreamHead { stream: row.text("stream")?, seq: row.int("seq")?, hash: row.get("hash")? })
}

#[async_trait]
impl Ledger for Store {
    async fn ready(&self) -> Result<(), StoreError> {
        self.ping().await
    }

    async fn events(
        &self,
        stream: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let args = args![stream, after, limit];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT stream, seq, at, actor, data, prev, hash FROM events "
                        "WHERE stream = $1 AND seq > $2 ORDER BY seq LIMIT $3"),
                    args,
                )
                .await?
                .iter()
                .map(event)
                .collect()
            })
        })
        .await
    }

    async fn heads(&self, after: &str, limit: u32) -> Result<Vec<StreamHead>, StoreError> {
        let args = args![after, limit];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT name AS stream, seq, hash FROM streams "
                        "WHERE name > $1 ORDER BY name LIMIT $2"),
                    args,
                )
                .await?
                .iter()
                .map(head)
                .collect()
            })
        })
        .await
    }

    async fn checkpoint(&self, now: Timestamp) -> Result<Option<i64>, StoreError> {
        self.write(move |tx| Box::pin(checkpoint(tx, now))).await
    }

    async fn checkpoint_at(&self, number: i64) -> Result<Option<Checkpoint>, StoreError> {
        self.view(move |tx| Box::pin(checkpoint_of(tx, number))).await
    }

    async fn recent(&self, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        let args = args![limit];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT stream, seq, at, actor, data, prev, hash FROM events "
                        "ORDER BY at DESC, stream DESC, seq DESC LIMIT $1"),
                    args,
                )
                .await?
                .iter()
                .map(event)
                .collect()
            })
        })
        .await
    }

    async fn archives(&self, after: i64, limit: u32) -> Result<Vec<Archive>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT number, name, kind, sha256, bytes, items, events, root, first_at, "
                        "last_at, archived_at, pruned_at FROM archives WHERE number > $1 "
                        "ORDER BY number LIMIT $2"),
                    args![after, limit],
                )
                .await?
                .iter()
                .map(history::archive_of)
                .collect()
            })
        })
        .await
    }

    async fn archived_in(
        &self,
        archive: i64,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Archived>, StoreError> {
        let args = args![archive, after, limit];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT stream, seq, hash, archive FROM archived "
                        "WHERE archive = $1 AND stream > $2 ORDER BY stream LIMIT $3"),
                    args,
                )
                .await?
                .iter()
                .map(archived)
                .collect()
            })
        })
        .await
    }

    async fn archived_of(&self, streams: &[&str]) -> Result<Vec<Archived>, StoreError> {
        let args = vec![Value::json(&streams)];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT stream, seq, hash, archive FROM archived WHERE stream"
                        {among "$1"} "ORDER BY stream, seq"),
                    args,
                )
                .await?
                .iter()
                .map(archived)
                .collect()
            })
        })
        .await
    }

    async fn checkpoints_in(&self, archive: i64) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT number, hash FROM checkpoints WHERE archive = $1 ORDER BY number"),
                    args![archive],
                )
                .await?
                .iter()
                .map(|row| Ok((row.int("number")?, row.get("hash")?)))
                .collect()
            })
        })
        .await
    }
}

fn archived(row: &Row) -> Result<Archived, StoreError> {
    Ok(Archived { head: head(row)?, archive: row.int("archive")? })
}

/// A checkpoint with those of its heads that are here.
pub(crate) async fn checkpoint_of(
    tx: &mut Tx,
    number: i64,
) -> Result<Option<Checkpoint>, StoreError> {
    let Some(row) = tx
        .one(
            sql!("SELECT at, root, prev, hash, archive FROM checkpoints WHERE number = $1"),
            args![number],
        )
        .await?
    else {
        return Ok(None);
    };
    let heads = tx
        .fetch(
            sql!("SELECT stream, seq, hash FROM checkpoint_heads "
                "WHERE number = $1 ORDER BY stream"),
            args![number],
        )
        .await?
        .iter()
        .map(head)
        .collect::<Result<_, _>>()?;
    Ok(Some(Checkpoint {
        number,
        at: row.int("at")?,
        heads,
        root: row.get("root")?,
        prev: row.get("prev")?,
        hash: row.get("hash")?,
        archive: row.get("archive")?,
    }))
}

async fn checkpoint(tx: &mut Tx, now: Timestamp) -> Result<Option<i64>, StoreError> {
    if tx.is_postgres() {
        // Checkpoints are chained: one at a time.
        tx.raw("", "SELECT pg_advisory_xact_lock(7014002)").await.map_err(of_sqlx)?;
    }
    let heads = tx
        .fetch(
            sql!("SELECT name AS stream, seq, hash FROM streams WHERE covered < seq ORDER BY name"
                {lock}),
            args![],
        )
        .await?
        .iter()
        .map(head)
        .collect::<Result<Vec<_>, _>>()?;
    if heads.is_empty() {
        return Ok(None);
    }
    let last = tx
        .one(sql!("SELECT number, hash FROM checkpoints ORDER BY number DESC LIMIT 1"), args![])
        .await?;
    let (number, prev) = match last {
        Some(row) => (row.int("number")? + 1, row.get("hash")?),
        None => (1, chain::GENESIS.to_vec()),
    };
    let at = now.as_microsecond();
    let root = chain::root(heads.iter().map(|head| (head.stream.as_str(), head.seq, &*head.hash)))
        .to_vec();
    let hash = chain::checkpoint(&prev, number, at, &root).to_vec();
    tx.execute(
        sql!("INSERT INTO checkpoints (number, at, root, prev, hash) VALUES ($1, $2, $3, $4, $5)"),
        args![number, at, root, prev, hash],
    )
    .await?;
    let rows: Vec<_> = heads
        .iter()
        .map(|head| {
            serde_json::json!({
                "stream": head.stream, "seq": head.seq, "hash": hex::encode(&head.hash),
            })
        })
        .collect();
    let rows = Value::json(&rows);
    tx.execute(
        sql!("INSERT INTO checkpoint_heads (number, stream, seq, hash) "
            "SELECT $2, r.stream, r.seq, r.hash FROM "
            {rows "$1" (stream TEXT, seq BIGINT, hash BYTES)}),
        vec![rows.clone(), Value::from(number)],
    )
    .await?;
    tx.execute(
        sql!("UPDATE streams SET covered = r.seq FROM "
            {rows "$1" (stream TEXT, seq BIGINT)} "WHERE streams.name = r.stream"),
        vec![rows],
    )
    .await?;
    Ok(Some(number))
}
