//! The client's own books: what it asked, and what answer it got.

use std::{path::Path, sync::Arc, time::Instant};

use anyhow::Result;
use domain::clock::Clock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    books::{self, Book},
    http::Answer,
};

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Hand in a signal that starts a run; about the event's id.
    Signal,
    /// Approve a version as seen; about the approval.
    Approve,
    /// Reject for good; about the approval.
    Reject,
    /// Put another text in place of the draft; about the approval.
    Edit,
    /// Finish the task a run waits for; about the task.
    Finish,
    /// Say what became of an uncertain message; about the message.
    Resolve,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// Nothing yet: written down before it is asked.
    Nothing,
    /// 2xx.
    Accepted,
    /// 4xx: it was not done.
    Refused,
    /// 5xx, or the connection broke: it may or may not have been done.
    Unknown,
    /// No connection came about: it was not done.
    Unreached,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// What was asked.
    pub ask: Ask,
    /// About what: an id.
    pub about: String,
    /// The version seen, where one is named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seen: String,
    /// How it went.
    pub heard: Heard,
    /// The status of the answer, or why there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Milliseconds from asking to hearing.
    #[serde(default)]
    pub ms: u64,
}

/// The ledger as the client writes it.
pub struct Ledger {
    book: Book,
    clock: Arc<dyn Clock>,
}

impl Ledger {
    /// Opens the file; what it holds stays.
    pub fn open(file: &Path, clock: Arc<dyn Clock>) -> Result<Self> {
        Ok(Self { book: Book::open(file)?, clock })
    }

    /// Writes down that something is about to be asked, then how it went.
    pub async fn note(
        &self,
        ask: Ask,
        about: &str,
        seen: &str,
        asking: impl Future<Output = Answer>,
    ) -> Result<(Heard, Answer)> {
        let mut line = Line {
            at: self.clock.now(),
            ask,
            about: about.to_owned(),
            seen: seen.to_owned(),
            heard: Heard::Nothing,
            why: String::new(),
            ms: 0,
        };
        self.book.add(&line)?;
        let begun = Instant::now();
        let answer = asking.await;
        line.at = self.clock.now();
        line.ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        (line.heard, line.why) = match &answer {
            Answer::Said { status, body } => {
                let code = body["code"].as_str().unwrap_or_default();
                let heard = match status {
                    200..300 => Heard::Accepted,
                    500.. => Heard::Unknown,
                    _ => Heard::Refused,
                };
                (heard, format!("{status} {code}").trim().to_owned())
            }
            Answer::Broken(why) => (Heard::Unknown, why.clone()),
            Answer::Unreached(why) => (Heard::Unreached, why.clone()),
        };
        let heard = line.heard;
        self.book.add(&line)?;
        Ok((heard, answer))
    }
}

/// Every line of a ledger.
pub fn read(file: &Path) -> Result<Vec<Line>> {
    books::read(file)
}
