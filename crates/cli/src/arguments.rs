//! The command line: every command, its arguments and its help.
#![expect(clippy::doc_markdown, reason = "these comments are the help people read in a terminal")]

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Put AI on your Customer Success playbooks without losing control of what reaches a customer.
///
/// Start with `playgate demo`: it makes a sample company, lets playbooks draft, and serves the
/// approval queue on this machine.
#[derive(Debug, Parser)]
#[command(name = "playgate", version, propagate_version = true, max_term_width = 100)]
pub struct Arguments {
    /// Settings that mean the same on every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Settings that mean the same on every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Global {
    /// Folder of the embedded default: SQLite file, master key, mail folder [default: .playgate]
    #[arg(long, global = true, value_name = "DIR", env = "PLAYGATE_DATA")]
    pub data: Option<PathBuf>,
    /// Database: a SQLite file, or postgres://user@host/name
    #[arg(long, global = true, value_name = "URL", env = "PLAYGATE_DB", hide_env_values = true)]
    pub db: Option<String>,
    /// Address to serve on; of a worker, to say how it is on [default: 127.0.0.1:7717; worker: none]
    #[arg(long, global = true, value_name = "ADDR", env = "PLAYGATE_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Configuration file; `playgate config print` shows a commented example
    #[arg(long, global = true, value_name = "FILE", env = "PLAYGATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Print JSON for machines instead of text for people
    #[arg(long, global = true)]
    pub json: bool,
    /// E-mail address of the person to act as [default: the first administrator]
    #[arg(long = "as", global = true, value_name = "EMAIL", env = "PLAYGATE_USER")]
    pub user: Option<String>,
    /// Base address of an OpenAI-compatible endpoint, for example `https://api.openai.com/v1`
    #[arg(long, global = true, value_name = "URL", env = "PLAYGATE_LLM_URL")]
    pub llm_url: Option<String>,
    /// The model's name at that endpoint
    #[arg(long, global = true, value_name = "NAME", env = "PLAYGATE_LLM_MODEL")]
    pub llm_model: Option<String>,
    /// What to log, for example `info,engine=debug`
    #[arg(long, global = true, value_name = "FILTER", env = "PLAYGATE_LOG")]
    pub log: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a sample company, let the playbooks draft, and serve the approval queue
    Demo(Demo),
    /// Generate a fictional company, into the database or as CSV files
    Sample(Sample),
    /// Read customer data from CSV files
    Import(Import),
    /// Serve the API and the screens, and (unless told otherwise) do the background work
    Serve(Serve),
    /// Do the background work only; any number of these may share one PostgreSQL database. With
    /// --listen, /healthz and /metrics answer there
    Worker,
    /// Bring the database to this program's schema
    Migrate(Migrate),
    /// What is in the database, what waits, what is stuck
    Status,
    /// The approval queue; without a subcommand it lists what waits
    Queue(Queue),
    /// Work for people
    Task(Task),
    /// Runs of playbooks
    Run(Run),
    /// Playbooks: check, plan, load, start
    Playbook(Playbook),
    /// Policies: check, show, activate
    Policy(Policy),
    /// Personal data: find it in texts, hand it out, erase it; the key it is kept under
    Privacy(Privacy),
    /// Messages on their way out
    Outbox(Outbox),
    /// Stop sending, everywhere, within seconds
    Kill(Kill),
    /// Restart sending
    Unkill(Unkill),
    /// The audit trail: verify, show
    Audit(Audit),
    /// Move what is over out of the database into files; without --apply, say what would move
    Archive(Archive),
    /// Write a copy of the database to a file, while it is in use (SQLite)
    Backup(Backup),
    /// Put a copy back into an empty data folder, and hold what was on its way when it was taken
    Restore(Restore),
    /// Accounts and what is known of them
    Account(Account),
    /// Hand in a signal by hand
    Signal(Signal),
    /// Compute every account's health and raise `health.dropped` where it fell
    Health,
    /// People, sign-in links and API tokens
    Access(Access),
    /// Measure what this machine gets out of Playgate
    Bench(Bench),
    /// Configuration
    Config(Config),
    /// JSON Schemas for editors, and the API's OpenAPI document
    Schema(Schema),
}

