//! What a customer's systems would have told us lately, besides the rows.

use domain::signal::kind;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    calendar::{Calendar, Day, YESTERDAY},
    profile::Profile,
    ticket::Opened,
};

/// Something that happened in the last two weeks, under the account's id in the sample source.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The source's id of the event: the same event has the same id in every run.
    pub event_id: String,
    /// One of [`domain::signal::kind`].
    pub kind: &'static str,
    /// The account's id in the sample source.
    pub account: String,
    /// When it happened.
    pub at: Timestamp,
    /// What else is known.
    pub data: Value,
}

/// Days after which news is no longer news.
const RECENT: Day = 14;

/// Steps of a digital onboarding inside the product, and the day each is reached when all is well.
const MILESTONES: [(&str, i64); 4] =
    [("first_login", 0), ("data_connected", 2), ("team_invited", 5), ("first_value", 9)];

pub(crate) fn of(calendar: Calendar, profile: &Profile, tickets: &[Opened]) -> Vec<Signal> {
    let mut signals = Vec::new();
    let signal = |event_id: String, kind, at, data| Signal {
        event_id,
        kind,
        account: profile.id(),
        at,
        data,
    };
    if profile.starts > -RECENT {
        let event_id = format!("{}:onboarding", profile.id());
        // One who signed today did so before the day began, as seen from here.
        let at = calendar.moment(profile.starts.min(YESTERDAY), 32_400);
        let data = json!({ "stage": "onboarding", "from": null });
        signals.push(signal(event_id, kind::LIFECYCLE_ENTERED, at, data));
        for (milestone, after) in MILESTONES {
            // Slower in some: every third account takes twice as long.
            let after = if profile.index.is_multiple_of(3) { after * 2 } else { after };
            let day = profile.starts + after;
            if day <= YESTERDAY {
                let event_id = format!("{}:{milestone}", profile.id());
                let at = calendar.moment(day, 36_000 + after * 60);
                let data = json!({ "milestone": milestone });
                signals.push(signal(event_id, kind::MILESTONE_REACHED, at, data));
            }
        }
    }
    for ticket in tickets.iter().filter(|ticket| ticket.open && ticket.day >= -RECENT) {
        let at = calendar.moment(ticket.day, ticket.second);
        let data = json!({ "priority": ticket.priority.as_str(), "ticket": ticket.id });
        signals.push(signal(ticket.id.clone(), kind::TICKET_OPENED, at, data));
    }
    signals
}
