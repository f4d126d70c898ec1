//! A process that works on a world's data like `playgate` does, and kills itself after its n-th
//! commit. Arguments: configuration file, and the commit to die after (0: none).

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use cli::{
    app::{App, Schema},
    clock::SystemClock,
    config::Config,
    output::Output,
};
use domain::{
    page::PageRequest,
    port::{Desk as _, Journal as _, QueueFilter, Ruling, RunFilter},
    run::RunStatus,
    user::Permission,
};

/// Long enough for leases to end and deliveries to be repeated.
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    // Nothing was installed before.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_default();
    let dies_after: u32 = arguments.next().unwrap_or_default().parse()?;
    let config = Config::read(file.as_ref())?;
    let clock = Arc::new(SystemClock::default());
    let app = App::open(config, Output::new(false), clock, Schema::Migrate).await?;
    let commits = AtomicU32::new(0);
    app.store.observe_commits(move || {
        if commits.fetch_add(1, Ordering::SeqCst) + 1 == dies_after {
            kill_myself();
        }
    });
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        app.worker().settle().await;
        approve_all(&app).await?;
        let runs = app.store.runs(&RunFilter::default(), &PageRequest::default()).await?;
        let over = |status: RunStatus| status.is_over() || status == RunStatus::Stuck;
        if !runs.items.is_empty() && runs.items.iter().all(|run| over(run.status)) {
            app.store.close().await;
            return Ok(ExitCode::SUCCESS);
        }
        if uncertain(&app).await? {
            app.store.close().await;
            return Ok(ExitCode::from(7));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(ExitCode::from(9))
}

async fn approve_all(app: &App) -> anyhow::Result<()> {
    let by = app.actor(Permission::Decide).await?;
    let filter = QueueFilter::waiting(domain::clock::Clock::now(&*app.clock));
    for item in app.desk.list(&filter, &PageRequest::default()).await?.items {
        let seen = item.approval.version.binding.clone();
        app.desk.rule(item.approval.id, &by, Ruling::Approve { seen }).await?;
    }
    Ok(())
}

async fn uncertain(app: &App) -> anyhow::Result<bool> {
    use domain::{message::MessageStatus, port::Outbox as _};
    let page = app.store.messages(Some(MessageStatus::Uncertain), &PageRequest::default()).await?;
    Ok(page.total > 0)
}

/// SIGKILL: nothing is flushed, nothing is dropped, nobody is told.
fn kill_myself() {
    let me = std::process::id().to_string();
    // When even `kill` is missing, ending without any clean-up is the next best thing.
    let _killed = std::process::Command::new("kill").args(["-9", &me]).status();
    std::process::abort();
}
