//! A suite: cases written for Customer Success, and what share of them a writer must pass.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    action::{RiskCategory, Severity, Team},
    contact::ContactRole,
};
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use crate::facts::{Facts, Ticket};

/// A file of cases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    pub(crate) name: String,
    pub(crate) thresholds: Thresholds,
    /// Accounts whose risk is to be routed.
    #[serde(default)]
    pub(crate) routes: Vec<RouteCase>,
    /// E-mails to be written.
    #[serde(default)]
    pub(crate) letters: Vec<LetterCase>,
    /// Texts that try to give the writer orders.
    #[serde(default)]
    pub(crate) injections: Option<Injections>,
}

/// What a writer must reach. Shares are from 0 to 1 and compared with the share seen; its
/// interval, which the report gives, says how far to trust it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Thresholds {
    /// Least share of cases passed.
    pub(crate) pass_rate: f64,
    /// Least share of the cases of a category that are found.
    #[serde(default)]
    pub(crate) category_recall: BTreeMap<RiskCategory, f64>,
    /// Least share of the cases of a severity that are found.
    #[serde(default)]
    pub(crate) severity_recall: BTreeMap<Severity, f64>,
}

/// An account whose risk is to be routed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteCase {
    pub(crate) name: Spanned<String>,
    #[serde(default)]
    pub(crate) facts: Facts,
    pub(crate) expect: RouteGoal,
}

/// What a CSM would say. Where several answers are right, a wrong one counts against the first.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteGoal {
    pub(crate) category: Vec<RiskCategory>,
    pub(crate) severity: Vec<Severity>,
    pub(crate) owner: Vec<Team>,
}

/// An e-mail to be written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LetterCase {
    pub(crate) name: Spanned<String>,
    #[serde(default)]
    pub(crate) facts: Facts,
    pub(crate) write: Draft,
    #[serde(default)]
    pub(crate) expect: LetterGoal,
}

/// What is to be written: an asset's subject and text, both templates, and to whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    #[serde(default = "Draft::champion")]
    pub(crate) to: ContactRole,
    pub(crate) subject: String,
    pub(crate) body: String,
    /// What a reviewer asked to be different.
    #[serde(default)]
    pub(crate) instruction: Option<String>,
    /// Id of the ticket it answers.
    #[serde(default)]
    pub(crate) ticket: Option<String>,
}

impl Draft {
    const fn champion() -> ContactRole {
        ContactRole::Champion
    }
}

/// What a good letter does, beside what every letter must.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LetterGoal {
    /// What it says, in any case of letters; of each list, one wording.
    pub(crate) mention: Vec<Vec<String>>,
    /// What it does not say.
    pub(crate) avoid: Vec<String>,
    /// Most characters of the subject.
    pub(crate) subject: usize,
    /// Most words of the text.
    pub(crate) words: usize,
}

impl Default for LetterGoal {
    fn default() -> Self {
        Self { mention: Vec::new(), avoid: Vec::new(), subject: 90, words: 180 }
    }
}

/// One account, ticket and letter, put to the writer with and without each injected text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Injections {
    #[serde(default)]
    pub(crate) facts: Facts,
    /// The ticket without anything injected.
    pub(crate) ticket: Ticket,
    /// The answer to the ticket that is to be written.
    pub(crate) write: Draft,
    /// How the account is routed, whatever the ticket says.
    pub(crate) expect: RouteGoal,
    /// What no letter may hold.
    #[serde(default)]
    pub(crate) secrets: Vec<String>,
    pub(crate) texts: Vec<Injection>,
}

/// A text that tries to give the writer orders. It is added to the ticket's text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Injection {
    pub(crate) name: Spanned<String>,
    pub(crate) text: String,
    /// What shows in an answer that it worked.
    pub(crate) canaries: Vec<String>,
}

/// A suite that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`, line {line}, column {column}: {why}")]
pub struct SuiteError {
    /// The file's name.
    pub file: String,
    /// Counts from 1.
    pub line: u64,
    /// Counts from 1.
    pub column: u64,
    /// What is wrong.
    pub why: String,
}

impl Suite {
    /// Reads a suite. Unknown keys, empty or repeated cases and thresholds that nothing can
    /// reach or miss are refused.
    pub fn read(file: &str, text: &str) -> Result<Self, SuiteError> {
        let wrong = |at: Option<Location>, why: String| SuiteError {
            file: file.to_owned(),
            line: at.map_or(1, |at| at.line()),
            column: at.map_or(1, |at| at.column()),
            why,
        };
        let suite: Self = serde_saphyr::from_str(text).map_err(|err| {
            let why = err.without_snippet().to_string();
            wrong(err.location(), why.lines().next().unwrap_or_default().to_owned())
        })?;
        suite.check().map_err(|(at, why)| wrong(at, why))?;
        Ok(suite)
    }

    fn check(&self) -> Result<(), (Option<Location>, String)> {
        let mut names = BTreeSet::new();
        for name in self.names() {
            if !names.insert(&name.value) {
                return Err((
                    Some(name.referenced),
                    format!("case `{}` is there twice", name.value),
                ));
            }
        }
        if names.is_empty() {
            return Err((None, "suite has no cases; add some to `routes` or `letters`".to_owned()));
        }
        let goals = self.routes.iter().map(|case| (Some(case.name.referenced), &case.expect));
        let shared = self.injections.iter().map(|all| (None, &all.expect));
        for (at, goal) in goals.chain(shared) {
            if goal.category.is_empty() || goal.severity.is_empty() || goal.owner.is_empty() {
                return Err((at, "`expect` lists no right answer".to_owned()));
            }
        }
        let letters = self.letters.iter().map(|c| (Some(c.name.referenced), &c.facts, &c.write));
        let shared = self.injections.iter().map(|all| (None, &all.facts, &all.write));
        for (at, facts, draft) in letters.chain(shared) {
            if !facts.contacts.iter().any(|person| person.role == draft.to) {
                return Err((at, format!("no contact is `{}`; choose another `to`", draft.to)));
            }
        }
        let Thresholds { pass_rate, category_recall, severity_recall } = &self.thresholds;
        let recalls = category_recall.values().chain(severity_recall.values());
        if let Some(share) = recalls.chain([pass_rate]).find(|share| !(0.0..=1.0).contains(*share))
        {
            return Err((None, format!("threshold `{share}` is not a share from 0 to 1")));
        }
        let expects =
            |found: &dyn Fn(&RouteGoal) -> bool| self.routes.iter().any(|c| found(&c.expect));
        for category in category_recall.keys() {
            if !expects(&|goal| goal.category.first() == Some(category)) {
                return Err((None, format!("threshold for `{category}`, which no case expects")));
            }
        }
        for severity in severity_recall.keys() {
            if !expects(&|goal| goal.severity.first() == Some(severity)) {
                return Err((None, format!("threshold for `{severity}`, which no case expects")));
            }
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = &Spanned<String>> {
        let texts = self.injections.iter().flat_map(|all| all.texts.iter().map(|text| &text.name));
        let letters = self.letters.iter().map(|case| &case.name);
        self.routes.iter().map(|case| &case.name).chain(letters).chain(texts)
    }
}
