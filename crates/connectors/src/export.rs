//! Writes records as the generic format's CSV files, which the generic preset reads back.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use domain::{
    account::Money,
    record::{
        AccountRow, ChurnRow, ContactRow, EmailRow, Entity, MeetingRow, Record, Row,
        SubscriptionRow, SurveyRow, TicketRow, UsageRow,
    },
};

use crate::import::field;

/// Writes one file per table: `accounts.csv`, `contacts.csv`, `subscriptions.csv`, `usage.csv`,
/// `tickets.csv`, `surveys.csv`, `meetings.csv`, `emails.csv`, `churn.csv`. Holds no rows in memory.
pub struct Writer {
    dir: PathBuf,
    files: BTreeMap<Entity, (csv::Writer<BufWriter<File>>, u64)>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Writer {
    /// Writes into a folder, making it if there is none. Files are replaced as their first row
    /// comes.
    pub fn create(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, files: BTreeMap::new() })
    }

    /// Writes one record.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let entity = record.row.entity();
        if !self.files.contains_key(&entity) {
            self.files.insert(entity, (self.begin(entity)?, 0));
        }
        if let Some((file, rows)) = self.files.get_mut(&entity) {
            file.write_record(cells(record))?;
            *rows += 1;
        }
        Ok(())
    }

    fn begin(&self, entity: Entity) -> io::Result<csv::Writer<BufWriter<File>>> {
        let file = File::create(self.dir.join(field::file_name(entity)))?;
        let mut writer = csv::Writer::from_writer(BufWriter::new(file));
        writer.write_record(columns(entity))?;
        Ok(writer)
    }

    /// Ends every file; tells which were written, with their rows.
    pub fn finish(self) -> io::Result<Vec<(PathBuf, u64)>> {
        let dir: &Path = &self.dir;
        self.files
            .into_iter()
            .map(|(entity, (mut file, rows))| {
                file.flush()?;
                Ok((dir.join(field::file_name(entity)), rows))
            })
            .collect()
    }
}

/// The header of a table: every field but those that only other sources use.
fn columns(entity: Entity) -> impl Iterator<Item = &'static str> {
    field::fields(entity)
        .iter()
        .map(|field| field.name)
        .filter(|name| *name != "mrr" && *name != "subscription")
}

/// The cells of a row, in the order of [`columns`].
fn cells(record: &Record) -> Vec<String> {
    let mut cells = vec![record.source_id.clone()];
    cells.extend(match &record.row {
        Row::Account(row) => account(row),
        Row::Contact(row) => contact(row),
        Row::Subscription(row) => subscription(row),
        Row::Usage(row) => usage(row),
        Row::Ticket(row) => ticket(row),
        Row::Survey(row) => survey(row),
        Row::Meeting(row) => meeting(row),
        Row::Email(row) => email(row),
        Row::Churn(row) => churn(row),
    });
    cells
}

fn account(row: &AccountRow) -> Vec<String> {
    let (arr, currency) = money(row.arr.as_ref());
    vec![
        row.name.clone(),
        text(row.domain.as_ref()),
        text(row.industry.as_ref()),
        text(row.employees),
        text(row.segment),
        text(row.tier),
        text(row.lifecycle),
        text(row.status),
        text(row.csm_email.as_ref()),
        text(row.csm_name.as_ref()),
        text(row.csm_since),
        text(row.region.as_ref()),
        text(row.time_zone.as_ref()),
        arr,
        currency,
        text(row.contract_start),
        text(row.renewal_date),
        text(row.health),
    ]
}

fn contact(row: &ContactRow) -> Vec<String> {
    vec![
        row.account.clone(),
        text(row.email.as_ref()),
        row.first.clone(),
        row.last.clone(),
        text(row.title.as_ref()),
        row.role.to_string(),
        text(row.phone.as_ref()),
        text(row.locale.as_ref()),
        text(row.time_zone.as_ref()),
        row.consent.to_string(),
        text(row.opted_out_at),
    ]
}

fn subscription(row: &SubscriptionRow) -> Vec<String> {
    let (arr, currency) = money(Some(&row.arr));
    vec![
        row.account.clone(),
        row.product.clone(),
        text(row.plan.as_ref()),
        row.start.to_string(),
        text(row.end),
        text(row.seats),
        arr,
        currency,
        row.is_trial.to_string(),
        row.auto_renew.to_string(),
    ]
}

fn usage(row: &UsageRow) -> Vec<String> {
    vec![
        row.account.clone(),
        row.day.to_string(),
        row.feature.clone(),
        text(row.users),
        row.events.to_string(),
        row.seconds.to_string(),
        row.errors.to_string(),
    ]
}

fn ticket(row: &TicketRow) -> Vec<String> {
    vec![
        row.account.clone(),
        text(row.contact.as_ref()),
        row.subject.clone(),
        row.body.clone(),
        row.priority.to_string(),
        row.opened_at.to_string(),
        text(row.closed_at),
        text(row.first_response_minutes),
        text(row.csat),
        row.escalated.to_string(),
    ]
}

fn survey(row: &SurveyRow) -> Vec<String> {
    vec![
        row.account.clone(),
        text(row.contact.as_ref()),
        row.kind.to_string(),
        row.score.to_string(),
        text(row.comment.as_ref()),
        row.at.to_string(),
    ]
}

fn meeting(row: &MeetingRow) -> Vec<String> {
    vec![
        row.account.clone(),
        row.kind.to_string(),
        row.at.to_string(),
        attendees(&row.attendees),
        row.notes.clone(),
        row.next_steps.clone(),
    ]
}

fn email(row: &EmailRow) -> Vec<String> {
    vec![
        row.account.clone(),
        text(row.contact.as_ref()),
        row.thread.clone(),
        row.direction.to_string(),
        row.subject.clone(),
        row.body.clone(),
        row.at.to_string(),
    ]
}

fn churn(row: &ChurnRow) -> Vec<String> {
    vec![
        row.account.clone(),
        row.day.to_string(),
        row.reason.clone(),
        row.reactivation.to_string(),
        text(row.feedback.as_ref()),
    ]
}

fn text(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Major units with two decimals, and the currency.
fn money(money: Option<&Money>) -> (String, String) {
    money.map_or_else(Default::default, |Money { minor, currency }| {
        let sign = if *minor < 0 { "-" } else { "" };
        let minor = minor.unsigned_abs();
        (format!("{sign}{}.{:02}", minor / 100, minor % 100), currency.clone())
    })
}

fn attendees(ids: &[String]) -> String {
    let plain = |id: &String| !id.contains(';') && !id.starts_with('[') && id.trim() == id;
    if ids.iter().all(plain) { ids.join(";") } else { serde_json::json!(ids).to_string() }
}
