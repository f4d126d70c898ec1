//! An account in a few lines of YAML, and the snapshot it stands for.

use domain::{
    account::{Account, AccountStatus, Lifecycle, Money, Segment, Tier},
    contact::{Consent, Contact, ContactRole},
    id::{AccountId, ContactId, UserId},
    record::Priority,
    snapshot::{ContractFacts, Snapshot, SurveyFacts, TicketBrief, TicketFacts, UsageFacts},
    user::{Role, User},
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::Deserialize;
use uuid::Uuid;

/// What is known of an account, named as in [`Snapshot`] where that is short. Whatever a case leaves
/// out is that of a calm, healthy customer; `null` stands for unknown.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Facts {
    company: String,
    segment: Segment,
    lifecycle: Lifecycle,
    /// In EUR.
    arr: f64,
    pub(crate) health: Option<f64>,
    health_before: Option<f64>,
    /// Days until the contract ends.
    renewal_in: Option<i64>,
    auto_renew: bool,
    plan: String,
    seats: i64,
    /// Events of the last 28 days, and of the 28 before.
    events: i32,
    events_before: i32,
    active_days: i64,
    peak_users: i64,
    features: i64,
    days_since_last: i64,
    open_tickets: i64,
    open_p1: i64,
    /// Tickets opened in the last 28 days, and in the 28 before.
    opened: i64,
    opened_before: i64,
    /// In the last 90 days.
    escalated: i64,
    /// From 1 to 5; 0 when nobody answered.
    csat: f64,
    nps: Option<i64>,
    days_since_nps: i64,
    csm: Option<String>,
    pub(crate) contacts: Vec<Person>,
    /// Newest first. They do not change the counts above.
    pub(crate) tickets: Vec<Ticket>,
}

/// A person at the customer's. Their address is made from their name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) role: ContactRole,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    phone: Option<String>,
}

/// A ticket. Its text comes from outside.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    subject: String,
    pub(crate) body: String,
    #[serde(default = "Ticket::usual")]
    priority: Priority,
}

impl Ticket {
    const fn usual() -> Priority {
        Priority::P3
    }
}

impl Default for Facts {
    fn default() -> Self {
        let person = |(first, last, role, title, phone): (&str, &str, _, &str, &str)| Person {
            first: first.to_owned(),
            last: last.to_owned(),
            role,
            title: Some(title.to_owned()),
            phone: Some(phone.to_owned()),
        };
        let (champion, buyer) = (ContactRole::Champion, ContactRole::EconomicBuyer);
        Self {
            company: "Harbor Mills".to_owned(),
            segment: Segment::MidMarket,
            lifecycle: Lifecycle::Growth,
            arr: 47_300.0,
            health: Some(83.0),
            health_before: Some(83.0),
            renewal_in: Some(214),
            auto_renew: false,
            plan: "Team".to_owned(),
            seats: 60,
            events: 5200,
            events_before: 5100,
            active_days: 20,
            peak_users: 41,
            features: 11,
            days_since_last: 1,
            open_tickets: 1,
            open_p1: 0,
            opened: 1,
            opened_before: 1,
            escalated: 0,
            csat: 4.6,
            nps: Some(9),
            days_since_nps: 35,
            csm: Some("Mara Voss".to_owned()),
            contacts: vec![
                person(("Ines", "Carvalho", champion, "Head of Planning", "+49 30 5550 1731")),
                person(("Tomasz", "Reyka", buyer, "Finance Director", "+49 30 5550 1764")),
            ],
            tickets: Vec::new(),
        }
    }
}

impl Facts {
    /// The moment all cases take place at: a Monday morning.
    pub(crate) const NOW: Timestamp = Timestamp::constant(1_793_610_000, 0);

