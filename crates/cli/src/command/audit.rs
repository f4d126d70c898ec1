//! `playgate audit`: verify and show the trail.

use domain::{port::Ledger as _, user::Permission};
use serde_json::json;

use crate::{
    app::App,
    arguments::{Audit, AuditCommand},
    audit, bad_input,
    command::run::line,
    failure::Found,
};

/// Runs the command.
pub async fn run(app: &App, command: Audit) -> anyhow::Result<()> {
    app.require(Permission::Audit).await?;
    match command.command {
        AuditCommand::Verify => {
            let bar = app.out.progress("events checked", 0);
            let report = audit::verify(&*app.ledger, &|events| bar.set_position(events)).await?;
            bar.finish_and_clear();
            let scope = format!(
                "{} events in {} streams, {} checkpoints",
                report.events, report.streams, report.checkpoints
            );
            if report.intact {
                return app.out.answer(&report, &format!("true: {scope}, none changed."));
            }
            let faults = report.faults.join("\n  ");
            app.out.answer(&report, &format!("false: {scope}.\n  {faults}"))?;
            Err(Found("the audit trail does not verify".to_owned()).into())
        }
        AuditCommand::Show { stream } => {
            let events = audit::stream(&*app.ledger, &stream).await?;
            if events.is_empty() {
                bad_input!(
                    "there is no stream `{stream}`; give a run (`playgate run list`), `policy`, \
                     `playbook`, `switch`, `user`, `import` or `signal`"
                );
            }
            let names = app.names().await?;
            let entries: Vec<_> =
                events.iter().map(|event| server::timeline::entry(event, &names)).collect();
            let text: Vec<String> = entries
                .iter()
                .map(|entry| format!("{:>4}  {}  {}", entry.seq, &entry.hash[..12], line(entry)))
                .collect();
            app.out.answer(&entries, &text.join("\n"))
        }
        AuditCommand::Checkpoint => {
            let number = app.store.checkpoint(app.clock.now()).await?;
            let text = match number {
                Some(number) => format!("Checkpoint {number} was taken."),
                None => "Nothing changed since the last checkpoint.".to_owned(),
            };
            app.out.answer(&json!({ "checkpoint": number }), &text)
        }
    }
}
