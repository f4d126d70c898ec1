//! Signals as stored: taken in once, looked at once by triggers, waited for by runs.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    clock::Clock,
    id::{AccountId, RunId, SignalId},
    port::{Heard, Looked, StoreError, Work},
    run::{Priority, Started},
    signal::{self, NewSignal, Signal},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::{Begin, Tx},
    fault::of_sqlx,
    open::Store,
    row::Row,
    run,
    sql::{Sql, Value, sql},
    start, trail,
};

/// The source of signals the product raises itself.
pub(crate) const OURS: &str = "playgate";

fn read(row: &Row) -> Result<Signal, StoreError> {
    Ok(Signal {
        id: row.word("id")?,
        source: row.text("source")?,
        event_id: row.text("event_id")?,
        kind: row.text("kind")?,
        account: row.word("account")?,
        at: row.at("happened_at")?,
        received_at: row.at("received_at")?,
        data: row.json("data")?,
        run: row.maybe_word("run")?,
    })
}

/// Stores the signals that are new, and wakes the runs that may wait for them.
pub(crate) async fn take(
    tx: &mut Tx,
    clock: &dyn Clock,
    signals: Vec<NewSignal>,
    now: Timestamp,
) -> Result<Vec<Signal>, StoreError> {
    if signals.is_empty() {
        return Ok(Vec::new());
    }
    let mut signals: Vec<Signal> = signals
        .into_iter()
        .map(|signal| Signal {
            id: SignalId::new(clock),
            source: signal.source,
            event_id: signal.event_id,
            kind: signal.kind,
            account: signal.account,
            at: signal.at,
            received_at: now,
            data: signal.data,
            run: signal.run,
        })
        .collect();
    // In one order for everybody, so that two who hand in the same signals do not deadlock.
    signals.sort_by(|a, b| (&a.source, &a.event_id).cmp(&(&b.source, &b.event_id)));
    let rows: Vec<_> = signals
        .iter()
        .map(|signal| {
            json!({
                "id": signal.id,
                "source": signal.source,
                "event_id": signal.event_id,
                "kind": signal.kind,
                "account": signal.account,
                "happened_at": signal.at.as_microsecond(),
                "data": signal.data.to_string(),
                "run": signal.run,
                "lane": signal::lane(&signal.kind, &signal.data),
            })
        })
        .collect();
    let new: BTreeSet<SignalId> = tx
        .fetch(
            sql!("INSERT INTO signals (id, source, event_id, kind, account, happened_at, "
                "received_at, data, run, triggered, lane) "
                "SELECT r.id, r.source, r.event_id, r.kind, r.account, r.happened_at, $2, r.data, "
                "r.run, 0, r.lane FROM "
                {rows "$1" (
                    id TEXT, source TEXT, event_id TEXT, kind TEXT, account TEXT,
                    happened_at BIGINT, data TEXT, run TEXT, lane TEXT
                )}
                "WHERE true ON CONFLICT (source, event_id) DO NOTHING RETURNING id"),
            vec![Value::rows(rows), Value::from(now)],
        )
        .await?
        .iter()
        .map(|row| row.word("id"))
        .collect::<Result<_, _>>()?;
    let signals: Vec<Signal> =
        signals.into_iter().filter(|signal| new.contains(&signal.id)).collect();
    if !signals.is_empty() {
        tx.stir(Work::Signals);
        let runs: Vec<RunId> = signals.iter().filter_map(|signal| signal.run).collect();
        let accounts: BTreeSet<AccountId> = signals
            .iter()
            .filter(|signal| signal.run.is_none())
            .map(|signal| signal.account)
            .collect();
        let accounts: Vec<_> = accounts.into_iter().collect();
        run::wake_all(tx, runs, &accounts, now).await?;
    }
    Ok(signals)
}

/// What a signal of each lane that is heard costs. What an older program stored is in none.
fn strides(heard: &[Heard]) -> Vec<serde_json::Value> {
    let shares: BTreeMap<&str, i64> = [("", Priority::Normal.shares())]
        .into_iter()
        .chain(heard.iter().map(|heard| (heard.lane.as_str(), heard.priority.shares())))
        .collect();
    let stride = |shares: i64| MOST_SHARES / shares;
    shares
        .into_iter()
        .map(|(lane, shares)| json!({ "lane": lane, "stride": stride(shares) }))
        .collect()
}

/// What one signal costs where there is one share only.
const MOST_SHARES: i64 = Priority::Urgent.shares();

/// Signals no trigger has looked at: `$1` how many, `$2` the lanes that are heard, with what one of
/// them costs.
///
/// `found` hops from one lane to the next in the index, and `due` takes from each who has waited the
/// longest, so that a look costs what it finds, however many wait. A source may make up as many
/// kinds as it likes: beyond those that are heard, 64 lanes are looked at. The others only have to
/// be marked, sooner or later.
pub(crate) fn untriggered() -> Sql {
    sql!("WITH RECURSIVE found (lane, hops) AS (\
        SELECT (SELECT MIN(signals.lane) FROM signals WHERE signals.triggered = 0), 1 \
        UNION ALL \
        SELECT (SELECT MIN(signals.lane) FROM signals WHERE signals.triggered = 0 \
        AND signals.lane > found.lane), found.hops + 1 \
        FROM found WHERE found.lane IS NOT NULL AND found.hops < 64), \
        heard AS MATERIALIZED (SELECT r.lane, r.stride FROM "
        {rows "$2" (lane TEXT, stride BIGINT)} "), \
        way AS MATERIALIZED (\
        SELECT heard.lane AS lane, heard.stride AS stride FROM heard \
        UNION ALL \
        SELECT found.lane, 8 FROM found WHERE found.lane IS NOT NULL \
        AND NOT EXISTS (SELECT 1 FROM heard WHERE heard.lane = found.lane)), \
        due AS (\
        SELECT c.id, c.received_at, ROW_NUMBER() OVER (\
        PARTITION BY way.lane ORDER BY c.received_at, c.id) * way.stride AS cost FROM way "
        {either "JOIN signals AS c ON c.id IN (" "CROSS JOIN LATERAL ("}
        "SELECT s.id" {either "" ", s.received_at"} " FROM signals AS s"
        {either " INDEXED BY signals_by_lane" ""}
        " WHERE s.triggered = 0 AND s.lane = way.lane \
        ORDER BY s.received_at, s.id LIMIT +$1" {either ")" ") AS c"} "), \
        chosen AS MATERIALIZED (\
        SELECT due.id FROM due ORDER BY due.cost, due.received_at, due.id LIMIT +$1) \
        SELECT id, source, event_id, kind, account, happened_at, received_at, data, run \
        FROM signals WHERE"
        {either " id IN (SELECT chosen.id FROM chosen)"
            " id = ANY(ARRAY(SELECT chosen.id FROM chosen))"})
}

