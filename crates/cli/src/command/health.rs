//! `playgate health`: compute every account's health, and say when it fell.

use domain::{
    account::Band,
    port::{Customers as _, Journal as _},
    signal::{NewSignal, kind},
    user::Permission,
};
use serde_json::json;

use crate::app::App;

const BATCH: u32 = 500;

/// What a refresh did.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Refreshed {
    /// Accounts looked at.
    pub accounts: u64,
    /// Of these, green, yellow and red.
    pub green: u64,
    /// See `green`.
    pub yellow: u64,
    /// See `green`.
    pub red: u64,
    /// Accounts of which too little is known.
    pub unknown: u64,
    /// Signals raised.
    pub dropped: u64,
}

/// Runs the command.
pub async fn run(app: &App) -> anyhow::Result<()> {
    app.require(Permission::Operate).await?;
    let done = refresh(app).await?;
    app.run_if_embedded().await?;
    app.out.answer(
        &done,
        &format!(
            "{} accounts: {} green, {} yellow, {} red, {} unknown; {} fell and raised `{}`.",
            done.accounts,
            done.green,
            done.yellow,
            done.red,
            done.unknown,
            done.dropped,
            kind::HEALTH_DROPPED
        ),
    )
}

/// Computes health for every account that has not churned. One that fell by a band, or is red for
/// the first time, raises `health.dropped`, once a day at most.
pub async fn refresh(app: &App) -> anyhow::Result<Refreshed> {
    let mut done = Refreshed::default();
    let mut after = None;
    let bar = app.out.progress("health of accounts", 0);
    loop {
        let ids = app.store.population(after, BATCH).await?;
        let Some(last) = ids.last() else { break };
        after = Some(*last);
        let now = app.clock.now();
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut scores = Vec::new();
        let mut signals = Vec::new();
        for snapshot in app.store.snapshots(&ids, now).await? {
            let id = snapshot.account.id;
            done.accounts += 1;
            let Some(health) = insight::health::assess(&snapshot) else {
                done.unknown += 1;
                continue;
            };
            match health.band {
                Band::Green => done.green += 1,
                Band::Yellow => done.yellow += 1,
                Band::Red => done.red += 1,
            }
            scores.push((id, health.score));
            // Green, yellow, red in the order of the words: a larger band is a worse one.
            let before = snapshot.account.health.map(Band::of);
            let fell = match before {
                Some(before) => health.band > before,
                None => health.band == Band::Red,
            };
            if fell {
                signals.push(NewSignal {
                    source: "playgate".to_owned(),
                    event_id: format!("health:{id}:{day}:{}", health.band),
                    kind: kind::HEALTH_DROPPED.to_owned(),
                    account: id,
                    at: now,
                    data: json!({
                        "from": snapshot.account.health,
                        "to": health.score.round(),
                        "band": health.band,
                    }),
                    run: None,
                });
            }
        }
        // The signal first: a fall that was stored and not told would never be told.
        done.dropped += app.store.signal(signals, now).await?.len() as u64;
        app.store.set_health(&scores, now).await?;
        bar.set_position(done.accounts);
    }
    bar.finish_and_clear();
    Ok(done)
}
