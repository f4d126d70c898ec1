//! The screens, a module for each. They work without JavaScript: forms post, then redirect.

pub(crate) mod account;
pub(crate) mod approval;
pub(crate) mod asset;
pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod catalogue;
pub(crate) mod line;
pub(crate) mod outbox;
pub(crate) mod run;
pub(crate) mod signin;
pub(crate) mod stop;
pub(crate) mod task;
pub(crate) mod today;

use axum::response::Redirect;
use domain::page::{Page, in_words};
use serde::Deserialize;
use url::form_urlencoded;

/// What a page's address may say beside its path.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Done {
    /// Code of what was just done.
    pub(crate) done: Option<String>,
}

/// Back to a page, saying what was done.
pub(crate) fn done(path: &str, code: &str) -> Redirect {
    Redirect::to(&format!("{path}?done={code}"))
}

/// An address with those parameters that have a value.
pub(crate) fn link(path: &str, params: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in params {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// How many there are: a number to compare with, and what people read.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Total {
    pub(crate) count: u64,
    pub(crate) words: String,
}

impl Total {
    /// Of a list.
    pub(crate) fn of<T>(page: &Page<T>) -> Self {
        Self { count: page.total, words: page.total_in_words() }
    }

    /// What one list has that another, a part of it, has not.
    pub(crate) fn beyond<T>(all: &Page<T>, part: &Page<T>) -> Option<Self> {
        let count = all.total.checked_sub(part.total).filter(|count| *count > 0)?;
        Some(Self { count, words: in_words(count, all.exact && part.exact) })
    }
}

impl Default for Total {
    fn default() -> Self {
        Self::from(0)
    }
}

impl From<u64> for Total {
    fn from(count: u64) -> Self {
        Self { count, words: count.to_string() }
    }
}

/// A choice in a form.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) chosen: bool,
}

impl Choice {
    pub(crate) fn new(value: &str, label: impl Into<String>, chosen: Option<&str>) -> Self {
        let chosen = chosen == Some(value);
        Self { value: value.to_owned(), label: label.into(), chosen }
    }
}
