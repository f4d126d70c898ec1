//! `chaos`: sets a scene, puts it under load, takes its mail, breaks it, and reconciles what is left.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use cli::clock::SystemClock;
use domain::clock::Clock;
use tokio::signal::unix::{SignalKind, signal};
use world::chaos::{
    chance::Chance,
    fault::Kind,
    load::{Load, Settings},
    ordeal::Ordeal,
    postgres::Postgres,
    quiet,
    report::TOLD,
    scene::{Scene, Setting},
    sink::Sink,
    truth::Reader,
    upgrade::Upgrade,
    verdict,
};

const ABOUT: &str = "\
Does the product keep its promises while its processes, its database and its network die?

A scene is a folder: `scene` fills it, `sink` writes what mail it took to DIR/mail.jsonl, `load`
writes what it asked and heard to DIR/ledger.jsonl, `reconcile` holds both against what the
product says of itself. Between them, kill whatever you like.

  chaos scene DIR --db postgres://… --smtp 127.0.0.1:2525
  chaos sink DIR --listen 127.0.0.1:2525 &
  playgate --config DIR/config.yaml serve …      (any number)
  chaos load DIR --server http://127.0.0.1:7717 --minutes 5
  chaos reconcile DIR --server http://127.0.0.1:7717

`run` does all of it, and the killing too.

Exit code 0: every promise was kept; 1: one was not, with the ids; 2: it could not be found out.";

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "chaos", max_term_width = 100, about = ABOUT)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// All of it at once, and faults of every kind: how `cargo xtask chaos` does it
    Run(RunArguments),
    /// Replace one program by another under load, with both at work for a while: how `cargo xtask
    /// upgrade` does it
    Upgrade(UpgradeArguments),
    /// Fill a folder: configuration, playbooks, customers, keys, a token; and the database with them
    Scene(SceneArguments),
    /// Take mail, count it in DIR/mail.jsonl, and sometimes break a conversation; ends with Ctrl-C
    Sink(SinkArguments),
    /// Start runs and decide on them; then wait until all is quiet
    Load(LoadArguments),
    /// Hold ledger, mail and product against each other; resolve what is uncertain; once more
    Reconcile(ReconcileArguments),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Database {
    /// One process on a file
    Sqlite,
    /// Servers and workers on the cluster that the --postgres… options describe
    Postgres,
}

#[derive(Debug, Args)]
struct RunArguments {
    /// The database
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    db: Database,
    /// Processes that work
    #[arg(long, default_value_t = 3)]
    workers: usize,
    /// Processes that serve
    #[arg(long, default_value_t = 2)]
    servers: usize,
    /// How long faults happen
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Decides faults and load
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs started a second
    #[arg(long, default_value_t = 6.0)]
    rate: f64,
    /// Seconds from one fault to the next, on average
    #[arg(long, default_value_t = 5.0)]
    every: f64,
    /// Seconds until another worker may take a run or a delivery over
    #[arg(long, default_value_t = 4)]
    lease: u32,
    /// Of a hundred mail conversations, so many are broken off by the mail server
    #[arg(long, default_value_t = 4)]
    trouble: u64,
    /// Only these faults
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<Kind>,
    /// Seconds to wait until all is quiet after the last fault
    #[arg(long, default_value_t = 300)]
    patience: u64,
    /// Slow pick-up is told, and no broken promise
    #[arg(long)]
    no_timing: bool,
    /// Where books, logs and report go [default: a new folder for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The program under test [default: beside this one]
    #[arg(long)]
    playgate: Option<PathBuf>,
    /// A small disk of its own that may be filled: with SQLite the data goes there, with
    /// PostgreSQL it is where the cluster is
    #[arg(long, value_name = "DIR")]
    small_disk: Option<PathBuf>,
    /// Why there is none
    #[arg(long, value_name = "WHY", default_value = "no --small-disk was given")]
    no_small_disk: String,
    /// PostgreSQL: the folder of `postgres`, `pg_ctl` and `psql`
    #[arg(long, value_name = "DIR", required_if_eq("db", "postgres"))]
    postgres_programs: Option<PathBuf>,
    /// PostgreSQL: the data folder of a running cluster
    #[arg(long, value_name = "DIR", required_if_eq("db", "postgres"))]
    postgres_data: Option<PathBuf>,
    /// PostgreSQL: where it listens
    #[arg(long, value_name = "ADDR", required_if_eq("db", "postgres"))]
    postgres_address: Option<SocketAddr>,
    /// PostgreSQL: its superuser
    #[arg(long, value_name = "NAME", default_value = "postgres")]
    postgres_user: String,
    /// PostgreSQL: the user and group it runs as, if that is not us
    #[arg(long, value_name = "UID:GID", value_parser = account)]
    postgres_account: Option<(u32, u32)>,
}

