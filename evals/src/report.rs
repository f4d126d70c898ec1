//! What a run of a suite found, for people and for programs.

use std::fmt;

use domain::{
    action::{RiskCategory, Severity},
    port::Route,
};
use serde::Serialize;

use crate::suite::{RouteGoal, Thresholds};

/// What a run of a suite found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The suite's name.
    pub suite: String,
    /// Labels of who answered: a model's name, or `offline`.
    pub writers: Vec<String>,
    /// Every case, in the order of the file.
    pub cases: Vec<Verdict>,
    /// Cases passed.
    pub passed: usize,
    /// Share of cases passed.
    pub rate: f64,
    /// Where the true share lies, with 95 % confidence: Wilson's score interval.
    pub interval: (f64, f64),
    /// What was expected against what was said, for suites that route.
    pub confusions: Vec<Confusion>,
    /// Tokens read and written.
    pub tokens: u64,
    /// Model calls made.
    pub calls: u32,
    /// Thresholds that were missed, in words; none when the suite is passed.
    pub shortfalls: Vec<String>,
}

/// How one case went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The case's name.
    pub name: String,
    /// What was wrong; nothing when it passed.
    pub failures: Vec<Failure>,
}

/// Something a grader found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The grader: `greeting`, `number`, `severity`, …
    pub check: &'static str,
    /// What it found.
    pub detail: String,
}

/// What was expected against what was said, of one field of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// `category`, `severity` or `owner`.
    pub field: &'static str,
    /// Every pair that occurred.
    pub cells: Vec<Cell>,
}

/// One pair of a confusion matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// What a CSM would say.
    pub expected: &'static str,
    /// What the writer said; `unanswered` when it gave no answer.
    pub given: &'static str,
    /// How often.
    pub cases: u32,
}

impl Confusion {
    fn note(&mut self, right: &[&'static str], given: &'static str) {
        // Of several right answers, one that was given counts as the expected one.
        let expected = if right.contains(&given) { given } else { right[0] };
        match self.cells.iter_mut().find(|cell| (cell.expected, cell.given) == (expected, given)) {
            Some(cell) => cell.cases += 1,
            None => self.cells.push(Cell { expected, given, cases: 1 }),
        }
    }

    fn count(&self, wanted: impl Fn(&Cell) -> bool) -> f64 {
        self.cells.iter().filter(|cell| wanted(cell)).map(|cell| f64::from(cell.cases)).sum()
    }

    /// Of the cases that are `class`, the share that was said to be; none when no case is.
    pub fn recall(&self, class: &str) -> Option<f64> {
        let all = self.count(|cell| cell.expected == class);
        let hits = self.count(|cell| cell.expected == class && cell.given == class);
        (all > 0.0).then(|| hits / all)
    }

    /// Of the cases said to be `class`, the share that is; none when it was never said.
    pub fn precision(&self, class: &str) -> Option<f64> {
        let all = self.count(|cell| cell.given == class);
        let hits = self.count(|cell| cell.expected == class && cell.given == class);
        (all > 0.0).then(|| hits / all)
    }

    /// The three matrices of these routes; none without routes.
    pub(crate) fn of(routes: &[(&RouteGoal, Option<Route>)]) -> Vec<Self> {
        if routes.is_empty() {
            return Vec::new();
        }
        let mut all =
            ["category", "severity", "owner"].map(|field| Self { field, cells: Vec::new() });
        for (goal, route) in routes {
            let said = route.as_ref();
            let unanswered = "unanswered";
            let right: Vec<_> = goal.category.iter().map(|word| word.as_str()).collect();
            all[0].note(&right, said.map_or(unanswered, |route| route.category.as_str()));
            let right: Vec<_> = goal.severity.iter().map(|word| word.as_str()).collect();
            all[1].note(&right, said.map_or(unanswered, |route| route.severity.as_str()));
            let right: Vec<_> = goal.owner.iter().map(|word| word.as_str()).collect();
            all[2].note(&right, said.map_or(unanswered, |route| route.owner.as_str()));
        }
        all.into()
    }
}

impl Report {
    /// Whether every threshold of the suite holds.
    pub fn holds(&self) -> bool {
        self.shortfalls.is_empty()
    }

    /// The matrix of a field, for suites that route.
    pub fn confusion(&self, field: &str) -> Option<&Confusion> {
        self.confusions.iter().find(|confusion| confusion.field == field)
    }

