//! High availability, shown: the product on a PostgreSQL cluster of three that loses its primary.

mod drill;
mod etcd;
mod fault;
mod group;
mod host;
mod http;
mod machine;
mod outage;
mod patroni;
mod pulse;
mod report;
mod router;
mod site;

use std::{
    ffi::OsString,
    fs,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;

use crate::{
    ha::{
        drill::Drill,
        fault::Fault,
        group::Group,
        host::Host,
        outage::now,
        patroni::PRODUCT,
        pulse::Pulse,
        report::{Report, Strike},
        site::{HOSTS, Site},
    },
    leash::{self, Leash},
    package::{self, Package},
    postgres, say,
};

/// The hidden command under which this program does the work, on a leash.
pub(crate) const INSIDE: &str = "__ha";

const PACKAGES: [Package; 3] = [
    Package { name: "etcd-server", program: "etcd", service: "etcd" },
    Package { name: "patroni", program: "patroni", service: "patroni" },
    Package { name: "haproxy", program: "haproxy", service: "haproxy" },
];

/// How long the load runs before the first fault, so that there is something to compare with.
const QUIET: Duration = Duration::from_secs(12);

/// Between one fault mended and the next.
const BETWEEN: Duration = Duration::from_secs(4);

/// What a fault takes until it is mended, about: no other is begun with less time left.
const ROUND: Duration = Duration::from_secs(45);

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    /// How long faults go on.
    time: Duration,
    /// Leave folder and logs.
    keep: bool,
    /// Compile the programs first.
    build: bool,
}

impl Plan {
    fn read(words: &[&str]) -> Result<Self> {
        let mut plan = Self { time: Duration::from_mins(3), keep: false, build: true };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--keep" => plan.keep = true,
                "--no-build" => plan.build = false,
                "--minutes" => {
                    let minutes = words.next().and_then(|minutes| minutes.parse().ok());
                    plan.time = Duration::from_mins(
                        minutes.context("`--minutes` wants a whole number, as in `--minutes 3`")?,
                    );
                }
                other => bail!("unknown option `{other}`; see `cargo xtask --help`"),
            }
        }
        Ok(plan)
    }
}

/// Checks the options, and runs on a leash.
pub(crate) fn outside(words: &[&str], arguments: &[OsString]) -> Result<ExitCode> {
    Plan::read(words)?;
    leash::walk([OsString::from(INSIDE)].into_iter().chain(arguments.iter().cloned()))
}

/// The whole story.
pub(crate) fn inside(words: &[&str]) -> Result<ExitCode> {
    let plan = Plan::read(words)?;
    let leash = Leash::watch();
    let programs = postgres::find_or_install()?;
    package::ensure(&PACKAGES)?;
    let site = Site::choose(&programs)?;
    say(&format!("Everything is in `{}`.", site.folder.display()));
    let told = story(&site, plan, &leash);
    if plan.keep || (told.is_err() && leash.check().is_ok()) {
        say(&format!("Kept: `{}`.", site.folder.display()));
    } else {
        fs::remove_dir_all(&site.folder)?;
    }
    let report = told?;
    let text = report.in_words();
    let file = std::env::temp_dir().join(format!("playgate-ha-{}.txt", std::process::id()));
    fs::write(&file, &text)?;
    say(&format!("\n{text}\nThis report is in `{}`.", file.display()));
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything, from an empty folder to the reconciliation.
fn story(site: &Site, plan: Plan, leash: &Leash) -> Result<Report> {
    let programs = drill::programs(plan.build)?;
    say("Starting three machines: etcd, Patroni and PostgreSQL on each …");
    let mut group = Group::start(site, leash)?;
    let mut hosts = HOSTS
        .iter()
        .map(|(name, address)| Host::new(site, name, *address))
        .collect::<Result<Vec<_>>>()?;
    let mut drill = Drill::set(site, &programs, &hosts)?;
    for host in &mut hosts {
        host.serve(drill.playgate(), &drill.config())?;
    }
    group.describe()?;
    let servers: Vec<_> = hosts.iter().map(Host::server).collect();
    let pulse = Pulse::of(&servers);

    let started = now();
    drill.load(plan.time)?;
    group.linger(QUIET)?;
    let strikes = strike_all(&mut group, &mut hosts, plan.time.saturating_sub(QUIET))?;
    // The load stops starting runs at its own time, which is not before this.
    let until = now().max(started + SignedDuration::try_from(plan.time)?);
    say("The last fault is mended; waiting for the load to come to rest …");
    let load = drill.rest(leash)?;
    for host in &mut hosts {
        host.check()?;
    }
    let beats = pulse.end();
    say("Reconciling …");
    let (reconciled, kept) = drill.reconcile()?;
    let database = hosts.first().context("there is no host")?.database(PRODUCT, PRODUCT);
    let (audit, intact) = drill.verify(&database)?;
    Ok(Report {
        started,
        until,
        strikes,
        accepted: drill.accepted()?,
        delivered: drill.delivered()?,
        beats,
        load,
        reconciled,
        audit,
        good: kept && intact,
    })
}

/// One fault after the other, each on a whole cluster, while there is time for another.
fn strike_all(group: &mut Group, hosts: &mut [Host], time: Duration) -> Result<Vec<Strike>> {
    let begun = Instant::now();
    let mut strikes = Vec::new();
    for fault in Fault::ALL.into_iter().cycle() {
        if !strikes.is_empty() && begun.elapsed() + ROUND > time {
            break;
        }
        let whom = fault.aim(group)?;
        say(&format!("{:>4} s  {}: {whom}", begun.elapsed().as_secs(), fault.in_words()));
        strikes.push(Strike { fault, at: now(), whom: whom.clone() });
        fault.strike(group, &whom)?;
        fault.mend(group, &whom)?;
        for host in &mut *hosts {
            host.check()?;
        }
        group.linger(BETWEEN)?;
    }
    Ok(strikes)
}
