//! Reads the audit trail and checks every event, chain and checkpoint of it.

use domain::{
    chain::{self, Verifier},
    event::StoredEvent,
    port::{Ledger, StoreError},
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

/// Checks everything. `progress` hears how many events were checked so far.
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
        for head in heads {
            report.streams += 1;
            let mut verifier = Verifier::new(&head.stream);
            let mut fault = None;
            loop {
                let (seq, _) = verifier.head();
                let events = ledger.events(&head.stream, seq, BATCH).await?;
                if events.is_empty() {
                    break;
                }
                // What was appended since the head was read is the next verification's business.
                let events: Vec<_> =
                    events.into_iter().filter(|event| event.seq <= head.seq).collect();
                report.events += events.len() as u64;
                progress(report.events);
                fault = events.iter().find_map(|event| verifier.next(event).err());
                if fault.is_some() || verifier.head().0 >= head.seq {
                    break;
                }
                if events.is_empty() {
                    break;
                }
            }
            match fault {
                Some(fault) => report.faults.push(fault.to_string()),
                None if verifier.head() != (head.seq, &head.hash) => report.faults.push(format!(
                    "stream `{}` ends at event {}, its head says {}",
                    head.stream,
                    verifier.head().0,
                    head.seq
                )),
                None => {}
            }
        }
    }
    verify_checkpoints(ledger, &mut report).await?;
    report.intact = report.faults.is_empty();
    Ok(report)
}

async fn verify_checkpoints(
    ledger: &dyn Ledger,
    report: &mut AuditReport,
) -> Result<(), StoreError> {
    let mut prev = chain::GENESIS.to_vec();
    let mut number = 1;
    while let Some(checkpoint) = ledger.checkpoint_at(number).await? {
        report.checkpoints += 1;
        let root = chain::root(
            checkpoint.heads.iter().map(|head| (head.stream.as_str(), head.seq, &*head.hash)),
        );
        let hash = chain::checkpoint(&prev, number, checkpoint.at, &root);
        if checkpoint.prev != prev || checkpoint.root != root || checkpoint.hash != hash {
            report.faults.push(format!("checkpoint {number} was changed after it was taken"));
        }
        for head in &checkpoint.heads {
            let event = ledger.events(&head.stream, head.seq - 1, 1).await?;
            if event.first().is_none_or(|event| event.seq != head.seq || event.hash != head.hash) {
                report.faults.push(format!(
                    "event {} of stream `{}` is not the one checkpoint {number} covers",
                    head.seq, head.stream
                ));
            }
        }
        prev = checkpoint.hash;
        number += 1;
    }
    Ok(())
}
