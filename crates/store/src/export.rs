//! Reading what is over, whole: runs with everything of theirs, stretches of streams, checkpoints.

use std::collections::BTreeMap;

use domain::{
    archive::{Exported, Stretch},
    content::Sealed,
    event::StoredEvent,
    id::{ContactId, RunId},
    port::{Checkpoint, StoreError, StreamHead},
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::{
    connection::Tx,
    fault::unreadable,
    ledger,
    row::Row,
    sql::{Sql, Value, args, sql},
};

/// Streams that grow with use and never end. The others say what was in force and stay.
const GROWING: [&str; 3] = ["import", "signal", "user"];

/// A table whose rows belong to runs, or which runs refer to.
struct Part {
    table: &'static str,
    /// Rows of the runs `$1`, with all their columns, and `of_run`: whose run each is.
    rows: fn() -> Sql,
    /// Columns that hold ids, times, numbers and words of ours, and nothing a person wrote.
    outline: &'static [&'static str],
}

/// All columns whatever they are, so that none is forgotten that a later schema step adds. What
/// PostgreSQL prepared for `*` would not survive such a step; one JSON column does.
macro_rules! whole {
    ($table:literal, $of:literal, $($rest:literal),+) => {
        || Sql::pair(
            concat!("SELECT ", $of, " AS of_run, ", $table, ".* FROM ", $($rest),+,
                " IN (SELECT value FROM json_each($1)) ORDER BY ", $table, ".id"),
            concat!("SELECT ", $of, " AS of_run, to_jsonb(", $table, ".*)::text AS whole FROM ",
                $($rest),+, " = ANY($1[]) ORDER BY ", $table, ".id"),
        )
    };
}

/// Every part but events and contents, which have shapes of their own.
const PARTS: [Part; 6] = [
    Part {
        table: "runs",
        rows: whole!("runs", "runs.id", "runs WHERE runs.id"),
        outline: &[
            "id",
            "playbook",
            "version",
            "account",
            "status",
            "step",
            "started_at",
            "changed_at",
        ],
    },
    Part {
        table: "approvals",
        rows: whole!("approvals", "approvals.run", "approvals WHERE approvals.run"),
        outline: &[
            "id",
            "step",
            "contact",
            "action",
            "risk_order",
            "assignee",
            "queued_at",
            "due_at",
            "status",
            "revision",
        ],
    },
    Part {
        table: "versions",
        rows: || {
            Sql::pair(
                "SELECT approvals.run AS of_run, versions.* FROM approvals \
                 JOIN versions ON versions.approval = approvals.id WHERE approvals.run \
                 IN (SELECT value FROM json_each($1)) ORDER BY versions.approval, versions.number",
                "SELECT approvals.run AS of_run, to_jsonb(versions.*)::text AS whole FROM approvals \
                 JOIN versions ON versions.approval = approvals.id WHERE approvals.run \
                 = ANY($1[]) \
                 ORDER BY versions.approval, versions.number",
            )
        },
        outline: &["approval", "number", "content"],
    },
    Part {
        table: "messages",
        rows: whole!("messages", "messages.run", "messages WHERE messages.run"),
        outline: &[
            "id",
            "approval",
            "step",
            "contact",
            "content",
            "binding",
            "status",
            "attempts",
            "queued_at",
            "settled_at",
        ],
    },
    Part {
        table: "tasks",
        rows: whole!("tasks", "tasks.run", "tasks WHERE tasks.run"),
        outline: &["id", "kind", "step", "team", "assignee", "created_at", "due_at", "status"],
    },
    Part {
        table: "signals",
        // While a run was going, signals of its account could reach it; which of them did, its
        // events say.
        rows: whole!(
            "signals",
            "runs.id",
            "runs JOIN signals ON signals.account = runs.account ",
            "AND signals.received_at >= runs.started_at ",
            "AND signals.received_at <= runs.changed_at ",
            "AND (signals.run IS NULL OR signals.run = runs.id) WHERE runs.id"
        ),
        outline: &["id", "source", "kind", "happened_at", "received_at"],
    },
];

