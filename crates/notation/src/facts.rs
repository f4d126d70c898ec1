//! The published facts that playbooks and policies ask about one account, and their types.

use domain::{
    account::{AccountStatus, Band, Lifecycle, Segment, Tier},
    record::Priority,
    snapshot::Snapshot,
};
use serde_json::{Value, json};

use crate::schema::{Schema, Type};

/// Stands for "no such day" where a fact counts days.
pub const NEVER: i64 = 9999;

/// The roots and fields of [`of`], with their types.
pub fn schema() -> Schema {
    use Type::{Bool, Double, Int, String};
    let words = |all: Vec<&'static str>| Type::OneOf(all);
    Schema::new()
        .with(
            "account",
            Type::record([
                ("name", String),
                ("source", String),
                ("domain", String),
                ("status", words(AccountStatus::ALL.iter().map(|w| w.as_str()).collect())),
                ("segment", words(Segment::ALL.iter().map(|w| w.as_str()).collect())),
                ("tier", words(Tier::ALL.iter().map(|w| w.as_str()).collect())),
                ("lifecycle", words(Lifecycle::ALL.iter().map(|w| w.as_str()).collect())),
                ("industry", String),
                ("region", String),
                ("time_zone", String),
                ("arr", Double),
                ("currency", String),
                ("employees", Int),
                ("health", Double),
                ("previous_health", Double),
                ("band", {
                    let mut bands: Vec<_> = Band::ALL.iter().map(|w| w.as_str()).collect();
                    bands.push("");
                    words(bands)
                }),
                ("renewal_date", String),
                ("days_to_renewal", Int),
                ("days_as_customer", Int),
                ("has_csm", Bool),
                ("has_contact", Bool),
            ]),
        )
        .with(
            "usage",
            Type::record([
                ("active_days_28", Int),
                ("events_28", Int),
                ("events_prior_28", Int),
                ("trend_28", Double),
                ("peak_users_28", Int),
                ("features_28", Int),
                ("days_since_last", Int),
            ]),
        )
        .with(
            "tickets",
            Type::record([
                ("open", Int),
                ("open_p1", Int),
                ("opened_28", Int),
                ("opened_prior_28", Int),
                ("escalated_90", Int),
                ("csat_90", Double),
                (
                    "recent",
                    Type::list(Type::record([
                        ("id", String),
                        ("priority", words(Priority::ALL.iter().map(|w| w.as_str()).collect())),
                        ("open", Bool),
                    ])),
                ),
            ]),
        )
        .with("survey", Type::record([("nps", Int), ("days_since_nps", Int)]))
        .with(
            "contract",
            Type::record([
                ("seats", Int),
                ("open_lines", Int),
                ("plan", String),
                ("auto_renew", Bool),
            ]),
        )
}

