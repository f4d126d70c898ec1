//! Changing runs from outside: pause, resume, cancel, retry; one, or many in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    approval::Approval,
    event::{Event, NewEvent},
    id::{MessageId, RunId},
    port::{RunFilter, StoreError, Tally, Work},
    run::{Intervened, Intervention, Phase, Progress, Run, RunStatus},
    user::Actor,
};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::{
    approval,
    connection::Tx,
    open::Store,
    row::Row,
    run,
    sql::{Sql, Value, sql},
    trail,
};

impl Store {
    pub(crate) async fn intervene_in(
        &self,
        run: RunId,
        what: Intervention,
        by: Actor,
        now: Timestamp,
    ) -> Result<Intervened, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let all = RunFilter::default();
                let mut answers = intervene(tx, &[run], &all, &what, &by, now).await?;
                Ok(answers.remove(&run).unwrap_or(Intervened::NotFound))
            })
        })
        .await
    }

    pub(crate) async fn intervene_in_all(
        &self,
        runs: &[RunId],
        filter: RunFilter,
        what: Intervention,
        by: Actor,
        now: Timestamp,
    ) -> Result<Tally, StoreError> {
        let runs: BTreeSet<RunId> = runs.iter().copied().collect();
        let runs: Vec<RunId> = runs.into_iter().collect();
        if runs.is_empty() {
            return Ok(Tally::default());
        }
        self.write(move |tx| {
            Box::pin(async move {
                let answers = intervene(tx, &runs, &filter, &what, &by, now).await?;
                let mut tally = Tally::default();
                for run in &runs {
                    match answers.get(run) {
                        Some(Intervened::Done) => tally.done += 1,
                        Some(Intervened::NotPossible { .. }) => tally.not_possible += 1,
                        Some(Intervened::NotFound) | None => tally.gone += 1,
                    }
                }
                Ok(tally)
            })
        })
        .await
    }
}

/// What is noted on messages a cancelled run leaves behind.
const CANCELLED: &str = "the run was cancelled";

