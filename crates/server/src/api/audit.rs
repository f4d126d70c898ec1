//! `/v1/audit`: the trail.

use axum::{
    Json,
    extract::{Path, State},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Reads},
    cursor::page,
    extract::{Params, blank},
    operator::AuditReport,
    problem::Problem,
    timeline::{self, Entry},
};

/// Which part of a stream.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// Events after this number.
    #[serde(deserialize_with = "blank")]
    cursor: Option<i64>,
    /// At most this many, 1 to 200; 50 without it.
    #[serde(deserialize_with = "blank")]
    limit: Option<u32>,
}

/// A part of a stream.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditView")]
pub(crate) struct View {
    /// The events, in order.
    items: Vec<Entry>,
    /// Where the next part begins; none when this was the last.
    next: Option<String>,
}

/// `stream` is a run's id, or `policy`, `playbook`, `user`, `switch`, `import`, `signal`.
pub(crate) async fn events(
    State(reads): State<Reads>,
    Path(stream): Path<String>,
    Params(filter): Params<Filter>,
) -> Result<Json<View>, Problem> {
    let page = page("audit", None, filter.limit)?;
    let after = filter.cursor.unwrap_or(0);
    let events = reads.events(&stream, after, page.limit).await?;
    if events.is_empty() && after == 0 {
        return Err(Problem::missing("stream", &stream));
    }
    let names = reads.names(Vec::new()).await?;
    let full = events.len() == page.limit as usize;
    Ok(Json(View {
        next: events.last().filter(|_| full).map(|event| event.seq.to_string()),
        items: events.iter().map(|event| timeline::entry(event, &names)).collect(),
    }))
}

pub(crate) async fn verify(State(app): State<App>) -> Result<Json<AuditReport>, Problem> {
    Ok(Json(app.services.operator.verify_audit().await?))
}
