//! Signals as stored: taken in once, looked at once by triggers, waited for by runs.

use std::collections::BTreeSet;

use domain::{
    clock::Clock,
    id::{AccountId, RunId, SignalId},
    port::{StoreError, Work},
    signal::{NewSignal, Signal},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    open::Store,
    row::Row,
    run,
    sql::{Value, args, sql},
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
            })
        })
        .collect();
    let new: BTreeSet<SignalId> = tx
        .fetch(
            sql!("INSERT INTO signals (id, source, event_id, kind, account, happened_at, "
                "received_at, data, run, triggered) "
                "SELECT r.id, r.source, r.event_id, r.kind, r.account, r.happened_at, $2, r.data, "
                "r.run, 0 FROM "
                {rows "$1" (
                    id TEXT, source TEXT, event_id TEXT, kind TEXT, account TEXT,
                    happened_at BIGINT, data TEXT, run TEXT
                )}
                "WHERE true ON CONFLICT (source, event_id) DO NOTHING RETURNING id"),
            vec![Value::json(&rows), Value::from(now)],
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

impl Store {
    pub(crate) async fn take_signals(
        &self,
        signals: Vec<NewSignal>,
        now: Timestamp,
    ) -> Result<Vec<Signal>, StoreError> {
        let clock = std::sync::Arc::clone(&self.clock);
        self.write(move |tx| Box::pin(async move { take(tx, &*clock, signals, now).await })).await
    }

    pub(crate) async fn untriggered_signals(&self, limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT id, source, event_id, kind, account, happened_at, received_at, "
                        "data, run FROM signals WHERE triggered = 0 "
                        "ORDER BY received_at, id LIMIT $1"),
                    args![limit],
                )
                .await?
                .iter()
                .map(read)
                .collect()
            })
        })
        .await
    }

    pub(crate) async fn mark_triggered(&self, signals: &[SignalId]) -> Result<(), StoreError> {
        let args = vec![Value::json(&signals)];
        self.write_one(move |tx| {
            Box::pin(async move {
                tx.execute(sql!("UPDATE signals SET triggered = 1 WHERE id" {among "$1"}), args)
                    .await?;
                Ok(())
            })
        })
        .await
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
                        "ORDER BY received_at DESC, id DESC LIMIT $2"),
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
