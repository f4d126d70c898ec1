//! `playgate demo`: one command from nothing to a queue with drafts in it.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use domain::{
    clock::Clock,
    id::UserId,
    page::PageRequest,
    port::{Access as _, AccountFilter, Customers as _, Desk as _, Journal as _, QueueFilter},
    signal::{NewSignal, kind},
    user::{Actor, Role, User},
};
use sample::{Company, Settings};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    app::{App, DEMO_MARK, Schema, is_demo_folder, is_free},
    arguments::Demo,
    bad_input,
    command::{access, health, playbook, policy, sample::generate, serve, status},
    config::Config,
    output::{Append as _, Output},
};

/// How far the demo's preparation came; each part is done once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mark {
    seed: u64,
    accounts: u64,
    as_of: Option<jiff::civil::Date>,
    generated: bool,
    triggered: bool,
}

/// Runs the command.
pub async fn run(
    demo: &Demo,
    config: Config,
    out: Output,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<()> {
    let folder = config.data.clone();
    if demo.fresh && config.database.is_some() {
        bad_input!(
            "--fresh deletes the demo's own folder; a database named with --db is not touched. \
             Empty it yourself, or leave --db away"
        );
    }
    // The address first: nothing is deleted for a demo that could not be served.
    let listener = if demo.no_serve { None } else { Some(serve::bind(&config).await?) };
    if demo.fresh {
        clear(&folder)?;
    }
    let app = App::open(config, out, clock, Schema::Migrate).await?;
    let _lock = app.take_over_or_refuse()?;
    refuse_real_data(&app).await?;
    let resumed = prepare(&app, demo).await?;
    summary(&app, resumed, listener.is_some()).await?;
    match listener {
        None => {
            app.store.close().await;
            Ok(())
        }
        Some(listener) => serve::stay(&app, Some(listener), true).await,
    }
}

/// Removes what an earlier demo made, and nothing else.
fn clear(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    if !is_demo_folder(folder) {
        if std::fs::read_dir(folder)?.next().is_none() {
            return Ok(());
        }
        bad_input!(
            "`{}` was not made by the demo; --fresh deletes only what the demo made. Choose \
             another folder with --data",
            folder.display()
        );
    }
    if !is_free(folder)? {
        bad_input!(
            "another playgate serves the data in `{}`; stop it first (Ctrl-C there), then start over",
            folder.display()
        );
    }
    std::fs::remove_dir_all(folder)
        .with_context(|| format!("folder `{}` cannot be removed", folder.display()))
}

/// Mixes a fictional company with nobody's real data.
async fn refuse_real_data(app: &App) -> anyhow::Result<()> {
    if is_demo_folder(&app.config.data) {
        return Ok(());
    }
    let accounts = app.store.accounts(&AccountFilter::default(), &PageRequest::default()).await?;
    if accounts.total > 0 || !app.store.users().await?.is_empty() {
        bad_input!(
            "{} holds data that the demo did not make; choose another folder with --data",
            app.location()
        );
    }
    Ok(())
}

/// Does what is not done yet; tells whether an earlier demo is resumed.
async fn prepare(app: &App, demo: &Demo) -> anyhow::Result<bool> {
    let file = app.config.data.join(DEMO_MARK);
    let mut mark = match std::fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text).with_context(|| {
            format!("file `{}` is damaged; start over with --fresh", file.display())
        })?,
        Err(_) => Mark { seed: demo.seed, accounts: demo.accounts, ..Mark::default() },
    };
    let resumed = mark.triggered;
    save(&file, &mark)?;
    let by = Actor::Engine;
    administrator(app).await?;
    if !mark.generated {
        app.out.say(&format!("1/4  Generating a company of {} accounts …", mark.accounts));
        mark.as_of = Some(app.today());
        save(&file, &mark)?;
        let company = company(app, &mark)?;
        let rows = generate(app, &company, mark.accounts, &by, |_| Ok(())).await?;
        app.out.say(&format!("     {rows} rows: usage, tickets, surveys, meetings, e-mail"));
        mark.generated = true;
        save(&file, &mark)?;
    }
    app.out.say("2/4  Loading playbooks and policy …");
    let loaded = playbook::load(app, &by).await?;
    let (version, _) = policy::activate(app, &by).await?;
    if !loaded.is_empty() {
        app.out.say(&format!("     {}; policy {}", loaded.join(", "), policy::short(&version)));
    }
    if !mark.triggered {
        app.out.say("3/4  Computing health and letting the triggers fire …");
        let health = health::refresh(app).await?;
        app.out.say(&format!(
            "     {} green, {} yellow, {} red",
            health.green, health.yellow, health.red
        ));
        let entered = news(app, &mark).await?;
        for schedule in app.triggers().scheduled().await? {
            app.triggers().tick_now(&schedule.playbook).await?;
        }
        app.out.say(&format!("     {entered} accounts entered onboarding lately"));
        mark.triggered = true;
        save(&file, &mark)?;
    }
    app.out.say("4/4  Drafting …");
    app.worker().settle().await;
    Ok(resumed)
}

