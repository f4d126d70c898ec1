//! `playgate run`: what runs are doing, and intervening in them.

use domain::{
    id::RunId,
    page::PageRequest,
    port::{Customers as _, Journal as _, RunFilter},
    run::{Intervened, Intervention, Phase, Run as RunRecord},
    user::Permission,
};
use serde_json::json;

use crate::{
    app::App,
    arguments::{Run, RunCommand},
    audit, bad_input,
    command::archive::of_run,
    output::relative,
};

/// Runs the command.
pub async fn run(app: &App, run: Run) -> anyhow::Result<()> {
    match run.command {
        RunCommand::List { status, playbook, account, limit, cursor } => {
            app.require(Permission::Read).await?;
            let filter = RunFilter {
                status: status.map(|status| status.parse()).transpose()?,
                playbook,
                account: match account {
                    Some(account) => Some(app.account(&account).await?.id),
                    None => None,
                },
                ..RunFilter::default()
            };
            list(app, &filter, PageRequest { cursor, limit }).await
        }
        RunCommand::Show { id } => {
            app.require(Permission::Read).await?;
            show(app, id.parse()?).await
        }
        RunCommand::Pause { id } => intervene(app, &id, Intervention::Pause, "paused").await,
        RunCommand::Resume { id } => intervene(app, &id, Intervention::Resume, "going on").await,
        RunCommand::Cancel { id, reason } => {
            intervene(app, &id, Intervention::Cancel { reason }, "cancelled").await
        }
        RunCommand::Retry { id } => intervene(app, &id, Intervention::Retry, "trying again").await,
    }
}

async fn list(app: &App, filter: &RunFilter, page: PageRequest) -> anyhow::Result<()> {
    let page = app.store.runs(filter, &page).await?;
    let now = app.clock.now();
    let mut rows = Vec::new();
    for run in &page.items {
        let account = app.store.account(run.account).await?;
        rows.push(vec![
            run.id.to_string(),
            run.playbook.clone(),
            account.map(|account| account.name).unwrap_or_default(),
            run.status.to_string(),
            waits_for(run),
            relative(run.started_at, now),
        ]);
    }
    app.out.list(
        &page,
        &["run", "playbook", "account", "state", "waits for", "started"],
        rows,
        "No runs.",
    )?;
    if let Some(next) = &page.next {
        app.out.say(&format!("{} in all; go on with --cursor {next}", page.total));
    }
    Ok(())
}

async fn show(app: &App, id: RunId) -> anyhow::Result<()> {
    let Some(run) = app.store.run(id).await? else {
        if let Some(archive) = of_run(app, id).await? {
            bad_input!(
                "run `{id}` is over and in archive `{}`: `playgate archive show {id}`",
                archive.name
            );
        }
        bad_input!("there is no run `{id}`; `playgate run list` shows them");
    };
    let account = app.store.account(run.account).await?;
    let events = audit::stream(&*app.ledger, &id.to_string()).await?;
    let mut text = format!(
        "{} for {}\n{} · {} · {}\n",
        run.playbook,
        account.map(|account| account.name).unwrap_or_default(),
        run.id,
        run.status,
        waits_for(&run),
    );
    let names = app.names().await?;
    let timeline: Vec<_> =
        events.iter().map(|event| server::timeline::entry(event, &names)).collect();
    for entry in &timeline {
        text.push('\n');
        text.push_str(&line(entry));
    }
    app.out.answer(&json!({ "run": run, "timeline": timeline }), &text)
}

/// One line of a timeline as text.
pub fn line(entry: &server::timeline::Entry) -> String {
    let at = entry.at.strftime("%Y-%m-%d %H:%M:%S");
    format!("{at} UTC  {:<10}  {}", entry.who, entry.says)
}

/// What a run waits for, in words.
pub fn waits_for(run: &RunRecord) -> String {
    if let Some(dead_end) = &run.progress.dead_end {
        return format!("a person: {}", dead_end.why);
    }
    if run.status.is_over() || run.progress.step.is_empty() {
        return "nothing".to_owned();
    }
    let step = &run.progress.step;
    match &run.progress.phase {
        Phase::Ready => format!("its turn (step {step})"),
        Phase::Drafting { .. } => format!("the writer (step {step})"),
        Phase::AwaitingApproval { approval } => format!("a decision on {approval} (step {step})"),
        Phase::AwaitingDelivery { message } => format!("delivery of {message} (step {step})"),
        Phase::AwaitingTask { task, .. } => format!("task {task} (step {step})"),
        Phase::AwaitingSignal { kind, until, .. } => {
            format!("signal {kind} until {} (step {step})", until.strftime("%Y-%m-%d %H:%M"))
        }
        Phase::Sleeping { until } => {
            format!("{} (step {step})", until.strftime("%Y-%m-%d %H:%M"))
        }
    }
}

async fn intervene(app: &App, id: &str, what: Intervention, done: &str) -> anyhow::Result<()> {
    let by = app.actor(Permission::Operate).await?;
    let id: RunId = id.parse()?;
    match app.store.intervene(id, &what, &by, app.clock.now()).await? {
        Intervened::Done => {
            app.out.answer(&json!({ "run": id, "state": done }), &format!("{id} is {done}."))
        }
        Intervened::NotFound => {
            bad_input!("there is no run `{id}`; `playgate run list` shows them")
        }
        Intervened::NotPossible { status } => bad_input!("run `{id}` is {status}"),
    }
}
