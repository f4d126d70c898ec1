//! Changing the master key: everything it wraps is wrapped anew, a few keys at a time.

use std::{path::PathBuf, time::Duration};

use domain::{
    event::{Event, NewEvent, Stream},
    port::Journal as _,
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::WrappedKind;
use tracing::info;

use crate::{
    app::App,
    bad_input,
    keyring::{self, Keyring, Source},
};

/// Keys wrapped anew in one transaction.
const BATCH: u32 = 500;
/// How long others may be at work under a key that no longer wraps: longer than any turn.
const GRACE: SignedDuration = SignedDuration::from_mins(15);

/// How a rotation went.
#[derive(Clone, Debug, Serialize)]
pub struct Rotated {
    /// The key that wraps now.
    pub key: String,
    /// Keys of people and runs that were wrapped anew.
    pub rewrapped: u64,
    /// Whether a new key was made now.
    pub made: bool,
    /// Earlier keys that must still be kept, until `safe_at`; none when all is done.
    pub kept: Vec<String>,
    /// When nothing can be on its way under an earlier key.
    pub safe_at: Option<Timestamp>,
    /// Where the keys are.
    pub place: String,
}

/// Goes on with a rotation, or begins one. Others go on working: they look for the key again when
/// they meet one they do not know.
pub async fn rotate(app: &App, by: &Actor, pause: Duration) -> anyhow::Result<Rotated> {
    let source = Source::of(&app.config);
    let mut made = false;
    let mut keys = read(&source)?;
    if keys.ids().len() == 1 && is_settled(app, &keys).await? {
        match &source {
            Source::File(file) => {
                keyring::add_key(file)?;
                made = true;
                keys = read(&source)?;
            }
            Source::Variable(_) | Source::Command(_) => bad_input!(
                "everything is wrapped by the one key in {source}. To change it, put the new key \
                 before it, with a comma between, start every process again, and run this again"
            ),
        }
    }
    let now = app.clock.now();
    keyring::check(&app.store, &keys, &source.to_string(), now).await?;
    let first = keys.first().id();
    app.store.change_master_key(&first, by.clone(), now).await?;
    app.vault().look_again().await;
    let mut rewrapped = 0;
    loop {
        let done = pass(app, &keys, pause).await?;
        if done == 0 {
            break;
        }
        rewrapped += done;
    }
    if rewrapped > 0 {
        let event = Event::MasterKeyRotated { key: first.clone(), rewrapped };
        let at = app.clock.now();
        let event = NewEvent { stream: Stream::Privacy, at, actor: by.clone(), event };
        app.store.append(vec![event]).await?;
    }
    // Nobody else is at work on an embedded database that nobody serves.
    let lock = if app.config.is_embedded() { app.take_over()? } else { None };
    let safe_at = safe_at(app).await?;
    let over = lock.is_some() || safe_at.is_none_or(|at| at <= app.clock.now());
    let mut kept = keys.ids().split_off(1);
    if let (true, Source::File(file)) = (over, &source) {
        drop_old(app, file.clone()).await?;
        kept.clear();
    }
    Ok(Rotated {
        key: first,
        rewrapped,
        made,
        safe_at: safe_at.filter(|_| !kept.is_empty()),
        kept,
        place: source.to_string(),
    })
}

fn read(source: &Source) -> anyhow::Result<Keyring> {
    match source.read()? {
        Some(keys) => Ok(keys),
        None => bad_input!("there is no master key in {source} yet"),
    }
}

/// Whether nothing waits for another key than the first.
async fn is_settled(app: &App, keys: &Keyring) -> anyhow::Result<bool> {
    let first = keys.first().id();
    let known = app.store.master_keys().await?;
    for kind in [WrappedKind::Subject, WrappedKind::Run] {
        let others = app.store.wrapped_by_others(kind, &first, "", 1).await?;
        // What was wrapped before ids were kept may be under this key too.
        if others.iter().any(|key| !key.master.is_empty()) {
            return Ok(false);
        }
    }
    Ok(known.active == [first])
}

/// Wraps everything anew that others wrap, once through; how much that was.
async fn pass(app: &App, keys: &Keyring, pause: Duration) -> anyhow::Result<u64> {
    let first = keys.first().id();
    let mut done = 0;
    for kind in [WrappedKind::Subject, WrappedKind::Run] {
        let mut after = String::new();
        loop {
            let page = app.store.wrapped_by_others(kind, &first, &after, BATCH).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.of);
            let mut anew = Vec::with_capacity(page.len());
            for key in &page {
                let Some(wrapped) = keyring::rewrapped(keys, kind, key)? else {
                    bad_input!(
                        "the key of `{}` does not open: it is wrapped by the master key `{}`, \
                         which is not among those given. Put that key after the new one and run \
                         this again; nothing is lost",
                        key.of,
                        if key.master.is_empty() { "of before" } else { &key.master }
                    );
                };
                anew.push(wrapped);
            }
            done += app.store.rewrap(kind, &first, &anew).await?;
            tokio::time::sleep(pause).await;
        }
    }
    Ok(done)
}

/// When nothing can be on its way any more under a key that was retired; none if none was.
async fn safe_at(app: &App) -> anyhow::Result<Option<Timestamp>> {
    let retired = app.store.master_keys().await?.retired;
    let last = retired.iter().map(|(_, at)| *at).max();
    Ok(last.map(|at| at.checked_add(GRACE).unwrap_or(at)))
}

async fn drop_old(app: &App, file: PathBuf) -> anyhow::Result<()> {
    keyring::drop_old_keys(&file)?;
    app.vault().look_again().await;
    Ok(())
}

/// Ends a rotation that was begun, once nothing can be on its way under the earlier key. Whether
/// there was something to do.
pub async fn finish(app: &App) -> anyhow::Result<bool> {
    let source = Source::of(&app.config);
    let Some(keys) = source.read()? else { return Ok(false) };
    let known = app.store.master_keys().await?;
    let begun = keys.ids().len() > 1 && known.active == [keys.first().id()];
    if !begun || safe_at(app).await?.is_none_or(|at| at > app.clock.now()) {
        return Ok(false);
    }
    let rotated = rotate(app, &Actor::Engine, Duration::from_millis(50)).await?;
    info!(key = rotated.key, rewrapped = rotated.rewrapped, "the master key was changed");
    Ok(true)
}