fn save(file: &Path, mark: &Mark) -> anyhow::Result<()> {
    std::fs::write(file, serde_json::to_string_pretty(mark)?)
        .with_context(|| format!("file `{}` cannot be written", file.display()))
}

async fn administrator(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    let user = User {
        id: UserId::new(&*app.clock),
        email: "admin@playgate.example".to_owned(),
        name: "Demo Administrator".to_owned(),
        role: Role::Admin,
        since: None,
        disabled_at: None,
    };
    app.store.add_user(&user, &Actor::Engine, now).await?;
    Ok(())
}

/// Hands in what the sample company's systems would have told us lately: who entered onboarding.
async fn news(app: &App, mark: &Mark) -> anyhow::Result<usize> {
    let now = app.clock.now();
    let mut signals = Vec::new();
    for bundle in company(app, mark)?.bundles() {
        for signal in bundle.signals {
            if signal.kind != kind::LIFECYCLE_ENTERED {
                continue;
            }
            let account = app.account(&signal.account).await?;
            signals.push(NewSignal {
                source: account.source,
                event_id: signal.event_id,
                kind: signal.kind.to_owned(),
                account: account.id,
                at: signal.at,
                data: signal.data,
                run: None,
            });
        }
    }
    Ok(app.store.signal(signals, now).await?.len())
}

fn company(app: &App, mark: &Mark) -> anyhow::Result<Company> {
    let as_of = mark.as_of.unwrap_or_else(|| app.today());
    Ok(Company::new(Settings { accounts: mark.accounts, seed: mark.seed, as_of, effect: 0.15 })?)
}

async fn summary(app: &App, resumed: bool, serving: bool) -> anyhow::Result<()> {
    let user = app.user().await?;
    let now = app.clock.now();
    let counts = app.store.counts().await?;
    let request = PageRequest { cursor: None, limit: 5 };
    let waiting = app.desk.list(&QueueFilter::waiting(now), &request).await?;
    let link = access::sign_in_link(app, &user, &Actor::Engine).await?;
    let first = waiting.items.first().map(|item| item.approval.id.to_string());
    let example = first.clone().unwrap_or_else(|| "apv_…".to_owned());
    let mut text = String::new();
    if resumed {
        text.push_str("The demo goes on where it was; `--fresh` starts over.\n\n");
    }
    text.push_str(&status::sheet(&counts));
    text.append(format_args!(
        "\n\nwriter     {}\nmail       {}\n\nWaiting for a decision: {}\n",
        app.writer_name(),
        app.mail_name(),
        waiting.total_in_words()
    ));
    for item in &waiting.items {
        text.append(format_args!(
            "  {}  {:<6} {} — {}\n",
            item.approval.id,
            item.approval.risk.as_str(),
            item.account_name,
            item.approval.playbook
        ));
    }
    let program = program(app);
    text.push_str("\nWhat to do next\n");
    if serving {
        text.append(format_args!(
            "  open the queue      {}\n  sign in (once)      {link}\n",
            app.config.public_url()
        ));
    }
    text.append(format_args!(
        "  list what waits     {program} queue\n  read one            {program} queue show {example}\n  \
         let it go           {program} queue approve {example}\n  see what happened   {program} run list\n  \
         stop all sending    {program} kill\n  check the trail     {program} audit verify\n"
    ));
    let value = json!({
        "resumed": resumed,
        "counts": status::numbers(&counts),
        "waiting": waiting.total,
        "first": first,
        "url": serving.then(|| app.config.public_url()),
        "sign_in": serving.then_some(link),
    });
    app.out.answer(&value, text.trim_end())
}

/// How this program is called from here, with the folder where it matters.
fn program(app: &App) -> String {
    let name = std::env::current_exe()
        .ok()
        .and_then(|path| {
            let here = std::env::current_dir().ok()?;
            Some(path.strip_prefix(here).unwrap_or(&path).display().to_string())
        })
        .unwrap_or_else(|| "playgate".to_owned());
    if app.config.data == Config::default().data {
        name
    } else {
        format!("{name} --data {}", app.config.data.display())
    }
}
