//! The `playgate` program: configuration, commands, and the only place that names an adapter.

pub mod adapters;
pub mod app;
pub mod archive;
pub mod arguments;
pub mod assets;
pub mod audit;
pub mod bench;
pub mod clock;
pub mod command;
pub mod config;
pub mod door;
pub mod exit;
pub mod failure;
pub mod keyring;
pub mod limits;
pub mod meter;
pub mod output;
pub mod person;
pub mod retention;
pub mod rotation;
pub mod vault;

use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _, parser::ValueSource};
use domain::clock::Clock;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    app::{App, Schema},
    arguments::{Arguments, Command, Global, Migrate, PlaybookCommand, PolicyCommand},
    clock::SystemClock,
    config::{Config, LogFormat},
    output::Output,
};

/// Reads the command line and does what it says; answers with the exit code.
pub async fn run() -> u8 {
    let parsed = Arguments::command().try_get_matches().and_then(|matches| {
        // The variable is for whoever serves; a worker listens only when told to on its own line.
        let told = matches.value_source("listen") == Some(ValueSource::CommandLine);
        Arguments::from_arg_matches(&matches).map(|arguments| (arguments, told))
    });
    let (arguments, told_to_listen) = match parsed {
        Ok(parsed) => parsed,
        Err(err) => {
            // Help and version are answers, everything else is bad input. A closed pipe is neither.
            let code = u8::from(err.use_stderr()) * 2;
            let _closed = err.print();
            return code;
        }
    };
    let out = Output::new(arguments.global.json);
    match dispatch(arguments, told_to_listen, out).await {
        Ok(()) => 0,
        Err(err) => {
            complain(&err, out);
            failure::exit_code(&err)
        }
    }
}

fn complain(err: &anyhow::Error, out: Output) {
    use std::io::Write as _;
    let mut text = String::new();
    let mut last = String::new();
    for cause in err.chain() {
        let part = cause.to_string();
        // Transparent errors repeat their source.
        if part != last {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&part);
            last = part;
        }
    }
    let code = failure::exit_code(err);
    let line = if out.is_json() {
        serde_json::json!({ "error": text, "exit": code }).to_string()
    } else if text.starts_with("error") {
        text
    } else {
        format!("error: {text}")
    };
    // Nobody is left to hear that standard error is closed.
    let _closed = writeln!(std::io::stderr(), "{line}");
}

/// Merges file and command line.
pub fn configuration(global: &Global) -> anyhow::Result<Config> {
    let mut config = match &global.config {
        Some(file) => Config::read(file)?,
        None => Config::default(),
    };
    if let Some(data) = &global.data {
        config.data.clone_from(data);
    }
    if let Some(db) = &global.db {
        config.database = Some(db.clone());
    }
    if let Some(listen) = global.listen {
        config.listen = listen;
    }
    if let Some(user) = &global.user {
        config.user = Some(user.clone());
    }
    if let Some(url) = &global.llm_url {
        config.model.url = Some(url.clone());
    }
    if let Some(name) = &global.llm_model {
        config.model.name.clone_from(name);
    }
    if let Some(filter) = &global.log {
        config.log.filter.clone_from(filter);
    }
    Ok(config)
}

/// Sends log lines to standard error. The model client's own lines stay off: they quote answers.
fn start_logging(config: &Config, stays: bool) -> anyhow::Result<()> {
    // Commands that answer and end log problems only, unless asked.
    let asked = &config.log.filter;
    let filter = if !stays && asked == "info" { "warn" } else { asked.as_str() };
    let filter = EnvFilter::builder()
        .parse(format!("{filter},async_openai=off,lettre=off,sqlx=off,hyper=off"))
        .map_err(|err| failure::BadInput(format!("`log.filter` is no filter: {err}")))?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Set twice only in tests; the first one stays.
    let _set = match config.log.format {
        LogFormat::Text => registry.with(lines.compact()).try_init(),
        LogFormat::Json => registry.with(lines.json()).try_init(),
    };
    Ok(())
}

