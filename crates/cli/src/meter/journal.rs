//! A journal whose claims and commits are counted: how a worker is doing, seen from its own process.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use domain::{
    clock::Clock,
    event::NewEvent,
    id::{AccountId, RunId},
    limit::Limits,
    page::{Page, PageRequest},
    port::{Heard, Journal, Looked, RunFilter, StoreError, Work},
    run::{Claimed, Intervened, Intervention, Lease, NewRun, Run, Started},
    signal::{NewSignal, Signal},
    turn::{Committed, Turn},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};
use prometheus_client::{metrics::counter::Counter, registry::Registry};

/// Counters of a worker's turns. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub struct Turns {
    applied: Counter,
    lost: Counter,
    batches: Counter,
    /// Microseconds since 1970; 0 before the first.
    claimed_at: Arc<AtomicI64>,
}

impl Turns {
    /// Puts the counters where `/metrics` finds them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "playgate_turns",
            "Turns of runs that were committed.",
            self.applied.clone(),
        );
        registry.register(
            "playgate_turn_batches",
            "Transactions in which turns were committed.",
            self.batches.clone(),
        );
        registry.register(
            "playgate_leases_lost",
            "Turns that changed nothing, because somebody else held the run by then.",
            self.lost.clone(),
        );
    }

    /// When this process last asked for due runs and was answered, if it ever did.
    pub fn last_claim(&self) -> Option<Timestamp> {
        match self.claimed_at.load(Ordering::Relaxed) {
            0 => None,
            at => Timestamp::from_microsecond(at).ok(),
        }
    }

    /// A journal whose claims and commits are counted.
    pub fn journal(&self, inner: Arc<dyn Journal>, clock: Arc<dyn Clock>) -> Arc<dyn Journal> {
        Arc::new(Counted { inner, clock, turns: self.clone() })
    }
}

struct Counted {
    inner: Arc<dyn Journal>,
    clock: Arc<dyn Clock>,
    turns: Turns,
}

#[async_trait]
impl Journal for Counted {
    async fn claim_within(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Claimed>, StoreError> {
        let claimed = self.inner.claim_within(now, limit, ttl, limits).await?;
        let now = self.clock.now().as_microsecond();
        self.turns.claimed_at.store(now, Ordering::Relaxed);
        Ok(claimed)
    }

    async fn renew(&self, leases: &[Lease], ttl: SignedDuration) -> Result<Vec<bool>, StoreError> {
        self.inner.renew(leases, ttl).await
    }

    async fn give_back(&self, leases: &[Lease], until: Timestamp) -> Result<(), StoreError> {
        self.inner.give_back(leases, until).await
    }

    async fn commit(&self, turns: Vec<Turn>) -> Result<Vec<Committed>, StoreError> {
        let answers = self.inner.commit(turns).await?;
        if !answers.is_empty() {
            self.turns.batches.inc();
        }
        for answer in &answers {
            match answer {
                Committed::Applied => self.turns.applied.inc(),
                Committed::LostLease => self.turns.lost.inc(),
            };
        }
        Ok(answers)
    }

    async fn start(&self, runs: Vec<NewRun>, now: Timestamp) -> Result<Vec<Started>, StoreError> {
        self.inner.start(runs, now).await
    }

    async fn intervene(
        &self,
        run: RunId,
        what: &Intervention,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Intervened, StoreError> {
        self.inner.intervene(run, what, by, now).await
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.inner.run(id).await
    }

    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>, StoreError> {
        self.inner.runs(filter, page).await
    }

    async fn stirred(&self, work: Work) {
        self.inner.stirred(work).await;
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.next_wake().await
    }

    async fn signal(
        &self,
        signals: Vec<NewSignal>,
        now: Timestamp,
    ) -> Result<Vec<Signal>, StoreError> {
        self.inner.signal(signals, now).await
    }

    async fn untriggered_of(&self, heard: &[Heard], limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.inner.untriggered_of(heard, limit).await
    }

    async fn trigger(
        &self,
        looked: Vec<Looked>,
        now: Timestamp,
    ) -> Result<Vec<Option<Vec<Started>>>, StoreError> {
        self.inner.trigger(looked, now).await
    }

    async fn awaited(
        &self,
        account: AccountId,
        run: RunId,
        kind: &str,
        since: Timestamp,
    ) -> Result<Option<Signal>, StoreError> {
        self.inner.awaited(account, run, kind, since).await
    }

    async fn signals_of(&self, account: AccountId, limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.inner.signals_of(account, limit).await
    }

    async fn append(&self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        self.inner.append(events).await
    }
}