/// `playgate migrate`
#[derive(Debug, Args)]
pub struct Migrate {
    /// Take away what older programs need even while some are at work
    #[arg(long)]
    pub even_if_busy: bool,
}

/// `playgate demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Throw the demo's data away and start over
    #[arg(long)]
    pub fresh: bool,
    /// Accounts of the sample company
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub accounts: u64,
    /// The same seed gives the same company
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Prepare everything and print the summary, but do not serve
    #[arg(long)]
    pub no_serve: bool,
}

/// `playgate sample`
#[derive(Debug, Args)]
pub struct Sample {
    /// How many accounts
    #[arg(long, default_value_t = 200)]
    pub accounts: u64,
    /// The same seed gives the same company
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// By how much a timely playbook lowers an at-risk account's probability of leaving
    #[arg(long, default_value_t = 0.15)]
    pub effect: f64,
    /// Last day of data, `YYYY-MM-DD` [default: today]
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<jiff::civil::Date>,
    /// Write CSV files into this folder instead of the database
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write each account's hidden destiny to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
}

/// `playgate import`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  playgate import exports/ --preset hubspot\n  playgate import \
    accounts.csv contacts.csv --map my-crm.yaml --source my-crm\n\nRows are known by their id in \
    the source: importing a file twice changes nothing."
)]
pub struct Import {
    /// CSV files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How the columns are named
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "map",
        help = "How the columns are named: \
        generic, hubspot, salesforce, gainsight or ravenstack [default: generic]"
    )]
    pub preset: Option<String>,
    /// Your own mapping of columns
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Name of the source, which keeps its ids apart from others' [default: the preset's name]
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Encoding of files without a byte-order mark, for example `windows-1252`
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// Write every rejected row, with the reason, to this CSV file
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Raise signals (`lifecycle.entered`, `ticket.opened`) for what is new, so that triggers fire
    #[arg(long)]
    pub announce: bool,
}

/// `playgate serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// Serve only; other processes do the background work (PostgreSQL)
    #[arg(long)]
    pub no_worker: bool,
}

/// `playgate queue`
#[derive(Debug, Args)]
pub struct Queue {
    /// What to do; listing is the default
    #[command(subcommand)]
    pub command: Option<QueueCommand>,
    /// Which items to list
    #[command(flatten)]
    pub list: QueueList,
}

