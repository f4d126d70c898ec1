//! A rolling upgrade under load: old programs at work, the schema brought up, new ones beside them, then
//! the new ones alone; and the reconciliation of it all.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use domain::clock::Clock;

use super::{
    chance::Chance,
    fault::Kind,
    load::{self, Load},
    postgres::Postgres,
    quiet,
    reconcile::Violation,
    scene::{Scene, Setting},
    sink::Sink,
    site::{DATABASE, Site},
    truth::Reader,
    verdict,
};

/// What the names of old processes begin with, and what those of new ones do.
const OLD: &str = "old-";
const NEW: &str = "new-";

/// An upgrade's settings.
#[derive(Clone, Debug)]
pub struct Upgrade {
    /// The program that is replaced.
    pub old: PathBuf,
    /// The program that replaces it; the one beside this one if none is named.
    pub new: Option<PathBuf>,
    /// What they are called in the report.
    pub named: String,
    /// Where books and logs go.
    pub folder: PathBuf,
    /// The cluster.
    pub postgres: Postgres,
    /// Processes of each program that serve, and that work.
    pub processes: (usize, usize),
    /// How long runs are started: a third by old programs, a third by both, a third by new ones.
    pub time: Duration,
    /// Runs started a second.
    pub rate: f64,
    /// The lease of runs and deliveries, in seconds.
    pub lease_seconds: u32,
    /// Of a hundred mail conversations, so many are broken off by the mail server.
    pub trouble: u64,
    /// Decides faults and load.
    pub seed: u64,
    /// How long it may take until all is quiet.
    pub patience: Duration,
}

/// What came of an upgrade.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// In words, the last line of which says whether every promise was kept.
    pub words: String,
    /// Whether one was not.
    pub broken: bool,
}

impl Upgrade {
    /// Goes through with it. `say` hears of every stage.
    #[expect(clippy::too_many_lines, reason = "one stage after the other, each a few lines")]
    pub async fn run(self, clock: Arc<dyn Clock>, say: impl Fn(&str)) -> Result<Outcome> {
        let old = Scene::at(&self.folder, Some(&self.old))?.with_copy_named("playgate-old")?;
        let new = Scene::at(&self.folder, self.new.as_deref())?.with_copy_named("playgate-new")?;
        let mut chance = Chance::new(self.seed);
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        let luck = Chance::new(chance.number());
        let sink = Sink::start(at, &old.mail(), self.trouble, luck, Arc::clone(&clock)).await?;
        old.set(&Setting {
            database: Some(self.postgres.url(self.postgres.address, DATABASE)),
            data: None,
            smtp: sink.address(),
            lease_seconds: self.lease_seconds,
        })
        .context("the old program does not set the scene; is it too old for its configuration?")?;
        let token = old.token()?;
        let lease = Duration::from_secs(u64::from(self.lease_seconds));
        let no_disk = Err("not wanted".to_owned());
        let nobody = (0, 0);
        let database = Some(self.postgres.clone());
        let mut site =
            Site::start(&old, sink, database, no_disk, nobody, lease, Arc::clone(&clock)).await?;
        site.join(&old, OLD, self.processes).await?;
        say("Old programs work alone.");
        let load = Load::start(
            load::Settings {
                servers: site.servers(),
                token: token.clone(),
                ledger: old.ledger(),
                rate: self.rate,
                seed: self.seed,
                complaints: Arc::clone(&site.complaints),
            },
            Arc::clone(&clock),
        )?;
        let third = self.time / 3;
        tokio::time::sleep(third).await;

        let mut violations = Vec::new();
        let steps = bring_up(&old, &new, &mut violations)?;
        say(&format!("The schema is brought up under them: {steps}."));
        site.join(&new, NEW, self.processes).await?;
        load.turn_to(site.servers());
        say("Old and new programs work side by side.");
        let before = (site.asked_by(OLD), site.asked_by(NEW));
        let disturbed = self.side_by_side(&site, third, &mut chance).await?;
        let both = (site.asked_by(OLD) - before.0, site.asked_by(NEW) - before.1);
        if both.0 == 0 || both.1 == 0 {
            violations.push(broken("both programs work while both are there", "one did nothing"));
        }

        let servers = site.processes.iter().filter(|one| one.name.starts_with(NEW));
        load.turn_to(servers.filter_map(|one| one.role.serves()).collect());
        let mut ends = site.leave(OLD).await?;
        say("Old programs are gone; new ones work alone.");
        tokio::time::sleep(third).await;
        load.stop_starting();
        site.calm().await?;
        say("Waiting until all is quiet.");
        let reader = Reader::new(&site.servers(), &token);
        let rest = Instant::now();
        let moving = quiet::wait(&reader, Some(&load), self.patience).await?;
        let quiet_after = rest.elapsed();
        let tally = load.stop().await?;
        say("Reconciling.");
        let (ledger, mail) = (new.ledger(), new.mail());
        let verdict = verdict::reach(&reader, &ledger, &mail, clock, self.patience).await?;
        ends.extend(site.processes.iter().flat_map(|process| process.ends()));
        site.end().await?;
        if let Some(what) = moving {
            violations.push(broken("everything comes to rest", &what));
        }
        if let Err(error) = new.run(&["audit", "verify"]) {
            violations.push(broken("the audit trail verifies", &format!("{error:#}")));
        }
        violations.extend(ends.iter().map(|end| broken("no process ends by itself", end)));
        violations.extend(verdict.violations().cloned());

        let (servers, workers) = self.processes;
        let mut words = format!(
            "Upgrade of {} on PostgreSQL: {servers} servers and {workers} workers of each, {:.1} \
             minutes, {} runs a second, lease {} s, seed {}\n\n",
            self.named,
            self.time.as_secs_f64() / 60.0,
            self.rate,
            self.lease_seconds,
            self.seed
        );
        // Writing to a string does not fail.
        let _ = Self::tell(&mut words, &steps, &disturbed, both, quiet_after);
        for (what, count) in &verdict.resolved.counts {
            let _ = writeln!(words, "  {what:<42} {count:>7}");
        }
        let _ = writeln!(words, "\nErrors the client saw");
        for (error, count) in &tally.errors {
            let _ = writeln!(words, "  {error:<42} {count:>7}");
        }
        if violations.is_empty() {
            words.push_str("\nReconciled: every promise was kept.");
        } else {
            for violation in &violations {
                let _ = writeln!(words, "  {violation}");
            }
            let _ = write!(words, "\nNOT RECONCILED: {} violations", violations.len());
        }
        Ok(Outcome { words, broken: !violations.is_empty() })
    }

