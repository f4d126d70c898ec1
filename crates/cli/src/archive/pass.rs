//! One pass over history that is over: write it to files, note them, and only then delete.

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use domain::{
    archive::{Archive, ArchiveKind, Exported, Finished, Holds, NewArchive, Recorded},
    chain::Verifier,
    event::StoredEvent,
    port::{History as _, Ledger as _, StreamHead},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    app::App,
    archive::{
        content::Sealer,
        file::{self, Draft, Written},
        line::{CheckpointLine, FORMAT, Header, RunLine, StretchLine},
    },
};

/// Runs in a file at most.
const FILE: usize = 1_000;

/// Runs exported at once: what is held in memory.
const PAGE: usize = 100;

/// Events of one stretch at most.
const STRETCH: u32 = 2_000;

/// Checkpoints in a file at most.
const CHECKPOINTS: u32 = 500;

/// How much a background pass waits for before it writes a file, and for how long.
const RIPE: usize = 200;
const PATIENCE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How a pass goes about it.
#[derive(Clone, Debug)]
pub struct Manner {
    /// What was over before this time goes.
    pub before: Timestamp,
    /// Days of use before this one are forgotten; none: they stay.
    pub usage_before: Option<Date>,
    /// Where files go.
    pub folder: PathBuf,
    /// In whose name.
    pub by: Actor,
    /// Runs deleted in one transaction.
    pub batch: u32,
    /// The pause between transactions, which leaves the database to those in a hurry.
    pub pause: Duration,
    /// Whether to wait until a file is worth it.
    pub patient: bool,
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// Files written and noted.
    pub files: u64,
    /// Runs that left.
    pub runs: u64,
    /// Old stretches of streams that left.
    pub stretches: u64,
    /// Checkpoints whose heads left.
    pub checkpoints: u64,
    /// Signals forgotten.
    pub signals: u64,
    /// Days of use forgotten.
    pub usage_days: u64,
    /// Runs that stay because their events do not verify.
    pub broken: u64,
}

/// Does everything there is to do, in small steps, until told to stop. A pass that dies anywhere is
/// finished by the next: what is noted and not deleted yet comes first.
pub async fn run(app: &App, manner: &Manner, stop: &CancellationToken) -> anyhow::Result<Done> {
    let mut pass = Pass { app, manner, stop, done: Done::default() };
    file::remove_drafts(&manner.folder);
    // Only what a checkpoint covers leaves.
    app.store.checkpoint(app.clock.now()).await?;
    for archive in app.store.unpruned().await? {
        pass.prune(&archive).await?;
    }
    pass.runs().await?;
    pass.stretches().await?;
    pass.checkpoints().await?;
    pass.forget().await?;
    pass.shrink().await?;
    Ok(pass.done)
}

struct Pass<'a> {
    app: &'a App,
    manner: &'a Manner,
    stop: &'a CancellationToken,
    done: Done,
}

