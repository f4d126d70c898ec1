//! The doors of one process to its database, each call through the gate: runs, signals, the trail.

use std::{
    fmt::Display,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use domain::{
    archive::{Archive, Archived},
    event::{NewEvent, StoredEvent},
    id::{AccountId, RunId, SignalId},
    limit::Limits,
    page::{Page, PageRequest},
    port::{
        Ask, Checkpoint, Grant, Journal, Ledger, Rates, RunFilter, StoreError, StreamHead, Work,
    },
    rate::Rate,
    run::{Claimed, Intervened, Intervention, Lease, NewRun, Run, Started},
    signal::{NewSignal, Signal},
    turn::{Committed, Turn},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};
use store::Store;

use super::{
    book::Book,
    gate::{Fate, Gate, Kind},
    sync::Backstage,
};

/// One process's way to its database.
#[derive(Clone)]
pub struct Doors {
    /// Where its calls wait.
    pub gate: Arc<Gate>,
    /// The real thing.
    pub store: Store,
    /// Where the real thing does its work.
    pub backstage: Arc<Backstage>,
    /// What really happened.
    pub book: Arc<Mutex<Book>>,
}

/// The error of a database that was made to fail.
pub fn injected(transient: bool) -> StoreError {
    StoreError::new(transient, "the simulation let it fail")
}

impl Doors {
    /// The book, for a moment.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call through as the world wills.
    pub async fn pass<T, E: From<StoreError>>(
        &self,
        name: &'static str,
        kind: Kind,
        about: impl Display + Send,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        match self.gate.pass(name, kind, about.to_string()).await {
            Fate::Go | Fate::Lost => self.backstage.wait(call),
            Fate::Fails(transient) => Err(injected(transient).into()),
            Fate::FailsAfter => {
                // It is done all the same; nobody hears of it.
                let _unheard = self.backstage.wait(call);
                Err(injected(true).into())
            }
            Fate::DiesAfter => {
                let _unheard = self.backstage.wait(call);
                self.gate.die().await
            }
        }
    }
}

fn count<T>(of: &[T]) -> String {
    format!("{} of them", of.len())
}

#[async_trait]
impl Journal for Doors {
    async fn claim_within(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Claimed>, StoreError> {
        let call = async {
            let before = self.book().leases();
            let claimed = self.store.claim_within(now, limit, ttl, limits).await?;
            self.book().claimed(&before, &claimed, limits);
            Ok(claimed)
        };
        self.pass("claim", Kind::Write, limit, call).await
    }

    async fn renew(&self, leases: &[Lease], ttl: SignedDuration) -> Result<Vec<bool>, StoreError> {
        let call = async {
            let before = self.book().leases();
            let held = self.store.renew(leases, ttl).await?;
            self.book().renewed(&before, leases, &held);
            Ok(held)
        };
        self.pass("renew", Kind::Write, count(leases), call).await
    }

    async fn commit(&self, turns: Vec<Turn>) -> Result<Vec<Committed>, StoreError> {
        let about = turns.iter().map(|turn| turn.lease.run.to_string()).collect::<Vec<_>>();
        let leases: Vec<Lease> = turns.iter().map(|turn| turn.lease).collect();
        let call = async {
            let before = self.book().leases();
            let answers = self.store.commit(turns).await?;
            self.book().committed(&before, &leases, &answers);
            Ok(answers)
        };
        self.pass("commit", Kind::Write, about.join(" "), call).await
    }

    async fn start(&self, runs: Vec<NewRun>, now: Timestamp) -> Result<Vec<Started>, StoreError> {
        self.pass("start", Kind::Write, count(&runs), self.store.start(runs.clone(), now)).await
    }

    async fn intervene(
        &self,
        run: RunId,
        what: &Intervention,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Intervened, StoreError> {
        let about = format!("{} {run}", what.done());
        self.pass("intervene", Kind::Write, about, self.store.intervene(run, what, by, now)).await
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.pass("run", Kind::Read, id, self.store.run(id)).await
    }

    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>, StoreError> {
        self.pass("runs", Kind::Read, "", self.store.runs(filter, page)).await
    }

    async fn stirred(&self, work: Work) {
        self.store.stirred(work).await;
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.pass("next wake", Kind::Read, "", self.store.next_wake()).await
    }

    async fn signal(
        &self,
        signals: Vec<NewSignal>,
        now: Timestamp,
    ) -> Result<Vec<Signal>, StoreError> {
        let about = signals.iter().map(|signal| signal.kind.as_str()).collect::<Vec<_>>().join(" ");
        self.pass("signal", Kind::Write, about, self.store.signal(signals.clone(), now)).await
    }

    async fn untriggered(&self, limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.pass("untriggered", Kind::Read, "", self.store.untriggered(limit)).await
    }

    async fn triggered(&self, signals: &[SignalId]) -> Result<(), StoreError> {
        self.pass("triggered", Kind::Write, count(signals), self.store.triggered(signals)).await
    }

    async fn awaited(
        &self,
        account: AccountId,
        run: RunId,
        kind: &str,
        since: Timestamp,
    ) -> Result<Option<Signal>, StoreError> {
        let about = format!("{kind} {run}");
        let call = self.store.awaited(account, run, kind, since);
        self.pass("awaited", Kind::Read, about, call).await
    }

    async fn signals_of(&self, account: AccountId, limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.pass("signals of", Kind::Read, account, self.store.signals_of(account, limit)).await
    }

    async fn append(&self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        self.pass("append", Kind::Write, count(&events), self.store.append(events.clone())).await
    }
}

#[async_trait]
impl Rates for Doors {
    async fn take(&self, ask: &Ask, now: Timestamp) -> Result<Grant, StoreError> {
        self.pass("take", Kind::Write, &ask.key, self.store.take(ask, now)).await
    }

    async fn spent(
        &self,
        rates: &[(String, Rate)],
        now: Timestamp,
    ) -> Result<std::collections::BTreeMap<String, Timestamp>, StoreError> {
        self.pass("spent", Kind::Read, "", self.store.spent(rates, now)).await
    }

    async fn charge(&self, ask: &Ask, now: Timestamp) -> Result<(), StoreError> {
        self.pass("charge", Kind::Write, &ask.key, self.store.charge(ask, now)).await
    }
}

#[async_trait]
impl Ledger for Doors {
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn events(
        &self,
        stream: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.pass("events", Kind::Read, stream, self.store.events(stream, after, limit)).await
    }

    async fn heads(&self, after: &str, limit: u32) -> Result<Vec<StreamHead>, StoreError> {
        self.pass("heads", Kind::Read, "", self.store.heads(after, limit)).await
    }

    async fn checkpoint(&self, now: Timestamp) -> Result<Option<i64>, StoreError> {
        self.pass("checkpoint", Kind::Write, "", self.store.checkpoint(now)).await
    }

    async fn checkpoint_at(&self, number: i64) -> Result<Option<Checkpoint>, StoreError> {
        self.pass("checkpoint at", Kind::Read, number, self.store.checkpoint_at(number)).await
    }

    async fn recent(&self, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        self.pass("recent", Kind::Read, "", self.store.recent(limit)).await
    }

    async fn archives(&self, after: i64, limit: u32) -> Result<Vec<Archive>, StoreError> {
        self.pass("archives", Kind::Read, "", self.store.archives(after, limit)).await
    }

    async fn archived_in(
        &self,
        archive: i64,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Archived>, StoreError> {
        self.pass("archived in", Kind::Read, "", self.store.archived_in(archive, after, limit))
            .await
    }

    async fn archived_of(&self, streams: &[&str]) -> Result<Vec<Archived>, StoreError> {
        self.pass("archived of", Kind::Read, "", self.store.archived_of(streams)).await
    }

    async fn checkpoints_in(&self, archive: i64) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
        self.pass("checkpoints in", Kind::Read, "", self.store.checkpoints_in(archive)).await
    }
}
