//! All processes that live in a folder: found by where they stand, signalled together.
//!
//! PostgreSQL's servers and their children leave the process group of whoever started them, but
//! all of them stand in their data folder. So a folder is a machine's worth of processes here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How long processes may take to be gone after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that runs in a folder and below it.
#[derive(Clone, Debug)]
pub(crate) struct Household(PathBuf);

impl Household {
    /// Of this folder.
    pub(crate) fn of(folder: &Path) -> Result<Self> {
        Ok(Self(
            folder
                .canonicalize()
                .with_context(|| format!("`{}` is not there", folder.display()))?,
        ))
    }

    /// The processes' numbers, at this moment. Zombies stand nowhere.
    pub(crate) fn members(&self) -> Vec<u32> {
        let own = std::process::id();
        fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let number: u32 = entry.file_name().to_str()?.parse().ok()?;
                let stands = fs::read_link(entry.path().join("cwd")).ok()?;
                (number != own && stands.starts_with(&self.0)).then_some(number)
            })
            .collect()
    }

    /// Those whose program or script has this name.
    pub(crate) fn named(&self, name: &str) -> Vec<u32> {
        self.members()
            .into_iter()
            .filter(|number| {
                fs::read(format!("/proc/{number}/cmdline")).is_ok_and(|line| {
                    line.split(|byte| *byte == 0).take(2).any(|word| {
                        word.rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes())
                    })
                })
            })
            .collect()
    }

    /// Kills everybody, as a power cut does, and waits until nobody is left.
    pub(crate) fn kill(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let members = self.members();
            if members.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                bail!("processes {members:?} in `{}` do not die", self.0.display());
            }
            // Again and again: one of them may have had a child meanwhile.
            signal("KILL", &members)?;
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops everybody where they are, as a machine that hangs.
    pub(crate) fn freeze(&self) -> Result<()> {
        let mut frozen = Vec::new();
        loop {
            let members = self.members();
            if members.iter().all(|member| frozen.contains(member)) {
                return Ok(());
            }
            signal("STOP", &members)?;
            frozen = members;
        }
    }

    /// Lets everybody go on.
    pub(crate) fn thaw(&self) -> Result<()> {
        signal("CONT", &self.members())
    }
}

/// Sends a signal to processes. That some are gone already is no error.
pub(crate) fn signal(name: &str, numbers: &[u32]) -> Result<()> {
    if numbers.is_empty() {
        return Ok(());
    }
    Command::new("kill")
        .arg(format!("-{name}"))
        .args(numbers.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status()
        .context("`kill` cannot be run")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_in_the_folder_is_found_frozen_and_killed_and_nobody_else() {
        let folder = std::env::temp_dir().join(format!("xtask-household-{}", std::process::id()));
        let below = folder.join("below");
        fs::create_dir_all(&below).unwrap();
        let sleeper = |at: &Path| Command::new("sleep").arg("60").current_dir(at).spawn().unwrap();
        let (mut inside, mut outside) = (sleeper(&below), sleeper(Path::new("/")));
        let household = Household::of(&folder).unwrap();
        assert_eq!(household.members(), vec![inside.id()]);
        assert_eq!(household.named("sleep"), vec![inside.id()]);
        assert_eq!(household.named("slee"), Vec::<u32>::new());
        household.freeze().unwrap();
        let state = fs::read_to_string(format!("/proc/{}/stat", inside.id())).unwrap();
        assert!(state.contains(") T "), "{state}");
        household.kill().unwrap();
        assert!(!inside.wait().unwrap().success());
        assert!(outside.try_wait().unwrap().is_none(), "a process elsewhere was hit");
        outside.kill().unwrap();
        outside.wait().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
