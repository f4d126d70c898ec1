//! Which files an import reads, as which tables and in which order; decided before the first row.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use domain::record::Entity;
use encoding_rs::Encoding;

use super::{
    Import, ImportError,
    csv::{Fields, Rows},
    encoding::Source,
    layout::{HeaderFault, Layout},
    reading::{Customs, currency},
};

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there, or not to be read.
    #[error("`{file}` cannot be read: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A folder without CSV files, or no path at all.
    #[error("`{0}` holds no `.csv` file")]
    NoFiles(String),
    /// Nothing in it.
    #[error("`{0}` is empty; its first line must be a header")]
    Empty(String),
    /// Something else than CSV.
    #[error("`{file}` {what}")]
    NotCsv {
        /// The file.
        file: String,
        /// What it seems to be, and what to do.
        what: &'static str,
    },
    /// No table fits its header.
    #[error(
        "`{file}` lacks {} for the table `{entity}`; its header has {}; map it with `--map`",
        listed(.lacking), listed(.found)
    )]
    Header {
        /// The file.
        file: String,
        /// The table that comes closest.
        entity: Entity,
        /// The columns that were looked for in vain.
        lacking: Vec<String>,
        /// The columns it has.
        found: Vec<String>,
    },
    /// A column that is needed stands there twice.
    #[error("`{file}` has more than one column `{header}`; rename all but one")]
    Twice {
        /// The file.
        file: String,
        /// The column.
        header: String,
    },
    /// The mapping says nothing about files of this name.
    #[error("`{0}` fits no `file` of the mapping; add an entry for it or leave the file out")]
    Unmapped(String),
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(40)
        .map(|name| {
            format!("`{}`", name.chars().filter(|c| !c.is_control()).take(60).collect::<String>())
        })
        .collect();
    let more = if names.len() > 40 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// A file with its table.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) layout: Layout,
    pub(super) customs: Customs,
}

impl Import {
    /// Finds every file's table; fails with everything that is wrong, not only the first.
    pub(super) fn plan(&self, paths: &[PathBuf]) -> Result<Vec<Planned>, ImportError> {
        let encoding = match &self.options.encoding {
            Some(label) => Some(Encoding::for_label(label.as_bytes()).ok_or_else(|| {
                ImportError::Option(format!(
                    "`{label}` is not an encoding; use `utf-8`, `windows-1252`, `utf-16le` …"
                ))
            })?),
            None => None,
        };
        let currency = currency(&self.options.currency).map_err(ImportError::Option)?;
        if self.source.trim().is_empty() || self.source.chars().count() > 100 {
            return Err(ImportError::Option(
                "name of the source must be 1 to 100 characters long".to_owned(),
            ));
        }
        let mut faults = Vec::new();
        let mut plan = Vec::new();
        for path in files(paths, &mut faults) {
            match self.planned(&path, encoding, &currency) {
                Ok(planned) => plan.push(planned),
                Err(fault) => faults.push(fault),
            }
        }
        if plan.is_empty() && faults.is_empty() {
            faults.push(FileError::NoFiles(".".to_owned()));
        }
        if !faults.is_empty() {
            return Err(ImportError::Files(faults));
        }
        shorten(&mut plan);
        // Accounts, contacts, subscriptions, the rest: rows refer to rows before them.
        plan.sort_by_key(|planned| planned.layout.entity());
        Ok(plan)
    }

    fn planned(
        &self,
        path: &Path,
        encoding: Option<&'static Encoding>,
        currency: &str,
    ) -> Result<Planned, FileError> {
        let file = path.display().to_string();
        let source = Source::new(path, encoding);
        let unreadable = |source| FileError::Unreadable { file: file.clone(), source };
        let mut rows = rows(&source).map_err(unreadable)?;
        let mut header = Fields::default();
        if !rows.read(&mut header).map_err(unreadable)? {
            return Err(FileError::Empty(file));
        }
        let headers =
            headers(&header).map_err(|what| FileError::NotCsv { file: file.clone(), what })?;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let layout = Layout::find(&self.mapping, &file_name, headers.clone()).map_err(|fault| {
            let file = file.clone();
            match fault {
                HeaderFault::Missing { entity, lacking } => {
                    FileError::Header { file, entity, lacking, found: headers }
                }
                HeaderFault::Twice(header) => FileError::Twice { file, header },
                HeaderFault::Unmapped => FileError::Unmapped(file),
            }
        })?;
        let dates = self.options.dates.unwrap_or(layout.sheet.dates);
        let customs = Customs { currency: currency.to_owned(), dates };
        Ok(Planned { name: file, source, layout, customs })
    }
}

/// Names files without their folders where that leaves no doubt.
fn shorten(plan: &mut [Planned]) {
    let short: Vec<String> = plan
        .iter()
        .map(|planned| {
            let name = Path::new(&planned.name).file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        })
        .collect();
    let distinct: HashSet<&String> = short.iter().collect();
    if distinct.len() == plan.len() {
        for (planned, name) in plan.iter_mut().zip(short) {
            planned.name = name;
        }
    }
}

/// The rows of a file, its header first.
pub(super) fn rows(source: &Source) -> io::Result<Rows> {
    let source = source.clone();
    Rows::open(Box::new(move || source.open()))
}

fn headers(header: &Fields) -> Result<Vec<String>, &'static str> {
    let bytes = header.get(0);
    if bytes.starts_with(b"PK\x03\x04") {
        return Err("is a workbook or an archive, not CSV; save the sheet as CSV first");
    }
    if header.flaw.is_some() {
        return Err("has a header line that is too long or opens a quote that is never closed");
    }
    (0..header.len())
        .map(|index| match std::str::from_utf8(header.get(index)) {
            Ok(text) if text.contains('\0') => {
                Err("seems to be UTF-16 or no text at all; try `--encoding utf-16le`")
            }
            Ok(text) => Ok(text.trim().to_owned()),
            Err(_) => Err("has a header that is not UTF-8; try `--encoding windows-1252`"),
        })
        .collect()
}

/// The files themselves, with folders replaced by the CSV files in them, by name.
fn files(paths: &[PathBuf], faults: &mut Vec<FileError>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let named = |source| FileError::Unreadable { file: path.display().to_string(), source };
        let found: io::Result<Vec<PathBuf>> = fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
        match found {
            Err(err) => faults.push(named(err)),
            Ok(found) => {
                let mut found: Vec<PathBuf> =
                    found.into_iter().filter(|path| is_csv(path)).collect();
                if found.is_empty() {
                    faults.push(FileError::NoFiles(path.display().to_string()));
                }
                found.sort();
                files.append(&mut found);
            }
        }
    }
    files
}

fn is_csv(path: &Path) -> bool {
    let csv = path
        .extension()
        .is_some_and(|ext| ext.eq_ignore_ascii_case("csv") || ext.eq_ignore_ascii_case("tsv"));
    csv && path.is_file()
}
