//! The PostgreSQL server under test, as its operator handles it: stopped hard, started, asked.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

/// How long it may take to come back; a crash recovery is part of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A cluster that somebody else made and will remove.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// The folder of `postgres`, `pg_ctl` and `psql`.
    pub programs: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// Its address.
    pub address: SocketAddr,
    /// Its superuser.
    pub user: String,
    /// Whom it runs as, if that is not us: user and group.
    pub account: Option<(u32, u32)>,
    /// The call it was started by.
    call: Vec<String>,
    log: PathBuf,
}

impl Postgres {
    /// One that runs now.
    pub fn find(
        programs: &Path,
        data: &Path,
        address: SocketAddr,
        user: &str,
        account: Option<(u32, u32)>,
        log: &Path,
    ) -> Result<Self> {
        let opts = data.join("postmaster.opts");
        let text = std::fs::read_to_string(&opts);
        let text = text.with_context(|| format!("`{}` cannot be read", opts.display()))?;
        let (program, rest) = text.trim().split_once(' ').context("`postmaster.opts` is odd")?;
        let words = rest.split('"').skip(1).step_by(2).map(str::to_owned);
        Ok(Self {
            programs: programs.to_owned(),
            data: data.to_owned(),
            address,
            user: user.to_owned(),
            account,
            call: std::iter::once(program.to_owned()).chain(words).collect(),
            log: log.to_owned(),
        })
    }

    /// The address of a database in it, reached at another address.
    pub fn url(&self, by: SocketAddr, database: &str) -> String {
        format!("postgres://{}@{by}/{database}", self.user)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Stops it as a power cut would: no checkpoint, connections dropped.
    pub fn stop_hard(&self) -> Result<()> {
        let output = self
            .command(self.programs.join("pg_ctl"))
            .args(["stop", "--wait", "--mode=immediate", "--pgdata"])
            .arg(&self.data)
            .output()
            .context("`pg_ctl` cannot be run")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // It may have given up by itself, on a full disk.
        ensure!(output.status.success() || !self.runs(), "`pg_ctl stop` failed: {}", said.trim());
        Ok(())
    }

    /// Whether its postmaster runs.
    pub fn runs(&self) -> bool {
        self.command(self.programs.join("pg_ctl"))
            .args(["status", "--pgdata"])
            .arg(&self.data)
            .output()
            .is_ok_and(|output| output.status.success())
    }

    /// Starts it if it does not run, and waits until it takes queries.
    pub async fn start(&self) -> Result<()> {
        let begun = Instant::now();
        let (program, words) = self.call.split_first().context("a call has a program")?;
        while begun.elapsed() < PATIENCE {
            if !self.runs() {
                let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
                let mut command = self.command(program);
                command.args(words).stdout(log.try_clone()?).stderr(log).process_group(0);
                let mut child = command.spawn().context("`postgres` cannot be started")?;
                // Reaped whenever it ends, so that its end shows.
                std::thread::spawn(move || child.wait());
            }
            for _ in 0..20 {
                if self.ask("SELECT 1").is_ok() {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        bail!("PostgreSQL did not come back within {PATIENCE:?}; see `{}`", self.log.display())
    }

    /// Ends every connection of the product from the server's side.
    pub fn cut_all(&self) -> Result<()> {
        self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = 'playgate'",
        )
    }

    /// Whether it takes a statement, asked as an operator would.
    pub fn ask(&self, statement: &str) -> Result<()> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-h", &self.address.ip().to_string(), "-U", &self.user])
            .args(["-p", &self.address.port().to_string(), "-d", "postgres", "-c", statement])
            .env("PGCONNECT_TIMEOUT", "2")
            .stdin(Stdio::null())
            .output()
            .context("`psql` cannot be run")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "psql: {}", said.trim());
        Ok(())
    }
}
