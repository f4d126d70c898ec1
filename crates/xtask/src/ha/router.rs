//! HAProxy: one address of the database for a host of the product, whoever is the primary.

use std::{fmt::Write as _, net::Ipv4Addr};

use crate::ha::site::{MACHINES, Site};

/// The configuration for the host of this address.
pub(crate) fn configuration(site: &Site, host: Ipv4Addr) -> String {
    let mut text = format!(
        "\
global
    maxconn 400

defaults
    mode tcp
    retries 1
    timeout connect 2s
    timeout check 2s
    timeout queue 5s
    # Longer than the product keeps a connection idle.
    timeout client 1h
    timeout server 1h
    option clitcpka
    option srvtcpka

listen primary
    bind {host}:{}
    # Patroni says 200 on the one machine that holds the right to be the primary.
    option httpchk
    http-check send meth OPTIONS uri /primary
    http-check expect status 200
    # Whoever talks to a machine that is not the primary any more is cut off at once; otherwise
    # the product would wait for the answers of a dead one.
    default-server check inter 1s fastinter 500ms downinter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
",
        site.ports.router
    );
    for (name, machine) in MACHINES {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "    server {name} {machine}:{} port {}",
            site.ports.database, site.ports.rest
        );
    }
    text
}
