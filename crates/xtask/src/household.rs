//! All processes that live in a folder: started there with a log, found by where they stand,
//! signalled together.
//!
//! PostgreSQL's servers and their children leave the process group of whoever started them, but
//! all of them stand in their data folder. So a folder is a machine's worth of processes here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::say;

/// How long processes may take to be gone after SIGKILL.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that runs in a folder and below it. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Household {
    folder: PathBuf,
    /// Those we started, to be reaped; their children are theirs.
    children: Vec<(&'static str, Child)>,
}

impl Household {
    /// Of this folder.
    pub(crate) fn of(folder: &Path) -> Result<Self> {
        let folder = folder
            .canonicalize()
            .with_context(|| format!("`{}` is not there", folder.display()))?;
        Ok(Self { folder, children: Vec::new() })
    }

    /// Starts a process that stands in the folder; what it says is added to `NAME.log`.
    pub(crate) fn launch(&mut self, name: &'static str, mut command: Command) -> Result<()> {
        let log = fs::File::options().create(true).append(true).open(self.log(name))?;
        let child = command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("`{name}` cannot be run"))?;
        self.children.push((name, child));
        Ok(())
    }

    /// Fails if one that we started ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        let mut ended = None;
        for (name, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                ended = Some((*name, status));
            }
        }
        let Some((name, status)) = ended else { return Ok(()) };
        let log = fs::read_to_string(self.log(name))?;
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(10)..].join("\n");
        bail!("`{name}` in `{}` ended with {status}:\n{tail}", self.folder.display())
    }

    /// How one that we started ended, if it did.
    pub(crate) fn ended(&mut self, name: &str) -> Result<Option<ExitStatus>> {
        let child = self.children.iter_mut().find(|(known, _)| *known == name);
        let (_, child) = child.with_context(|| format!("`{name}` was never started"))?;
        Ok(child.try_wait()?)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
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
                (number != own && stands.starts_with(&self.folder)).then_some(number)
            })
            .collect()
    }

    /// Those whose program or script has this name.
    pub(crate) fn named(&self, name: &str) -> Vec<u32> {
        let is_it = |word: &[u8]| word.rsplit(|byte| *byte == b'/').next() == Some(name.as_bytes());
        self.members()
            .into_iter()
            .filter(|number| {
                fs::read(format!("/proc/{number}/cmdline"))
                    .is_ok_and(|line| line.split(|byte| *byte == 0).take(2).any(is_it))
            })
            .collect()
    }

    /// Kills everybody, as a power cut does, and waits until nobody is left.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let members = self.members();
            if members.is_empty() {
                for (_, mut child) in self.children.drain(..) {
                    child.wait()?;
                }
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                bail!("processes {members:?} in `{}` do not die", self.folder.display());
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

impl Drop for Household {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            say(&format!("what runs in `{}` does not end: {error:#}", self.folder.display()));
        }
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

    fn command(words: [&str; 2]) -> Command {
        let mut command = Command::new(words[0]);
        command.arg(words[1]);
        command
    }

    #[test]
    fn everybody_in_the_folder_is_found_frozen_and_killed_and_nobody_else() {
        let folder = std::env::temp_dir().join(format!("xtask-household-{}", std::process::id()));
        let below = folder.join("below");
        fs::create_dir_all(&below).unwrap();
        let sleep = || command(["sleep", "60"]);
        let mut outside = sleep().current_dir("/").spawn().unwrap();
        let mut below = sleep().current_dir(&below).spawn().unwrap();
        let mut household = Household::of(&folder).unwrap();
        household.launch("sleep", sleep()).unwrap();
        let members = household.members();
        assert_eq!(members.len(), 2, "{members:?}");
        // Between the old program and the new one a process has no command line for a moment.
        let begun = Instant::now();
        while household.named("sleep").len() < 2 && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(household.named("sleep"), members);
        assert_eq!(household.named("slee"), Vec::<u32>::new());
        household.check().unwrap();
        household.freeze().unwrap();
        for member in members {
            let state = || fs::read_to_string(format!("/proc/{member}/stat")).unwrap();
            // A signal takes its time to reach whoever is running.
            let begun = Instant::now();
            while !state().contains(") T ") && begun.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(1));
            }
            assert!(state().contains(") T "), "{}", state());
        }
        // A child of somebody else's is a zombie until that somebody looks.
        household.kill().unwrap();
        assert!(!below.wait().unwrap().success());
        assert!(outside.try_wait().unwrap().is_none(), "a process elsewhere was hit");
        outside.kill().unwrap();
        outside.wait().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn one_that_ends_by_itself_is_noticed_with_its_last_words() {
        let folder = std::env::temp_dir().join(format!("xtask-farewell-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut household = Household::of(&folder).unwrap();
        household.launch("echo", command(["echo", "farewell"])).unwrap();
        let said = loop {
            if let Err(error) = household.check() {
                break format!("{error:#}");
            }
            thread::sleep(Duration::from_millis(10));
        };
        drop(household);
        fs::remove_dir_all(&folder).unwrap();
        assert!(said.contains("`echo`") && said.contains("farewell"), "{said}");
    }
}
