//! What every request leaves behind: an id, a span, a line in the log, a count. Never a raw path:
//! paths hold ids and sign-in links hold secrets.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;

use crate::app::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The caller's own request id if it is harmless in a log, or else a new one.
fn id(app: &App, request: &Request) -> String {
    request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| (8..=64).contains(&id.len()))
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        .map_or_else(|| app.services.clock.uuid().simple().to_string(), str::to_owned)
}

pub(crate) async fn observe(app: App, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = id(&app, &request);
    let method = match request.method().as_str() {
        known @ ("GET" | "POST" | "HEAD" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") => known,
        _ => "other",
    }
    .to_owned();
    let route =
        request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        request.id = %id,
        http.method = method,
        http.route = route,
        user.id = tracing::field::Empty,
    );
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let took = began.elapsed();
    app.metrics.observe(&method, &route, status, took);
    span.in_scope(|| {
        tracing::info!(
            http.status = status,
            took.ms = took.as_secs_f64() * 1e3,
            "request answered"
        );
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}
