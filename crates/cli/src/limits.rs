//! The part of the configuration that bounds all processes on one database together.

use std::{collections::BTreeMap, num::NonZeroU32};

use domain::{
    action::{ActionName, Audience},
    rate::Rate,
};
use serde::{Deserialize, Deserializer};

use crate::config::Config;

/// What is bounded over all processes on one database together.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Runs of one account worked on at the same time; 0 means no bound.
    pub runs_per_account: u32,
    /// Messages of one playbook in any hour before its sending stops; 0 means no bound.
    pub sends_per_hour: u32,
    /// How often messages of an action may leave.
    #[serde(deserialize_with = "rates")]
    pub actions: BTreeMap<ActionName, Rate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { runs_per_account: 1, sends_per_hour: 200, actions: BTreeMap::new() }
    }
}

/// Reads rates, of actions that send only: no other passes through the outbox.
fn rates<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<ActionName, Rate>, D::Error> {
    let rates = BTreeMap::<ActionName, Rate>::deserialize(deserializer)?;
    match rates.keys().find(|name| name.audience() == Audience::Internal) {
        None => Ok(rates),
        Some(internal) => {
            let sending: Vec<_> = ActionName::ALL
                .iter()
                .filter(|name| name.audience() == Audience::Customer)
                .map(|name| format!("`{name}`"))
                .collect();
            Err(serde::de::Error::custom(format!(
                "`{internal}` sends nothing; rates are for {}",
                sending.join(", ")
            )))
        }
    }
}

impl Config {
    /// What is bounded, as the engine knows it.
    pub fn bounds(&self) -> domain::limit::Limits {
        let bound = |most: u32| (most > 0).then_some(most);
        // The offline writer may be asked as often as anybody likes.
        let rate = NonZeroU32::new(self.model.requests_per_minute)
            .filter(|_| self.model.url.is_some())
            .map(Rate::per_minute);
        domain::limit::Limits {
            runs_per_account: bound(self.limits.runs_per_account),
            sends_per_hour: bound(self.limits.sends_per_hour),
            actions: self.limits.actions.clone(),
            model: rate.map(|rate| (self.model.name.clone(), rate)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        notation::yaml::read("c.yaml", text).map_err(|err| err.to_string())
    }

    #[test]
    fn limits_reach_the_engine_as_written() {
        let limits = read(
            "limits: { runs_per_account: 0, sends_per_hour: 20, actions: { send_email: 600/h } }\n\
             model: { url: \"http://127.0.0.1:1\", name: m, requests_per_minute: 30 }\n",
        )
        .unwrap()
        .bounds();
        assert_eq!((limits.runs_per_account, limits.sends_per_hour), (None, Some(20)));
        assert_eq!(limits.actions[&ActionName::SendEmail].to_string(), "600/h");
        assert_eq!(limits.model.map(|(model, rate)| format!("{model} {rate}")).unwrap(), "m 30/m");
        assert_eq!(Config::default().bounds().model, None);
    }

    #[test]
    fn what_is_no_limit_is_refused_at_its_place() {
        for (text, says) in [
            ("limits: { actions: { create_task: 1/h } }\n", "`create_task` sends nothing"),
            ("limits: { actions: { send_email: often } }\n", "`often` is no rate"),
            ("limits: { action: {} }\n", "did you mean `actions`?"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says) && error.contains("c.yaml:1"), "{error}");
        }
    }
}
