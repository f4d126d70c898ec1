//! Settling an approval: a person's decision with everything it changes, if nobody was faster.

use domain::{
    port::StoreError,
    turn::{Settled, Settlement},
};
use jiff::Timestamp;

use crate::{approval, connection::Tx, open::Store, run, trail};

impl Store {
    pub(crate) async fn settle_approval(
        &self,
        settlement: Settlement,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        self.write(move |tx| Box::pin(settle(tx, settlement, now))).await
    }
}

async fn settle(
    tx: &mut Tx,
    settlement: Settlement,
    now: Timestamp,
) -> Result<Settled, StoreError> {
    let mut approval = settlement.approval;
    run::lock(tx, approval.run).await?;
    let stored = approval::revisions(tx, &[approval.id]).await?;
    if stored.get(&approval.id) != Some(&approval.revision) {
        return Ok(Settled::Conflict);
    }
    approval.revision += 1;
    let run = approval.run;
    approval::seal(tx, &settlement.contents).await?;
    approval::put(tx, &[approval]).await?;
    approval::enqueue(tx, settlement.outbox.as_slice(), now).await?;
    if settlement.wake {
        run::wake(tx, run, now).await?;
    }
    trail::append(tx, &settlement.events).await?;
    Ok(Settled::Applied)
}
