//! Archive files on disk: written whole or not at all, read line by line.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::archive::line::{FORMAT, Header};

/// A longer line is not one of ours.
const LONGEST: u64 = 1 << 30;

/// A file that was written and is on the disk for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name within the archive folder.
    pub name: String,
    /// SHA-256, in hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// A file that is being written, under another name until it is whole.
pub struct Draft {
    folder: PathBuf,
    name: String,
    lines: GzEncoder<File>,
}

impl Draft {
    /// Begins a file. The folder is made if it is not there, readable by its owner only.
    pub fn begin(folder: &Path, name: &str, header: &Header) -> anyhow::Result<Self> {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        if !folder.is_dir() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .with_context(|| format!("folder `{}` cannot be made", folder.display()))?;
            sync_folder(folder.parent().unwrap_or(folder))?;
        }
        let path = part(folder, name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("file `{}` cannot be made", path.display()))?;
        let lines = GzEncoder::new(file, Compression::default());
        let mut draft = Self { folder: folder.to_owned(), name: name.to_owned(), lines };
        draft.line(header)?;
        Ok(draft)
    }

    /// Adds a line.
    pub fn line(&mut self, line: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.lines
            .write_all(&text)
            .with_context(|| format!("archive `{}` cannot be written", self.name))
    }

    /// Makes the file durable under its name, then reads it back for its hash.
    pub fn finish(self) -> anyhow::Result<Written> {
        let context = || format!("archive `{}` cannot be written", self.name);
        let file = self.lines.finish().with_context(context)?;
        file.sync_all().with_context(context)?;
        drop(file);
        let path = self.folder.join(&self.name);
        fs::rename(part(&self.folder, &self.name), &path).with_context(context)?;
        sync_folder(&self.folder)?;
        let (sha256, bytes) = fingerprint(&path)?;
        Ok(Written { name: self.name, sha256, bytes })
    }
}

/// Removes what a process left half written. Only whoever has the right to archive may call it.
pub fn remove_drafts(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".jsonl.gz.part") {
            // It is in nobody's way; the next pass tries again.
            let _stays = fs::remove_file(entry.path());
        }
    }
}

fn part(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.part"))
}

/// Makes what was created or renamed in a folder durable.
pub fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("folder `{}` cannot be synced", folder.display()))
}

/// SHA-256 in hex, and size.
pub fn fingerprint(path: &Path) -> anyhow::Result<(String, u64)> {
    let mut file =
        File::open(path).with_context(|| format!("file `{}` cannot be read", path.display()))?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file
            .read(&mut buffer)
            .with_context(|| format!("file `{}` cannot be read", path.display()))?;
        if read == 0 {
            return Ok((hex::encode(hash.finalize()), bytes));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

/// An archive file that is being read.
pub struct Reading {
    lines: BufReader<MultiGzDecoder<File>>,
    number: u64,
    /// Its first line.
    pub header: Header,
}

impl Reading {
    /// Opens a file and reads its header.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("file `{}` cannot be read", path.display()))?;
        let mut lines = BufReader::new(MultiGzDecoder::new(file));
        let mut number = 0;
        let header: Header =
            next(&mut lines, &mut number)?.context("it is empty where a header belongs")?;
        anyhow::ensure!(
            header.playgate_archive <= FORMAT,
            "it is of format {}, this program reads up to {FORMAT}; use a newer one",
            header.playgate_archive
        );
        Ok(Self { lines, number, header })
    }

    /// The next line; none at the end.
    pub fn line<T: DeserializeOwned>(&mut self) -> anyhow::Result<Option<T>> {
        next(&mut self.lines, &mut self.number)
    }
}

fn next<T: DeserializeOwned>(
    lines: &mut BufReader<MultiGzDecoder<File>>,
    number: &mut u64,
) -> anyhow::Result<Option<T>> {
    *number += 1;
    let mut text = String::new();
    lines
        .take(LONGEST)
        .read_line(&mut text)
        .with_context(|| format!("line {number} cannot be unpacked"))?;
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&text).map(Some).with_context(|| format!("line {number} cannot be read"))
}

#[cfg(test)]
mod tests {
    use domain::archive::ArchiveKind;
    use jiff::Timestamp;

    use super::*;

    fn header() -> Header {
        Header {
            playgate_archive: FORMAT,
            kind: ArchiveKind::Runs,
            items: 2,
            before: Timestamp::UNIX_EPOCH,
            made_at: Timestamp::UNIX_EPOCH,
            program: "0".to_owned(),
        }
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        let mut draft = Draft::begin(&archive, "a.jsonl.gz", &header()).unwrap();
        draft.line(&"one").unwrap();
        assert!(!archive.join("a.jsonl.gz").exists());
        draft.line(&"two").unwrap();
        let written = draft.finish().unwrap();
        let path = archive.join("a.jsonl.gz");
        assert_eq!(fingerprint(&path).unwrap(), (written.sha256, written.bytes));
        let mut reading = Reading::open(&path).unwrap();
        assert_eq!(reading.header, header());
        let mut lines = Vec::new();
        while let Some(line) = reading.line::<String>().unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, ["one", "two"]);
        assert_eq!(fs::read_dir(&archive).unwrap().count(), 1, "nothing is left lying about");
    }

    #[test]
    fn a_cut_file_and_one_of_a_later_format_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let mut draft = Draft::begin(folder.path(), "a", &header()).unwrap();
        for n in 0..10_000_u32 {
            draft.line(&n.wrapping_mul(2_654_435_761)).unwrap();
        }
        draft.finish().unwrap();
        let path = folder.path().join("a");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 40]).unwrap();
        let mut reading = Reading::open(&path).unwrap();
        let cut = loop {
            match reading.line::<u32>() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a cut file reads as a whole one"),
                Err(cut) => break cut,
            }
        };
        assert!(cut.to_string().contains("cannot be unpacked"), "{cut:#}");

        let later = Header { playgate_archive: FORMAT + 1, ..header() };
        Draft::begin(folder.path(), "b", &later).unwrap().finish().unwrap();
        let refused = Reading::open(&folder.path().join("b")).err().unwrap().to_string();
        assert!(refused.contains("use a newer one"), "{refused}");
    }
}
