//! The facts a writer is given: a short typed list per task, each with where it came from.

use std::collections::BTreeSet;

use domain::{account::Band, contact::ContactRole, draft::Fact, snapshot::Snapshot};

use crate::prompt::Task;

/// The numbers the offline routing rules look at. Nothing personal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signs {
    /// Change of use over four weeks, −0.3 for a fall by 30 %; none without earlier use.
    pub usage_trend: Option<f64>,
    /// Priority-one tickets open now.
    pub open_p1: i64,
    /// Tickets escalated in the last 90 days.
    pub escalated_90: i64,
    /// Tickets opened in the last 28 days.
    pub opened_28: i64,
    /// Tickets opened in the 28 days before.
    pub opened_prior_28: i64,
    /// Mean satisfaction, 1 to 5, if anybody answered.
    pub csat: Option<f64>,
    /// Latest NPS answer of the last 180 days.
    pub nps: Option<i64>,
    /// Days until the contract ends, if it does.
    pub days_to_renewal: Option<i64>,
    /// Band of the health score, if there is one.
    pub band: Option<Band>,
    /// Whether a contact is a champion or an executive sponsor.
    pub has_sponsor: bool,
}

impl Signs {
    /// Reads the numbers off a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let Snapshot { usage, tickets, survey, account, contacts, .. } = snapshot;
        Self {
            usage_trend: (usage.events_prior_28 > 0).then_some(usage.trend_28),
            open_p1: tickets.open_p1,
            escalated_90: tickets.escalated_90,
            opened_28: tickets.opened_28,
            opened_prior_28: tickets.opened_prior_28,
            csat: (tickets.csat_90 > 0.0).then_some(tickets.csat_90),
            nps: (survey.nps >= 0 && survey.days_since_nps <= 180).then_some(survey.nps),
            days_to_renewal: account.renewal_date.map(|day| snapshot.days_until(day)),
            band: account.health.map(Band::of),
            has_sponsor: contacts.iter().any(|contact| {
                matches!(contact.role, ContactRole::Champion | ContactRole::ExecSponsor)
            }),
        }
    }
}

/// A fact with the key rules and the offline writer know it by.
pub(crate) struct Known {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) fact: Fact,
}

/// Which facts each task is given, and no others (GV-26).
const fn allowed(task: Task) -> &'static [&'static str] {
    match task {
        Task::Letter => &[
            "account",
            "recipient",
            "title",
            "csm",
            "lifecycle",
            "plan",
            "seats",
            "renewal_date",
            "days_to_renewal",
            "usage_trend",
            "active_days",
            "peak_users",
            "features",
            "open_tickets",
        ],
        Task::Route => &[
            "account",
            "segment",
            "lifecycle",
            "arr",
            "health",
            "previous_health",
            "renewal_date",
            "days_to_renewal",
            "auto_renew",
            "usage_trend",
            "active_days",
            "days_since_last",
            "open_tickets",
            "open_p1",
            "escalated",
            "tickets_opened",
            "csat",
            "nps",
            "roles",
        ],
        Task::Summary => &[
            "account",
            "csm",
            "segment",
            "lifecycle",
            "arr",
            "health",
            "previous_health",
            "plan",
            "seats",
            "renewal_date",
            "days_to_renewal",
            "auto_renew",
            "usage_trend",
            "active_days",
            "peak_users",
            "features",
            "days_since_last",
            "open_tickets",
            "open_p1",
            "escalated",
            "tickets_opened",
            "csat",
            "nps",
            "people",
        ],
    }
}

/// Every fact there is: key, label, source. The order is that of lists.
const FACTS: &[(&str, &str, &str)] = &[
    ("account", "Company", "account"),
    ("recipient", "Recipient", "contact"),
    ("title", "Recipient's job", "contact"),
    ("csm", "Customer Success Manager", "account"),
    ("people", "People", "contact"),
    ("segment", "Segment", "account"),
    ("lifecycle", "Phase", "account"),
    ("arr", "Annual recurring revenue", "account"),
    ("health", "Health", "account"),
    ("previous_health", "Health before", "account"),
    ("plan", "Plan", "contract"),
    ("seats", "Seats", "contract"),
    ("renewal_date", "Renewal date", "account"),
    ("days_to_renewal", "Days to renewal", "account"),
    ("auto_renew", "Renews by itself", "contract"),
    ("usage_trend", "Change of use in 28 days", "usage"),
    ("active_days", "Active days of the last 28", "usage"),
    ("peak_users", "Most users on one day", "usage"),
    ("features", "Features used in 28 days", "usage"),
    ("days_since_last", "Days since last use", "usage"),
    ("open_tickets", "Open tickets", "ticket"),
    ("open_p1", "Open priority-one tickets", "ticket"),
    ("escalated", "Escalations in 90 days", "ticket"),
    ("tickets_opened", "Tickets opened in 28 days, and in the 28 before", "ticket"),
    ("csat", "Satisfaction of 5", "ticket"),
    ("nps", "Latest NPS answer", "survey"),
    ("roles", "Roles of known contacts", "contact"),
];

