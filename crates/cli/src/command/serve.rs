//! `playgate serve` and `playgate worker`: the processes that stay.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use domain::user::Actor;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    app::App,
    archive,
    arguments::Serve,
    bad_input,
    command::{access, health, playbook, policy},
    config::Config,
    door::{router, worker_router},
    retention,
};

/// How often every account's health is computed.
const HEALTH: Duration = Duration::from_hours(24);

/// Serves the API and the screens.
pub async fn serve(app: &App, serve: &Serve) -> anyhow::Result<()> {
    if serve.no_worker && app.config.is_embedded() {
        bad_input!(
            "SQLite works in one process: leave `--no-worker` away, or use PostgreSQL (`--db`)"
        );
    }
    let _lock = app.take_over_or_refuse()?;
    prepare(app).await?;
    warm_up(app);
    let listener = bind(&app.config).await?;
    greet(app, &listener).await?;
    stay(app, Some(listener), !serve.no_worker).await
}

/// Reads the directory of customers before the first letter needs it.
fn warm_up(app: &App) {
    let exit = Arc::clone(&app.exit);
    tokio::spawn(async move {
        match exit.refresh().await {
            Ok(accounts) => info!(accounts, "directory of customers is read"),
            Err(err) => warn!(error = %err, "directory of customers could not be read yet"),
        }
    });
}

/// Does the background work only.
pub async fn worker(app: &App) -> anyhow::Result<()> {
    if app.config.is_embedded() {
        bad_input!(
            "SQLite works in one process, `playgate serve`; for separate workers use PostgreSQL (`--db`)"
        );
    }
    prepare(app).await?;
    warm_up(app);
    let Some(address) = app.config.worker.listen else {
        app.out.say("Working. Ctrl-C stops after what is in hand.");
        return stay(app, None, true).await;
    };
    let listener = take(address).await?;
    app.out.say(&format!(
        "Working; /healthz and /metrics are on http://{}. Ctrl-C stops after what is in hand.",
        listener.local_addr()?
    ));
    stay_and_tell(app, listener).await
}

/// Works, and says how it goes until the last of what was in hand is done.
async fn stay_and_tell(app: &App, listener: TcpListener) -> anyhow::Result<()> {
    let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
    let router = worker_router(app, stop.clone());
    let telling = tokio::spawn(server::serve(listener, router, ended.clone()));
    let stayed = stay_until(app, None, true, stop).await;
    ended.cancel();
    telling.await?;
    stayed
}

/// Loads playbooks and a policy on the very first start, and makes the first administrator.
pub async fn prepare(app: &App) -> anyhow::Result<()> {
    use domain::port::Catalogue as _;
    if app.store.active_playbooks().await?.is_empty() {
        playbook::load(app, &Actor::Engine).await?;
    }
    if app.store.active_policy().await?.is_none() {
        policy::activate(app, &Actor::Engine).await?;
    }
    app.first_administrator().await?;
    Ok(())
}

/// Takes the address, or says why not.
pub async fn bind(config: &Config) -> anyhow::Result<TcpListener> {
    take(config.listen).await
}

async fn take(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot serve on {address}; is another playgate running? Choose another with --listen"
        )
    })?;
    if !address.ip().is_loopback() {
        warn!(%address, "serving beyond this machine: put a proxy with TLS before it");
    }
    Ok(listener)
}

async fn greet(app: &App, listener: &TcpListener) -> anyhow::Result<()> {
    let user = app.user().await?;
    let link = access::sign_in_link(app, &user, &Actor::Engine).await?;
    app.out.say(&format!(
        "Serving on http://{}. Ctrl-C stops after what is in hand.\nSign in as {} (works once, \
         for {} minutes):\n  {link}",
        listener.local_addr()?,
        user.email,
        access::LINK_MINUTES
    ));
    Ok(())
}

/// Serves and works until told to stop, then finishes what is in hand. A second signal ends the
/// process at once; nothing is lost then either.
pub async fn stay(app: &App, listener: Option<TcpListener>, work: bool) -> anyhow::Result<()> {
    stay_until(app, listener, work, CancellationToken::new()).await
}

/// As [`stay`]; `stop` is cancelled when it is told to stop.
async fn stay_until(
    app: &App,
    listener: Option<TcpListener>,
    work: bool,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let tasks = TaskTracker::new();
    let failed = Arc::new(AtomicBool::new(false));
    if work {
        let worker = app.worker();
        let (token, ended) = (stop.clone(), stop.clone());
        let working = tasks.spawn(async move { worker.run(token).await });
        let fate = Arc::clone(&failed);
        tasks.spawn(async move {
            // Serving on without anybody at work would look healthy and be none.
            if working.await.is_err() && !ended.is_cancelled() {
                fate.store(true, Ordering::SeqCst);
                ended.cancel();
            }
        });
        let (watched, token) = (app.clone(), stop.clone());
        tasks.spawn(async move { watched.meter.backlog.keep_up(&watched, token).await });
        let (keeper, token) = (app.clone(), stop.clone());
        tasks.spawn(async move { archive::keeper::keep(&keeper, token).await });
        let (forgetful, token) = (app.clone(), stop.clone());
        tasks.spawn(async move { retention::keep(&forgetful, token).await });
        let (app, token) = (app.clone(), stop.clone());
        tasks.spawn(async move {
            while !token.is_cancelled() {
                if let Err(err) = health::refresh(&app).await {
                    warn!(error = %err, "health could not be computed");
                }
                tokio::select! {
                    () = token.cancelled() => {}
                    () = tokio::time::sleep(HEALTH) => {}
                }
            }
        });
    }
    let served = match listener {
        Some(listener) => {
            let router = router(app)?;
            let token = stop.clone();
            tasks.spawn(server::serve(listener, router, token))
        }
        None => tasks.spawn(std::future::ready(())),
    };
    tasks.close();
    tokio::select! {
        told = told_to_stop() => told?,
        () = stop.cancelled() => {}
    }
    info!("stopping");
    app.out.say("Stopping: finishing what is in hand.");
    stop.cancel();
    tokio::select! {
        () = tasks.wait() => {}
        told = told_to_stop() => {
            told?;
            served.abort();
        }
    }
    app.store.close().await;
    anyhow::ensure!(!failed.load(Ordering::SeqCst), "the worker ended by itself; see the log");
    Ok(())
}

/// Returns when the process is asked to end: Ctrl-C or SIGTERM.
pub async fn told_to_stop() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
