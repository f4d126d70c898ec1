//! What became of every row of an import, and what is odd about the data.

use std::{fmt, io, path::Path};

use domain::record::{Absorbed, Entity};
use jiff::Timestamp;
use serde::Serialize;

use super::oddity::Anomaly;

/// What became of the rows of a file, or of all files. `read` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows below the header, blank lines not counted.
    pub read: u64,
    /// New ones.
    pub inserted: u64,
    /// Ones that replaced an older row of the same id.
    pub updated: u64,
    /// Ones that were there already.
    pub unchanged: u64,
    /// Ones that were left out; each has a [`Rejection`].
    pub rejected: u64,
}

impl Counts {
    pub(super) const fn count(&mut self, absorbed: &Absorbed) {
        self.read += 1;
        match absorbed {
            Absorbed::Inserted => self.inserted += 1,
            Absorbed::Updated => self.updated += 1,
            Absorbed::Unchanged => self.unchanged += 1,
            Absorbed::Rejected { .. } => self.rejected += 1,
        }
    }

    const fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.rejected += other.rejected;
    }

    const fn numbers(&self) -> [u64; 5] {
        [self.read, self.inserted, self.updated, self.unchanged, self.rejected]
    }
}

/// One file's part of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// The file, as it was named.
    pub file: String,
    /// The table it was found to hold.
    pub entity: Entity,
    /// What became of its rows.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The file, as it was named.
    pub file: String,
    /// The line the row begins on, from 1.
    pub line: u64,
    /// The field at fault, as the file calls it.
    pub field: String,
    /// Why, and what to do.
    pub why: String,
}

/// The data-quality report of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The system the data came from.
    pub source: String,
    /// The mapping it was read with.
    pub mapping: String,
    /// When it was read.
    pub as_of: Timestamp,
    /// All files together.
    pub total: Counts,
    /// File by file, in the order they were read.
    pub files: Vec<FileReport>,
    /// What is odd about the data.
    pub anomalies: Vec<Anomaly>,
    /// The first rejections; [`Counts::rejected`] says how many there are.
    pub rejections: Vec<Rejection>,
    /// What else the reader should know.
    pub notes: Vec<String>,
}

impl Report {
    /// All files together.
    pub const fn totals(&self) -> Counts {
        self.total
    }

    pub(super) fn add(&mut self, file: FileReport) {
        self.total.add(&file.counts);
        self.files.push(file);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Import of `{}` by the mapping `{}`", self.source, self.mapping)?;
        let width =
            self.files.iter().map(|file| file.file.chars().count()).max().unwrap_or(0).max(5);
        let head = ["read", "inserted", "updated", "unchanged", "rejected"];
        write!(f, "\n{:width$}  {:12}", "file", "table")?;
        for title in head {
            write!(f, " {title:>10}")?;
        }
        let mut row = |name: &str, table: &str, counts: &Counts| {
            write!(f, "\n{name:width$}  {table:12}")?;
            counts.numbers().iter().try_for_each(|number| write!(f, " {:>10}", grouped(*number)))
        };
        for file in &self.files {
            row(&file.file, file.entity.as_str(), &file.counts)?;
        }
        row("total", "", &self.total)?;
        if !self.anomalies.is_empty() {
            write!(f, "\n\nOddities")?;
            for anomaly in &self.anomalies {
                write!(f, "\n{:>10}  {}", grouped(anomaly.count), anomaly.title)?;
                write!(f, "\n{:10}  for example {}", "", anomaly.examples.join(", "))?;
            }
        }
        if !self.rejections.is_empty() {
            write!(f, "\n\nRejected rows")?;
            for Rejection { file, line, field, why } in &self.rejections {
                write!(f, "\n  {file}:{line}  `{field}` {why}")?;
            }
            let more =
                self.total.rejected - (self.rejections.len() as u64).min(self.total.rejected);
            if more > 0 {
                write!(f, "\n  … and {} more", grouped(more))?;
            }
        }
        for note in &self.notes {
            write!(f, "\n\nNote: {note}")?;
        }
        writeln!(f)
    }
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Keeps the first rejections, and writes all of them to a file if one is wanted.
pub(super) struct Rejections {
    most: usize,
    kept: Vec<Rejection>,
    file: Option<csv::Writer<std::fs::File>>,
}

impl Rejections {
    pub(super) fn new(most: usize, file: Option<&Path>) -> io::Result<Self> {
        let file = file
            .map(|path| -> io::Result<_> {
                let mut writer = csv::Writer::from_writer(std::fs::File::create(path)?);
                writer.write_record(["file", "line", "field", "why"])?;
                Ok(writer)
            })
            .transpose()?;
        Ok(Self { most, kept: Vec::new(), file })
    }

    pub(super) fn add(&mut self, rejection: Rejection) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            let Rejection { file: name, line, field, why } = &rejection;
            file.write_record([name, &line.to_string(), field, why])?;
        }
        if self.kept.len() < self.most {
            self.kept.push(rejection);
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Vec<Rejection>> {
        if let Some(file) = &mut self.file {
            file.flush()?;
        }
        Ok(self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::oddity::Oddity, *};

    #[test]
    fn the_report_reads_as_a_table() {
        let mut report = Report {
            source: "crm".to_owned(),
            mapping: "generic".to_owned(),
            as_of: Timestamp::UNIX_EPOCH,
            total: Counts::default(),
            files: Vec::new(),
            anomalies: vec![Anomaly {
                kind: Oddity::RepeatedRow,
                title: Oddity::RepeatedRow.title(),
                count: 1_234_567,
                examples: vec!["a.csv:3".to_owned()],
            }],
            rejections: vec![Rejection {
                file: "a.csv".to_owned(),
                line: 7,
                field: "Close Date".to_owned(),
                why: "is empty".to_owned(),
            }],
            notes: Vec::new(),
        };
        let counts = Counts { read: 1200, inserted: 1190, updated: 0, unchanged: 0, rejected: 10 };
        report.add(FileReport { file: "a.csv".to_owned(), entity: Entity::Ticket, counts });
        let text = report.to_string();
        for line in [
            "file   table              read   inserted    updated  unchanged   rejected",
            "a.csv  ticket            1,200      1,190          0          0         10",
            "total                    1,200      1,190          0          0         10",
            " 1,234,567  rows repeated word for word",
            "  a.csv:7  `Close Date` is empty",
            "  … and 9 more",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["files"][0]["rejected"], 10);
        assert_eq!(json["anomalies"][0]["kind"], "repeated_row");
    }
}
