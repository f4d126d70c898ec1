//! `/v1/kills`: the kill switch.

use axum::{Json, extract::State};
use domain::killswitch::Kill;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{App, Reads},
    extract::Body,
    guard::Caller,
    problem::Problem,
};

pub(crate) async fn list(State(reads): State<Reads>) -> Result<Json<Vec<Kill>>, Problem> {
    Ok(Json(reads.kills().await?))
}

/// Stops sending.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Engage {
    /// `all`, `playbook:NAME`, `action:NAME` or `account:acc_…`.
    scope: String,
    /// Why, for everybody who wonders.
    reason: String,
}

pub(crate) async fn engage(
    State(app): State<App>,
    caller: Caller,
    Body(Engage { scope, reason }): Body<Engage>,
) -> Result<Json<Vec<Kill>>, Problem> {
    app.kill(&scope, &reason, &caller).await?;
    Ok(Json(app.reads().kills().await?))
}

/// Starts sending again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    /// The scope that was stopped.
    scope: String,
}

pub(crate) async fn release(
    State(app): State<App>,
    caller: Caller,
    Body(Release { scope }): Body<Release>,
) -> Result<Json<Vec<Kill>>, Problem> {
    app.unkill(&scope, &caller).await?;
    Ok(Json(app.reads().kills().await?))
}