/// Which items to list.
#[derive(Clone, Debug, Default, Args)]
pub struct QueueList {
    /// Only mine
    #[arg(long)]
    pub mine: bool,
    /// Only in this state, or `all` [default: waiting]
    #[arg(long, value_name = "STATE")]
    pub status: Option<String>,
    /// Only of this playbook
    #[arg(long, value_name = "NAME")]
    pub playbook: Option<String>,
    /// Only of this account (id, source id or name)
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// risk, due or newest
    #[arg(long, value_name = "ORDER")]
    pub sort: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
    /// Where the last page ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

/// What to do with the queue.
#[derive(Debug, Subcommand)]
pub enum QueueCommand {
    /// List what waits
    List(QueueList),
    /// Everything needed to decide on one item
    Show {
        /// The approval, `apv_…`
        id: String,
    },
    /// Let it go, exactly as it stands
    Approve {
        /// The approval, `apv_…`
        id: String,
        /// Fingerprint of the version you saw (its first 12 digits are enough); without it, the
        /// item is shown and you are asked
        #[arg(long, value_name = "HEX")]
        binding: Option<String>,
    },
    /// Put your text in place of the draft; it is judged again
    Edit {
        /// The approval, `apv_…`
        id: String,
        /// New subject line [default: unchanged]
        #[arg(long)]
        subject: Option<String>,
        /// New text
        #[arg(long, conflicts_with = "body_file")]
        body: Option<String>,
        /// File with the new text, or `-` for standard input
        #[arg(long, value_name = "FILE")]
        body_file: Option<PathBuf>,
        /// Approve it too, if policy lets it pass
        #[arg(long)]
        approve: bool,
    },
    /// It will not go
    Reject {
        /// The approval, `apv_…`
        id: String,
        /// wrong_recipient, wrong_timing, tone, fact_error, not_needed, policy, duplicate,
        /// sensitive or other
        #[arg(long, value_name = "CODE")]
        reason: String,
        /// In your words
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Have another version written
    Redraft {
        /// The approval, `apv_…`
        id: String,
        /// What should be different
        #[arg(long)]
        instruction: String,
    },
    /// Give it to somebody else
    Reassign {
        /// The approval, `apv_…`
        id: String,
        /// E-mail address of the person
        #[arg(long, value_name = "EMAIL")]
        to: String,
    },
    /// Put it off
    Snooze {
        /// The approval, `apv_…`
        id: String,
        /// For how long, as in `4h` or `2d`
        #[arg(long = "for", value_name = "TIME")]
        duration: String,
    },
}

/// `playgate task`
#[derive(Debug, Args)]
pub struct Task {
    /// What to do
    #[command(subcommand)]
    pub command: TaskCommand,
}

/// What to do with tasks.
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// List open tasks
    List {
        /// Only mine
        #[arg(long)]
        mine: bool,
        /// Only of this account (id, source id or name)
        #[arg(long)]
        account: Option<String>,
        /// Also finished and cancelled ones
        #[arg(long)]
        all: bool,
    },
    /// Show one task with its material
    Show {
        /// The task, `tsk_…`
        id: String,
    },
    /// Finish a task; a run that waits for it goes on
    Finish {
        /// The task, `tsk_…`
        id: String,
        /// What came of it
        #[arg(long, default_value = "done")]
        outcome: String,
    },
}

/// `playgate run`
#[derive(Debug, Args)]
pub struct Run {
    /// What to do
    #[command(subcommand)]
    pub command: RunCommand,
}

/// Which runs are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct RunChoice {
    /// Only of this playbook
    #[arg(long, value_name = "NAME")]
    pub playbook: Option<String>,
    /// active, paused, stuck, completed or cancelled
    #[arg(long, value_name = "STATE")]
    pub status: Option<String>,
    /// Only for this account (id, source id or name)
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,
    /// Only at this step; without --status, only runs that are not over
    #[arg(long, value_name = "STEP")]
    pub step: Option<String>,
    /// Only of this playbook version (its first digits are enough); without --status, only runs
    /// that are not over
    #[arg(long, value_name = "HEX")]
    pub version: Option<String>,
    /// Only stuck with this code, for example model-unreachable
    #[arg(long, value_name = "CODE")]
    pub stuck: Option<String>,
    /// Only started longer ago than this, as in `3d`
    #[arg(long, value_name = "TIME")]
    pub older_than: Option<String>,
}

