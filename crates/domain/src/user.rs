//! The people who work with Playgate, and in whose name things are done.

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{account::words, id::UserId};

words! {
    /// What a person may do.
    Role {
        Csm = "csm",
        CsmManager = "csm_manager",
        CsOps = "cs_ops",
        Leader = "leader",
        Auditor = "auditor",
        Admin = "admin",
    }
}

/// A permission the API, the screens and the CLI ask for before they act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Read the queue, accounts and runs.
    Read,
    /// Decide approvals and finish tasks.
    Decide,
    /// Start, pause, resume, cancel and retry runs.
    Operate,
    /// Stop and restart all sending.
    Kill,
    /// Read and verify the audit trail.
    Audit,
    /// Hand in signals.
    Signal,
    /// Manage people and tokens.
    Administer,
    /// See what a model saw and what was put back for placeholders.
    Inspect,
    /// Hand out or erase everything of a person at a customer.
    Erase,
}

impl Role {
    /// Whether people of this role hold a permission.
    pub const fn may(self, permission: Permission) -> bool {
        use Permission::{Audit, Decide, Erase, Inspect, Kill, Operate, Read, Signal};
        match self {
            Self::Admin => true,
            Self::CsOps => {
                matches!(permission, Read | Operate | Kill | Audit | Signal | Inspect | Erase)
            }
            Self::CsmManager => matches!(permission, Read | Decide | Operate | Kill | Inspect),
            Self::Csm => matches!(permission, Read | Decide | Kill | Inspect),
            Self::Leader => matches!(permission, Read | Kill),
            Self::Auditor => matches!(permission, Read | Audit | Inspect),
        }
    }
}

/// A person who works with Playgate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Our id.
    pub id: UserId,
    /// Where notices to them go; also how they are named on the command line.
    pub email: String,
    /// Full name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// First working day; tells new from tenured CSMs (ME-20).
    pub since: Option<Date>,
    /// When they were switched off.
    pub disabled_at: Option<Timestamp>,
}

/// In whose name something was done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A person.
    User {
        /// Who.
        id: UserId,
    },
    /// The runtime, following a playbook.
    Engine,
    /// A rule of the active policy.
    Policy,
    /// A connector that hands in signals.
    Connector {
        /// Its name.
        name: String,
    },
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User { id } => write!(f, "{id}"),
            Self::Engine => f.write_str("engine"),
            Self::Policy => f.write_str("policy"),
            Self::Connector { name } => write!(f, "connector:{name}"),
        }
    }
}
