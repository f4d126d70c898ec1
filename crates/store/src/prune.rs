//! Noting an archive file, deleting what it holds, and forgetting what nobody needs any longer.

use domain::{
    archive::{Archive, ArchiveKind, Holds, NewArchive, Pruned, Recorded},
    event::{Event, NewEvent, Stream},
    port::{StoreError, StreamHead},
    user::Actor,
};
use jiff::{Timestamp, civil::Date};
use serde_json::json;

use crate::{
    connection::Tx,
    fault::of_sqlx,
    history, lock,
    sql::{Sql, Value, args, sql},
    trail,
};

/// Heads of checkpoints deleted in one statement, at most.
const HEADS: i64 = 5_000;

/// Notes a file, with its event, if everything it holds is still exactly as in the file.
pub(crate) async fn record(
    tx: &mut Tx,
    new: NewArchive,
    by: Actor,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    tx.raw("", lock::ARCHIVE).await.map_err(of_sqlx)?;
    let unchanged = match &new.holds {
        Holds::Runs(heads) => unchanged_runs(tx, heads).await?,
        Holds::Streams(ends) => unchanged_streams(tx, ends).await?,
        Holds::Checkpoints(checkpoints) => unchanged_checkpoints(tx, checkpoints).await?,
    };
    if !unchanged {
        return Ok(Recorded::Moved);
    }
    let number =
        tx.count(sql!("SELECT COALESCE(MAX(number), 0) + 1 AS n FROM archives"), args![]).await?;
    let root = new.holds.root();
    let items = i64::try_from(new.holds.len()).unwrap_or(i64::MAX);
    let archive = Archive {
        number,
        name: new.name,
        kind: new.holds.kind(),
        sha256: new.sha256,
        bytes: new.bytes,
        items,
        events: new.events,
        root: hex::encode(root),
        first_at: new.first_at,
        last_at: new.last_at,
        archived_at: now,
        pruned_at: None,
    };
    tx.execute(
        sql!("INSERT INTO archives (number, name, kind, sha256, bytes, items, events, root, "
            "first_at, last_at, archived_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"),
        vec![
            Value::from(number),
            Value::from(archive.name.as_str()),
            Value::word(archive.kind),
            Value::from(archive.sha256.as_str()),
            Value::from(archive.bytes),
            Value::from(items),
            Value::from(archive.events),
            Value::from(root.to_vec()),
            Value::from(archive.first_at),
            Value::from(archive.last_at),
            Value::from(now),
        ],
    )
    .await?;
    match &new.holds {
        Holds::Runs(heads) | Holds::Streams(heads) => {
            tx.execute(
                sql!("INSERT INTO archived (stream, seq, hash, archive) "
                    "SELECT r.stream, r.seq, r.hash, $2 FROM "
                    {rows "$1" (stream TEXT, seq BIGINT, hash BYTES)}),
                vec![ends(heads), Value::from(number)],
            )
            .await?;
        }
        Holds::Checkpoints(checkpoints) => {
            let numbers: Vec<_> = checkpoints.iter().map(|(n, _)| json!({ "n": n })).collect();
            tx.execute(
                sql!("UPDATE checkpoints SET archive = $2 WHERE number IN (SELECT r.n FROM "
                    {rows "$1" (n BIGINT)} ")"),
                vec![Value::json(&numbers), Value::from(number)],
            )
            .await?;
        }
    }
    let event = Event::HistoryArchived {
        file: archive.name.clone(),
        kind: archive.kind,
        sha256: archive.sha256.clone(),
        items,
        events: archive.events,
        root: archive.root.clone(),
    };
    trail::append(tx, &[NewEvent { stream: Stream::History, at: now, actor: by, event }]).await?;
    Ok(Recorded::Kept(archive))
}

