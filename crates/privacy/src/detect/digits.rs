//! Numbers with separators: one cluster of digits, every reading it may have.

use std::ops::Range;

use super::{Found, Page, account, card, identity, phone};

/// A run of digits.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) at: Range<usize>,
    /// Whether letters touch it, as in an order number or a UUID.
    pub(super) touched: bool,
    /// Whether a reading has taken it already.
    pub(super) taken: bool,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.at.len()
    }
}

/// Groups with short separators between them.
pub(super) struct Cluster {
    pub(super) groups: Vec<Group>,
}

/// The most groups of one cluster. A longer run is cut; no number anybody has is so long.
const MOST_GROUPS: usize = 64;

impl Cluster {
    /// The separator after a group.
    pub(super) fn gap<'a>(&self, text: &'a str, index: usize) -> &'a str {
        &text[self.groups[index].at.end..self.groups[index + 1].at.start]
    }

    /// The digits of groups.
    pub(super) fn digits(&self, text: &str, groups: Range<usize>) -> Vec<u8> {
        let mut digits = Vec::with_capacity(20);
        for group in &self.groups[groups] {
            digits.extend_from_slice(&text.as_bytes()[group.at.clone()]);
        }
        digits
    }

    /// The bytes from the first to the last of groups.
    pub(super) fn span(&self, groups: Range<usize>) -> Range<usize> {
        self.groups[groups.start].at.start..self.groups[groups.end - 1].at.end
    }

    pub(super) fn take(&mut self, groups: Range<usize>) {
        for group in &mut self.groups[groups] {
            group.taken = true;
        }
    }
}

/// Reads every cluster. `spans` are what something else has taken, in order.
pub(super) fn find(page: &Page<'_>, spans: &[Range<usize>], found: &mut Vec<Found>) {
    let bytes = page.text.as_bytes();
    let mut spans = spans.iter().peekable();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let (mut cluster, end) = cluster(bytes, at);
        at = end;
        let count: usize = cluster.groups.iter().map(Group::len).sum();
        if count < 5 {
            continue;
        }
        for group in &mut cluster.groups {
            while spans.peek().is_some_and(|span| span.end <= group.at.start) {
                spans.next();
            }
            group.taken = spans.peek().is_some_and(|span| span.start < group.at.end);
        }
        if count >= 12 {
            card::find(page, &mut cluster, found);
        }
        identity::find(page, &mut cluster, found);
        account::find(page, &mut cluster, found);
        if count >= 6 {
            phone::find(page, &mut cluster, found);
        }
    }
}

/// The cluster that starts with the digit at a place, and where to go on.
fn cluster(bytes: &[u8], start: usize) -> (Cluster, usize) {
    let mut groups = Vec::with_capacity(4);
    let letter = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80)
    };
    let mut at = start;
    loop {
        let mut end = at;
        while bytes.get(end).is_some_and(u8::is_ascii_digit) {
            end += 1;
        }
        groups.push(Group {
            at: at..end,
            touched: at > 0 && letter(bytes.get(at - 1))
                || letter(bytes.get(end)) && !extended(bytes, start, end),
            taken: false,
        });
        let mut next = end;
        while next < end + 3
            && bytes
                .get(next)
                .is_some_and(|byte| matches!(byte, b' ' | b'.' | b'-' | b'/' | b'(' | b')'))
        {
            next += 1;
        }
        let goes_on = next > end
            && &bytes[end..next] != b" / "
            && bytes.get(next).is_some_and(u8::is_ascii_digit);
        if !goes_on || groups.len() == MOST_GROUPS {
            return (Cluster { groups }, end);
        }
        at = next;
    }
}

/// Whether an extension touches the digits of a number: `757-555-0144x750`.
fn extended(bytes: &[u8], start: usize, end: usize) -> bool {
    let said = matches!(bytes.get(end), Some(b'x' | b'X'));
    let digits = bytes[end + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let after = bytes.get(end + 1 + digits);
    said && (1..=6).contains(&digits)
        && !after.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
        && bytes[start..end].iter().filter(|byte| byte.is_ascii_digit()).count() >= 7
}
