//! `playgate audit`: verify and show the trail.

use domain::{port::Ledger as _, user::Permission};
use serde_json::json;

use crate::{
    app::App,
    archive,
    arguments::{Audit, AuditCommand},
    audit, bad_input,
    command::{
        archive::{leftover, of_run},
        run::line,
    },
    failure::Found,
    output::Append as _,
};

/// Runs the command.
pub async fn run(app: &App, command: Audit) -> anyhow::Result<()> {
    app.require(Permission::Audit).await?;
    match command.command {
        AuditCommand::Verify { archive } => {
            let bar = app.out.progress("events checked", 0);
            let mut report =
                audit::verify(&*app.ledger, &|events| bar.set_position(events)).await?;
            if archive {
                let folder = archive::folder_or_refuse(&app.config)?;
                let checked = report.events;
                let progress = |events| bar.set_position(events);
                let left =
                    archive::check::files(&*app.ledger, &folder, &mut report, &progress).await?;
                bar.set_position(checked);
                for name in left {
                    app.out.say(&leftover(&name));
                }
            }
            bar.finish_and_clear();
            let mut scope = format!(
                "{} events in {} streams, {} checkpoints",
                report.events, report.streams, report.checkpoints
            );
            if report.archived > 0 && !archive {
                scope.append(format_args!(
                    " ({} streams are in archive files, which --archive reads too)",
                    report.archived
                ));
            }
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
                if let Ok(run) = stream.parse()
                    && let Some(archive) = of_run(app, run).await?
                {
                    bad_input!(
                        "`{run}` is over and in archive `{}`: `playgate archive show {run}`",
                        archive.name
                    );
                }
                bad_input!(
                    "there is no stream `{stream}`; give a run (`playgate run list`), `policy`, \
                     `playbook`, `switch`, `user`, `import`, `signal` or `history`"
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
