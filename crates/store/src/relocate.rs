//! Putting runs elsewhere: on another version of their playbook, or back to an earlier step.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    approval::Approval,
    event::{Event, NewEvent},
    id::RunId,
    port::{Changed, Move, Rewind, StoreError, Work},
    run::{Run, RunStatus},
    user::Actor,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    intervene,
    open::Store,
    run,
    sql::{Sql, Value, sql},
    trail,
};

/// A run as it is now, and whether a worker has it in hand.
struct Found {
    run: Run,
    held: bool,
}

impl Found {
    /// Whether the run is still where it was when it was read.
    fn is_still(&self, read: &Run) -> bool {
        self.run.status == read.status
            && self.run.version == read.version
            && self.run.progress == read.progress
    }
}

impl Store {
    pub(crate) async fn relocate(
        &self,
        moves: Vec<Move>,
        by: Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError> {
        if moves.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |tx| Box::pin(async move { relocate(tx, &moves, &by, now).await })).await
    }

    pub(crate) async fn take_back(
        &self,
        rewinds: Vec<Rewind>,
        by: Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError> {
        if rewinds.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |tx| Box::pin(async move { take_back(tx, &rewinds, &by, now).await })).await
    }
}

/// Reads and locks runs, in one order for everybody.
async fn lock(tx: &mut Tx, ids: &[RunId]) -> Result<HashMap<RunId, Found>, StoreError> {
    tx.fetch(
        sql!("SELECT id, playbook, version, account, cause, status, progress, wake_at, "
            "started_at, changed_at, "
            "CAST(CASE WHEN lease_until >=" {now} "THEN 1 ELSE 0 END AS BIGINT) AS held "
            "FROM runs WHERE id" {among "$1"} "ORDER BY id" {lock}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| {
        let run = run::read(row)?;
        Ok((run.id, Found { run, held: row.flag("held")? }))
    })
    .collect()
}

/// Messages of the runs `$1` that are not settled, locked, so that no delivery begins meanwhile.
/// What is compared is dressed up: bare, it would tempt SQLite to walk all that are on their way.
pub(crate) fn unsettled() -> Sql {
    sql!("SELECT run, status FROM messages WHERE run" {among "$1"}
        "AND settled_at + 0 IS NULL ORDER BY id" {lock})
}

/// Runs with a message that a delivery attempt has in hand.
async fn sending(tx: &mut Tx, ids: &[RunId]) -> Result<BTreeSet<RunId>, StoreError> {
    let mut sending = BTreeSet::new();
    for row in tx.fetch(unsettled(), vec![Value::json(&ids)]).await? {
        if row.text("status")? != "queued" {
            sending.insert(row.word("run")?);
        }
    }
    Ok(sending)
}

async fn relocate(
    tx: &mut Tx,
    moves: &[Move],
    by: &Actor,
    now: Timestamp,
) -> Result<Vec<Changed>, StoreError> {
    let ids: Vec<RunId> = moves.iter().map(|one| one.run.id).collect();
    let found = lock(tx, &ids).await?;
    let approvals: Vec<Approval> = tx
        .fetch(intervene::open_approvals(), vec![Value::json(&ids)])
        .await?
        .iter()
        .map(|row| row.json("data"))
        .collect::<Result<_, StoreError>>()?;
    let sending = sending(tx, &ids).await?;

    let (mut rows, mut renamed, mut events) = (Vec::new(), BTreeMap::new(), Vec::new());
    let mut answers = Vec::with_capacity(moves.len());
    for one in moves {
        let id = one.run.id;
        let answer = match found.get(&id) {
            None => Changed::NotFound,
            Some(run) if run.run.status.is_over() || !run.is_still(&one.run) => Changed::MovedOn,
            Some(_) if sending.contains(&id) => Changed::Sending,
            Some(_) => Changed::Done,
        };
        answers.push(answer);
        if answer != Changed::Done {
            continue;
        }
        if one.run.status == RunStatus::Active {
            tx.stir(Work::Runs);
        }
        rows.push(json!({
            "id": id,
            "version": one.to,
            "priority": one.priority,
            "step": one.progress.step,
            "progress": json!(one.progress).to_string(),
        }));
        for (old, new) in &one.renamed {
            renamed.insert((id, old.as_str()), new.as_str());
        }
        let event = Event::RunMigrated {
            from: one.run.version.clone(),
            to: one.to.clone(),
            step_from: one.run.progress.step.clone(),
            step_to: one.progress.step.clone(),
        };
        events.push(NewEvent::of_run(id, now, by.clone(), event));
    }
    if rows.is_empty() {
        return Ok(answers);
    }
    tx.execute(
        sql!("UPDATE runs SET version = r.version, priority = r.priority, step = r.step, "
            "progress = r.progress, changed_at = $2, wakes = wakes + 1, lease_token = lease_token + 1, "
            "lease_until = NULL, claims = 0 FROM "
            {rows "$1" (id TEXT, version TEXT, priority TEXT, step TEXT, progress TEXT)}
            "WHERE runs.id = r.id"),
        vec![Value::rows(rows), Value::from(now)],
    )
    .await?;
    rename(tx, approvals, &renamed).await?;
    trail::append(tx, &events).await?;
    Ok(answers)
}

/// Has approvals, messages and tasks follow to what their steps are called now. A message's id
/// stays what it was, and what looks for it by step finds it under the new name.
async fn rename(
    tx: &mut Tx,
    approvals: Vec<Approval>,
    renamed: &BTreeMap<(RunId, &str), &str>,
) -> Result<(), StoreError> {
    if renamed.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = approvals
        .into_iter()
        .filter_map(|mut approval| {
            let new = renamed.get(&(approval.run, approval.step.as_str()))?;
            approval.step = (*new).to_owned();
            // Whoever has it open decides about a step of another name, and so looks again.
            approval.revision += 1;
            Some(json!({
                "id": approval.id,
                "step": approval.step,
                "revision": approval.revision,
                "data": json!(approval).to_string(),
            }))
        })
        .collect();
    if !rows.is_empty() {
        tx.execute(
            sql!("UPDATE approvals SET step = r.step, revision = r.revision, data = r.data FROM "
                {rows "$1" (id TEXT, step TEXT, revision BIGINT, data TEXT)}
                "WHERE approvals.id = r.id"),
            vec![Value::rows(rows)],
        )
        .await?;
    }
    let rows: Vec<_> = renamed
        .iter()
        .map(|((run, old), new)| json!({ "run": run, "was": old, "becomes": new }))
        .collect();
    let rows = Value::rows(rows);
    tx.execute(
        sql!("UPDATE messages SET step = r.becomes FROM "
            {rows "$1" (run TEXT, was TEXT, becomes TEXT)}
            "WHERE messages.run = r.run AND messages.step = r.was"),
        vec![rows.clone()],
    )
    .await?;
    tx.execute(
        sql!("UPDATE tasks SET step = r.becomes FROM "
            {rows "$1" (run TEXT, was TEXT, becomes TEXT)}
            "WHERE tasks.run = r.run AND tasks.step = r.was"),
        vec![rows],
    )
    .await?;
    Ok(())
}

/// Takes back those of the runs that can go. However many there are, each table is asked and changed
/// a fixed number of times.
async fn take_back(
    tx: &mut Tx,
    rewinds: &[Rewind],
    by: &Actor,
    now: Timestamp,
) -> Result<Vec<Changed>, StoreError> {
    let ids: Vec<RunId> = rewinds.iter().map(|rewind| rewind.run.id).collect();
    let found = lock(tx, &ids).await?;
    // Once they are locked, nobody grants a message for one of the steps.
    tx.fetch(intervene::open_approvals(), vec![Value::json(&ids)]).await?;
    let sent: BTreeSet<(RunId, String)> = tx
        .fetch(
            sql!("SELECT run, step FROM messages WHERE run" {among "$1"}),
            vec![Value::json(&ids)],
        )
        .await?
        .iter()
        .map(|row| Ok((row.word("run")?, row.text("step")?)))
        .collect::<Result<_, StoreError>>()?;

    let mut answers = Vec::with_capacity(rewinds.len());
    let mut back: BTreeMap<RunId, &Rewind> = BTreeMap::new();
    for rewind in rewinds {
        let id = rewind.run.id;
        let is_sent = || rewind.again.iter().any(|step| sent.contains(&(id, step.clone())));
        let answer = match found.get(&id) {
            None => Changed::NotFound,
            Some(run) if run.held || !run.is_still(&rewind.run) => Changed::MovedOn,
            Some(_) if back.contains_key(&id) || is_sent() => Changed::MovedOn,
            Some(_) => {
                back.insert(id, rewind);
                Changed::Done
            }
        };
        answers.push(answer);
    }
    if back.is_empty() {
        return Ok(answers);
    }
    let is_again = |run: &RunId, step: &str| {
        back.get(run).is_some_and(|rewind| rewind.again.iter().any(|again| again == step))
    };
    let ids: Vec<RunId> = back.keys().copied().collect();
    let meant = |approval: &Approval| is_again(&approval.run, &approval.step);
    let withdrawn = intervene::withdraw(tx, &ids, meant, now).await?;
    let steps: Vec<_> = back
        .iter()
        .flat_map(|(id, rewind)| rewind.again.iter().map(move |step| (id, step)))
        .map(|(id, step)| json!({ "run": id, "again": step }))
        .collect();
    // A run has one task for a step: what was made makes room for what will be.
    tx.execute(
        sql!("UPDATE tasks SET step = tasks.step || '#' || tasks.id, "
            "status = CASE WHEN tasks.status = 'open' THEN 'cancelled' ELSE tasks.status END FROM "
            {rows "$1" (run TEXT, again TEXT)}
            "WHERE tasks.run = r.run AND tasks.step = r.again"),
        vec![Value::json(&steps)],
    )
    .await?;
    tx.stir(Work::Runs);
    let rows: Vec<_> = back
        .iter()
        .map(|(id, rewind)| {
            json!({
                "id": id,
                "step": rewind.progress.step,
                "progress": json!(rewind.progress).to_string(),
            })
        })
        .collect();
    tx.execute(
        sql!("UPDATE runs SET status = 'active', step = r.step, progress = r.progress, "
            "wake_at = $2, changed_at = $2, wakes = wakes + 1, lease_token = lease_token + 1, "
            "lease_until = NULL, claims = 0 FROM " {rows "$1" (id TEXT, step TEXT, progress TEXT)}
            "WHERE runs.id = r.id"),
        vec![Value::rows(rows), Value::from(now)],
    )
    .await?;
    let mut events = Vec::with_capacity(back.len() + withdrawn.len());
    for (id, rewind) in &back {
        let event = Event::RunRewound {
            from: rewind.run.progress.step.clone(),
            to: rewind.progress.step.clone(),
            again: rewind.again.clone(),
        };
        events.push(NewEvent::of_run(*id, now, by.clone(), event));
    }
    for approval in withdrawn {
        let event = Event::ApprovalWithdrawn { approval: approval.id };
        events.push(NewEvent::of_run(approval.run, now, by.clone(), event));
    }
    trail::append(tx, &events).await?;
    Ok(answers)
}