/// Everything there is of these runs, in their order; those that are gone are left out.
pub(crate) async fn export(tx: &mut Tx, runs: &[RunId]) -> Result<Vec<Exported>, StoreError> {
    let ids = || vec![Value::json(&runs)];
    let mut found: BTreeMap<RunId, Exported> = BTreeMap::new();
    let heads = sql!("SELECT runs.id AS id, account, started_at, streams.seq AS seq, "
        "streams.hash AS hash FROM runs JOIN streams ON streams.name = runs.id "
        "WHERE runs.id" {among "$1"});
    for row in tx.fetch(heads, ids()).await? {
        let run: RunId = row.word("id")?;
        found.insert(
            run,
            Exported {
                run,
                account: row.word("account")?,
                started_at: row.at("started_at")?,
                head: StreamHead {
                    stream: run.to_string(),
                    seq: row.int("seq")?,
                    hash: row.get("hash")?,
                },
                events: Vec::new(),
                contents: Vec::new(),
                contacts: Vec::new(),
                outline: BTreeMap::new(),
                rows: BTreeMap::new(),
            },
        );
    }
    let events = sql!("SELECT stream, seq, at, actor, data, prev, hash FROM events "
        "WHERE stream" {among "$1"} "ORDER BY stream, seq");
    for row in tx.fetch(events, ids()).await? {
        let event = ledger::event(&row)?;
        if let Some(run) = event.stream.parse().ok().and_then(|run| found.get_mut(&run)) {
            run.events.push(event);
        }
    }
    let contents = sql!("SELECT contents.id AS id, contents.subject AS subject, "
        "contents.bytes AS bytes, approvals.run AS of_run FROM approvals "
        "JOIN versions ON versions.approval = approvals.id "
        "JOIN contents ON contents.id = versions.content WHERE approvals.run" {among "$1"}
        "ORDER BY contents.id");
    for row in tx.fetch(contents, ids()).await? {
        if let Some(run) = found.get_mut(&row.word("of_run")?) {
            let id = row.word("id")?;
            // Two versions may share a text.
            if run.contents.last().is_none_or(|last| last.id != id) {
                let (subject, bytes) = (row.word("subject")?, row.get("bytes")?);
                run.contents.push(Sealed { id, subject, bytes });
            }
        }
    }
    for part in &PARTS {
        for row in tx.fetch((part.rows)(), ids()).await? {
            if let Some(run) = found.get_mut(&row.word("of_run")?) {
                keep(run, part, row.whole()?)?;
            }
        }
    }
    Ok(runs.iter().filter_map(|run| found.remove(run)).collect())
}

fn keep(run: &mut Exported, part: &Part, mut whole: Map<String, Json>) -> Result<(), StoreError> {
    whole.remove("of_run");
    if part.table == "signals" && !consumed(run, &whole) {
        return Ok(());
    }
    if let Some(contact) = whole.get("contact").and_then(Json::as_str) {
        let contact: ContactId = contact.parse().map_err(|error| unreadable("contact", error))?;
        if !run.contacts.contains(&contact) {
            run.contacts.push(contact);
        }
    }
    let outline = whole
        .iter()
        .filter(|(column, _)| part.outline.contains(&column.as_str()))
        .map(|(column, value)| (column.clone(), value.clone()))
        .collect();
    run.outline.entry(part.table.to_owned()).or_default().push(outline);
    run.rows.entry(part.table.to_owned()).or_default().push(whole);
    Ok(())
}

/// Whether a run took this signal: it named the run, or was of a kind the run received.
fn consumed(run: &Exported, signal: &Map<String, Json>) -> bool {
    if signal.get("run").is_some_and(|of| !of.is_null()) {
        return true;
    }
    let kind = signal.get("kind").and_then(Json::as_str).unwrap_or_default();
    run.events.iter().any(|event| {
        serde_json::from_str::<Json>(&event.data)
            .is_ok_and(|event| event["event"] == "signal_received" && event["kind"] == kind)
    })
}

/// The oldest events before a time of each growing stream, as far as a checkpoint covers them.
pub(crate) async fn stretches(
    tx: &mut Tx,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Stretch>, StoreError> {
    let mut stretches = Vec::new();
    for stream in GROWING {
        let events: Vec<StoredEvent> = tx
            .fetch(
                sql!("SELECT stream, events.seq AS seq, at, actor, data, prev, events.hash AS hash "
                    "FROM events JOIN streams ON streams.name = events.stream "
                    "WHERE stream = $1 AND events.seq <= streams.covered "
                    "ORDER BY events.seq LIMIT +$2"),
                args![stream, limit],
            )
            .await?
            .iter()
            .map(ledger::event)
            .collect::<Result<_, _>>()?;
        let old: Vec<StoredEvent> =
            events.into_iter().take_while(|event| event.at < before.as_microsecond()).collect();
        if !old.is_empty() {
            stretches.push(Stretch { stream: stream.to_owned(), events: old });
        }
    }
    Ok(stretches)
}

/// How many events of growing streams are from before a time.
pub(crate) async fn count_stretches(
    tx: &mut Tx,
    before: Timestamp,
    most: i64,
) -> Result<i64, StoreError> {
    tx.count(
        sql!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM events "
            "JOIN streams ON streams.name = events.stream WHERE stream" {among "$1"}
            "AND at < $2 AND events.seq <= streams.covered LIMIT +$3) AS counted"),
        vec![Value::json(&GROWING), Value::from(before), Value::from(most)],
    )
    .await
}