impl Pass<'_> {
    async fn runs(&mut self) -> anyhow::Result<()> {
        let limit = u32::try_from(FILE).unwrap_or(u32::MAX);
        let mut after = None;
        let mut sealer = Sealer::new(self.app);
        while !self.stop.is_cancelled() {
            let found = self.app.store.finished(self.manner.before, after, limit).await?;
            let oldest = found.iter().map(|run| run.ended_at).min();
            if !self.is_ripe(found.len(), oldest) {
                return Ok(());
            }
            let found = of_one_month(found);
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(*last);
            if let Some(archive) = self.write_runs(&found, &mut sealer).await? {
                self.prune(&archive).await?;
            }
        }
        Ok(())
    }

    fn is_ripe(&self, count: usize, oldest: Option<Timestamp>) -> bool {
        let waited = |oldest: Timestamp| oldest < self.manner.before - PATIENCE;
        count > 0 && (!self.manner.patient || count >= RIPE || oldest.is_some_and(waited))
    }

    async fn write_runs(
        &mut self,
        found: &[Finished],
        sealer: &mut Sealer<'_>,
    ) -> anyhow::Result<Option<Archive>> {
        let (first_at, last_at) = match found {
            [first, .., last] => (first.started_at, last.started_at),
            [only] => (only.started_at, only.started_at),
            [] => return Ok(None),
        };
        let month = first_at.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string();
        let mut draft = self.begin(ArchiveKind::Runs, &month, found.len()).await?;
        let (mut heads, mut events) = (Vec::new(), 0);
        for page in found.chunks(PAGE) {
            let ids: Vec<_> = page.iter().map(|run| run.run).collect();
            let mut lines = Vec::with_capacity(page.len());
            for run in self.app.store.export(&ids).await? {
                if let Err(broken) = verifies(&run) {
                    // In a file it would look as if it had been in order.
                    warn!(run.id = %run.run, error = %broken, "run is not archived");
                    self.done.broken += 1;
                    continue;
                }
                events += i64::try_from(run.events.len()).unwrap_or(0);
                lines.push(RunLine::new(&run, sealer.seal(&run).await?));
                heads.push(run.head);
            }
            draft = add(draft, lines).await?;
            self.rest().await;
        }
        let holds = Holds::Runs(heads);
        self.note(draft, holds, events, first_at, last_at).await
    }

    async fn stretches(&mut self) -> anyhow::Result<()> {
        while !self.stop.is_cancelled() {
            let stretches = self.app.store.stretches(self.manner.before, STRETCH).await?;
            let count = stretches.iter().map(|stretch| stretch.events.len()).sum();
            let time = |event: Option<&StoredEvent>| {
                event.and_then(|event| Timestamp::from_microsecond(event.at).ok())
            };
            let first_at = stretches.iter().filter_map(|one| time(one.events.first())).min();
            let last_at = stretches.iter().filter_map(|one| time(one.events.last())).max();
            if !self.is_ripe(count, first_at) {
                return Ok(());
            }
            let (Some(first_at), Some(last_at)) = (first_at, last_at) else { return Ok(()) };
            let lines: Vec<StretchLine> = stretches.iter().filter_map(StretchLine::new).collect();
            for line in &lines {
                let mut verifier = Verifier::after(&line.stream, line.from.seq, &line.from.hash);
                if let Err(broken) = line.stored().iter().try_for_each(|e| verifier.next(e)) {
                    warn!(error = %broken, "stream is not archived");
                    return Ok(());
                }
            }
            let heads = lines
                .iter()
                .map(|line| StreamHead {
                    stream: line.stream.clone(),
                    seq: line.head.seq,
                    hash: line.head.hash.clone(),
                })
                .collect();
            let month = first_at.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string();
            let draft = self.begin(ArchiveKind::Streams, &month, lines.len()).await?;
            let draft = add(draft, lines).await?;
            let events = i64::try_from(count).unwrap_or(i64::MAX);
            let noted = self.note(draft, Holds::Streams(heads), events, first_at, last_at).await?;
            match noted {
                Some(archive) => self.prune(&archive).await?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn checkpoints(&mut self) -> anyhow::Result<()> {
        while !self.stop.is_cancelled() {
            let spent = self.app.store.spent_checkpoints(self.manner.before, CHECKPOINTS).await?;
            let time = |at: i64| Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
            let oldest = spent.first().map(|checkpoint| time(checkpoint.at));
            if !self.is_ripe(spent.len(), oldest) {
                return Ok(());
            }
            let (Some(first), Some(last)) = (spent.first(), spent.last()) else { return Ok(()) };
            let (first_at, last_at) = (time(first.at), time(last.at));
            let month = first_at.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string();
            let draft = self.begin(ArchiveKind::Checkpoints, &month, spent.len()).await?;
            let draft = add(draft, spent.iter().map(CheckpointLine::from).collect()).await?;
            let holds = Holds::Checkpoints(
                spent
                    .iter()
                    .map(|checkpoint| (checkpoint.number, checkpoint.hash.clone()))
                    .collect(),
            );
            match self.note(draft, holds, 0, first_at, last_at).await? {
                Some(archive) => self.prune(&archive).await?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn begin(&self, kind: ArchiveKind, month: &str, items: usize) -> anyhow::Result<Draft> {
        // A name of its own: of two processes that write at once, neither writes over the other's.
        let name = format!("{kind}-{month}-{}.jsonl.gz", self.app.clock.uuid().simple());
        let header = Header {
            playgate_archive: FORMAT,
            kind,
            items: items as u64,
            before: self.manner.before,
            made_at: self.app.clock.now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let folder = self.manner.folder.clone();
        tokio::task::spawn_blocking(move || Draft::begin(&folder, &name, &header)).await?
    }

    /// Makes a file durable, then known. A file of something that went on meanwhile is removed.
    async fn note(
        &mut self,
        draft: Draft,
        holds: Holds,
        events: i64,
        first_at: Timestamp,
        last_at: Timestamp,
    ) -> anyhow::Result<Option<Archive>> {
        let Written { name, sha256, bytes } =
            tokio::task::spawn_blocking(move || draft.finish()).await??;
        let path = self.manner.folder.join(&name);
        if holds.is_empty() {
            std::fs::remove_file(&path)?;
            return Ok(None);
        }
        let new = NewArchive {
            name,
            sha256,
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            events,
            first_at,
            last_at,
            holds,
        };
        let now = self.app.clock.now();
        match self.app.store.record_archive(new, &self.manner.by, now).await? {
            Recorded::Kept(archive) => {
                info!(archive = archive.name, items = archive.items, "history was archived");
                self.done.files += 1;
                Ok(Some(archive))
            }
            Recorded::Moved => {
                std::fs::remove_file(&path)?;
                Ok(None)
            }
        }
    }

    /// Deletes what a file holds, if the file is there and is the one that was noted.
    async fn prune(&mut self, archive: &Archive) -> anyhow::Result<()> {
        let path = self.manner.folder.join(&archive.name);
        let (sha256, _) = tokio::task::spawn_blocking(move || file::fingerprint(&path))
            .await?
            .with_context(|| format!("nothing of archive `{}` was deleted", archive.name))?;
        anyhow::ensure!(
            sha256 == archive.sha256,
            "archive `{}` is not the file that was noted; nothing of it was deleted",
            archive.name
        );
        while !self.stop.is_cancelled() {
            let now = self.app.clock.now();
            let pruned = self.app.store.prune(archive.number, self.manner.batch, now).await?;
            match archive.kind {
                ArchiveKind::Runs => self.done.runs += pruned.items,
                ArchiveKind::Streams => self.done.stretches += pruned.items,
                // Of one with many heads some go at a time.
                ArchiveKind::Checkpoints => {}
            }
            if pruned.done {
                if archive.kind == ArchiveKind::Checkpoints {
                    self.done.checkpoints += u64::try_from(archive.items).unwrap_or(0);
                }
                return Ok(());
            }
            self.rest().await;
        }
        Ok(())
    }

    async fn forget(&mut self) -> anyhow::Result<()> {
        let store = &self.app.store;
        store.forget_secrets(self.app.clock.now()).await?;
        while !self.stop.is_cancelled() {
            let forgotten = store.forget_signals(self.manner.before, self.manner.batch).await?;
            self.done.signals += forgotten;
            if forgotten == 0 {
                break;
            }
            self.rest().await;
        }
        let Some(before) = self.manner.usage_before else { return Ok(()) };
        while !self.stop.is_cancelled() {
            let forgotten = store.forget_usage(before, 10).await?;
            self.done.usage_days += forgotten;
            if forgotten == 0 {
                break;
            }
            self.rest().await;
        }
        Ok(())
    }

    /// Gives free pages back, as far as that goes by small steps.
    async fn shrink(&self) -> anyhow::Result<()> {
        if !self.app.config.is_embedded() || !self.app.store.slack().await?.by_steps {
            return Ok(());
        }
        while !self.stop.is_cancelled() && self.app.store.shrink().await? {
            self.rest().await;
        }
        Ok(())
    }

    async fn rest(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(self.manner.pause) => {}
        }
    }
}

async fn add<T: Serialize + Send + 'static>(
    mut draft: Draft,
    lines: Vec<T>,
) -> anyhow::Result<Draft> {
    // Packing is work for the processor.
    tokio::task::spawn_blocking(move || {
        lines.iter().try_for_each(|line| draft.line(line))?;
        Ok(draft)
    })
    .await?
}

/// The first of these runs that began in the same month.
fn of_one_month(found: Vec<Finished>) -> Vec<Finished> {
    let month = |run: &Finished| {
        let day = run.started_at.to_zoned(TimeZone::UTC).date();
        (day.year(), day.month())
    };
    let first = found.first().map(month);
    found.into_iter().take_while(|run| Some(month(run)) == first).collect()
}

fn verifies(run: &Exported) -> Result<(), String> {
    let mut verifier = Verifier::new(&run.head.stream);
    run.events.iter().try_for_each(|event| verifier.next(event)).map_err(|err| err.to_string())?;
    if verifier.head() == (run.head.seq, &*run.head.hash) {
        Ok(())
    } else {
        Err(format!("stream `{}` does not end where its head says", run.head.stream))
    }
}