    /// Compares with the thresholds.
    pub(crate) fn judge(&mut self, thresholds: &Thresholds) {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let mut short = Vec::new();
        if self.rate < thresholds.pass_rate {
            let (seen, least) = (percent(self.rate), percent(thresholds.pass_rate));
            short.push(format!("passes {seen} of the cases, at least {least} are asked for"));
        }
        let categories = thresholds.category_recall.iter();
        let categories = categories.map(|(c, least)| ("category", RiskCategory::as_str(*c), least));
        let severities = thresholds.severity_recall.iter();
        let severities = severities.map(|(s, least)| ("severity", Severity::as_str(*s), least));
        for (field, class, least) in categories.chain(severities) {
            let seen = self.confusion(field).and_then(|confusion| confusion.recall(class));
            if seen.is_none_or(|seen| seen < *least) {
                let (seen, least) = (percent(seen.unwrap_or_default()), percent(*least));
                short.push(format!(
                    "finds {seen} of {field} `{class}`, at least {least} are asked for"
                ));
            }
        }
        self.shortfalls = short;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval;
        writeln!(
            f,
            "{} by {}: {} of {} cases pass, {:.1} % (95 % interval {:.1} to {:.1} %); {} calls, {} tokens",
            self.suite,
            self.writers.join(", "),
            self.passed,
            self.cases.len(),
            self.rate * 100.0,
            low * 100.0,
            high * 100.0,
            self.calls,
            self.tokens,
        )?;
        for confusion in &self.confusions {
            writeln!(f, "\n{:<14}{:>10}{:>10}  said", confusion.field, "recall", "precision")?;
            let mut classes: Vec<&str> =
                confusion.cells.iter().flat_map(|cell| [cell.expected, cell.given]).collect();
            classes.sort_unstable();
            classes.dedup();
            for class in classes {
                let share = |share: Option<f64>| {
                    share.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0))
                };
                let said: Vec<String> = confusion
                    .cells
                    .iter()
                    .filter(|cell| cell.expected == class)
                    .map(|cell| format!("{} {}", cell.cases, cell.given))
                    .collect();
                let (recall, precision) =
                    (share(confusion.recall(class)), share(confusion.precision(class)));
                writeln!(f, "  {class:<12}{recall:>10}{precision:>10}  {}", said.join(", "))?;
            }
        }
        for case in self.cases.iter().filter(|case| !case.failures.is_empty()) {
            writeln!(f, "\nfailed: {}", case.name)?;
            for failure in &case.failures {
                writeln!(f, "  {}: {}", failure.check, failure.detail)?;
            }
        }
        for shortfall in &self.shortfalls {
            writeln!(f, "\nthreshold missed: {shortfall}")?;
        }
        Ok(())
    }
}

/// Wilson's score interval at 95 % for `hits` of `n` (Wilson 1927, J. Am. Stat. Assoc.
/// 22:209–212). `n` is at least 1: no suite is empty.
pub(crate) fn wilson(hits: f64, n: f64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let (share, spread) = (hits / n, Z * Z / n);
    let middle = share + spread / 2.0;
    let margin = Z * (share * (1.0 - share) / n + spread / (4.0 * n)).sqrt();
    let low = (middle - margin) / (1.0 + spread);
    let high = (middle + margin) / (1.0 + spread);
    (low.clamp(0.0, share), high.clamp(share, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_the_one_computed_by_hand() {
        // (0.8 + 0.19207 ± 1.95996·√(0.016 + 0.0096036)) / 1.38415
        let (low, high) = wilson(8.0, 10.0);
        assert!((low - 0.4902).abs() < 1e-4 && (high - 0.9433).abs() < 1e-4, "{low} {high}");
        assert!((wilson(5.0, 5.0).1 - 1.0).abs() < 1e-12 && wilson(0.0, 5.0).0.abs() < 1e-12);
    }

    #[test]
    fn recall_and_precision_are_counted_per_class() {
        let mut confusion = Confusion { field: "severity", cells: Vec::new() };
        for (right, given) in [
            ("high", "high"),
            ("high", "low"),
            ("high", "unanswered"),
            ("low", "low"),
            ("low", "high"),
        ] {
            confusion.note(&[right], given);
        }
        confusion.note(&["medium", "high"], "high");
        assert_eq!(
            (confusion.recall("high"), confusion.precision("high")),
            (Some(0.5), Some(2.0 / 3.0))
        );
        assert_eq!((confusion.recall("low"), confusion.precision("low")), (Some(0.5), Some(0.5)));
        assert_eq!((confusion.recall("medium"), confusion.precision("medium")), (None, None));
    }
}