/// One run, or all that are meant.
#[derive(Clone, Debug, Args)]
pub struct RunsMeant {
    /// The run, `run_…`; without it, all that the options below mean
    pub id: Option<String>,
    /// Which runs, when there is no id.
    #[command(flatten)]
    pub choice: RunChoice,
    /// Do it without asking
    #[arg(long)]
    pub yes: bool,
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub enum RunCommand {
    /// List runs, newest first
    #[command(disable_version_flag = true)]
    List {
        /// Which ones
        #[command(flatten)]
        choice: RunChoice,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// What happened so far and what it waits for
    Show {
        /// The run, `run_…`
        id: String,
    },
    /// Stop for a while
    #[command(disable_version_flag = true, after_help = BULK_HELP)]
    Pause(RunsMeant),
    /// Go on after a pause
    #[command(disable_version_flag = true, after_help = BULK_HELP)]
    Resume(RunsMeant),
    /// End for good; what waits for people is withdrawn
    #[command(disable_version_flag = true, after_help = BULK_HELP)]
    Cancel {
        /// Which
        #[command(flatten)]
        meant: RunsMeant,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Try the current step again after a dead end, or do steps again from an earlier one
    #[command(disable_version_flag = true, after_help = BULK_HELP)]
    Retry {
        /// Which
        #[command(flatten)]
        meant: RunsMeant,
        /// Do this step and all that come after it again
        #[arg(long, value_name = "STEP")]
        from: Option<String>,
    },
}

/// How many runs are changed at once.
const BULK_HELP: &str = "With options instead of an id, all runs that match are meant: how many \
    they are is shown, and asked about (or not, with --yes). With --json nothing is changed \
    without --yes.";

/// `playgate playbook`
#[derive(Debug, Args)]
pub struct Playbook {
    /// What to do
    #[command(subcommand)]
    pub command: PlaybookCommand,
}

/// What to do with playbooks.
#[derive(Debug, Subcommand)]
pub enum PlaybookCommand {
    /// Check files; every error with file, line and caret
    Lint {
        /// Playbook files or folders of them [default: the shipped ones and your own]
        paths: Vec<PathBuf>,
    },
    /// List active playbooks
    List,
    /// Show one playbook: trigger, objective, steps, metrics, pitfalls, owner
    Show {
        /// Its name
        name: String,
    },
    /// Show what a playbook would do for an account; does nothing
    Plan {
        /// Its name
        name: String,
        /// The account (id, source id or name)
        #[arg(long)]
        account: String,
    },
    /// Make the shipped playbooks, and your own that shadow them, the active ones
    Load,
    /// Move runs from other versions to one: shows what would move and what cannot and why
    Migrate {
        /// Its name [default: the one that the versions below are of]
        name: Option<String>,
        /// Only runs of this version (its first digits are enough) [default: all but the active one]
        #[arg(long, value_name = "HEX")]
        from: Option<String>,
        /// Move them to this version [default: the active one]
        #[arg(long, value_name = "HEX")]
        to: Option<String>,
        /// What a step is called in the version they move to; may be given several times
        #[arg(long, value_name = "OLD=NEW")]
        map: Vec<String>,
        /// Do it
        #[arg(long)]
        apply: bool,
    },
    /// Start a playbook for an account by hand
    Start {
        /// Its name
        name: String,
        /// The account (id, source id or name)
        #[arg(long)]
        account: String,
    },
    /// Let a playbook's schedule tick now, for every account it applies to
    Tick {
        /// Its name
        name: String,
    },
}

/// `playgate policy`
#[derive(Debug, Args)]
pub struct Policy {
    /// What to do
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check files; every error with file, line and caret
    Lint {
        /// Policy files or folders of them [default: the shipped ones and your own]
        paths: Vec<PathBuf>,
    },
    /// Show the active policy
    Show,
    /// Make the shipped policies, and your own that shadow them, the active version
    Activate,
}

/// `playgate outbox`
#[derive(Debug, Args)]
pub struct Outbox {
    /// What to do
    #[command(subcommand)]
    pub command: OutboxCommand,
}

/// What to do with messages.
#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// List messages, newest first
    List {
        /// queued, sending, transmitting, delivered, refused, failed or uncertain
        #[arg(long)]
        status: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show one message
    Show {
        /// The message, `msg_…`
        id: String,
    },
    /// Say what became of an uncertain or failed message
    Resolve {
        /// The message, `msg_…`
        id: String,
        /// It arrived; the run goes on
        #[arg(long, conflicts_with = "resend", required_unless_present = "resend")]
        arrived: bool,
        /// It did not arrive; send it again, unless its run was cancelled
        #[arg(long)]
        resend: bool,
    },
}

/// `playgate kill`
#[derive(Debug, Args)]
pub struct Kill {
    /// all, playbook:NAME, action:NAME or account:ID
    #[arg(default_value = "all")]
    pub scope: String,
    /// Why
    #[arg(long, default_value = "stopped from the command line")]
    pub reason: String,
}

/// `playgate unkill`
#[derive(Debug, Args)]
pub struct Unkill {
    /// The scope to restart, as it was stopped
    #[arg(default_value = "all")]
    pub scope: String,
}

/// `playgate audit`
#[derive(Debug, Args)]
pub struct Audit {
    /// What to do
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What to do with the trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every event, chain and checkpoint; exit code 1 and the event if one was changed
    Verify {
        /// Read every archive file too, and check what is in it against the trail
        #[arg(long)]
        archive: bool,
    },
    /// Every event of a run (or of a stream such as `policy`, `switch`, `user`)
    Show {
        /// The run, `run_…`, or the stream's name
        stream: String,
    },
    /// Take a checkpoint over all chains now
    Checkpoint,
}

/// `playgate archive`
#[derive(Debug, Args)]
#[command(
    after_help = "What is over moves by itself while `serve` or `worker` runs, see `retention` in \
    `playgate config print`. Nothing is deleted from the database before it is in a file whose hash \
    the trail knows; `playgate audit verify --archive` checks the files."
)]
pub struct Archive {
    /// What to do; moving (or saying what would move) is the default
    #[command(subcommand)]
    pub command: Option<ArchiveCommand>,
    /// Only what was over before this long ago, as in `400d` [default: retention.runs_days]
    #[arg(long, value_name = "TIME")]
    pub older_than: Option<String>,
    /// Do it
    #[arg(long)]
    pub apply: bool,
}

/// What else to do with the archive.
#[derive(Debug, Subcommand)]
pub enum ArchiveCommand {
    /// List archive files
    List,
    /// Show a run that was archived
    Show {
        /// The run, `run_…`
        id: String,
    },
    /// Give the room of what left back to the file system (SQLite); a file from before this was
    /// done by itself is rewritten once, while nobody serves it
    Shrink,
}

/// `playgate backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// The file to make
    pub file: PathBuf,
}

