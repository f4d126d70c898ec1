//! `playgate kill` and `playgate unkill`: stop and restart sending.

use domain::{
    killswitch::{Kill as Stop, Scope},
    message::MessageStatus,
    page::PageRequest,
    port::{Catalogue as _, Customers as _, Outbox as _},
    user::Permission,
};
use serde_json::json;

use crate::{
    app::App,
    arguments::{Kill, Unkill},
    bad_input,
};

/// Stops sending.
pub async fn kill(app: &App, kill: Kill) -> anyhow::Result<()> {
    let by = app.actor(Permission::Kill).await?;
    let scope: Scope = kill.scope.parse()?;
    match &scope {
        Scope::Playbook(name) => {
            let known = app.store.active_playbooks().await?;
            if !known.iter().any(|version| version.name == *name) {
                let names: Vec<_> = known.iter().map(|version| version.name.as_str()).collect();
                bad_input!("there is no active playbook `{name}`; there are {}", names.join(", "));
            }
        }
        Scope::Account(id) => {
            if app.store.account(*id).await?.is_none() {
                bad_input!("there is no account `{id}`; `playgate account list` shows them");
            }
        }
        Scope::All | Scope::Action(_) => {}
    }
    let stop = Stop { scope, by, at: app.clock.now(), reason: kill.reason };
    app.store.kill(&stop).await?;
    let queued = Some(MessageStatus::Queued);
    let waiting = app.store.messages(queued, &PageRequest { cursor: None, limit: 1 }).await?;
    let (in_words, waiting) = (waiting.total_in_words(), waiting.total);
    let text = format!(
        "Sending is stopped ({}). {in_words} messages wait in the outbox and stay there. Restart \
         with `playgate unkill {}`.",
        stop.scope, stop.scope
    );
    app.out.answer(&json!({ "scope": stop.scope.to_string(), "waiting": waiting }), &text)
}

/// Restarts sending.
pub async fn unkill(app: &App, unkill: Unkill) -> anyhow::Result<()> {
    let by = app.actor(Permission::Kill).await?;
    let scope: Scope = unkill.scope.parse()?;
    if !app.store.unkill(&scope, &by, app.clock.now()).await? {
        let stopped: Vec<String> =
            app.store.kills().await?.iter().map(|kill| kill.scope.to_string()).collect();
        let stopped = if stopped.is_empty() { "nothing".to_owned() } else { stopped.join(", ") };
        bad_input!("`{scope}` is not stopped; stopped: {stopped}");
    }
    app.out.answer(&json!({ "scope": scope.to_string() }), &format!("Sending goes on ({scope})."))
}
