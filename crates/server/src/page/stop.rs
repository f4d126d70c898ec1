//! `/stop`: the kill switch.

use axum::{
    extract::State,
    http::StatusCode,
    response::{Html, Redirect},
};
use domain::action::{ActionName, Audience};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Reads},
    extract::{Fields, Params},
    guard::Caller,
    page::{Choice, Done, done},
    problem::Problem,
    timeline,
};

/// Everything on the page; the stops in force are in the frame.
#[derive(Debug, Default, Serialize)]
pub(crate) struct View {
    pub(crate) scopes: Vec<Choice>,
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    caller: Caller,
    Params(ask): Params<Done>,
) -> Result<Html<String>, Problem> {
    let mut scopes = vec![Choice::new("all", "Everything", Some("all"))];
    for playbook in reads.playbooks().await? {
        let label = format!("Playbook {}", playbook.name);
        scopes.push(Choice::new(&format!("playbook:{}", playbook.name), label, None));
    }
    for name in ActionName::ALL.iter().filter(|name| name.audience() == Audience::Customer) {
        let label = format!("Action: {}", timeline::action(*name));
        scopes.push(Choice::new(&format!("action:{name}"), label, None));
    }
    let frame = reads.frame(&caller, "Stop sending", "stop").await?.done(ask.done.as_deref());
    reads.screens().render("stop.html", &frame, &View { scopes })
}

/// The form that stops. The word must be typed, so that it does not happen by a slip.
#[derive(Debug, Deserialize)]
pub(crate) struct Engage {
    scope: String,
    #[serde(default)]
    account: String,
    reason: String,
    confirm: String,
}

pub(crate) async fn engage(
    State(app): State<App>,
    caller: Caller,
    Fields(form): Fields<Engage>,
) -> Result<Redirect, Problem> {
    typed(&form.confirm, "stop")?;
    let account = form.account.trim();
    let scope = if account.is_empty() { form.scope.clone() } else { format!("account:{account}") };
    app.kill(&scope, &form.reason, &caller).await?;
    Ok(done("/stop", "stopped"))
}

/// The form that starts again.
#[derive(Debug, Deserialize)]
pub(crate) struct Release {
    scope: String,
    confirm: String,
}

pub(crate) async fn release(
    State(app): State<App>,
    caller: Caller,
    Fields(form): Fields<Release>,
) -> Result<Redirect, Problem> {
    typed(&form.confirm, "send")?;
    app.unkill(&form.scope, &caller).await?;
    Ok(done("/stop", "released"))
}

pub(crate) fn typed(given: &str, wanted: &str) -> Result<(), Problem> {
    if given.trim().eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "not-confirmed",
        format!("nothing was changed: type the word `{wanted}` to confirm"),
    )
    .field("confirm"))
}
