//! The mail server outside all chaos: it counts what it took, and sometimes breaks the conversation itself.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use domain::clock::Clock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    books::{self, Book},
    chance::Chance,
};
use crate::smtp::{Act, Received, SmtpSink, Stage};

/// Every stage at which a conversation may end, or take its time.
const STAGES: [Stage; 8] = [
    Stage::Greeting,
    Stage::Ehlo,
    Stage::Mail,
    Stage::Rcpt,
    Stage::Data,
    Stage::Body,
    Stage::Dot,
    Stage::Taken,
];

/// How long a mail server takes its time at most, so that faults meet conversations under way.
const SLOW: Duration = Duration::from_millis(600);

/// A message the sink took: from that moment on it is the sink's, whatever the sender heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// When.
    pub at: Timestamp,
    /// The idempotency key: the message's id.
    pub key: String,
    /// The `Message-ID` header.
    pub message_id: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// The sink.
pub struct Sink {
    server: SmtpSink,
    down: Arc<AtomicBool>,
    broken: Arc<AtomicU64>,
    trouble: Arc<AtomicU64>,
}

impl Sink {
    /// Listens, breaks so many of a hundred conversations itself at a stage that chance decides,
    /// and writes every message taken to a file before the sender is told.
    pub async fn start(
        listen: SocketAddr,
        file: &Path,
        trouble: u64,
        mut chance: Chance,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let server = SmtpSink::listen(listen)
            .await
            .with_context(|| format!("the mail sink cannot listen on {listen}"))?;
        let book = Book::open(file)?;
        server.watch(move |message| {
            if let Err(error) = book.add(&taken(message, clock.now())) {
                // Nothing that was counted may be lost: without the file there is no truth.
                panic!("the sink's file cannot be written: {error:#}");
            }
        });
        let (down, broken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let trouble = Arc::new(AtomicU64::new(trouble));
        let (is_down, breaks) = (Arc::clone(&down), Arc::clone(&broken));
        let percent = Arc::clone(&trouble);
        server.choose(move || {
            if is_down.load(Ordering::Relaxed) {
                return Some((Stage::Greeting, Act::Drop));
            }
            let act = if chance.percent(percent.load(Ordering::Relaxed)) {
                breaks.fetch_add(1, Ordering::Relaxed);
                Act::Drop
            } else {
                Act::Wait(chance.between(Duration::ZERO, SLOW))
            };
            chance.pick(&STAGES).map(|stage| (*stage, act))
        });
        Ok(Self { server, down, broken, trouble })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Turns every conversation away until it is told otherwise.
    pub fn down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Breaks no more conversations by itself.
    pub fn behave(&self) {
        self.trouble.store(0, Ordering::Relaxed);
    }

    /// Conversations it broke by itself, being down aside.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }
}

fn taken(message: &Received, at: Timestamp) -> Taken {
    let header = |name| message.header(name).unwrap_or_default();
    let body = message.data.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Taken {
        at,
        key: header("X-Playgate-Idempotency-Key"),
        message_id: header("Message-ID"),
        to: message.to.clone(),
        subject: header("Subject"),
        body: body.replace("\r\n", "\n").trim_end().to_owned(),
    }
}

/// Every message taken.
pub fn read(file: &Path) -> Result<Vec<Taken>> {
    books::read(file)
}