#[derive(Debug, Args)]
struct UpgradeArguments {
    /// The program that is replaced
    #[arg(long)]
    old: PathBuf,
    /// The program that replaces it [default: beside this one]
    #[arg(long)]
    new: Option<PathBuf>,
    /// What they are called in the report
    #[arg(long, default_value = "one program to another")]
    named: String,
    /// Processes of each that work
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Processes of each that serve
    #[arg(long, default_value_t = 1)]
    servers: usize,
    /// How long runs are started: a third of it by old programs, by both, and by new ones
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Decides faults and load
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs started a second
    #[arg(long, default_value_t = 6.0)]
    rate: f64,
    /// Seconds until another worker may take a run or a delivery over
    #[arg(long, default_value_t = 4)]
    lease: u32,
    /// Of a hundred mail conversations, so many are broken off by the mail server
    #[arg(long, default_value_t = 4)]
    trouble: u64,
    /// Seconds to wait until all is quiet
    #[arg(long, default_value_t = 300)]
    patience: u64,
    /// Where books, logs and report go [default: a new folder for temporary files]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The folder of `postgres`, `pg_ctl` and `psql`
    #[arg(long, value_name = "DIR")]
    postgres_programs: PathBuf,
    /// The data folder of a running cluster
    #[arg(long, value_name = "DIR")]
    postgres_data: PathBuf,
    /// Where it listens
    #[arg(long, value_name = "ADDR")]
    postgres_address: SocketAddr,
    /// Its superuser
    #[arg(long, value_name = "NAME", default_value = "postgres")]
    postgres_user: String,
    /// The user and group it runs as, if that is not us
    #[arg(long, value_name = "UID:GID", value_parser = account)]
    postgres_account: Option<(u32, u32)>,
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

fn account(text: &str) -> Result<(u32, u32), String> {
    let ids = text.split_once(':');
    ids.and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)))
        .ok_or_else(|| format!("`{text}` is not of the form `UID:GID`"))
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
        Command::Run(arguments) => ordeal(arguments, clock).await,
        Command::Upgrade(arguments) => upgrade(arguments, clock).await,
        Command::Scene(arguments) => scene(&arguments),
        Command::Sink(arguments) => sink(arguments, clock).await,
        Command::Load(arguments) => load(arguments, clock).await,
        Command::Reconcile(arguments) => reconcile(arguments, clock).await,
    }
}

/// The folder that was named, or a new one.
fn folder(named: Option<PathBuf>) -> Result<PathBuf> {
    let folder = match named {
        Some(folder) => folder,
        None => tempfile::Builder::new().prefix("playgate-chaos-").tempdir()?.keep(),
    };
    std::fs::create_dir_all(&folder)?;
    say(&format!("Books, logs and report are in `{}`.", folder.display()));
    Ok(folder)
}

