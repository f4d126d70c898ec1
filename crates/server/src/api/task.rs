//! `/v1/tasks`: work for people.

use axum::{Json, extract::State};
use domain::{
    id::{AccountId, RunId, TaskId},
    page::Page,
    port::TaskFilter,
    task::{Task, TaskStatus},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{App, Reads},
    cursor::{self, page},
    extract::{Body, Id, Params, blank},
    guard::Caller,
    problem::Problem,
};

/// Which tasks to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only in this state.
    #[serde(deserialize_with = "blank")]
    status: Option<TaskStatus>,
    /// Only for this person: an id, an e-mail address, or `me`.
    #[serde(deserialize_with = "blank")]
    assignee: Option<String>,
    /// Only of this account.
    #[serde(deserialize_with = "blank")]
    account: Option<AccountId>,
    /// Only of this run.
    #[serde(deserialize_with = "blank")]
    run: Option<RunId>,
    /// Where the last page ended.
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    /// At most this many, 1 to 200; 50 without it.
    #[serde(deserialize_with = "blank")]
    limit: Option<u32>,
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<Page<Task>>, Problem> {
    let page = page("tasks", filter.cursor.as_deref(), filter.limit)?;
    let assignee = match filter.assignee.as_deref() {
        None => None,
        Some(who) => Some(reads.person(who, &caller).await?),
    };
    let Filter { status, account, run, .. } = filter;
    let filter = TaskFilter { status, assignee, account, run };
    Ok(Json(cursor::hand_out("tasks", reads.tasks(&filter, &page).await?)))
}

/// Finishes a task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finish {
    /// What came of it; the run that waits for the task sees this.
    outcome: String,
}

pub(crate) async fn finish(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<TaskId>,
    Body(Finish { outcome }): Body<Finish>,
) -> Result<Json<Task>, Problem> {
    Ok(Json(app.finish(id, &outcome, &caller).await?))
}
