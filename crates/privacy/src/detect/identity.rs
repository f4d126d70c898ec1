//! Numbers by which states know people: by their shape and check digit, or where words say so.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    Found, Page, after, before,
    digits::{Cluster, Group},
    field::Label,
    mark::Topic,
    pattern,
};
use crate::{checksum::national, kind::Kind};

/// What may follow a word such as "passport": an id with letters, digits and short separators.
static VALUE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^[A-Z]{0,6}[ \-.]?[0-9][A-Z0-9]*(?:[ .\-/][A-Z0-9]{1,7})*|^[A-Z][A-Z0-9]*[0-9][A-Z0-9]*(?:[ .\-/][A-Z0-9]{1,7})*|^[a-z]{1,2}[0-9]{6,9}[a-z]?",
    )
});

/// The words between "passport" and its number.
static JOINT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)^(?:[\s:;=,#()"'\[\].°º*>/\\\-]|\b(?:no|number|num|nr|nummer|numéro|numero|número|n|id|is|was|are|ist|lautet|es|est|è|é|er|är|on|it|to|new|my|the|card|reads|as|follows|ref|value|of|for|ends|licence|license|code)\b){0,12}"#,
    )
});

/// A rule, what matches it, and its check.
type Shape = (&'static str, Regex, fn(&[u8]) -> bool);

/// Ids with letters whose shape is enough. Where a check is given it must hold.
static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let any: fn(&[u8]) -> bool = |_| true;
    [
        ("id/nino", r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b", national::nino as fn(&[u8]) -> bool),
        ("id/pan", r"\b[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]\b", national::pan),
        ("id/pan-said", r"\b[A-Z]{5} ?[0-9]{4} ?[A-Z]\b", any),
        ("id/dni", r"\b(?:[0-9]{8}[\- ]?[A-Z]|[0-9]{2}\.[0-9]{3}\.[0-9]{3}[\- ]?[A-Z]|[XYZ][\- ]?[0-9]{7}[\- ]?[A-Z])\b", national::dni),
        ("id/codice-fiscale", r"\b[A-Z]{3} ?[A-Z]{3} ?[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3}[A-Z]\b", national::codice_fiscale),
        ("id/henkilotunnus", r"\b[0-3][0-9][01][0-9]{3}[\-+A-FU-Y][0-9]{3}[0-9A-Y]\b", any),
        ("id/nric", r"\b[STFG][0-9]{7}[A-Z]\b", national::nric),
        ("id/curp", r"\b[A-Z][AEIOUX][A-Z]{2}[0-9]{2}[01][0-9][0-3][0-9][HM][A-Z]{5}[0-9A-Z][0-9]\b", any),
        ("id/chinese", r"\b[1-9][0-9]{16}X\b", national::chinese),
        ("id/nir", r"\b[12] ?[0-9]{2} ?[01][0-9] ?2[AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b", national::nir),
        ("id/rut", r"\b[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9K]\b", national::rut),
    ]
    .into_iter()
    .map(|(rule, expression, check)| (rule, pattern(expression), check))
    .collect()
});

/// Whether a text has any of the shapes: one pass in place of one for each.
static ANY_SHAPE: LazyLock<Regex> = LazyLock::new(|| {
    let all: Vec<&str> = SHAPES.iter().map(|(_, shape, _)| shape.as_str()).collect();
    pattern(&format!("(?:{})", all.join("|")))
});

/// Ids that a word announces or whose letters and check give them away.
pub(super) fn find_named(page: &Page<'_>, found: &mut Vec<Found>) {
    for field in page.fields.iter().filter(|field| field.label == Label::National) {
        announced(page, field.at.start, "id/field", found);
    }
    for mark in page.marks.iter(Topic::National) {
        announced(page, mark.end, "id/said", found);
    }
    if !mixed(page.text) || !ANY_SHAPE.is_match(page.text) {
        return;
    }
    for (rule, shape, check) in &*SHAPES {
        for hit in shape.find_iter(page.text) {
            let compact = compact(hit.as_str());
            let checked = if *rule == "id/henkilotunnus" {
                national::henkilotunnus(hit.as_str().as_bytes())
            } else {
                check(compact.as_bytes())
            };
            let touched = before(page.text, hit.start()).is_some_and(|c| {
                matches!(c, '-' | '_' | '#' | '/') && !numbered(page, hit.start())
            }) || after(page.text, hit.end()).is_some_and(|c| matches!(c, '_' | '/'))
                || page.text[hit.end()..]
                    .strip_prefix('-')
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric()));
            let nobodys = page.fields.labels(hit.start()).next() == Some(Label::Other)
                || page
                    .nearest(hit.start(), 20, &[Topic::Reference, Topic::National, Topic::Digest])
                    .is_some_and(|topic| topic != Topic::National);
            let said = *rule != "id/pan-said"
                || page
                    .marks
                    .before(hit.start(), 16)
                    .any(|mark| page.text[mark.start..mark.end].eq_ignore_ascii_case("pan"));
            if checked && said && !touched && !nobodys {
                found.push(Found::new(hit.range(), Kind::NationalId, compact, rule, 85));
            }
        }
    }
}

