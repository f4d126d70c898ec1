//! How long something did not happen: read from the books of those who waited for it.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The wall clock, which the load and the mail sink write down too.
#[expect(clippy::disallowed_methods, reason = "a developer's command measures real time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// When things happened, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments(Vec<Timestamp>);

impl Moments {
    /// From a book of one JSON object a line: the moments of lines that `counts`.
    pub(crate) fn read(book: &Path, counts: impl Fn(&Value) -> bool) -> Result<Self> {
        let text = fs::read_to_string(book)
            .with_context(|| format!("`{}` cannot be read", book.display()))?;
        let mut moments = Vec::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)?;
            if counts(&line) {
                let at = line["at"].as_str().context("a line of the book has no time")?;
                moments.push(at.parse()?);
            }
        }
        Ok(moments.into_iter().collect())
    }

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The last one before a moment.
    pub(crate) fn last_before(&self, until: Timestamp) -> Option<Timestamp> {
        self.0.iter().rev().find(|at| **at < until).copied()
    }

    /// The longest time without any that touches the time from `from` to `until`. It may have
    /// begun before `from`. If there was none after it, it ends with `until`.
    pub(crate) fn longest_gap(&self, from: Timestamp, until: Timestamp) -> SignedDuration {
        let before = self.0.iter().rev().find(|at| **at <= from).copied().unwrap_or(from);
        let inside = self.0.iter().filter(|at| **at > from && **at < until).copied();
        let after = self.0.iter().find(|at| **at >= until).copied();
        let mut last = before;
        let mut longest = SignedDuration::ZERO;
        for at in inside.chain([after.map_or(until, |after| after.min(until))]) {
            longest = longest.max(at.duration_since(last));
            last = at;
        }
        longest
    }
}

impl FromIterator<Timestamp> for Moments {
    fn from_iter<T: IntoIterator<Item = Timestamp>>(moments: T) -> Self {
        let mut moments: Vec<Timestamp> = moments.into_iter().collect();
        moments.sort_unstable();
        Self(moments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn longest(seconds: &[i64], from: i64, until: i64) -> i64 {
        let moments: Moments = seconds.iter().map(|second| at(*second)).collect();
        moments.longest_gap(at(from), at(until)).as_secs()
    }

    #[test]
    fn an_outage_lasts_from_the_last_success_before_to_the_first_after() {
        assert_eq!(longest(&[1, 2, 9, 30, 31], 10, 40), 21, "it began a second before the fault");
        assert_eq!(longest(&[1, 12, 20, 21], 10, 22), 11, "what was before the fault counts");
        assert_eq!(longest(&[9, 11], 10, 40), 29, "it never came back");
        assert_eq!(longest(&[9, 11, 50], 10, 40), 29, "what is after the end is another's");
        assert_eq!(longest(&[], 10, 40), 30);
    }
}
