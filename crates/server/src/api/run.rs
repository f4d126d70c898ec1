//! `/v1/runs`: playbooks at work.

use axum::{Json, extract::State, http::StatusCode};
use domain::{
    id::{AccountId, RunId},
    page::Page,
    run::{Intervention, Run, RunStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Reads},
    bulk::{Ask, Report, Selection},
    cursor::{self, page},
    extract::{Body, Id, Params, blank},
    guard::Caller,
    problem::Problem,
    timeline::{self, Entry},
};

/// Events of one run that are shown at once; a run has far fewer.
const EVENTS: u32 = 1000;

/// Which runs to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only these.
    #[serde(deserialize_with = "blank")]
    status: Option<RunStatus>,
    /// Only of this playbook.
    #[serde(deserialize_with = "blank")]
    playbook: Option<String>,
    /// Only for this account.
    #[serde(deserialize_with = "blank")]
    account: Option<AccountId>,
    /// Only at this step; without `status`, only runs that are not over.
    #[serde(deserialize_with = "blank")]
    step: Option<String>,
    /// Only pinned to this version of their playbook (the whole hash); without `status`, only runs
    /// that are not over.
    #[serde(deserialize_with = "blank")]
    version: Option<String>,
    /// Only stuck with this code, for example `model-unreachable`.
    #[serde(deserialize_with = "blank")]
    code: Option<String>,
    /// Only started longer ago than this, for example `3d`.
    #[serde(deserialize_with = "blank")]
    older_than: Option<String>,
    /// Where the last page ended.
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    /// At most this many, 1 to 200; 50 without it.
    #[serde(deserialize_with = "blank")]
    limit: Option<u32>,
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    Params(filter): Params<Filter>,
) -> Result<Json<Page<Run>>, Problem> {
    let Filter { status, playbook, account, step, version, code, older_than, cursor, limit } =
        filter;
    let selection = Selection { status, playbook, account, step, version, code, older_than };
    let page = page("runs", cursor.as_deref(), limit)?;
    let runs = reads.runs(&selection.filter(reads.now())?, &page).await?;
    Ok(Json(cursor::hand_out("runs", runs)))
}

/// Looks at what would be done to many runs, or does it.
pub(crate) async fn bulk(
    State(app): State<App>,
    caller: Caller,
    Body(ask): Body<Ask>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(app.bulk(&ask, &caller).await?))
}

/// A run with what happened in it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunView")]
pub(crate) struct View {
    /// The run.
    run: Run,
    /// The account's name.
    account_name: String,
    /// What it waits for, in words.
    waits_for: String,
    /// What happened, in order.
    timeline: Vec<Entry>,
}

impl Reads {
    /// A run's events, in order, in words.
    pub(crate) async fn timeline(&self, run: &Run) -> Result<(String, Vec<Entry>), Problem> {
        let names = self.names(vec![run.account]).await?;
        let events = self.events(&run.id.to_string(), 0, EVENTS).await?;
        let entries = events.iter().map(|event| timeline::entry(event, &names)).collect();
        Ok((names.account(run.account), entries))
    }
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    Id(id): Id<RunId>,
) -> Result<Json<View>, Problem> {
    let run = reads.run(id).await?;
    let (account_name, timeline) = reads.timeline(&run).await?;
    let waits_for = reads.waits_for(&run).await?;
    Ok(Json(View { run, account_name, waits_for, timeline }))
}

/// Starts a run by hand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StartRun")]
pub(crate) struct Start {
    /// The playbook's name.
    playbook: String,
    /// The account.
    account: AccountId,
}

pub(crate) async fn start(
    State(app): State<App>,
    caller: Caller,
    Body(Start { playbook, account }): Body<Start>,
) -> Result<(StatusCode, Json<Run>), Problem> {
    let id = app.start(&playbook, account, &caller).await?;
    Ok((StatusCode::CREATED, Json(app.reads().run(id).await?)))
}

pub(crate) async fn pause(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Json<Run>, Problem> {
    Ok(Json(app.intervene(id, &caller, Intervention::Pause).await?))
}

pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Json<Run>, Problem> {
    Ok(Json(app.intervene(id, &caller, Intervention::Resume).await?))
}

/// Ends a run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CancelRun")]
pub(crate) struct Cancel {
    /// Why.
    reason: String,
}

pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
    Body(Cancel { reason }): Body<Cancel>,
) -> Result<Json<Run>, Problem> {
    Ok(Json(app.intervene(id, &caller, Intervention::Cancel { reason }).await?))
}

pub(crate) async fn retry(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Json<Run>, Problem> {
    Ok(Json(app.intervene(id, &caller, Intervention::Retry).await?))
}

/// Takes a run back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RetryRunFrom")]
pub(crate) struct RetryFrom {
    /// The step to do again, with all that come after it.
    step: String,
}

pub(crate) async fn retry_from(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
    Body(RetryFrom { step }): Body<RetryFrom>,
) -> Result<Json<Run>, Problem> {
    Ok(Json(app.retry_from(id, &step, &caller).await?))
}
