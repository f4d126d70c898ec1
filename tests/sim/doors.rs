//! The doors of one process to its database, each call through the gate: runs, signals, the trail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::{
    event::NewEvent,
    id::{AccountId, RunId},
    limit::Limits,
    page::{Page, PageRequest},
    port::{Ask, Grant, Heard, Journal, Ledger as _, Looked, Rates, RunFilter, StoreError, Work},
    rate::Rate,
    run::{Claimed, Intervened, Intervention, Lease, NewRun, Run, Started},
    signal::{NewSignal, Signal},
    turn::{Committed, Turn},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};
use store::Store;
use tokio::sync::oneshot;

use super::{
    book::Book,
    gate::{Fate, Gate, Kind},
    sync::Backstage,
};

/// A call of the store's, with arguments of its own (those in brackets are borrowed), through the
/// gate.
macro_rules! pass {
    ($self:ident, $name:literal, $kind:ident, $about:expr, [$($own:ident),*], $doors:ident => $call:expr) => {{
        let about = $about.to_string();
        let $doors = $self.clone();
        $(let $own = ToOwned::to_owned($own);)*
        $self.pass($name, Kind::$kind, about, async move { $call.await }).await
    }};
}
pub(super) use pass;

/// One process's way to its database.
#[derive(Clone)]
pub struct Doors {
    /// Where its calls wait.
    pub gate: Arc<Gate>,
    /// The real thing.
    pub store: Store,
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

    /// Has the world do a call, as it wills and when it wills.
    pub async fn pass<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        name: &'static str,
        kind: Kind,
        about: String,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E> {
        let (tell, told) = oneshot::channel();
        let work = move |backstage: &Backstage, fate: Fate| {
            let answer = match fate {
                Fate::Go | Fate::Lost => backstage.wait(call),
                Fate::Fails(transient) => Err(injected(transient).into()),
                Fate::FailsAfter | Fate::DiesAfter => {
                    // It is done all the same; nobody hears of it.
                    let _unheard = backstage.wait(call);
                    Err(injected(true).into())
                }
            };
            // Whoever asked may be gone.
            let _gone = tell.send(answer);
        };
        let _waiting = self.gate.hand_in(name, kind, about, Box::new(work));
        match told.await {
            Ok(answer) => answer,
            Err(_) => std::future::pending().await,
        }
    }

    /// Takes a checkpoint of the trail.
    pub async fn checkpoint(&self, now: Timestamp) -> Result<Option<i64>, StoreError> {
        pass!(self, "checkpoint", Write, "", [], doors => doors.store.checkpoint(now))
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
        pass!(self, "claim", Write, limit, [limits], doors => async {
            let before = doors.book().leases();
            let claimed = doors.store.claim_within(now, limit, ttl, &limits).await?;
            doors.book().claimed(&before, &claimed, &limits);
            Ok(claimed)
        })
    }

    async fn renew(&self, leases: &[Lease], ttl: SignedDuration) -> Result<Vec<bool>, StoreError> {
        pass!(self, "renew", Write, count(leases), [leases], doors => async {
            let before = doors.book().leases();
            let held = doors.store.renew(&leases, ttl).await?;
            doors.book().renewed(&before, &leases, &held);
            Ok(held)
        })
    }

    async fn give_back(&self, leases: &[Lease], until: Timestamp) -> Result<(), StoreError> {
        pass!(self, "give back", Write, count(leases), [leases], doors => async {
            doors.store.give_back(&leases, until).await
        })
    }

    async fn commit(&self, turns: Vec<Turn>) -> Result<Vec<Committed>, StoreError> {
        let about = turns.iter().map(|turn| turn.lease.run.to_string()).collect::<Vec<_>>();
        let leases: Vec<Lease> = turns.iter().map(|turn| turn.lease).collect();
        pass!(self, "commit", Write, about.join(" "), [], doors => async {
            let before = doors.book().leases();
            let answers = doors.store.commit(turns).await?;
            doors.book().committed(&before, &leases, &answers);
            Ok(answers)
        })
    }

    async fn start(&self, runs: Vec<NewRun>, now: Timestamp) -> Result<Vec<Started>, StoreError> {
        pass!(self, "start", Write, count(&runs), [], doors => doors.store.start(runs, now))
    }

    async fn intervene(
        &self,
        run: RunId,
        what: &Intervention,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Intervened, StoreError> {
        let about = format!("{} {run}", what.done());
        pass!(self, "intervene", Write, about, [what, by], doors => doors.store.intervene(run, &what, &by, now))
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        pass!(self, "run", Read, id, [], doors => doors.store.run(id))
    }

    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>, StoreError> {
        pass!(self, "runs", Read, "", [filter, page], doors => doors.store.runs(&filter, &page))
    }

    async fn stirred(&self, work: Work) {
        self.store.stirred(work).await;
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        pass!(self, "next wake", Read, "", [], doors => doors.store.next_wake())
    }

    async fn signal(
        &self,
        signals: Vec<NewSignal>,
        now: Timestamp,
    ) -> Result<Vec<Signal>, StoreError> {
        let about = signals.iter().map(|signal| signal.kind.as_str()).collect::<Vec<_>>().join(" ");
        pass!(self, "signal", Write, about, [], doors => doors.store.signal(signals, now))
    }

    async fn untriggered_of(&self, heard: &[Heard], limit: u32) -> Result<Vec<Signal>, StoreError> {
        pass!(self, "untriggered", Read, "", [heard], doors => doors.store.untriggered_of(&heard, limit))
    }

    async fn trigger(
        &self,
        looked: Vec<Looked>,
        now: Timestamp,
    ) -> Result<Vec<Option<Vec<Started>>>, StoreError> {
        pass!(self, "trigger", Write, count(&looked), [], doors => doors.store.trigger(looked, now))
    }

    async fn awaited(
        &self,
        account: AccountId,
        run: RunId,
        kind: &str,
        since: Timestamp,
    ) -> Result<Option<Signal>, StoreError> {
        let about = format!("{kind} {run}");
        pass!(self, "awaited", Read, about, [kind], doors => doors.store.awaited(account, run, &kind, since))
    }

    async fn signals_of(&self, account: AccountId, limit: u32) -> Result<Vec<Signal>, StoreError> {
        pass!(self, "signals of", Read, account, [], doors => doors.store.signals_of(account, limit))
    }

    async fn append(&self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        pass!(self, "append", Write, count(&events), [], doors => doors.store.append(events))
    }
}

#[async_trait]
impl Rates for Doors {
    async fn take(&self, ask: &Ask, now: Timestamp) -> Result<Grant, StoreError> {
        pass!(self, "take", Write, &ask.key, [ask], doors => doors.store.take(&ask, now))
    }

    async fn spent(
        &self,
        rates: &[(String, Rate)],
        now: Timestamp,
    ) -> Result<std::collections::BTreeMap<String, Timestamp>, StoreError> {
        pass!(self, "spent", Read, "", [rates], doors => doors.store.spent(&rates, now))
    }

    async fn charge(&self, ask: &Ask, now: Timestamp) -> Result<(), StoreError> {
        pass!(self, "charge", Write, &ask.key, [ask], doors => doors.store.charge(&ask, now))
    }
}
