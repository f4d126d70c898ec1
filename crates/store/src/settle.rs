//! Settling approvals: people's decisions with everything they change, if nobody was faster.

use std::collections::BTreeSet;

use domain::{
    id::{ApprovalId, RunId},
    port::StoreError,
    turn::{Settled, Settlement},
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{approval, connection::Tx, open::Store, run, trail};

impl Store {
    pub(crate) async fn settle_approval(
        &self,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let decided = (settlement, now);
        self.gatherers().settlements.ask(self, decided).await
    }
}

/// The decisions of all who decide.
pub(crate) fn settle_each(
    tx: &mut Tx,
    decided: Vec<(Settlement, Timestamp)>,
) -> BoxFuture<'_, Result<Vec<Settled>, StoreError>> {
    Box::pin(settle(tx, decided))
}

async fn settle(
    tx: &mut Tx,
    decided: Vec<(Settlement, Timestamp)>,
) -> Result<Vec<Settled>, StoreError> {
    let runs: BTreeSet<RunId> = decided.iter().map(|(of, _)| of.approval.run).collect();
    run::lock_all(tx, &runs).await?;
    let ids: BTreeSet<ApprovalId> = decided.iter().map(|(of, _)| of.approval.id).collect();
    let ids: Vec<ApprovalId> = ids.into_iter().collect();
    let mut stored = approval::revisions(tx, &ids).await?;

    let mut answers = Vec::with_capacity(decided.len());
    let (mut contents, mut approvals, mut outbox) = (Vec::new(), Vec::new(), Vec::new());
    let (mut woken, mut events) = (Vec::new(), Vec::new());
    let mut first = Timestamp::MAX;
    for (settlement, now) in decided {
        let mut approval = settlement.approval;
        // Taken out, so that of two decisions on one approval in one batch the second is too late.
        if stored.remove(&approval.id) != Some(approval.revision) {
            answers.push(Settled::Conflict);
            continue;
        }
        answers.push(Settled::Applied);
        approval.revision += 1;
        if settlement.wake {
            woken.push(approval.run);
        }
        first = first.min(now);
        approvals.push(approval);
        contents.extend(settlement.contents);
        outbox.extend(settlement.outbox);
        events.extend(settlement.events);
    }
    if approvals.is_empty() {
        return Ok(answers);
    }
    approval::seal(tx, &contents).await?;
    approval::put(tx, &approvals).await?;
    approval::enqueue(tx, &outbox, first).await?;
    run::wake_all(tx, woken, &[], first).await?;
    trail::append(tx, &events).await?;
    Ok(answers)
}
