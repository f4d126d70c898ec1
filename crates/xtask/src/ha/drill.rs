//! The load on the product, its mail, and the reconciliation: the `chaos` program of `tests`.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::cargo,
    ha::{
        host::Host,
        outage::Moments,
        patroni::PRODUCT,
        site::{Address, Site},
    },
    household::Household,
    leash::Leash,
    say,
};

/// How long the load may take to come to rest once it starts no more runs.
const PATIENCE: Duration = Duration::from_mins(6);

/// Seconds a run or a delivery is held: the product's own default, and longer than a failover.
const LEASE: &str = "30";

/// Where the drill's files are, and who works there.
pub(crate) struct Drill {
    folder: PathBuf,
    chaos: PathBuf,
    playgate: PathBuf,
    household: Household,
    servers: Vec<Address>,
}

impl Drill {
    /// Makes the database and fills it, and starts to take mail.
    pub(crate) fn set(site: &Site, programs: &Path, hosts: &[Host]) -> Result<Self> {
        let folder = site.folder.join("drill");
        fs::create_dir(&folder)?;
        // Copies, so that building anew does not change them under the run.
        let [chaos, playgate] = ["chaos", "playgate"].map(|name| folder.join(name));
        for copy in [&chaos, &playgate] {
            let name = copy.file_name().unwrap_or_default();
            fs::copy(programs.join(name), copy)
                .with_context(|| format!("`{}` cannot be made", copy.display()))?;
        }
        let mut household = Household::of(&folder)?;
        let first = hosts.first().context("there is no host")?;
        first.command_database(&format!("CREATE ROLE {PRODUCT} LOGIN"))?;
        first.command_database(&format!("CREATE DATABASE {PRODUCT} OWNER {PRODUCT}"))?;
        let smtp = Address {
            host: Ipv4Addr::LOCALHOST,
            port: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
        };
        let mut scene = Command::new(&chaos);
        scene.arg("scene").arg(&folder).args(["--db", &first.database(PRODUCT, PRODUCT)]);
        scene
            .args(["--smtp", &smtp.to_string(), "--lease", LEASE])
            .arg("--playgate")
            .arg(&playgate);
        run(scene)?;
        let mut sink = Command::new(&chaos);
        sink.arg("sink").arg(&folder).args(["--listen", &smtp.to_string()]);
        household.launch("sink", sink)?;
        let servers = hosts.iter().map(Host::server).collect();
        Ok(Self { folder, chaos, playgate, household, servers })
    }

    /// The product's program.
    pub(crate) fn playgate(&self) -> &Path {
        &self.playgate
    }

    /// Its configuration.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("config.yaml")
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.chaos);
        command.arg(verb).arg(&self.folder);
        for server in &self.servers {
            command.args(["--server", &format!("http://{server}")]);
        }
        command
    }

    /// Starts the load, for so long.
    pub(crate) fn load(&mut self, time: Duration) -> Result<()> {
        let mut load = self.command("load");
        load.args(["--minutes", &format!("{:.3}", time.as_secs_f64() / 60.0)]);
        self.household.launch("load", load)
    }

    /// Waits until the load has come to rest; what it said.
    pub(crate) fn rest(&mut self, leash: &Leash) -> Result<String> {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.household.ended("load")? {
                break status;
            }
            leash.check()?;
            if begun.elapsed() > PATIENCE {
                bail!("the load has not come to rest after {PATIENCE:?}");
            }
            thread::sleep(Duration::from_millis(200));
        };
        let said = fs::read_to_string(self.folder.join("load.log"))?;
        if !status.success() {
            bail!("the load ended with {status}: {said}");
        }
        Ok(said.trim_end().to_owned())
    }

    /// When approvals were accepted.
    pub(crate) fn accepted(&self) -> Result<Moments> {
        Moments::read(&self.folder.join("ledger.jsonl"), |line| {
            line["ask"] == "approve" && line["heard"] == "accepted"
        })
    }

    /// When mail arrived.
    pub(crate) fn delivered(&self) -> Result<Moments> {
        Moments::read(&self.folder.join("mail.jsonl"), |_| true)
    }

    /// Holds the books against the product; what it says, and whether every promise was kept.
    pub(crate) fn reconcile(&self) -> Result<(String, bool)> {
        let output = self.command("reconcile").stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        match output.status.code() {
            Some(0) => Ok((said, true)),
            Some(1) => Ok((said, false)),
            _ => bail!("it cannot be found out whether all is well: {said}"),
        }
    }

    /// What `playgate audit verify` says, and whether the trail is true.
    pub(crate) fn verify(&self, database: &str) -> Result<(String, bool)> {
        let output = Command::new(&self.playgate)
            .env_clear()
            .arg("--config")
            .arg(self.config())
            .args(["--db", database, "audit", "verify"])
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((said.lines().next().unwrap_or_default().to_owned(), output.status.success()))
    }
}

fn run(mut command: Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.with_context(|| format!("`{}` cannot be run", command.get_program().display()))?;
    if !output.status.success() {
        say(&String::from_utf8_lossy(&output.stdout));
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The folder of the drill's programs, compiling them first if that is wanted.
pub(crate) fn programs(build: bool) -> Result<PathBuf> {
    let wanted = [["cli", "playgate"], ["tests", "chaos"]];
    for [package, program] in wanted.into_iter().filter(|_| build) {
        let status = cargo(["build", "-p", package, "--bin", program]).status();
        if !status.context("`cargo` cannot be run")?.success() {
            bail!("`{program}` does not compile; see above");
        }
    }
    let own = std::env::current_exe()?;
    let folder = own.parent().context("this program is in no folder")?;
    for [_, program] in wanted {
        if !folder.join(program).is_file() {
            bail!("there is no `{program}` in `{}`; leave `--no-build` away", folder.display());
        }
    }
    Ok(folder.to_owned())
}
