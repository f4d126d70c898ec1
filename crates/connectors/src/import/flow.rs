//! The stream from file to store: a thread reads and understands, the task looks up and hands in.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use domain::{
    account::AccountStatus,
    port::{Intake, StoreError},
    record::{Absorbed, Entity, Record, Row},
};
use jiff::{Timestamp, civil::Date};
use tokio::sync::mpsc;

use super::{
    Import, ImportError,
    csv::Fields,
    oddity::{Oddities, Oddity},
    plan::{Planned, rows},
    reading::{self, Fault, Reading},
    repeat::{Repeats, Seen},
    report::{Counts, FileReport, Rejection, Rejections, Report},
    row_hash,
};

/// Rows handed in at once.
const BATCH_ROWS: usize = 1000;
/// Bytes handed in at once, so that rows with long texts do not add up.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Subscriptions and accounts remembered at most.
const REMEMBERED: usize = 500_000;
/// Attempts at a batch while the database is unavailable.
const ATTEMPTS: u32 = 6;

/// A row with the line it begins on.
type Line = (u64, Result<Reading, Fault>);

/// The account and the dates of a subscription.
type Span = (String, Date, Option<Date>);

/// An import under way.
pub(super) struct Flow<'a> {
    import: &'a Import,
    intake: &'a dyn Intake,
    as_of: Timestamp,
    progress: &'a (dyn Fn(u64) + Send + Sync),
    report: Report,
    rejections: Rejections,
    oddities: Oddities,
    repeats: Repeats,
    spans: HashMap<String, Span>,
    /// Whether each account of this import is flagged as gone.
    flags: HashMap<String, bool>,
    /// Accounts with churn events in this import; none if no churn file was read.
    churned: Option<HashSet<String>>,
    overflowed: bool,
}

impl<'a> Flow<'a> {
    pub(super) fn new(
        import: &'a Import,
        intake: &'a dyn Intake,
        as_of: Timestamp,
        progress: &'a (dyn Fn(u64) + Send + Sync),
    ) -> Result<Self, ImportError> {
        let options = &import.options;
        let rejections = Rejections::new(options.keep_rejections, options.rejects.as_deref())
            .map_err(|source| unwritable(import, source))?;
        Ok(Self {
            import,
            intake,
            as_of,
            progress,
            report: Report {
                source: import.source.clone(),
                mapping: import.mapping.name.clone(),
                as_of,
                total: Counts::default(),
                files: Vec::new(),
                anomalies: Vec::new(),
                rejections: Vec::new(),
                notes: Vec::new(),
            },
            rejections,
            oddities: Oddities::default(),
            repeats: Repeats::default(),
            spans: HashMap::new(),
            flags: HashMap::new(),
            churned: None,
            overflowed: false,
        })
    }

    pub(super) async fn run(mut self, plan: Vec<Planned>) -> Result<Report, ImportError> {
        for planned in plan {
            self.file(planned).await?;
        }
        self.compare_flags();
        if self.repeats.forgot() {
            self.report.notes.push(
                "repeated ids were looked for among some 2,000,000 rows at a time only".to_owned(),
            );
        }
        if self.overflowed {
            self.report.notes.push(format!(
                "churn flags were compared for the first {REMEMBERED} accounts only"
            ));
        }
        self.report.anomalies = self.oddities.into_anomalies();
        self.report.rejections =
            self.rejections.finish().map_err(|source| unwritable(self.import, source))?;
        Ok(self.report)
    }

    async fn file(&mut self, planned: Planned) -> Result<(), ImportError> {
        let (name, entity) = (planned.name.clone(), planned.layout.entity());
        let account = planned.layout.label("account");
        let subscription = planned.layout.label("subscription");
        if entity == Entity::Churn {
            self.churned.get_or_insert_default();
        }
        let mut file = FileReport { file: name.clone(), entity, counts: Counts::default() };
        let (sender, mut batches) = mpsc::channel(2);
        let reader = tokio::task::spawn_blocking(move || read(&planned, &sender));
        while let Some(batch) = batches.recv().await {
            self.batch(&mut file, batch, &account, &subscription).await?;
            (self.progress)(self.report.total.read + file.counts.read);
        }
        let read = self.report.total.read + file.counts.read;
        let ended = reader.await.unwrap_or_else(|err| Err(std::io::Error::other(err)));
        ended.map_err(|source| ImportError::Read { file: name, read, source })?;
        self.report.add(file);
        Ok(())
    }

