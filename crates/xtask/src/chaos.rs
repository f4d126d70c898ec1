//! Killed for real: builds the product and its tormentor, gives them a database on a small disk, and
//! lets them at it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    account::{Account, is_root},
    cargo::{answers, cargo, root},
    cluster::{self, Cluster},
    leash::{self, Leash},
    postgres, say,
};

/// The hidden command under which this program does the work, on a leash.
pub(crate) const INSIDE: &str = "__chaos";

/// How large the disk is that gets filled: a cluster has room on it, and filling it is quick.
const SIZE: &str = "size=512m,mode=0755";

/// Builds, and runs on a leash, where possible with mounts that nobody else sees and that are gone
/// with the last process.
pub(crate) fn outside(options: &[&str]) -> Result<ExitCode> {
    is_postgres(options)?;
    for package in [&["-p", "cli"][..], &["-p", "tests", "--bin", "chaos"]] {
        let mut build = cargo(["build", "--quiet"]);
        if !build.args(package).status()?.success() {
            bail!("fix what the compiler says above");
        }
    }
    let program = std::env::current_exe()?;
    let mut private = Command::new("unshare");
    private.args(["--mount", "--", "true"]);
    let mut inside = if is_root() && answers(private) {
        let mut inside = Command::new("unshare");
        inside.args(["--mount", "--"]).arg(program);
        inside
    } else {
        Command::new(program)
    };
    inside.arg(INSIDE).args(options);
    leash::lead(inside)
}

/// The whole story.
pub(crate) fn inside(options: &[&str]) -> Result<ExitCode> {
    let leash = Leash::watch();
    let disk = Disk::mount();
    let mut chaos = Command::new(root().join("target/debug/chaos"));
    chaos.arg("run").args(options);
    if !options.contains(&"--minutes") {
        chaos.args(["--minutes", "5"]);
    }
    let place = match &disk {
        Ok(disk) => {
            chaos.arg("--small-disk").arg(&disk.0);
            disk.0.clone()
        }
        Err(why) => {
            chaos.args(["--no-small-disk", why]);
            std::env::temp_dir()
        }
    };
    let mut cluster = None;
    if is_postgres(options)? {
        let programs = postgres::find_or_install()?;
        let running = cluster.insert(Cluster::start_in(&programs, &place)?);
        chaos.arg("--postgres-programs").arg(&programs);
        chaos.arg("--postgres-data").arg(running.data());
        chaos.args(["--postgres-user", cluster::SUPERUSER]);
        chaos.arg("--postgres-address").arg(format!("127.0.0.1:{}", running.port()));
        if let Some((user, group)) = Account::choose()?.ids() {
            chaos.arg("--postgres-account").arg(format!("{user}:{group}"));
        }
    }
    let code = watch(chaos, &leash);
    // The server goes before the disk it is on.
    drop(cluster);
    drop(disk);
    code
}

/// Waits for the end; asks for it when the leash is let go.
pub(crate) fn watch(mut chaos: Command, leash: &Leash) -> Result<ExitCode> {
    let mut running = chaos.spawn().context("`target/debug/chaos` cannot be run")?;
    let mut told = false;
    loop {
        if let Some(status) = running.try_wait()? {
            return Ok(status.code().map_or(ExitCode::FAILURE, |code| {
                u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
            }));
        }
        if leash.is_loose() && !told {
            told = true;
            let id = running.id().to_string();
            Command::new("kill").args(["-TERM", &id]).status()?;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether it goes to PostgreSQL.
fn is_postgres(options: &[&str]) -> Result<bool> {
    let mut words = options.iter();
    while let Some(word) = words.next() {
        let named = match word.split_once('=') {
            Some(("--db", named)) => Some(named),
            None if *word == "--db" => words.next().copied(),
            _ => continue,
        };
        return match named {
            Some("postgres") => Ok(true),
            Some("sqlite") => Ok(false),
            _ => bail!("`--db` is `postgres` or `sqlite`"),
        };
    }
    Ok(false)
}

/// A small disk in memory; it is gone when this is dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts it, or says why not.
    fn mount() -> Result<Self, String> {
        if !is_root() {
            return Err("mounting a small disk takes root".to_owned());
        }
        let folder =
            std::env::temp_dir().join(format!("playgate-small-disk-{}", std::process::id()));
        fs::create_dir(&folder).map_err(|err| format!("`{}`: {err}", folder.display()))?;
        let disk = Self(folder);
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", SIZE, "none"])
            .arg(&disk.0)
            .output()
            .map_err(|err| format!("`mount`: {err}"))?;
        if !mounted.status.success() {
            return Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned());
        }
        Ok(disk)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.0);
        if let Err(error) = fs::remove_dir(&self.0) {
            say(&format!("`{}` is left behind: {error}", self.0.display()));
        }
    }
}

fn unmount(folder: &Path) {
    // Not mounted, or still in use: removing the folder tells.
    let _ = Command::new("umount").arg(folder).output();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_database_is_read_from_the_options() {
        assert!(is_postgres(&["--minutes", "5", "--db", "postgres"]).unwrap());
        assert!(is_postgres(&["--db=postgres"]).unwrap());
        assert!(!is_postgres(&["--workers", "3"]).unwrap());
        assert!(is_postgres(&["--db", "mysql"]).is_err());
        assert!(is_postgres(&["--db"]).is_err());
    }
}
