//! Scores findings against labels: intersection over union of at least a half, one to one.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::{collections::BTreeMap, ops::Range};

use privacy::Finding;

use crate::corpus::Document;

/// What was expected, found, and both, of one type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) labelled: usize,
    pub(crate) found: usize,
    pub(crate) hit: usize,
}

impl Tally {
    #[expect(clippy::cast_precision_loss, reason = "a rate of some thousands")]
    pub(crate) fn f1(self) -> f64 {
        2.0 * self.hit as f64 / ((self.labelled + self.found).max(1)) as f64
    }
}

#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) kinds: BTreeMap<String, Tally>,
    /// Labels at least nine tenths covered, and all, by type and form.
    pub(crate) forms: BTreeMap<(String, String), (usize, usize)>,
    /// Things of nobody's that were hit by at least a half, and all, by sort.
    pub(crate) nobodys: BTreeMap<&'static str, (usize, usize)>,
    pub(crate) labelled_bytes: usize,
    pub(crate) leaked_bytes: usize,
    pub(crate) other_bytes: usize,
    pub(crate) lost_bytes: usize,
    pub(crate) mistakes: Vec<String>,
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> usize {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

impl Score {
    pub(crate) fn add(&mut self, document: &Document, findings: &[Finding]) {
        let inside = |at: &Range<usize>| {
            document.either.iter().map(|label| overlap(at, &label.at)).sum::<usize>() * 10
                >= at.len() * 9
        };
        let findings: Vec<&Finding> =
            findings.iter().filter(|finding| !inside(&finding.at)).collect();
        let mut used = vec![false; findings.len()];
        for label in &document.found {
            let tally = self.kinds.entry(label.what.to_owned()).or_default();
            tally.labelled += 1;
            let hit = findings.iter().enumerate().find(|(index, finding)| {
                let both = overlap(&finding.at, &label.at);
                !used[*index]
                    && finding.kind.name() == label.what
                    && both * 2 >= finding.at.len() + label.at.len() - both
            });
            match hit {
                Some((index, _)) => {
                    used[index] = true;
                    tally.hit += 1;
                }
                None => self.mistakes.push(format!(
                    "missed {} {:?} in {:?}",
                    label.what,
                    &document.text[label.at.clone()],
                    document.text
                )),
            }
            let covered: usize =
                findings.iter().map(|finding| overlap(&finding.at, &label.at)).sum();
            let form =
                self.forms.entry((label.what.to_owned(), label.form.to_owned())).or_default();
            form.1 += 1;
            form.0 += usize::from(covered * 10 >= label.at.len() * 9);
            self.labelled_bytes += label.at.len();
            self.leaked_bytes += label.at.len() - covered.min(label.at.len());
        }
        for (index, finding) in findings.iter().enumerate() {
            self.kinds.entry(finding.kind.name().to_owned()).or_default().found += 1;
            if !used[index] {
                self.mistakes.push(format!(
                    "invented {} {:?} ({}) in {:?}",
                    finding.kind,
                    &document.text[finding.at.clone()],
                    finding.rule,
                    document.text
                ));
            }
            let labelled: usize = document
                .found
                .iter()
                .chain(&document.either)
                .map(|label| overlap(&finding.at, &label.at))
                .sum();
            self.lost_bytes += finding.at.len().saturating_sub(labelled);
        }
        self.other_bytes +=
            document.text.len() - document.found.iter().map(|label| label.at.len()).sum::<usize>();
        for label in &document.nobodys {
            let covered: usize =
                findings.iter().map(|finding| overlap(&finding.at, &label.at)).sum();
            let entry = self.nobodys.entry(label.what).or_default();
            entry.1 += 1;
            entry.0 += usize::from(covered * 2 >= label.at.len());
        }
    }

    pub(crate) fn total(&self) -> Tally {
        self.kinds.values().fold(Tally::default(), |sum, tally| Tally {
            labelled: sum.labelled + tally.labelled,
            found: sum.found + tally.found,
            hit: sum.hit + tally.hit,
        })
    }

    pub(crate) fn f1(&self, kind: &str) -> f64 {
        self.kinds.get(kind).map_or(0.0, |tally| tally.f1())
    }

    /// The report per type and per form.
    pub(crate) fn report(&self) -> String {
        use std::fmt::Write as _;
        let mut out = String::new();
        for (kind, tally) in &self.kinds {
            writeln!(out, "{kind:14} {:5} {:5} F1 {:.3}", tally.labelled, tally.found, tally.f1())
                .unwrap();
        }
        writeln!(
            out,
            "{:14} F1 {:.3}; leaked {} of {} bytes, lost {} of {}",
            "micro",
            self.total().f1(),
            self.leaked_bytes,
            self.labelled_bytes,
            self.lost_bytes,
            self.other_bytes
        )
        .unwrap();
        for ((kind, form), (covered, all)) in &self.forms {
            writeln!(out, "  {kind:14} {form:12} covered {covered}/{all}").unwrap();
        }
        for (what, (hit, all)) in self.nobodys.iter().filter(|(_, (hit, _))| *hit > 0) {
            writeln!(out, "  hit {what} {hit}/{all}").unwrap();
        }
        out
    }
}
