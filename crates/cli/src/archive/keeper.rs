//! Archiving in the background, out of the way of everything else.

use std::time::Duration;

use domain::user::Actor;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    app::App,
    archive::{
        self,
        pass::{self, Manner},
    },
};

/// How long after a start the first pass begins, and how long the next ones wait.
const FIRST: Duration = Duration::from_mins(1);
const NEXT: Duration = Duration::from_hours(1);

/// Archives what is over for longer than the configuration says, until told to stop.
pub async fn keep(app: &App, stop: CancellationToken) {
    let retention = &app.config.retention;
    if retention.runs_days.is_none() && retention.usage_days.is_none() {
        return;
    }
    let Some(folder) = archive::folder(&app.config) else {
        info!("history is not archived: `retention.archive_dir` is not set");
        return;
    };
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => wait = NEXT,
        }
        let manner = Manner {
            // Nothing was over before there was anything.
            before: retention
                .runs_days
                .map_or(Timestamp::UNIX_EPOCH, |days| archive::before(app, days_long(days))),
            usage_before: retention
                .usage_days
                .map(|days| archive::before(app, days_long(days)).to_zoned(TimeZone::UTC).date()),
            folder: folder.clone(),
            by: Actor::Engine,
            batch: 25,
            pause: Duration::from_millis(250),
            patient: true,
        };
        match once(app, &manner, &stop).await {
            Ok(Some(done)) if done != pass::Done::default() => {
                info!(runs = done.runs, files = done.files, "history was put in order");
            }
            Ok(Some(_)) => {}
            Ok(None) => debug!("another process archives"),
            Err(err) => warn!(error = format!("{err:#}"), "history could not be archived"),
        }
    }
}

/// One pass, if no other process is at it.
pub async fn once(
    app: &App,
    manner: &Manner,
    stop: &CancellationToken,
) -> anyhow::Result<Option<pass::Done>> {
    let _lock = if app.config.is_embedded() {
        match app.archive_lock()? {
            Some(lock) => Some(lock),
            None => return Ok(None),
        }
    } else {
        None
    };
    let Some(_duty) = app.store.take_duty().await? else { return Ok(None) };
    pass::run(app, manner, stop).await.map(Some)
}

/// Days as a length of time.
pub fn days_long(days: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days) * 24)
}
