//! Payment card numbers.

use super::{
    Found, Page,
    digits::{Cluster, Group},
    field::Label,
    mark::Topic,
};
use crate::{
    checksum::{issued, luhn},
    kind::Kind,
};

pub(super) fn find(page: &Page<'_>, cluster: &mut Cluster, found: &mut Vec<Found>) {
    let mut first = 0;
    while first < cluster.groups.len() {
        let Some((last, said)) = card(page, cluster, first) else {
            first += 1;
            continue;
        };
        let groups = first..last + 1;
        let at = cluster.span(groups.clone());
        let canonical =
            String::from_utf8_lossy(&cluster.digits(page.text, groups.clone())).into_owned();
        let mut hit = Found::new(at, Kind::CreditCard, canonical, "card/luhn", 95);
        if said {
            hit.context = Some("card");
        }
        found.push(hit);
        cluster.take(groups);
        first = last + 1;
    }
}

/// Whether digits are grouped as on cards, or not at all, or evenly. Groups may have run together
/// where a sign between them was invisible.
fn grouped(lengths: &[usize]) -> bool {
    let even = |size: usize| {
        lengths[..lengths.len() - 1].iter().all(|length| length % size == 0)
            && (size > 1 || lengths.iter().all(|length| *length == 1))
    };
    let total: usize = lengths.iter().sum();
    let express = || {
        let mut cut = 0;
        lengths[..lengths.len() - 1].iter().all(|length| {
            cut += length;
            cut == 4 || cut == 10
        })
    };
    !lengths.is_empty()
        && (even(4) || even(1) || even(2) && lengths.len() > 5 || total < 16 && express())
}

/// The last group of the longest card number that starts with a group, and whether a word says
/// that it is one.
fn card(page: &Page<'_>, cluster: &Cluster, first: usize) -> Option<(usize, bool)> {
    let start = cluster.groups[first].at.start;
    let mut digits: Vec<u8> = Vec::with_capacity(19);
    let mut separator = None;
    let mut uniform = true;
    let mut best = None;
    let mut said = None;
    for (index, group) in cluster.groups.iter().enumerate().skip(first) {
        if group.touched || group.taken || digits.len() + group.len() > 19 {
            break;
        }
        if index > first {
            let between = cluster.gap(page.text, index - 1);
            uniform &= *separator.get_or_insert(between) == between && between.len() == 1;
        }
        digits.extend_from_slice(&page.text.as_bytes()[group.at.clone()]);
        if digits.len() < 12 || !luhn(&digits) || digits.iter().all(|digit| *digit == digits[0]) {
            continue;
        }
        let said = *said.get_or_insert_with(|| {
            page.fields.has(start, Label::Card)
                || page.nearest(start, 48, &[Topic::Card, Topic::Reference]) == Some(Topic::Card)
        });
        let solid = index == first;
        let topics = [Topic::Card, Topic::Reference, Topic::Digest];
        let nobodys = !said
            && solid
            && (page.fields.has(start, Label::Other)
                || page.nearest(start, 26, &topics).is_some_and(|topic| topic != Topic::Card)
                    && page.nearest(start, 90, &[Topic::Card]).is_none());
        // Thirteen digits are milliseconds as often as an old Visa card.
        let lengths: Vec<usize> = cluster.groups[first..=index].iter().map(Group::len).collect();
        // Twelve of sixteen digits in fours are no card of their own.
        let part = digits.len() < 14
            && (first > 0
                && cluster.groups[first - 1].len() == 4
                && !cluster.groups[first - 1].taken
                && cluster.gap(page.text, first - 1).len() == 1
                || cluster.groups.get(index + 1).is_some_and(|next| {
                    next.len() == 4 && cluster.gap(page.text, index).len() == 1
                }));
        if part {
            continue;
        }
        let sure = issued(&digits) && digits.len() > 13 && uniform && grouped(&lengths) && !nobodys;
        if sure || said {
            best = Some((index, said));
        }
    }
    best
}

/// Cards that the end of a line parts, in a quotation too: `4012 8888\n> 8888 1881`.
pub(super) fn find_broken(page: &Page<'_>, found: &mut Vec<Found>) {
    let bytes = page.text.as_bytes();
    let mut last = 0;
    for line in memchr::memchr_iter(b'\n', bytes) {
        let skip = bytes[line + 1..].iter().take(8).take_while(|byte| b" >\t".contains(byte));
        let after = line + 1 + skip.count();
        let before = line
            - bytes[last..line]
                .iter()
                .rev()
                .take(4)
                .take_while(|byte| b" \r".contains(byte))
                .count();
        if before <= last
            || !bytes[before - 1].is_ascii_digit()
            || !bytes.get(after).is_some_and(u8::is_ascii_digit)
        {
            continue;
        }
        // At most nineteen digits, in groups with one sign between them.
        let mut heads = Vec::new();
        let mut end = before;
        while end > last && heads.len() < 8 {
            let length =
                bytes[last..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 || length > 18 {
                break;
            }
            heads.push(end - length..end);
            match (end - length).checked_sub(1) {
                Some(sign) if sign >= last && matches!(bytes[sign], b' ' | b'-') => end = sign,
                _ => break,
            }
        }
        let mut tails = Vec::new();
        let mut start = after;
        while tails.len() < 8 {
            let length =
                bytes[start..].iter().take(19).take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 || length > 18 {
                break;
            }
            tails.push(start..start + length);
            if !matches!(bytes.get(start + length), Some(b' ' | b'-')) {
                break;
            }
            start += length + 1;
        }
        if let Some((at, canonical)) = broken(page, &heads, &tails) {
            last = at.end;
            found.push(Found::new(at, Kind::CreditCard, canonical, "card/over-lines", 90));
        }
    }
}

/// The card of the last groups of a line and the first ones of the next. `heads` are backwards.
fn broken(
    page: &Page<'_>,
    heads: &[std::ops::Range<usize>],
    tails: &[std::ops::Range<usize>],
) -> Option<(std::ops::Range<usize>, String)> {
    let text = page.text;
    let free = |at: &std::ops::Range<usize>| {
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !touches(text[..at.start].chars().next_back()) && !touches(text[at.end..].chars().next())
    };
    for head in (1..=heads.len()).rev() {
        for tail in (1..=tails.len()).rev() {
            let groups: Vec<_> =
                heads[..head].iter().rev().chain(&tails[..tail]).cloned().collect();
            let lengths: Vec<usize> = groups.iter().map(ExactSizeIterator::len).collect();
            let count: usize = lengths.iter().sum();
            let digits: Vec<u8> = groups
                .iter()
                .flat_map(|group| text.as_bytes()[group.clone()].iter().copied())
                .collect();
            let at = groups[0].start..groups[groups.len() - 1].end;
            // Columns of numbers have lines of digits too, but not of groups of four.
            let said = || {
                page.nearest(at.start, 48, &[Topic::Card, Topic::Reference]) == Some(Topic::Card)
            };
            if (14..=19).contains(&count)
                && grouped(&lengths)
                && issued(&digits)
                && luhn(&digits)
                && groups.iter().all(free)
                && (groups.len() > 2 || said())
            {
                return Some((at, String::from_utf8_lossy(&digits).into_owned()));
            }
        }
    }
    None
}