    fn tell(
        words: &mut String,
        steps: &str,
        disturbed: &[String],
        (old, new): (u64, u64),
        quiet_after: Duration,
    ) -> std::fmt::Result {
        writeln!(words, "  schema brought up under load: {steps}")?;
        writeln!(words, "  disturbed while both were there: {}", disturbed.join(", "))?;
        writeln!(words, "  KiB asked of the database by old programs  {:>7}", old >> 10)?;
        writeln!(words, "  KiB asked of the database by new programs  {:>7}", new >> 10)?;
        let quiet = quiet_after.as_secs_f64();
        writeln!(words, "  {:<42} {quiet:>7.0} s", "quiet within")
    }

    /// Kills new workers and freezes workers of both kinds past their leases, for so long. An old
    /// one that was killed could not come back: it refuses the schema.
    async fn side_by_side(
        &self,
        site: &Site,
        time: Duration,
        chance: &mut Chance,
    ) -> Result<Vec<String>> {
        let begun = Instant::now();
        let (mut disturbed, mut round) = (Vec::new(), 0);
        while begun.elapsed() < time {
            tokio::time::sleep(Duration::from_secs(2).min(time)).await;
            let (prefix, kind, did) = match round % 3 {
                0 => ("old-worker", Kind::StopWorker, "frozen"),
                1 => ("new-worker", Kind::KillWorker, "killed"),
                _ => ("new-worker", Kind::StopWorker, "frozen"),
            };
            let name = site.disturb(prefix, kind, chance).await?;
            disturbed.push(format!("{name} {did}"));
            round += 1;
        }
        Ok(disturbed)
    }
}

/// Brings the schema up with the new program; what it said it lacked. After that the old program does
/// not start any more, and says why.
fn bring_up(old: &Scene, new: &Scene, violations: &mut Vec<Violation>) -> Result<String> {
    let lacking = new.command(&["status"]).output()?;
    new.run(&["migrate"])?;
    if lacking.status.success() {
        return Ok("nothing was lacking".to_owned());
    }
    let lacking = String::from_utf8_lossy(&lacking.stderr).trim().replace('\n', " ");
    new.run(&["status"])?;
    let refused = old.command(&["status"]).output()?;
    let says = String::from_utf8_lossy(&refused.stderr);
    if refused.status.success() || !says.contains("does not know") {
        let says = says.lines().next().unwrap_or("nothing");
        violations.push(broken("a program older than the schema refuses politely", says));
    }
    Ok(lacking)
}

fn broken(rule: &'static str, detail: &str) -> Violation {
    Violation { rule, id: "all".to_owned(), detail: detail.to_owned() }
}