fn ends(heads: &[StreamHead]) -> Value {
    let rows: Vec<_> = heads
        .iter()
        .map(|head| {
            json!({ "stream": head.stream, "seq": head.seq, "hash": hex::encode(&head.hash) })
        })
        .collect();
    Value::rows(rows)
}

fn same(count: i64, expected: usize) -> bool {
    usize::try_from(count).is_ok_and(|count| count == expected)
}

/// Whether each run is over and its stream ends where the file says it does. The runs are locked,
/// so that this stays so until the file is noted.
async fn unchanged_runs(tx: &mut Tx, heads: &[StreamHead]) -> Result<bool, StoreError> {
    let names: Vec<&str> = heads.iter().map(|head| head.stream.as_str()).collect();
    let over = tx
        .fetch(
            sql!("SELECT id FROM runs WHERE id" {among "$1"}
                "AND status || '' IN ('completed', 'cancelled') ORDER BY id" {lock}),
            vec![Value::json(&names)],
        )
        .await?;
    let ending = tx
        .count(
            sql!("SELECT COUNT(*) AS n FROM " {rows "$1" (stream TEXT, seq BIGINT, hash BYTES)}
                "JOIN streams ON streams.name = r.stream AND streams.seq = r.seq "
                "AND streams.hash = r.hash WHERE NOT EXISTS (SELECT 1 FROM archived "
                "WHERE archived.stream = r.stream AND archived.seq >= r.seq)"),
            vec![ends(heads)],
        )
        .await?;
    Ok(over.len() == heads.len() && same(ending, heads.len()))
}

/// Whether each stretch ends with an event that is here, and no file has it yet.
async fn unchanged_streams(tx: &mut Tx, heads: &[StreamHead]) -> Result<bool, StoreError> {
    let here = tx
        .count(
            sql!("SELECT COUNT(*) AS n FROM " {rows "$1" (stream TEXT, seq BIGINT, hash BYTES)}
                "JOIN events ON events.stream = r.stream AND events.seq = r.seq "
                "AND events.hash = r.hash WHERE NOT EXISTS (SELECT 1 FROM archived "
                "WHERE archived.stream = r.stream AND archived.seq >= r.seq)"),
            vec![ends(heads)],
        )
        .await?;
    Ok(same(here, heads.len()))
}

async fn unchanged_checkpoints(
    tx: &mut Tx,
    checkpoints: &[(i64, Vec<u8>)],
) -> Result<bool, StoreError> {
    let rows: Vec<_> = checkpoints
        .iter()
        .map(|(number, hash)| json!({ "n": number, "hash": hex::encode(hash) }))
        .collect();
    let here = tx
        .count(
            sql!("SELECT COUNT(*) AS n FROM " {rows "$1" (n BIGINT, hash BYTES)}
                "JOIN checkpoints ON checkpoints.number = r.n AND checkpoints.hash = r.hash "
                "WHERE checkpoints.archive IS NULL"),
            vec![Value::rows(rows)],
        )
        .await?;
    Ok(same(here, checkpoints.len()))
}

/// Deletes a part of what an archive holds.
pub(crate) async fn prune(
    tx: &mut Tx,
    number: i64,
    limit: u32,
    now: Timestamp,
) -> Result<Pruned, StoreError> {
    let Some(row) = tx
        .one(
            sql!("SELECT number, name, kind, sha256, bytes, items, events, root, first_at, "
                "last_at, archived_at, pruned_at FROM archives WHERE number = $1" {lock}),
            args![number],
        )
        .await?
    else {
        return Ok(Pruned { items: 0, done: true });
    };
    let archive = history::archive_of(&row)?;
    if archive.pruned_at.is_some() {
        return Ok(Pruned { items: 0, done: true });
    }
    let counted = |items| Pruned { items, done: items == 0 };
    let pruned = match archive.kind {
        ArchiveKind::Runs => prune_runs(tx, number, limit).await?,
        ArchiveKind::Streams => counted(prune_streams(tx, number, limit).await?),
        ArchiveKind::Checkpoints => counted(prune_checkpoints(tx, number, limit).await?),
    };
    if pruned.done {
        tx.execute(
            sql!("UPDATE archives SET pruned_at = $2 WHERE number = $1"),
            args![number, now],
        )
        .await?;
    }
    Ok(pruned)
}

