//! Telephone numbers: international, dialled, and the ways countries group their own.

use std::ops::Range;

use super::{Found, Page, after, before, digits::Cluster, field::Label, mark::Topic};
use crate::kind::Kind;

/// The most groups of a number; digits may be written one by one.
const MOST_PARTS: usize = 16;

/// What speaks for or against a number being a telephone's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Phone,
    Nothing,
    SomethingElse,
}

pub(super) fn find(page: &Page<'_>, cluster: &mut Cluster, found: &mut Vec<Found>) {
    let mut first = 0;
    while first < cluster.groups.len() {
        if cluster.groups[first].taken {
            first += 1;
            continue;
        }
        let run = cluster.groups[first..].iter().take_while(|group| !group.taken).count();
        let Some((last, at, rule)) = number(page, cluster, first, first + run) else {
            first += 1;
            continue;
        };
        let value = &page.text[at.clone()];
        let mut canonical = super::digits_of(value);
        if value.contains('+') {
            // `+49 (0)30` is dialled as `+4930`.
            canonical = super::digits_of(&value.replace("(0)", ""));
        } else if canonical.starts_with("00") {
            canonical.drain(..2);
        }
        let at = at.start..extension(page.text, at.end);
        let mut hit = Found::new(at, Kind::Phone, canonical, rule, 85);
        if said(page, cluster.groups[first].at.start) == Said::Phone {
            hit.context = Some("phone");
            hit.score = 95;
        }
        found.push(hit);
        cluster.take(first..last);
        first = last;
    }
}

/// The number that starts with a group: its end (exclusive), its bytes, the rule.
fn number(
    page: &Page<'_>,
    cluster: &Cluster,
    first: usize,
    end: usize,
) -> Option<(usize, Range<usize>, &'static str)> {
    let text = page.text;
    let start = cluster.groups[first].at.start;
    let bytes = text.as_bytes();
    let plus = if start >= 1 && bytes[start - 1] == b'+' {
        Some(start - 1)
    } else if start >= 2 && matches!(&bytes[start - 2..start], b"+(" | b"+ ") {
        Some(start - 2)
    } else {
        None
    };
    if let Some(mut plus) = plus {
        if before(text, plus).is_some_and(|c| c.is_alphanumeric() && c.is_ascii() || c == '+')
            && !page.fields.has(start, Label::Phone)
        {
            return None;
        }
        let last = international(text, cluster, first, end)?;
        let mut stop = cluster.groups[last - 1].at.end;
        if plus > 0
            && bytes[plus - 1] == b'('
            && text[plus..stop].contains(')')
            && !text[plus..stop].contains('(')
        {
            plus -= 1;
        }
        if bytes.get(stop) == Some(&b')')
            && text[plus..stop].matches('(').count() > text[plus..stop].matches(')').count()
        {
            stop += 1;
        }
        return Some((last, plus..stop, "phone/international"));
    }
    let said = said(page, start);
    let bracket = start > 0 && bytes[start - 1] == b'(';
    let from = if bracket { start - 1 } else { start };
    if !begins(text, from, said) {
        return None;
    }
    for last in (first + 1..=end.min(first + MOST_PARTS)).rev() {
        let stop = cluster.groups[last - 1].at.end;
        // A shorter reading ends where something else may begin.
        if last < cluster.groups.len() && !parts(cluster.gap(text, last - 1)) || !ends(text, stop) {
            continue;
        }
        if cluster.groups[first..last].iter().any(|group| group.touched) {
            continue;
        }
        let span = &text[from..stop];
        let bracketed = bracket && span.contains(')');
        if let Some(rule) = national(text, cluster, first..last, bracketed, said) {
            return Some((last, if bracketed { from } else { start }..stop, rule));
        }
    }
    None
}

/// Whether a separator may stand between two numbers.
fn parts(gap: &str) -> bool {
    gap.contains('/') || gap.len() >= 3 || gap.contains('(')
}

/// What words and fields say of the number at a place.
fn said(page: &Page<'_>, at: usize) -> Said {
    for label in page.fields.labels(at) {
        match label {
            Label::Phone => return Said::Phone,
            Label::Person
            | Label::Address
            | Label::Given
            | Label::Family
            | Label::Email
            | Label::User => {}
            _ => return Said::SomethingElse,
        }
    }
    let topics = [
        Topic::Phone,
        Topic::Reference,
        Topic::Card,
        Topic::National,
        Topic::Bank,
        Topic::Account,
        Topic::Routing,
        Topic::Version,
        Topic::Digest,
    ];
    match page.nearest(at, 48, &topics) {
        // The word before spoke of another number already.
        Some(Topic::Phone) if page.digits_since(at, 48, Topic::Phone) => Said::Nothing,
        Some(Topic::Phone) => Said::Phone,
        Some(Topic::Account | Topic::Version) | None => Said::Nothing,
        Some(_) if page.nearest(at, 22, &topics).is_none() => Said::Nothing,
        Some(_) => Said::SomethingElse,
    }
}

