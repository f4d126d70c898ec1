//! What `/metrics` shows of the server itself. Labels hold routes, never paths: paths hold ids.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Waiting {
    what: &'static str,
}

/// Counts and durations of requests, and how much waits for people.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram>,
    waiting: Family<Waiting, Gauge<i64>>,
    database: Gauge<f64, AtomicU64>,
    counting: Arc<Semaphore>,
}

impl Metrics {
    pub(crate) fn new(mut registry: Registry) -> Self {
        let requests = Family::<Labels, Counter>::default();
        let seconds = Family::<Labels, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.001, 2.5, 11))
        });
        let waiting = Family::<Waiting, Gauge<i64>>::default();
        let database = Gauge::<f64, AtomicU64>::default();
        registry.register(
            "playgate_http_requests",
            "Requests answered, by route and status",
            requests.clone(),
        );
        registry.register(
            "playgate_http_request_seconds",
            "Time to answer a request, by route and status",
            seconds.clone(),
        );
        registry.register(
            "playgate_waiting",
            "Items that wait for a person, up to 10,000 of each: approvals, tasks, stuck runs, \
             uncertain messages, kills",
            waiting.clone(),
        );
        registry.register(
            "playgate_database_up",
            "Whether the database answered when this was read",
            database.clone(),
        );
        let counting = Arc::new(Semaphore::new(1));
        Self { registry, requests, seconds, waiting, database, counting }
    }

    /// The right to count what waits, unless somebody is at it.
    pub(crate) fn turn_to_count(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.counting).try_acquire_owned().ok()
    }

    pub(crate) fn observe(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = Labels { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(crate) fn waiting(&self, what: &'static str, count: u64) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.waiting.get_or_create(&Waiting { what }).set(count);
    }

    pub(crate) fn database(&self, up: bool) {
        self.database.set(if up { 1.0 } else { 0.0 });
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
