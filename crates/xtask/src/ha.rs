//! High availability, shown: the product on a PostgreSQL cluster of three that loses its primary.

mod etcd;
mod group;
mod machine;
mod patroni;
mod router;
mod site;

use std::{ffi::OsString, fs, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{
    ha::{group::Group, site::Site},
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

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    /// How long faults go on.
    time: Duration,
    /// Leave folder and logs.
    keep: bool,
}

impl Plan {
    fn read(words: &[&str]) -> Result<Self> {
        let mut plan = Self { time: Duration::from_mins(3), keep: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--keep" => plan.keep = true,
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
    let site = Site::choose(programs)?;
    say(&format!("Everything is in `{}`.", site.folder.display()));
    let told = story(&site, plan, &leash);
    if plan.keep {
        say(&format!("Kept: `{}`.", site.folder.display()));
    } else {
        fs::remove_dir_all(&site.folder)?;
    }
    told
}

fn story(site: &Site, plan: Plan, leash: &Leash) -> Result<ExitCode> {
    let group = Group::start(site, leash)?;
    group.describe()?;
    let begun = std::time::Instant::now();
    while begun.elapsed() < plan.time {
        leash.check()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(ExitCode::SUCCESS)
}