    async fn batch(
        &mut self,
        file: &mut FileReport,
        batch: Vec<Line>,
        account: &str,
        subscription: &str,
    ) -> Result<(), ImportError> {
        self.look_up(&batch, file.counts.read).await?;
        let mut lines = Vec::with_capacity(batch.len());
        let mut records = Vec::with_capacity(batch.len());
        for (line, reading) in batch {
            let placed = reading
                .and_then(|reading| self.place(&file.file, line, reading, subscription))
                .and_then(|reading| self.tell_apart(&file.file, line, reading));
            match placed {
                Ok(Some(record)) => {
                    lines.push(line);
                    records.push(record);
                }
                Ok(None) => file.counts.count(&Absorbed::Unchanged),
                Err(Fault { field, why }) => self.reject(file, line, field, why)?,
            }
        }
        self.repeats.bound();
        let answers = self.absorb(&records, self.report.total.read + file.counts.read).await?;
        for ((line, record), answer) in lines.into_iter().zip(records).zip(answers) {
            match answer {
                Absorbed::Rejected { field, why } => {
                    let field = if field == "account" { account } else { field };
                    self.reject(file, line, field.to_owned(), why)?;
                }
                answer => {
                    file.counts.count(&answer);
                    self.remember(record);
                }
            }
        }
        Ok(())
    }

