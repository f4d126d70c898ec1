//! What `/metrics` says of drafts and deliveries: counts by writer, by task and by outcome.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    draft::{Fact, Finding, Letter},
    intent::Channel,
    message::{Cleared, DeliverError, Receipt},
    port::{Assignment, Channels, Transmission, WriteError, Writer, WriterTask, Written},
    snapshot::Snapshot,
};
use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

mod backlog;
mod journal;

pub use backlog::BacklogGauges;
pub use journal::Turns;

type Labels = Vec<(&'static str, String)>;

/// Counters of what went out and came in. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub struct Meter {
    written: Family<Labels, Counter>,
    tokens: Family<Labels, Counter>,
    refused: Family<Labels, Counter>,
    deliveries: Family<Labels, Counter>,
    commits: Counter,
    /// Of this process's worker, if it has one.
    pub turns: Turns,
    /// Of the whole database.
    pub backlog: BacklogGauges,
}

impl Meter {
    /// Counts one transaction that was made durable.
    pub fn committed(&self) {
        self.commits.inc();
    }

    /// Puts the counters where `/metrics` finds them.
    pub fn register(&self, registry: &mut Registry) {
        self.turns.register(registry);
        self.backlog.register(registry);
        registry.register(
            "playgate_written",
            "Texts and routes written, by writer (`offline` without a model) and task.",
            self.written.clone(),
        );
        registry.register(
            "playgate_tokens",
            "Tokens read and written, by writer.",
            self.tokens.clone(),
        );
        registry.register(
            "playgate_not_written",
            "Calls to a writer that gave nothing, by task and whether a later one may.",
            self.refused.clone(),
        );
        registry.register(
            "playgate_deliveries",
            "Attempts to hand a message over, by channel and outcome.",
            self.deliveries.clone(),
        );
        registry.register(
            "playgate_commits",
            "Transactions this process has made durable.",
            self.commits.clone(),
        );
    }

    /// A writer whose work is counted.
    pub fn writer(&self, inner: Arc<dyn Writer>) -> Arc<dyn Writer> {
        Arc::new(MeteredWriter { inner, meter: self.clone() })
    }

    /// Channels whose work is counted.
    pub fn channels(&self, inner: Arc<dyn Channels>) -> Arc<dyn Channels> {
        Arc::new(MeteredChannels { inner, meter: self.clone() })
    }
}

struct MeteredWriter {
    inner: Arc<dyn Writer>,
    meter: Meter,
}

#[async_trait]
impl Writer for MeteredWriter {
    fn prompt_hash(&self, prompt: &str) -> Option<String> {
        self.inner.prompt_hash(prompt)
    }

    fn inspect(&self, letter: &Letter, facts: &[Fact], snapshot: &Snapshot) -> Vec<Finding> {
        self.inner.inspect(letter, facts, snapshot)
    }

    async fn write(&self, assignment: &Assignment) -> Result<Written, WriteError> {
        let task = match assignment.task {
            WriterTask::Letter(_) => "letter",
            WriterTask::Route => "route",
            WriterTask::Summary => "summary",
        };
        let answer = self.inner.write(assignment).await;
        match &answer {
            Ok(written) => {
                let author = written.author.label().to_owned();
                let labels = vec![("writer", author.clone()), ("task", task.to_owned())];
                self.meter.written.get_or_create(&labels).inc();
                self.meter.tokens.get_or_create(&vec![("writer", author)]).inc_by(written.tokens);
            }
            Err(err) => {
                let later = err.is_transient().to_string();
                let labels = vec![("task", task.to_owned()), ("transient", later)];
                self.meter.refused.get_or_create(&labels).inc();
            }
        }
        answer
    }
}

struct MeteredChannels {
    inner: Arc<dyn Channels>,
    meter: Meter,
}

#[async_trait]
impl Channels for MeteredChannels {
    fn dedupes(&self, channel: Channel) -> bool {
        self.inner.dedupes(channel)
    }

    async fn deliver(
        &self,
        cleared: &Cleared<'_>,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError> {
        let outcome = self.inner.deliver(cleared, transmission).await;
        let word = match &outcome {
            Ok(_) => "delivered",
            Err(DeliverError::Transient(_)) => "transient",
            Err(DeliverError::Permanent(_)) => "permanent",
            Err(DeliverError::Unknown(_)) => "unknown",
        };
        let channel = cleared.letter().channel.to_string();
        let labels = vec![("channel", channel), ("outcome", word.to_owned())];
        self.meter.deliveries.get_or_create(&labels).inc();
        outcome
    }
}