/// `playgate restore`
#[derive(Debug, Args)]
#[command(
    after_help = "What the copy holds as on its way may have left after it was taken. So all of it \
    is held: sending is stopped (`playgate unkill` restarts it), and each message is uncertain until \
    a person says what became of it (`playgate outbox resolve`)."
)]
pub struct Restore {
    /// A file `playgate backup` made
    #[arg(required_unless_present = "hold")]
    pub file: Option<PathBuf>,
    /// Only hold what was on its way: for a database put back by other means (pg_restore, a
    /// snapshot), before anything serves or works on it
    #[arg(long, conflicts_with = "file")]
    pub hold: bool,
    /// Put back a copy whose trail does not verify, and one whose master key is not there
    #[arg(long)]
    pub even_if_broken: bool,
}

/// `playgate account`
#[derive(Debug, Args)]
pub struct Account {
    /// What to do
    #[command(subcommand)]
    pub command: AccountCommand,
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// List accounts by name
    List {
        /// Part of a name, domain or source id
        #[arg(long)]
        search: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Where the last page ended
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Everything known of one account
    Show {
        /// The account (id, source id or name)
        account: String,
    },
}

/// `playgate signal`
#[derive(Debug, Args)]
pub struct Signal {
    /// What happened, dotted and past tense: `email.replied`, `milestone.reached`
    pub kind: String,
    /// The account (id, source id or name)
    #[arg(long)]
    pub account: String,
    /// What else there is to say, as a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub details: String,
    /// The run it answers, `run_…`
    #[arg(long)]
    pub run: Option<String>,
    /// An id of the event: the same id again is the same signal [default: a new one]
    #[arg(long)]
    pub event_id: Option<String>,
}

/// `playgate access`
#[derive(Debug, Args)]
pub struct Access {
    /// What to do
    #[command(subcommand)]
    pub command: AccessCommand,
}

/// What to do with people and tokens.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// List people
    List,
    /// Add a person
    Add {
        /// E-mail address
        email: String,
        /// Full name
        #[arg(long)]
        name: String,
        /// csm, csm_manager, cs_ops, leader, auditor or admin
        #[arg(long)]
        role: String,
    },
    /// Make a one-time sign-in link for a person
    Link {
        /// E-mail address
        email: String,
    },
    /// Make an API token for a person; shown once
    Token {
        /// E-mail address
        email: String,
        /// Days until it ends
        #[arg(long, default_value_t = 90)]
        days: u16,
        /// Limit it to these permissions: read, decide, operate, kill, audit, signal, administer
        #[arg(long, value_delimiter = ',')]
        scope: Vec<String>,
    },
}

