//! `playgate run`: what runs are doing, and intervening in one of them.

use domain::{
    id::RunId,
    page::PageRequest,
    port::{Customers as _, Journal as _, Measure, RunFilter, Steering as _},
    run::{Intervened, Intervention},
    user::Permission,
};
use serde_json::json;
use server::{timeline::Names, waits::Awaited};

use crate::{
    app::{App, duration},
    arguments::{Run, RunChoice, RunCommand, RunsMeant},
    audit, bad_input,
    command::bulk,
    output::relative,
};

/// Runs the command.
pub async fn run(app: &App, run: Run) -> anyhow::Result<()> {
    match run.command {
        RunCommand::List { choice, limit, cursor } => {
            app.require(Permission::Read).await?;
            let filter = filter(app, &choice).await?;
            list(app, &filter, PageRequest { cursor, limit }).await
        }
        RunCommand::Show { id } => {
            app.require(Permission::Read).await?;
            show(app, id.parse()?).await
        }
        RunCommand::Pause(meant) => act(app, meant, Intervention::Pause.into(), "paused").await,
        RunCommand::Resume(meant) => act(app, meant, Intervention::Resume.into(), "going on").await,
        RunCommand::Cancel { meant, reason } => {
            act(app, meant, Intervention::Cancel { reason }.into(), "cancelled").await
        }
        RunCommand::Retry { meant, from } => {
            let what = from.map_or_else(|| Intervention::Retry.into(), Measure::RetryFrom);
            act(app, meant, what, "trying again").await
        }
    }
}

/// Does it to the one run that is named, or to all that are meant.
async fn act(app: &App, meant: RunsMeant, what: Measure, done: &str) -> anyhow::Result<()> {
    let RunsMeant { id, choice, yes } = meant;
    let chosen = choice != RunChoice::default();
    match id {
        Some(_) if chosen => bad_input!("give a run's id, or options that mean several, not both"),
        Some(id) => match what {
            Measure::Intervene(what) => intervene(app, &id, what, done).await,
            Measure::RetryFrom(step) => retry_from(app, id.parse()?, &step).await,
        },
        None if !chosen => bad_input!(
            "say which run, or which runs with --playbook, --status, --account, --step, --version, \
             --stuck or --older-than"
        ),
        None => {
            let filter = filter(app, &choice).await?;
            bulk::run(app, &filter, &what, yes).await
        }
    }
}

/// The filter a choice stands for.
async fn filter(app: &App, choice: &RunChoice) -> anyhow::Result<RunFilter> {
    let RunChoice { playbook, status, account, step, version, stuck, older_than } = choice.clone();
    let started_before = match older_than {
        Some(length) => Some(app.clock.now().checked_sub(duration(&length)?)?),
        None => None,
    };
    Ok(RunFilter {
        status: status.map(|status| status.parse()).transpose()?,
        account: match account {
            Some(account) => Some(app.account(&account).await?.id),
            None => None,
        },
        version: match version {
            Some(given) => Some(whole_version(app, playbook.as_deref(), &given).await?),
            None => None,
        },
        playbook,
        step,
        code: stuck,
        started_before,
    })
}

/// The one version of a playbook, or of any, that begins like this.
async fn whole_version(app: &App, playbook: Option<&str>, given: &str) -> anyhow::Result<String> {
    let playbooks = match playbook {
        Some(name) => vec![name.to_owned()],
        None => app.store.playbooks_with(given).await?,
    };
    let mut found = Vec::new();
    for name in playbooks {
        for known in app.store.versions_of(&name).await? {
            if !given.is_empty() && known.version.starts_with(given) {
                found.push(known.version);
            }
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => bad_input!("no playbook version begins with `{given}`; `playgate run show` tells it"),
        _ => bad_input!("{} playbook versions begin with `{given}`; give more digits", found.len()),
    }
}

async fn list(app: &App, filter: &RunFilter, page: PageRequest) -> anyhow::Result<()> {
    let page = app.store.runs(filter, &page).await?;
    let now = app.clock.now();
    let awaited = Awaited::by(&page.items, &app.store, &app.store).await?;
    let names = if page.items.is_empty() { Names::default() } else { app.names().await? };
    let mut rows = Vec::new();
    for run in &page.items {
        let account = app.store.account(run.account).await?;
        rows.push(vec![
            run.id.to_string(),
            run.playbook.clone(),
            account.map(|account| account.name).unwrap_or_default(),
            run.status.to_string(),
            awaited.in_words(run, &names, now),
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
        app.out.say(&format!("{} in all; go on with --cursor {next}", page.total_in_words()));
    }
    Ok(())
}

async fn show(app: &App, id: RunId) -> anyhow::Result<()> {
    let Some(run) = app.store.run(id).await? else {
        bad_input!("there is no run `{id}`; `playgate run list` shows them");
    };
    let account = app.store.account(run.account).await?;
    let events = audit::stream(&*app.ledger, &id.to_string()).await?;
    let awaited = Awaited::by(std::slice::from_ref(&run), &app.store, &app.store).await?;
    let mut names = app.names().await?;
    names.accounts.extend(account.iter().map(|account| (account.id, account.name.clone())));
    let waits_for = awaited.in_words(&run, &names, app.clock.now());
    let mut text = format!(
        "{} for {}\n{} · {} · version {}\nwaits for {waits_for}\n",
        run.playbook,
        account.map(|account| account.name).unwrap_or_default(),
        run.id,
        run.status,
        run.version.get(..12).unwrap_or(&run.version),
    );
    let timeline: Vec<_> =
        events.iter().map(|event| server::timeline::entry(event, &names)).collect();
    for entry in &timeline {
        text.push('\n');
        text.push_str(&line(entry));
    }
    let value = json!({ "run": run, "waits_for": waits_for, "timeline": timeline });
    app.out.answer(&value, &text)
}

/// One line of a timeline as text.
pub fn line(entry: &server::timeline::Entry) -> String {
    let at = entry.at.strftime("%Y-%m-%d %H:%M:%S");
    format!("{at} UTC  {:<10}  {}", entry.who, entry.says)
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

async fn retry_from(app: &App, id: RunId, step: &str) -> anyhow::Result<()> {
    let by = app.actor(Permission::Operate).await?;
    let rewound = app.steward().retry_from(id, step, &by).await?;
    app.out.answer(
        &json!({ "run": id, "from": step, "again": rewound.again }),
        &format!("{id} goes back to `{step}`; done again: {}.", rewound.again.join(", ")),
    )
}
