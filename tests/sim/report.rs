//! Many seeds, one after the other and side by side, and what came of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use domain::id::RunId;
use rusqlite::Connection;

use super::{stage::Stage, sync::Backstage, time::DAY, world::World};

/// What a seed came to.
#[derive(Clone, Debug)]
pub struct Played {
    /// Which one.
    pub seed: u64,
    /// The same whenever the same things happened.
    pub fingerprint: u64,
    /// Playbook time, in microseconds.
    pub time: i64,
    /// Promises that were broken.
    pub violations: Vec<String>,
    /// What there was of what.
    pub tally: BTreeMap<String, u64>,
    /// The story in words, where it was asked for.
    pub story: String,
}

/// Plays one seed to its end. `kept`: with its story in words.
pub fn play(
    stage: &Arc<Stage>,
    backstage: &Arc<Backstage>,
    seed: u64,
    kept: bool,
) -> Result<Played> {
    let mut world = World::begin(stage, backstage, seed, kept)?;
    let begun = world.now();
    world.live()?;
    let time = world.now() - begun;
    if !world.is_broken() {
        world.calm()?;
    }
    if !world.is_broken() {
        world.reckon()?;
    }
    if !world.is_broken() {
        world.tidy()?;
    }
    if !world.is_broken() {
        world.reckon()?;
    }
    Ok(world.close(seed, time))
}

impl World {
    /// Adds the trails of the runs that broke promises to the story.
    fn remark_trails(&mut self) {
        let trails: Vec<String> = {
            let mut book = self.book();
            let named: BTreeSet<String> = book
                .violations
                .iter()
                .flat_map(|what| what.split(|c: char| !c.is_alphanumeric() && c != '_'))
                .filter(|word| word.parse::<RunId>().is_ok())
                .map(str::to_owned)
                .collect();
            named
                .iter()
                .flat_map(|run| {
                    let text = "SELECT seq || ' ' || actor || ' ' || data FROM events \
                                WHERE stream = ?1 ORDER BY seq";
                    let found = trail(&book.eye, text, run);
                    let lines = book.looked(found).join("\n");
                    [format!("-- the trail of {run}"), lines]
                })
                .collect()
        };
        for line in trails {
            self.story.remark(&line);
        }
    }

    /// What it came to.
    fn close(mut self, seed: u64, time: i64) -> Played {
        let mut tally: BTreeMap<String, u64> = BTreeMap::new();
        tally.insert("steps".to_owned(), self.steps);
        for (what, count) in &self.tally {
            tally.insert((*what).to_owned(), *count);
        }
        self.remark_trails();
        let mut ends = Vec::new();
        let violations = {
            let book = self.book();
            tally.insert("looks at the database".to_owned(), book.watch.looks);
            tally.insert("letters that arrived".to_owned(), book.post.count() as u64);
            tally.insert("decisions accepted".to_owned(), book.accepted.len() as u64);
            for (what, count) in &book.befell {
                tally.insert((*what).to_owned(), *count);
            }
            for (kind, count) in &book.watch.seen {
                tally.insert(format!("event {kind}"), *count);
            }
            for (stream, seq, hash) in book.watch.heads() {
                ends.extend_from_slice(format!("{stream} {seq}").as_bytes());
                ends.extend_from_slice(hash);
            }
            book.violations.clone()
        };
        self.story.seal(&ends);
        for slot in 0..self.machines.len() {
            self.end(slot, 0);
            let store = self.machines[slot].store.clone();
            self.backstage.wait(store.close());
        }
        Played {
            seed,
            fingerprint: self.story.fingerprint(),
            time,
            violations,
            tally,
            story: self.story.words().to_owned(),
        }
    }
}

fn trail(eye: &Connection, text: &str, run: &str) -> rusqlite::Result<Vec<String>> {
    eye.prepare(text)?.query_map([run], |row| row.get(0))?.collect()
}

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seeds that were played.
    pub seeds: u64,
    /// Playbook time, in microseconds.
    pub time: i64,
    /// What there was of what.
    pub tally: BTreeMap<String, u64>,
    /// The same whenever the same things happened in all seeds.
    pub fingerprint: u64,
    /// Seeds that told another story when they were played again.
    pub differ: Vec<u64>,
    /// Seeds in which a promise was broken, with what was wrong.
    pub failed: BTreeMap<u64, Vec<String>>,
    /// How long it took.
    pub took: Duration,
}

