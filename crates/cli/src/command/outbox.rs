//! `playgate outbox`: messages on their way out.

use domain::{page::PageRequest, port::Outbox as _, user::Permission};
use serde_json::json;

use crate::{
    app::App,
    arguments::{Outbox, OutboxCommand},
    bad_input,
    output::relative,
};

/// Runs the command.
pub async fn run(app: &App, outbox: Outbox) -> anyhow::Result<()> {
    match outbox.command {
        OutboxCommand::List { status, limit, cursor } => {
            app.require(Permission::Read).await?;
            let status = status.map(|status| status.parse()).transpose()?;
            let page = app.store.messages(status, &PageRequest { cursor, limit }).await?;
            let now = app.clock.now();
            let rows = page
                .items
                .iter()
                .map(|message| {
                    vec![
                        message.id.to_string(),
                        message.status.to_string(),
                        message.run.to_string(),
                        message.step.clone(),
                        message.attempts.to_string(),
                        relative(message.queued_at, now),
                        message.note.clone(),
                    ]
                })
                .collect();
            let columns = ["message", "state", "run", "step", "attempts", "granted", "note"];
            app.out.list(&page, &columns, rows, "No messages.")?;
            for kill in app.store.kills().await? {
                app.out.say(&format!("Sending is stopped: {}", kill.in_words()));
            }
            if let Some(next) = &page.next {
                app.out
                    .say(&format!("{} in all; go on with --cursor {next}", page.total_in_words()));
            }
            Ok(())
        }
        OutboxCommand::Show { id } => {
            app.require(Permission::Read).await?;
            let id = id.parse()?;
            let Some(message) = app.store.message(id).await? else {
                bad_input!("there is no message `{id}`; `playgate outbox list` shows them");
            };
            app.out.answer(&message, &serde_json::to_string_pretty(&message)?)
        }
        OutboxCommand::Resolve { id, arrived, resend: _ } => {
            let by = app.actor(Permission::Decide).await?;
            let id = id.parse()?;
            if !app.store.resolve(id, arrived, &by, app.clock.now()).await? {
                bad_input!(
                    "message `{id}` is neither uncertain nor failed; \
                     `playgate outbox list --status uncertain` shows what there is to resolve"
                );
            }
            let what = if arrived { "counts as arrived" } else { "will be sent again" };
            app.out.answer(&json!({ "message": id, "arrived": arrived }), &format!("{id} {what}."))
        }
    }
}
