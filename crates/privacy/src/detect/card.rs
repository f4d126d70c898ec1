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
        let sure = issued(&digits) && digits.len() > 13 && uniform && grouped(&lengths) && !nobodys;
        if sure || said {
            best = Some((index, said));
        }
    }
    best
}
