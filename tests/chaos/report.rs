//! What a chaos run found, as people read it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    fault::{Kind, Strike},
    load::Tally,
    ordeal::Ordeal,
    pickup::Waits,
    reconcile::Violation,
};

/// Ends of processes that are quoted.
const QUOTED: usize = 8;

/// Broken promises that are told in full on the terminal.
pub const TOLD: usize = 40;

/// What a chaos run found.
#[derive(Clone, Debug)]
pub struct Report {
    heading: String,
    kinds: Vec<Kind>,
    no_disk: Option<String>,
    /// Faults that happened.
    pub strikes: Vec<Strike>,
    /// Faults that chance wanted and whose target was busy with another one.
    pub passed_over: u64,
    /// How often the disk would have been filled where that is not possible.
    pub not_possible: u64,
    /// The longest wait after each kind of fault.
    pub waits: Waits,
    /// What the client asked and heard.
    pub tally: Tally,
    /// What there was how often.
    pub counts: BTreeMap<&'static str, u64>,
    /// Messages that were uncertain when all was quiet.
    pub uncertain: u64,
    /// Conversations the mail server broke by itself.
    pub broken_by_sink: u64,
    /// Ends of processes that nobody caused.
    pub ends: Vec<String>,
    /// How long it took until all was quiet.
    pub quiet_after: Duration,
    /// Every promise that was broken.
    pub violations: Vec<Violation>,
}

impl Report {
    /// The report of a run that begins.
    pub fn new(ordeal: &Ordeal, begun: Timestamp) -> Self {
        let (servers, workers) = ordeal.processes;
        let place = if ordeal.postgres.is_some() {
            format!("PostgreSQL, {servers} servers, {workers} workers")
        } else {
            "SQLite, one process".to_owned()
        };
        let heading = format!(
            "Chaos on {place}: {:.1} minutes, {} runs a second, a fault every {:.1} s, lease {} s, \
             seed {}, begun {begun:.0}",
            ordeal.time.as_secs_f64() / 60.0,
            ordeal.rate,
            ordeal.every.as_secs_f64(),
            ordeal.lease_seconds,
            ordeal.seed,
        );
        let all: &[Kind] = if ordeal.postgres.is_some() { &Kind::POSTGRES } else { &Kind::SQLITE };
        Self {
            heading,
            kinds: all.to_vec(),
            no_disk: ordeal.disk.as_ref().err().cloned(),
            strikes: Vec::new(),
            passed_over: 0,
            not_possible: 0,
            waits: Waits::default(),
            tally: Tally::default(),
            counts: BTreeMap::new(),
            uncertain: 0,
            broken_by_sink: 0,
            ends: Vec::new(),
            quiet_after: Duration::ZERO,
            violations: Vec::new(),
        }
    }

    /// Notes a broken promise that is about everything.
    pub fn broken(&mut self, rule: &'static str, detail: impl Into<String>) {
        self.violations.push(Violation { rule, id: "all".to_owned(), detail: detail.into() });
    }

    fn faults(&self, f: &mut String) -> fmt::Result {
        writeln!(f, "\n{:<44} {:>5}  longest until work went on", "Faults", "times")?;
        for kind in &self.kinds {
            let times = self.strikes.iter().filter(|strike| strike.kind == *kind).count();
            let mut words = match self.waits.after.get(kind) {
                Some(wait) => format!("{:.1} s ({})", wait.time.as_secs_f64(), wait.run),
                None => String::new(),
            };
            if let (Kind::FillDisk, Some(why)) = (kind, &self.no_disk) {
                words = format!("NOT POSSIBLE HERE, left out {} times: {why}", self.not_possible);
            }
            writeln!(f, "  {:<42} {times:>5}  {words}", kind.in_words())?;
        }
        let usual = self.waits.usual.as_secs_f64();
        writeln!(f, "  {:<42} {:>5}  {usual:.1} s", "(without any fault)", "")?;
        writeln!(f, "  {:<42} {:>5}", "conversations the mail server broke", self.broken_by_sink)?;
        writeln!(f, "  {:<42} {:>5}", "passed over, target busy", self.passed_over)?;
        let away = self
            .strikes
            .iter()
            .filter(|strike| strike.kind.is_outage())
            .map(|strike| strike.until.duration_since(strike.from).as_secs_f64())
            .fold(0.0, |sum, away| sum + away);
        writeln!(f, "  {:<42} {away:>5.0}  s in all", "database away or its disk full")
    }

    fn rest(&self, f: &mut String, most: usize) -> fmt::Result {
        writeln!(f, "\nWhat there was")?;
        for (what, count) in &self.counts {
            writeln!(f, "  {what:<42} {count:>5}")?;
        }
        writeln!(f, "  {:<42} {:>5}", "messages uncertain, before resolving", self.uncertain)?;
        let quiet = self.quiet_after.as_secs_f64();
        writeln!(f, "  {:<42} {quiet:>5.0}  s", "quiet after the last fault within")?;
        writeln!(f, "\nErrors the client saw")?;
        for (error, count) in &self.tally.errors {
            writeln!(f, "  {error:<42} {count:>5}")?;
        }
        if !self.ends.is_empty() {
            writeln!(f, "\nProcesses ended by themselves {} times", self.ends.len())?;
            for end in self.ends.iter().take(QUOTED) {
                writeln!(f, "  {end}")?;
            }
        }
        match self.violations.len() {
            0 => writeln!(f, "\nReconciled: every promise was kept."),
            broken => {
                writeln!(f, "\nNOT RECONCILED: {broken} violations")?;
                for violation in self.violations.iter().take(most) {
                    writeln!(f, "  {violation}")?;
                }
                match broken.saturating_sub(most) {
                    0 => Ok(()),
                    more => writeln!(f, "  … and {more} more, in the report's file"),
                }
            }
        }
    }
}

impl Report {
    /// In words, with at most so many broken promises in full.
    pub fn in_words(&self, most: usize) -> String {
        let mut text = format!("{}\n", self.heading);
        // Writing to a string does not fail.
        let _ = self.faults(&mut text).and_then(|()| self.rest(&mut text, most));
        text
    }
}
