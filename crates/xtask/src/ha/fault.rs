//! What is done to the cluster while the load goes on, and how it is mended.

use std::time::Duration;

use anyhow::Result;

use crate::ha::{group::Group, patroni, patroni::Role};

/// How long the cluster may take to recover.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long the cluster is left with one machine less once it has recovered.
const LATER: Duration = Duration::from_secs(4);

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The primary's machine loses power: etcd, Patroni and PostgreSQL get SIGKILL.
    PrimaryKilled,
    /// An operator moves the primary.
    SwitchedOver,
    /// The machine whose copy every commit waits for loses power.
    StandbyKilled,
    /// The primary's Patroni stops (SIGSTOP): its right ends, and nobody is there to tell its
    /// PostgreSQL, which still believes in itself.
    PrimaryCutOff,
    /// The primary's whole machine hangs (SIGSTOP): connections stay open and say nothing.
    PrimaryFrozen,
}

impl Fault {
    /// In the order they are tried.
    pub(crate) const ALL: [Self; 5] = [
        Self::PrimaryKilled,
        Self::SwitchedOver,
        Self::StandbyKilled,
        Self::PrimaryCutOff,
        Self::PrimaryFrozen,
    ];

    /// For people.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::PrimaryKilled => "primary's machine killed",
            Self::SwitchedOver => "planned switchover",
            Self::StandbyKilled => "synchronous standby's machine killed",
            Self::PrimaryCutOff => "primary cut off from etcd",
            Self::PrimaryFrozen => "primary's machine frozen",
        }
    }

    /// Whom it hits: the name of a machine.
    pub(crate) fn aim(self, group: &Group) -> Result<String> {
        group.in_role(match self {
            Self::StandbyKilled => Role::Synchronous,
            _ => Role::Primary,
        })
    }

    /// Strikes.
    pub(crate) fn strike(self, group: &mut Group, whom: &str) -> Result<()> {
        match self {
            Self::PrimaryKilled | Self::StandbyKilled => group.machine(whom)?.kill(),
            Self::SwitchedOver => patroni::switch_over(group.site(), whom).map(drop),
            Self::PrimaryCutOff => group.machine(whom)?.cut_off(),
            Self::PrimaryFrozen => group.machine(whom)?.freeze(),
        }
    }

    /// Waits until the cluster has helped itself, then brings the machine back, as its owner
    /// would, and waits until all three are in step again.
    pub(crate) fn mend(self, group: &mut Group, whom: &str) -> Result<()> {
        let role = match self {
            Self::StandbyKilled => Role::Synchronous,
            _ => Role::Primary,
        };
        group.wait_for_another(role, whom, PATIENCE)?;
        group.linger(LATER)?;
        match self {
            Self::PrimaryKilled | Self::StandbyKilled => group.machine(whom)?.start()?,
            Self::SwitchedOver => {}
            Self::PrimaryCutOff | Self::PrimaryFrozen => group.machine(whom)?.thaw()?,
        }
        group.wait_until_whole(PATIENCE)
    }
}
