//! One host of the product: HAProxy as its way to the database, a server and a worker.

use std::{
    net::Ipv4Addr,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    ha::{
        http,
        patroni::PRODUCT,
        router,
        site::{Address, Site},
    },
    household::Household,
    package::program,
};

/// How long the product may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to say whether it is well, when we look.
pub(crate) const GLANCE: Duration = Duration::from_secs(5);

/// A host. Whatever happens to the database, nobody touches it.
pub(crate) struct Host {
    pub(crate) name: &'static str,
    household: Household,
    database: Address,
    server: Address,
    site: Site,
}

impl Host {
    /// Sets it up and starts its HAProxy.
    pub(crate) fn new(site: &Site, name: &'static str, address: Ipv4Addr) -> Result<Self> {
        let folder = site.room(name)?;
        let file = folder.join("haproxy.cfg");
        site.write(&file, &router::configuration(site, address))?;
        let mut host = Self {
            name,
            household: Household::of(&folder)?,
            database: Address { host: address, port: site.ports.router },
            server: Address { host: address, port: site.ports.serve },
            site: site.clone(),
        };
        let haproxy = program("haproxy").context("there is no `haproxy`")?;
        let mut command = site.account.command(&haproxy);
        command.arg("-db").arg("-f").arg(&file);
        host.household.launch("haproxy", command)?;
        Ok(host)
    }

    /// Where this host reaches the database, as `user`.
    pub(crate) fn database(&self, user: &str, name: &str) -> String {
        format!("postgres://{user}@{}/{name}", self.database)
    }

    /// Where its server is.
    pub(crate) const fn server(&self) -> Address {
        self.server
    }

    /// Waits until its HAProxy lets a statement through, and runs it as the superuser.
    pub(crate) fn command_database(&self, sql: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            let output = Command::new(self.site.programs.join("psql"))
                .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command", sql])
                .arg(self.database(crate::cluster::SUPERUSER, "postgres"))
                .stdin(Stdio::null())
                .output()
                .context("`psql` cannot be run")?;
            if output.status.success() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                bail!("`{sql}`: {}", String::from_utf8_lossy(&output.stderr).trim());
            }
            thread::sleep(Duration::from_millis(300));
        }
    }

    /// Starts the product with this configuration and waits until its server answers.
    pub(crate) fn serve(&mut self, playgate: &Path, config: &Path) -> Result<()> {
        let listen = self.server.to_string();
        for (name, arguments) in [
            ("serve", vec!["serve", "--no-worker", "--listen", &listen]),
            ("worker", vec!["worker"]),
        ] {
            let mut command = Command::new(playgate);
            command
                .env_clear()
                .arg("--config")
                .arg(config)
                .arg("--db")
                .arg(self.database(PRODUCT, PRODUCT))
                .args(arguments);
            self.household.launch(name, command)?;
        }
        let begun = Instant::now();
        while !self.is_well() {
            self.check()?;
            if begun.elapsed() > PATIENCE {
                bail!("the server of `{}` does not answer after {PATIENCE:?}", self.name);
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Whether its server says that it can do its work.
    pub(crate) fn is_well(&self) -> bool {
        is_well(self.server)
    }

    /// Fails if anything of it ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.household.check()
    }
}

/// Whether the server there says that it can do its work.
pub(crate) fn is_well(at: Address) -> bool {
    http::ask(at, "GET", "/healthz", None, GLANCE).is_ok_and(|(status, _)| status == 200)
}
