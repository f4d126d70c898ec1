//! The three machines together: up, whole, and who of them is what.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    ha::{
        http,
        machine::Machine,
        patroni::{self, Member, Role},
        site::{Address, MACHINES, Site},
    },
    leash::Leash,
    say,
};

/// How often the cluster is asked how it is.
const LOOK: Duration = Duration::from_millis(500);

/// The cluster.
pub(crate) struct Group {
    site: Site,
    machines: Vec<Machine>,
    leash: Leash,
}

impl Group {
    /// Sets up and starts all machines at once, and waits until the cluster is whole.
    pub(crate) fn start(site: &Site, leash: &Leash) -> Result<Self> {
        let machines = MACHINES
            .iter()
            .map(|(name, address)| Machine::new(site, name, *address))
            .collect::<Result<Vec<_>>>()?;
        let mut group = Self { site: site.clone(), machines, leash: leash.clone() };
        for machine in &mut group.machines {
            machine.start()?;
        }
        group.wait_until_whole(Duration::from_mins(3))?;
        Ok(group)
    }

    /// A machine by its name.
    pub(crate) fn machine(&mut self, name: &str) -> Result<&mut Machine> {
        self.machines
            .iter_mut()
            .find(|machine| machine.name == name)
            .with_context(|| format!("there is no machine `{name}`"))
    }

    /// The name of the one in this role.
    pub(crate) fn in_role(&self, role: Role) -> Result<String> {
        patroni::members(&self.site)?
            .into_iter()
            .find(|member| member.role == role && member.runs)
            .map(|member| member.name)
            .with_context(|| format!("nobody is {role:?} at the moment"))
    }

    /// Waits until one is the primary, one synchronous, and all follow without delay.
    pub(crate) fn wait_until_whole(&mut self, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            self.leash.check()?;
            for machine in &mut self.machines {
                machine.check()?;
            }
            let last = match patroni::members(&self.site) {
                Ok(members) if is_whole(&members) && self.agrees(&members) => return Ok(()),
                Ok(members) => format!("{members:?}"),
                Err(error) => format!("{error:#}"),
            };
            if begun.elapsed() > patience {
                bail!("the cluster is not whole after {patience:?}: {last}");
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits until another than this one is in the role.
    pub(crate) fn wait_for_another(
        &self,
        role: Role,
        than: &str,
        patience: Duration,
    ) -> Result<()> {
        let begun = Instant::now();
        while !self.in_role(role).is_ok_and(|name| name != than) {
            self.leash.check()?;
            if begun.elapsed() > patience {
                bail!("nobody but `{than}` is {role:?} after {patience:?}");
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Lets time pass.
    pub(crate) fn linger(&self, time: Duration) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.leash.check()?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Where it stands.
    pub(crate) const fn site(&self) -> &Site {
        &self.site
    }

    /// Whether the primary itself says that it is.
    fn agrees(&self, members: &[Member]) -> bool {
        MACHINES.iter().all(|(name, host)| {
            let primary =
                members.iter().any(|member| member.name == *name && member.role == Role::Primary);
            let at = Address { host: *host, port: self.site.ports.rest };
            let said = http::ask(at, "GET", "/primary", None, patroni::PATIENCE);
            said.is_ok_and(|(status, _)| (status == 200) == primary)
        })
    }

    /// Prints who is what.
    pub(crate) fn describe(&self) -> Result<()> {
        for member in patroni::members(&self.site)? {
            say(&format!("  {}  {:?}", member.name, member.role));
        }
        Ok(())
    }
}

fn is_whole(members: &[Member]) -> bool {
    let count = |role| members.iter().filter(|member| member.role == role).count();
    members.len() == MACHINES.len()
        && members.iter().all(|member| member.runs && member.lag == 0)
        && count(Role::Primary) == 1
        && count(Role::Synchronous) == 1
}
