//! Forgetting in the background: what placeholders stood for, once their runs are over for long
//! enough, and master keys that nothing needs any longer.

use std::time::Duration;

use domain::{
    event::{Event, NewEvent, Stream},
    port::{Catalogue as _, Journal as _},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};
use policy::Policy;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{app::App, audit, rotation};

/// How long after a start the first pass begins, and how long the next ones wait.
const FIRST: Duration = Duration::from_secs(30);
const NEXT: Duration = Duration::from_mins(30);
/// Runs whose keys are destroyed in one transaction, and the pause after it.
const BATCH: u32 = 200;
const PAUSE: Duration = Duration::from_millis(100);

/// Forgets what policy says is not to be kept, until told to stop.
pub async fn keep(app: &App, stop: CancellationToken) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => wait = NEXT,
        }
        match once(app, &stop).await {
            Ok(0) => {}
            Ok(runs) => info!(runs, "what placeholders stood for was forgotten"),
            Err(err) => warn!(error = format!("{err:#}"), "placeholders could not be forgotten"),
        }
        if let Err(err) = rotation::finish(app).await {
            warn!(error = format!("{err:#}"), "the change of the master key could not be ended");
        }
    }
}

/// How long what placeholders stand for is kept after a run is over, by the policy in force.
pub async fn placeholders(app: &App) -> anyhow::Result<Option<SignedDuration>> {
    let Some(version) = app.store.active_policy().await? else { return Ok(None) };
    Ok(Some(Policy::compile(&version.files)?.keeps_placeholders()))
}

/// When placeholders were last forgotten, and in how many runs.
pub async fn last(app: &App) -> anyhow::Result<Option<(Timestamp, u64)>> {
    let events = audit::stream(&*app.ledger, "privacy").await?;
    Ok(events.iter().rev().find_map(|stored| match serde_json::from_str(&stored.data).ok()? {
        Event::PlaceholdersForgotten { runs, .. } => {
            Some((Timestamp::from_microsecond(stored.at).ok()?, runs))
        }
        _ => None,
    }))
}

/// One pass, in small steps: the keys of how many runs were destroyed.
pub async fn once(app: &App, stop: &CancellationToken) -> anyhow::Result<u64> {
    let Some(kept) = placeholders(app).await? else { return Ok(0) };
    let now = app.clock.now();
    let Ok(before) = now.checked_sub(kept) else { return Ok(0) };
    let (mut runs, mut after) = (0, None);
    while !stop.is_cancelled() {
        let (gone, last) = app.store.forget_pseudonyms(before, after, BATCH).await?;
        runs += gone;
        if last.is_none() {
            break;
        }
        after = last;
        tokio::time::sleep(PAUSE).await;
    }
    if runs > 0 {
        let event = Event::PlaceholdersForgotten { runs, before };
        let event = NewEvent { stream: Stream::Privacy, at: now, actor: Actor::Engine, event };
        app.store.append(vec![event]).await?;
    }
    Ok(runs)
}
