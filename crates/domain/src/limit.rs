//! What is bounded, over all processes on one database together.

use std::collections::BTreeMap;

use crate::{action::ActionName, rate::Rate};

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