/// Whether a capital and a digit touch anywhere, but for a space or a hyphen, or three digits
/// stand between a full stop and a hyphen.
fn mixed(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut last = b' ';
    let mut before = b' ';
    for byte in bytes {
        let touches = |a: u8, b: u8| {
            a.is_ascii_digit() && b.is_ascii_uppercase()
                || a.is_ascii_uppercase() && b.is_ascii_digit()
        };
        if touches(last, *byte)
            || matches!(last, b' ' | b'-' | b'+') && touches(before, *byte)
            || *byte == b'-' && last.is_ascii_digit() && before.is_ascii_digit()
        {
            return true;
        }
        before = last;
        last = *byte;
    }
    false
}

fn announced(page: &Page<'_>, from: usize, rule: &'static str, found: &mut Vec<Found>) {
    let mut end = (from + 90).min(page.text.len());
    while !page.text.is_char_boundary(end) {
        end -= 1;
    }
    let window = &page.text[from..end];
    let Some(joint) = JOINT.find(window) else { return };
    let Some(value) = VALUE.find(&window[joint.end()..]) else { return };
    let start = from + joint.end();
    if before(page.text, start).is_some_and(char::is_alphanumeric) {
        return;
    }
    let mut stop = start + value.end();
    // A word after it is a word: `AB123456 RECEIVED`, `12345 OR`.
    loop {
        let value = &page.text[start..stop];
        let Some(cut) = value.rfind([' ', '/', '.', '-']) else { break };
        let last = &value[cut + 1..];
        let odd = last.is_empty()
            || last.len() > 2 && !last.bytes().any(|byte| byte.is_ascii_digit())
            || after(page.text, stop).is_some_and(char::is_alphanumeric)
            || compact(value).len() > 20;
        if !odd {
            break;
        }
        stop = start + cut;
    }
    if after(page.text, stop).is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '@') {
        return;
    }
    let canonical = compact(&page.text[start..stop]);
    let digits = canonical.bytes().filter(u8::is_ascii_digit).count();
    let date = is_date(&page.text[start..stop]);
    if !(6..=20).contains(&canonical.len())
        || digits < 3
        || date
        || page.text[..start].ends_with(['$', '€', '£'])
    {
        return;
    }
    let mut hit = Found::new(start..stop, Kind::NationalId, canonical, rule, 92);
    hit.context = Some("id");
    found.push(hit);
}

/// Whether a number sign goes with the word of an id: `NIF #12345678Z`.
fn numbered(page: &Page<'_>, start: usize) -> bool {
    page.text[..start].ends_with('#')
        && page.marks.before(start, 4).any(|mark| mark.topic == Topic::National)
}

fn is_date(value: &str) -> bool {
    let parts: Vec<&str> = value.split(['.', '-', '/', ' ']).collect();
    let digits = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    digits && matches!(&lengths[..], [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4])
}

