//! The JSON API and the screens.
//!
//! One table of routes makes the router, the OpenAPI document, the access checks and their tests.
//! Handlers of GET routes are given a state that cannot change anything; handlers that do change
//! something run in a task of their own, so that a client that hangs up cannot stop them half-way.

mod api;
mod app;
mod bulk;
mod cookie;
mod cursor;
mod decide;
mod extract;
mod guard;
mod headers;
mod hook;
mod limit;
mod metrics;
mod moment;
mod observe;
mod openapi;
mod operator;
mod page;
mod problem;
mod routes;
mod screen;
pub mod secret;
mod serve;
mod services;
pub mod timeline;
pub mod waits;
mod worker;

use std::time::Duration;

use axum::{
    extract::{DefaultBodyLimit, Request},
    http::{StatusCode, Uri},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    csrf::{CsrfLayer, ProtectionError},
    timeout::RequestBodyTimeoutLayer,
};

use crate::{
    app::{App, Inner},
    limit::SignInLimit,
    metrics::Metrics,
    problem::Problem,
    screen::Screens,
};
pub use axum::Router;

pub use crate::{
    hook::{Accepted, SignalDoor, SignalProblem},
    operator::{AuditReport, OperateError, Operator},
    serve::serve,
    services::{Services, Settings},
    worker::{Pulse, worker_router},
};

/// How long a handler may take before its client hears that it took too long.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a body may pause while it arrives.
const BODY_PAUSE: Duration = Duration::from_secs(15);

/// The OpenAPI 3.1 document of the JSON API, for a server at the root of wherever it is served.
pub fn openapi() -> serde_json::Value {
    openapi::document(&routes::table(), "/")
}

/// The whole server as a router.
pub fn router(services: Services, settings: Settings) -> Router {
    let Services { metrics, .. } = services;
    let table = routes::table();
    let openapi = openapi::document(&table, settings.public_url.as_str()).to_string();
    let app = App::new(Inner {
        services: Services {
            metrics: prometheus_client::registry::Registry::default(),
            ..services
        },
        metrics: Metrics::new(metrics),
        screens: Screens::new(),
        limit: SignInLimit::new(),
        settings,
        openapi,
    });
    let origin = app.settings.public_url.origin().ascii_serialization();
    let csrf = CsrfLayer::new();
    // An address that is no web origin cannot be trusted as one; then only the host counts.
    let csrf = csrf.clone().add_trusted_origin(origin).unwrap_or(csrf);
    let (for_pages, for_observing) = (app.clone(), app.clone());
    routes::router(&app, table)
        .fallback(|_: Uri| async {
            Problem::new(StatusCode::NOT_FOUND, "not-found", "there is nothing at this address")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "this address does not take requests of this kind",
            )
        })
        .layer(DefaultBodyLimit::max(extract::BODY_LIMIT))
        .layer(middleware::from_fn(serve::shelter))
        .layer(csrf.with_rejection_response(cross_origin))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            screen::problems_as_pages(for_pages.clone(), request, next)
        }))
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(middleware::from_fn(headers::harden))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            observe::observe(for_observing.clone(), request, next)
        }))
}

/// Answers for a handler that takes too long. What it began to change still ends, in its own task.
async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(PATIENCE, next.run(request)).await.unwrap_or_else(|_| {
        tracing::error!(reason = "took too long", "request failed");
        let detail = "this takes longer than it should; look whether it was done before repeating";
        Problem::new(StatusCode::GATEWAY_TIMEOUT, "took-too-long", detail).into_response()
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the error over")]
fn cross_origin(error: ProtectionError) -> Response {
    tracing::warn!(%error, reason = "cross-origin", "request refused");
    Problem::new(
        StatusCode::FORBIDDEN,
        "cross-origin",
        "this came from another site's page; open Playgate itself and try again",
    )
    .into_response()
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let why = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(panic = why, "handler panicked");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "something went wrong on our side; the log has the details under this request's id",
    )
    .into_response()
}

#[cfg(test)]
mod tests;