/// `playgate bench`
///
/// Each benchmark makes a folder of its own (and with `--db postgres://…` a database of its own),
/// starts a real `playgate serve` on it as a separate process, plays the client over HTTP, prints
/// what it found beside the machine's own limits, and removes everything again, also on Ctrl-C. A
/// database that is there already is never touched.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  playgate bench w1\n  playgate bench w1 --runs 20000 --gate letter \
    --json\n  playgate bench w1 --db postgres://me@localhost\n\nMeasure on a quiet machine, in a \
    release build, and with --in on the disk you mean: a RAM disk says nothing about durability."
)]
pub struct Bench {
    /// What to measure
    #[command(subcommand)]
    pub command: BenchCommand,
    /// Where it takes place.
    #[command(flatten)]
    pub place: BenchPlace,
}

/// Where a benchmark takes place.
#[derive(Clone, Debug, Default, Args)]
pub struct BenchPlace {
    /// Folder to make the benchmark's own folder in [default: the system's temporary folder]
    #[arg(long = "in", global = true, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Keep the folder and the database for looking at
    #[arg(long, global = true)]
    pub keep: bool,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Runs of five durable steps with one outside approval between steps three and four
    W1(BenchW1),
    /// Park runs, kill the server, start it again, and let them pass
    Recover(BenchRecover),
    /// A long approval queue: its first page, its screen, and one decision
    Queue(BenchQueue),
}

/// `playgate bench recover`
///
/// Parks runs at their gate, starts a server on them, kills it (SIGKILL), starts it again and opens
/// the gates one by one. Tells how long that took from the restart, and how much memory the server
/// had with all of them parked.
#[derive(Debug, Args)]
pub struct BenchRecover {
    /// How many runs are parked
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub runs: u64,
    /// How many of them are let pass after the restart [default: all, 10000 at most]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub finish: Option<u64>,
    /// Connections that approve at the same time
    #[arg(long, default_value_t = 64, value_parser = connections)]
    pub concurrency: usize,
}

/// `playgate bench queue`
///
/// Fills the approval queue, then asks for its first page, for the screen, and for one decision, 200
/// times each.
#[derive(Debug, Args)]
pub struct BenchQueue {
    /// How many drafts wait
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub items: u64,
}

/// `playgate bench w1`
///
/// Starts runs through signed signals, waits until each stands at its gate after step three, lets it
/// pass with one HTTP request, and follows it to its end. Then approves at a fixed rate against the
/// idle server, which shows the latency people would see.
#[derive(Debug, Args)]
pub struct BenchW1 {
    /// How many runs
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub runs: u64,
    /// Connections that approve at the same time
    #[arg(long, default_value_t = 64, value_parser = connections)]
    pub concurrency: usize,
    /// What waits at the gate: `task` (a person's task) or `letter` (a draft in the queue, which is
    /// also delivered into a mail folder)
    #[arg(long, value_enum, default_value_t = GateKind::Task)]
    pub gate: GateKind,
    /// Approvals a second of the second phase; 0 leaves it out
    #[arg(long, default_value_t = 10.0, value_parser = not_negative)]
    pub rate: f64,
    /// Seconds the second phase lasts
    #[arg(long, default_value_t = 10.0, value_parser = not_negative)]
    pub rate_seconds: f64,
}

