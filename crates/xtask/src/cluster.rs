//! A throw-away PostgreSQL cluster, and the keeper process that ends it whatever happens to us.
//!
//! Ctrl-C, a panic or a kill of this process must not leave a server and its folder behind. So a
//! second process of the same program, in a process group of its own, owns them and watches a pipe
//! from us: when the pipe closes, for whatever reason, it ends the server and removes the folder.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{account::Account, postgres, say};

/// The hidden command under which this program is the keeper.
pub(crate) const KEEPER: &str = "__keep-postgres";
/// The database's superuser.
pub(crate) const SUPERUSER: &str = "postgres";
/// The server's program.
pub(crate) const SERVER: &str = "postgres";

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running cluster; it ends when this is dropped.
pub(crate) struct Cluster {
    port: u16,
    folder: PathBuf,
    keeper: Child,
    // Closing this tells the keeper to clear up.
    leash: Option<ChildStdin>,
}

impl Cluster {
    /// Makes and starts a cluster with the programs in this folder.
    pub(crate) fn start(programs: &Path) -> Result<Self> {
        Self::start_in(programs, &std::env::temp_dir())
    }

    /// The same below another place for temporary files.
    pub(crate) fn start_in(programs: &Path, place: &Path) -> Result<Self> {
        let mut keeper = Command::new(std::env::current_exe()?)
            .arg(KEEPER)
            .env("TMPDIR", place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("the keeper of the PostgreSQL cluster cannot be started")?;
        let mut leash = keeper.stdin.take().context("the keeper has no standard input")?;
        let said = keeper.stdout.take().context("the keeper has no standard output")?;
        writeln!(leash, "{}", programs.display())?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let said = line.trim_end_matches('\n').split_once(' ');
        let Some((Ok(port), folder)) = said.map(|(port, folder)| (port.parse(), folder)) else {
            drop(leash);
            keeper.wait()?;
            bail!("the PostgreSQL cluster did not start; the reason is above");
        };
        say(&format!("{} listens on 127.0.0.1:{port}", postgres::version(programs)));
        Ok(Self { port, folder: folder.into(), keeper, leash: Some(leash) })
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        data(&self.folder)
    }

    /// The port it listens on, on 127.0.0.1.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Where it is reached, as the superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.leash.take());
        if let Err(error) = self.keeper.wait() {
            say(&format!("the keeper of the PostgreSQL cluster is lost: {error}"));
        }
    }
}

/// The keeper's life: start the server, say its port, wait for the pipe to close, clear up.
pub(crate) fn keep() -> Result<ExitCode> {
    let mut leash = BufReader::new(std::io::stdin());
    let mut programs = String::new();
    leash.read_line(&mut programs)?;
    let server = Server::start(Path::new(programs.trim_end_matches('\n')))?;
    writeln!(std::io::stdout(), "{} {}", server.port, server.folder.display())?;
    std::io::stdout().flush()?;
    leash.read_to_end(&mut Vec::new())?;
    drop(server);
    Ok(ExitCode::SUCCESS)
}

/// A server process and its folder.
struct Server {
    port: u16,
    folder: PathBuf,
    programs: PathBuf,
    account: Account,
    process: Option<Child>,
}

impl Server {
    fn start(programs: &Path) -> Result<Self> {
        let account = Account::choose()?;
        let folder = new_folder()?;
        let mut server =
            Self { port: 0, folder, programs: programs.to_owned(), account, process: None };
        account.give(&server.folder)?;
        server.init()?;
        // Another process may take the port between our look and the server's; then try again.
        for attempt in 1..=5 {
            server.port = free_port()?;
            if server.launch()? {
                return Ok(server);
            }
            say(&format!("the server ended at once (attempt {attempt}): {}", server.log_tail()));
        }
        bail!("the PostgreSQL server does not start")
    }

    fn data(&self) -> PathBuf {
        data(&self.folder)
    }

    fn init(&self) -> Result<()> {
        let output = self
            .account
            .command(&self.programs.join("initdb"))
            .args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"])
            .arg(format!("--username={SUPERUSER}"))
            .arg("--pgdata")
            .arg(self.data())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .context("`initdb` cannot be run")?;
        if !output.status.success() {
            bail!("`initdb` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Starts the server and waits until it takes connections; false when it ended instead.
    fn launch(&mut self) -> Result<bool> {
        let log = fs::File::create(self.folder.join("log"))?;
        // No socket file: 127.0.0.1 is the one way in. `fsync` and `synchronous_commit` keep
        // their defaults, so the tests see the durability that operators get.
        let process = self
            .account
            .command(&self.programs.join(SERVER))
            .arg("-D")
            .arg(self.data())
            .arg("-p")
            .arg(self.port.to_string())
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "max_connections=200"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("`postgres` cannot be run")?;
        let process = self.process.insert(process);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if process.try_wait()?.is_some() {
                self.process = None;
                return Ok(false);
            }
            // The server writes its state into the eighth line.
            let state = fs::read_to_string(self.folder.join("data/postmaster.pid"));
            if state.is_ok_and(|text| text.lines().nth(7).map(str::trim) == Some("ready")) {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("the PostgreSQL server is not ready after {PATIENCE:?}: {}", self.log_tail())
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }

    fn end(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let stopped = self
            .account
            .command(&self.programs.join("pg_ctl"))
            .args(["stop", "--wait", "--silent", "--mode=immediate", "--pgdata"])
            .arg(self.data())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !stopped.is_ok_and(|status| status.success()) {
            process.kill()?;
        }
        process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            say(&format!("the PostgreSQL server did not end: {error:#}"));
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            say(&format!("`{}` is left behind: {error}", self.folder.display()));
        }
    }
}

/// The data folder in a cluster's folder.
fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A new folder in the system's place for temporary files that only its owner can enter.
fn new_folder() -> Result<PathBuf> {
    let parent = std::env::temp_dir();
    for number in 0..1000 {
        let folder = parent.join(format!("playgate-postgres-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("`{}` cannot be made; set TMPDIR to another folder", folder.display())
                });
            }
        }
    }
    bail!("`{}` is full of old `playgate-postgres-…` folders; remove them", parent.display())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
