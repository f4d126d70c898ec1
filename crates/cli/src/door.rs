//! The server with what it asks of the rest of the product: taking signals in, starting runs, verifying.

use std::sync::Arc;

use anyhow::Context as _;
use async_trait::async_trait;
use domain::{
    erasure::{Erased, Erasure, Footprint},
    id::{AccountId, ContactId, RunId},
    port::{Customers as _, Forecast, Journal as _, Measure, RunFilter, StoreError, Tally},
    user::Actor,
};
use engine::{ActiveError, ApprovalDesk, BulkError, RetryFromError, StartError};
use futures_util::future::join_all;
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use server::{Accepted, AuditReport, OperateError, Operator, Pulse, SignalDoor, SignalProblem};
use store::Store;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{app::App, audit, person};

/// Connects the server with the engine and the connectors.
struct Door {
    app: App,
}

/// The server over an application.
pub fn router(app: &App) -> anyhow::Result<server::Router> {
    let url = app.config.public_url();
    let url = Url::parse(&url).with_context(|| format!("`public_url` is no address: {url}"))?;
    let shared = Arc::new(app.store.clone());
    let door = Arc::new(Door { app: app.clone() });
    let mut metrics = Registry::default();
    app.meter.register(&mut metrics);
    let meter = app.meter.clone();
    app.store.observe_commits(move || meter.committed());
    let services = server::Services {
        desk: Arc::<ApprovalDesk>::clone(&app.desk),
        journal: Arc::<Store>::clone(&shared),
        inbox: Arc::<Store>::clone(&shared),
        outbox: Arc::<Store>::clone(&shared),
        customers: Arc::<Store>::clone(&shared),
        ledger: Arc::clone(&app.ledger),
        access: Arc::<Store>::clone(&shared),
        catalogue: shared,
        clock: Arc::clone(&app.clock),
        hooks: Arc::<Door>::clone(&door),
        operator: door,
        metrics,
    };
    Ok(server::router(services, server::Settings::at(url)))
}

/// Where signals come in.
pub fn signals(app: &App) -> Arc<dyn SignalDoor> {
    Arc::new(Door { app: app.clone() })
}

/// What a worker without a server shows of itself.
pub fn worker_router(app: &App, stopping: CancellationToken) -> server::Router {
    let mut metrics = Registry::default();
    app.meter.register(&mut metrics);
    server::worker_router(Arc::new(Door { app: app.clone() }), metrics, stopping)
}

/// The database's failure as such, and anything else as one of ours.
fn failed(err: anyhow::Error) -> OperateError {
    OperateError::Store(
        err.downcast::<StoreError>()
            .unwrap_or_else(|err| StoreError::new(false, format!("{err:#}"))),
    )
}

#[async_trait]
impl Pulse for Door {
    async fn reaches_database(&self) -> bool {
        // Reading is enough: a database that is being restarted or is full is the worker's to mend.
        self.app.store.next_wake().await.is_ok()
    }

    fn last_claim(&self) -> Option<Timestamp> {
        self.app.meter.turns.last_claim()
    }

    fn now(&self) -> Timestamp {
        self.app.clock.now()
    }
}

#[async_trait]
impl SignalDoor for Door {
    fn verify(
        &self,
        id: &str,
        timestamp: &str,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), String> {
        let headers = connectors::signature::Headers { id, timestamp, signature };
        self.app.hooks.verify(headers, body, now).map_err(|err| err.to_string())
    }

