//! One row of a file as one record, or the reason why it is none.

use std::{borrow::Cow, str::FromStr};

use domain::{
    account::{Money, UnknownWord},
    contact::{Consent, ContactRole},
    intent::is_address,
    record::{
        AccountRow, ChurnRow, ContactRow, EmailRow, Entity, MeetingKind, MeetingRow, Priority, Row,
        SubscriptionRow, SurveyKind, SurveyRow, TicketRow, UsageRow,
    },
};

use super::{
    csv::{Fields, Flaw, MAX_FIELD, MAX_FIELDS, MAX_ROW},
    layout::{Layout, Part},
    oddity::Oddity,
    value::{self, DateOrder},
};

/// The longest id, in characters.
const MAX_ID: usize = 255;
/// The longest name, title or other short text, in characters.
const MAX_SHORT: usize = 1000;

/// A row that was understood.
#[derive(Debug)]
pub(super) struct Reading {
    /// The row's id in its source.
    pub(super) source_id: String,
    /// The data.
    pub(super) row: Row,
    /// The subscription whose account is still to be looked up.
    pub(super) subscription: Option<String>,
    /// What is odd about it and was put up with.
    pub(super) oddities: Vec<Oddity>,
}

/// Why a row is rejected: the field, as its file calls it, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) why: String,
}

/// What counts where the file does not say.
#[derive(Clone, Debug)]
pub(super) struct Customs {
    /// Currency of amounts, ISO 4217.
    pub(super) currency: String,
    /// Order of dates with slashes or dots.
    pub(super) dates: DateOrder,
}

/// Reads one row.
pub(super) fn read(layout: &Layout, fields: &Fields, customs: &Customs) -> Result<Reading, Fault> {
    sound(layout, fields)?;
    let mut cells = Cells { layout, fields, customs, oddities: Vec::new() };
    let source_id = cells.need("source_id", id)?;
    let mut subscription = None;
    let row = match layout.entity() {
        Entity::Account => Row::Account(account(&mut cells)?),
        Entity::Contact => Row::Contact(contact(&mut cells)?),
        Entity::Subscription => Row::Subscription(contract(&mut cells)?),
        Entity::Usage => {
            let (usage, through) = usage(&cells)?;
            subscription = through;
            Row::Usage(usage)
        }
        Entity::Ticket => Row::Ticket(ticket(&mut cells, &source_id)?),
        Entity::Survey => Row::Survey(survey(&cells)?),
        Entity::Meeting => Row::Meeting(meeting(&cells)?),
        Entity::Email => Row::Email(email(&cells, &source_id)?),
        Entity::Churn => Row::Churn(churn(&cells)?),
    };
    Ok(Reading { source_id, row, subscription, oddities: cells.oddities })
}

/// Refuses rows that are broken as such, before any field is looked at.
fn sound(layout: &Layout, fields: &Fields) -> Result<(), Fault> {
    let header = |index: usize| {
        layout.headers.get(index).cloned().unwrap_or_else(|| format!("field {}", index + 1))
    };
    let fault = |field, why| Err(Fault { field, why });
    match fields.flaw {
        Some(Flaw::LongField(index)) => {
            return fault(
                header(index),
                format!("is longer than {} KiB; shorten it or leave it out", MAX_FIELD / 1024),
            );
        }
        Some(Flaw::LongRow) => {
            return fault(
                "row".to_owned(),
                format!(
                    "is longer than {} MiB or has more than {MAX_FIELDS} fields; is a quote missing?",
                    MAX_ROW / (1024 * 1024)
                ),
            );
        }
        Some(Flaw::OpenQuote(index)) => {
            return fault(header(index), "opens a quote that is never closed".to_owned());
        }
        None => {}
    }
    if fields.len() != layout.headers.len() {
        let why = format!("has {} fields, the header has {}", fields.len(), layout.headers.len());
        return fault("row".to_owned(), why);
    }
    for index in 0..fields.len() {
        let bytes = fields.get(index);
        if let Err(err) = std::str::from_utf8(bytes) {
            return fault(
                header(index),
                format!(
                    "is not UTF-8 at its byte {}; is the file in another encoding, such as \
                     windows-1252?",
                    err.valid_up_to() + 1
                ),
            );
        }
        if bytes.contains(&0) {
            return fault(
                header(index),
                "holds a NUL character, which no database keeps".to_owned(),
            );
        }
    }
    Ok(())
}

