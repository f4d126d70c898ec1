//! Patroni: its configuration for synchronous replication, and what it tells of the cluster.

use std::{net::Ipv4Addr, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{
    cluster::SUPERUSER,
    ha::{
        http,
        site::{Address, MACHINES, Site},
    },
};

/// How long a question may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The role the product signs in as, and the name of its database.
pub(crate) const PRODUCT: &str = "playgate";

/// Seconds after which a primary that does not renew its right is replaced: the least that
/// Patroni's documentation allows.
pub(crate) const TTL: u32 = 20;

/// The configuration of one member. JSON is YAML.
pub(crate) fn configuration(site: &Site, name: &str, host: Ipv4Addr, folder: &Path) -> String {
    let etcd: Vec<String> =
        MACHINES.iter().map(|(_, host)| format!("{host}:{}", site.ports.client)).collect();
    let rest = format!("{host}:{}", site.ports.rest);
    let database = format!("{host}:{}", site.ports.database);
    json!({
        "scope": "playgate-ha",
        "name": name,
        "log": { "level": "INFO" },
        "restapi": { "listen": rest, "connect_address": rest },
        // Not `etcd3`: with that, Patroni before 3.0.3 (Debian 12 has 3.0.2) renews its right
        // without comparing, so a machine that was frozen takes it back from its successor, and
        // what the successor acknowledged is lost. Newer ones compare with both.
        "etcd": { "hosts": etcd },
        "bootstrap": {
            "dcs": {
                "ttl": TTL,
                "loop_wait": 2,
                "retry_timeout": 5,
                // A commit is acknowledged once a second machine has it on its disk …
                "synchronous_mode": true,
                // … and never with one copy only, even when no second machine is left.
                "synchronous_mode_strict": true,
                "synchronous_node_count": 1,
                "postgresql": {
                    "use_pg_rewind": true,
                    "use_slots": true,
                    "parameters": {
                        "synchronous_commit": "on",
                        "max_connections": 100,
                        "wal_log_hints": "on",
                        "wal_sender_timeout": "5s",
                        "wal_receiver_timeout": "5s",
                        "wal_receiver_status_interval": "1s",
                        "wal_retrieve_retry_interval": "1s",
                    },
                },
            },
            "initdb": [{ "encoding": "UTF8" }, { "locale": "C" }, "data-checksums"],
        },
        "postgresql": {
            "listen": database,
            "connect_address": database,
            "data_dir": folder.join("data"),
            "bin_dir": site.programs,
            "pgpass": folder.join("pgpass"),
            "authentication": {
                "superuser": { "username": SUPERUSER },
                "replication": { "username": "replicator" },
                "rewind": { "username": "rewinder" },
            },
            // It lives for minutes and on loopback only.
            "pg_hba": [
                "host replication replicator 127.0.0.0/8 trust",
                "host all all 127.0.0.0/8 trust",
            ],
            "parameters": { "unix_socket_directories": folder, "shared_buffers": "64MB" },
        },
        "watchdog": { "mode": "off" },
        "tags": { "nofailover": false, "noloadbalance": false },
    })
    .to_string()
}

/// What a member is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    /// Has every commit that was acknowledged.
    Synchronous,
    Replica,
}

/// A member as the cluster sees it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Whether it runs, and follows if it is no primary.
    pub(crate) runs: bool,
    /// Bytes it is behind.
    pub(crate) lag: u64,
}

/// The members, as told by whoever of the cluster answers first.
pub(crate) fn members(site: &Site) -> Result<Vec<Member>> {
    let mut last = None;
    for (_, host) in MACHINES {
        let at = Address { host, port: site.ports.rest };
        match http::ask(at, "GET", "/cluster", None, PATIENCE) {
            Ok((200, answer)) => return read(&answer),
            Ok((status, _)) => last = Some(anyhow::anyhow!("{host} says {status}")),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("there are no machines")))
}

fn read(answer: &str) -> Result<Vec<Member>> {
    let answer: Value = serde_json::from_str(answer).context("Patroni's answer is no JSON")?;
    let members = answer["members"].as_array().context("Patroni names no members")?;
    Ok(members
        .iter()
        .filter_map(|member| {
            Some(Member {
                name: member["name"].as_str()?.to_owned(),
                role: match member["role"].as_str()? {
                    "leader" => Role::Primary,
                    "sync_standby" => Role::Synchronous,
                    _ => Role::Replica,
                },
                runs: matches!(member["state"].as_str()?, "running" | "streaming"),
                lag: member["lag"].as_u64().unwrap_or(0),
            })
        })
        .collect())
}

/// Asks for a planned change of the primary.
pub(crate) fn switch_over(site: &Site, from: &str) -> Result<String> {
    let host = MACHINES.iter().find(|(name, _)| *name == from).context("no such machine")?.1;
    let body = json!({ "leader": from }).to_string();
    let at = Address { host, port: site.ports.rest };
    let (status, answer) =
        http::ask(at, "POST", "/switchover", Some(&body), Duration::from_mins(1))?;
    if status != 200 {
        bail!("Patroni refuses the switchover ({status}): {}", answer.trim());
    }
    Ok(answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_patroni_says_of_its_members_is_read() {
        let said = r#"{"members": [
            {"name": "db1", "role": "leader", "state": "running", "timeline": 2},
            {"name": "db2", "role": "sync_standby", "state": "streaming", "lag": 0},
            {"name": "db3", "role": "replica", "state": "start failed", "lag": "unknown"}]}"#;
        let members = read(said).unwrap();
        assert_eq!(
            members.iter().map(|member| (member.role, member.runs)).collect::<Vec<_>>(),
            [(Role::Primary, true), (Role::Synchronous, true), (Role::Replica, false)]
        );
        assert!(read("{}").is_err());
    }
}
