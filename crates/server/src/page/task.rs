//! `/tasks`: work for people.

use axum::{
    extract::State,
    response::{Html, Redirect},
};
use domain::{id::TaskId, port::TaskFilter, task::TaskStatus, user::Role};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Reads},
    cursor,
    extract::{Fields, Id, Params, blank},
    guard::Caller,
    page::{Choice, Total, done, line::TaskLine, link},
    problem::Problem,
};

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    #[serde(deserialize_with = "blank")]
    status: Option<TaskStatus>,
    /// `me` or `all`.
    #[serde(deserialize_with = "blank")]
    who: Option<String>,
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    done: Option<String>,
}

/// The list.
#[derive(Debug, Default, Serialize)]
pub(crate) struct List {
    pub(crate) lines: Vec<TaskLine>,
    pub(crate) total: Total,
    pub(crate) statuses: Vec<Choice>,
    pub(crate) who: Vec<Choice>,
    pub(crate) more: Option<String>,
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    caller: Caller,
    Params(ask): Params<Ask>,
) -> Result<Html<String>, Problem> {
    let now = reads.now();
    let default = if caller.user().role == Role::Csm { "me" } else { "all" };
    let who = ask.who.as_deref().unwrap_or(default);
    let status = ask.status.unwrap_or(TaskStatus::Open);
    let filter = TaskFilter {
        status: Some(status),
        assignee: (who == "me").then(|| caller.user().id),
        ..TaskFilter::default()
    };
    let page = cursor::page("tasks", ask.cursor.as_deref(), None)?;
    let tasks = cursor::hand_out("tasks", reads.tasks(&filter, &page).await?);
    let names = reads.names(tasks.items.iter().map(|task| task.account).collect()).await?;
    let view = List {
        lines: tasks.items.iter().map(|task| TaskLine::new(task, &names, now)).collect(),
        total: Total::of(&tasks),
        statuses: TaskStatus::ALL
            .iter()
            .map(|each| Choice::new(each.as_str(), each.as_str(), Some(status.as_str())))
            .collect(),
        who: vec![
            Choice::new("me", "Mine", Some(who)),
            Choice::new("all", "Everybody's", Some(who)),
        ],
        more: tasks.next.as_deref().map(|cursor| {
            let status = ask.status.map(TaskStatus::as_str);
            link("/tasks", &[("status", status), ("who", Some(who)), ("cursor", Some(cursor))])
        }),
    };
    let frame = reads.frame(&caller, "Tasks", "tasks").await?.done(ask.done.as_deref());
    reads.screens().render("tasks.html", &frame, &view)
}

/// The form under a task.
#[derive(Debug, Deserialize)]
pub(crate) struct Finish {
    outcome: String,
}

pub(crate) async fn finish(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<TaskId>,
    Fields(Finish { outcome }): Fields<Finish>,
) -> Result<Redirect, Problem> {
    app.finish(id, &outcome, &caller).await?;
    Ok(done("/tasks", "finished"))
}