/// The fields of one row.
struct Cells<'a> {
    layout: &'a Layout,
    fields: &'a Fields,
    customs: &'a Customs,
    oddities: Vec<Oddity>,
}

impl<'a> Cells<'a> {
    /// What a field says, translated; none if it says nothing.
    fn raw(&self, field: &'static str) -> Option<Cow<'a, str>> {
        let said = self.layout.columns(field).iter().find_map(|&index| {
            let text = self.text(index);
            let word =
                self.layout.sheet.translated(field, &self.layout.headers[index], text.trim());
            // Long texts keep their white space; what is translated is a word.
            let said = if word == text.trim() { text } else { word };
            (!said.trim().is_empty()).then_some(said)
        });
        said.map(Cow::Borrowed).or_else(|| {
            let parts = self.layout.default(field)?;
            let text: String = parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.as_str(),
                    Part::Column(index) => self.text(*index).trim(),
                })
                .collect();
            (!text.trim().is_empty()).then_some(Cow::Owned(text))
        })
    }

    /// `sound` has seen to it that every field is UTF-8.
    fn text(&self, index: usize) -> &'a str {
        std::str::from_utf8(self.fields.get(index)).unwrap_or_default()
    }

    fn get<T>(
        &self,
        field: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Fault> {
        self.raw(field)
            .map(|text| read(text.trim()))
            .transpose()
            .map_err(|why| self.fault(field, why))
    }

    fn need<T>(
        &self,
        field: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Fault> {
        self.get(field, read)?.ok_or_else(|| self.fault(field, "is empty".to_owned()))
    }

    fn short(&self, field: &'static str) -> Result<Option<String>, Fault> {
        self.get(field, |text| bounded(text, MAX_SHORT))
    }

    /// A long text, with its white space.
    fn long(&self, field: &'static str) -> Option<String> {
        self.raw(field).map(Cow::into_owned)
    }

    fn word<T: FromStr<Err = UnknownWord>>(&self, field: &'static str) -> Result<Option<T>, Fault> {
        self.get(field, word)
    }

    fn day(&self, field: &'static str) -> Result<Option<jiff::civil::Date>, Fault> {
        self.get(field, |text| value::day(text, self.customs.dates))
    }

    fn moment(&self, field: &'static str) -> Result<Option<jiff::Timestamp>, Fault> {
        self.get(field, |text| value::moment(text, self.customs.dates))
    }

    fn needed_day(&self, field: &'static str) -> Result<jiff::civil::Date, Fault> {
        self.need(field, |text| value::day(text, self.customs.dates))
    }

    fn needed_moment(&self, field: &'static str) -> Result<jiff::Timestamp, Fault> {
        self.need(field, |text| value::moment(text, self.customs.dates))
    }

    /// Annual revenue: as such, or twelve times the monthly one.
    fn arr(&self) -> Result<Option<Money>, Fault> {
        let arr = match self.get("arr", value::amount)? {
            Some(arr) => Some(arr),
            None => self.get("mrr", value::amount)?.map(|mrr| mrr * 12.0),
        };
        let currency = self.get("currency", currency)?;
        Ok(arr.map(|arr| {
            Money::from_major(arr, currency.as_deref().unwrap_or(&self.customs.currency))
        }))
    }

    fn time_zone(&mut self) -> Result<Option<String>, Fault> {
        let zone = self.short("time_zone")?;
        Ok(self.usable(zone, |zone| is_zone(zone), Oddity::UnusableTimeZone))
    }

    /// The value if it passes; otherwise it is left out and counted.
    fn usable<T>(
        &mut self,
        value: Option<T>,
        passes: impl FnOnce(&T) -> bool,
        oddity: Oddity,
    ) -> Option<T> {
        match value {
            Some(value) if !passes(&value) => {
                self.oddities.push(oddity);
                None
            }
            value => value,
        }
    }

    fn fault(&self, field: &str, why: String) -> Fault {
        Fault { field: self.layout.label(field), why }
    }
}

fn bounded(text: &str, most: usize) -> Result<String, String> {
    if text.chars().count() > most {
        return Err(format!("is longer than {most} characters"));
    }
    Ok(text.to_owned())
}

fn id(text: &str) -> Result<String, String> {
    bounded(text, MAX_ID)
}

fn word<T: FromStr<Err = UnknownWord>>(text: &str) -> Result<T, String> {
    let plain = text.to_lowercase().replace([' ', '-'], "_");
    plain.parse().map_err(|unknown: UnknownWord| {
        format!("{} is not one of {}", value::quoted(text), unknown.known.join(", "))
    })
}

pub(super) fn currency(text: &str) -> Result<String, String> {
    let code = text.to_ascii_uppercase();
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(format!("{} is not a currency code such as `EUR`", value::quoted(text)))
    }
}

