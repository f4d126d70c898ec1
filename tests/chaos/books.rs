//! Files of one JSON object a line, written by one process and read when all is over.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use serde::{Serialize, de::DeserializeOwned};

/// A file that lines are added to; each is handed to the system before the writer goes on.
#[derive(Debug)]
pub struct Book(Mutex<File>);

impl Book {
    /// Opens it, making it if there is none. What it holds stays.
    pub fn open(file: &Path) -> Result<Self> {
        let opened = OpenOptions::new().create(true).append(true).open(file);
        Ok(Self(Mutex::new(opened.with_context(|| format!("`{}` does not open", file.display()))?)))
    }

    /// Adds a line.
    pub fn add(&self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())?;
        Ok(())
    }
}

/// Every line of a file; none if there is no file.
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<Vec<T>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context(format!("`{}` cannot be read", file.display())),
    };
    text.lines()
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_str(line).with_context(|| {
                format!("{}:{}: not a line of this file", file.display(), number + 1)
            })
        })
        .collect()
}