    /// The snapshot these facts stand for. Ids are the same each time.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let account = AccountId::from_uuid(Uuid::from_u128(1));
        let today = Self::NOW.to_zoned(TimeZone::UTC).date();
        let host = format!("{}.example", self.company.to_lowercase().replace(' ', "-"));
        let csm = self.csm.as_ref().map(|name| User {
            id: UserId::from_uuid(Uuid::from_u128(2)),
            email: address(name, "vendor.example"),
            name: name.clone(),
            role: Role::Csm,
            since: None,
            disabled_at: None,
        });
        let contact = |(person, number): (&Person, u128)| Contact {
            id: ContactId::from_uuid(Uuid::from_u128(number)),
            account,
            source: "suite".to_owned(),
            source_id: number.to_string(),
            email: Some(address(&format!("{} {}", person.first, person.last), &host)),
            first: person.first.clone(),
            last: person.last.clone(),
            title: person.title.clone(),
            role: person.role,
            phone: person.phone.clone(),
            locale: None,
            time_zone: None,
            consent: Consent::Contractual,
            opted_out_at: None,
            bounced_at: None,
        };
        let ticket = |ticket: &Ticket| TicketBrief {
            source_id: ticket.id.clone(),
            subject: ticket.subject.clone().into(),
            body: ticket.body.clone().into(),
            priority: ticket.priority,
            opened_at: Self::NOW,
            open: true,
        };
        Snapshot {
            account: Account {
                id: account,
                source: "suite".to_owned(),
                source_id: "1".to_owned(),
                name: self.company.clone(),
                domain: Some(host.clone()),
                industry: None,
                employees: None,
                segment: self.segment,
                tier: Tier::MidTouch,
                lifecycle: self.lifecycle,
                status: AccountStatus::Active,
                csm: csm.as_ref().map(|csm| csm.id),
                region: None,
                time_zone: None,
                arr: Money::from_major(self.arr, "EUR"),
                contract_start: None,
                renewal_date: self.renewal_in.and_then(|days| today.checked_add(days.days()).ok()),
                health: self.health,
                previous_health: self.health_before,
                as_of: Self::NOW,
            },
            csm,
            contacts: self.contacts.iter().zip(10..).map(contact).collect(),
            usage: UsageFacts {
                active_days_28: self.active_days,
                events_28: self.events.into(),
                events_prior_28: self.events_before.into(),
                trend_28: self.trend(),
                peak_users_28: self.peak_users,
                features_28: self.features,
                days_since_last: self.days_since_last,
            },
            tickets: TicketFacts {
                open: self.open_tickets,
                open_p1: self.open_p1,
                opened_28: self.opened,
                opened_prior_28: self.opened_before,
                escalated_90: self.escalated,
                csat_90: self.csat,
            },
            survey: SurveyFacts {
                nps: self.nps.unwrap_or(-1),
                days_since_nps: if self.nps.is_some() { self.days_since_nps } else { 9999 },
            },
            contract: ContractFacts {
                seats: self.seats,
                open_lines: 1,
                plan: self.plan.clone(),
                auto_renew: self.auto_renew,
            },
            recent_tickets: self.tickets.iter().map(ticket).collect(),
            at: Self::NOW,
        }
    }

    fn trend(&self) -> f64 {
        if self.events_before == 0 {
            return 0.0;
        }
        f64::from(self.events) / f64::from(self.events_before) - 1.0
    }

    /// Everything with a number in it that a letter to the customer may say: their own contract,
    /// use and tickets, today, and the names; no revenue, health or survey score.
    pub(crate) fn sayable(&self) -> String {
        let snapshot = self.snapshot();
        let (usage, tickets) = (&snapshot.usage, &snapshot.tickets);
        format!(
            "{} {} {} {} {:?} {:.0} {} {} {} {} {} {} {} {} {} {}",
            self.company,
            self.plan,
            self.seats,
            snapshot.at.to_zoned(TimeZone::UTC).date(),
            snapshot.account.renewal_date.map(|day| (day.to_string(), self.renewal_in)),
            self.trend() * 100.0,
            usage.active_days_28,
            usage.events_28,
            usage.events_prior_28,
            usage.peak_users_28,
            usage.features_28,
            usage.days_since_last,
            tickets.open,
            tickets.open_p1,
            tickets.opened_28,
            tickets.opened_prior_28,
        )
    }
}

/// `Mara Voss` becomes `mara.voss@host`.
fn address(name: &str, host: &str) -> String {
    format!("{}@{host}", name.to_lowercase().replace(' ', "."))
}
