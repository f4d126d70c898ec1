//! Payment card numbers.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{Found, before, lead, pattern};
use crate::{
    checksum::{issued, luhn},
    kind::Kind,
};

/// Digits with short separators between the groups, as long as they go on.
static CLUSTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9]+(?:[ ./\-]{1,3}[0-9]+)*"));
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"card|visa|master|amex|american express|credit|debit|maestro|\bcc\b|karte|carte|tarjeta",
    )
});

/// A group of digits of a cluster.
struct Group {
    at: Range<usize>,
    /// Whether letters touch it, as in an order number or a UUID.
    touched: bool,
}

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for cluster in CLUSTER.find_iter(text) {
        if cluster.len() < 12 {
            continue;
        }
        let groups = groups(text, cluster.range());
        let mut first = 0;
        while first < groups.len() {
            let Some(last) = card(text, &groups, first) else {
                first += 1;
                continue;
            };
            let at = groups[first].at.start..groups[last].at.end;
            found.push(Found {
                canonical: super::digits(&text[at.clone()]),
                at,
                kind: Kind::CreditCard,
            });
            first = last + 1;
        }
    }
}

fn groups(text: &str, cluster: Range<usize>) -> Vec<Group> {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() || c == '_');
    let mut groups = Vec::new();
    let mut at = cluster.start;
    for part in text[cluster].split(|c: char| !c.is_ascii_digit()) {
        let end = at + part.len();
        if !part.is_empty() {
            groups.push(Group {
                at: at..end,
                touched: letter(before(text, at)) || letter(super::after(text, end)),
            });
        }
        at = end + 1;
    }
    groups
}

/// The last group of the longest card number that starts with group `first`.
fn card(text: &str, groups: &[Group], first: usize) -> Option<usize> {
    let mut digits: Vec<u8> = Vec::with_capacity(19);
    let mut separator = None;
    let mut uniform = true;
    let mut best = None;
    for (index, group) in groups.iter().enumerate().skip(first) {
        if group.touched || digits.len() + group.at.len() > 19 {
            break;
        }
        if index > first {
            let between = &text[groups[index - 1].at.end..group.at.start];
            uniform &= *separator.get_or_insert(between) == between;
        }
        digits.extend_from_slice(&text.as_bytes()[group.at.clone()]);
        if digits.len() < 12 || !luhn(&digits) || digits.iter().all(|digit| *digit == b'0') {
            continue;
        }
        // Thirteen digits are milliseconds as often as an old Visa card.
        let sure = issued(&digits) && digits.len() > 13 && uniform;
        if sure || WORD.is_match(&lead(text, groups[first].at.start, 40)) {
            best = Some(index);
        }
    }
    best
}
