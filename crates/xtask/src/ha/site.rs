//! Where the cluster stands: its folder, the loopback address of each machine, and the ports.

use std::{
    fmt, fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::account::Account;

/// The machines of the database, by name and address.
pub(crate) const MACHINES: [(&str, Ipv4Addr); 3] = [
    ("db1", Ipv4Addr::new(127, 0, 0, 21)),
    ("db2", Ipv4Addr::new(127, 0, 0, 22)),
    ("db3", Ipv4Addr::new(127, 0, 0, 23)),
];

/// The hosts of the product, by name and address.
pub(crate) const HOSTS: [(&str, Ipv4Addr); 2] =
    [("app1", Ipv4Addr::new(127, 0, 0, 31)), ("app2", Ipv4Addr::new(127, 0, 0, 32))];

/// Where a service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: Ipv4Addr,
    pub(crate) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The same on every machine, as it would be on machines of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// etcd, for those who ask.
    pub(crate) client: u16,
    /// etcd, among its members.
    pub(crate) peer: u16,
    /// PostgreSQL.
    pub(crate) database: u16,
    /// Patroni's REST API.
    pub(crate) rest: u16,
    /// HAProxy, on the product's hosts.
    pub(crate) router: u16,
    /// The product's own API.
    pub(crate) serve: u16,
}

/// The place of everything.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    pub(crate) account: Account,
    /// PostgreSQL's programs.
    pub(crate) programs: PathBuf,
    pub(crate) ports: Ports,
}

impl Site {
    /// A new folder, and ports nobody has.
    pub(crate) fn choose(programs: &Path) -> Result<Self> {
        let account = Account::choose()?;
        let programs = home(programs)?;
        let folder = std::env::temp_dir().join(format!("playgate-ha-{}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("`{}` cannot be made", folder.display()))?;
        account.give(&folder)?;
        let [client, peer, database, rest, router, serve] = free_ports()?;
        let ports = Ports { client, peer, database, rest, router, serve };
        Ok(Self { folder: folder.canonicalize()?, account, programs, ports })
    }

    /// Makes a folder for a machine or host.
    pub(crate) fn room(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        // 0700: PostgreSQL insists, and logs and keys are nobody else's business.
        fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(&folder)
            .with_context(|| format!("`{}` cannot be made", folder.display()))?;
        self.account.give(&folder)?;
        Ok(folder)
    }

    /// Writes a file that the servers may read.
    pub(crate) fn write(&self, file: &Path, text: &str) -> Result<()> {
        fs::write(file, text).with_context(|| format!("`{}` cannot be written", file.display()))?;
        self.account.give(file)
    }
}

/// The folder where PostgreSQL's programs really are: Patroni needs more of them than whoever
/// linked a few into PATH did.
fn home(programs: &Path) -> Result<PathBuf> {
    let server = programs.join(crate::cluster::SERVER).canonicalize()?;
    let folder = server.parent().unwrap_or(programs);
    for program in ["pg_basebackup", "pg_controldata", "pg_rewind", "psql"] {
        if !folder.join(program).is_file() {
            bail!("there is no `{program}` in `{}`, and Patroni needs it", folder.display());
        }
    }
    Ok(folder.to_owned())
}

/// Ports that are free on every address at this moment.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let addresses = || MACHINES.iter().chain(&HOSTS).map(|(_, address)| *address);
    // All are held until all are found, so that no two are the same.
    let mut held: Vec<Vec<TcpListener>> = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let mut tries = 0;
        *port = loop {
            let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let candidate = first.local_addr()?.port();
            let everywhere: std::io::Result<Vec<TcpListener>> =
                addresses().map(|address| TcpListener::bind((address, candidate))).collect();
            match everywhere {
                Ok(mut listeners) => {
                    listeners.push(first);
                    held.push(listeners);
                    break candidate;
                }
                Err(_) if tries < 50 => tries += 1,
                Err(error) => bail!("no port is free on all of 127.0.0.21 to 127.0.0.32: {error}"),
            }
        };
    }
    Ok(ports)
}
