//! The engine's door to runs and signals.

use async_trait::async_trait;
use domain::{
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

use crate::{open::Store, trail};

#[async_trait]
impl Journal for Store {
    async fn claim_within(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.claim_runs(now, limit, ttl, limits).await
    }

    async fn renew(&self, leases: &[Lease], ttl: SignedDuration) -> Result<Vec<bool>, StoreError> {
        self.renew_leases(leases, ttl).await
    }

    async fn give_back(&self, leases: &[Lease], until: Timestamp) -> Result<(), StoreError> {
        self.give_back_runs(leases, until).await
    }

    async fn commit(&self, turns: Vec<Turn>) -> Result<Vec<Committed>, StoreError> {
        self.commit_turns(turns).await
    }

    async fn start(&self, runs: Vec<NewRun>, now: Timestamp) -> Result<Vec<Started>, StoreError> {
        self.start_runs(runs, now).await
    }

    async fn intervene(
        &self,
        run: RunId,
        what: &Intervention,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Intervened, StoreError> {
        self.intervene_in(run, what.clone(), by.clone(), now).await
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.read_run(id).await
    }

    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>, StoreError> {
        self.list_runs(filter, page).await
    }

    async fn stirred(&self, work: Work) {
        self.bell.wait(work, self.others()).await;
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.earliest_wake().await
    }

    async fn signal(
        &self,
        signals: Vec<NewSignal>,
        now: Timestamp,
    ) -> Result<Vec<Signal>, StoreError> {
        self.take_signals(signals, now).await
    }

    async fn untriggered_of(&self, heard: &[Heard], limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.untriggered_signals(heard, limit).await
    }

    async fn trigger(
        &self,
        looked: Vec<Looked>,
        now: Timestamp,
    ) -> Result<Vec<Option<Vec<Started>>>, StoreError> {
        self.trigger_signals(looked, now).await
    }

    async fn awaited(
        &self,
        account: AccountId,
        run: RunId,
        kind: &str,
        since: Timestamp,
    ) -> Result<Option<Signal>, StoreError> {
        self.awaited_signal(account, run, kind, since).await
    }

    async fn signals_of(&self, account: AccountId, limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.account_signals(account, limit).await
    }

    async fn append(&self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        self.write(move |tx| Box::pin(async move { trail::append(tx, &events).await })).await
    }
}