/// The ids a statement answers with.
async fn texts(tx: &mut Tx, sql: Sql, args: Vec<Value>) -> Result<Vec<String>, StoreError> {
    tx.fetch(sql, args).await?.iter().map(|row| row.text("id")).collect()
}

/// Deletes runs, children first. One that went on after it was archived stays whole.
async fn prune_runs(tx: &mut Tx, archive: i64, limit: u32) -> Result<Pruned, StoreError> {
    let candidates = texts(
        tx,
        sql!("SELECT archived.stream AS id FROM archived JOIN runs ON runs.id = archived.stream "
            "WHERE archived.archive = $1 AND runs.status || '' IN ('completed', 'cancelled') "
            "AND EXISTS (SELECT 1 FROM streams WHERE streams.name = archived.stream "
            "AND streams.seq = archived.seq AND streams.hash = archived.hash) "
            "ORDER BY archived.stream LIMIT +$2"),
        args![archive, limit],
    )
    .await?;
    if candidates.is_empty() {
        return Ok(Pruned { items: 0, done: true });
    }
    // Runs are locked before anything else of theirs; then looked at once more.
    let locked = texts(
        tx,
        sql!("SELECT id FROM runs WHERE id" {among "$1"}
            "AND status || '' IN ('completed', 'cancelled') ORDER BY id" {lock}),
        vec![Value::json(&candidates)],
    )
    .await?;
    let runs = texts(
        tx,
        sql!("SELECT streams.name AS id FROM archived "
            "JOIN streams ON streams.name = archived.stream AND streams.seq = archived.seq "
            "AND streams.hash = archived.hash WHERE archived.archive = $2 AND archived.stream"
            {among "$1"} "ORDER BY streams.name"),
        vec![Value::json(&locked), Value::from(archive)],
    )
    .await?;
    if runs.is_empty() {
        return Ok(Pruned { items: 0, done: false });
    }
    let ids = || vec![Value::json(&runs)];
    let contents = texts(
        tx,
        sql!("SELECT versions.content AS id FROM approvals "
            "JOIN versions ON versions.approval = approvals.id WHERE approvals.run" {among "$1"}),
        ids(),
    )
    .await?;
    tx.execute(sql!("DELETE FROM messages WHERE run" {among "$1"}), ids()).await?;
    tx.execute(
        sql!("DELETE FROM versions WHERE approval IN (SELECT id FROM approvals WHERE run"
            {among "$1"} ")"),
        ids(),
    )
    .await?;
    tx.execute(sql!("DELETE FROM approvals WHERE run" {among "$1"}), ids()).await?;
    tx.execute(sql!("DELETE FROM tasks WHERE run" {among "$1"}), ids()).await?;
    tx.execute(sql!("DELETE FROM contents WHERE id" {among "$1"}), vec![Value::json(&contents)])
        .await?;
    tx.execute(sql!("DELETE FROM pseudonyms WHERE run" {among "$1"}), ids()).await?;
    tx.execute(sql!("DELETE FROM events WHERE stream" {among "$1"}), ids()).await?;
    let items = tx.execute(sql!("DELETE FROM runs WHERE id" {among "$1"}), ids()).await?;
    Ok(Pruned { items, done: false })
}

