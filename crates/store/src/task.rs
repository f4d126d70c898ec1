//! Tasks as stored.

use std::collections::{BTreeSet, HashMap, HashSet};

use domain::{
    event::{Event, NewEvent},
    id::{RunId, TaskId},
    page::{Page, PageRequest},
    port::{StoreError, TaskFilter},
    task::Task,
    user::Actor,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::{
    connection::Tx,
    gather,
    open::Store,
    page,
    row::Row,
    run,
    sql::{Assembled, Value, sql},
    trail,
};

fn read(row: &Row) -> Result<Task, StoreError> {
    Ok(Task {
        id: row.word("id")?,
        kind: row.word("kind")?,
        account: row.word("account")?,
        run: row.word("run")?,
        step: row.text("step")?,
        team: row.word("team")?,
        assignee: row.maybe_word("assignee")?,
        title: row.text("title")?,
        body: row.text("body")?,
        created_at: row.at("created_at")?,
        due_at: row.at("due_at")?,
        status: row.word("status")?,
        outcome: row.get("outcome")?,
    })
}

/// Stores tasks, leaving alone those of a run and step that has one.
pub(crate) async fn put(tx: &mut Tx, tasks: &[Task]) -> Result<(), StoreError> {
    let rows: Vec<_> = tasks
        .iter()
        .map(|task| {
            json!({
                "id": task.id,
                "kind": task.kind,
                "account": task.account,
                "run": task.run,
                "step": task.step,
                "team": task.team,
                "assignee": task.assignee,
                "title": task.title,
                "body": task.body,
                "created_at": task.created_at.as_microsecond(),
                "due_at": task.due_at.as_microsecond(),
                "status": task.status,
                "outcome": task.outcome,
            })
        })
        .collect();
    tx.execute(
        sql!("INSERT INTO tasks (id, kind, account, run, step, team, assignee, title, body, "
            "created_at, due_at, status, outcome) "
            "SELECT r.id, r.kind, r.account, r.run, r.step, r.team, r.assignee, r.title, r.body, "
            "r.created_at, r.due_at, r.status, r.outcome FROM "
            {rows "$1" (
                id TEXT, kind TEXT, account TEXT, run TEXT, step TEXT, team TEXT, assignee TEXT,
                title TEXT, body TEXT, created_at BIGINT, due_at BIGINT, status TEXT, outcome TEXT
            )}
            "WHERE true ON CONFLICT DO NOTHING"),
        vec![Value::rows(rows)],
    )
    .await?;
    Ok(())
}

impl Store {
    pub(crate) async fn list_tasks(
        &self,
        filter: &TaskFilter,
        request: &PageRequest,
    ) -> Result<Page<Task>, StoreError> {
        let after: Option<(Timestamp, TaskId)> = page::after(request)?;
        let narrow = |mut query: Assembled| {
            if let Some(status) = filter.status {
                query.clause_with(" AND status = ?", [Value::word(status)]);
            }
            if let Some(account) = filter.account {
                query.clause_with(" AND account = ?", [Value::word(account)]);
            }
            if let Some(run) = filter.run {
                query.clause_with(" AND run = ?", [Value::word(run)]);
            }
            query
        };
        let sift = |mut query: Assembled| {
            if let Some(assignee) = filter.assignee {
                query.clause_with(" AND assignee = ?", [Value::word(assignee)]);
            }
            query
        };
        let mut count = sift(Assembled::new("SELECT COUNT(*) AS looked, COUNT(CASE WHEN 1 = 1"));
        count.clause(if filter.assignee.is_some() {
            " THEN 1 END) AS n FROM (SELECT assignee FROM tasks WHERE 1 = 1"
        } else {
            " THEN 1 END) AS n FROM (SELECT 1 FROM tasks WHERE 1 = 1"
        });
        let mut count = narrow(count);
        count.clause_with(
            " ORDER BY due_at, id LIMIT +?) AS looked_at",
            [Value::from(page::LOOKED_AT)],
        );
        let mut list = sift(narrow(Assembled::new(
            "SELECT id, kind, account, run, step, team, assignee, title, body, created_at, due_at, \
             status, outcome FROM tasks WHERE 1 = 1",
        )));
        if let Some((due, id)) = after {
            list.clause_with(" AND (due_at, id) > (?, ?)", [Value::from(due), Value::word(id)]);
        }
        list.clause_with(" ORDER BY due_at, id LIMIT +?", [Value::from(page::rows(request))]);
        let (tasks, total) = self.list(list, count, read).await?;
        Ok(page::of(request, tasks, total, |last| (last.due_at, last.id)))
    }

    pub(crate) async fn read_task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.gatherers().tasks.ask(self, id).await
    }

    pub(crate) async fn close_task(&self, finish: Finish) -> Result<bool, StoreError> {
        self.gatherers().finishes.ask(self, finish).await
    }
}

