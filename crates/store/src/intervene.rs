//! Changing a run from outside: pause, resume, cancel, retry.

use domain::{
    approval::Approval,
    event::{Event, NewEvent},
    id::{MessageId, RunId},
    port::StoreError,
    run::{Intervened, Intervention, Phase, Progress, RunStatus},
    user::Actor,
};
use jiff::Timestamp;

use crate::{
    approval,
    connection::Tx,
    open::Store,
    run,
    sql::{Value, sql},
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
        self.write(move |tx| Box::pin(intervene(tx, run, what, by, now))).await
    }
}

/// What is noted on messages a cancelled run leaves behind.
const CANCELLED: &str = "the run was cancelled";

async fn intervene(
    tx: &mut Tx,
    id: RunId,
    what: Intervention,
    by: Actor,
    now: Timestamp,
) -> Result<Intervened, StoreError> {
    let Some(row) = run::lock(tx, id).await? else { return Ok(Intervened::NotFound) };
    let run = run::read(&row)?;
    let mut progress = run.progress;
    let (status, wake_at, event) = match (what, run.status) {
        (Intervention::Pause, RunStatus::Active) => {
            (RunStatus::Paused, run.wake_at, Event::RunPaused {})
        }
        (Intervention::Resume, RunStatus::Paused) => {
            (RunStatus::Active, Some(now), Event::RunResumed {})
        }
        (Intervention::Cancel { reason }, status) if !status.is_over() => {
            (RunStatus::Cancelled, None, Event::RunCancelled { reason })
        }
        (Intervention::Retry, RunStatus::Stuck) => {
            again(&mut progress);
            (RunStatus::Active, Some(now), Event::RunRetried {})
        }
        (_, status) => return Ok(Intervened::NotPossible { status }),
    };
    put(tx, id, status, &progress, wake_at, now).await?;
    let mut events = vec![NewEvent::of_run(id, now, by.clone(), event)];
    if status == RunStatus::Cancelled {
        for approval in withdraw(tx, id, now).await? {
            let event = Event::ApprovalWithdrawn { approval: approval.id };
            events.push(NewEvent::of_run(id, now, by.clone(), event));
        }
        for message in refuse(tx, id, now).await? {
            let event = Event::MessageRefused { message, why: CANCELLED.to_owned() };
            events.push(NewEvent::of_run(id, now, by.clone(), event));
        }
        tx.execute(
            sql!("UPDATE tasks SET status = 'cancelled' WHERE run = $1 AND status = 'open'"),
            vec![Value::word(id)],
        )
        .await?;
    }
    trail::append(tx, &events).await?;
    Ok(Intervened::Done)
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
    put(tx, run, RunStatus::Active, &progress, Some(now), now).await
}

/// Changes a run whatever turn is in flight: its lease is gone.
async fn put(
    tx: &mut Tx,
    run: RunId,
    status: RunStatus,
    progress: &Progress,
    wake_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        sql!("UPDATE runs SET status = $2, progress = $3, wake_at = $4, changed_at = $5, "
            "wakes = wakes + 1, lease_token = lease_token + 1, lease_until = NULL WHERE id = $1"),
        vec![
            Value::word(run),
            Value::word(status),
            Value::json(progress),
            Value::from(wake_at),
            Value::from(now),
        ],
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

/// Withdraws the open approvals of a run.
async fn withdraw(tx: &mut Tx, run: RunId, now: Timestamp) -> Result<Vec<Approval>, StoreError> {
    let rows = tx
        .fetch(
            sql!("SELECT data FROM approvals WHERE run = $1 "
                "AND status IN ('waiting', 'redrafting') ORDER BY id" {lock}),
            vec![Value::word(run)],
        )
        .await?;
    let mut withdrawn = Vec::with_capacity(rows.len());
    for row in rows {
        let mut approval: Approval = row.json("data")?;
        if approval.withdraw(now).is_ok() {
            approval.revision += 1;
            withdrawn.push(approval);
        }
    }
    approval::put(tx, &withdrawn).await?;
    Ok(withdrawn)
}

/// Settles the messages of a run that no attempt holds. What an attempt holds may be on the wire.
async fn refuse(tx: &mut Tx, run: RunId, now: Timestamp) -> Result<Vec<MessageId>, StoreError> {
    let mut refused = tx
        .fetch(
            sql!("UPDATE messages SET status = 'refused', note = $2, settled_at = $3 "
                "WHERE run = $1 AND status = 'queued' RETURNING id"),
            vec![Value::word(run), Value::from(CANCELLED), Value::from(now)],
        )
        .await?
        .iter()
        .map(|row| row.word("id"))
        .collect::<Result<Vec<MessageId>, _>>()?;
    // `RETURNING` answers in no particular order.
    refused.sort_unstable();
    Ok(refused)
}
