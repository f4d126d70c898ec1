//! The run journal: claim, commit, intervene.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;
use crate::{
    account::words,
    event::NewEvent,
    id::{AccountId, RunId, SignalId},
    page::{Page, PageRequest},
    run::{Claimed, Intervened, Intervention, Lease, NewRun, Run, RunStatus, Started},
    signal::{NewSignal, Signal},
    turn::{Committed, Turn},
    user::Actor,
};

/// Which runs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only these.
    pub status: Option<RunStatus>,
    /// Only of this playbook.
    pub playbook: Option<String>,
    /// Only for this account.
    pub account: Option<AccountId>,
}

words! {
    /// A kind of work a worker waits for.
    Work {
        /// Runs that may be due.
        Runs = "runs",
        /// Messages that may be due.
        Outbox = "outbox",
        /// Signals no trigger has looked at.
        Signals = "signals",
    }
}

/// The engine's door to runs and signals.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Leases up to `limit` active runs whose `wake_at` has come by `now`, longest due first.
    /// Leases last `ttl` by the database's clock; a run whose lease has ended is claimed again.
    async fn claim(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Prolongs leases by `ttl` from now; tells for each whether it was still held.
    async fn renew(&self, leases: &[Lease], ttl: SignedDuration) -> Result<Vec<bool>, StoreError>;

    /// Applies turns in one transaction, each fenced by its own lease, and releases the leases
    /// that are not kept. The answers are in the order of the turns. If the run was woken since
    /// it was claimed, it becomes due at once whatever `wake_at` the turn asks for.
    async fn commit(&self, turns: Vec<Turn>) -> Result<Vec<Committed>, StoreError>;

    /// Starts runs, each at most once per key, with their `RunStarted` events, or
    /// `TriggerSuppressed` on [`crate::event::Stream::Signal`].
    async fn start(&self, runs: Vec<NewRun>, now: Timestamp) -> Result<Vec<Started>, StoreError>;

    /// Changes a run from outside. Raises its fencing token, so a turn in flight is lost. Cancel
    /// also withdraws its open approvals and cancels its open tasks. `Resume` and `Retry` make the
    /// run due at `now`; `Retry` clears the dead end and the attempts and sets the phase to
    /// [`crate::run::Phase::Ready`] unless it awaits something.
    async fn intervene(
        &self,
        run: RunId,
        what: &Intervention,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Intervened, StoreError>;

    /// Reads a run.
    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError>;

    /// Lists runs, newest first.
    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>, StoreError>;

    /// Returns when work of this kind may have become due since this was last called: because of
    /// something done in this process, or in another one where the database tells. May return for
    /// nothing, and may miss what another process did: whoever waits also looks now and then.
    async fn stirred(&self, work: Work);

    /// When the next active run is due, if any is.
    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Stores signals, each at most once per source and event id; answers with those that were
    /// new. Runs of the account that may wait for them (by `run`, or any active run of the
    /// account) are woken.
    async fn signal(
        &self,
        signals: Vec<NewSignal>,
        now: Timestamp,
    ) -> Result<Vec<Signal>, StoreError>;

    /// Signals no trigger has looked at yet, oldest first.
    async fn untriggered(&self, limit: u32) -> Result<Vec<Signal>, StoreError>;

    /// Marks signals as looked at.
    async fn triggered(&self, signals: &[SignalId]) -> Result<(), StoreError>;

    /// The first signal of a kind for an account received after `since` (and, when it names a run,
    /// that names this run).
    async fn awaited(
        &self,
        account: AccountId,
        run: RunId,
        kind: &str,
        since: Timestamp,
    ) -> Result<Option<Signal>, StoreError>;

    /// Signals of an account, newest first.
    async fn signals_of(&self, account: AccountId, limit: u32) -> Result<Vec<Signal>, StoreError>;

    /// Appends events that belong to no turn.
    async fn append(&self, events: Vec<NewEvent>) -> Result<(), StoreError>;
}