async fn prune_streams(tx: &mut Tx, archive: i64, limit: u32) -> Result<u64, StoreError> {
    let stretches = tx
        .fetch(
            sql!("SELECT archived.stream AS stream, archived.seq AS seq FROM archived "
                "WHERE archive = $1 AND EXISTS (SELECT 1 FROM events "
                "WHERE events.stream = archived.stream AND events.seq <= archived.seq) "
                "ORDER BY archived.stream LIMIT +$2"),
            args![archive, limit],
        )
        .await?;
    for stretch in &stretches {
        tx.execute(
            sql!("DELETE FROM events WHERE stream = $1 AND seq <= $2"),
            args![stretch.text("stream")?, stretch.int("seq")?],
        )
        .await?;
    }
    Ok(u64::try_from(stretches.len()).unwrap_or(u64::MAX))
}

async fn prune_checkpoints(tx: &mut Tx, archive: i64, limit: u32) -> Result<u64, StoreError> {
    let checkpoints = tx
        .fetch(
            sql!("SELECT number FROM checkpoints WHERE archive = $1 AND EXISTS (SELECT 1 "
                "FROM checkpoint_heads WHERE checkpoint_heads.number = checkpoints.number) "
                "ORDER BY number LIMIT +$2"),
            args![archive, limit],
        )
        .await?;
    for checkpoint in &checkpoints {
        tx.execute(
            sql!("DELETE FROM checkpoint_heads WHERE number = $1 AND stream IN (SELECT stream "
                "FROM checkpoint_heads WHERE number = $1 ORDER BY stream LIMIT +$2)"),
            args![checkpoint.int("number")?, HEADS],
        )
        .await?;
    }
    Ok(u64::try_from(checkpoints.len()).unwrap_or(u64::MAX))
}

/// How many signals may be forgotten: `$1` before, `$2` counted at most.
pub(crate) fn count_signals() -> Sql {
    sql!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM signals WHERE triggered = 1 AND received_at < $1 "
        "AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.account = signals.account "
        "AND runs.started_at <= signals.received_at AND (runs.changed_at >= signals.received_at "
        "OR runs.status || '' NOT IN ('completed', 'cancelled'))) LIMIT +$2) AS counted")
}

/// Signals that may be forgotten: `$1` before, `$2` the first id of that time, `$3` how many. Ids
/// grow with time, so their index finds the oldest.
pub(crate) fn forgettable() -> Sql {
    sql!("SELECT id FROM signals WHERE id < $2 AND triggered = 1 AND received_at < $1 "
        "AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.account = signals.account "
        "AND runs.started_at <= signals.received_at AND (runs.changed_at >= signals.received_at "
        "OR runs.status || '' NOT IN ('completed', 'cancelled'))) ORDER BY id LIMIT +$3")
}

pub(crate) async fn forget_signals(
    tx: &mut Tx,
    before: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    // An id begins with its time in 48 bits; one more millisecond is the end of this one.
    let millis = u64::try_from(before.as_millisecond()).unwrap_or(0) + 1;
    let first = format!("sig_{millis:012x}{:020}", 0);
    let args = vec![Value::from(before), Value::from(first), Value::from(limit)];
    let ids = texts(tx, forgettable(), args).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    tx.execute(sql!("DELETE FROM signals WHERE id" {among "$1"}), vec![Value::json(&ids)]).await
}

pub(crate) async fn forget_usage(tx: &mut Tx, before: Date, limit: u32) -> Result<u64, StoreError> {
    let accounts = texts(
        tx,
        sql!("SELECT id FROM accounts WHERE EXISTS (SELECT 1 FROM usage_days "
            "WHERE usage_days.account = accounts.id AND day < $1) ORDER BY id LIMIT +$2"),
        args![before, limit],
    )
    .await?;
    if accounts.is_empty() {
        return Ok(0);
    }
    tx.execute(
        sql!("DELETE FROM usage_days WHERE account" {among "$1"} "AND day < $2"),
        vec![Value::json(&accounts), Value::from(before)],
    )
    .await
}

pub(crate) async fn forget_secrets(tx: &mut Tx, now: Timestamp) -> Result<u64, StoreError> {
    tx.execute(sql!("DELETE FROM secrets WHERE expires_at <= $1"), args![now]).await
}