/// Marks signals nobody has looked at: `$1` which.
pub(crate) fn mark() -> Sql {
    sql!("UPDATE signals SET triggered = 1 WHERE"
        {either " id IN (SELECT value FROM json_each($1)) AND triggered + 0 = 0"
            // In one order for everybody: two who looked at the same signals wait for each other.
            // `triggered = 0` would allow an index that begins with the time: it was read to its
            // end for each id (1 ms a signal).
            " id = ANY(ARRAY(SELECT s.id FROM signals AS s WHERE s.id = \
            ANY($1[]) AND s.triggered < 1 \
            ORDER BY s.id FOR NO KEY UPDATE))"}
        " RETURNING id")
}

async fn trigger(
    tx: &mut Tx,
    looked: Vec<Looked>,
    now: Timestamp,
) -> Result<Vec<Option<Vec<Started>>>, StoreError> {
    let ids: BTreeSet<SignalId> = looked.iter().map(|looked| looked.signal).collect();
    let mut marked: BTreeSet<SignalId> = tx
        .fetch(mark(), vec![Value::json(&ids)])
        .await?
        .iter()
        .map(|row| row.word("id"))
        .collect::<Result<_, _>>()?;
    let (mut runs, mut events) = (Vec::new(), Vec::new());
    let mut counts = Vec::with_capacity(looked.len());
    for looked in looked {
        // Taken out, so that a signal that is given twice does what it does once.
        if !marked.remove(&looked.signal) {
            counts.push(None);
            continue;
        }
        counts.push(Some(looked.runs.len()));
        runs.extend(looked.runs);
        events.extend(looked.events);
    }
    let mut started = start::start(tx, runs, now, &mut events).await?.into_iter();
    trail::append(tx, &events).await?;
    Ok(counts
        .into_iter()
        .map(|count| count.map(|count| started.by_ref().take(count).collect()))
        .collect())
}

impl Store {
    pub(crate) async fn take_signals(
        &self,
        signals: Vec<NewSignal>,
        now: Timestamp,
    ) -> Result<Vec<Signal>, StoreError> {
        let clock = std::sync::Arc::clone(&self.clock);
        self.write(move |tx| Box::pin(async move { take(tx, &*clock, signals, now).await })).await
    }

    pub(crate) async fn untriggered_signals(
        &self,
        heard: &[Heard],
        limit: u32,
    ) -> Result<Vec<Signal>, StoreError> {
        let args = vec![Value::from(limit), Value::json(&strides(heard))];
        let how = if self.others().is_some() { Begin::Snapshot } else { Begin::Single };
        let mut signals: Vec<Signal> = self
            .run(how, move |tx| {
                Box::pin(async move {
                    if tx.is_postgres() {
                        // Compiling the statement would take a thousand times as long as running it.
                        tx.raw("", "SET LOCAL jit = off").await.map_err(of_sqlx)?;
                    }
                    tx.fetch(untriggered(), args).await?.iter().map(read).collect()
                })
            })
            .await?;
        signals.sort_by_key(|signal| (signal.received_at, signal.id));
        Ok(signals)
    }

    pub(crate) async fn trigger_signals(
        &self,
        looked: Vec<Looked>,
        now: Timestamp,
    ) -> Result<Vec<Option<Vec<Started>>>, StoreError> {
        if looked.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |tx| Box::pin(trigger(tx, looked, now))).await
    }

    pub(crate) async fn awaited_signal(
        &self,
        account: AccountId,
        run: RunId,
        kind: &str,
        since: Timestamp,
    ) -> Result<Option<Signal>, StoreError> {
        let args =
            vec![Value::word(account), Value::from(kind), Value::from(since), Value::word(run)];
        self.read(move |tx| {
            Box::pin(async move {
                tx.one(
                    sql!("SELECT id, source, event_id, kind, account, happened_at, received_at, "
                        "data, run FROM signals WHERE account = $1 AND kind = $2 "
                        "AND received_at > $3 AND (run IS NULL OR run = $4) "
                        "ORDER BY received_at, id LIMIT 1"),
                    args,
                )
                .await?
                .as_ref()
                .map(read)
                .transpose()
            })
        })
        .await
    }

    pub(crate) async fn account_signals(
        &self,
        account: AccountId,
        limit: u32,
    ) -> Result<Vec<Signal>, StoreError> {
        let args = vec![Value::word(account), Value::from(limit)];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT id, source, event_id, kind, account, happened_at, received_at, "
                        "data, run FROM signals WHERE account = $1 "
                        "ORDER BY received_at DESC, id DESC LIMIT +$2"),
                    args,
                )
                .await?
                .iter()
                .map(read)
                .collect()
            })
        })
        .await
    }
}
