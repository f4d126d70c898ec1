//! What is wrong with a file somebody wrote, shown at the line and with a caret.

use std::fmt;

use serde::Serialize;

/// Most characters of a source line that are shown.
const SHOWN: usize = 120;

/// A stretch of one line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Counts from 1; 0 when nobody knows.
    pub line: usize,
    /// Counts from 1, in characters.
    pub column: usize,
    /// Byte offset into the file.
    pub offset: usize,
    /// Length in characters; at least one is underlined.
    pub len: usize,
}

impl Place {
    /// The very beginning of a file, for what concerns the whole of it.
    pub const START: Self = Self { line: 1, column: 1, offset: 0, len: 1 };

    /// The place of a byte offset in `text`; offsets beyond the end mean the end.
    pub fn of_offset(text: &str, offset: usize, len: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: text[line_start..offset].chars().count() + 1,
            offset,
            len,
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth a look; the file can be used.
    Warning,
    /// The file cannot be used.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One finding in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, as its owner calls it.
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    /// Counts from 1, in characters.
    pub column: usize,
    /// How many characters are meant.
    pub len: usize,
    /// Error or warning.
    pub level: Level,
    /// What is wrong: lower case, no period.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The source line, without control characters; empty when there is none.
    pub snippet: String,
}

impl Diagnostic {
    /// An error at a place of `text`.
    pub fn error(file: &str, text: &str, place: Place, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: place.line.max(1),
            column: place.column.max(1),
            len: place.len.max(1),
            level: Level::Error,
            message: message.into(),
            help: None,
            snippet: line_of(text, place),
        }
    }

    /// A warning at a place of `text`.
    pub fn warning(file: &str, text: &str, place: Place, message: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(file, text, place, message) }
    }

    /// The same with help, if there is any to give.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }
}

/// The line a place is on, harmless to print.
fn line_of(text: &str, place: Place) -> String {
    let line = if place.offset > 0 && place.offset <= text.len() {
        let start = text[..place.offset].rfind('\n').map_or(0, |at| at + 1);
        text[start..].lines().next()
    } else {
        text.lines().nth(place.line.saturating_sub(1))
    };
    // A hostile file must not reach the terminal with escape sequences. The cap keeps one
    // endless line from filling the report; `Display` shows a window of what is left.
    line.unwrap_or_default()
        .chars()
        .take(place.column.saturating_add(SHOWN))
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim_end()
        .to_owned()
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.level, self.message)?;
        let gutter = self.line.to_string().len();
        write!(f, "{:gutter$}--> {}:{}:{}", "", self.file, self.line, self.column)?;
        if !self.snippet.is_empty() {
            let skipped = (self.column - 1).saturating_sub(SHOWN / 2);
            let shown: String = self.snippet.chars().skip(skipped).take(SHOWN).collect();
            let indent = self.column - 1 - skipped;
            let width = self.len.min(shown.chars().count().saturating_sub(indent)).max(1);
            let carets = "^".repeat(width);
            write!(f, "\n{:gutter$} |\n{} | {shown}", "", self.line)?;
            write!(f, "\n{:gutter$} | {:indent$}{carets}", "", "")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{:gutter$} = help: {help}", "")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a file, in the order of its lines. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// The findings, sorted by file and place; none when there are none.
    pub fn new(mut findings: Vec<Diagnostic>) -> Option<Self> {
        findings.sort_by(|a, b| {
            (&a.file, a.line, a.column, &a.message).cmp(&(&b.file, b.line, b.column, &b.message))
        });
        findings.dedup();
        (!findings.is_empty()).then_some(Self(findings))
    }

    /// The findings; at least one.
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.0
    }

    /// The findings; at least one.
    pub fn into_vec(self) -> Vec<Diagnostic> {
        self.0
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(only: Diagnostic) -> Self {
        Self(vec![only])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_looks_like_a_compiler_error() {
        let text = "playbook: x\ntittle: Müller\n";
        let place = Place::of_offset(text, 12, 6);
        let found = Diagnostic::error("x.yaml", text, place, "unknown key `tittle`")
            .with_help("did you mean `title`?".to_owned());
        insta::assert_snapshot!(found, @r"
        error: unknown key `tittle`
         --> x.yaml:2:1
          |
        2 | tittle: Müller
          | ^^^^^^
          = help: did you mean `title`?
        ");
    }

    #[test]
    fn an_endless_line_is_shown_as_a_window_and_escapes_do_not_reach_the_terminal() {
        let text = format!("{}\u{1b}[31mred", "a".repeat(5000));
        let place = Place::of_offset(&text, 5004, 3);
        let shown = Diagnostic::error("x", &text, place, "no").to_string();
        assert!(!shown.contains('\u{1b}'));
        assert!(shown.lines().all(|line| line.chars().count() < 140), "{shown}");
    }

    #[test]
    fn findings_come_in_the_order_of_lines_and_once() {
        let at = |line| Place { line, column: 1, offset: 0, len: 1 };
        let finding = |line| Diagnostic::error("f", "a\nb\n", at(line), "x");
        let all = Diagnostics::new(vec![finding(2), finding(1), finding(2)]).unwrap();
        assert_eq!(all.as_slice().iter().map(|d| d.line).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(Diagnostics::new(vec![]), None);
    }
}
