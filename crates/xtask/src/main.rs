//! Developer commands: `cargo xtask test` and its parts.

mod account;
mod cargo;
mod chaos;
mod cluster;
mod fuzz;
mod ha;
mod household;
mod leash;
mod package;
mod postgres;
mod sim;
mod stage;
mod statements;
mod supply;
mod upgrade;

use std::{
    ffi::OsString,
    io::Write,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};

use crate::{cargo::cargo, cluster::Cluster, stage::Stages};

const HELP: &str = "\
Developer commands for this workspace.

Usage: cargo xtask <COMMAND>

Commands:
  test            Everything a change must pass, in order: formats, lints, docs, then every
                  test on SQLite and on a throw-away PostgreSQL, and that the contract suite runs
                  every statement of the store on both. Stops at the first failure.
  test --fast     Only the tests, and only on SQLite. Quick, and not the whole.
  postgres -- CMD Runs CMD with a throw-away PostgreSQL: TEST_POSTGRES_URL is set, and PGHOST,
                  PGPORT, PGUSER and PGDATABASE, so that `cargo xtask postgres -- psql` works.
  chaos [--db postgres|sqlite] [--workers 3] [--minutes 5] [--seed 1] …
                  Killed for real: processes of the product under load and real mail are killed,
                  frozen and restarted, PostgreSQL is stopped hard, networks are cut, the disk is
                  filled; then ledger, mail and audit trail are reconciled. Exit code 1 if a promise
                  was broken. More options: `target/debug/chaos run --help`.
  sim [--seeds 10000] [--from 1] [--at-once N] [--twice]
                  A year of playbook time, by seed: engine and store under simulated
                  time, with crashes, lost leases, late and repeated signals, jumping clocks and
                  failing calls. The invariants are checked after every step. Exit code 1 if one
                  was broken, with the seed. With --twice each seed is played once more, to see
                  that it tells the same story.
  sim --seed N    That seed again, with its story line by line.
  ha [--minutes 3] [--keep] [--no-build]
                  High availability, shown: three machines with etcd, Patroni and PostgreSQL on
                  loopback addresses, two hosts of the product; machines are killed, frozen and
                  cut off under load. Says how long nothing was accepted, and reconciles. Exit
                  code 1 if a promise was broken. --keep leaves folder and logs; --no-build takes
                  the programs as they are.
  upgrade --from REV [--minutes 2] [--workers 2] [--seed 1] …
                  Old and new side by side: builds the program of an earlier commit, has it work on
                  PostgreSQL under load, brings the schema up under it, starts the program of this
                  tree beside it, kills and freezes workers of both, ends the old ones, and
                  reconciles like `chaos`. Exit code 1 if a promise was broken. REV must know the
                  settings of the scene: not older than the limits. More options:
                  `target/debug/chaos upgrade --help`.
  statements DIR  Says which statements of the store a run of its contract suite left out that noted
                  them in DIR: `TEST_STATEMENTS=DIR cargo test -p store --test contract` with a
                  PostgreSQL. `test` does all of this.
  fuzz [TARGET] [--minutes 10]
                  Inputs nobody thought of, for what reads text from outside: normalise, detect,
                  restore, policy, answer; all of them in turn, or one. Installs cargo-fuzz with
                  `cargo install` where it is missing. What breaks one is left in
                  target/fuzz-broken. Exit code 1 if anything broke.
  deny            Checks licences, bans, sources and advisories of every dependency with
                  cargo-deny. Needs the network for the advisories.

Options:
  -h, --help      Prints this.

`chaos` fills a small disk of its own, which only root can mount; for others that fault is left out
and its report says so.

`ha` installs etcd-server, patroni and haproxy with apt-get where they are missing, as root on Debian
or Ubuntu; their services are neither started nor enabled. Nothing else needs them.

