//! `playgate task`: work for people.

use domain::{
    page::PageRequest,
    port::{Inbox as _, TaskFilter},
    task::TaskStatus,
    user::Permission,
};

use crate::{
    app::App,
    arguments::{Task, TaskCommand},
    bad_input,
    output::relative,
};

/// Runs the command.
pub async fn run(app: &App, task: Task) -> anyhow::Result<()> {
    match task.command {
        TaskCommand::List { mine, account, all } => {
            let user = app.require(Permission::Read).await?;
            let filter = TaskFilter {
                status: (!all).then_some(TaskStatus::Open),
                assignee: mine.then_some(user.id),
                account: match account {
                    Some(account) => Some(app.account(&account).await?.id),
                    None => None,
                },
                run: None,
            };
            let page = app.store.tasks(&filter, &PageRequest { cursor: None, limit: 200 }).await?;
            let now = app.clock.now();
            let rows = page
                .items
                .iter()
                .map(|task| {
                    vec![
                        task.id.to_string(),
                        task.kind.to_string(),
                        task.team.to_string(),
                        task.title.clone(),
                        format!("due {}", relative(task.due_at, now)),
                        task.status.to_string(),
                    ]
                })
                .collect();
            let columns = ["task", "kind", "for", "title", "due", "state"];
            app.out.list(&page, &columns, rows, "No open tasks.")
        }
        TaskCommand::Show { id } => {
            app.require(Permission::Read).await?;
            let id = id.parse()?;
            let Some(task) = app.store.task(id).await? else {
                bad_input!("there is no task `{id}`; `playgate task list` shows them");
            };
            let text = format!(
                "{} ({}, {})\nfor {}, due {}\nrun {} step {}\n\n{}\n{}",
                task.title,
                task.kind,
                task.status,
                task.team,
                task.due_at,
                task.run,
                task.step,
                task.body,
                task.outcome.as_deref().map(|o| format!("\nOutcome: {o}")).unwrap_or_default()
            );
            app.out.answer(&task, text.trim_end())
        }
        TaskCommand::Finish { id, outcome } => {
            let by = app.actor(Permission::Decide).await?;
            let id = id.parse()?;
            if !app.store.finish_task(id, &outcome, &by, app.clock.now()).await? {
                bad_input!("there is no open task `{id}`; `playgate task list` shows them");
            }
            app.out.answer(&serde_json::json!({ "task": id, "outcome": outcome }), "Finished.")
        }
    }
}
