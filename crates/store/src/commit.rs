//! Committing turns: many in one transaction, each fenced by its own lease.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::{
    approval::Approval,
    clock::Clock,
    id::{ApprovalId, RunId},
    port::{StoreError, Work},
    run::RunStatus,
    turn::{Committed, Effect, Turn},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    account, approval,
    connection::Tx,
    effect,
    open::Store,
    pseudonym,
    sql::{Value, sql},
    trail,
};

/// What the database says of a run whose turn is to be committed.
struct Held {
    token: i64,
    wakes: i64,
    wake_at: Option<i64>,
}

impl Store {
    pub(crate) async fn commit_turns(
        &self,
        turns: Vec<Turn>,
    ) -> Result<Vec<Committed>, StoreError> {
        if turns.is_empty() {
            return Ok(Vec::new());
        }
        let clock = std::sync::Arc::clone(&self.clock);
        self.write(move |tx| Box::pin(async move { commit(tx, &*clock, turns).await })).await
    }
}

async fn commit(
    tx: &mut Tx,
    clock: &dyn Clock,
    turns: Vec<Turn>,
) -> Result<Vec<Committed>, StoreError> {
    let now = clock.now();
    let accounts: BTreeSet<_> = turns.iter().flat_map(effect::accounts).collect();
    account::lock(tx, &accounts).await?;
    let mut held = held(tx, &turns).await?;
    let ids: Vec<ApprovalId> = turns
        .iter()
        .flat_map(|turn| turn.approvals.iter().map(|approval| approval.id))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let revisions = approval::revisions(tx, &ids).await?;

    let mut answers = Vec::with_capacity(turns.len());
    let mut kept = Vec::with_capacity(turns.len());
    let mut overtaken = Vec::new();
    for turn in turns {
        // Taken out, so that a second turn under the same lease in one batch is a lost one.
        let run = held.remove(&turn.lease.run).filter(|run| run.token == turn.lease.token);
        let Some(run) = run else {
            answers.push(Committed::LostLease);
            continue;
        };
        if is_overtaken(&turn, &revisions) {
            overtaken.push(turn.lease.run);
            answers.push(Committed::LostLease);
            continue;
        }
        answers.push(Committed::Applied);
        kept.push((turn, run));
    }
    release(tx, &overtaken).await?;
    if !kept.is_empty() {
        apply(tx, clock, kept, &revisions, now).await?;
    }
    Ok(answers)
}

/// Whether a person decided on an approval after the turn read it: what they decided stands.
fn is_overtaken(turn: &Turn, revisions: &HashMap<ApprovalId, i64>) -> bool {
    turn.approvals.iter().any(|approval| {
        revisions.get(&approval.id).is_some_and(|stored| *stored != approval.revision)
    })
}

/// The runs of the turns that somebody holds a lease on, locked.
async fn held(tx: &mut Tx, turns: &[Turn]) -> Result<HashMap<RunId, Held>, StoreError> {
    let ids: Vec<RunId> = turns.iter().map(|turn| turn.lease.run).collect();
    tx.fetch(
        sql!("SELECT id, lease_token, wakes, wake_at FROM runs WHERE id" {among "$1"}
            "AND lease_until IS NOT NULL ORDER BY id" {lock}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| {
        let held = Held {
            token: row.int("lease_token")?,
            wakes: row.int("wakes")?,
            wake_at: row.get("wake_at")?,
        };
        Ok((row.word("id")?, held))
    })
    .collect()
}

/// Lets go of runs whose turns were overtaken, so that they are looked at again at once.
pub(crate) async fn release(tx: &mut Tx, runs: &[RunId]) -> Result<(), StoreError> {
    if runs.is_empty() {
        return Ok(());
    }
    tx.stir(Work::Runs);
    tx.execute(
        sql!("UPDATE runs SET lease_token = lease_token + 1, lease_until = NULL, claims = 0 WHERE id"
            {among "$1"}),
        vec![Value::json(&runs)],
    )
    .await?;
    Ok(())
}

async fn apply(
    tx: &mut Tx,
    clock: &dyn Clock,
    turns: Vec<(Turn, Held)>,
    revisions: &HashMap<ApprovalId, i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(turns.len());
    let mut approvals: Vec<Approval> = Vec::new();
    let mut contents = Vec::new();
    let mut outbox = Vec::new();
    let mut effects: Vec<Effect> = Vec::new();
    let mut events = Vec::new();
    let mut pseudonyms = Vec::new();
    for (turn, run) in turns {
        let wake_at = if turn.status != RunStatus::Active {
            None
        } else if run.wakes == turn.lease.wakes {
            turn.wake_at.map(Timestamp::as_microsecond)
        } else {
            // Woken since it was claimed: whoever did left behind when it is due.
            tx.stir(Work::Runs);
            run.wake_at.or_else(|| Some(now.as_microsecond()))
        };
        rows.push(json!({
            "id": turn.lease.run,
            "status": turn.status,
            "step": turn.progress.step,
            "progress": json!(turn.progress).to_string(),
            "wake_at": wake_at,
            "keep": i64::from(turn.keep && turn.status == RunStatus::Active),
        }));
        approvals.extend(turn.approvals);
        contents.extend(turn.contents);
        outbox.extend(turn.outbox);
        pseudonyms.extend(turn.pseudonyms);
        effects.extend(turn.effects);
        events.extend(turn.events);
    }
    tx.execute(
        sql!("UPDATE runs SET status = r.status, step = r.step, progress = r.progress, "
            "wake_at = r.wake_at, changed_at = $2, claims = 0, "
            "lease_until = CASE WHEN r.keep = 1 THEN lease_until END FROM "
            {rows "$1" (
                id TEXT, status TEXT, step TEXT, progress TEXT, wake_at BIGINT, keep BIGINT
            )}
            "WHERE runs.id = r.id"),
        vec![Value::rows(rows), Value::from(now)],
    )
    .await?;
    pseudonym::put(tx, &pseudonyms, now).await?;
    approval::seal(tx, &contents).await?;
    approval::put(tx, &latest(approvals, revisions)).await?;
    approval::enqueue(tx, &outbox, now).await?;
    effect::apply(tx, clock, effects, now, &mut events).await?;
    trail::append(tx, &events).await
}

/// The last state of each approval, with a stored one's revision counted up.
fn latest(approvals: Vec<Approval>, revisions: &HashMap<ApprovalId, i64>) -> Vec<Approval> {
    let mut seen = HashSet::new();
    let mut latest: Vec<Approval> =
        approvals.into_iter().rev().filter(|approval| seen.insert(approval.id)).collect();
    for approval in &mut latest {
        if revisions.contains_key(&approval.id) {
            approval.revision += 1;
        }
    }
    latest
}