    async fn accept(&self, content_type: &str, body: &[u8]) -> Result<Accepted, SignalProblem> {
        let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let understood = [
            "application/cloudevents+json",
            "application/cloudevents-batch+json",
            "application/json",
        ];
        if !understood.contains(&media.as_str()) {
            return Err(SignalProblem::MediaType(content_type.to_owned()));
        }
        let incoming = connectors::hook::parse(body)
            .map_err(|err| SignalProblem::Malformed(err.to_string()))?;
        let now = self.app.clock.now();
        let mut signals = Vec::with_capacity(incoming.len());
        // Asked together, they are answered together.
        let found = join_all(incoming.iter().map(|signal| {
            let store = &self.app.store;
            async move { store.find_account(&signal.account).await }
        }))
        .await;
        for (signal, found) in incoming.into_iter().zip(found) {
            let found = found?;
            let [account] = found.as_slice() else {
                let why = if found.is_empty() {
                    format!("names no account: `{}`; import it first", signal.account)
                } else {
                    format!("is ambiguous: `{}`; use the account's id (acc_…)", signal.account)
                };
                return Err(SignalProblem::Invalid { field: "subject".to_owned(), why });
            };
            signals.push(signal.for_account(account.id, now));
        }
        let asked: Vec<String> = signals.iter().map(|signal| signal.event_id.clone()).collect();
        let new = self.app.store.signal(signals, now).await?;
        let known = asked
            .into_iter()
            .filter(|event_id| !new.iter().any(|signal| signal.event_id == *event_id))
            .collect();
        Ok(Accepted { new: new.iter().map(|signal| signal.id).collect(), known })
    }
}

#[async_trait]
impl Operator for Door {
    async fn start(
        &self,
        playbook: &str,
        account: AccountId,
        by: &Actor,
    ) -> Result<RunId, OperateError> {
        match self.app.triggers().start_by_hand(playbook, account, by).await {
            Ok(Some(run)) => Ok(run),
            Ok(None) => Err(OperateError::NoAccount(account)),
            Err(StartError::NoPlaybook { name, .. }) => Err(OperateError::NoPlaybook(name)),
            Err(StartError::Going { run, .. }) => Err(OperateError::Suppressed { by: run }),
            Err(StartError::Active(ActiveError::Store(err))) => Err(OperateError::Store(err)),
            Err(err) => Err(OperateError::Refused(err.to_string())),
        }
    }

    async fn forecast(&self, filter: &RunFilter, what: &Measure) -> Result<Forecast, OperateError> {
        Ok(self.app.steward().forecast(filter, what).await?)
    }

    async fn intervene_all(
        &self,
        filter: &RunFilter,
        what: &Measure,
        expect: u64,
        by: &Actor,
    ) -> Result<Tally, OperateError> {
        match self.app.steward().intervene_all(filter, what, Some(expect), by, &|_| {}).await {
            Ok(tally) => Ok(tally),
            Err(BulkError::Moved { expected, found }) => {
                Err(OperateError::Moved { expected, found })
            }
            Err(BulkError::Interrupted { done, source }) => {
                Err(OperateError::Interrupted { done, source })
            }
            Err(BulkError::Store(err)) => Err(OperateError::Store(err)),
        }
    }

    async fn retry_from(&self, run: RunId, step: &str, by: &Actor) -> Result<(), OperateError> {
        match self.app.steward().retry_from(run, step, by).await {
            Ok(_) => Ok(()),
            Err(RetryFromError::Store(err) | RetryFromError::Active(ActiveError::Store(err))) => {
                Err(OperateError::Store(err))
            }
            Err(err) => Err(OperateError::Refused(err.to_string())),
        }
    }

    async fn verify_audit(&self) -> Result<AuditReport, OperateError> {
        Ok(audit::verify(&*self.app.ledger, &|_| {}).await?)
    }

    async fn look_at(
        &self,
        contact: ContactId,
    ) -> Result<Option<(Footprint, Option<Erasure>)>, OperateError> {
        person::look(&self.app, contact).await.map_err(failed)
    }

    async fn erase(&self, contact: ContactId, by: &Actor) -> Result<Erased, OperateError> {
        person::erase(&self.app, contact, by).await.map_err(failed)
    }

    async fn export(
        &self,
        contact: ContactId,
        by: &Actor,
    ) -> Result<Option<serde_json::Value>, OperateError> {
        person::export(&self.app, contact, by).await.map_err(failed)
    }
}