    /// Fetches the subscriptions that usage rows name and that are not remembered.
    async fn look_up(&mut self, batch: &[Line], read: u64) -> Result<(), ImportError> {
        let named =
            batch.iter().filter_map(|(_, reading)| reading.as_ref().ok()?.subscription.as_ref());
        let unknown: HashSet<&String> = named.filter(|id| !self.spans.contains_key(*id)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = unknown.into_iter().cloned().collect();
        let spans =
            self.intake.subscription_spans(&self.import.source, &ids).await.map_err(|source| {
                ImportError::Store { read: self.report.total.read + read, source }
            })?;
        self.make_room(spans.len());
        for (id, account, start, end) in spans {
            self.spans.insert(id, (account, start, end));
        }
        Ok(())
    }

    fn make_room(&mut self, count: usize) {
        if self.spans.len() + count > REMEMBERED {
            self.spans.clear();
        }
    }

    /// Puts a usage row to its account and checks it against its subscription.
    fn place(
        &mut self,
        file: &str,
        line: u64,
        mut reading: Reading,
        label: &str,
    ) -> Result<Reading, Fault> {
        for oddity in std::mem::take(&mut reading.oddities) {
            self.oddities.count(oddity, || format!("{file}:{line}"));
        }
        let (Row::Usage(usage), Some(id)) = (&mut reading.row, &reading.subscription) else {
            return Ok(reading);
        };
        let Some((account, start, end)) = self.spans.get(id) else {
            if !usage.account.is_empty() {
                return Ok(reading);
            }
            return Err(Fault {
                field: label.to_owned(),
                why: format!("`{id}` is no known subscription; import its subscription first"),
            });
        };
        if usage.account.is_empty() {
            usage.account.clone_from(account);
        }
        if usage.day < *start || end.is_some_and(|end| usage.day > end) {
            let (id, day) = (&reading.source_id, usage.day);
            self.oddities.count(Oddity::UsageOutsideSubscription, || format!("{id} on {day}"));
        }
        Ok(reading)
    }

    /// Makes the record; none if this very row was handed in before. Of usage, further rows under
    /// the same id are kept under ids of their own; other rows are rejected.
    fn tell_apart(
        &mut self,
        file: &str,
        line: u64,
        reading: Reading,
    ) -> Result<Option<Record>, Fault> {
        let Reading { mut source_id, row, .. } = reading;
        let row_hash = row_hash(&row);
        match self.repeats.see(row.entity(), &source_id, &row_hash) {
            Seen::New => {}
            Seen::Same => {
                self.oddities.count(Oddity::RepeatedRow, || format!("{file}:{line}"));
                return Ok(None);
            }
            Seen::Other { first, number } if row.entity() == Entity::Usage => {
                if first {
                    self.oddities.count(Oddity::RepeatedUsageId, || source_id.clone());
                }
                source_id = format!("{source_id}#{number}");
            }
            Seen::Other { .. } => {
                return Err(Fault {
                    field: "source_id".to_owned(),
                    why: format!(
                        "`{source_id}` was given before with other content, which is kept; give \
                         every row an id of its own"
                    ),
                });
            }
        }
        Ok(Some(Record { source_id, row_hash, row }))
    }

    /// Hands records in, waiting a while for a database that is away.
    async fn absorb(&self, records: &[Record], read: u64) -> Result<Vec<Absorbed>, ImportError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut attempt = 1;
        let source = loop {
            let absorbed = self
                .intake
                .absorb(
                    &self.import.source,
                    records.to_vec(),
                    self.as_of,
                    self.import.options.announce,
                )
                .await;
            match absorbed {
                Ok(answers) if answers.len() == records.len() => return Ok(answers),
                Ok(_) => break StoreError::new(false, "the answers do not match the records"),
                Err(err) if err.is_transient() && attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
                    attempt += 1;
                }
                Err(err) => break err,
            }
        };
        Err(ImportError::Store { read, source })
    }

    /// Keeps what later rows and the comparison of churn flags need.
    fn remember(&mut self, record: Record) {
        match record.row {
            Row::Subscription(row) => {
                self.make_room(1);
                self.spans.insert(record.source_id, (row.account, row.start, row.end));
            }
            Row::Account(row) if self.flags.len() < REMEMBERED => {
                if let Some(status) = row.status {
                    self.flags.insert(record.source_id, status == AccountStatus::Churned);
                }
            }
            Row::Account(_) => self.overflowed = true,
            Row::Churn(row) => {
                if let Some(churned) = &mut self.churned
                    && self.flags.contains_key(&row.account)
                {
                    churned.insert(row.account);
                }
            }
            _ => {}
        }
    }

    /// An account that is flagged as gone should have a churn event, and no other account.
    fn compare_flags(&mut self) {
        let Some(churned) = &self.churned else { return };
        let mut contradictory: Vec<&String> = self
            .flags
            .iter()
            .filter(|(account, gone)| **gone != churned.contains(*account))
            .map(|(account, _)| account)
            .collect();
        contradictory.sort();
        for account in contradictory {
            self.oddities.count(Oddity::ContradictoryChurnFlag, || account.clone());
        }
    }

    fn reject(
        &mut self,
        file: &mut FileReport,
        line: u64,
        field: String,
        why: String,
    ) -> Result<(), ImportError> {
        file.counts.read += 1;
        file.counts.rejected += 1;
        self.rejections
            .add(Rejection { file: file.file.clone(), line, field, why })
            .map_err(|source| unwritable(self.import, source))
    }
}

fn unwritable(import: &Import, source: std::io::Error) -> ImportError {
    let file = import.options.rejects.as_deref().unwrap_or_else(|| std::path::Path::new(""));
    ImportError::Rejections { file: file.display().to_string(), source }
}

/// Reads a file to its end or until nobody listens.
fn read(planned: &Planned, sender: &mpsc::Sender<Vec<Line>>) -> std::io::Result<()> {
    let mut rows = rows(&planned.source)?;
    let mut fields = Fields::default();
    rows.read(&mut fields)?;
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while rows.read(&mut fields)? {
        let reading = reading::read(&planned.layout, &fields, &planned.customs);
        if reading.is_ok() {
            bytes += fields.size();
        }
        batch.push((fields.line, reading));
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            if sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
    }
    if !batch.is_empty() {
        // Nobody listening means the import has ended already, with its own error.
        let _ = sender.blocking_send(batch);
    }
    Ok(())
}
