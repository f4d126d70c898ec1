//! The engine's knobs, with the defaults that fit one small machine.

use std::time::Duration;

use domain::limit::Limits;
use jiff::SignedDuration;

/// The engine's knobs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Runs advanced at the same time by one worker.
    pub concurrency: usize,
    /// Runs claimed in one statement.
    pub claim: u32,
    /// How long a worker holds a run before another may take it over.
    pub lease: SignedDuration,
    /// How often an idle worker looks for due runs when nothing wakes it.
    pub poll: Duration,
    /// How long a worker that took runs waits for them to be done before it looks for more.
    pub pace: Duration,
    /// How long turns that end close together wait for each other to share one transaction.
    pub gather: Duration,
    /// Messages of each channel delivered at the same time by one worker.
    pub deliveries: usize,
    /// How long a delivery attempt holds its message before others may take it, unless it says in
    /// between that it is still at it.
    pub delivery_lease: SignedDuration,
    /// Attempts at one message before it counts as failed.
    pub delivery_attempts: i64,
    /// How often the audit trail gets a checkpoint, when there is anything new.
    pub checkpoint: Duration,
    /// What is bounded over all processes together.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 256,
            claim: 256,
            lease: SignedDuration::from_secs(30),
            poll: Duration::from_millis(500),
            pace: Duration::from_millis(10),
            gather: Duration::from_millis(2),
            deliveries: 8,
            delivery_lease: SignedDuration::from_secs(60),
            delivery_attempts: 8,
            checkpoint: Duration::from_mins(5),
            limits: Limits {
                runs_per_account: Some(1),
                sends_per_hour: Some(200),
                ..Limits::default()
            },
        }
    }
}
