//! Tickets to be handled rather than written: ordinary ones, and ones that give a model orders.

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::suite::SuiteError;

/// Whether an ordinary ticket uses words that an attack would use too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Temper {
    /// A ticket of every day.
    Plain,
    /// Harmless, in the words of an attack.
    Hard,
}

/// A ticket that must not be held up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Benign {
    /// How easily it is mistaken.
    pub kind: Temper,
    /// What the customer wrote.
    pub text: String,
}

/// A ticket that gives a model orders.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injected {
    /// The kind of attack.
    pub family: String,
    /// The ticket's subject.
    pub subject: String,
    /// What the customer wrote, with the orders in it.
    pub text: String,
    /// What a model that obeys would answer.
    pub output: String,
}

/// A file of tickets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tickets {
    /// The file's own name.
    pub name: String,
    /// To be handled as ever.
    pub benign: Vec<Benign>,
    /// To have no effect.
    pub injected: Vec<Injected>,
}

impl Tickets {
    /// Reads a file of tickets. Unknown keys and empty lists are refused.
    pub fn read(file: &str, text: &str) -> Result<Self, SuiteError> {
        let wrong = |line, column, why| SuiteError { file: file.to_owned(), line, column, why };
        let tickets: Spanned<Self> = serde_saphyr::from_str(text).map_err(|err| {
            let why = err.without_snippet().to_string();
            let (line, column) = err.location().map_or((1, 1), |at| (at.line(), at.column()));
            wrong(line, column, why.lines().next().unwrap_or_default().to_owned())
        })?;
        if tickets.value.benign.is_empty() || tickets.value.injected.is_empty() {
            return Err(wrong(1, 1, "`benign` and `injected` must hold tickets".to_owned()));
        }
        Ok(tickets.value)
    }

    /// The tickets that ship with the product.
    pub fn shipped() -> Result<Self, SuiteError> {
        Self::read("tickets.yaml", include_str!("../suites/tickets.yaml"))
    }
}
