//! One machine of the database: an etcd member, Patroni, and the PostgreSQL that Patroni runs.

use std::{net::Ipv4Addr, path::PathBuf};

use anyhow::{Context, Result};

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
        Ok(Self { name, folder, household, site: site.clone() })
    }

    /// Starts it, as its init would: etcd and Patroni.
    pub(crate) fn start(&mut self) -> Result<()> {
        let etcd = program("etcd").context("there is no `etcd`")?;
        let command = etcd::command(&self.site, self.name, &self.folder, &etcd);
        self.household.launch("etcd", command)?;
        let patroni = program("patroni").context("there is no `patroni`")?;
        let mut command = self.site.account.command(&patroni);
        // libpq looks for its files at home.
        command.arg(self.folder.join("patroni.yml")).env("HOME", &self.folder);
        self.household.launch("patroni", command)
    }

    /// Fails if etcd or Patroni ended by themselves.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.household.check()
    }

    /// Everything on it ends at once and without a word.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.household.kill()
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
