//! The worker: claims due runs, advances them, commits in groups, and drains the outbox.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use domain::{
    port::{Ledger, StoreError, Work},
    run::Claimed,
    turn::Committed,
};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, debug, error, info_span, warn};
use uuid::Uuid;

use crate::{
    active::Active, advance::Advancer, commit::Committer, delivery::Delivery, ports::Ports,
    settings::Settings, trigger::Triggers, turn::Draft,
};

/// How often schedules are looked at.
const SCHEDULES: Duration = Duration::from_secs(5);

/// How long the last checkpoint may take of somebody who was told to stop.
const LAST: Duration = Duration::from_secs(2);

/// How soon a run is tried again that could not be worked on through no fault of its own.
const AGAIN: Duration = Duration::from_secs(2);

/// Runs everything that moves by itself.
#[derive(Clone)]
pub struct Worker {
    ports: Ports,
    settings: Settings,
    ledger: Arc<dyn Ledger>,
    advancer: Advancer,
    /// How often it looks for work nobody told it of; a little different in every process.
    poll: Duration,
}

impl Worker {
    /// A worker over these doors.
    pub fn new(ports: Ports, ledger: Arc<dyn Ledger>, settings: Settings) -> Self {
        let active = Active::new(&ports);
        let advancer =
            Advancer { ports: ports.clone(), active, limits: Arc::new(settings.limits.clone()) };
        let poll = spread(settings.poll, ports.clock.uuid());
        Self { ports, settings, ledger, advancer, poll }
    }

