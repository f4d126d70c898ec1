//! What importers and generators hand in: customer data under its source's own ids.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    account::{AccountStatus, Lifecycle, Money, Segment, Tier, words},
    contact::{Consent, ContactRole},
};

words! {
    /// The canonical tables data is read into.
    Entity {
        Account = "account",
        Contact = "contact",
        Subscription = "subscription",
        Usage = "usage",
        Ticket = "ticket",
        Survey = "survey",
        Meeting = "meeting",
        Email = "email",
        Churn = "churn",
    }
}
words! {
    /// How urgent a ticket is.
    Priority { P1 = "p1", P2 = "p2", P3 = "p3", P4 = "p4" }
}
words! {
    /// Which question a survey asked.
    SurveyKind { Nps = "nps", Csat = "csat", Ces = "ces" }
}
words! {
    /// What a meeting was for.
    MeetingKind {
        Kickoff = "kickoff",
        Qbr = "qbr",
        Ebr = "ebr",
        Coaching = "coaching",
        Webinar = "webinar",
        CheckIn = "check_in",
    }
}
words! {
    /// Who wrote a message: the customer or us.
    Direction { Inbound = "inbound", Outbound = "outbound" }
}

/// One row of customer data, with the key that makes reading it again harmless.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The row's id in its source; unique per source and entity.
    pub source_id: String,
    /// SHA-256 of the row as read, in hex; an equal hash means an unchanged row.
    pub row_hash: String,
    /// The data.
    pub row: Row,
}

/// The data of a [`Record`]. `account` fields hold the account's id *in the source*.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entity", rename_all = "snake_case")]
pub enum Row {
    /// A company.
    Account(AccountRow),
    /// A person.
    Contact(ContactRow),
    /// A contract line.
    Subscription(SubscriptionRow),
    /// One day of use of one feature (or of everything, with an empty feature).
    Usage(UsageRow),
    /// A support case.
    Ticket(TicketRow),
    /// An answer to a survey.
    Survey(SurveyRow),
    /// A meeting with the customer.
    Meeting(MeetingRow),
    /// An e-mail to or from the customer.
    Email(EmailRow),
    /// A customer leaving (or coming back).
    Churn(ChurnRow),
}

impl Row {
    /// The table this row belongs to.
    pub const fn entity(&self) -> Entity {
        match self {
            Self::Account(_) => Entity::Account,
            Self::Contact(_) => Entity::Contact,
            Self::Subscription(_) => Entity::Subscription,
            Self::Usage(_) => Entity::Usage,
            Self::Ticket(_) => Entity::Ticket,
            Self::Survey(_) => Entity::Survey,
            Self::Meeting(_) => Entity::Meeting,
            Self::Email(_) => Entity::Email,
            Self::Churn(_) => Entity::Churn,
        }
    }
}

/// A company as read. Absent values keep what is already known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The company's name.
    pub name: String,
    /// Internet domain.
    pub domain: Option<String>,
    /// Line of business.
    pub industry: Option<String>,
    /// Number of employees.
    pub employees: Option<i64>,
    /// Size class.
    pub segment: Option<Segment>,
    /// Touch model.
    pub tier: Option<Tier>,
    /// Journey phase.
    pub lifecycle: Option<Lifecycle>,
    /// Customer, trial or gone.
    pub status: Option<AccountStatus>,
    /// E-mail address of the owning CSM.
    pub csm_email: Option<String>,
    /// Full name of the owning CSM, used when the user is not known yet.
    pub csm_name: Option<String>,
    /// First working day of the owning CSM, used when the user is not known yet.
    pub csm_since: Option<Date>,
    /// Country or region.
    pub region: Option<String>,
    /// IANA time zone.
    pub time_zone: Option<String>,
    /// Annual recurring revenue.
    pub arr: Option<Money>,
    /// Start of the first contract.
    pub contract_start: Option<Date>,
    /// End of the current contract.
    pub renewal_date: Option<Date>,
    /// Health from 0 to 100, when the source computes one.
    pub health: Option<f64>,
}