/// Changes those of the runs that match; the others are not in the answer. However many there
/// are, each table is asked and changed a fixed number of times.
async fn intervene(
    tx: &mut Tx,
    ids: &[RunId],
    filter: &RunFilter,
    what: &Intervention,
    by: &Actor,
    now: Timestamp,
) -> Result<BTreeMap<RunId, Intervened>, StoreError> {
    let mut answers = BTreeMap::new();
    let (mut rows, mut events, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
    for run in lock(tx, ids).await? {
        if !filter.matches(&run) {
            continue;
        }
        if !what.is_possible(run.status) {
            answers.insert(run.id, Intervened::NotPossible { status: run.status });
            continue;
        }
        answers.insert(run.id, Intervened::Done);
        let mut progress = run.progress;
        let (status, wake_at, event) = match what {
            Intervention::Pause => (RunStatus::Paused, run.wake_at, Event::RunPaused {}),
            Intervention::Resume => (RunStatus::Active, Some(now), Event::RunResumed {}),
            Intervention::Cancel { reason } => {
                cancelled.push(run.id);
                (RunStatus::Cancelled, None, Event::RunCancelled { reason: reason.clone() })
            }
            Intervention::Retry => {
                again(&mut progress);
                (RunStatus::Active, Some(now), Event::RunRetried {})
            }
        };
        rows.push(row(run.id, status, &progress, wake_at));
        events.push(NewEvent::of_run(run.id, now, by.clone(), event));
    }
    if rows.is_empty() {
        return Ok(answers);
    }
    if matches!(what, Intervention::Resume | Intervention::Retry) {
        tx.stir(Work::Runs);
    }
    if matches!(what, Intervention::Resume) {
        // What was granted before the pause, or during it, is due since then.
        tx.stir(Work::Outbox);
    }
    put(tx, &rows, now).await?;
    if !cancelled.is_empty() {
        abandon(tx, &cancelled, by, now, &mut events).await?;
    }
    trail::append(tx, &events).await?;
    Ok(answers)
}

/// Closes what cancelled runs leave open.
async fn abandon(
    tx: &mut Tx,
    runs: &[RunId],
    by: &Actor,
    now: Timestamp,
    events: &mut Vec<NewEvent>,
) -> Result<(), StoreError> {
    for approval in withdraw(tx, runs, |_| true, now).await? {
        let event = Event::ApprovalWithdrawn { approval: approval.id };
        events.push(NewEvent::of_run(approval.run, now, by.clone(), event));
    }
    for (message, run) in refuse(tx, runs, now).await? {
        let event = Event::MessageRefused { message, why: CANCELLED.to_owned() };
        events.push(NewEvent::of_run(run, now, by.clone(), event));
    }
    tx.execute(cancel_tasks(), vec![Value::json(&runs)]).await?;
    Ok(())
}

/// Makes a stuck run active again, as [`Intervention::Retry`] does. Its row is locked, and the
/// event is the caller's.
pub(crate) async fn retry(
    tx: &mut Tx,
    run: RunId,
    mut progress: Progress,
    now: Timestamp,
) -> Result<(), StoreError> {
    again(&mut progress);
    tx.stir(Work::Runs);
    put(tx, &[row(run, RunStatus::Active, &progress, Some(now))], now).await
}

/// Reads and locks runs, in one order for everybody.
async fn lock(tx: &mut Tx, ids: &[RunId]) -> Result<Vec<Run>, StoreError> {
    tx.fetch(
        sql!("SELECT id, playbook, version, account, cause, status, progress, wake_at, "
            "started_at, changed_at FROM runs WHERE id" {among "$1"} "ORDER BY id" {lock}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(run::read)
    .collect()
}

fn row(run: RunId, status: RunStatus, progress: &Progress, wake_at: Option<Timestamp>) -> Json {
    json!({
        "id": run,
        "status": status,
        "progress": json!(progress).to_string(),
        "wake_at": wake_at.map(Timestamp::as_microsecond),
    })
}

/// Changes runs whatever turn is in flight: its lease is gone, and it was not lost by its worker.
async fn put(tx: &mut Tx, rows: &[Json], now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        sql!("UPDATE runs SET status = r.status, progress = r.progress, wake_at = r.wake_at, "
            "changed_at = $2, wakes = wakes + 1, lease_token = lease_token + 1, "
            "lease_until = NULL, claims = 0 FROM "
            {rows "$1" (id TEXT, status TEXT, progress TEXT, wake_at BIGINT)}
            "WHERE runs.id = r.id"),
        vec![Value::json(&rows), Value::from(now)],
    )
    .await?;
    Ok(())
}

/// Clears what went wrong. A redraft somebody asked for goes on as one, so that its approval is
/// not left behind.
fn again(progress: &mut Progress) {
    progress.dead_end = None;
    progress.attempts = 0;
    if matches!(progress.phase, Phase::Drafting { redraft: None }) {
        progress.phase = Phase::Ready;
    }
}

/// Open approvals of the runs `$1`, locked. The status is dressed up: bare, it would tempt SQLite
/// to walk all that wait.
pub(crate) fn open_approvals() -> Sql {
    sql!("SELECT data FROM approvals WHERE run" {among "$1"}
        "AND status || '' IN ('waiting', 'redrafting') ORDER BY id" {lock})
}

/// Withdraws those open approvals of runs that are meant.
pub(crate) async fn withdraw(
    tx: &mut Tx,
    runs: &[RunId],
    meant: impl Fn(&Approval) -> bool,
    now: Timestamp,
) -> Result<Vec<Approval>, StoreError> {
    let rows = tx.fetch(open_approvals(), vec![Value::json(&runs)]).await?;
    let mut withdrawn = Vec::with_capacity(rows.len());
    for row in rows {
        let mut approval: Approval = row.json("data")?;
        if meant(&approval) && approval.withdraw(now).is_ok() {
            approval.revision += 1;
            withdrawn.push(approval);
        }
    }
    approval::put(tx, &withdrawn).await?;
    Ok(withdrawn)
}

/// Settles queued messages of the runs `$1` with the note `$2` at `$3`.
pub(crate) fn refuse_messages() -> Sql {
    sql!("UPDATE messages SET status = 'refused', note = $2, settled_at = $3 "
        "WHERE run" {among "$1"} "AND status || '' = 'queued' RETURNING id, run")
}

/// Cancels open tasks of the runs `$1`.
pub(crate) fn cancel_tasks() -> Sql {
    sql!("UPDATE tasks SET status = 'cancelled' WHERE run" {among "$1"}
        "AND status || '' = 'open'")
}

/// Settles the messages of runs that no attempt holds. What an attempt holds may be on the wire.
async fn refuse(
    tx: &mut Tx,
    runs: &[RunId],
    now: Timestamp,
) -> Result<Vec<(MessageId, RunId)>, StoreError> {
    let args = vec![Value::json(&runs), Value::from(CANCELLED), Value::from(now)];
    refused(&tx.fetch(refuse_messages(), args).await?)
}

/// Messages that were refused, each with its run: `RETURNING` answers in no particular order.
pub(crate) fn refused(rows: &[Row]) -> Result<Vec<(MessageId, RunId)>, StoreError> {
    let read = |row: &Row| Ok((row.word("id")?, row.word("run")?));
    let mut refused = rows.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
    refused.sort_unstable();
    Ok(refused)
}
