//! `/audit`: the latest events of all streams, and a button that checks them all.

use axum::{extract::State, response::Html};
use serde::Serialize;

use crate::{
    app::{App, Reads},
    guard::Caller,
    operator::AuditReport,
    page::run::EventLine,
    problem::Problem,
    timeline,
};

/// Events shown.
const SHOWN: u32 = 100;

/// Everything on the page.
#[derive(Debug, Default, Serialize)]
pub(crate) struct View {
    pub(crate) events: Vec<EventLine>,
    pub(crate) report: Option<AuditReport>,
}

async fn page(
    reads: &Reads,
    caller: &Caller,
    report: Option<AuditReport>,
) -> Result<Html<String>, Problem> {
    let names = reads.names(Vec::new()).await?;
    let events = reads.recent_events(SHOWN).await?;
    let now = reads.now();
    let events =
        events.iter().map(|event| EventLine::new(timeline::entry(event, &names), now)).collect();
    let frame = reads.frame(caller, "Audit trail", "audit").await?;
    reads.screens().render("audit.html", &frame, &View { events, report })
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    caller: Caller,
) -> Result<Html<String>, Problem> {
    page(&reads, &caller, None).await
}

/// Shows what was found at once, without a redirect: it changes nothing, so repeating it is fine.
pub(crate) async fn verify(
    State(app): State<App>,
    caller: Caller,
) -> Result<Html<String>, Problem> {
    let report = app.services.operator.verify_audit().await?;
    page(&app.reads(), &caller, Some(report)).await
}