/// What a run of workload W1 waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GateKind {
    /// A task that a person finishes.
    #[default]
    Task,
    /// A draft that a person approves, delivered into a mail folder.
    Letter,
}

fn connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1000) => Ok(count),
        _ => Err("must be 1 to 1000".to_owned()),
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && (0.0..=100_000.0).contains(&value) => Ok(value),
        _ => Err("must be 0 to 100000".to_owned()),
    }
}

/// `playgate config`
#[derive(Debug, Args)]
pub struct Config {
    /// What to do
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the commented example; its values are the defaults
    Print,
    /// Check a configuration file
    Check {
        /// The file
        file: PathBuf,
    },
}

/// `playgate privacy`
#[derive(Debug, Args)]
pub struct Privacy {
    /// What to do.
    #[command(subcommand)]
    pub command: PrivacyCommand,
}

/// What to do about personal data.
#[derive(Debug, Subcommand)]
pub enum PrivacyCommand {
    /// Show what would be redacted in a text, and why
    Scan(PrivacyScan),
    /// Measure how fast texts are searched, on one core
    Bench(PrivacyBench),
    /// Look in drafts for other customers' data, cards, accounts and secrets
    Leaks(crate::command::privacy::leaks::Leaks),
    /// Erase a person at a customer for good, and print the receipt
    Erase(Erase),
    /// Everything there is of a person at a customer, as JSON
    Export(Export),
    /// Change the master key: wrap everything anew, while others work
    Rotate,
}

/// `playgate privacy erase`
#[derive(Debug, Args)]
pub struct Erase {
    /// The person: `con_…`, or an e-mail address (at every account that knows it)
    #[arg(long, value_name = "ID|EMAIL")]
    pub contact: String,
    /// Only say what would be erased
    #[arg(long, conflicts_with = "yes")]
    pub preview: bool,
    /// Erase without asking
    #[arg(long)]
    pub yes: bool,
}

/// `playgate privacy export`
#[derive(Debug, Args)]
pub struct Export {
    /// The person: `con_…`, or an e-mail address (at every account that knows it)
    #[arg(long, value_name = "ID|EMAIL")]
    pub contact: String,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `playgate privacy scan`
#[derive(Debug, Args)]
pub struct PrivacyScan {
    /// Text file; `-` or nothing for standard input
    pub file: Option<PathBuf>,
    /// A table and the redacted text, for people; this is what you get without --json
    #[arg(long, conflicts_with = "json")]
    pub pretty: bool,
    /// Answer each line {"id","text"} of this file (`-` for standard input) with a line
    /// {"id","spans":[{"start","end","type"}]}, in bytes of UTF-8
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "pretty"])]
    pub predictions: Option<PathBuf>,
}

/// `playgate privacy bench`
#[derive(Debug, Args)]
pub struct PrivacyBench {
    /// How much text of each sort to search, in megabytes
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub megabytes: u64,
}

/// `playgate schema`
#[derive(Debug, Args)]
pub struct Schema {
    /// Which
    pub of: SchemaOf,
}

/// Which schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaOf {
    /// Playbook files
    Playbook,
    /// Policy files
    Policy,
    /// The JSON API, as OpenAPI 3.1
    Openapi,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_command_gives_a_global_setting_another_meaning() {
        Arguments::command().debug_assert();
        let global = ["data", "db", "listen", "config", "json", "user", "llm_url", "log"];
        let mut commands: Vec<_> = Arguments::command().get_subcommands().cloned().collect();
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                assert!(!global.contains(&name), "`{}` takes `{name}`", command.get_name());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
