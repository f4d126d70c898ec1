//! The machine's own limits, measured in the same run, so that every figure can be read as a share of
//! what the hardware gives.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use domain::{
    event::{Event, NewEvent, Stream},
    port::Journal as _,
    user::Actor,
};
use serde::Serialize;
use store::Store;

use crate::bench::site::{Site, database_of};

/// How long each limit is measured.
const LONG: Duration = Duration::from_secs(1);
/// Rows of a batched commit.
const ROWS: usize = 100;

/// What the machine gives.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Processors this process may use.
    pub cores: usize,
    /// Runnable threads over the last minute, before the benchmark began: above `cores`, others
    /// were using the machine.
    pub load_before: Option<f64>,
    /// The file system the benchmark's folder is on.
    pub file_system: Option<String>,
    /// Appends of 4 KiB, each made durable on its own, a second.
    pub fdatasync_per_s: f64,
    /// The same over bytes that are there already, as a write-ahead log is used once it has grown.
    pub fdatasync_in_place_per_s: f64,
    /// Where these were made.
    pub fdatasync_in: PathBuf,
    /// Commits of one plain row, a second.
    pub single_row_commits_per_s: f64,
    /// Commits of a hundred plain rows, a second.
    pub batched_row_commits_per_s: f64,
    /// Commits of one event through the store, chained to the one before, a second.
    pub single_commits_per_s: f64,
    /// Commits of a hundred events through the store, a second.
    pub batched_commits_per_s: f64,
    /// Events a second that way.
    pub batched_rows_per_s: f64,
}

impl Machine {
    /// Measures, next to the benchmark's own data. With PostgreSQL, that is where its server runs
    /// only if `--in` names a folder on the same disk.
    pub async fn measure(site: &Site) -> anyhow::Result<Self> {
        let bar = site.out.progress("the machine's own limits", 0);
        bar.enable_steady_tick(Duration::from_millis(200));
        let load_before = load();
        let folder = site.folder.clone();
        let fdatasync_in = folder.clone();
        let (fdatasync_per_s, fdatasync_in_place_per_s) =
            tokio::task::spawn_blocking(move || syncs(&folder)).await??;
        let scratch = site.scratch().await?;
        let measured = commits(&scratch.store).await;
        scratch.remove().await?;
        let Commits { row, rows, event: single, events: batched } = measured?;
        bar.finish_and_clear();
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_before,
            file_system: file_system(&fdatasync_in),
            fdatasync_per_s,
            fdatasync_in_place_per_s,
            fdatasync_in,
            single_row_commits_per_s: row,
            batched_row_commits_per_s: rows,
            single_commits_per_s: single,
            batched_commits_per_s: batched,
            batched_rows_per_s: batched * 100.0,
        })
    }
}

/// Durable writes of 4 KiB a second: at the end of a file, and over what it holds already.
fn syncs(folder: &Path) -> anyhow::Result<(f64, f64)> {
    let path = folder.join("append");
    let place = || format!("file `{}` cannot be written", path.display());
    let mut file = File::create_new(&path).with_context(place)?;
    let block = [0x5a; 4096];
    let appended = rate(|| {
        file.write_all(&block)?;
        file.sync_data()
    });
    let appended = appended.with_context(place)?;
    let blocks = file.metadata().with_context(place)?.len() / 4096;
    let mut next = 0;
    let overwritten = rate(|| {
        file.write_all_at(&block, next % blocks * 4096)?;
        next += 1;
        file.sync_data()
    });
    fs::remove_file(&path).with_context(place)?;
    Ok((appended, overwritten.with_context(place)?))
}

#[expect(clippy::cast_precision_loss, reason = "a second holds few of them")]
fn rate(mut once: impl FnMut() -> std::io::Result<()>) -> std::io::Result<f64> {
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < LONG {
        once()?;
        count += 1;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Commits a second, one after the other: of one plain row and of a hundred, of one event and of a
/// hundred.
struct Commits {
    row: f64,
    rows: f64,
    event: f64,
    events: f64,
}

async fn commits(store: &Store) -> anyhow::Result<Commits> {
    store.make_scratch_table().await?;
    let mut next = 0;
    let row = rows_of(store, 1, &mut next).await?;
    let rows = rows_of(store, 100, &mut next).await?;
    let (event, events) = (commits_of(store, 1).await?, commits_of(store, ROWS).await?);
    Ok(Commits { row, rows, event, events })
}

#[expect(clippy::cast_precision_loss, reason = "a second holds few of them")]
async fn rows_of(store: &Store, rows: i64, next: &mut i64) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < LONG {
        store.fill_scratch_table(*next..*next + rows).await?;
        *next += rows;
        count += 1;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "a second holds few of them")]
async fn commits_of(store: &Store, rows: usize) -> anyhow::Result<f64> {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let event = NewEvent {
        stream: Stream::Switch,
        at,
        actor: Actor::Engine,
        event: Event::KillReleased { scope: "scratch".to_owned() },
    };
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < LONG {
        store.append(vec![event.clone(); rows]).await?;
        count += 1;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// The file system of the mount a path is on.
fn file_system(path: &Path) -> Option<String> {
    file_system_in(&fs::read_to_string("/proc/self/mounts").ok()?, path)
}

fn file_system_in(mounts: &str, path: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((Path::new(fields.next()?), fields.next()?))
        })
        .filter(|(mount, _)| path.starts_with(mount))
        // Of two mounts at one place, the later one covers the earlier.
        .max_by_key(|(mount, _)| mount.components().count())
        .map(|(_, kind)| kind.to_owned())
}

/// A database next to the site's, for measuring commits.
pub struct Scratch {
    /// The store on it.
    pub store: Store,
    database: Option<String>,
}

impl Scratch {
    /// Closes it, and drops the PostgreSQL database; files go with the site's folder.
    pub async fn remove(self) -> anyhow::Result<()> {
        self.store.close().await;
        if let Some(url) = &self.database {
            store::drop_database(url).await.context("the scratch database is not removed")?;
        }
        Ok(())
    }
}

impl Site {
    /// Makes a scratch database.
    async fn scratch(&self) -> anyhow::Result<Scratch> {
        let file = self.folder.join("scratch.sqlite").display().to_string();
        let database =
            self.database.as_ref().map(|url| url.replace(database_of(url), &beside(url)));
        if let Some(url) = &database {
            anyhow::ensure!(
                store::create_database(url).await?,
                "the scratch database exists already; try again"
            );
        }
        let url = database.as_deref().unwrap_or(&file);
        let store = Store::open(url, Arc::clone(&self.clock)).await?;
        store.migrate().await?;
        Ok(Scratch { store, database })
    }
}

/// The name of a database next to the one an address names.
fn beside(url: &str) -> String {
    format!("{}_scratch", database_of(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_names_the_file_system() {
        let mounts =
            "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/a/b xfs rw 0 0\n";
        let of = |path: &str| file_system_in(mounts, Path::new(path));
        assert_eq!(of("/home/x").as_deref(), Some("ext4"));
        assert_eq!(of("/tmp/a").as_deref(), Some("tmpfs"));
        assert_eq!(of("/tmp/a/b/c").as_deref(), Some("xfs"));
        assert_eq!(file_system_in("", Path::new("/x")), None);
    }
}
