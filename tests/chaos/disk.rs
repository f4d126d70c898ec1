//! A small disk that can be filled up and freed again.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// The file that fills it.
const BALLAST: &str = "ballast";

/// A disk of its own, small enough to be filled in a moment.
#[derive(Clone, Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// The disk that is mounted here.
    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Fills it to the last byte; tells how many that took.
    pub fn fill(&self) -> Result<u64> {
        let path = self.0.join(BALLAST);
        let mut file = File::create(&path);
        // On a disk that is full already not even a name may find room.
        let Ok(file) = &mut file else { return Ok(0) };
        let mut filled = 0;
        for size in [1 << 20, 1 << 12, 1] {
            let chunk = vec![0x55_u8; size];
            // Its only way to end is the error we are after.
            while file.write_all(&chunk).is_ok() {
                filled += u64::try_from(size)?;
            }
        }
        Ok(filled)
    }

    /// Frees it.
    pub fn free(&self) -> Result<()> {
        let path = self.0.join(BALLAST);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("`{}` cannot be removed", path.display()))
            }
            _ => Ok(()),
        }
    }
}
