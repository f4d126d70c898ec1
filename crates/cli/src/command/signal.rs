//! `playgate signal`: hand in a signal by hand.

use domain::{port::Journal as _, signal::NewSignal, user::Permission};
use serde_json::{Value, json};

use crate::{app::App, arguments::Signal, bad_input};

/// Runs the command.
pub async fn run(app: &App, signal: Signal) -> anyhow::Result<()> {
    let user = app.require(Permission::Operate).await?;
    let data: Value = match serde_json::from_str(&signal.details) {
        Ok(data @ Value::Object(_)) => data,
        Ok(_) => bad_input!("`--details` must be a JSON object, as in '{{\"milestone\": \"x\"}}'"),
        Err(err) => bad_input!("`--details` is not JSON: {err}"),
    };
    let dotted = signal.kind.contains('.')
        && signal.kind.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c));
    if !dotted {
        bad_input!("`{}` is no signal kind; write it dotted, as in `email.replied`", signal.kind);
    }
    let account = app.account(&signal.account).await?;
    let now = app.clock.now();
    let new = NewSignal {
        source: format!("cli:{}", user.id),
        event_id: signal.event_id.unwrap_or_else(|| app.clock.uuid().to_string()),
        kind: signal.kind,
        account: account.id,
        at: now,
        data,
        run: signal.run.map(|run| run.parse()).transpose()?,
    };
    let stored = app.store.signal(vec![new], now).await?;
    app.run_if_embedded().await?;
    match stored.first() {
        Some(stored) => app.out.answer(
            &stored,
            &format!("{} {} for {} was taken in.", stored.id, stored.kind, account.name),
        ),
        None => app.out.answer(&json!({ "known": true }), "This event was handed in before."),
    }
}
