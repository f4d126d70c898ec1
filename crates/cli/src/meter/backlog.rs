//! How much is due and not done, for `/metrics`: read now and then, never when somebody asks.

use std::{sync::atomic::AtomicU64, time::Duration};

use domain::port::{Steering as _, StoreError};
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::app::App;

/// How often the backlog is read: one look-up in an index that holds what is due.
const EVERY: Duration = Duration::from_secs(5);

/// Gauges of what is due. Cheap to clone; clones show the same.
#[derive(Clone, Default)]
pub struct BacklogGauges {
    due: Gauge,
    oldest: Gauge<f64, AtomicU64>,
}

impl BacklogGauges {
    /// Puts the gauges where `/metrics` finds them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "playgate_runs_due",
            "Runs that are due now, those a worker has in hand included.",
            self.due.clone(),
        );
        registry.register(
            "playgate_oldest_due_seconds",
            "For how long the longest waiting due run has been due; 0 when none is.",
            self.oldest.clone(),
        );
    }

    /// Reads what is due now.
    pub async fn read(&self, app: &App) -> Result<(), StoreError> {
        let now = app.clock.now();
        let backlog = app.store.backlog(now).await?;
        self.due.set(i64::try_from(backlog.runs).unwrap_or(i64::MAX));
        let age = backlog.oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
        self.oldest.set(age.max(0.0));
        Ok(())
    }

    /// Reads it every few seconds, until told to stop.
    pub async fn keep_up(&self, app: &App, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.read(app).await {
                debug!(%error, "backlog could not be read");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }
}
