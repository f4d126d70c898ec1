//! What operators and their tools ask: health, metrics, the document, who am I.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    message::MessageStatus,
    page::PageRequest,
    port::{QueueFilter, RunFilter, TaskFilter},
    run::RunStatus,
    task::TaskStatus,
    user::User,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{app::Reads, guard::Caller, problem::Problem};

/// How long the database may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn me(caller: Caller) -> Json<User> {
    Json(caller.session.user)
}

/// Whether the server can do its work.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `ok` or `unavailable`.
    status: &'static str,
    /// Whether the database answers and commits: `ok` or `unavailable`.
    database: &'static str,
    /// The server's clock.
    now: Timestamp,
}

pub(crate) async fn health(State(reads): State<Reads>) -> (StatusCode, Json<Health>) {
    let up = matches!(tokio::time::timeout(PATIENCE, reads.ready()).await, Ok(Ok(())));
    let (code, word) =
        if up { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    (code, Json(Health { status: word, database: word, now: reads.now() }))
}

/// Counts what waits for people. They are read when somebody looks, so they are never stale.
async fn count(reads: &Reads) -> Result<(), Problem> {
    let one = PageRequest { cursor: None, limit: 1 };
    let metrics = reads.metrics();
    let waiting = QueueFilter::waiting(reads.now());
    metrics.waiting("approval", reads.queue(&waiting, &one).await?.total);
    let open = TaskFilter { status: Some(TaskStatus::Open), ..TaskFilter::default() };
    metrics.waiting("task", reads.tasks(&open, &one).await?.total);
    let stuck = RunFilter { status: Some(RunStatus::Stuck), ..RunFilter::default() };
    metrics.waiting("stuck_run", reads.runs(&stuck, &one).await?.total);
    for (what, status) in [
        ("uncertain_message", MessageStatus::Uncertain),
        ("failed_message", MessageStatus::Failed),
        ("queued_message", MessageStatus::Queued),
    ] {
        metrics.waiting(what, reads.messages(Some(status), &one).await?.total);
    }
    metrics.waiting("kill", reads.kills().await?.len() as u64);
    Ok(())
}

/// Whether the database is up is not asked of the counts: they may take their time while it is. Nor
/// do scrapes pile up: while one counts, the others show what was counted last.
pub(crate) async fn metrics(State(reads): State<Reads>) -> Response {
    let up = matches!(tokio::time::timeout(PATIENCE, reads.ready()).await, Ok(Ok(())));
    reads.metrics().database(up);
    if up && let Some(turn) = reads.metrics().turn_to_count() {
        let counting = reads.clone();
        let counting = tokio::spawn(async move {
            if count(&counting).await.is_err() {
                tracing::warn!("what waits for people could not be counted");
            }
            drop(turn);
        });
        // It goes on to its end if it takes longer, and keeps its turn until then.
        let _in_time = tokio::time::timeout(PATIENCE, counting).await;
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], reads.metrics().text()).into_response()
}

pub(crate) async fn openapi(State(reads): State<Reads>) -> Response {
    let kind = "application/json";
    ([(header::CONTENT_TYPE, kind)], reads.openapi().to_owned()).into_response()
}
