//! The end of a chaos run: two reconciliations, one as it stands and one after people resolved the rest.

use std::{fmt::Write as _, path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use domain::clock::Clock;

use super::{
    ledger::{self, Ledger},
    quiet,
    reconcile::{Reckoning, Violation, reconcile},
    sink,
    truth::{Reader, Truth},
};

/// How often uncertain messages are resolved before that counts as a failure.
const ROUNDS: usize = 5;

/// What came out.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// As everything stood when it was quiet.
    pub standing: Reckoning,
    /// After uncertain messages were resolved by what the sink knows.
    pub resolved: Reckoning,
    /// Uncertain messages that were resolved.
    pub uncertain: usize,
    /// What the product said of itself in the end.
    pub truth: Truth,
}

impl Verdict {
    /// Every promise that was broken.
    pub fn violations(&self) -> impl Iterator<Item = &Violation> {
        self.standing.violations.iter().chain(
            self.resolved.violations.iter().filter(|v| !self.standing.violations.contains(v)),
        )
    }

    /// In words, for people.
    pub fn in_words(&self) -> String {
        let mut text = String::new();
        for (what, count) in &self.resolved.counts {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {what:<36} {count:>8}");
        }
        let broken: Vec<_> = self.violations().collect();
        if broken.is_empty() {
            text.push_str("Reconciled: every promise was kept.\n");
        } else {
            let _ = writeln!(text, "NOT RECONCILED: {} violations", broken.len());
            for violation in broken {
                let _ = writeln!(text, "  {violation}");
            }
        }
        text
    }
}

/// Reads and reconciles, has uncertain messages resolved, reads and reconciles again.
pub async fn reach(
    reader: &Reader,
    ledger: &Path,
    mail: &Path,
    clock: Arc<dyn Clock>,
    patience: Duration,
) -> Result<Verdict> {
    let mut truth = reader.read().await?;
    let standing = reconcile(&ledger::read(ledger)?, &sink::read(mail)?, &truth);
    let book = Ledger::open(ledger, clock)?;
    let mut uncertain = 0;
    let mut left = None;
    for round in 0..=ROUNDS {
        let resolved = quiet::resolve(reader, &book, mail).await?;
        if resolved == 0 {
            break;
        }
        uncertain += resolved;
        let moving = quiet::wait(reader, None, patience).await?;
        if moving.is_some() || round == ROUNDS {
            left = Some(moving.unwrap_or_else(|| "messages stay uncertain".to_owned()));
            break;
        }
    }
    if uncertain > 0 {
        truth = reader.read().await?;
    }
    let mut resolved = reconcile(&ledger::read(ledger)?, &sink::read(mail)?, &truth);
    if let Some(what) = left {
        resolved.violations.push(Violation {
            rule: "what people resolve comes to an end",
            id: "all".to_owned(),
            detail: what,
        });
    }
    Ok(Verdict { standing, resolved, uncertain, truth })
}
