//! What the run showed: how long nothing was accepted or delivered, and whether all promises held.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::ha::{fault::Fault, outage::Moments, patroni::TTL, pulse::Beat};

/// How much of the reconciliation is shown: what is broken may be broken a thousand times.
const LINES: usize = 40;

/// A fault that struck.
#[derive(Clone, Debug)]
pub(crate) struct Strike {
    pub(crate) fault: Fault,
    pub(crate) at: Timestamp,
    /// The machine.
    pub(crate) whom: String,
}

/// Everything that was seen.
pub(crate) struct Report {
    /// When the load began.
    pub(crate) started: Timestamp,
    /// When it began to end.
    pub(crate) until: Timestamp,
    pub(crate) strikes: Vec<Strike>,
    /// Approvals answered with 2xx.
    pub(crate) accepted: Moments,
    /// Mail at the sink.
    pub(crate) delivered: Moments,
    /// What `/healthz` of each server said.
    pub(crate) beats: Vec<Vec<Beat>>,
    /// The load's own account.
    pub(crate) load: String,
    /// The reconciliation's.
    pub(crate) reconciled: String,
    /// First line of `playgate audit verify`.
    pub(crate) audit: String,
    /// Reconciled, and the trail is true.
    pub(crate) good: bool,
}

impl Report {
    /// Whether every promise was kept and the service came back after every fault.
    pub(crate) fn is_good(&self) -> bool {
        self.good && self.strikes.iter().enumerate().all(|(number, _)| self.came_back(number))
    }

    /// The times that belong to a fault: until the next one.
    fn window(&self, number: usize) -> (Timestamp, Timestamp) {
        let from = self.strikes.get(number).map_or(self.started, |strike| strike.at);
        let until = self.strikes.get(number + 1).map_or(self.until, |strike| strike.at);
        (from, until)
    }

    fn came_back(&self, number: usize) -> bool {
        let (from, until) = self.window(number);
        self.accepted.last_before(until).is_some_and(|at| at > from)
            && self.delivered.last_before(until).is_some_and(|at| at > from)
    }

    /// How long servers said that they are not well, in the longest case.
    fn unwell(&self, from: Timestamp, until: Timestamp) -> SignedDuration {
        self.beats
            .iter()
            .map(|beats| {
                let good: Moments =
                    beats.iter().filter(|beat| beat.well).map(|beat| beat.at).collect();
                let bad = beats.iter().any(|beat| !beat.well && beat.at >= from && beat.at < until);
                if bad { good.longest_gap(from, until) } else { SignedDuration::ZERO }
            })
            .max()
            .unwrap_or_default()
    }

    /// For people.
    pub(crate) fn in_words(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "Seconds without … (longest, as clients saw it; ttl {TTL} s)\n")?;
        writeln!(text, "{:<40} {:>9} {:>9} {:>9}", "", "approvals", "mail", "healthz")?;
        let first = self.strikes.first().map_or(self.until, |strike| strike.at);
        self.row(text, "before the first fault", self.started, first, true)?;
        for (number, strike) in self.strikes.iter().enumerate() {
            let (from, until) = self.window(number);
            let what = format!("{} ({})", strike.fault.in_words(), strike.whom);
            self.row(text, &what, from, until, self.came_back(number))?;
        }
        let slowest = self.beats.iter().flatten().map(|beat| beat.took).max().unwrap_or_default();
        writeln!(text, "\n`/healthz` took {:.1} s at most.", slowest.as_secs_f64())?;
        writeln!(
            text,
            "{} approvals accepted, {} letters delivered.\n\nThe load heard:\n{}\n",
            self.accepted.count(),
            self.delivered.count(),
            self.load
        )?;
        let lines: Vec<&str> = self.reconciled.lines().collect();
        let (shown, left) = lines.split_at(lines.len().min(LINES));
        writeln!(text, "{}", shown.join("\n"))?;
        if !left.is_empty() {
            writeln!(text, "  … and {} lines more", left.len())?;
        }
        writeln!(text, "audit verify: {}", self.audit)?;
        let word = if self.is_good() {
            "Nothing lost, nothing doubled, nothing unapproved, and the service came back by itself."
        } else {
            "NOT GOOD: see above."
        };
        writeln!(text, "{word}")
    }

    fn row(
        &self,
        text: &mut String,
        what: &str,
        from: Timestamp,
        until: Timestamp,
        back: bool,
    ) -> std::fmt::Result {
        let seconds = |time: SignedDuration| format!("{:.1}", time.as_secs_f64());
        writeln!(
            text,
            "{what:<40} {:>9} {:>9} {:>9}{}",
            seconds(self.accepted.longest_gap(from, until)),
            seconds(self.delivered.longest_gap(from, until)),
            seconds(self.unwell(from, until)),
            if back { "" } else { "  DID NOT COME BACK" },
        )
    }
}
