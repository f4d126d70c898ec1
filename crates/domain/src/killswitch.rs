//! The kill switch: stops all sending, or a part of it, until somebody restarts it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    account::UnknownWord, action::ActionName, approval::Approval, id::AccountId, user::Actor,
};

/// What is stopped.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scope", content = "of", rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    All,
    /// One playbook.
    Playbook(String),
    /// One action.
    Action(ActionName),
    /// One account.
    Account(AccountId),
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Playbook(name) => write!(f, "playbook:{name}"),
            Self::Action(name) => write!(f, "action:{name}"),
            Self::Account(id) => write!(f, "account:{id}"),
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownWord {
            text: text.to_owned(),
            known: vec!["all", "playbook:NAME", "action:NAME", "account:acc_…"],
        };
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            Some(("playbook", name)) if !name.is_empty() => Ok(Self::Playbook(name.to_owned())),
            Some(("action", name)) => name.parse().map(Self::Action),
            Some(("account", id)) => id.parse().map(Self::Account).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

/// A stop in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kill {
    /// What is stopped.
    pub scope: Scope,
    /// Who stopped it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

impl Kill {
    /// Whether it stops what this approval would send.
    pub fn covers(&self, approval: &Approval) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Playbook(name) => *name == approval.playbook,
            Scope::Action(name) => *name == approval.action,
            Scope::Account(id) => *id == approval.account,
        }
    }

    /// Scope, person, time and reason in one sentence.
    pub fn in_words(&self) -> String {
        format!("{} stopped by {} at {}: {}", self.scope, self.by, self.at, self.reason)
    }
}
