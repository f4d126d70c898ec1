//! Advances one claimed run until it blocks: on a model, a person, a message, a signal or time.

use std::sync::Arc;

use domain::{
    event::Event,
    limit::Limits,
    port::{StoreError, VaultError},
    run::{Claimed, Phase},
    turn::Turn,
};
use playbook::Step;
use serde_json::json;

use crate::{
    active::{Active, ActiveError},
    outcome::{Ending, Next, Scene, finish},
    ports::Ports,
    turn::Draft,
};

/// Why a run could not be advanced at all. Nothing was changed; its lease ends and it is tried
/// again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdvanceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Active(#[from] ActiveError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("account `{0}` is gone")]
    NoAccount(domain::id::AccountId),
}

impl AdvanceError {
    /// Whether the same turn may work later. What will not is a dead end a person has to see.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Store(err)
            | Self::Active(ActiveError::Store(err))
            | Self::Vault(VaultError::Store(err)) => err.is_transient(),
            Self::Active(_) | Self::Vault(_) | Self::NoAccount(_) => false,
        }
    }
}

/// Advances runs.
#[derive(Clone)]
pub(crate) struct Advancer {
    pub(crate) ports: Ports,
    pub(crate) active: Active,
    pub(crate) limits: Arc<Limits>,
}

impl Advancer {
    /// One turn of a run: everything up to the next thing it has to wait for.
    pub(crate) async fn turn(&self, claimed: &Claimed) -> Result<Turn, AdvanceError> {
        let run = &claimed.run;
        let now = self.ports.clock.now();
        let mut turn = Draft::new(claimed, now);
        let plan = match self.active.plan(&run.version).await {
            Ok(plan) => plan,
            Err(ActiveError::Store(err)) => return Err(err.into()),
            Err(err) => return Ok(turn.stuck("playbook-unusable", err.to_string())),
        };
        let policy = match self.active.policy().await {
            Ok(policy) => policy,
            Err(ActiveError::Store(err)) => return Err(err.into()),
            Err(err) => return Ok(turn.stuck("policy-unusable", err.to_string())),
        };
        let snapshot = self
            .ports
            .customers
            .snapshots(&[run.account], now)
            .await?
            .into_iter()
            .next()
            .ok_or(AdvanceError::NoAccount(run.account))?;
        let scene = Scene { plan, policy, snapshot };
        loop {
            if turn.progress.step.is_empty() {
                return Ok(turn.complete());
            }
            let Some(step) = scene.plan.step(&turn.progress.step) else {
                let why = format!("playbook has no step `{}`", turn.progress.step);
                return Ok(turn.stuck("step-missing", why));
            };
            match self.phase(claimed, &scene, step, &mut turn).await? {
                Next::Step => {}
                Next::End(Ending::Rest(wake_at)) => return Ok(turn.rest(wake_at)),
                Next::End(Ending::GoOn) => return Ok(turn.go_on()),
                Next::End(Ending::Stuck(code, why)) => return Ok(turn.stuck(code, why)),
            }
        }
    }

    async fn phase(
        &self,
        claimed: &Claimed,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
    ) -> Result<Next, AdvanceError> {
        match turn.progress.phase.clone() {
            Phase::Ready => Ok(self.begin(claimed, scene, step, turn)),
            Phase::Drafting { redraft } => self.write(claimed, scene, step, turn, redraft).await,
            Phase::AwaitingApproval { approval } => {
                self.look_at_approval(scene, step, turn, approval).await
            }
            Phase::AwaitingDelivery { message } => {
                self.look_at_message(scene, step, turn, message).await
            }
            Phase::AwaitingTask { task, until } => {
                self.look_at_task(scene, step, turn, task, until).await
            }
            Phase::AwaitingSignal { kind, since, until } => {
                let found = self
                    .ports
                    .journal
                    .awaited(claimed.run.account, claimed.run.id, &kind, since)
                    .await?;
                Ok(match found {
                    Some(signal) => {
                        turn.event(Event::SignalReceived { step: step.id.clone(), kind });
                        // What is awaited next counts from here, so one signal answers one wait.
                        let result = json!({ "data": signal.data, "at": signal.received_at });
                        finish(scene, step, turn, "received", result)
                    }
                    None if turn.now() >= until => {
                        finish(scene, step, turn, "timed_out", json!({}))
                    }
                    None => Next::End(Ending::Rest(Some(until))),
                })
            }
            Phase::Sleeping { until } if turn.now() >= until => {
                Ok(finish(scene, step, turn, "done", json!({})))
            }
            Phase::Sleeping { until } => Ok(Next::End(Ending::Rest(Some(until)))),
        }
    }
}