/// The facts for a task, in a fixed order, with ids from `f1`. Unknown ones are left out.
pub(crate) fn of(task: Task, snapshot: &Snapshot, recipient: Option<&str>) -> Vec<Known> {
    let allowed = allowed(task);
    FACTS
        .iter()
        .filter(|(key, ..)| allowed.contains(key))
        .filter_map(|(key, label, source)| {
            let value = value(key, snapshot, recipient).filter(|value| !value.is_empty())?;
            Some((*key, *label, *source, value))
        })
        .enumerate()
        .map(|(index, (key, label, source, value))| Known {
            key,
            label,
            fact: Fact {
                id: format!("f{}", index + 1),
                label: label.to_owned(),
                value,
                source: source.to_owned(),
            },
        })
        .collect()
}

fn value(key: &str, snapshot: &Snapshot, recipient: Option<&str>) -> Option<String> {
    let Snapshot { account, csm, contacts, usage, tickets, survey, contract, .. } = snapshot;
    let signs = Signs::of(snapshot);
    let health = |score: f64| format!("{score:.0} of 100 ({})", Band::of(score));
    let yes_no = |yes| if yes { "yes" } else { "no" }.to_owned();
    match key {
        "account" => Some(account.name.clone()),
        "recipient" => recipient.map(str::to_owned),
        "title" => recipient.and_then(|name| {
            contacts.iter().find(|contact| contact.full_name() == name)?.title.clone()
        }),
        "csm" => csm.as_ref().map(|csm| csm.name.clone()),
        "people" => Some(
            contacts
                .iter()
                .take(10)
                .map(|contact| format!("{} ({})", contact.full_name(), contact.role))
                .collect::<Vec<_>>()
                .join(", "),
        ),
        "segment" => Some(account.segment.to_string()),
        "lifecycle" => Some(account.lifecycle.to_string()),
        "arr" => Some(money(account.arr.minor, &account.arr.currency)),
        "health" => account.health.map(health),
        "previous_health" => account.previous_health.map(health),
        "plan" => Some(contract.plan.clone()),
        "seats" => (contract.seats > 0).then(|| contract.seats.to_string()),
        "renewal_date" => account.renewal_date.map(|day| day.to_string()),
        "days_to_renewal" => signs.days_to_renewal.map(|days| days.to_string()),
        "auto_renew" => (contract.open_lines > 0).then(|| yes_no(contract.auto_renew)),
        "usage_trend" => signs.usage_trend.map(percent),
        "active_days" => Some(usage.active_days_28.to_string()),
        "peak_users" => Some(usage.peak_users_28.to_string()),
        "features" => Some(usage.features_28.to_string()),
        "days_since_last" if usage.days_since_last >= 9999 => Some("never used".to_owned()),
        "days_since_last" => Some(usage.days_since_last.to_string()),
        "open_tickets" => Some(tickets.open.to_string()),
        "open_p1" => Some(tickets.open_p1.to_string()),
        "escalated" => Some(tickets.escalated_90.to_string()),
        "tickets_opened" => Some(format!("{}, {}", tickets.opened_28, tickets.opened_prior_28)),
        "csat" => signs.csat.map(|csat| format!("{csat:.1}")),
        "nps" => (survey.nps >= 0).then(|| survey.nps.to_string()),
        "roles" => {
            let roles: BTreeSet<&str> =
                contacts.iter().map(|contact| contact.role.as_str()).collect();
            let roles = roles.into_iter().collect::<Vec<_>>().join(", ");
            Some(if roles.is_empty() { "none".to_owned() } else { roles })
        }
        _ => None,
    }
}

/// `-32 %`
fn percent(share: f64) -> String {
    format!("{:+.0} %", share * 100.0)
}

/// `12,000 EUR`
fn money(minor: i64, currency: &str) -> String {
    let digits = (minor / 100).unsigned_abs().to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{out} {currency}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gv_26_every_allowed_fact_exists_and_each_task_has_its_own_list() {
        for task in [Task::Letter, Task::Route, Task::Summary] {
            for key in allowed(task) {
                assert!(FACTS.iter().any(|(known, ..)| known == key), "{key}");
            }
        }
        for private in ["arr", "health", "nps", "people"] {
            assert!(!allowed(Task::Letter).contains(&private), "{private}");
        }
        for person in ["recipient", "people", "csm"] {
            assert!(!allowed(Task::Route).contains(&person), "{person}");
        }
    }

    #[test]
    fn amounts_and_shares_are_written_as_people_write_them() {
        assert_eq!(money(123_456_700, "EUR"), "1,234,567 EUR");
        assert_eq!(money(99_900, "USD"), "999 USD");
        assert_eq!(percent(-0.324), "-32 %");
        assert_eq!(percent(0.1), "+10 %");
    }
}
