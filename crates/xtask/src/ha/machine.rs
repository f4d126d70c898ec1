//! One machine of the database: an etcd member, Patroni, and the PostgreSQL that Patroni runs.

use std::{
    fs,
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{
    ha::{etcd, patroni, site::Site},
    household::{Household, signal},
    package::program,
};

/// A machine, up or down.
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    folder: PathBuf,
    household: Household,
    site: Site,
    /// Ours to reap. PostgreSQL is Patroni's.
    children: Vec<(&'static str, Child)>,
}

impl Machine {
    /// Sets it up; nothing runs yet.
    pub(crate) fn new(site: &Site, name: &'static str, address: Ipv4Addr) -> Result<Self> {
        let folder = site.room(name)?;
        // etcd wants its own folder to be private too.
        site.room(&format!("{name}/etcd"))?;
        site.write(
            &folder.join("patroni.yml"),
            &patroni::configuration(site, name, address, &folder),
        )?;
        let household = Household::of(&folder)?;
        Ok(Self { name, folder, household, site: site.clone(), children: Vec::new() })
    }

    /// Starts it, as its init would: etcd and Patroni.
    pub(crate) fn start(&mut self) -> Result<()> {
        let etcd = program("etcd").context("there is no `etcd`")?;
        let command = etcd::command(&self.site, self.name, &self.folder, &etcd);
        self.launch("etcd", command)?;
        let patroni = program("patroni").context("there is no `patroni`")?;
        let mut command = self.site.account.command(&patroni);
        command.arg(self.folder.join("patroni.yml")).current_dir(&self.folder);
        self.launch("patroni", command)
    }

    fn launch(&mut self, name: &'static str, mut command: Command) -> Result<()> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{name}.log")))?;
        let child = command
            .env("HOME", &self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("`{name}` cannot be run"))?;
        self.children.push((name, child));
        Ok(())
    }

    /// Fails if etcd or Patroni ended by themselves.
    pub(crate) fn check(&mut self) -> Result<()> {
        for (name, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                let log = fs::read_to_string(self.folder.join(format!("{name}.log")))?;
                let lines: Vec<&str> = log.lines().collect();
                let tail = lines[lines.len().saturating_sub(10)..].join("\n");
                bail!("`{name}` of `{}` ended with {status}:\n{tail}", self.name);
            }
        }
        Ok(())
    }

    /// Everything on it ends at once and without a word.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.household.kill()?;
        for (_, mut child) in self.children.drain(..) {
            child.wait()?;
        }
        Ok(())
    }

    /// Everything on it stops where it is; nothing is closed, nobody is told.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.household.freeze()
    }

    /// Everything on it goes on as if no time had passed.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.household.thaw()
    }

    /// Cuts it off from etcd and its REST API: Patroni stops, PostgreSQL works on as if it were
    /// still the primary.
    pub(crate) fn cut_off(&self) -> Result<()> {
        signal("STOP", &self.household.named("patroni"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            crate::say(&format!("machine `{}` does not end: {error:#}", self.name));
        }
    }
}
