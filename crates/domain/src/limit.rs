//! What is bounded, over all processes on one database together.

use std::collections::BTreeMap;

use crate::{action::ActionName, rate::Rate};

/// What the rate of an action is kept under.
pub fn action_key(action: ActionName) -> String {
    format!("action:{action}")
}

/// What the rate of a model is kept under.
pub fn model_key(model: &str) -> String {
    format!("model:{model}")
}

/// What is bounded, over all processes on one database together. By default nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Runs of one account in workers' hands at once.
    pub runs_per_account: Option<u32>,
    /// Messages of one playbook begun in any hour, where the playbook does not say otherwise. The
    /// next one stops the playbook's sending until a person restarts it.
    pub sends_per_hour: Option<u32>,
    /// How often messages of an action may be begun.
    pub actions: BTreeMap<ActionName, Rate>,
    /// How often the model of this name may be asked.
    pub model: Option<(String, Rate)>,
}

impl Limits {
    /// Every rate there is, with what it is kept under and what it is a rate of.
    pub fn rates(&self) -> Vec<(String, String, Rate)> {
        let actions = self
            .actions
            .iter()
            .map(|(action, rate)| (action_key(*action), action.to_string(), *rate));
        let model =
            self.model.iter().map(|(name, rate)| (model_key(name), format!("model {name}"), *rate));
        actions.chain(model).collect()
    }
}
