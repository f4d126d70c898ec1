//! Something observed about a customer: what triggers listen to and waiting runs wait for.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, RunId, SignalId};

/// Names of signals the product itself raises. Sources may send others.
pub mod kind {
    /// An account entered a lifecycle phase; data: `{"stage": "onboarding", "from": …}`.
    pub const LIFECYCLE_ENTERED: &str = "lifecycle.entered";
    /// Health fell by a band or to red; data: `{"from": 71, "to": 44, "band": "red"}`.
    pub const HEALTH_DROPPED: &str = "health.dropped";
    /// A ticket was opened; data: `{"priority": "p1", "ticket": "…"}`.
    pub const TICKET_OPENED: &str = "ticket.opened";
    /// The customer answered an e-mail.
    pub const EMAIL_REPLIED: &str = "email.replied";
    /// A milestone inside the product was reached; data: `{"milestone": "first_value"}`.
    pub const MILESTONE_REACHED: &str = "milestone.reached";
    /// A schedule ticked for this account; data: `{"playbook": …, "at": …}`.
    pub const SCHEDULE_TICKED: &str = "schedule.ticked";
    /// A person asked for a run; data: `{"playbook": …}`.
    pub const MANUAL: &str = "manual.requested";
}

/// The longest name a lane may have from what a source says.
const LONGEST: usize = 100;

/// The lane in which signals of a kind wait for triggers to look at them: of those that several
/// playbooks listen to for different reasons, one for each phase or playbook.
pub fn lane(kind: &str, data: &serde_json::Value) -> String {
    let part = match kind {
        kind::LIFECYCLE_ENTERED => "stage",
        kind::SCHEDULE_TICKED | kind::MANUAL => "playbook",
        _ => return kind.to_owned(),
    };
    match data.get(part).and_then(serde_json::Value::as_str) {
        // What a source says is of any length; an index takes no more than so much.
        Some(name) if name.len() <= LONGEST => lane_of(kind, name),
        _ => kind.to_owned(),
    }
}

/// The lane of a kind of which there are several: its phase's or its playbook's.
pub fn lane_of(kind: &str, name: &str) -> String {
    format!("{kind}:{name}")
}

/// A signal as it enters: not yet stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewSignal {
    /// Who observed it: a connector's or source's name.
    pub source: String,
    /// The source's id of the event. The same source and event id is the same signal.
    pub event_id: String,
    /// What happened, dotted and past tense: `ticket.opened`.
    pub kind: String,
    /// The account it happened to.
    pub account: AccountId,
    /// When it happened.
    pub at: Timestamp,
    /// What else the source says. Untrusted.
    pub data: serde_json::Value,
    /// The run it answers, when the source knows (a reply to our message).
    pub run: Option<RunId>,
}

/// A stored signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Signal {
    /// Our id.
    pub id: SignalId,
    /// Who observed it.
    pub source: String,
    /// The source's id of the event.
    pub event_id: String,
    /// What happened.
    pub kind: String,
    /// The account it happened to.
    pub account: AccountId,
    /// When it happened.
    pub at: Timestamp,
    /// When it reached us.
    pub received_at: Timestamp,
    /// What else the source says. Untrusted.
    pub data: serde_json::Value,
    /// The run it answers.
    pub run: Option<RunId>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_different_playbooks_listen_to_waits_in_lanes_of_its_own() {
        let stage = json!({ "stage": "renewal", "from": "adoption" });
        assert_eq!(lane(kind::LIFECYCLE_ENTERED, &stage), "lifecycle.entered:renewal");
        let named = json!({ "playbook": "onboarding" });
        assert_eq!(lane(kind::MANUAL, &named), "manual.requested:onboarding");
        assert_eq!(lane(kind::SCHEDULE_TICKED, &named), "schedule.ticked:onboarding");
        assert_eq!(lane("usage.dropped", &stage), "usage.dropped");
        assert_eq!(lane(kind::MANUAL, &json!({ "playbook": 7 })), kind::MANUAL);
        let long = json!({ "stage": "x".repeat(LONGEST + 1) });
        assert_eq!(lane(kind::LIFECYCLE_ENTERED, &long), kind::LIFECYCLE_ENTERED);
    }
}