/// Whether nothing before the digits says that they belong to something else.
fn begins(text: &str, at: usize, said: Said) -> bool {
    let head = &text[..at];
    let Some(last) = head.chars().next_back() else { return true };
    if last.is_alphanumeric() || "_#$€£¥₹+".contains(last) {
        return false;
    }
    let joined = match last {
        ':' | '=' => {
            said != Said::Phone && head[..head.len() - 1].ends_with(|c: char| c.is_ascii_digit())
        }
        ',' => {
            head[..head.len() - 1].ends_with(|c: char| c.is_ascii_digit())
                && said == Said::SomethingElse
        }
        '-' | '.' | '/' => {
            head[..head.len() - 1].ends_with(|c: char| c.is_alphanumeric() || c == '#')
        }
        _ => false,
    };
    let money = head.trim_end_matches(' ').ends_with(['$', '€', '£', '¥', '₹']);
    !joined && !money
}

/// Whether nothing after the digits says that they go on.
fn ends(text: &str, at: usize) -> bool {
    let tail = &text[at..];
    let goes_on = tail
        .starts_with(|c: char| c.is_alphanumeric() && c != 'x' || c == '_' || c == '%')
        || tail.strip_prefix([':', ',', '-', '.', '@']).is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit()) && !tail.starts_with(',')
        })
        || tail
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    let unit = tail.strip_prefix(' ').is_some_and(|rest| {
        let word: &str =
            rest.split(|c: char| !c.is_alphabetic() && c != '%').next().unwrap_or(rest);
        matches!(
            word,
            "USD"
                | "EUR"
                | "GBP"
                | "INR"
                | "JPY"
                | "CHF"
                | "SEK"
                | "NOK"
                | "DKK"
                | "PLN"
                | "GB"
                | "MB"
                | "KB"
                | "TB"
                | "ms"
                | "seats"
                | "events"
                | "rows"
                | "users"
                | "records"
                | "bytes"
                | "kg"
                | "km"
                | "units"
                | "euros"
                | "dollars"
                | "times"
                | "requests"
                | "percent"
                | "%"
        )
    });
    !goes_on && !unit
}

/// Where an international number ends that may have swallowed the digits after it.
fn international(text: &str, cluster: &Cluster, first: usize, end: usize) -> Option<usize> {
    let head = cluster.digits(text, first..end.min(first + 4));
    let mut most = longest(&head);
    let mut count = 0;
    let mut last = None;
    for index in first..end {
        let group = &cluster.groups[index];
        let zero = group.len() == 1
            && index > first
            && cluster.gap(text, index - 1).ends_with('(')
            && text[group.at.clone()] == *"0";
        if zero {
            most += 1;
        }
        if index > first && cluster.gap(text, index - 1).contains("/ ") && count >= 10 {
            break;
        }
        count += group.len();
        if count > most.max(if index == first { 15 } else { 0 }) || group.touched && index > first {
            break;
        }
        if count >= 8 {
            last = Some(index + 1);
        }
    }
    last
}

/// How many digits a number of this country has at most, country code included.
fn longest(digits: &[u8]) -> usize {
    let two = digits.get(..2).unwrap_or(digits);
    if let Some(b'1' | b'7') = digits.first() {
        return 11;
    }
    match two {
        b"33" | b"34" | b"31" | b"48" | b"61" | b"41" | b"32" | b"36" | b"27" | b"56" | b"94" => 11,
        b"47" | b"45" | b"65" => 10,
        b"44" | b"91" | b"81" | b"82" | b"90" | b"30" | b"40" | b"20" | b"60" | b"63" | b"84"
        | b"92" | b"57" | b"46" | b"51" | b"66" => 12,
        b"39" | b"55" | b"86" | b"43" | b"62" | b"52" | b"54" => 13,
        b"49" => 14,
        _ => match digits.get(..3) {
            Some(
                b"351" | b"353" | b"420" | b"421" | b"380" | b"972" | b"971" | b"966" | b"254"
                | b"385" | b"386" | b"371" | b"370" | b"372",
            ) => 12,
            Some(b"852" | b"853" | b"974" | b"973" | b"965" | b"968") => 11,
            Some(b"358" | b"234" | b"880") => 13,
            _ => 15,
        },
    }
}