/// Waits for the end, unless somebody asks for it before.
async fn unless_told<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = Box::pin(work) => done,
        _ = terminate.recv() => bail!("told to stop before it was done"),
        told = tokio::signal::ctrl_c() => {
            told?;
            bail!("told to stop before it was done")
        }
    }
}

async fn upgrade(arguments: UpgradeArguments, clock: Arc<dyn Clock>) -> Result<ExitCode> {
    let folder = folder(arguments.folder)?;
    let postgres = Postgres::find(
        &arguments.postgres_programs,
        &arguments.postgres_data,
        arguments.postgres_address,
        &arguments.postgres_user,
        arguments.postgres_account,
        &folder.join("postgres.log"),
    )?;
    let upgrade = Upgrade {
        old: arguments.old,
        new: arguments.new,
        named: arguments.named,
        folder: folder.clone(),
        postgres,
        processes: (arguments.servers.max(1), arguments.workers.max(1)),
        time: Duration::from_secs_f64(arguments.minutes * 60.0),
        rate: arguments.rate,
        lease_seconds: arguments.lease,
        trouble: arguments.trouble,
        seed: arguments.seed,
        patience: Duration::from_secs(arguments.patience),
    };
    let outcome = unless_told(upgrade.run(clock, say)).await?;
    std::fs::write(folder.join("report.txt"), &outcome.words)?;
    say(&format!("\n{}", outcome.words));
    Ok(ExitCode::from(u8::from(outcome.broken)))
}

async fn ordeal(arguments: RunArguments, clock: Arc<dyn Clock>) -> Result<ExitCode> {
    let folder = folder(arguments.folder)?;
    let postgres = match (
        arguments.db,
        &arguments.postgres_programs,
        &arguments.postgres_data,
        arguments.postgres_address,
    ) {
        (Database::Postgres, Some(programs), Some(data), Some(address)) => Some(Postgres::find(
            programs,
            data,
            address,
            &arguments.postgres_user,
            arguments.postgres_account,
            &folder.join("postgres.log"),
        )?),
        _ => None,
    };
    let ordeal = Ordeal {
        playgate: arguments.playgate,
        folder: folder.clone(),
        postgres,
        disk: arguments.small_disk.ok_or(arguments.no_small_disk),
        processes: (arguments.servers.max(1), arguments.workers.max(1)),
        time: Duration::from_secs_f64(arguments.minutes * 60.0),
        every: Duration::from_secs_f64(arguments.every),
        rate: arguments.rate,
        lease_seconds: arguments.lease,
        trouble: arguments.trouble,
        seed: arguments.seed,
        kinds: arguments.faults,
        patience: Duration::from_secs(arguments.patience),
        timing: !arguments.no_timing,
    };
    let report = unless_told(ordeal.run(clock, say)).await?;
    let file = folder.join("report.txt");
    std::fs::write(&file, report.in_words(usize::MAX))?;
    say(&format!("\n{}\nThe report is in `{}`.", report.in_words(TOLD), file.display()));
    Ok(ExitCode::from(u8::from(!report.violations.is_empty())))
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
    let token = Scene::open(&dir).token()?;
    let reader = Reader::new(&servers, &token);
    let (ledger, complaints) = (dir.join("ledger.jsonl"), Arc::default());
    let settings = Settings { servers, token, ledger, rate, seed, complaints };
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
    let reader = Reader::new(&servers, &Scene::open(&dir).token()?);
    let (ledger, mail) = (dir.join("ledger.jsonl"), dir.join("mail.jsonl"));
    let patience = Duration::from_secs(patience);
    let verdict = verdict::reach(&reader, &ledger, &mail, clock, patience).await?;
    say(&verdict.in_words());
    Ok(ExitCode::from(u8::from(verdict.violations().next().is_some())))
}

/// Prints a line.
fn say(line: &str) {
    use std::io::Write as _;
    // A closed terminal is no reason to fail, and there is nobody left to tell.
    let _ = writeln!(std::io::stdout(), "{}", line.trim_end());
}
