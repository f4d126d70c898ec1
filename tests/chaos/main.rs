//! `chaos`: sets a scene, puts it under load, takes its mail, breaks it, and reconciles what is left.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use cli::clock::SystemClock;
use domain::clock::Clock;
use world::chaos::{
    chance::Chance,
    load::{Load, Settings},
    quiet,
    scene::{Scene, Setting},
    sink::Sink,
    truth::Reader,
    verdict,
};

/// Does the product keep its promises while its processes, its database and its network die?
///
/// A scene is a folder: `scene` fills it, `sink` writes what mail it took to DIR/mail.jsonl, `load`
/// writes what it asked and heard to DIR/ledger.jsonl, `reconcile` holds both against what the
/// product says of itself. Between them, kill whatever you like.
///
///   chaos scene DIR --db postgres://… --smtp 127.0.0.1:2525
///   chaos sink DIR --listen 127.0.0.1:2525 &
///   playgate --config DIR/config.yaml serve …      (any number)
///   chaos load DIR --server http://127.0.0.1:7717 --minutes 5
///   chaos reconcile DIR --server http://127.0.0.1:7717
///
/// Exit code 0: every promise was kept; 1: one was not, with the ids; 2: it could not be found out.
#[derive(Debug, Parser)]
#[command(name = "chaos", max_term_width = 100, verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fill a folder: configuration, playbooks, customers, keys, a token; and the database with them
    Scene(SceneArguments),
    /// Take mail, count it in DIR/mail.jsonl, and sometimes break a conversation; ends with Ctrl-C
    Sink(SinkArguments),
    /// Start runs and decide on them; then wait until all is quiet
    Load(LoadArguments),
    /// Hold ledger, mail and product against each other; resolve what is uncertain; once more
    Reconcile(ReconcileArguments),
}

#[derive(Debug, Args)]
struct SceneArguments {
    /// The folder
    dir: PathBuf,
    /// The database: postgres://… [default: SQLite in DIR/data]
    #[arg(long)]
    db: Option<String>,
    /// Where the sink listens, or will
    #[arg(long)]
    smtp: SocketAddr,
    /// Seconds until another worker may take a run or a delivery over
    #[arg(long, default_value_t = 4)]
    lease: u32,
    /// The program under test [default: beside this one]
    #[arg(long)]
    playgate: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct SinkArguments {
    /// The scene's folder
    dir: PathBuf,
    /// Address
    #[arg(long)]
    listen: SocketAddr,
    /// Of a hundred conversations, so many are broken off at some stage
    #[arg(long, default_value_t = 4)]
    trouble: u64,
    /// Decides which
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct Servers {
    /// A server, as `http://127.0.0.1:7717`; may be given more than once
    #[arg(long = "server", required = true, value_parser = server)]
    servers: Vec<SocketAddr>,
    /// Seconds to wait until all is quiet
    #[arg(long, default_value_t = 300)]
    patience: u64,
}

#[derive(Debug, Args)]
struct LoadArguments {
    /// The scene's folder
    dir: PathBuf,
    #[command(flatten)]
    servers: Servers,
    /// How long runs are started; deciding goes on until all is quiet
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Runs started a second
    #[arg(long, default_value_t = 8.0)]
    rate: f64,
    /// Decides what is asked
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct ReconcileArguments {
    /// The scene's folder
    dir: PathBuf,
    #[command(flatten)]
    servers: Servers,
}

fn server(text: &str) -> Result<SocketAddr, String> {
    let address = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    address.parse().map_err(|_| format!("`{text}` is not of the form `http://127.0.0.1:7717`"))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            say(&format!("chaos: {error:#}"));
            ExitCode::from(2)
        }
    }
}

async fn run(command: Command) -> Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    match command {
        Command::Scene(arguments) => scene(&arguments),
        Command::Sink(arguments) => sink(arguments, clock).await,
        Command::Load(arguments) => load(arguments, clock).await,
        Command::Reconcile(arguments) => reconcile(arguments, clock).await,
    }
}

fn scene(arguments: &SceneArguments) -> Result<ExitCode> {
    let scene = Scene::at(&arguments.dir, arguments.playgate.as_deref())?;
    scene.set(&Setting {
        database: arguments.db.clone(),
        data: None,
        smtp: arguments.smtp,
        lease_seconds: arguments.lease,
    })?;
    say(&format!("The scene is set in `{}`.", scene.folder.display()));
    Ok(ExitCode::SUCCESS)
}

async fn sink(arguments: SinkArguments, clock: Arc<dyn Clock>) -> Result<ExitCode> {
    let SinkArguments { dir, listen, trouble, seed } = arguments;
    let file = dir.join("mail.jsonl");
    let sink = Sink::start(listen, &file, trouble, Chance::new(seed), clock).await?;
    say(&format!("Taking mail on {}.", sink.address()));
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}

async fn load(arguments: LoadArguments, clock: Arc<dyn Clock>) -> Result<ExitCode> {
    let LoadArguments { dir, servers: Servers { servers, patience }, minutes, rate, seed } =
        arguments;
    let token = token(&dir)?;
    let reader = Reader::new(&servers, &token);
    let settings = Settings { servers, token, ledger: dir.join("ledger.jsonl"), rate, seed };
    let load = Load::start(settings, clock)?;
    tokio::time::sleep(Duration::from_secs_f64(minutes * 60.0)).await;
    load.stop_starting();
    let moving = quiet::wait(&reader, Some(&load), Duration::from_secs(patience)).await?;
    let tally = load.stop().await?;
    for ((ask, heard), count) in &tally.heard {
        say(&format!("  {:<36} {count:>8}", format!("{ask:?}, {heard:?}").to_lowercase()));
    }
    for (error, count) in &tally.errors {
        say(&format!("  {error:<36} {count:>8}"));
    }
    match moving {
        None => say("All is quiet."),
        Some(what) => say(&format!("It is not quiet after {patience} s: {what}.")),
    }
    Ok(ExitCode::SUCCESS)
}

async fn reconcile(arguments: ReconcileArguments, clock: Arc<dyn Clock>) -> Result<ExitCode> {
    let ReconcileArguments { dir, servers: Servers { servers, patience } } = arguments;
    let reader = Reader::new(&servers, &token(&dir)?);
    let (ledger, mail) = (dir.join("ledger.jsonl"), dir.join("mail.jsonl"));
    let patience = Duration::from_secs(patience);
    let verdict = verdict::reach(&reader, &ledger, &mail, clock, patience).await?;
    say(&verdict.in_words());
    Ok(ExitCode::from(u8::from(verdict.violations().next().is_some())))
}

fn token(dir: &Path) -> Result<String> {
    let file = dir.join("token");
    let text = std::fs::read_to_string(&file);
    let text = text.with_context(|| {
        format!("`{}` cannot be read; set the scene first: `chaos scene`", file.display())
    })?;
    Ok(text.trim().to_owned())
}

/// Prints a line.
fn say(line: &str) {
    use std::io::Write as _;
    // A closed terminal is no reason to fail, and there is nobody left to tell.
    let _ = writeln!(std::io::stdout(), "{}", line.trim_end());
}
