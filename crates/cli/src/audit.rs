//! Reads the audit trail and checks every event, chain and checkpoint of it.

use std::collections::HashMap;

use domain::{
    archive::{self, Archive, ArchiveKind, Archived},
    chain::{self, Verifier},
    event::{Event, StoredEvent, Stream},
    port::{Checkpoint, Ledger, StoreError, StreamHead},
};
use server::AuditReport;

const BATCH: u32 = 1000;

/// Every event of a stream, in order.
pub async fn stream(ledger: &dyn Ledger, name: &str) -> Result<Vec<StoredEvent>, StoreError> {
    let mut events: Vec<StoredEvent> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.seq);
        let more = ledger.events(name, after, BATCH).await?;
        if more.is_empty() {
            return Ok(events);
        }
        events.extend(more);
    }
}

/// Checks everything there is in the database. `progress` hears how many events were checked so
/// far. What is in archive files is taken as the database and the trail say it is; whether the
/// files hold it, [`crate::archive::check`] says.
pub async fn verify(
    ledger: &dyn Ledger,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<AuditReport, StoreError> {
    let mut report = AuditReport { intact: true, ..AuditReport::default() };
    let mut after = String::new();
    loop {
        let heads = ledger.heads(&after, BATCH).await?;
        let Some(last) = heads.last() else { break };
        after.clone_from(&last.stream);
        let archived = archived_ends(ledger, &heads).await?;
        for head in heads {
            report.streams += 1;
            let ends = archived.get(&head.stream).map_or(&[][..], Vec::as_slice);
            report.archived += u64::from(!ends.is_empty());
            if let Err(fault) = verify_stream(ledger, &head, ends, &mut report, progress).await? {
                report.faults.push(fault);
            }
        }
    }
    let archives = archives(ledger).await?;
    verify_archives(ledger, &archives, &mut report).await?;
    verify_checkpoints(ledger, &archives, &mut report).await?;
    report.intact = report.faults.is_empty();
    Ok(report)
}

/// What of these streams is in files, in order.
async fn archived_ends(
    ledger: &dyn Ledger,
    heads: &[StreamHead],
) -> Result<HashMap<String, Vec<StreamHead>>, StoreError> {
    let names: Vec<&str> = heads.iter().map(|head| head.stream.as_str()).collect();
    let mut ends: HashMap<String, Vec<StreamHead>> = HashMap::new();
    for Archived { head, .. } in ledger.archived_of(&names).await? {
        ends.entry(head.stream.clone()).or_default().push(head);
    }
    Ok(ends)
}

/// Checks a stream from where its events in the database begin: the start, or the end of what is
/// in a file.
async fn verify_stream(
    ledger: &dyn Ledger,
    head: &StreamHead,
    archived: &[StreamHead],
    report: &mut AuditReport,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Result<(), String>, StoreError> {
    if archived.last() == Some(head) {
        // All of it is in files, and at most on its way out of the database.
        return Ok(Ok(()));
    }
    let mut verifier: Option<Verifier> = None;
    loop {
        let seq = verifier.as_ref().map_or(0, |verifier| verifier.head().0);
        let events = ledger.events(&head.stream, seq, BATCH).await?;
        let Some(first) = events.first() else { break };
        let checking = verifier.get_or_insert_with(|| {
            match archived.iter().rev().find(|end| end.seq < first.seq) {
                Some(end) => Verifier::after(&head.stream, end.seq, &end.hash),
                None => Verifier::new(&head.stream),
            }
        });
        // What was appended since the head was read is the next verification's business.
        let events: Vec<_> = events.into_iter().filter(|event| event.seq <= head.seq).collect();
        report.events += events.len() as u64;
        progress(report.events);
        if let Err(broken) = events.iter().try_for_each(|event| checking.next(event)) {
            return Ok(Err(broken.to_string()));
        }
        if events.is_empty() || checking.head().0 >= head.seq {
            break;
        }
    }
    let (seq, hash) = verifier.as_ref().map_or((0, &chain::GENESIS[..]), Verifier::head);
    if (seq, hash) == (head.seq, &*head.hash) {
        return Ok(Ok(()));
    }
    Ok(Err(format!("stream `{}` ends at event {seq}, its head says {}", head.stream, head.seq)))
}

/// Every archive the database knows.
pub async fn archives(ledger: &dyn Ledger) -> Result<Vec<Archive>, StoreError> {
    let mut archives: Vec<Archive> = Vec::new();
    loop {
        let after = archives.last().map_or(0, |archive| archive.number);
        let more = ledger.archives(after, BATCH).await?;
        if more.is_empty() {
            return Ok(archives);
        }
        archives.extend(more);
    }
}

/// The ends of all streams an archive holds.
pub async fn ends_in(ledger: &dyn Ledger, archive: i64) -> Result<Vec<StreamHead>, StoreError> {
    let mut ends: Vec<StreamHead> = Vec::new();
    loop {
        let after = ends.last().map_or_else(String::new, |end| end.stream.clone());
        let more = ledger.archived_in(archive, &after, BATCH).await?;
        if more.is_empty() {
            return Ok(ends);
        }
        ends.extend(more.into_iter().map(|archived| archived.head));
    }
}

/// Checks that what the database says is in files is what the trail says went there.
async fn verify_archives(
    ledger: &dyn Ledger,
    archives: &[Archive],
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut noted = HashMap::new();
    for event in stream(ledger, &Stream::History.to_string()).await? {
        if let Ok(Event::HistoryArchived { file, kind, sha256, items, root, .. }) =
            serde_json::from_str(&event.data)
        {
            noted.insert(file, (kind, sha256, items, root));
        }
    }
    for archive in archives {
        let says = (archive.kind, archive.sha256.clone(), archive.items, archive.root.clone());
        if noted.remove(&archive.name) != Some(says) {
            report.faults.push(format!(
                "the database says of archive `{}` what the trail does not say",
                archive.name
            ));
        }
        let root = match archive.kind {
            ArchiveKind::Runs | ArchiveKind::Streams => {
                archive::root_of_heads(&ends_in(ledger, archive.number).await?)
            }
            ArchiveKind::Checkpoints => {
                archive::root_of_checkpoints(&ledger.checkpoints_in(archive.number).await?)
            }
        };
        if hex::encode(root) != archive.root {
            report.faults.push(format!(
                "what the database says is in archive `{}` is not what went there",
                archive.name
            ));
        }
    }
    for name in noted.keys() {
        report.faults.push(format!("the database does not know archive `{name}`"));
    }
    Ok(())
}

async fn verify_checkpoints(
    ledger: &dyn Ledger,
    archives: &[Archive],
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut prev = chain::GENESIS.to_vec();
    let mut number = 1;
    while let Some(checkpoint) = ledger.checkpoint_at(number).await? {
        report.checkpoints += 1;
        // Its heads may be in a file: what is noted there was checked with the archive.
        let filed = checkpoint.archive.is_some_and(|of| {
            let holds = |one: &Archive| one.number == of && one.kind == ArchiveKind::Checkpoints;
            archives.iter().any(holds)
        });
        let root = if filed { checkpoint.root.clone() } else { root_of(&checkpoint).to_vec() };
        let hash = chain::checkpoint(&prev, number, checkpoint.at, &root);
        if checkpoint.prev != prev || checkpoint.root != root || checkpoint.hash != hash {
            report.faults.push(format!("checkpoint {number} was changed after it was taken"));
        }
        if !filed {
            verify_heads(ledger, &checkpoint, report).await?;
        }
        prev = checkpoint.hash;
        number += 1;
    }
    Ok(())
}

/// The Merkle root over the heads of a checkpoint.
pub fn root_of(checkpoint: &Checkpoint) -> chain::Hash {
    chain::root(checkpoint.heads.iter().map(|head| (head.stream.as_str(), head.seq, &*head.hash)))
}

async fn verify_heads(
    ledger: &dyn Ledger,
    checkpoint: &Checkpoint,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let archived = archived_ends(ledger, &checkpoint.heads).await?;
    for head in &checkpoint.heads {
        let event = ledger.events(&head.stream, head.seq - 1, 1).await?;
        let here = event.first().filter(|event| event.seq == head.seq);
        let covered = if let Some(event) = here {
            event.hash == head.hash
        } else {
            // It is in a file. Where a stretch ends with it, the hash is known here too.
            let ends = archived.get(&head.stream).map_or(&[][..], Vec::as_slice);
            match ends.iter().find(|end| end.seq >= head.seq) {
                Some(end) => end.seq > head.seq || end.hash == head.hash,
                None => false,
            }
        };
        if !covered {
            report.faults.push(format!(
                "event {} of stream `{}` is not the one checkpoint {} covers",
                head.seq, head.stream, checkpoint.number
            ));
        }
    }
    Ok(())
}
