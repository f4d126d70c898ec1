//! Everything that runs in a chaos run, and how each kind of fault is done to it.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use domain::clock::Clock;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::{
    chance::Chance,
    disk::SmallDisk,
    fault::{Kind, Strike},
    postgres::Postgres,
    process::{Process, Role},
    proxy::Proxy,
    scene::Scene,
    sink::Sink,
};

/// How long a process may take to be well again.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a full disk is kept full for somebody to notice.
const NOTICE: Duration = Duration::from_secs(20);

/// Name of the database on PostgreSQL.
pub const DATABASE: &str = "chaos";

/// Everything that runs.
pub struct Site {
    /// The processes of the product.
    pub processes: Vec<Arc<Process>>,
    /// The mail server.
    pub sink: Sink,
    /// PostgreSQL; none on SQLite.
    pub postgres: Option<Postgres>,
    /// The database's disk, or why there is none that can be filled.
    pub disk: Result<SmallDisk, String>,
    /// The lease of the configuration.
    pub lease: Duration,
    /// Counts what the client hears of trouble in the servers.
    pub complaints: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
    /// Faults of the database come one after the other.
    database: tokio::sync::Mutex<()>,
    strikes: Mutex<Vec<Strike>>,
    keepers: Vec<JoinHandle<Result<()>>>,
}

/// What a fault hit.
#[derive(Clone, Debug, Default)]
struct Hit {
    target: String,
    note: String,
}

impl Hit {
    fn of(process: &Process, note: impl Into<String>) -> Self {
        Self { target: process.name.clone(), note: note.into() }
    }
}

impl Site {
    /// Starts the processes: on SQLite one, on PostgreSQL so many servers and workers, each with a
    /// network of its own to the database.
    pub async fn start(
        scene: &Scene,
        sink: Sink,
        postgres: Option<Postgres>,
        disk: Result<SmallDisk, String>,
        (servers, workers): (usize, usize),
        lease: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        if let (Some(postgres), Ok(_small)) = (&postgres, &disk) {
            // Left to itself it would fill a small disk with its log.
            postgres.ask("ALTER SYSTEM SET max_wal_size = '128MB'")?;
            postgres.ask("SELECT pg_reload_conf()")?;
        }
        let mut site = Self {
            processes: Vec::new(),
            sink,
            postgres,
            disk,
            lease,
            complaints: Arc::default(),
            clock,
            database: tokio::sync::Mutex::default(),
            strikes: Mutex::default(),
            keepers: Vec::new(),
        };
        site.join(scene, "", (servers, workers)).await?;
        Ok(site)
    }

    /// Starts processes of the scene's program beside those there are, with this before their
    /// names, and waits until every process answers. On SQLite there is one.
    pub async fn join(
        &mut self,
        scene: &Scene,
        prefix: &str,
        (servers, workers): (usize, usize),
    ) -> Result<()> {
        let mut joining = Vec::new();
        match &self.postgres {
            None => {
                let role = Role::Whole(free_port()?);
                joining.push(Process::new(scene, format!("{prefix}serve"), role, None, None)?);
            }
            Some(postgres) => {
                let servers = (1..=servers).map(|n| (format!("{prefix}server-{n}"), true));
                let workers = (1..=workers).map(|n| (format!("{prefix}worker-{n}"), false));
                for (name, serves) in servers.chain(workers) {
                    let proxy = Proxy::start(postgres.address).await?;
                    let url = postgres.url(proxy.address(), DATABASE);
                    let role = if serves { Role::Server(free_port()?) } else { Role::Worker };
                    joining.push(Process::new(scene, name, role, Some(proxy), Some(url))?);
                }
            }
        }
        self.keepers.extend(joining.iter().map(Process::keep));
        self.processes.extend(joining);
        self.all_well().await
    }

    /// Ends those whose names begin so, for good; tells of ends among them that nobody caused.
    pub async fn leave(&mut self, prefix: &str) -> Result<Vec<String>> {
        let (leaving, staying) = std::mem::take(&mut self.processes)
            .into_iter()
            .partition::<Vec<_>, _>(|process| process.name.starts_with(prefix));
        self.processes = staying;
        let mut ends = Vec::new();
        for process in leaving {
            process.end().await?;
            ends.extend(process.ends());
        }
        Ok(ends)
    }

