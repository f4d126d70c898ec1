//! Reads archive files again, and checks each event in them against what the database kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use domain::{
    archive::{Archive, ArchiveKind},
    chain::{self, Verifier},
    content::Sealed,
    event::{Event, StoredEvent},
    port::{Ledger, StreamHead},
};
use server::AuditReport;

use crate::{
    archive::{
        file::{self, Reading},
        line::{CheckpointLine, Head, RunLine, StretchLine},
    },
    audit,
};

/// Checks every archive file. What is wrong is added to the report; the answer is what is only
/// worth knowing: files in the folder that the database does not know.
pub async fn files(
    ledger: &dyn Ledger,
    folder: &Path,
    report: &mut AuditReport,
    progress: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<Vec<String>> {
    let archives = audit::archives(ledger).await?;
    for archive in &archives {
        let before = report.faults.len();
        if let Err(err) = one(ledger, folder, archive, report, progress).await {
            report.faults.push(format!("archive `{}`: {err:#}", archive.name));
        }
        // A change that shows nowhere else: in what only the hash of the whole file covers.
        let path = folder.join(&archive.name);
        if let Ok((sha256, _)) = file::fingerprint(&path)
            && sha256 != archive.sha256
        {
            report.faults.insert(
                before,
                format!("archive `{}` was changed after it was written", archive.name),
            );
        }
    }
    report.intact = report.faults.is_empty();
    let known: BTreeSet<&str> = archives.iter().map(|archive| archive.name.as_str()).collect();
    Ok(leftovers(folder, &known))
}

/// Files of ours that no archive is: a pass died before it noted them, and their rows stayed.
pub fn leftovers(folder: &Path, known: &BTreeSet<&str>) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.contains(".jsonl.gz") && !known.contains(name.as_str()))
        .collect();
    names.sort();
    names
}

async fn one(
    ledger: &dyn Ledger,
    folder: &Path,
    archive: &Archive,
    report: &mut AuditReport,
    progress: &(dyn Fn(u64) + Sync),
) -> anyhow::Result<()> {
    let mut reading = Reading::open(&folder.join(&archive.name))?;
    anyhow::ensure!(
        reading.header.kind == archive.kind,
        "it holds {}, the database says {}",
        reading.header.kind,
        archive.kind
    );
    let mut check = Check { archive, report, progress };
    match archive.kind {
        ArchiveKind::Runs => {
            let mut ends = ends(ledger, archive).await?;
            while let Some(line) = reading.line::<RunLine>()? {
                check.run(&line, &mut ends);
            }
            check.missing(&ends);
        }
        ArchiveKind::Streams => {
            let mut ends = ends(ledger, archive).await?;
            while let Some(line) = reading.line::<StretchLine>()? {
                let before = ledger.archived_of(&[&line.stream]).await?;
                let before = before.iter().rev().find(|end| end.head.seq < line.head.seq);
                let from = before.map_or_else(
                    || Head { seq: 0, hash: chain::GENESIS.to_vec() },
                    |end| Head::from(&end.head),
                );
                check.stretch(&line, &from, &mut ends);
            }
            check.missing(&ends);
        }
        ArchiveKind::Checkpoints => {
            let mut kept: BTreeMap<i64, Vec<u8>> =
                ledger.checkpoints_in(archive.number).await?.into_iter().collect();
            while let Some(line) = reading.line::<CheckpointLine>()? {
                check.checkpoint(&line, kept.remove(&line.number).as_deref());
            }
            for number in kept.keys() {
                check.fault(&format!("checkpoint {number} is missing"));
            }
        }
    }
    Ok(())
}

async fn ends(
    ledger: &dyn Ledger,
    archive: &Archive,
) -> anyhow::Result<HashMap<String, StreamHead>> {
    let ends = audit::ends_in(ledger, archive.number).await?;
    Ok(ends.into_iter().map(|end| (end.stream.clone(), end)).collect())
}

struct Check<'a> {
    archive: &'a Archive,
    report: &'a mut AuditReport,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Check<'_> {
    fn fault(&mut self, what: &str) {
        self.report.faults.push(format!("archive `{}`: {what}", self.archive.name));
    }

    fn events(&mut self, mut verifier: Verifier, events: &[StoredEvent], head: &Head) -> bool {
        self.report.events += events.len() as u64;
        (self.progress)(self.report.events);
        if let Err(broken) = events.iter().try_for_each(|event| verifier.next(event)) {
            self.fault(&broken.to_string());
            return false;
        }
        verifier.head() == (head.seq, &*head.hash)
    }

    fn run(&mut self, line: &RunLine, ends: &mut HashMap<String, StreamHead>) {
        let name = line.run.to_string();
        let faults = self.report.faults.len();
        let events = line.stored();
        let whole = self.events(Verifier::new(&name), &events, &line.head);
        let kept = ends.remove(&name).is_some_and(|end| Head::from(&end) == line.head);
        if self.report.faults.len() == faults && !(whole && kept) {
            self.fault(&format!("the events of stream `{name}` are not those that were archived"));
        }
        let known = hashes(&events);
        for content in &line.contents {
            let sealed = Sealed::from(content);
            if known.get(&content.id.to_string()).is_some_and(|hash| *hash != sealed.hash()) {
                self.fault(&format!("content `{}` of run `{name}` was changed", content.id));
            }
        }
    }

    fn stretch(&mut self, line: &StretchLine, from: &Head, ends: &mut HashMap<String, StreamHead>) {
        let faults = self.report.faults.len();
        let events = line.stored();
        let verifier = Verifier::after(&line.stream, from.seq, &from.hash);
        let whole = self.events(verifier, &events, &line.head);
        let kept = ends.remove(&line.stream).is_some_and(|end| Head::from(&end) == line.head);
        if self.report.faults.len() == faults && !(whole && kept) {
            self.fault(&format!(
                "the events of stream `{}` are not those that were archived",
                line.stream
            ));
        }
    }

    fn checkpoint(&mut self, line: &CheckpointLine, kept: Option<&[u8]>) {
        let root = chain::root(
            line.heads.iter().map(|(stream, head)| (stream.as_str(), head.seq, &*head.hash)),
        );
        let hash = chain::checkpoint(&line.prev, line.number, line.at, &root);
        if line.hash != hash || kept != Some(&hash[..]) {
            self.fault(&format!("checkpoint {} was changed", line.number));
        }
    }

    fn missing(&mut self, ends: &HashMap<String, StreamHead>) {
        let mut names: Vec<_> = ends.keys().collect();
        names.sort();
        for name in names {
            self.fault(&format!("stream `{name}` is missing"));
        }
    }
}

/// The hashes of ciphertexts that events of a run refer to, by content.
fn hashes(events: &[StoredEvent]) -> HashMap<String, String> {
    events
        .iter()
        .filter_map(|event| match serde_json::from_str(&event.data).ok()? {
            Event::DraftWritten { content, content_hash, .. }
            | Event::ApprovalEdited { content, content_hash, .. } => {
                Some((content.to_string(), content_hash))
            }
            _ => None,
        })
        .collect()
}