/// A task that somebody finished.
#[derive(Clone)]
pub(crate) struct Finish {
    pub(crate) task: TaskId,
    pub(crate) outcome: String,
    pub(crate) by: Actor,
    pub(crate) now: Timestamp,
}

#[derive(Serialize)]
struct Closing<'a> {
    id: TaskId,
    outcome: &'a str,
}

/// The tasks of all who finish one.
pub(crate) fn finish_each(
    tx: &mut Tx,
    finished: Vec<Finish>,
) -> BoxFuture<'_, Result<Vec<bool>, StoreError>> {
    Box::pin(close(tx, finished))
}

/// Closes tasks that are open; tells for each whether it was.
async fn close(tx: &mut Tx, finished: Vec<Finish>) -> Result<Vec<bool>, StoreError> {
    // Of two who finish one task in one batch, the first does.
    let mut seen = HashSet::new();
    let first: Vec<bool> = finished.iter().map(|finish| seen.insert(finish.task)).collect();
    let rows: Vec<Closing<'_>> = finished
        .iter()
        .zip(&first)
        .filter(|(_, first)| **first)
        .map(|(finish, _)| Closing { id: finish.task, outcome: &finish.outcome })
        .collect();
    if tx.is_postgres() {
        let runs: BTreeSet<RunId> = tx
            .fetch(
                sql!("SELECT run FROM tasks WHERE id" {among "$1"}),
                vec![Value::json(&rows.iter().map(|row| row.id).collect::<Vec<_>>())],
            )
            .await?
            .iter()
            .map(|row| row.word("run"))
            .collect::<Result<_, _>>()?;
        run::lock_all(tx, &runs).await?;
    }
    let closed: HashMap<TaskId, RunId> = tx
        .fetch(
            sql!("UPDATE tasks SET status = 'done', outcome = r.outcome FROM "
                {rows "$1" (id TEXT, outcome TEXT)}
                // Not by the index on the status, which SQLite would go through once for each row.
                "WHERE tasks.id = r.id AND tasks.status || '' = 'open' "
                "RETURNING tasks.id AS id, tasks.run AS run"),
            vec![Value::json(&rows)],
        )
        .await?
        .iter()
        .map(|row| Ok((row.word("id")?, row.word("run")?)))
        .collect::<Result<_, StoreError>>()?;
    let mut answers = Vec::with_capacity(finished.len());
    let mut events = Vec::new();
    let mut at = Timestamp::MAX;
    for (finish, first) in finished.into_iter().zip(first) {
        let run = closed.get(&finish.task).filter(|_| first);
        answers.push(run.is_some());
        if let Some(run) = run {
            at = at.min(finish.now);
            let outcome = for_trail(&finish.outcome).to_owned();
            let event = Event::TaskFinished { task: finish.task, outcome };
            events.push(NewEvent::of_run(*run, finish.now, finish.by, event));
        }
    }
    run::wake_all(tx, closed.into_values().collect(), &[], at).await?;
    trail::append(tx, &events).await?;
    Ok(answers)
}

/// An outcome as the trail keeps it for ever: one plain word, for anything else may be personal.
fn for_trail(outcome: &str) -> &str {
    let is_word = (1..=20).contains(&outcome.len())
        && outcome.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { outcome } else { "noted" }
}

async fn find_all(tx: &mut Tx, ids: &[TaskId]) -> Result<HashMap<TaskId, Task>, StoreError> {
    tx.fetch(
        sql!("SELECT id, kind, account, run, step, team, assignee, title, body, created_at, "
            "due_at, status, outcome FROM tasks WHERE id" {among "$1"}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| read(row).map(|task| (task.id, task)))
    .collect()
}

/// The tasks of all who ask.
pub(crate) fn find_each(
    tx: &mut Tx,
    ids: Vec<TaskId>,
) -> BoxFuture<'_, Result<Vec<Option<Task>>, StoreError>> {
    Box::pin(async move { Ok(gather::in_order(&ids, &find_all(tx, &ids).await?)) })
}
