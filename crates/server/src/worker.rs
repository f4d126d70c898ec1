//! What a worker without a server shows of itself: whether it is well, and its metrics.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use jiff::Timestamp;
use prometheus_client::{encoding::text::encode, registry::Registry};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// How long the database may take to answer before it counts as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a worker can say of itself.
#[async_trait]
pub trait Pulse: Send + Sync {
    /// Whether the database answers.
    async fn reaches_database(&self) -> bool;

    /// When it last asked for due runs and was answered, if it ever did.
    fn last_claim(&self) -> Option<Timestamp>;

    /// Its clock.
    fn now(&self) -> Timestamp;
}

/// How a worker is, as `/healthz` says it.
#[derive(Debug, Serialize)]
struct Health {
    /// `ok`, `stopping` or `unavailable`.
    status: &'static str,
    /// Whether the database answers: `ok` or `unavailable`.
    database: &'static str,
    /// When it last asked for due runs and was answered.
    last_claim: Option<Timestamp>,
    /// The worker's clock.
    now: Timestamp,
}

#[derive(Clone)]
struct Worker {
    pulse: Arc<dyn Pulse>,
    metrics: Arc<Registry>,
    stopping: CancellationToken,
}

/// `/healthz` and `/metrics` of a worker. Once `stopping` is cancelled it answers 503 `stopping`:
/// it takes nothing new and finishes what is in hand.
pub fn worker_router(
    pulse: Arc<dyn Pulse>,
    metrics: Registry,
    stopping: CancellationToken,
) -> Router {
    let worker = Worker { pulse, metrics: Arc::new(metrics), stopping };
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics_text))
        .with_state(worker)
}

async fn health(State(worker): State<Worker>) -> (StatusCode, Json<Health>) {
    let pulse = &worker.pulse;
    let up = tokio::time::timeout(PATIENCE, pulse.reaches_database()).await.unwrap_or(false);
    let database = if up { "ok" } else { "unavailable" };
    let (code, status) = match (worker.stopping.is_cancelled(), up) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        (false, true) => (StatusCode::OK, "ok"),
    };
    let health = Health { status, database, last_claim: pulse.last_claim(), now: pulse.now() };
    (code, Json(health))
}

async fn metrics_text(State(worker): State<Worker>) -> Response {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _infallible = encode(&mut text, &worker.metrics);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use axum::{
        body::Body,
        http::{Method, Request},
    };
    use prometheus_client::metrics::counter::Counter;
    use tower::ServiceExt as _;

    use super::*;

    struct Patient(AtomicBool);

    #[async_trait]
    impl Pulse for Patient {
        async fn reaches_database(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }

        fn last_claim(&self) -> Option<Timestamp> {
            Timestamp::from_second(1_800_000_000).ok()
        }

        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    async fn ask(router: &Router, method: Method, path: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_worker_says_how_it_is_and_counts() {
        let patient = Arc::new(Patient(AtomicBool::new(true)));
        let mut registry = Registry::default();
        let counter = Counter::<u64>::default();
        registry.register("playgate_turns", "Turns", counter.clone());
        let stopping = CancellationToken::new();
        let pulse: Arc<dyn Pulse> = Arc::<Patient>::clone(&patient);
        let router = worker_router(pulse, registry, stopping.clone());

        let (status, text) = ask(&router, Method::GET, "/healthz").await;
        assert_eq!(status, 200, "{text}");
        assert!(text.contains(r#""status":"ok""#), "{text}");
        assert!(text.contains(r#""last_claim":"2027-01-15T08:00:00Z""#), "{text}");
        counter.inc();
        let (status, text) = ask(&router, Method::GET, "/metrics").await;
        assert_eq!(status, 200);
        assert!(text.contains("playgate_turns_total 1"), "{text}");

        patient.0.store(false, Ordering::SeqCst);
        let (status, text) = ask(&router, Method::GET, "/healthz").await;
        assert_eq!(status, 503);
        assert!(text.contains(r#""database":"unavailable""#), "{text}");
        patient.0.store(true, Ordering::SeqCst);
        stopping.cancel();
        let (status, text) = ask(&router, Method::GET, "/healthz").await;
        assert_eq!(status, 503);
        assert!(text.contains(r#""status":"stopping""#), "{text}");
        // Nothing else is there, and nothing can be changed.
        assert_eq!(ask(&router, Method::GET, "/v1/runs").await.0, 404);
        assert_eq!(ask(&router, Method::POST, "/healthz").await.0, 405);
    }
}
