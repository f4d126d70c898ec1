//! What can go wrong on purpose, and the order in which chance lets it.

use clap::ValueEnum;
use jiff::Timestamp;

use super::chance::Chance;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Kind {
    /// SIGKILL of a process that works.
    KillWorker,
    /// SIGKILL of a process that serves.
    KillServer,
    /// SIGSTOP of a process that works, for longer than a lease, then SIGCONT.
    StopWorker,
    /// SIGSTOP of a process that serves, for longer than a lease, then SIGCONT.
    StopServer,
    /// SIGTERM of a process that works, and a new one.
    RestartWorker,
    /// SIGTERM of a process that serves, and a new one.
    RestartServer,
    /// PostgreSQL stopped with `immediate`, and started.
    StopDatabase,
    /// Every connection ended by PostgreSQL.
    EndConnections,
    /// Nothing gets through between one process and the database, then everything or nothing.
    StallNetwork,
    /// Connections between one process and the database cut.
    CutNetwork,
    /// Not a byte left on the database's disk.
    FillDisk,
    /// The mail server turns everybody away.
    SinkDown,
}

impl Kind {
    /// What there is on PostgreSQL.
    pub const POSTGRES: [Self; 12] = [
        Self::KillWorker,
        Self::KillServer,
        Self::StopWorker,
        Self::StopServer,
        Self::RestartWorker,
        Self::RestartServer,
        Self::StopDatabase,
        Self::EndConnections,
        Self::StallNetwork,
        Self::CutNetwork,
        Self::FillDisk,
        Self::SinkDown,
    ];

    /// What there is on SQLite, where one process serves and works and is its own database.
    pub const SQLITE: [Self; 5] =
        [Self::KillWorker, Self::StopWorker, Self::RestartWorker, Self::FillDisk, Self::SinkDown];

    /// In words, for reports.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::KillWorker => "worker killed (SIGKILL)",
            Self::KillServer => "server killed (SIGKILL)",
            Self::StopWorker => "worker stopped past its lease (SIGSTOP)",
            Self::StopServer => "server stopped past a lease (SIGSTOP)",
            Self::RestartWorker => "worker restarted (SIGTERM)",
            Self::RestartServer => "server restarted (SIGTERM)",
            Self::StopDatabase => "PostgreSQL stopped with `immediate`",
            Self::EndConnections => "all connections ended by PostgreSQL",
            Self::StallNetwork => "network to the database stalled",
            Self::CutNetwork => "network to the database cut",
            Self::FillDisk => "database's disk full",
            Self::SinkDown => "mail server down",
        }
    }

    /// Whether it takes the database away from everybody.
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::StopDatabase | Self::FillDisk)
    }

    /// Whether it may interrupt work in hand, so that somebody has to pick it up.
    pub const fn interrupts(self) -> bool {
        !matches!(self, Self::KillServer | Self::StopServer | Self::RestartServer | Self::SinkDown)
    }
}

/// A fault that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// What.
    pub kind: Kind,
    /// To which process; empty when to all.
    pub target: String,
    /// When it began.
    pub from: Timestamp,
    /// When what was hit was itself again.
    pub until: Timestamp,
    /// What is worth knowing besides.
    pub note: String,
}

/// The order of faults: each kind comes once before any comes again.
#[derive(Clone, Debug)]
pub struct Order {
    kinds: Vec<Kind>,
    left: Vec<Kind>,
}

impl Order {
    /// Of these kinds.
    pub fn of(kinds: &[Kind]) -> Self {
        Self { kinds: kinds.to_vec(), left: Vec::new() }
    }

    /// One that did not come about comes next.
    pub fn again(&mut self, kind: Kind) {
        self.left.push(kind);
    }

    /// The next one; none if there are no kinds.
    pub fn next(&mut self, chance: &mut Chance) -> Option<Kind> {
        if self.left.is_empty() {
            self.left.clone_from(&self.kinds);
            chance.shuffle(&mut self.left);
        }
        self.left.pop()
    }
}
