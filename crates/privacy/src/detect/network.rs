//! IP addresses of both versions.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use regex::Regex;

use super::{Found, Page, after, before, field::Label, lead, mark::Topic, pattern};
use crate::kind::Kind;

static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:\bv|\bver|version|versions|release|releases|build|firmware|agent|chrome|chromium|edge|edg|firefox|safari|opera|opr|webkit|gecko|mozilla|android|ios|ipados|macos|windows|linux|kernel|driver|sdk|app|client|plugin|package|upgrade to|upgraded to|update to|updated to|upgrading to|downgrade to|rolled back to|patch|hotfix|rc|oid|section|chapter)[ :/=.\-v(]*$",
    )
});

/// `203[.]0[.]113[.]9`
static DEFANGED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9]{1,3}(?: ?[\[({](?:\.|dot)[\])}] ?[0-9]{1,3}){3}"));

pub(super) fn find(page: &Page<'_>, found: &mut Vec<Found>) {
    let text = page.text;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len()
            && (bytes[at].is_ascii_digit()
                || bytes[at] == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
        {
            at += 1;
        }
        if at - start >= 7 && text[start..at].matches('.').count() == 3 {
            v4(page, start, at, &text[start..at], found);
        }
    }
    let brackets = memchr::memchr2(b'[', b'(', bytes).is_some();
    if brackets && ["[.]", "(.)", "[dot]", "(dot)"].iter().any(|defanged| text.contains(defanged)) {
        for hit in DEFANGED.find_iter(text) {
            let plain: String = hit
                .as_str()
                .replace("dot", ".")
                .chars()
                .filter(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            v4(page, hit.start(), hit.end(), &plain, found);
        }
    }
    if memchr::memchr(b':', bytes).is_some() {
        v6(page, found);
    }
}

fn v4(page: &Page<'_>, start: usize, end: usize, value: &str, found: &mut Vec<Found>) {
    let text = page.text;
    let Ok(address) = value.parse::<Ipv4Addr>() else { return };
    let touched = before(text, start).is_some_and(|c| c.is_alphanumeric() || c == '.' || c == '_')
        || after(text, end).is_some_and(|c| c.is_alphanumeric() || c == '_')
        || text[end..]
            .strip_prefix(['.', '-'])
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
    if touched || of_no_one(address) || VERSION.is_match(&lead(text, start, 20)) {
        return;
    }
    let labelled = page.fields.has(start, Label::Network);
    let near = page.nearest(start, 40, &[Topic::Network, Topic::Version]);
    // `it broke with 2.14.3.7`: small parts and nothing that speaks of a network.
    let [a, b, c, d] = address.octets();
    let small = a < 30 && a != 10 && b < 100 && (c < 100 || d < 100);
    if !labelled
        && (near == Some(Topic::Version) && small
            || small && near.is_none() && a < 24 && page.marks.any(Topic::Version)
            || page.fields.labels(start).next() == Some(Label::Other) && small)
    {
        return;
    }
    let mut hit = Found::new(start..end, Kind::IpAddress, address.to_string(), "ip/v4", 90);
    if labelled || near == Some(Topic::Network) {
        hit.context = Some("network");
    }
    found.push(hit);
}

const fn of_no_one(address: Ipv4Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.octets()[0] == 255
        || address.octets()[0] == 0
}

fn v6(page: &Page<'_>, found: &mut Vec<Found>) {
    let text = page.text;
    let bytes = text.as_bytes();
    let part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut at = 0;
    while let Some(colon) = memchr::memchr(b':', &bytes[at..]).map(|found| at + found) {
        let mut start = colon;
        while start > at && part(bytes[start - 1]) {
            start -= 1;
        }
        let mut end = colon + 1;
        while end < bytes.len() && part(bytes[end]) {
            end += 1;
        }
        at = end;
        if end - start < 3 || end - start > 60 || text[start..end].matches(':').count() < 2 {
            continue;
        }
        // A label's colon may come before, a sentence's colon or full stop after the address.
        let mut candidates = vec![text[start..end].trim_end_matches('.')];
        if let Some(rest) = candidates[0].strip_suffix(':').filter(|rest| !rest.ends_with(':')) {
            candidates.push(rest);
        }
        for value in candidates {
            let touched = before(text, start).is_some_and(|c| c.is_alphanumeric() || c == '_')
                || after(text, start + value.len())
                    .is_some_and(|c| c.is_alphanumeric() || c == '_');
            let Ok(address) = value.parse::<Ipv6Addr>() else { continue };
            let digits = value.bytes().filter(u8::is_ascii_digit).count();
            if touched
                || address.is_loopback()
                || address.is_unspecified()
                || digits == 0
                || value.len() < 6
            {
                continue;
            }
            found.push(Found::new(
                start..start + value.len(),
                Kind::IpAddress,
                address.to_string(),
                "ip/v6",
                95,
            ));
            break;
        }
    }
}

/// Compiles the expressions, so that the first text does not wait for them.
pub(super) fn warm_up() {
    LazyLock::force(&VERSION);
    LazyLock::force(&DEFANGED);
}
