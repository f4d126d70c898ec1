//! What is known of one account at one moment: the facts conditions, prompts and screens read.

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    account::Account, contact::Contact, record::Priority, untrusted::Untrusted, user::User,
};

/// Use of the product over the last four weeks, against the four before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageFacts {
    /// Days of the last 28 with any use.
    pub active_days_28: i64,
    /// Events in the last 28 days.
    pub events_28: i64,
    /// Events in the 28 days before those.
    pub events_prior_28: i64,
    /// `events_28 / events_prior_28 − 1`; 0 when there was nothing to compare with.
    pub trend_28: f64,
    /// Most people who used it on one of the last 28 days.
    pub peak_users_28: i64,
    /// Distinct features used in the last 28 days.
    pub features_28: i64,
    /// Days since the last use; a large number (9999) when never used.
    pub days_since_last: i64,
}

/// Support load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TicketFacts {
    /// Tickets open now.
    pub open: i64,
    /// Of these, priority one.
    pub open_p1: i64,
    /// Opened in the last 28 days.
    pub opened_28: i64,
    /// Opened in the 28 days before those.
    pub opened_prior_28: i64,
    /// Escalated in the last 90 days.
    pub escalated_90: i64,
    /// Mean satisfaction (1 to 5) over the last 90 days; 0 when nobody answered.
    pub csat_90: f64,
}

/// What customers answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SurveyFacts {
    /// The latest NPS answer from 0 to 10, −1 when there is none.
    pub nps: i64,
    /// Days since that answer, 9999 when there is none.
    pub days_since_nps: i64,
}

/// Contract lines taken together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractFacts {
    /// Seats over all open lines.
    pub seats: i64,
    /// Open lines.
    pub open_lines: i64,
    /// The plan of the largest open line; empty when unknown.
    pub plan: String,
    /// Whether every open line renews by itself.
    pub auto_renew: bool,
}

/// A ticket, as context for a draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TicketBrief {
    /// The ticket's id in its source; how a fact cites it.
    pub source_id: String,
    /// Subject line. Personal.
    pub subject: Untrusted,
    /// Text. Personal.
    pub body: Untrusted,
    /// Urgency.
    pub priority: Priority,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Whether it is still open.
    pub open: bool,
}

/// Everything known of one account at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The company.
    pub account: Account,
    /// The CSM who owns it.
    pub csm: Option<User>,
    /// Its people.
    pub contacts: Vec<Contact>,
    /// How the product is used.
    pub usage: UsageFacts,
    /// Support load.
    pub tickets: TicketFacts,
    /// Survey answers.
    pub survey: SurveyFacts,
    /// Contract lines.
    pub contract: ContractFacts,
    /// The latest tickets, newest first, at most five.
    pub recent_tickets: Vec<TicketBrief>,
    /// The moment this was read.
    pub at: Timestamp,
}

impl Snapshot {
    /// Whole days from the snapshot's day (UTC) to `date`; negative when it has passed.
    pub fn days_until(&self, date: Date) -> i64 {
        let today = self.at.to_zoned(jiff::tz::TimeZone::UTC).date();
        today.until(date).map_or(0, |span| i64::from(span.get_days()))
    }
}