/// The host of a web address, or the text itself.
fn host(text: &str) -> Result<String, String> {
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split(['/', '?', '#']).next().unwrap_or(bare);
    let bare = bare.strip_prefix("www.").unwrap_or(bare);
    bounded(&bare.to_lowercase(), 253)
}

/// Whether a text has the shape of an IANA time zone. Whether there is one of that name is for
/// those to say who have a time zone database.
fn is_zone(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    text.len() <= 64 && text.chars().all(legal) && (text == "UTC" || text.contains('/'))
}

fn account(cells: &mut Cells<'_>) -> Result<AccountRow, Fault> {
    let health = cells.get("health", value::number)?;
    let csm_email = cells.short("csm_email")?;
    let csm_name = cells.short("csm_name")?;
    if csm_name.is_some() && csm_email.is_none() {
        cells.oddities.push(Oddity::OwnerWithoutAddress);
    }
    Ok(AccountRow {
        name: cells.need("name", |text| bounded(text, MAX_SHORT))?,
        domain: cells.get("domain", host)?,
        industry: cells.short("industry")?,
        employees: cells.get("employees", value::count)?,
        segment: cells.word("segment")?,
        tier: cells.word("tier")?,
        lifecycle: cells.word("lifecycle")?,
        status: cells.word("status")?,
        csm_email: cells.usable(csm_email, |email| is_address(email), Oddity::UnusableAddress),
        csm_name,
        csm_since: cells.day("csm_since")?,
        region: cells.short("region")?,
        time_zone: cells.time_zone()?,
        arr: cells.arr()?,
        contract_start: cells.day("contract_start")?,
        renewal_date: cells.day("renewal_date")?,
        health: cells.usable(health, |health| (0.0..=100.0).contains(health), Oddity::OutOfScale),
    })
}

fn contact(cells: &mut Cells<'_>) -> Result<ContactRow, Fault> {
    let email = cells.short("email")?;
    let opted_out_at = cells.moment("opted_out_at")?;
    let silent = if opted_out_at.is_some() { Consent::OptedOut } else { Consent::Unknown };
    Ok(ContactRow {
        account: cells.need("account", id)?,
        email: cells.usable(email, |email| is_address(email), Oddity::UnusableAddress),
        first: cells.short("first")?.unwrap_or_default(),
        last: cells.short("last")?.unwrap_or_default(),
        title: cells.short("title")?,
        role: cells.word("role")?.unwrap_or(ContactRole::User),
        phone: cells.short("phone")?,
        locale: cells.short("locale")?,
        time_zone: cells.time_zone()?,
        consent: cells.word("consent")?.unwrap_or(silent),
        opted_out_at,
    })
}

fn contract(cells: &mut Cells<'_>) -> Result<SubscriptionRow, Fault> {
    let start = cells.needed_day("start")?;
    let end = cells.day("end")?;
    if end.is_some_and(|end| end < start) {
        cells.oddities.push(Oddity::EndedBeforeStart);
    }
    let arr = cells.arr()?;
    Ok(SubscriptionRow {
        account: cells.need("account", id)?,
        product: cells.short("product")?.unwrap_or_else(|| "subscription".to_owned()),
        plan: cells.short("plan")?,
        start,
        end,
        seats: cells.get("seats", value::count)?,
        arr: arr.unwrap_or_else(|| Money::from_major(0.0, &cells.customs.currency)),
        is_trial: cells.get("is_trial", value::truth)?.unwrap_or(false),
        auto_renew: cells.get("auto_renew", value::truth)?.unwrap_or(false),
    })
}