fn compact(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// Ids of digits only, in a cluster: by grouping and check digit.
pub(super) fn find(page: &Page<'_>, cluster: &mut Cluster, found: &mut Vec<Found>) {
    let mut first = 0;
    while first < cluster.groups.len() {
        let hit = (first + 1..=cluster.groups.len().min(first + 8)).rev().find_map(|last| {
            let groups = &cluster.groups[first..last];
            if groups.iter().any(|group| group.taken || group.touched) {
                return None;
            }
            shape(page, cluster, first, last).map(|rule| (last, rule))
        });
        let Some((last, rule)) = hit else {
            first += 1;
            continue;
        };
        let at = cluster.span(first..last);
        let alone = !page.text[..at.start].ends_with(['-', '.', '/', '+', '#', '$', '€', '£', '('])
            || page.text[..at.start].ends_with(" (")
            || numbered(page, at.start);
        let goes_on = page.text[at.end..]
            .strip_prefix(['-', '.', '/'])
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if !alone || goes_on {
            first += 1;
            continue;
        }
        let canonical =
            String::from_utf8_lossy(&cluster.digits(page.text, first..last)).into_owned();
        found.push(Found::new(at, Kind::NationalId, canonical, rule, 85));
        cluster.take(first..last);
        first = last;
    }
}

/// The rule by which groups are an id.
fn shape(page: &Page<'_>, cluster: &Cluster, first: usize, last: usize) -> Option<&'static str> {
    let lengths: Vec<usize> = cluster.groups[first..last].iter().map(Group::len).collect();
    let gaps: Vec<&str> = (first..last - 1).map(|index| cluster.gap(page.text, index)).collect();
    let start = cluster.groups[first].at.start;
    let topics = [
        Topic::National,
        Topic::Reference,
        Topic::Phone,
        Topic::Card,
        Topic::Bank,
        Topic::Routing,
        Topic::Digest,
    ];
    let near = || page.nearest(start, 40, &topics);
    let said = || page.fields.has(start, Label::National) || near() == Some(Topic::National);
    let nobodys = || {
        matches!(page.fields.labels(start).next(), Some(Label::Other | Label::Phone))
            || near().is_some_and(|topic| topic != Topic::National)
    };
    let digits = || cluster.digits(page.text, first..last);
    match (&lengths[..], &gaps[..]) {
        ([3, 2, 4], ["-", "-"] | [" ", " "]) => {
            let digits = digits();
            ((national::ssn(&digits) && gaps[0] == "-" || said()) && (!nobodys() || said()))
                .then_some("id/ssn")
        }
        ([3, 3, 3, 2], [".", ".", "-"]) => national::cpf(&digits()).then_some("id/cpf"),
        ([4, 4, 4], [" ", " "] | ["-", "-"]) => {
            let within = first > 0 && cluster.gap(page.text, first - 1) == gaps[0]
                || last < cluster.groups.len() && cluster.gap(page.text, last - 1) == gaps[0];
            (!within && national::aadhaar(&digits()) && !nobodys()).then_some("id/aadhaar")
        }
        ([6, 4], ["-"]) => {
            let digits = digits();
            ((national::personnummer(&digits) || national::cpr(&digits)) && !nobodys())
                .then_some("id/personnummer")
        }
        ([8, 4], ["-"]) => {
            (national::personnummer(&digits()[2..]) && !nobodys()).then_some("id/personnummer")
        }
        ([3, 4, 4, 2], [".", ".", "."]) => national::ahv(&digits()).then_some("id/ahv"),
        ([2, 2, 2, 3, 2], [".", ".", "-", "."]) => {
            national::belgian(&digits()).then_some("id/belgian")
        }
        ([6, 5], [" "]) => {
            (national::fodselsnummer(&digits()) && !nobodys()).then_some("id/fodselsnummer")
        }
        ([6, 4], ["/"]) => {
            (national::rodne_cislo(&digits()) && !nobodys()).then_some("id/rodne-cislo")
        }
        ([1, 2, 2, 2, 3, 3, 2] | [13, 2] | [15] | [1, 2, 2, 2, 3, 3], _) => {
            let digits = digits();
            (national::nir(&digits) && !nobodys() || digits.len() == 13 && said())
                .then_some("id/nir")
        }
        ([6, 7], ["-"]) => (national::korean(&digits()) && !nobodys()).then_some("id/korean"),
        ([3, 4, 7, 1], ["-", "-", "-"]) => digits().starts_with(b"784").then_some("id/emirates"),
        ([18], []) => (national::chinese(&digits()) && !nobodys()).then_some("id/chinese"),
        ([13], []) => (national::cnp(&digits()) && said()).then_some("id/cnp"),
        ([11], []) => {
            let digits = digits();
            let valid = national::pesel(&digits)
                || national::tckn(&digits)
                || national::steuer_id(&digits)
                || national::fodselsnummer(&digits)
                || national::cpf(&digits);
            (valid && said()).then_some("id/eleven")
        }
        ([2, 3, 3, 3], [" ", " ", " "]) => {
            (national::steuer_id(&digits()) && !nobodys()).then_some("id/steuer")
        }
        ([9] | [3, 3, 3], _) => {
            let digits = digits();
            let valid = national::bsn(&digits)
                || national::tfn(&digits)
                || national::sin(&digits)
                || national::ssn(&digits);
            (valid && said()).then_some("id/nine")
        }
        ([3, 3, 4], _) => (national::nhs(&digits()) && said()).then_some("id/nhs"),
        _ => None,
    }
}

/// Compiles the expressions, so that the first text does not wait for them.
pub(super) fn warm_up() {
    LazyLock::force(&VALUE);
    LazyLock::force(&JOINT);
    LazyLock::force(&ANY_SHAPE);
}
