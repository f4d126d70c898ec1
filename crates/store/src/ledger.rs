//! Reading and checkpointing the audit trail.

use std::time::Instant;

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
    history, lock,
    open::Store,
    row::Row,
    sql::{Value, args, sql},
};

/// Heads one checkpoint covers at most. Turns wait meanwhile for SQLite's only writer, or for the
/// rows of these streams: 2,000 are covered in some 20 to 50 ms.
const HEADS: i64 = 2_000;

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
                        "WHERE stream = $1 AND seq > $2 ORDER BY seq LIMIT +$3"),
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
                        "WHERE name > $1 ORDER BY name LIMIT +$2"),
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
        // What changes from here on is for the next time: this one comes to an end.
        let Some(last) = self.read(|tx| Box::pin(last_uncovered(tx))).await? else {
            return Ok(None);
        };
        let (mut after, mut number) = (String::new(), None);
        loop {
            let begun = Instant::now();
            let (from, to) = (after, last.clone());
            let part = self.write(move |tx| Box::pin(cover(tx, from, to, now))).await?;
            let Some(part) = part else { return Ok(number) };
            number = Some(part.number);
            if part.end >= last {
                return Ok(number);
            }
            after = part.end;
            // Others have the writer for as long as this had it.
            tokio::time::sleep(begun.elapsed()).await;
        }
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
                        "ORDER BY at DESC, stream DESC, seq DESC LIMIT +$1"),
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
                        "ORDER BY number LIMIT +$2"),
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
                        "WHERE archive = $1 AND stream > $2 ORDER BY stream LIMIT +$3"),
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

/// The last stream, by name, that has events no checkpoint covers.
async fn last_uncovered(tx: &mut Tx) -> Result<Option<String>, StoreError> {
    tx.one(sql!("SELECT name FROM streams WHERE covered < seq ORDER BY name DESC LIMIT 1"), args![])
        .await?
        .map(|row| row.text("name"))
        .transpose()
}

/// What one checkpoint covers.
struct Part {
    number: i64,
    /// The last of its streams, by name.
    end: String,
}

/// Takes a checkpoint of the first streams after one, up to another, that have events none covers.
async fn cover(
    tx: &mut Tx,
    after: String,
    until: String,
    now: Timestamp,
) -> Result<Option<Part>, StoreError> {
    // Checkpoints are chained: one at a time.
    tx.raw("", lock::CHECKPOINT).await.map_err(of_sqlx)?;
    let heads = tx
        .fetch(
            sql!("SELECT name AS stream, seq, hash FROM streams "
                "WHERE covered < seq AND name > $1 AND name <= $2 ORDER BY name LIMIT +$3" {lock}),
            args![after, until, HEADS],
        )
        .await?
        .iter()
        .map(head)
        .collect::<Result<Vec<_>, _>>()?;
    let Some(end) = heads.last().map(|head| head.stream.clone()) else { return Ok(None) };
    let last = tx
        .one(
            sql!("SELECT number, hash FROM checkpoints "
                "WHERE number = (SELECT MAX(number) FROM checkpoints)"),
            args![],
        )
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
    let rows = Value::rows(rows);
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
    Ok(Some(Part { number, end }))
}
