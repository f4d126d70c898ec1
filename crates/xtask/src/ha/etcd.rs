//! etcd: where Patroni keeps who is the primary, agreed among three.

use std::{path::Path, process::Command};

use crate::ha::site::{MACHINES, Site};

/// The member of this name.
pub(crate) fn command(site: &Site, name: &str, folder: &Path, program: &Path) -> Command {
    let address = address_of(name);
    let peer = |host| format!("http://{host}:{}", site.ports.peer);
    let client = format!("http://{address}:{}", site.ports.client);
    let members: Vec<String> =
        MACHINES.iter().map(|(name, host)| format!("{name}={}", peer(*host))).collect();
    let mut command = site.account.command(program);
    command
        .args(["--name", name, "--initial-cluster-token", "playgate-ha"])
        .arg("--data-dir")
        .arg(folder.join("etcd"))
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer(address)])
        .args(["--initial-advertise-peer-urls", &peer(address)])
        .args(["--initial-cluster", &members.join(",")])
        // Three members share one disk here, and perhaps two cores with a compiler.
        .args(["--heartbeat-interval", "200", "--election-timeout", "2000"])
        // The interface Patroni talks to it by; see there.
        .arg("--enable-v2=true")
        .args(["--log-level", "warn"])
        .current_dir(folder);
    command
}

fn address_of(name: &str) -> std::net::Ipv4Addr {
    MACHINES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(std::net::Ipv4Addr::LOCALHOST, |(_, address)| *address)
}
