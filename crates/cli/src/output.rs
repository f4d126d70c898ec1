//! What commands print: tables and sentences for people, JSON for machines.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// Where answers go, and in which form.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Output in the form the command line asked for.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether machines read along.
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer: `value` as JSON, or `text` for people.
    pub fn answer(self, value: &impl Serialize, text: &str) -> anyhow::Result<()> {
        if self.json { print(&serde_json::to_string_pretty(value)?) } else { print(text) }
    }

    /// Prints a list: `value` as JSON, or a table for people, or `empty` when there is nothing.
    pub fn list(
        self,
        value: &impl Serialize,
        columns: &[&str],
        rows: Vec<Vec<String>>,
        empty: &str,
    ) -> anyhow::Result<()> {
        if self.json {
            return print(&serde_json::to_string_pretty(value)?);
        }
        if rows.is_empty() {
            return print(empty);
        }
        print(&table(columns, rows))
    }

    /// A line of progress for people; machines get none.
    pub fn say(self, text: &str) {
        if !self.json {
            // A closed pipe ends the progress, not the work.
            let _closed = writeln!(io::stderr(), "{text}");
        }
    }

    /// A progress bar on a terminal, nothing elsewhere. `total` 0 means unknown.
    pub fn progress(self, what: &str, total: u64) -> indicatif::ProgressBar {
        if self.json || !io::stderr().is_terminal() {
            return indicatif::ProgressBar::hidden();
        }
        let bar = if total == 0 {
            indicatif::ProgressBar::new_spinner()
        } else {
            indicatif::ProgressBar::new(total)
        };
        let template = if total == 0 {
            "{spinner} {msg} {human_pos}"
        } else {
            "{msg} [{bar:30}] {human_pos}/{human_len} {eta}"
        };
        if let Ok(style) = indicatif::ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }
}

/// Text that grows piece by piece.
pub trait Append {
    /// Adds a piece: `text.append(format_args!("{n} left"))`.
    fn append(&mut self, piece: std::fmt::Arguments<'_>);
}

impl Append for String {
    fn append(&mut self, piece: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _infallible = std::fmt::Write::write_fmt(self, piece);
    }
}

/// Writes to standard output; a reader that went away is not an error.
pub fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// A plain table.
pub fn table(columns: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|column| column.to_uppercase()));
    table.add_rows(rows);
    table
        .to_string()
        .lines()
        .map(|line| line.trim_end().trim_start_matches(' ').to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// How far away a moment is, rounded, in the largest fitting unit: `in 3 h`, `2 d ago`.
pub fn relative(at: jiff::Timestamp, now: jiff::Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    let size = seconds.abs();
    let (count, unit) = match size {
        0..60 => (size, "s"),
        60..3600 => ((size + 30) / 60, "min"),
        3600..172_800 => ((size + 1800) / 3600, "h"),
        _ => ((size + 43_200) / 86_400, "d"),
    };
    if seconds >= 0 { format!("in {count} {unit}") } else { format!("{count} {unit} ago") }
}
