//! The run journal: claim, commit, intervene.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;
use crate::{
    account::words,
    event::NewEvent,
    id::{AccountId, RunId, SignalId},
    limit::Limits,
    page::{Page, PageRequest},
    run::{Claimed, Intervened, Intervention, Lease, NewRun, Priority, Run, RunStatus, Started},
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
    /// Only at this step. Without `status`, only runs that are not over.
    pub step: Option<String>,
    /// Only pinned to this version. Without `status`, only runs that are not over.
    pub version: Option<String>,
    /// Only stuck with this code.
    pub code: Option<String>,
    /// Only started before this time.
    pub started_before: Option<Timestamp>,
}

impl RunFilter {
    /// Whether a run is among those meant.
    pub fn matches(&self, run: &Run) -> bool {
        let named = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        let dead_end = run.progress.dead_end.as_ref().filter(|_| run.status == RunStatus::Stuck);
        self.status.is_none_or(|status| status == run.status)
            && (self.status.is_some() || !self.only_live() || !run.status.is_over())
            && named(&self.playbook, &run.playbook)
            && self.account.is_none_or(|account| account == run.account)
            && named(&self.step, &run.progress.step)
            && named(&self.version, &run.version)
            && self.started_before.is_none_or(|before| run.started_at < before)
            && self.code.as_deref().is_none_or(|code| dead_end.is_some_and(|end| end.code == code))
    }

    /// Whether it leaves out runs that are over without saying so.
    pub const fn only_live(&self) -> bool {
        self.status.is_none() && (self.step.is_some() || self.version.is_some())
    }
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

/// A lane that playbooks listen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its name, see [`crate::signal::lane`].
    pub lane: String,
    /// The priority of the most urgent of them.
    pub priority: Priority,
}

/// What triggers made of a signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// The signal.
    pub signal: SignalId,
    /// Runs it starts.
    pub runs: Vec<NewRun>,
    /// What is written down besides.
    pub events: Vec<NewEvent>,
}

/// The engine's door to runs and signals.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Leases up to `limit` active runs whose `wake_at` has come by `now`, longest due first, with
    /// no bound on accounts.
    async fn claim(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.claim_within(now, limit, ttl, &Limits::default()).await
    }

    /// Leases up to `limit` active runs whose `wake_at` has come by `now`. Leases last `ttl` by
    /// the database's clock; a run whose lease has ended is claimed again, unless that happened
    /// too often: then it becomes stuck.
    ///
    /// Playbooks with something due take turns: whoever has fewer runs in hand, for the shares of
    /// its [`Priority`], comes first, and within a playbook who has been due
    /// the longest. What one leaves, the others get. No account, and no playbook with a
    /// `concurrency`, has more runs in hand than its bound, whoever claims.
    async fn claim_within(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Prolongs leases by `ttl` from now; tells for each whether it was still held.
    async fn renew(&self, leases: &[Lease], ttl: SignedDuration) -> Result<Vec<bool>, StoreError>;

    /// Gives up leases under which nothing could be done for reasons that are not the runs': the
    /// database was away, say. They are due again at `until`, or earlier if somebody wakes them, and
    /// the claim does not count towards those after which a run is given up. A lease that was lost
    /// meanwhile is left alone.
    async fn give_back(&self, leases: &[Lease], until: Timestamp) -> Result<(), StoreError>;

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

    /// Signals no trigger has looked at yet, oldest first, when nobody listens to any.
    async fn untriggered(&self, limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.untriggered_of(&[], limit).await
    }

    /// Signals no trigger has looked at yet, oldest first. Where there are more than `limit`, their
    /// lanes take turns, those that are heard by the shares of their priority; what nobody listens
    /// to has as many as [`Priority::Bulk`].
    async fn untriggered_of(&self, heard: &[Heard], limit: u32) -> Result<Vec<Signal>, StoreError>;

    /// Marks signals as looked at, starts their runs as [`Journal::start`] does and appends their
    /// events, in one transaction. The answers are in the order of the signals, each in the order
    /// of its runs; none for a signal that somebody else has looked at, of which nothing is done.
    async fn trigger(
        &self,
        looked: Vec<Looked>,
        now: Timestamp,
    ) -> Result<Vec<Option<Vec<Started>>>, StoreError>;

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