fn usage(cells: &Cells<'_>) -> Result<(UsageRow, Option<String>), Fault> {
    let subscription = cells.get("subscription", id)?;
    let account = match (cells.get("account", id)?, &subscription) {
        (Some(account), _) => account,
        (None, Some(_)) => String::new(),
        (None, None) if cells.layout.columns("account").is_empty() => {
            return Err(cells.fault("subscription", "is empty".to_owned()));
        }
        (None, None) => return Err(cells.fault("account", "is empty".to_owned())),
    };
    let usage = UsageRow {
        account,
        day: cells.needed_day("day")?,
        feature: cells.short("feature")?.unwrap_or_default(),
        users: cells.get("users", value::count)?,
        events: cells.need("events", value::count)?,
        seconds: cells.get("seconds", value::count)?.unwrap_or(0),
        errors: cells.get("errors", value::count)?.unwrap_or(0),
    };
    Ok((usage, subscription))
}

fn ticket(cells: &mut Cells<'_>, source_id: &str) -> Result<TicketRow, Fault> {
    let opened_at = cells.needed_moment("opened_at")?;
    let closed_at = cells.moment("closed_at")?;
    if closed_at.is_some_and(|closed| closed < opened_at) {
        cells.oddities.push(Oddity::ClosedBeforeOpened);
    }
    let csat = cells.get("csat", value::whole)?;
    Ok(TicketRow {
        account: cells.need("account", id)?,
        contact: cells.get("contact", id)?,
        subject: cells.short("subject")?.unwrap_or_else(|| format!("ticket {source_id}")),
        body: cells.long("body").unwrap_or_default(),
        priority: cells.word("priority")?.unwrap_or(Priority::P3),
        opened_at,
        closed_at,
        first_response_minutes: cells.get("first_response_minutes", value::count)?,
        csat: cells.usable(csat, |csat| (1..=5).contains(csat), Oddity::OutOfScale),
        escalated: cells.get("escalated", value::truth)?.unwrap_or(false),
    })
}

fn survey(cells: &Cells<'_>) -> Result<SurveyRow, Fault> {
    let kind: SurveyKind = cells.need("kind", word)?;
    let score = cells.need("score", value::whole)?;
    let scale = match kind {
        SurveyKind::Nps => 0..=10,
        SurveyKind::Csat => 1..=5,
        SurveyKind::Ces => 1..=7,
    };
    if !scale.contains(&score) {
        let why = format!("is {score}, {kind} goes from {} to {}", scale.start(), scale.end());
        return Err(cells.fault("score", why));
    }
    Ok(SurveyRow {
        account: cells.need("account", id)?,
        contact: cells.get("contact", id)?,
        kind,
        score,
        comment: cells.long("comment"),
        at: cells.needed_moment("at")?,
    })
}

fn meeting(cells: &Cells<'_>) -> Result<MeetingRow, Fault> {
    Ok(MeetingRow {
        account: cells.need("account", id)?,
        kind: cells.word("kind")?.unwrap_or(MeetingKind::CheckIn),
        at: cells.needed_moment("at")?,
        attendees: cells.get("attendees", attendees)?.unwrap_or_default(),
        notes: cells.long("notes").unwrap_or_default(),
        next_steps: cells.long("next_steps").unwrap_or_default(),
    })
}

/// Ids separated by semicolons, or a JSON list where ids hold semicolons themselves.
fn attendees(text: &str) -> Result<Vec<String>, String> {
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|_| "is not a list of ids".to_owned());
    }
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(id).collect()
}

fn email(cells: &Cells<'_>, source_id: &str) -> Result<EmailRow, Fault> {
    Ok(EmailRow {
        account: cells.need("account", id)?,
        contact: cells.get("contact", id)?,
        thread: cells.get("thread", id)?.unwrap_or_else(|| source_id.to_owned()),
        direction: cells.need("direction", word)?,
        subject: cells.short("subject")?.unwrap_or_default(),
        body: cells.long("body").unwrap_or_default(),
        at: cells.needed_moment("at")?,
    })
}

fn churn(cells: &Cells<'_>) -> Result<ChurnRow, Fault> {
    Ok(ChurnRow {
        account: cells.need("account", id)?,
        day: cells.needed_day("day")?,
        reason: cells.short("reason")?.unwrap_or_else(|| "unknown".to_owned()),
        reactivation: cells.get("reactivation", value::truth)?.unwrap_or(false),
        feedback: cells.long("feedback"),
    })
}
