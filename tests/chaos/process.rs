//! A process of the product that is kept running, whatever happens to it, as a service manager would.

use std::{
    fs::{File, OpenOptions},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::task::JoinHandle;

use super::{http::Request, proxy::Proxy, scene::Scene};

/// How long after its end a process is started again.
const AGAIN: Duration = Duration::from_millis(300);

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Serves here, and leaves the background work to others.
    Server(SocketAddr),
    /// Does the background work only.
    Worker,
    /// Serves here, and does the background work.
    Whole(SocketAddr),
}

impl Role {
    /// Where it serves, if it does.
    pub const fn serves(self) -> Option<SocketAddr> {
        match self {
            Self::Server(at) | Self::Whole(at) => Some(at),
            Self::Worker => None,
        }
    }

    /// Whether it does the background work.
    pub const fn works(self) -> bool {
        !matches!(self, Self::Server(_))
    }
}

/// A process that is started again whenever it ends.
pub struct Process {
    /// Its name: `worker-1`.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// The network between it and the database; none with SQLite.
    pub proxy: Option<Proxy>,
    /// Taken while a fault is at work on it.
    pub busy: tokio::sync::Mutex<()>,
    scene: Scene,
    database: Option<String>,
    log: PathBuf,
    child: Mutex<Option<Child>>,
    wanted: AtomicBool,
    /// How often it was started.
    starts: AtomicU64,
    /// Ends that nobody caused, with what was said last.
    ends: Mutex<Vec<String>>,
    /// Whether the end that comes next was caused.
    doomed: AtomicBool,
}

impl Process {
    /// One that is not started yet. `database` is its own way to the database.
    pub fn new(
        scene: &Scene,
        name: String,
        role: Role,
        proxy: Option<Proxy>,
        database: Option<String>,
    ) -> Result<Arc<Self>> {
        let logs = scene.folder.join("log");
        std::fs::create_dir_all(&logs)?;
        Ok(Arc::new(Self {
            log: logs.join(format!("{name}.log")),
            name,
            role,
            proxy,
            busy: tokio::sync::Mutex::default(),
            scene: scene.clone(),
            database,
            child: Mutex::default(),
            wanted: AtomicBool::new(true),
            starts: AtomicU64::new(0),
            ends: Mutex::default(),
            doomed: AtomicBool::new(false),
        }))
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it running from now on.
    pub fn keep(self: &Arc<Self>) -> JoinHandle<Result<()>> {
        let me = Arc::clone(self);
        tokio::spawn(async move {
            while me.wanted.load(Ordering::SeqCst) {
                if !me.is_running()? {
                    tokio::time::sleep(AGAIN).await;
                    if me.wanted.load(Ordering::SeqCst) {
                        me.start()?;
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        })
    }

    fn start(&self) -> Result<()> {
        let mut words: Vec<String> = Vec::new();
        match self.role {
            Role::Worker => words.push("worker".to_owned()),
            Role::Server(at) | Role::Whole(at) => {
                words.extend(["serve", "--listen"].map(str::to_owned));
                words.push(at.to_string());
                if !self.role.works() {
                    words.push("--no-worker".to_owned());
                }
            }
        }
        if let Some(database) = &self.database {
            words.extend(["--db".to_owned(), database.clone()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let child = self.spawn(self.scene.command(&words), log)?;
        *self.child() = Some(child);
        self.doomed.store(false, Ordering::SeqCst);
        self.starts.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn spawn(&self, mut command: Command, log: File) -> Result<Child> {
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("`{}` does not start", self.name))
    }

    /// Whether it runs; notes an end that nobody caused.
    fn is_running(&self) -> Result<bool> {
        let mut child = self.child();
        let Some(running) = child.as_mut() else { return Ok(false) };
        let Some(status) = running.try_wait()? else { return Ok(true) };
        *child = None;
        drop(child);
        if !self.doomed.load(Ordering::SeqCst) {
            let note = format!("{} ended with {status}: {}", self.name, self.last_words());
            self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        }
        Ok(false)
    }

    /// How often it was started.
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::SeqCst)
    }

    /// The last line of its log.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().last().unwrap_or_default().chars().take(200).collect()
    }

    /// Sends it a signal; false when it does not run at the moment. Signals that end it make its
    /// end an expected one.
    pub fn signal(&self, name: &str) -> Result<bool> {
        // The child is not reaped while this is held, so the number is its own.
        let child = self.child();
        let Some(running) = child.as_ref() else { return Ok(false) };
        if matches!(name, "KILL" | "TERM") {
            self.doomed.store(true, Ordering::SeqCst);
        }
        let id = running.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status();
        Ok(status.context("`kill` cannot be run")?.success())
    }

    /// Ends that nobody caused.
    pub fn ends(&self) -> Vec<String> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it answers; for one that does not serve, whether it runs.
    pub async fn is_well(&self) -> bool {
        match self.role.serves() {
            Some(at) => {
                let mut request = Request::get("/healthz", "");
                request.patience = Duration::from_secs(2);
                request.ask(at).await.good().is_some()
            }
            None => self.child().is_some(),
        }
    }

    /// Ends it for good: politely, and at once if that takes too long.
    pub async fn end(&self) -> Result<()> {
        self.wanted.store(false, Ordering::SeqCst);
        // A stopped process would not hear anything else.
        self.signal("CONT")?;
        self.signal("TERM")?;
        for _ in 0..300 {
            if !self.is_running()? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.signal("KILL")?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child().take() {
            // It may have ended by itself.
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }
}