/// A person as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactRow {
    /// The account's id in the source.
    pub account: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Given name.
    pub first: String,
    /// Family name.
    pub last: String,
    /// Job title.
    pub title: Option<String>,
    /// What they are to the account.
    pub role: ContactRole,
    /// Telephone number.
    pub phone: Option<String>,
    /// BCP 47 language tag.
    pub locale: Option<String>,
    /// IANA time zone.
    pub time_zone: Option<String>,
    /// What they agreed to receive.
    pub consent: Consent,
    /// Since when they receive nothing.
    pub opted_out_at: Option<Timestamp>,
}

/// A contract line as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionRow {
    /// The account's id in the source.
    pub account: String,
    /// What was bought.
    pub product: String,
    /// Plan, in the vendor's words.
    pub plan: Option<String>,
    /// First day.
    pub start: Date,
    /// Last day, open if none.
    pub end: Option<Date>,
    /// Seats bought.
    pub seats: Option<i64>,
    /// Annual recurring revenue of the line.
    pub arr: Money,
    /// Whether it is a trial.
    pub is_trial: bool,
    /// Whether it renews by itself.
    pub auto_renew: bool,
}

/// Use of the product on one day as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageRow {
    /// The account's id in the source.
    pub account: String,
    /// The day, in UTC.
    pub day: Date,
    /// The feature; empty for the whole product.
    pub feature: String,
    /// Distinct people who used it, where the source counts them.
    pub users: Option<i64>,
    /// How often it was used.
    pub events: i64,
    /// Seconds spent.
    pub seconds: i64,
    /// Errors met.
    pub errors: i64,
}

/// A support case as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketRow {
    /// The account's id in the source.
    pub account: String,
    /// The contact's id in the source.
    pub contact: Option<String>,
    /// Subject line.
    pub subject: String,
    /// What the customer wrote. Untrusted, personal.
    pub body: String,
    /// Urgency.
    pub priority: Priority,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Minutes to the first answer.
    pub first_response_minutes: Option<i64>,
    /// Satisfaction from 1 to 5.
    pub csat: Option<i64>,
    /// Whether it was escalated.
    pub escalated: bool,
}

/// A survey answer as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurveyRow {
    /// The account's id in the source.
    pub account: String,
    /// The contact's id in the source.
    pub contact: Option<String>,
    /// Which question.
    pub kind: SurveyKind,
    /// The answer on the question's own scale.
    pub score: i64,
    /// Free text. Untrusted, personal.
    pub comment: Option<String>,
    /// When it was given.
    pub at: Timestamp,
}

/// A meeting as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeetingRow {
    /// The account's id in the source.
    pub account: String,
    /// What it was for.
    pub kind: MeetingKind,
    /// When it began.
    pub at: Timestamp,
    /// Contacts' ids in the source.
    pub attendees: Vec<String>,
    /// Notes. Personal.
    pub notes: String,
    /// Agreed next steps.
    pub next_steps: String,
}

/// An e-mail as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailRow {
    /// The account's id in the source.
    pub account: String,
    /// The contact's id in the source.
    pub contact: Option<String>,
    /// Messages of one conversation share this.
    pub thread: String,
    /// Who wrote it.
    pub direction: Direction,
    /// Subject line.
    pub subject: String,
    /// Text. Untrusted, personal.
    pub body: String,
    /// When it was sent.
    pub at: Timestamp,
}

/// A departure as read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChurnRow {
    /// The account's id in the source.
    pub account: String,
    /// The day the customer left.
    pub day: Date,
    /// Why, as a code of the source.
    pub reason: String,
    /// Whether the customer had come back after an earlier departure.
    pub reactivation: bool,
    /// What the customer said. Untrusted, personal.
    pub feedback: Option<String>,
}

/// What happened to one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// It was new.
    Inserted,
    /// It replaced an older row of the same id.
    Updated,
    /// The same row was there already.
    Unchanged,
    /// It could not be placed; says why and what to do.
    Rejected {
        /// The field at fault, in canonical words.
        field: &'static str,
        /// Why.
        why: String,
    },
}
