//! `sim`: years of the product, by seed, with everything going wrong that can.

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use clap::Parser;
use world::sim::{
    report::{Played, failure, play, play_all},
    stage::Stage,
    sync::Backstage,
};

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "sim", max_term_width = 100, about = ABOUT)]
struct Arguments {
    /// How many seeds
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only this seed, with its story
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Each seed once more: does it tell the same story?
    #[arg(long)]
    twice: bool,
    /// Seeds at once [default: as many as there are processors]
    #[arg(long)]
    at_once: Option<usize>,
    /// Stop after so many seeds that failed
    #[arg(long, default_value_t = 10)]
    failures: usize,
}

const ABOUT: &str = "\
Does the product keep its promises for a year, whatever goes wrong?

Each seed is a world of its own: the real engine and store on a database file, two processes that
work and one that serves, their clocks, customers, people who decide, a post office. The seed decides
what happens in which order and what fails. After every step the invariants are checked.

Exit code 0: every promise was kept; 1: one was not, with the seed and how to repeat it.";

fn main() -> ExitCode {
    // Nothing was installed before.
    let _first = rustls::crypto::ring::default_provider().install_default();
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("sim: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(seed) = arguments.seed {
        return one(seed);
    }
    let at_once = match arguments.at_once {
        Some(at_once) => at_once,
        None => std::thread::available_parallelism()?.get(),
    };
    let count = arguments.seeds;
    let tell = |done: u64, played: &Played| {
        if !played.violations.is_empty() {
            say(&failure(played.seed, &played.violations));
        }
        if done.is_multiple_of(500) {
            say(&format!("{done} of {count} seeds"));
        }
    };
    let report =
        play_all(arguments.from, count, at_once, arguments.failures, arguments.twice, &tell)?;
    say(&report.in_words());
    say(&report.last_line());
    let kept = report.failed.is_empty() && report.differ.is_empty();
    Ok(ExitCode::from(u8::from(!kept)))
}

fn one(seed: u64) -> Result<ExitCode> {
    let backstage = Arc::new(Backstage::start()?);
    let stage = Arc::new(Stage::set(&backstage)?);
    let played = play(&stage, &backstage, seed, true)?;
    say(&played.story);
    for (what, count) in &played.tally {
        say(&format!("  {what:<40} {count:>10}"));
    }
    for violation in &played.violations {
        say(&format!("BROKEN: {violation}"));
    }
    say(&format!(
        "sim: seed {seed}, fingerprint {:016x}, {} violations",
        played.fingerprint,
        played.violations.len()
    ));
    Ok(ExitCode::from(u8::from(!played.violations.is_empty())))
}

/// Prints a line.
fn say(line: &str) {
    use std::io::Write as _;
    // A closed terminal is no reason to fail, and there is nobody left to tell.
    let _ = writeln!(std::io::stdout(), "{}", line.trim_end());
}
