//! A whole chaos run: set the scene, load and break it for a while, let it come to rest, reconcile.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use domain::clock::Clock;
use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::{
    chance::Chance,
    disk::SmallDisk,
    fault::{Kind, Order},
    ledger,
    load::{self, Load},
    pickup,
    postgres::Postgres,
    quiet,
    reconcile::Violation,
    report::Report,
    scene::{Scene, Setting},
    sink::Sink,
    site::{DATABASE, Site},
    truth::Reader,
    verdict,
};

/// A run's settings.
#[derive(Clone, Debug)]
pub struct Ordeal {
    /// The program under test.
    pub playgate: Option<PathBuf>,
    /// Where books, logs and report go.
    pub folder: PathBuf,
    /// PostgreSQL; none means SQLite.
    pub postgres: Option<Postgres>,
    /// The database's disk, or why there is none that can be filled.
    pub disk: Result<PathBuf, String>,
    /// Processes that serve, and processes that work; with SQLite there is one that does both.
    pub processes: (usize, usize),
    /// How long faults happen.
    pub time: Duration,
    /// Time from one fault to the next, on average.
    pub every: Duration,
    /// Runs started a second.
    pub rate: f64,
    /// The lease of runs and deliveries, in seconds.
    pub lease_seconds: u32,
    /// Of a hundred mail conversations, so many are broken off by the mail server.
    pub trouble: u64,
    /// Decides faults and load.
    pub seed: u64,
    /// Only these kinds; none means all there are.
    pub kinds: Vec<Kind>,
    /// How long it may take until all is quiet after the last fault.
    pub patience: Duration,
    /// Whether slow pick-up counts as a broken promise.
    pub timing: bool,
}

impl Ordeal {
    /// The kinds of fault of this run.
    fn kinds(&self) -> Vec<Kind> {
        let all: &[Kind] = if self.postgres.is_some() { &Kind::POSTGRES } else { &Kind::SQLITE };
        let wanted = |kind: &&Kind| self.kinds.is_empty() || self.kinds.contains(*kind);
        all.iter().filter(wanted).copied().collect()
    }

    /// Goes through with it. `say` hears of every fault as it ends.
    pub async fn run(self, clock: Arc<dyn Clock>, say: impl Fn(&str)) -> Result<Report> {
        let scene = Scene::at(&self.folder, self.playgate.as_deref())?.with_copy()?;
        let lease = Duration::from_secs(u64::from(self.lease_seconds));
        let mut chance = Chance::new(self.seed);
        let sink = Sink::start(
            SocketAddr::from(([127, 0, 0, 1], 0)),
            &scene.mail(),
            self.trouble,
            Chance::new(chance.number()),
            Arc::clone(&clock),
        )
        .await?;
        let data = match (&self.postgres, &self.disk) {
            (None, Ok(disk)) => Some(disk.join("data")),
            _ => None,
        };
        scene.set(&Setting {
            database: self.postgres.as_ref().map(|pg| pg.url(pg.address, DATABASE)),
            data,
            smtp: sink.address(),
            lease_seconds: self.lease_seconds,
        })?;
        let token = scene.token()?;
        let disk = self.disk.as_ref().map(|folder| SmallDisk::at(folder)).map_err(Clone::clone);
        let postgres = self.postgres.clone();
        let mut site =
            Site::start(&scene, sink, postgres, disk, self.processes, lease, Arc::clone(&clock))
                .await?;
        let reader = Reader::new(&site.servers(), &token);
        let begun = site.now();
        let load = Load::start(
            load::Settings {
                servers: site.servers(),
                token,
                ledger: scene.ledger(),
                rate: self.rate,
                seed: self.seed,
                complaints: Arc::clone(&site.complaints),
            },
            Arc::clone(&clock),
        )?;
        let site_shared = Arc::new(site);
        let mut report = Report::new(&self, begun);
        self.break_things(&site_shared, &mut chance, &mut report, &say).await?;
        site = Arc::into_inner(site_shared).context("a fault is still at work")?;
        load.stop_starting();
        site.calm().await?;
        say("No more faults. Waiting until all is quiet.");
        let rest = Instant::now();
        let moving = quiet::wait(&reader, Some(&load), self.patience).await?;
        report.quiet_after = rest.elapsed();
        report.tally = load.stop().await?;
        say("Reconciling.");
        let verdict =
            verdict::reach(&reader, &scene.ledger(), &scene.mail(), clock, self.patience).await?;
        report.ends = site.processes.iter().flat_map(|process| process.ends()).collect();
        site.end().await?;
        report.violations = verdict.violations().cloned().collect();
        report.counts = verdict.resolved.counts.clone();
        report.uncertain = verdict.standing.counts.get("messages uncertain").copied().unwrap_or(0);
        report.broken_by_sink = site.sink.broken();
        report.strikes = site.strikes();
        let lines = ledger::read(&scene.ledger())?;
        report.waits = pickup::worst(&verdict.truth, &lines, &report.strikes);
        if let Some(what) = moving {
            report.broken("everything comes to rest", what);
        }
        if let Err(error) = scene.run(&["audit", "verify"]) {
            report.broken("the audit trail verifies", format!("{error:#}"));
        }
        self.judge_time(lease, &mut report);
        Ok(report)
    }