async fn dispatch(arguments: Arguments, told_to_listen: bool, out: Output) -> anyhow::Result<()> {
    let mut config = configuration(&arguments.global)?;
    if told_to_listen && matches!(arguments.command, Command::Worker) {
        config.worker.listen = arguments.global.listen;
    }
    let stays = matches!(arguments.command, Command::Serve(_) | Command::Worker | Command::Demo(_));
    start_logging(&config, matches!(arguments.command, Command::Serve(_) | Command::Worker))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    // What needs no database comes first.
    match &arguments.command {
        Command::Config(config) => return command::config::run(out, config),
        Command::Schema(schema) => return command::config::schema(schema.of),
        Command::Playbook(arguments::Playbook { command: PlaybookCommand::Lint { paths } }) => {
            return command::playbook::lint(out, config.custom.as_deref(), paths);
        }
        Command::Policy(arguments::Policy { command: PolicyCommand::Lint { paths } }) => {
            return command::policy::lint(out, config.custom.as_deref(), paths);
        }
        Command::Privacy(privacy) => {
            let custom = config.custom.as_deref();
            if let Some(done) = command::privacy::of_texts(out, custom, &privacy.command) {
                return done;
            }
        }
        Command::Sample(sample) if sample.out.is_some() => {
            let today = clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
            return command::sample::to_files(out, sample, today);
        }
        Command::Bench(bench) => {
            return Box::pin(bench::run(bench, &config, out, clock)).await;
        }
        Command::Demo(demo) => {
            return Box::pin(command::demo::run(demo, config, out, clock)).await;
        }
        Command::Restore(restore) if restore.file.is_some() => {
            return Box::pin(command::restore::run(restore, config, out, clock)).await;
        }
        _ => {}
    }
    let schema = match arguments.command {
        Command::Migrate(Migrate { even_if_busy: true }) => Schema::MigrateEvenIfBusy,
        Command::Migrate(_) => Schema::Migrate,
        _ => Schema::Require,
    };
    let app = App::open(config, out, clock, schema).await?;
    let done = Box::pin(act(&app, arguments.command)).await;
    if !stays {
        app.store.close().await;
    }
    done
}

async fn act(app: &App, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Sample(sample) => command::sample::run(app, &sample).await,
        Command::Import(import) => command::import::run(app, import).await,
        Command::Serve(serve) => command::serve::serve(app, &serve).await,
        Command::Worker => command::serve::worker(app).await,
        Command::Migrate(_) => app.out.answer(
            &serde_json::json!({ "ok": true }),
            &format!("{} is at this program's schema.", app.location()),
        ),
        Command::Status => command::status::run(app).await,
        Command::Queue(queue) => command::queue::run(app, queue).await,
        Command::Task(task) => command::task::run(app, task).await,
        Command::Run(run) => command::run::run(app, run).await,
        Command::Playbook(playbook) => command::playbook::run(app, playbook).await,
        Command::Policy(policy) => command::policy::run(app, policy).await,
        Command::Outbox(outbox) => command::outbox::run(app, outbox).await,
        Command::Kill(kill) => command::switch::kill(app, kill).await,
        Command::Unkill(unkill) => command::switch::unkill(app, unkill).await,
        Command::Audit(audit) => command::audit::run(app, audit).await,
        Command::Account(account) => command::account::run(app, account).await,
        Command::Signal(signal) => command::signal::run(app, signal).await,
        Command::Health => command::health::run(app).await,
        Command::Access(access) => command::access::run(app, access).await,
        Command::Archive(archive) => command::archive::run(app, archive).await,
        Command::Privacy(privacy) => command::privacy::run(app, privacy.command).await,
        Command::Backup(backup) => command::backup::run(app, &backup).await,
        Command::Restore(restore) => command::restore::hold(app, &restore).await,
        Command::Bench(_) | Command::Demo(_) | Command::Config(_) | Command::Schema(_) => Ok(()),
    }
}
