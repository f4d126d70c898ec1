//! Whether a model may be asked now, as far as the rate goes that all processes share.

use domain::{
    limit::model_key,
    port::{Ask, StoreError},
    rate::Rate,
    run::Claimed,
};
use jiff::Timestamp;

use crate::{advance::Advancer, turn::Draft};

impl Advancer {
    /// When to ask the model instead, if its rate is spent; the turn says so.
    pub(crate) async fn model_turn(
        &self,
        claimed: &Claimed,
        turn: &mut Draft,
    ) -> Result<Option<Timestamp>, StoreError> {
        let Some((model, rate)) = &self.limits.model else { return Ok(None) };
        let now = turn.now();
        let grant = self.ports.rates.take(&ask(claimed, model, *rate, 1), now).await?;
        if grant.granted > 0 {
            return Ok(None);
        }
        let next = grant.next.max(now);
        turn.progress.held = Some(format!("rate of model {model} is {rate}, next at {next}"));
        Ok(Some(next))
    }

    /// Counts calls that were made beyond the one there was a permit for.
    pub(crate) async fn charge_model(
        &self,
        claimed: &Claimed,
        turn: &Draft,
        calls: u32,
    ) -> Result<(), StoreError> {
        match &self.limits.model {
            Some((model, rate)) if calls > 0 => {
                self.ports.rates.charge(&ask(claimed, model, *rate, calls), turn.now()).await
            }
            _ => Ok(()),
        }
    }
}

/// Runs of a playbook wait in a lane of their own.
fn ask(claimed: &Claimed, model: &str, rate: Rate, wanted: u32) -> Ask {
    let lane = claimed.run.playbook.clone();
    Ask { key: model_key(model), lane, rate, wanted }
}
