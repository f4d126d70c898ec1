//! `playgate restore`: put a copy back, and hold what may have left after it was taken.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use domain::{
    clock::Clock,
    port::VaultError,
    user::{Actor, Permission},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use store::{Counts, Store};

use crate::{
    app::{App, is_free},
    arguments::Restore,
    audit, bad_input,
    command::backup::{beside, publish, remove_database, restrict},
    config::Config,
    keyring::{existing_keys, key_place},
    output::{Append as _, Output},
    vault::KeyVault,
};

/// Puts a copy back into an empty data folder.
pub async fn run(
    restore: &Restore,
    config: Config,
    out: Output,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<()> {
    let Some(file) = &restore.file else { return Ok(()) };
    if !config.is_embedded() {
        bad_input!(
            "PostgreSQL has its own: `pg_restore --create --dbname=postgres FILE`; after it \
             `playgate restore --hold`, before anything serves"
        );
    }
    if !file.is_file() {
        bad_input!("there is no file `{}`", file.display());
    }
    let url = config.database_url();
    let target = Path::new(url.strip_prefix("sqlite://").unwrap_or(&url));
    for path in [target.to_owned(), beside(target, "-wal")] {
        if path.exists() {
            bad_input!(
                "`{}` is there already, and nothing is overwritten: move it away, or choose an \
                 empty folder with --data",
                path.display()
            );
        }
    }
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("data folder `{}` cannot be made", config.data.display()))?;
    if !is_free(&config.data)? {
        bad_input!("another playgate serves the data in `{}`; stop it", config.data.display());
    }
    let part = beside(target, ".part");
    remove_database(&part)?;
    std::fs::copy(file, &part).with_context(|| format!("`{}` cannot be copied", file.display()))?;
    restrict(&part)?;
    let restored = prepare(restore, &config, &part, clock).await;
    if restored.is_err() {
        remove_database(&part)?;
    }
    let restored = restored?;
    publish(&part, target)?;
    restored.tell(out, file, target)
}

/// What was put back.
struct Restored {
    counts: Counts,
    as_of: Option<Timestamp>,
    held: u64,
    faults: Vec<String>,
    key: Key,
    place: String,
}

/// How the master key stands to what is sealed in a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Key {
    /// It opens it.
    Fits,
    /// There is none where the configuration says.
    Missing,
    /// It is another one.
    Wrong,
}

/// Looks the copy over and holds what was on its way, before it has the name under which it could
/// be served.
async fn prepare(
    restore: &Restore,
    config: &Config,
    part: &Path,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Restored> {
    let now = clock.now();
    let store = Store::open(&part.display().to_string(), clock).await;
    let store = store.with_context(|| match &restore.file {
        Some(file) => format!("`{}` is no database this program can work with", file.display()),
        None => String::new(),
    })?;
    let prepared = async {
        if store.is_empty().await? {
            bad_input!("the file is no database of playgate");
        }
        let wrong = store.integrity().await?;
        anyhow::ensure!(wrong.is_empty(), "the copy is damaged: {}", wrong.join("; "));
        store.migrate().await?;
        let faults = audit::verify(&store, &|_| {}).await?.faults;
        let key = key(&store, config).await?;
        let place = key_place(config);
        if !restore.even_if_broken {
            if !faults.is_empty() {
                bad_input!(
                    "the trail in the copy does not verify: {}. To put it back all the same, say \
                     --even-if-broken",
                    faults.join("; ")
                );
            }
            match key {
                Key::Fits => {}
                Key::Missing => bad_input!(
                    "the master key is not in {place}, and drafts cannot be read without it: put \
                     it there first. To do without them, say --even-if-broken"
                ),
                Key::Wrong => bad_input!(
                    "the master key in {place} is not the one drafts in the copy were sealed \
                     with. To do without them, say --even-if-broken"
                ),
            }
        }
        if key != Key::Fits {
            store.give_up_master_keys(now).await?;
        }
        let as_of = store.last_event().await?;
        let held = store.hold_unsettled(as_of, &Actor::Engine, now).await?;
        let counts = store.counts().await?;
        Ok(Restored { counts, as_of, held, faults, key, place })
    }
    .await;
    store.close().await;
    prepared
}

async fn key(store: &Store, config: &Config) -> anyhow::Result<Key> {
    let Some(keys) = existing_keys(config)? else { return Ok(Key::Missing) };
    let Some(sealed) = store.some_content().await? else { return Ok(Key::Fits) };
    let vault = KeyVault::new(store.clone(), keys, None);
    match vault.open_bytes(sealed.id, sealed.subject, &sealed.bytes).await {
        Ok(_) | Err(VaultError::Erased(_)) => Ok(Key::Fits),
        Err(VaultError::Store(err)) => Err(err.into()),
        Err(_) => Ok(Key::Wrong),
    }
}

impl Restored {
    fn tell(&self, out: Output, file: &Path, target: &Path) -> anyhow::Result<()> {
        let runs: i64 = self.counts.runs.values().sum();
        let waiting = self.counts.approvals.get("waiting").copied().unwrap_or(0);
        let as_of = self.as_of.map_or_else(
            || "from before anything happened".to_owned(),
            |at| format!("as of {} UTC", at.strftime("%Y-%m-%d %H:%M:%S")),
        );
        let mut text = format!(
            "`{}` is `{}`, {as_of}: {} accounts, {runs} runs, {waiting} approvals that wait, {} \
             events.\n{}",
            target.display(),
            file.display(),
            self.counts.accounts,
            self.counts.events,
            held_in_words(self.held),
        );
        for fault in &self.faults {
            text.push_str("\nThe trail does not verify: ");
            text.push_str(fault);
        }
        if self.key != Key::Fits {
            text.append(format_args!(
                "\nDrafts cannot be read: their master key is not in {}.",
                self.place
            ));
        }
        out.answer(
            &json!({
                "database": target, "as_of": self.as_of, "accounts": self.counts.accounts,
                "runs": runs, "waiting": waiting, "events": self.counts.events,
                "held": self.held, "faults": self.faults, "master_key": self.key,
            }),
            &text,
        )
    }
}

fn held_in_words(held: u64) -> String {
    format!(
        "What was sent after the copy was taken is not known here, so nothing leaves by itself:\n  \
         - {held} messages that were on their way are uncertain; look with `playgate outbox list \
         --status uncertain`, and say of each `playgate outbox resolve MESSAGE --arrived` or \
         --resend\n  - all sending is stopped; approvals that wait may have been decided and sent \
         before: look at them, then `playgate unkill`"
    )
}

/// Holds what was on its way in a database that was put back by other means.
pub async fn hold(app: &App, restore: &Restore) -> anyhow::Result<()> {
    let by = app.actor(Permission::Administer).await?;
    if !restore.hold {
        return Ok(());
    }
    let as_of = app.store.last_event().await?;
    let held = app.store.hold_unsettled(as_of, &by, app.clock.now()).await?;
    app.out.answer(&json!({ "as_of": as_of, "held": held }), &held_in_words(held))
}
