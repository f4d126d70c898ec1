//! IP addresses of both versions.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use regex::Regex;

use super::{Found, after, before, lead, pattern};
use crate::kind::Kind;

static V4: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"));
static V6: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9A-Za-z:.]*:[0-9A-Za-z:.]*"));
static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:\bv|\bver|version|release|build|firmware|agent|chrome|driver|upgrade to|update to)[ :/=.]*$",
    )
});

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for hit in V4.find_iter(text) {
        let Ok(address) = hit.as_str().parse::<Ipv4Addr>() else { continue };
        let start = before(text, hit.start());
        let touched = start.is_some_and(|c| c.is_alphanumeric() || c == '.')
            || after(text, hit.end()).is_some_and(char::is_alphanumeric)
            || text[hit.end()..]
                .strip_prefix(['.', '-'])
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let of_no_one = address.is_loopback()
            || address.is_unspecified()
            || address.is_broadcast()
            || address.octets()[0] == 255;
        if touched || of_no_one || VERSION.is_match(&lead(text, hit.start(), 16)) {
            continue;
        }
        found.push(Found {
            at: hit.range(),
            kind: Kind::IpAddress,
            canonical: address.to_string(),
        });
    }
    if !text.contains(':') {
        return;
    }
    for hit in V6.find_iter(text) {
        // A sentence's colon or full stop may follow the address.
        let value = hit.as_str().trim_end_matches('.');
        let value = match value.strip_suffix(':') {
            Some(rest) if !rest.ends_with(':') => rest,
            _ => value,
        };
        let Ok(address) = value.parse::<Ipv6Addr>() else { continue };
        let of_no_one = address.is_loopback() || address.is_unspecified();
        if of_no_one || !value.bytes().any(|byte| byte.is_ascii_digit()) {
            continue;
        }
        found.push(Found {
            at: hit.start()..hit.start() + value.len(),
            kind: Kind::IpAddress,
            canonical: address.to_string(),
        });
    }
}