PostgreSQL is looked for in PATH and in the usual places. Where there is none, and this runs as
root on Debian or Ubuntu, it is installed with apt-get; the distribution's own cluster is not
created. The throw-away cluster runs as an unprivileged user, listens on 127.0.0.1 only, and is
ended and removed whatever happens to the command, Ctrl-C included.
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("\nxtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let words: Vec<&str> =
        arguments.iter().map(|word| word.to_str().unwrap_or("\u{fffd}")).collect();
    match words.as_slice() {
        [] | ["-h" | "--help" | "help", ..] | [_, "-h" | "--help"] => {
            std::io::stdout().write_all(HELP.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        ["test"] => test(),
        ["test", "--fast"] => test_fast(),
        ["postgres", "--", _, ..] => with_postgres(&arguments[2..]),
        ["postgres", ..] => bail!("say what to run: `cargo xtask postgres -- COMMAND…`"),
        ["statements", folder] => {
            say(&statements::check(std::path::Path::new(folder))?);
            Ok(ExitCode::SUCCESS)
        }
        ["deny"] => supply::check(),
        ["fuzz", options @ ..] => fuzz::run(options),
        ["chaos", options @ ..] => chaos::outside(options),
        [chaos::INSIDE, options @ ..] => chaos::inside(options),
        ["sim", options @ ..] => sim::run(options),
        ["upgrade", options @ ..] => upgrade::outside(options),
        [upgrade::INSIDE, options @ ..] => upgrade::inside(options),
        ["ha", options @ ..] => ha::outside(options, &arguments[1..]),
        [ha::INSIDE, options @ ..] => ha::inside(options),
        [cluster::KEEPER] => cluster::keep(),
        _ => bail!("unknown command `{}`; see `cargo xtask --help`", words.join(" ")),
    }
}

/// Everything a change must pass.
fn test() -> Result<ExitCode> {
    cargo::components()?;
    // Said now rather than after minutes of linting.
    postgres::look()?;
    let mut stages = Stages::new(7);
    stages.run("formats", cargo(["fmt", "--all", "--check"]), "run `cargo fmt --all`")?;
    stages.run(
        "lints",
        cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        "fix what clippy says above",
    )?;
    let mut docs = cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    docs.env("RUSTDOCFLAGS", "-Dwarnings");
    stages.run("docs", docs, "fix what rustdoc says above")?;
    let cluster = stages.perform("PostgreSQL", || Cluster::start(&postgres::find_or_install()?))?;
    stages.run("binary", cargo(["build", "-p", "cli"]), "fix what the compiler says above")?;
    let mut tests = cargo(["test", "--workspace", "--no-fail-fast"]);
    tests.env("TEST_POSTGRES_URL", cluster.url()).env("TEST_POSTGRES_REQUIRED", "1");
    let notes = statements::folder()?;
    tests.env("TEST_STATEMENTS", &notes);
    stages.run("tests", tests, "see the failures listed above")?;
    drop(cluster);
    say(&stages.perform("statements", || statements::check(&notes))?);
    stages.close("Everything passed: formats, lints, docs, and all tests on both databases.");
    Ok(ExitCode::SUCCESS)
}

/// The tests that need nothing but the toolchain.
fn test_fast() -> Result<ExitCode> {
    const NOT_THE_WHOLE: &str = "\
NOT THE WHOLE: no formats, no lints, no docs, nothing on PostgreSQL. Before you hand a change in,
run `cargo xtask test`.";
    say(NOT_THE_WHOLE);
    let mut stages = Stages::new(2);
    stages.run("binary", cargo(["build", "-p", "cli"]), "fix what the compiler says above")?;
    let mut tests = cargo(["test", "--workspace", "--no-fail-fast"]);
    tests.env_remove("TEST_POSTGRES_URL").env_remove("TEST_POSTGRES_REQUIRED");
    stages.run("tests on SQLite", tests, "see the failures listed above")?;
    stages.close(NOT_THE_WHOLE);
    Ok(ExitCode::SUCCESS)
}

/// Runs one command beside a throw-away cluster and hands on its exit code.
fn with_postgres(command: &[OsString]) -> Result<ExitCode> {
    let cluster = Cluster::start(&postgres::find_or_install()?)?;
    let (program, rest) = command.split_first().context("say what to run after `--`")?;
    let status = Command::new(program)
        .args(rest)
        .env("TEST_POSTGRES_URL", cluster.url())
        .env("TEST_POSTGRES_REQUIRED", "1")
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", cluster.port().to_string())
        .env("PGUSER", cluster::SUPERUSER)
        .env("PGDATABASE", "postgres")
        .status()
        .with_context(|| format!("`{}` cannot be run", program.display()))?;
    Ok(status.code().map_or(ExitCode::FAILURE, |code| {
        u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
    }))
}

/// Prints a line for the developer, apart from what the stages themselves print.
fn say(line: &str) {
    // A closed terminal is no reason to fail, and there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}