/// Plays seeds, so many at once; stops early after `most` that failed. `twice`: each once more, to
/// see whether it tells the same story.
pub fn play_all(
    first: u64,
    count: u64,
    at_once: usize,
    most: usize,
    twice: bool,
    tell: &(dyn Fn(u64, &Played) + Sync),
) -> Result<Report> {
    let begun = Instant::now();
    let stage = Arc::new(Stage::set(&Backstage::start()?)?);
    let (next, report) = (AtomicU64::new(first), Mutex::new(Report::default()));
    thread::scope(|scope| {
        let players: Vec<_> = (0..at_once.max(1))
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let backstage = Arc::new(Backstage::start()?);
                    loop {
                        let seed = next.fetch_add(1, Ordering::SeqCst);
                        let failed =
                            report.lock().unwrap_or_else(PoisonError::into_inner).failed.len();
                        if seed >= first + count || failed >= most {
                            return Ok(());
                        }
                        let played = play(&stage, &backstage, seed, false)?;
                        let again = twice.then(|| play(&stage, &backstage, seed, false));
                        let again = again.transpose()?;
                        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                        if again.is_some_and(|again| again.fingerprint != played.fingerprint) {
                            report.differ.push(seed);
                        }
                        report.add(&played);
                        tell(report.seeds, &played);
                    }
                })
            })
            .collect();
        for player in players {
            player.join().map_err(|_| anyhow!("a seed panicked; see above"))??;
        }
        Ok::<(), anyhow::Error>(())
    })?;
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.took = begun.elapsed();
    Ok(report)
}

/// The command that repeats a seed.
pub fn again(seed: u64) -> String {
    format!("cargo xtask sim --seed {seed}")
}

/// What went wrong in a seed, and how to see it again.
pub fn failure(seed: u64, violations: &[String]) -> String {
    let mut text = format!("seed {seed}: repeat it with `{}`\n", again(seed));
    for violation in violations {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {violation}");
    }
    text
}

impl Report {
    fn add(&mut self, played: &Played) {
        self.seeds += 1;
        self.time += played.time;
        // Of a sum the order does not matter, and seeds end in any order.
        self.fingerprint = self.fingerprint.wrapping_add(played.fingerprint);
        for (what, count) in &played.tally {
            *self.tally.entry(what.clone()).or_default() += count;
        }
        if !played.violations.is_empty() {
            self.failed.insert(played.seed, played.violations.clone());
        }
    }

    /// What happened how often, and what went wrong, in words.
    pub fn in_words(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        for (what, count) in &self.tally {
            let _ = writeln!(text, "  {what:<40} {count:>10}");
        }
        for seed in &self.differ {
            let _ = writeln!(text, "seed {seed} told another story when it was played again");
        }
        for (seed, violations) in &self.failed {
            text.push_str(&failure(*seed, violations));
        }
        text
    }

    /// All of it in one line.
    pub fn last_line(&self) -> String {
        let count = |what: &str| self.tally.get(what).copied().unwrap_or(0);
        let faults: u64 = self
            .tally
            .iter()
            .filter(|(what, _)| {
                ["calls", "processes", "clocks", "letters lost", "signals"]
                    .iter()
                    .any(|of| what.starts_with(of))
            })
            .map(|(_, count)| count)
            .sum();
        let violations: usize = self.failed.values().map(Vec::len).sum();
        #[expect(
            clippy::cast_precision_loss,
            reason = "far below 2^52 microseconds a seed, and shown with one digit"
        )]
        let years = self.time as f64 / (365 * DAY) as f64;
        format!(
            "sim: {} seeds, {:.1} years of playbook time, {} steps, {} faults, {} runs, {} decisions, \
             {} letters, {} events, fingerprint {:016x}, {:.1} min, {violations} violations",
            self.seeds,
            years,
            count("steps"),
            faults,
            count("event run_started"),
            count("decisions accepted"),
            count("letters that arrived"),
            self.tally
                .iter()
                .filter(|(what, _)| what.starts_with("event "))
                .map(|(_, n)| n)
                .sum::<u64>(),
            self.fingerprint,
            self.took.as_secs_f64() / 60.0,
        )
    }
}
