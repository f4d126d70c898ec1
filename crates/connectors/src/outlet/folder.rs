//! A folder of `.eml` files: mail for demonstrations, and for relays that pick files up.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use domain::{
    message::{Cleared, DeliverError, Receipt},
    port::Transmission,
};
use jiff::Timestamp;

use super::{letter, letter::Sender, withheld};

/// Writes each message to a file named after its id, so a repeated delivery finds it there.
#[derive(Debug)]
pub struct MailFolder {
    dir: PathBuf,
    sender: Sender,
}

impl MailFolder {
    /// Uses a folder, making it if there is none.
    pub fn open(dir: impl Into<PathBuf>, sender: Sender) -> io::Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        Ok(Self { dir, sender })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) async fn deliver(
        &self,
        cleared: &Cleared<'_>,
        now: Timestamp,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError> {
        let mime = letter::write(cleared, &self.sender, now)?;
        let name = format!("{}.eml", cleared.message().id);
        if !transmission.begin().await {
            return Err(withheld());
        }
        let (dir, file) = (self.dir.clone(), name.clone());
        let written = tokio::task::spawn_blocking(move || place(&dir, &file, &mime.bytes)).await;
        match written {
            Ok(Ok(true)) => Ok(Receipt { note: format!("written to {name}") }),
            Ok(Ok(false)) => Ok(Receipt { note: format!("{name} was there already") }),
            // The folder recognises a repeated message, so trying again is safe.
            Ok(Err(err)) => {
                Err(DeliverError::Transient(format!("mail folder cannot be written: {err}")))
            }
            Err(_) => Err(DeliverError::Transient("writing to the mail folder was cut".to_owned())),
        }
    }
}

/// Puts a file in its place whole and durably, or not at all; false if it was there.
fn place(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<bool> {
    let target = dir.join(name);
    if target.try_exists()? {
        return Ok(false);
    }
    // The name is fixed: what a crash left behind is overwritten by the next attempt.
    let draft = dir.join(format!(".{name}.tmp"));
    let written = (|| {
        let mut file = private(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, &target)
    })();
    if let Err(err) = written {
        // A full disk stays as full as it was; if removing fails too, the first error says more.
        let _ = fs::remove_file(&draft);
        return Err(err);
    }
    sync_dir(dir)?;
    Ok(true)
}

/// Opens a file for writing that only its owner may read: letters are personal.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the new name itself survive a power cut.
fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}