    /// Lets faults happen until the time is up, then waits for those under way to end.
    async fn break_things(
        &self,
        site: &Arc<Site>,
        chance: &mut Chance,
        report: &mut Report,
        say: &impl Fn(&str),
    ) -> Result<()> {
        let kinds = self.kinds();
        ensure!(!kinds.is_empty(), "none of the wanted faults exists on this database");
        let mut order = Order::of(&kinds);
        let mut under_way: JoinSet<Result<_>> = JoinSet::new();
        let begun = Instant::now();
        loop {
            let gap = chance.between(self.every.mul_f64(0.4), self.every.mul_f64(1.6));
            let left = self.time.saturating_sub(begun.elapsed());
            tokio::time::sleep(gap.min(left)).await;
            while let Some(done) = under_way.try_join_next() {
                Self::tell(done??, begun, &mut order, report, say);
            }
            if gap >= left {
                break;
            }
            let Some(kind) = order.next(chance) else { break };
            if kind == Kind::FillDisk && site.disk.is_err() {
                report.not_possible += 1;
                continue;
            }
            let (site, mut chance) = (Arc::clone(site), Chance::new(chance.number()));
            under_way.spawn(async move { Ok((kind, site.strike(kind, &mut chance).await?)) });
        }
        while let Some(done) = under_way.join_next().await {
            Self::tell(done??, begun, &mut order, report, say);
        }
        Ok(())
    }

    fn tell(
        (kind, strike): (Kind, Option<super::fault::Strike>),
        begun: Instant,
        order: &mut Order,
        report: &mut Report,
        say: &impl Fn(&str),
    ) {
        let at = begun.elapsed().as_secs();
        let Some(strike) = strike else {
            report.passed_over += 1;
            return order.again(kind);
        };
        let (target, note) = (&strike.target, &strike.note);
        say(&format!("{at:>5} s  {:<42} {target:<10} {note}", kind.in_words()));
    }

    /// Work is picked up within two lease lengths after a kill. What waits that long without any
    /// fault waits for the machine: it has more to do than it can.
    fn judge_time(&self, lease: Duration, report: &mut Report) {
        let limit = SignedDuration::try_from(lease * 2).unwrap_or(SignedDuration::MAX);
        let limit = limit + report.waits.usual;
        let killed = report.waits.after.get(&Kind::KillWorker).filter(|wait| wait.time > limit);
        if let Some(wait) = killed.filter(|_| self.timing) {
            let detail = format!(
                "it lay {:.1} s after the kill at {} (without any fault: {:.1} s at most), between {}",
                wait.time.as_secs_f64(),
                wait.at,
                report.waits.usual.as_secs_f64(),
                wait.between
            );
            let rule = "work is picked up within two leases after a kill";
            report.violations.push(Violation { rule, id: wait.run.clone(), detail });
        }
    }
}