/// Checkpoints whose heads nothing needs any longer: `$1` before, `$2` how many.
pub(crate) fn spent() -> Sql {
    sql!("SELECT number FROM checkpoints WHERE archive IS NULL AND at < $1 "
        "AND NOT EXISTS (SELECT 1 FROM checkpoint_heads h "
        "LEFT JOIN streams ON streams.name = h.stream WHERE h.number = checkpoints.number "
        "AND (streams.covered IS NULL OR streams.covered <= h.seq) "
        "AND NOT EXISTS (SELECT 1 FROM archived WHERE archived.stream = h.stream "
        "AND archived.seq >= h.seq)) ORDER BY number LIMIT +$2")
}

/// Those checkpoints with their heads.
pub(crate) async fn spent_checkpoints(
    tx: &mut Tx,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Checkpoint>, StoreError> {
    let mut spent_checkpoints = Vec::new();
    for row in tx.fetch(spent(), args![before, limit]).await? {
        if let Some(checkpoint) = ledger::checkpoint_of(tx, row.int("number")?).await? {
            spent_checkpoints.push(checkpoint);
        }
    }
    Ok(spent_checkpoints)
}

/// A row with every column it has, as JSON. No column of these tables holds bytes.
impl Row {
    pub(crate) fn whole(&self) -> Result<Map<String, Json>, StoreError> {
        use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};
        let row = match self {
            Self::Postgres(_) => return self.json("whole"),
            Self::Sqlite(row) => row,
        };
        let mut whole = Map::new();
        for column in row.columns() {
            let (index, name) = (column.ordinal(), column.name());
            let value = row.try_get_raw(index).map_err(|error| unreadable(name, error))?;
            let value = match value.type_info().name() {
                _ if value.is_null() => Ok(Json::Null),
                "INTEGER" => row.try_get::<i64, _>(index).map(Json::from),
                "REAL" => row.try_get::<f64, _>(index).map(Json::from),
                _ => row.try_get::<String, _>(index).map(Json::from),
            }
            .map_err(|error| unreadable(name, error))?;
            whole.insert(name.to_owned(), value);
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        history,
        inside::{open, plan},
        prune,
    };

    #[tokio::test]
    async fn no_table_of_runs_is_forgotten_and_no_column_of_an_outline_made_up() {
        let (store, _folder) = open().await;
        let (tables, columns) = store
            .read(|tx| {
                Box::pin(async move {
                    let rows = tx
                        .fetch(
                            sql!("SELECT m.name AS t, c.name AS c FROM sqlite_schema m, "
                                "pragma_table_info(m.name) c WHERE m.type = 'table'"),
                            args![],
                        )
                        .await?;
                    let mut of_runs = BTreeSet::new();
                    let mut columns = BTreeSet::new();
                    for row in rows {
                        let (table, column) = (row.text("t")?, row.text("c")?);
                        if ["run", "approval"].contains(&column.as_str()) {
                            of_runs.insert(table.clone());
                        }
                        columns.insert((table, column));
                    }
                    Ok((of_runs, columns))
                })
            })
            .await
            .unwrap();
        let known: BTreeSet<&str> = PARTS
            .iter()
            .map(|part| part.table)
            .chain(["contents", "events"])
            // What placeholders stood for is not archived: it is forgotten with the run.
            .chain(["pseudonyms"])
            .collect();
        let forgotten: Vec<_> =
            tables.iter().filter(|table| !known.contains(table.as_str())).collect();
        assert!(
            forgotten.is_empty(),
            "{forgotten:?} have rows of runs: export and prune them too (`PARTS`, `prune_runs`)"
        );
        for part in &PARTS {
            for column in part.outline {
                let place = (part.table.to_owned(), (*column).to_owned());
                assert!(columns.contains(&place), "{place:?} is not there");
            }
        }
    }

    #[tokio::test]
    async fn looking_for_what_may_go_walks_no_history() {
        let (store, _folder) = open().await;
        let none = || vec![Value::json(&[""; 0])];
        let (finished, args) = history::finished("completed", Timestamp::UNIX_EPOCH, None, 10);
        let finished = plan(&store, finished, args).await;
        assert!(finished.contains("runs_by_status (status=? AND started_at<?)"), "{finished}");
        assert!(finished.contains("runs_by_playbook"), "{finished}");
        let signals = plan(&store, prune::forgettable(), args![0_i64, "sig_", 1_i64]).await;
        assert!(signals.contains("sqlite_autoindex_signals_1 (id<?)"), "{signals}");
        assert!(signals.contains("runs_by_account"), "{signals}");
        let spent = plan(&store, spent(), args![0_i64, 1_i64]).await;
        assert!(spent.contains("checkpoints_with_heads"), "{spent}");
        for steps in [&finished, &signals, &spent] {
            assert!(!steps.contains("TEMP B-TREE") && !steps.contains("SCAN runs"), "{steps}");
        }
        for part in &PARTS {
            let steps = plan(&store, (part.rows)(), none()).await;
            assert!(!steps.contains(&format!("SCAN {}", part.table)), "{}: {steps}", part.table);
        }
    }
}