    /// Works until told to stop; then takes nothing new, finishes what is in hand and returns.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(
            self.advance_until(stop.clone()),
            self.deliver_until(stop.clone()),
            self.trigger_until(stop.clone()),
            self.checkpoint_until(stop),
        );
    }

    /// Works until nothing is due at this moment any more; for tests and the demo.
    pub async fn settle(&self) {
        let delivery = Delivery::new(self.ports.clone(), self.settings.clone());
        loop {
            self.settle_runs().await;
            match delivery.drain().await {
                Ok(0) => return,
                Ok(_) => {}
                Err(err) => {
                    warn!(error = %err, "outbox could not be drained");
                    return;
                }
            }
        }
    }

    /// Lets triggers fire and runs advance until nothing is due at this moment; sends nothing.
    pub async fn settle_runs(&self) {
        let triggers = Triggers::new(self.ports.clone());
        loop {
            let signals = match triggers.process_signals().await {
                Ok(count) => count,
                Err(err) => {
                    warn!(error = %err, "signals could not be processed");
                    0
                }
            };
            if signals + self.advance_due().await == 0 {
                return;
            }
        }
    }

    /// Claims what is due now and advances it as far as it goes; tells how many runs were claimed.
    pub async fn advance_due(&self) -> usize {
        let committer = self.committer();
        let claimed = match self.claim(self.settings.claim).await {
            Ok(claimed) => claimed,
            Err(err) => {
                warn!(error = %err, "runs could not be claimed");
                return 0;
            }
        };
        let count = claimed.len();
        let tracker = TaskTracker::new();
        for run in claimed {
            let worker = self.clone();
            let committer = committer.clone();
            let advancing = committer.expect();
            tracker.spawn(async move {
                worker.advance(run, &committer).await;
                drop(advancing);
            });
        }
        tracker.close();
        tracker.wait().await;
        count
    }

    async fn advance_until(&self, stop: CancellationToken) {
        let committer = self.committer();
        let slots = Arc::new(Semaphore::new(self.settings.concurrency));
        let tracker = TaskTracker::new();
        while !stop.is_cancelled() {
            // Waits until there is room for one; then takes as many as there is room for.
            let Ok(room) = slots.acquire().await else { break };
            drop(room);
            let free = u32::try_from(slots.available_permits()).unwrap_or(u32::MAX);
            let limit = self.settings.claim.min(free).max(1);
            let claimed = match self.claim(limit).await {
                Ok(claimed) => claimed,
                Err(err) => {
                    warn!(error = %err, "runs could not be claimed");
                    self.pause(&stop, Duration::from_secs(1)).await;
                    continue;
                }
            };
            if claimed.is_empty() {
                self.rest(&stop, Work::Runs).await;
                continue;
            }
            let batch = TaskTracker::new();
            for run in claimed {
                let Ok(permit) = Arc::clone(&slots).acquire_owned().await else { break };
                let worker = self.clone();
                let committer = committer.clone();
                let advancing = committer.expect();
                tracker.spawn(batch.track_future(async move {
                    worker.advance(run, &committer).await;
                    drop((permit, advancing));
                }));
            }
            batch.close();
            // Claimed one by one as they come, runs would be committed one by one.
            tokio::select! {
                () = batch.wait() => {}
                () = self.ports.timer.sleep(self.settings.pace) => {}
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    fn committer(&self) -> Committer {
        let Ports { journal, timer, .. } = &self.ports;
        Committer::start(Arc::clone(journal), Arc::clone(timer), self.settings.gather)
    }

    async fn claim(&self, limit: u32) -> Result<Vec<Claimed>, StoreError> {
        let (now, settings) = (self.ports.clock.now(), &self.settings);
        self.ports.journal.claim_within(now, limit, settings.lease, &settings.limits).await
    }

    /// Advances one claimed run for as long as it keeps its lease.
    async fn advance(&self, mut claimed: Claimed, committer: &Committer) {
        let span = info_span!("advance", run.id = %claimed.run.id, playbook = claimed.run.playbook);
        async {
            loop {
                let turn = match self.turn_under_lease(&claimed).await {
                    Some(Ok(turn)) => turn,
                    Some(Err(err)) if err.is_transient() => {
                        warn!(error = %err, "run could not be advanced yet");
                        return self.give_back(&claimed).await;
                    }
                    Some(Err(err)) => {
                        error!(error = %err, "run cannot be advanced");
                        Draft::new(&claimed, self.ports.clock.now())
                            .stuck("cannot-advance", format!("{err}; retry once it is mended"))
                    }
                    None => {
                        debug!("lease was lost while the run was advanced");
                        return;
                    }
                };
                let (keep, progress) = (turn.keep, turn.progress.clone());
                match committer.commit(turn).await {
                    Some(Ok(Committed::Applied)) if keep => claimed.run.progress = progress,
                    Some(Ok(Committed::Applied)) => return,
                    Some(Ok(Committed::LostLease)) => {
                        debug!("lease was lost before the turn was committed");
                        return;
                    }
                    Some(Err(err)) if err.is_transient() => {
                        warn!(error = %err, "turn could not be committed yet");
                        return self.give_back(&claimed).await;
                    }
                    Some(Err(err)) => {
                        error!(error = %err, "turn cannot be committed");
                        let why = format!("{err}; see the log, then retry the run");
                        let stuck = Draft::new(&claimed, self.ports.clock.now())
                            .stuck("cannot-commit", why);
                        // If even this fails, the run is claimed again when its lease ends.
                        let _last_try = committer.commit(stuck).await;
                        return;
                    }
                    None => {
                        error!("committer is gone");
                        return;
                    }
                }
            }
        }
        .instrument(span)
        .await;
    }

    /// Lets go of a run with which nothing is wrong, to be tried again soon. Whatever hinders may
    /// hinder this too: then it is tried for as long as the lease lasts.
    async fn give_back(&self, claimed: &Claimed) {
        let lease =
            Duration::from_millis(u64::try_from(self.settings.lease.as_millis()).unwrap_or(30_000));
        let trying = async {
            loop {
                // Those who were hindered together do not come back together.
                let until = self.ports.clock.now() + spread(AGAIN, self.ports.clock.uuid());
                match self.ports.journal.give_back(&[claimed.lease], until).await {
                    Ok(()) => return,
                    Err(err) => debug!(error = %err, "lease could not be given back yet"),
                }
                self.ports.timer.sleep(spread(AGAIN, self.ports.clock.uuid())).await;
            }
        };
        let over = self.ports.timer.sleep(lease);
        // Nobody to tell: whoever claims it next finds the lease at its end.
        tokio::select! {
            biased;
            () = trying => {}
            () = over => {}
        }
    }

    /// One turn, with the lease renewed while it lasts (a model may take a minute).
    async fn turn_under_lease(
        &self,
        claimed: &Claimed,
    ) -> Option<Result<domain::turn::Turn, crate::advance::AdvanceError>> {
        let third = Duration::from_millis(
            u64::try_from(self.settings.lease.as_millis() / 3).unwrap_or(10_000),
        );
        let mut beat = self.ports.timer.sleep(third);
        // A panic in one run must neither take the worker down nor come back for ever.
        let turn = AssertUnwindSafe(self.advancer.turn(claimed)).catch_unwind();
        tokio::pin!(turn);
        loop {
            tokio::select! {
                // A turn that is done needs no longer lease.
                biased;
                done = &mut turn => {
                    return Some(done.unwrap_or_else(|_| {
                        let now = self.ports.clock.now();
                        let why = "the program failed on this step; see its log".to_owned();
                        Ok(Draft::new(claimed, now).stuck("program-error", why))
                    }));
                }
                () = &mut beat => {
                    beat = self.ports.timer.sleep(third);
                    let leases = [claimed.lease];
                    match self.ports.journal.renew(&leases, self.settings.lease).await {
                        Ok(held) if held.first() == Some(&true) => {}
                        Ok(_) => return None,
                        Err(err) => warn!(error = %err, "lease could not be renewed"),
                    }
                }
            }
        }
    }

    async fn deliver_until(&self, stop: CancellationToken) {
        let delivery = Delivery::new(self.ports.clone(), self.settings.clone());
        delivery.run(&stop, || self.rest(&stop, Work::Outbox)).await;
    }

    async fn trigger_until(&self, stop: CancellationToken) {
        let triggers = Triggers::new(self.ports.clone());
        let mut look = self.ports.timer.sleep(SCHEDULES);
        if let Err(err) = triggers.sync_schedules().await {
            warn!(error = %err, "schedules could not be set");
        }
        while !stop.is_cancelled() {
            match triggers.process_signals().await {
                Ok(0) => self.rest(&stop, Work::Signals).await,
                Ok(_) => {}
                Err(err) => {
                    warn!(error = %err, "signals could not be processed");
                    self.pause(&stop, Duration::from_secs(1)).await;
                }
            }
            if (&mut look).now_or_never().is_some() {
                look = self.ports.timer.sleep(SCHEDULES);
                if let Err(err) = triggers.process_schedules().await {
                    warn!(error = %err, "schedules could not be processed");
                }
            }
        }
    }

    async fn checkpoint_until(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.ports.timer.sleep(self.settings.checkpoint) => {}
            }
            let taken = tokio::select! {
                taken = self.ledger.checkpoint(self.ports.clock.now()) => taken,
                // What is left is covered by the next one, whoever takes it.
                () = async { stop.cancelled().await; tokio::time::sleep(LAST).await } => return,
            };
            match taken {
                Ok(Some(number)) => debug!(number, "audit checkpoint taken"),
                Ok(None) => {}
                Err(err) => warn!(error = %err, "audit checkpoint could not be taken"),
            }
        }
    }

    /// Waits, or until told to stop.
    async fn pause(&self, stop: &CancellationToken, most: Duration) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.ports.timer.sleep(most) => {}
        }
    }

    /// Waits until there may be work of a kind, or it is time to look.
    async fn rest(&self, stop: &CancellationToken, work: Work) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.ports.journal.stirred(work) => {}
            () = self.ports.timer.sleep(self.poll) => {}
        }
    }
}

/// A length of time less up to a fifth, so that processes started together do not look together.
fn spread(most: Duration, by: Uuid) -> Duration {
    let [.., last] = *by.as_bytes();
    most.saturating_sub(most / 5 * u32::from(last) / 255)
}