/// The rule by which groups are a number as a country writes its own.
fn national(
    text: &str,
    cluster: &Cluster,
    groups: Range<usize>,
    bracketed: bool,
    said: Said,
) -> Option<&'static str> {
    let digits = cluster.digits(text, groups.clone());
    let lengths: Vec<usize> =
        cluster.groups[groups.clone()].iter().map(super::digits::Group::len).collect();
    let gaps: Vec<&str> =
        (groups.start..groups.end - 1).map(|index| cluster.gap(text, index)).collect();
    let count = digits.len();
    let first = &lengths[..];
    let phone = said == Said::Phone;
    if said == Said::SomethingElse && !bracketed {
        return None;
    }
    if is_date(&digits, first, &gaps)
        || gaps.iter().any(|gap| gap.contains('('))
            && !bracketed
            && digits[0] != b'0'
            && !phone
            && digits[0] != b'1'
            && digits[0] != b'8'
    {
        return None;
    }
    if first.len() == 1 {
        return (phone && (6..=15).contains(&count)).then_some("phone/said");
    }
    let spelled = first.iter().all(|length| *length == 1);
    if spelled {
        return ((9..=15).contains(&count) && (phone || digits[0] == b'0'))
            .then_some("phone/spelled");
    }
    if digits.starts_with(b"00")
        && digits.get(2).is_some_and(|digit| *digit != b'0')
        && (10..=17).contains(&count)
    {
        return Some("phone/dialled");
    }
    if digits.starts_with(b"011") && (12..=17).contains(&count) && first[0] == 3 {
        return Some("phone/dialled");
    }
    // (212) 555-0142, 212-555-0142, 1-212-555-0142
    let american = match first {
        [3, 3, 4] => digits[0] >= b'2' && (digits[3] >= b'2' || phone || bracketed),
        [1, 3, 3, 4] => digits[0] == b'1' && digits[1] >= b'2',
        [3, 7] => bracketed && digits[0] >= b'2',
        _ => false,
    };
    if american {
        return Some("phone/nanp");
    }
    // (21) 98834-2071, (03) 8412 9907
    if bracketed && (2..=5).contains(&first[0]) && (7..=12).contains(&count) {
        return Some("phone/area");
    }
    let slashed = gaps.iter().any(|gap| gap.contains('/'));
    if digits[0] == b'0'
        && digits[1] != b'0'
        && (8..=12).contains(&count)
        && first[1..].iter().all(|length| *length >= 2)
    {
        // 01-02-03 and the like are dates or parts.
        if count >= 9 || phone {
            return Some("phone/trunk");
        }
    }
    if slashed && !phone {
        return None;
    }
    // 8 (495) 123-45-67
    if matches!(first, [1, 3, 3, 2, 2]) && digits[0] == b'8' {
        return Some("phone/trunk");
    }
    let alike = gaps.iter().all(|gap| *gap == gaps[0]);
    let plain = match first {
        // Spain, Poland, Portugal, Norway, Czechia
        [3, 2, 2, 2] => matches!(digits[0], b'6'..=b'9') && alike,
        [3, 3, 3] => matches!(digits[0], b'4'..=b'9') && alike && (gaps[0] == " " || phone),
        [3, 2, 3] => matches!(digits[0], b'2'..=b'9') && gaps[0] == " " && alike,
        // India
        [5, 5] => matches!(digits[0], b'6'..=b'9'),
        // Brazil, Mexico, Argentina
        [2, 5, 4] => digits[2] == b'9' && digits[0] != b'0',
        [2, 4, 4] => digits[0] != b'0',
        // China
        [3, 4, 4] => digits[0] == b'1' && digits[1] >= b'3',
        // France and Denmark without what comes before
        [2, 2, 2, 2] => phone || gaps[0] == " " && digits[0] >= b'2',
        [4, 4] => phone && (gaps[0] == " " || gaps[0] == "-"),
        [4, 3, 3] => digits[0] == b'1' || phone,
        _ => false,
    };
    if plain {
        return Some("phone/grouped");
    }
    (phone && (7..=13).contains(&count)).then_some("phone/said")
}

/// `2025-10-01`, `01.10.2025`, `24/04/25`.
fn is_date(digits: &[u8], lengths: &[usize], gaps: &[&str]) -> bool {
    let number = |from: usize, length: usize| {
        digits[from..from + length]
            .iter()
            .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    };
    let year = |year: u32| (1900..2100).contains(&year);
    let dotted = |gap: &&str| matches!(*gap, "." | "-" | "/" | ". ");
    match lengths {
        [4, 1 | 2, 1 | 2, ..] => {
            year(number(0, 4)) && number(4, lengths[1]) <= 12 && gaps[..2].iter().all(dotted)
        }
        [a @ (1 | 2), b @ (1 | 2), 4, ..] => {
            year(number(a + b, 4)) && number(0, *a) <= 31 && number(*a, *b) <= 31
        }
        [2, 2, 2] => gaps.iter().all(dotted),
        _ => false,
    }
}

/// Where the number ends with its extension: `x123`, `ext. 12`.
fn extension(text: &str, at: usize) -> usize {
    let tail = &text[at..];
    let rest = tail.trim_start_matches([' ', ',']);
    if tail.len() - rest.len() > 2 {
        return at;
    }
    for word in ["extension", "ext.", "ext", "x", "X", "Ext.", "Ext", "Durchwahl", "poste"] {
        if let Some(rest) = rest.strip_prefix(word) {
            let rest = rest.trim_start_matches([' ', ':', '.']);
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let stop = text.len() - rest.len() + digits;
            if (1..=6).contains(&digits) && !after(text, stop).is_some_and(char::is_alphanumeric) {
                return stop;
            }
        }
    }
    at
}
