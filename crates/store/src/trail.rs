//! Appending to the audit trail inside a unit of work.

use std::collections::BTreeMap;

use domain::{chain, event::NewEvent, id::RunId, port::StoreError};
use serde::Serialize;

use crate::{
    batch::{Field, Fields, in_hex},
    connection::Tx,
    fault::unreadable,
    sql::{Value, sql},
};

/// An event in its place.
#[derive(Debug, Serialize)]
struct Link {
    stream: String,
    seq: i64,
    at: i64,
    actor: String,
    data: String,
    #[serde(serialize_with = "in_hex")]
    prev: Vec<u8>,
    #[serde(serialize_with = "in_hex")]
    hash: Vec<u8>,
}

impl Fields for Link {
    fn field(&self, name: &str) -> Field<'_> {
        match name {
            "stream" => Field::of(&self.stream),
            "seq" => Field::Int(self.seq),
            "at" => Field::Int(self.at),
            "actor" => Field::of(&self.actor),
            "data" => Field::of(&self.data),
            "prev" => Field::Bytes(&self.prev),
            "hash" => Field::Bytes(&self.hash),
            _ => Field::Null,
        }
    }
}

/// Where a stream ends.
#[derive(Debug, Serialize)]
struct Head {
    name: String,
    seq: i64,
    #[serde(serialize_with = "in_hex")]
    hash: Vec<u8>,
}

impl Fields for Head {
    fn field(&self, name: &str) -> Field<'_> {
        match name {
            "name" => Field::of(&self.name),
            "seq" => Field::Int(self.seq),
            "hash" => Field::Bytes(&self.hash),
            _ => Field::Null,
        }
    }
}

/// Appends events to their streams, in the order given within each stream. Streams are locked in
/// the order of their names, and last in every unit of work, so that no two wait for each other.
pub(crate) async fn append(tx: &mut Tx, events: &[NewEvent]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut streams: BTreeMap<String, Vec<&NewEvent>> = BTreeMap::new();
    for event in events {
        streams.entry(event.stream.to_string()).or_default().push(event);
    }
    let names: Vec<&str> = streams.keys().map(String::as_str).collect();
    let mut heads = heads(tx, &names).await?;
    let (runs, shared): (Vec<&str>, Vec<&str>) = names
        .iter()
        .copied()
        .filter(|name| !heads.contains_key(*name))
        .partition(|name| name.parse::<RunId>().is_ok());
    // Nobody else can be about to begin the stream of a run: whoever writes of it has its row.
    heads.extend(runs.into_iter().map(|name| (name.to_owned(), (0, chain::GENESIS.to_vec()))));
    if !shared.is_empty() {
        begin_streams(tx, &shared).await?;
        heads.append(&mut self::heads(tx, &shared).await?);
    }

    let mut links = Vec::with_capacity(events.len());
    let mut ends = Vec::with_capacity(streams.len());
    for (stream, events) in &streams {
        let (mut seq, mut hash) =
            heads.remove(stream).ok_or_else(|| unreadable("stream", "it vanished"))?;
        for event in events {
            seq += 1;
            let at = event.at.as_microsecond();
            let actor = text(&event.actor)?;
            let data = text(&event.event)?;
            let next = chain::link(&hash, stream, seq, at, &actor, &data).to_vec();
            let prev = std::mem::replace(&mut hash, next);
            let (stream, hash) = (stream.clone(), hash.clone());
            links.push(Link { stream, seq, at, actor, data, prev, hash });
        }
        ends.push(Head { name: stream.clone(), seq, hash });
    }
    tx.execute(
        sql!("INSERT INTO streams (name, seq, hash, covered) "
            "SELECT r.name, r.seq, r.hash, 0 FROM " {rows "$1" (name TEXT, seq BIGINT, hash BYTES)}
            "WHERE true ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, hash = excluded.hash"),
        vec![Value::rows(ends)],
    )
    .await?;
    tx.execute(
        sql!("INSERT INTO events (stream, seq, at, actor, data, prev, hash) "
        "SELECT r.stream, r.seq, r.at, r.actor, r.data, r.prev, r.hash FROM "
        {rows "$1" (
            stream TEXT, seq BIGINT, at BIGINT, actor TEXT, data TEXT, prev BYTES, hash BYTES
        )}),
        vec![Value::rows(links)],
    )
    .await?;
    Ok(())
}

fn text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unreadable("event", error))
}

/// Number and hash of the last event of each stream there is, locked.
async fn heads(
    tx: &mut Tx,
    names: &[&str],
) -> Result<BTreeMap<String, (i64, Vec<u8>)>, StoreError> {
    tx.fetch(
        sql!("SELECT name, seq, hash FROM streams WHERE name" {among "$1"} "ORDER BY name" {lock}),
        vec![Value::json(&names)],
    )
    .await?
    .into_iter()
    .map(|row| Ok((row.text("name")?, (row.int("seq")?, row.get("hash")?))))
    .collect()
}

async fn begin_streams(tx: &mut Tx, names: &[&str]) -> Result<(), StoreError> {
    let begin =
        |name: &&str| Head { name: (*name).to_owned(), seq: 0, hash: chain::GENESIS.to_vec() };
    let heads: Vec<_> = names.iter().map(begin).collect();
    tx.execute(
        sql!("INSERT INTO streams (name, seq, hash, covered) "
            "SELECT r.name, r.seq, r.hash, 0 FROM " {rows "$1" (name TEXT, seq BIGINT, hash BYTES)}
            "WHERE true ORDER BY r.name ON CONFLICT (name) DO NOTHING"),
        vec![Value::rows(heads)],
    )
    .await?;
    Ok(())
}