/// What is known of an account, as conditions see it. Unknown texts are empty, an unknown health
/// is -1, a day that does not exist is [`NEVER`] days away.
pub fn of(snapshot: &Snapshot) -> Value {
    let Snapshot { account, usage, tickets, survey, contract, .. } = snapshot;
    #[expect(clippy::cast_precision_loss, reason = "amounts are far below 2^53 cents")]
    let arr = account.arr.minor as f64 / 100.0;
    json!({
        "account": {
            "name": account.name,
            "source": account.source,
            "domain": account.domain.as_deref().unwrap_or_default(),
            "status": account.status,
            "segment": account.segment,
            "tier": account.tier,
            "lifecycle": account.lifecycle,
            "industry": account.industry.as_deref().unwrap_or_default(),
            "region": account.region.as_deref().unwrap_or_default(),
            "time_zone": account.time_zone.as_deref().unwrap_or_default(),
            "arr": arr,
            "currency": account.arr.currency,
            "employees": account.employees.unwrap_or(0),
            "health": account.health.unwrap_or(-1.0),
            "previous_health": account.previous_health.unwrap_or(-1.0),
            "band": account.health.map_or("", |health| Band::of(health).as_str()),
            "renewal_date":
                account.renewal_date.map(|day| day.to_string()).unwrap_or_default(),
            "days_to_renewal":
                account.renewal_date.map_or(NEVER, |day| snapshot.days_until(day)),
            "days_as_customer":
                account.contract_start.map_or(0, |day| -snapshot.days_until(day)),
            "has_csm": snapshot.csm.is_some(),
            "has_contact": snapshot
                .contacts
                .iter()
                .any(|contact| contact.email.is_some() && contact.bounced_at.is_none()),
        },
        "usage": usage,
        "tickets": {
            "open": tickets.open,
            "open_p1": tickets.open_p1,
            "opened_28": tickets.opened_28,
            "opened_prior_28": tickets.opened_prior_28,
            "escalated_90": tickets.escalated_90,
            "csat_90": tickets.csat_90,
            "recent": snapshot.recent_tickets.iter().map(|ticket| json!({
                "id": ticket.source_id, "priority": ticket.priority, "open": ticket.open,
            })).collect::<Vec<_>>(),
        },
        "survey": survey,
        "contract": contract,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::{
        account::{Account, Money},
        id::AccountId,
        record::Priority,
        snapshot::{ContractFacts, SurveyFacts, TicketBrief, TicketFacts, UsageFacts},
    };
    use jiff::civil::date;

    use super::*;

    /// An account of which everything is known, and one of which nothing is.
    pub(crate) fn snapshots() -> [Snapshot; 2] {
        let nobody = "acc_00000000000000000000000000000001".parse::<AccountId>().unwrap();
        let bare = Snapshot {
            account: Account {
                id: nobody,
                source: "csv".to_owned(),
                source_id: "1".to_owned(),
                name: "Acme".to_owned(),
                domain: None,
                industry: None,
                employees: None,
                segment: Segment::Smb,
                tier: Tier::TechTouch,
                lifecycle: Lifecycle::Adoption,
                status: AccountStatus::Trial,
                csm: None,
                region: None,
                time_zone: None,
                arr: Money::from_major(0.0, "USD"),
                contract_start: None,
                renewal_date: None,
                health: None,
                previous_health: None,
                as_of: "2026-11-22T08:00:00Z".parse().unwrap(),
            },
            csm: None,
            contacts: vec![],
            usage: UsageFacts::default(),
            tickets: TicketFacts::default(),
            survey: SurveyFacts { nps: -1, days_since_nps: NEVER },
            contract: ContractFacts::default(),
            recent_tickets: vec![],
            at: "2026-11-22T08:00:00Z".parse().unwrap(),
        };
        let mut full = bare.clone();
        full.account.domain = Some("acme.example".to_owned());
        full.account.industry = Some("retail".to_owned());
        full.account.employees = Some(120);
        full.account.region = Some("DE".to_owned());
        full.account.time_zone = Some("Europe/Berlin".to_owned());
        full.account.arr = Money::from_major(48_000.5, "EUR");
        full.account.contract_start = Some(date(2025, 11, 22));
        full.account.renewal_date = Some(date(2026, 12, 22));
        full.account.health = Some(44.0);
        full.account.previous_health = Some(71.0);
        full.recent_tickets = vec![TicketBrief {
            source_id: "T-1".to_owned(),
            subject: "s".into(),
            body: "b".into(),
            priority: Priority::P1,
            opened_at: full.at,
            open: true,
        }];
        [bare, full]
    }

    #[test]
    fn what_is_not_known_has_a_value_that_no_condition_mistakes() {
        let [bare, full] = snapshots();
        let bare = of(&bare);
        assert_eq!(bare["account"]["health"], -1.0);
        assert_eq!(bare["account"]["band"], "");
        assert_eq!(bare["account"]["days_to_renewal"], NEVER);
        assert_eq!(bare["account"]["has_csm"], false);
        let full = of(&full);
        assert_eq!(full["account"]["band"], "red");
        assert_eq!(full["account"]["arr"], 48_000.5);
        assert_eq!(full["account"]["days_to_renewal"], 30);
        assert_eq!(full["account"]["days_as_customer"], 365);
    }
}
