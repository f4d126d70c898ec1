//! `playgate backup`: a copy of the database, taken while it is in use, and looked over.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use domain::{
    event::{Event, NewEvent, Stream},
    port::Journal as _,
    user::Permission,
};
use serde_json::json;
use store::Store;

use crate::{
    app::App,
    archive::{self, file},
    arguments::Backup,
    audit, bad_input,
    keyring::key_place,
    output::Append as _,
};

/// Runs the command.
pub async fn run(app: &App, backup: &Backup) -> anyhow::Result<()> {
    let by = app.actor(Permission::Administer).await?;
    if !app.config.is_embedded() {
        bad_input!(
            "PostgreSQL has its own: `pg_dump --format=custom --file=FILE DATABASE`, and \
             `pg_restore --create --dbname=postgres FILE`; after it `playgate restore --hold`, \
             before anything serves"
        );
    }
    if backup.file.exists() {
        bad_input!("`{}` is there already; choose another name", backup.file.display());
    }
    let part = beside(&backup.file, ".part");
    remove_database(&part)?;
    app.store
        .copy_into(&part)
        .await
        .with_context(|| format!("`{}` cannot be written", part.display()))?;
    restrict(&part)?;
    let looked = look_over(app, &part).await;
    if looked.is_err() {
        remove_database(&part)?;
    }
    let (streams, events) = looked?;
    publish(&part, &backup.file)?;
    let (sha256, bytes) = file::fingerprint(&backup.file)?;
    let event = Event::BackupTaken { bytes, sha256: sha256.clone() };
    let now = app.clock.now();
    app.store.append(vec![NewEvent { stream: Stream::History, at: now, actor: by, event }]).await?;
    let place = key_place(&app.config);
    let archive = archive::folder(&app.config).filter(|folder| folder.is_dir());
    let mut text = format!(
        "`{}` holds everything as of {} UTC: {events} events in {streams} streams, verified. \
         {} KiB, SHA-256 {sha256}.\nThe master key is not in it: keep a copy of {place} apart from \
         it. Without it, drafts in the backup cannot be read; with both, everything can.",
        backup.file.display(),
        now.strftime("%Y-%m-%d %H:%M"),
        (bytes + 1023) >> 10,
    );
    if let Some(folder) = &archive {
        text.append(format_args!("\nArchive files are in `{}`: copy them too.", folder.display()));
    }
    app.out.answer(
        &json!({
            "file": backup.file, "bytes": bytes, "sha256": sha256, "events": events,
            "streams": streams, "master_key": place, "archive": archive,
        }),
        &text,
    )
}

/// Opens the copy and checks it: pages, then every chain and checkpoint.
async fn look_over(app: &App, copy: &Path) -> anyhow::Result<(u64, u64)> {
    let store = Store::open(&copy.display().to_string(), Arc::clone(&app.clock)).await?;
    let looked = async {
        let wrong = store.integrity().await?;
        anyhow::ensure!(wrong.is_empty(), "the copy is damaged: {}", wrong.join("; "));
        let bar = app.out.progress("events checked", 0);
        let report = audit::verify(&store, &|events| bar.set_position(events)).await?;
        bar.finish_and_clear();
        anyhow::ensure!(
            report.intact,
            "the trail does not verify, in the copy or in the database: {}",
            report.faults.join("; ")
        );
        Ok((report.streams, report.events))
    }
    .await;
    store.close().await;
    looked
}

/// A name beside another.
pub fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Removes a SQLite file with what belongs to it, if it is there.
pub fn remove_database(file: &Path) -> anyhow::Result<()> {
    for path in [file.to_owned(), beside(file, "-wal"), beside(file, "-shm")] {
        match fs::remove_file(&path) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
                return Err(err).with_context(|| format!("`{}` is in the way", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Personal data is for the owner's eyes.
pub fn restrict(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("`{}` cannot be protected", file.display()))
}

/// Makes a closed SQLite file durable, then gives it its name.
pub fn publish(part: &Path, file: &Path) -> anyhow::Result<()> {
    let context = || format!("`{}` cannot be made", file.display());
    anyhow::ensure!(
        fs::metadata(beside(part, "-wal")).map_or(0, |wal| wal.len()) == 0,
        "`{}` was not folded into its file",
        part.display()
    );
    File::open(part).and_then(|copy| copy.sync_all()).with_context(context)?;
    // A hard link does not replace what somebody put there meanwhile, as renaming would.
    fs::hard_link(part, file).with_context(context)?;
    remove_database(part)?;
    file::sync_folder(file.parent().unwrap_or_else(|| Path::new(".")))
}
