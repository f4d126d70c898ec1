//! Telephone numbers and United States social security numbers.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{Found, after, before, digits, lead, pattern};
use crate::kind::Kind;

/// `+49 (0)30 1234567`
static INTERNATIONAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:\+|\(\+)[0-9](?:[ .\-/()]{0,3}[0-9]){6,16}"));
/// `0049 30 1234567`
static DIALLED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"00[1-9][0-9]{0,2}(?:[ .\-/()]{1,3}[0-9]{1,9}){1,6}"));
/// `(212) 555-0142`
static AMERICAN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:1[ .\-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-])[0-9]{3}[ .\-][0-9]{4}")
});
/// `(11) 96125-6602`
static AREA_IN_BRACKETS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\([0-9]{2,5}\) ?[0-9]{3,5}[ \-]?[0-9]{3,4}"));
/// `0121 244 1052`
static NATIONAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\(?0[1-9][0-9]{0,4}\)?(?:[ .\-/]{1,3}[0-9]{2,8}){1,5}"));
/// Any digits, where the words before them say what they are.
static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\(?[0-9][0-9 .\-/()]{5,18}[0-9]"));
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:phone|\btel|mobile|\bcell|\bcall|\bfax|whatsapp|handy|\bsms|\btext|dial|\bring|hotline|telefon|t[ée]l[ée]phone|mobil|\bmob\b|\bline\b|\breach)[^0-9\n]{0,28}$",
    )
});
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[0-3]?[0-9][./\-][0-3]?[0-9][./\-](?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}[./\-][0-1]?[0-9][./\-][0-3]?[0-9])",
    )
});
static SOCIAL_SECURITY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9]{3}[\- ][0-9]{2}[\- ][0-9]{4}"));

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut add = |mut at: Range<usize>, kind: Kind| {
        // The bracket of a remark, not of an area code.
        if text[at.clone()].starts_with('(') && !text[at.clone()].contains(')') {
            at.start += 1;
        }
        let value = &text[at.clone()];
        let mut canonical = digits(value);
        if value.starts_with(['+', '(']) && value.contains('+') {
            // `+49 (0)30` is dialled as `+4930`.
            canonical = digits(&value.replace("(0)", ""));
        } else if canonical.starts_with("00") {
            canonical.drain(..2);
        }
        found.push(Found { at, kind, canonical });
    };
    for hit in INTERNATIONAL.find_iter(text) {
        let touched = before(text, hit.start()).is_some_and(char::is_alphanumeric);
        if !touched && let Some(end) = international(text, hit.range()) {
            add(hit.start()..end, Kind::Phone);
        }
    }
    for hit in DIALLED.find_iter(text).filter(|hit| free(text, &hit.range())) {
        if (10..=16).contains(&digits(hit.as_str()).len()) {
            add(hit.range(), Kind::Phone);
        }
    }
    for hit in AMERICAN.find_iter(text).filter(|hit| free(text, &hit.range())) {
        add(hit.range(), Kind::Phone);
    }
    for hit in AREA_IN_BRACKETS.find_iter(text).filter(|hit| free(text, &hit.range())) {
        add(hit.range(), Kind::Phone);
    }
    for hit in NATIONAL.find_iter(text).filter(|hit| free(text, &hit.range())) {
        if (9..=12).contains(&digits(hit.as_str()).len()) && !DATE.is_match(hit.as_str()) {
            add(hit.range(), Kind::Phone);
        }
    }
    for hit in ANNOUNCED.find_iter(text).filter(|hit| free(text, &hit.range())) {
        let count = digits(hit.as_str()).len();
        if (7..=15).contains(&count)
            && !DATE.is_match(hit.as_str())
            && WORD.is_match(&lead(text, hit.start(), 48))
        {
            add(hit.range(), Kind::Phone);
        }
    }
    for hit in SOCIAL_SECURITY.find_iter(text).filter(|hit| free(text, &hit.range())) {
        let value = hit.as_str();
        let before = lead(text, hit.start(), 40);
        let said = before.contains("ssn") || before.contains("social");
        let invalid = value.starts_with("000") || value.starts_with("666") || &value[4..6] == "00";
        if !invalid && (said || value.matches('-').count() == 2) {
            add(hit.range(), Kind::NationalId);
        }
    }
}

/// Where an international number ends that may have swallowed the digits after it.
fn international(text: &str, at: Range<usize>) -> Option<usize> {
    let most = if digits(&text[at.clone()]).starts_with('1') { 11 } else { 15 };
    // The `(0)` of `+49 (0)30` is no part of the number.
    let most = if text[at.clone()].contains("(0)") { most + 1 } else { most };
    let mut count = 0;
    let mut end = None;
    for (offset, c) in text[at.clone()].char_indices() {
        if c.is_ascii_digit() {
            count += 1;
            let here = at.start + offset + 1;
            let group_ends = after(text, here).is_none_or(|c| !c.is_ascii_digit());
            if (8..=most).contains(&count) && group_ends {
                end = Some(here);
            }
        }
    }
    end
}

/// Whether nothing around the digits says that they belong to something else: an order number, a
/// decimal, an amount of money, a longer number.
fn free(text: &str, at: &Range<usize>) -> bool {
    let head = &text[..at.start];
    let joined = head.ends_with(['-', '.', '/', ':', ',', '#', '+'])
        && head[..head.len() - 1].ends_with(|c: char| c.is_alphanumeric() || c == '#');
    let touched = head.ends_with(|c: char| c.is_alphanumeric() || "_#$€£¥".contains(c));
    let money = head.trim_end_matches(' ').ends_with(['$', '€', '£', '¥']);
    let tail = &text[at.end..];
    let goes_on = tail.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        || tail
            .strip_prefix(['-', '.', '/', ':', ','])
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    !(joined || touched || money || goes_on)
}