    /// Kills a process whose name begins so, which is started again, or freezes it past its lease;
    /// tells which.
    pub async fn disturb(&self, prefix: &str, kind: Kind, chance: &mut Chance) -> Result<String> {
        let fits = |process: &&Arc<Process>| process.name.starts_with(prefix);
        let all: Vec<_> = self.processes.iter().filter(fits).collect();
        let process = *chance.pick(&all).context("there is no such process")?;
        let _busy = process.busy.lock().await;
        match kind {
            Kind::KillWorker | Kind::KillServer => {
                let (starts, begun) = (process.starts(), Instant::now());
                process.signal("KILL")?;
                self.again(process, starts, begun).await?;
            }
            _ => {
                process.signal("STOP")?;
                tokio::time::sleep(self.past_lease(chance)).await;
                process.signal("CONT")?;
            }
        }
        Ok(process.name.clone())
    }

    /// Bytes that processes whose names begin so have sent to the database.
    pub fn asked_by(&self, prefix: &str) -> u64 {
        let fits = |process: &&Arc<Process>| process.name.starts_with(prefix);
        let proxies = self.processes.iter().filter(fits).filter_map(|one| one.proxy.as_ref());
        proxies.map(Proxy::asked).sum()
    }

    /// Where servers listen.
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.processes.iter().filter_map(|process| process.role.serves()).collect()
    }

    /// The faults so far, in the order they ended.
    pub fn strikes(&self) -> Vec<Strike> {
        self.strikes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until every process answers.
    pub async fn all_well(&self) -> Result<()> {
        for process in &self.processes {
            well(process).await?;
        }
        Ok(())
    }

    /// Does a fault and undoes it; none when its target is busy with another one.
    pub async fn strike(&self, kind: Kind, chance: &mut Chance) -> Result<Option<Strike>> {
        let from = self.clock.now();
        let struck = match kind {
            Kind::KillWorker | Kind::KillServer => self.kill(kind, chance).await?,
            Kind::StopWorker | Kind::StopServer => self.stop(kind, chance).await?,
            Kind::RestartWorker | Kind::RestartServer => self.restart(kind, chance).await?,
            Kind::StopDatabase => self.stop_database(chance).await?,
            Kind::EndConnections => self.end_connections()?,
            Kind::StallNetwork | Kind::CutNetwork => self.network(kind, chance).await?,
            Kind::FillDisk => self.fill_disk(chance).await?,
            Kind::SinkDown => {
                self.sink.down(true);
                tokio::time::sleep(self.past_lease(chance)).await;
                self.sink.down(false);
                Some(Hit::default())
            }
        };
        let Some(Hit { target, note }) = struck else { return Ok(None) };
        let strike = Strike { kind, target, from, until: self.clock.now(), note };
        self.strikes.lock().unwrap_or_else(PoisonError::into_inner).push(strike.clone());
        Ok(Some(strike))
    }

    fn past_lease(&self, chance: &mut Chance) -> Duration {
        chance.between(self.lease.mul_f64(1.2), self.lease.mul_f64(2.5))
    }

    /// A process of the kind that is meant, whichever chance picks of those that no fault is at.
    fn target<'a>(
        &'a self,
        serves: bool,
        chance: &mut Chance,
    ) -> Option<(&'a Arc<Process>, tokio::sync::MutexGuard<'a, ()>)> {
        let fits = |process: &&Arc<Process>| match process.role {
            Role::Whole(_) => true,
            role => role.serves().is_some() == serves,
        };
        let all: Vec<_> = self.processes.iter().filter(fits).collect();
        let process = *chance.pick(&all)?;
        Some((process, process.busy.try_lock().ok()?))
    }

    async fn kill(&self, kind: Kind, chance: &mut Chance) -> Result<Option<Hit>> {
        let Some((process, _busy)) = self.target(kind == Kind::KillServer, chance) else {
            return Ok(None);
        };
        let (starts, begun) = (process.starts(), Instant::now());
        if !process.signal("KILL")? {
            return Ok(None);
        }
        self.again(process, starts, begun).await
    }

    async fn restart(&self, kind: Kind, chance: &mut Chance) -> Result<Option<Hit>> {
        let Some((process, _busy)) = self.target(kind == Kind::RestartServer, chance) else {
            return Ok(None);
        };
        let (starts, begun) = (process.starts(), Instant::now());
        if !process.signal("TERM")? {
            return Ok(None);
        }
        self.again(process, starts, begun).await
    }

    /// Waits until another process has taken the place of the one that was ended.
    async fn again(&self, process: &Process, starts: u64, begun: Instant) -> Result<Option<Hit>> {
        let mut slow = "";
        while process.starts() == starts {
            if begun.elapsed() > PATIENCE && slow.is_empty() {
                slow = "; it did not end when asked to, and was killed";
                process.signal("KILL")?;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // While the database is away it cannot be well, and need not be.
        drop(self.database.lock().await);
        well(process).await?;
        let took = begun.elapsed().as_secs_f64();
        Ok(Some(Hit::of(process, format!("well again after {took:.1} s{slow}"))))
    }

    async fn stop(&self, kind: Kind, chance: &mut Chance) -> Result<Option<Hit>> {
        let Some((process, _busy)) = self.target(kind == Kind::StopServer, chance) else {
            return Ok(None);
        };
        if !process.signal("STOP")? {
            return Ok(None);
        }
        tokio::time::sleep(self.past_lease(chance)).await;
        process.signal("CONT")?;
        Ok(Some(Hit::of(process, "")))
    }

    async fn stop_database(&self, chance: &mut Chance) -> Result<Option<Hit>> {
        let (Some(postgres), Ok(_one)) = (&self.postgres, self.database.try_lock()) else {
            return Ok(None);
        };
        let begun = Instant::now();
        postgres.stop_hard()?;
        tokio::time::sleep(chance.between(Duration::from_millis(200), self.lease.mul_f64(1.5)))
            .await;
        postgres.start().await?;
        let note = format!("away for {:.1} s", begun.elapsed().as_secs_f64());
        Ok(Some(Hit { note, ..Hit::default() }))
    }

    fn end_connections(&self) -> Result<Option<Hit>> {
        let (Some(postgres), Ok(_one)) = (&self.postgres, self.database.try_lock()) else {
            return Ok(None);
        };
        postgres.cut_all()?;
        Ok(Some(Hit::default()))
    }

    async fn network(&self, kind: Kind, chance: &mut Chance) -> Result<Option<Hit>> {
        let serves = chance.percent(30);
        let Some((process, _busy)) = self.target(serves, chance) else { return Ok(None) };
        let Some(proxy) = &process.proxy else { return Ok(None) };
        let mut note = "";
        if kind == Kind::StallNetwork {
            proxy.stall(self.past_lease(chance)).await;
            note = "went on where it stopped";
        }
        if kind == Kind::CutNetwork || chance.percent(50) {
            proxy.cut();
            note = "cut";
        }
        Ok(Some(Hit::of(process, note)))
    }

    async fn fill_disk(&self, chance: &mut Chance) -> Result<Option<Hit>> {
        let Ok(disk) = &self.disk else { return Ok(None) };
        let Ok(_one) = self.database.try_lock() else { return Ok(None) };
        let full = disk.clone();
        let (before, begun) = (self.complaints.load(Ordering::Relaxed), Instant::now());
        let filled = tokio::task::spawn_blocking(move || full.fill()).await??;
        // Files that exist take a little more; it is only a fault once a write has failed.
        while self.complaints.load(Ordering::Relaxed) == before && begun.elapsed() < NOTICE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let noticed = self.complaints.load(Ordering::Relaxed) > before;
        let mut note = format!(
            "{} MiB of ballast, {}noticed after {:.1} s",
            filled >> 20,
            if noticed { "" } else { "not " },
            begun.elapsed().as_secs_f64()
        );
        tokio::time::sleep(chance.between(Duration::from_secs(1), self.lease)).await;
        disk.free()?;
        if let Some(postgres) = &self.postgres {
            if !postgres.runs() {
                note.push_str(", PostgreSQL gave up and was started");
            }
            postgres.start().await?;
        }
        Ok(Some(Hit { note, ..Hit::default() }))
    }

    /// Undoes whatever a fault may have left, and waits until every process is well.
    pub async fn calm(&self) -> Result<()> {
        self.sink.down(false);
        self.sink.behave();
        if let Ok(disk) = &self.disk {
            disk.free()?;
        }
        if let Some(postgres) = &self.postgres {
            postgres.start().await?;
        }
        for process in &self.processes {
            process.signal("CONT")?;
        }
        self.all_well().await
    }

    /// Ends every process.
    pub async fn end(&mut self) -> Result<()> {
        self.leave("").await?;
        for keeper in self.keepers.drain(..) {
            keeper.await??;
        }
        Ok(())
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

async fn well(process: &Process) -> Result<()> {
    let begun = Instant::now();
    while !process.is_well().await {
        ensure!(
            begun.elapsed() < PATIENCE,
            "{} is not well: {}",
            process.name,
            process.last_words()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A loopback address nobody listens on.
fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("there is no free port")?;
    Ok(listener.local_addr()?)
}
