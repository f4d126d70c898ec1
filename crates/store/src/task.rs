//! Tasks as stored.

use domain::{
    event::{Event, NewEvent},
    id::TaskId,
    page::{Page, PageRequest},
    port::{StoreError, TaskFilter},
    task::{Task, TaskStatus},
    user::Actor,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
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
        vec![Value::json(&rows)],
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
                query.bind(" AND status = ?", [Value::word(status)]);
            }
            if let Some(assignee) = filter.assignee {
                query.bind(" AND assignee = ?", [Value::word(assignee)]);
            }
            if let Some(account) = filter.account {
                query.bind(" AND account = ?", [Value::word(account)]);
            }
            if let Some(run) = filter.run {
                query.bind(" AND run = ?", [Value::word(run)]);
            }
            query
        };
        let count = narrow(Assembled::new("SELECT COUNT(*) AS n FROM tasks WHERE 1 = 1"));
        let mut list = narrow(Assembled::new(
            "SELECT id, kind, account, run, step, team, assignee, title, body, created_at, due_at, \
             status, outcome FROM tasks WHERE 1 = 1",
        ));
        if let Some((due, id)) = after {
            list.bind(" AND (due_at, id) > (?, ?)", [Value::from(due), Value::word(id)]);
        }
        list.bind(" ORDER BY due_at, id LIMIT ?", [Value::from(page::rows(request))]);
        let (tasks, total) = self.list(list, count, read).await?;
        Ok(page::of(request, tasks, total, |last| (last.due_at, last.id)))
    }

    pub(crate) async fn read_task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.read(move |tx| Box::pin(find(tx, id))).await
    }

    pub(crate) async fn close_task(
        &self,
        id: TaskId,
        outcome: String,
        by: Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let Some(task) = find(tx, id).await? else { return Ok(false) };
                run::lock(tx, task.run).await?;
                let closed = tx
                    .execute(
                        sql!("UPDATE tasks SET status = $2, outcome = $3 "
                            "WHERE id = $1 AND status = 'open'"),
                        vec![
                            Value::word(id),
                            Value::word(TaskStatus::Done),
                            Value::from(outcome.as_str()),
                        ],
                    )
                    .await?;
                if closed != 1 {
                    return Ok(false);
                }
                run::wake(tx, task.run, now).await?;
                let outcome = for_trail(&outcome).to_owned();
                let event = Event::TaskFinished { task: id, outcome };
                trail::append(tx, &[NewEvent::of_run(task.run, now, by, event)]).await?;
                Ok(true)
            })
        })
        .await
    }
}

/// An outcome as the trail keeps it for ever: one plain word, for anything else may be personal.
fn for_trail(outcome: &str) -> &str {
    let is_word = (1..=20).contains(&outcome.len())
        && outcome.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { outcome } else { "noted" }
}

async fn find(tx: &mut Tx, id: TaskId) -> Result<Option<Task>, StoreError> {
    tx.one(
        sql!("SELECT id, kind, account, run, step, team, assignee, title, body, created_at, "
            "due_at, status, outcome FROM tasks WHERE id = $1"),
        vec![Value::word(id)],
    )
    .await?
    .as_ref()
    .map(read)
    .transpose()
}
