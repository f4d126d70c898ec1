//! Starting runs: each at most once per key, and not too soon after the one before.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    event::{Event, NewEvent, Stream},
    id::{AccountId, RunId},
    port::{StoreError, Work},
    run::{NewRun, Started},
    user::Actor,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    account,
    connection::Tx,
    fault::unreadable,
    open::Store,
    sql::{Value, sql},
    trail,
};

impl Store {
    pub(crate) async fn start_runs(
        &self,
        runs: Vec<NewRun>,
        now: Timestamp,
    ) -> Result<Vec<Started>, StoreError> {
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |tx| {
            Box::pin(async move {
                let mut events = Vec::new();
                let answers = start(tx, runs, now, &mut events).await?;
                trail::append(tx, &events).await?;
                Ok(answers)
            })
        })
        .await
    }
}

/// Starts runs; their events are the caller's to append.
pub(crate) async fn start(
    tx: &mut Tx,
    runs: Vec<NewRun>,
    now: Timestamp,
    events: &mut Vec<NewEvent>,
) -> Result<Vec<Started>, StoreError> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    // Two requests for one account wait for each other, or neither would see the other's run.
    let accounts: BTreeSet<AccountId> = runs.iter().map(|run| run.account).collect();
    account::lock(tx, &accounts).await?;
    let mut known = known(tx, &runs).await?;
    let mut latest = latest(tx, &runs).await?;

    let mut answers = Vec::with_capacity(runs.len());
    let mut rows = Vec::new();
    for run in runs {
        if let Some(id) = known.get(&run.key) {
            answers.push(Started::Known(*id));
            continue;
        }
        let place = (run.playbook.clone(), run.account);
        if let (Some(since), Some((at, by))) = (run.once_since, latest.get(&place))
            && *at > since
        {
            events.push(NewEvent {
                stream: Stream::Signal,
                at: now,
                actor: Actor::Engine,
                event: Event::TriggerSuppressed {
                    playbook: run.playbook,
                    account: run.account,
                    kind: run.cause.kind,
                    why: format!("run {by} began at {at}, and one per period is enough"),
                },
            });
            answers.push(Started::Suppressed { by: *by });
            continue;
        }
        known.insert(run.key.clone(), run.id);
        latest.insert(place, (now, run.id));
        rows.push(json!({
            "id": run.id,
            "request_key": run.key,
            "playbook": run.playbook,
            "version": run.version,
            "account": run.account,
            "cause": text(&run.cause)?,
            "priority": run.priority,
            "step": run.progress.step,
            "progress": text(&run.progress)?,
        }));
        answers.push(Started::New(run.id));
        events.push(NewEvent::of_run(
            run.id,
            now,
            Actor::Engine,
            Event::RunStarted {
                playbook: run.playbook,
                version: run.version,
                account: run.account,
                cause: run.cause.for_trail(),
            },
        ));
    }
    if !rows.is_empty() {
        tx.stir(Work::Runs);
        tx.execute(
            sql!("INSERT INTO runs (id, request_key, playbook, version, account, cause, status, "
            "step, progress, wake_at, wakes, lease_token, started_at, changed_at, priority) "
            "SELECT r.id, r.request_key, r.playbook, r.version, r.account, r.cause, 'active', "
            "r.step, r.progress, $2, 0, 0, $2, $2, r.priority FROM "
            {rows "$1" (
                id TEXT, request_key TEXT, playbook TEXT, version TEXT, account TEXT,
                cause TEXT, step TEXT, progress TEXT, priority TEXT
            )}),
            vec![Value::rows(rows), Value::from(now)],
        )
        .await?;
    }
    Ok(answers)
}

fn text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unreadable("run", error))
}

/// Runs that were started under the keys asked for.
async fn known(tx: &mut Tx, runs: &[NewRun]) -> Result<HashMap<String, RunId>, StoreError> {
    let keys: Vec<&str> = runs.iter().map(|run| run.key.as_str()).collect();
    tx.fetch(
        sql!("SELECT request_key, id FROM runs WHERE request_key" {among "$1"}),
        vec![Value::json(&keys)],
    )
    .await?
    .iter()
    .map(|row| Ok((row.text("request_key")?, row.word("id")?)))
    .collect()
}

/// The latest run of each playbook for each account asked for, with its start.
async fn latest(
    tx: &mut Tx,
    runs: &[NewRun],
) -> Result<BTreeMap<(String, AccountId), (Timestamp, RunId)>, StoreError> {
    let places: BTreeSet<(&str, AccountId)> = runs
        .iter()
        .filter(|run| run.once_since.is_some())
        .map(|run| (run.playbook.as_str(), run.account))
        .collect();
    if places.is_empty() {
        return Ok(BTreeMap::new());
    }
    let places: Vec<_> = places
        .iter()
        .map(|(playbook, account)| json!({ "playbook": playbook, "account": account }))
        .collect();
    tx.fetch(
        sql!("SELECT runs.playbook AS playbook, runs.account AS account, runs.id AS id, "
            "runs.started_at AS started_at FROM " {rows "$1" (playbook TEXT, account TEXT)}
            {either "JOIN runs ON runs.id = (SELECT l.id" "JOIN LATERAL (SELECT l.*"}
            " FROM runs l WHERE l.playbook = r.playbook AND l.account = r.account "
            "ORDER BY l.started_at DESC, l.id DESC LIMIT 1)" {either "" " AS runs ON true"}),
        vec![Value::json(&places)],
    )
    .await?
    .iter()
    .map(|row| {
        Ok((
            (row.text("playbook")?, row.word("account")?),
            (row.at("started_at")?, row.word("id")?),
        ))
    })
    .collect()
}
