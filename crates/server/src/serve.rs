//! The listener: slow clients are cut off, and a shutdown finishes what was begun.

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, extract::Request, middleware::Next, response::Response};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::limit::Peer;

/// How long a client may take to send its request's head; also how long a connection may idle.
const HEAD: Duration = Duration::from_secs(30);

/// How long a shutdown waits for connections. Work that changes something is waited for longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections served at once; more wait in the system's queue.
const CONNECTIONS: usize = 2048;

/// Work that must not be lost, whatever happens to the connection it came by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work(TaskTracker);

/// Serves until `shutdown` is cancelled; then takes no more connections, lets requests under way
/// be answered, closes idle connections, and returns when every change that was begun has ended.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let work = Work::default();
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let router = router.layer(Extension(work.clone())).layer(Extension(shutdown.clone()));
    loop {
        let place = tokio::select! {
            () = shutdown.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let router = router.clone().layer(Extension(Peer(address)));
                let shutdown = shutdown.clone();
                connections.spawn(async move {
                    connection(stream, router, shutdown).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file handles, most likely: waiting gives others time to close.
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(PATIENCE, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "connections did not end in time");
    }
    work.0.close();
    work.0.wait().await;
}

async fn connection(stream: TcpStream, router: Router, shutdown: CancellationToken) {
    let service = router.map_request(|request: axum::http::Request<_>| request.map(Body::new));
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_headers(64);
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "connection ended");
    }
}

/// Runs whatever changes something in a task of its own, so that a client that hangs up cannot
/// stop it half-way.
pub(crate) async fn shelter(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let work = request.extensions().get::<Work>().cloned().unwrap_or_default();
    let span = tracing::Span::current();
    let task = work.0.spawn(tracing::Instrument::instrument(next.run(request), span));
    match task.await {
        Ok(response) => response,
        Err(error) => {
            axum::response::IntoResponse::into_response(crate::problem::Problem::internal(&error))
        }
    }
}
