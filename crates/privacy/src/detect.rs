//! Runs every detector over a text and says where personal data and secrets are.

use std::{ops::Range, sync::Arc};

use regex::Regex;

use crate::{
    fold::Folded,
    kind::Kind,
    known::{Known, Part},
    lexicon, overlap,
};

mod account;
mod address;
mod birth;
mod card;
mod custom;
mod digits;
mod email;
mod field;
mod iban;
mod identity;
mod mark;
mod name;
mod network;
mod phone;
mod secret;

pub use custom::{Pattern, PatternError, Validator};
use mark::Topic;

/// Stands in the detection copy for text that must not be looked at. No detector matches it.
pub(crate) const BARRIER: char = '\u{1f}';

/// The longest part of a text that is searched at once, in bytes.
const MOST_PART: usize = 2 << 20;

/// Something found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Bytes of the original text.
    pub(crate) at: Range<usize>,
    /// What it is.
    pub(crate) kind: Kind,
    /// The value in the form in which equal values are equal.
    pub(crate) canonical: String,
    /// Which part of which known person it is.
    pub(crate) person: Option<(usize, Part)>,
}

/// Something found, with the reasons; for people who want to know why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Bytes of the text.
    pub at: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// The rule that found it, for example `card/luhn`.
    pub rule: String,
    /// How sure the rule is, from 0 to 100.
    pub score: u8,
    /// What spoke for it besides its own shape: a word near it or the name of its field.
    pub context: Option<&'static str>,
}

/// Something found in the detection copy.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Bytes of the copy.
    at: Range<usize>,
    kind: Kind,
    canonical: String,
    rule: &'static str,
    score: u8,
    context: Option<&'static str>,
}

impl Found {
    const fn new(
        at: Range<usize>,
        kind: Kind,
        canonical: String,
        rule: &'static str,
        score: u8,
    ) -> Self {
        Self { at, kind, canonical, rule, score, context: None }
    }
}

/// A detection copy and what is known of its words and fields.
struct Page<'a> {
    text: &'a str,
    marks: mark::Marks,
    fields: field::Fields,
}

impl<'a> Page<'a> {
    fn of(text: &'a str, table: &mut Option<field::Head>) -> Self {
        Self { text, marks: mark::Marks::of(text), fields: field::Fields::of(text, table) }
    }

    /// The topic, of those that count here, whose word stands nearest before a place: on the
    /// same line, or alone on the line before.
    fn nearest(&self, at: usize, within: usize, topics: &[Topic]) -> Option<Topic> {
        let mark = self.marks.before(at, within).find(|mark| topics.contains(&mark.topic))?;
        let between = &self.text[mark.end..at];
        let other_line = between.find('\n').is_some_and(|line| {
            between[..line].chars().any(char::is_alphanumeric) || between[line + 1..].contains('\n')
        });
        (!other_line).then_some(mark.topic)
    }
}

impl Page<'_> {
    /// As [`Page::nearest`], but nothing if a sentence ends between the word and the place.
    fn nearest_said(&self, at: usize, within: usize, topics: &[Topic]) -> Option<Topic> {
        let mark = self.marks.before(at, within).find(|mark| topics.contains(&mark.topic))?;
        let between = &self.text[mark.end..at];
        // `no. 12` only shortens a word, and so does `Acct. No. 12`.
        let ended = between.match_indices(". ").any(|(stop, _)| {
            let word = between[..stop].bytes().rev().take_while(u8::is_ascii_alphanumeric).count();
            let next = &between[stop + 2..];
            word >= 4
                || next.starts_with(|c: char| c.is_uppercase())
                    && !["No", "Nr", "Num", "NO"].iter().any(|number| next.starts_with(number))
        });
        // The word names another member of an object: `"iban": "…", "commit": "…"`.
        let other = between.contains("\",");
        if ended || other { None } else { self.nearest(at, within, topics) }
    }

    /// Whether a number of some length stands between the nearest word of a topic and a place.
    fn digits_since(&self, at: usize, within: usize, topic: Topic) -> bool {
        self.marks.before(at, within).find(|mark| mark.topic == topic).is_some_and(|mark| {
            let between = &self.text[mark.end..at];
            let digits = between.bytes().filter(u8::is_ascii_digit).count();
            let list = between.bytes().filter(u8::is_ascii_alphabetic).count() <= 3;
            digits >= 5 && !list
        })
    }
}

/// The detection rules: the built-in ones and those of a policy. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    custom: Arc<[custom::Detector]>,
    left: Arc<[Kind]>,
}

impl Rules {
    /// The built-in rules and these patterns: placeholder type and regular expression.
    pub fn with<'a>(
        patterns: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PatternError> {
        let patterns = patterns.into_iter().map(|(kind, expression)| Pattern {
            kind: kind.to_owned(),
            expression: Some(expression.to_owned()),
            ..Pattern::default()
        });
        Self::new(patterns, [])
    }

    /// The built-in rules and those of a policy: types of its own, and built-in types that are
    /// left as they are. Secrets, cards and national ids cannot be left.
    pub fn new<'a>(
        patterns: impl IntoIterator<Item = Pattern>,
        left: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, PatternError> {
        let custom = patterns
            .into_iter()
            .map(|pattern| custom::Detector::new(&pattern))
            .collect::<Result<_, _>>()?;
        let left = left
            .into_iter()
            .map(|name| {
                let kind = Kind::named(name)?;
                if kind.may_go_out() {
                    Ok(kind)
                } else {
                    Err(PatternError::Strict(name.to_owned()))
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { custom, left })
    }

    /// Compiles every expression and reads every list, so that the first text does not wait for
    /// them. Takes some hundredths of a second.
    pub fn warm_up() {
        lexicon::warm_up();
        mark::warm_up();
        secret::warm_up();
        email::warm_up();
        network::warm_up();
        identity::warm_up();
        birth::warm_up();
        address::warm_up();
    }

    /// The kinds that the policy's patterns find.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.custom.iter().map(custom::Detector::kind)
    }

    /// Everything found in a text by its shape, in no order, overlaps included: all kinds but
    /// names and postal addresses of people that are not known.
    pub(crate) fn find(&self, text: &str, known: &Known) -> Vec<Hit> {
        self.hits(text, known, false)
    }

    /// Everything found in a text, names and postal addresses included.
    pub(crate) fn find_all(&self, text: &str, known: &Known) -> Vec<Hit> {
        self.hits(text, known, true)
    }

    fn hits(&self, text: &str, known: &Known, names: bool) -> Vec<Hit> {
        let folded = Folded::of(text);
        let mut hits: Vec<Hit> = self
            .search(folded.text(), names)
            .into_iter()
            .map(|found| Hit {
                at: folded.source_range(found.at),
                kind: found.kind,
                canonical: found.canonical,
                person: None,
            })
            .collect();
        known.find(&folded, text, &mut hits);
        hits
    }

    /// What would be redacted in a text and why, in order and without overlaps.
    pub fn scan(&self, text: &str, known: &Known) -> Vec<Finding> {
        self.findings(text, known, true)
    }

    /// As [`Rules::scan`], but without names and postal addresses: what has a shape of its own.
    pub fn scan_structured(&self, text: &str, known: &Known) -> Vec<Finding> {
        self.findings(text, known, false)
    }

    fn findings(&self, text: &str, known: &Known, names: bool) -> Vec<Finding> {
        let folded = Folded::of(text);
        let mut findings: Vec<Finding> = self
            .search(folded.text(), names)
            .into_iter()
            .map(|found| Finding {
                at: folded.source_range(found.at),
                kind: found.kind,
                rule: found.rule.to_owned(),
                score: found.score,
                context: found.context,
            })
            .collect();
        let mut hits = Vec::new();
        known.find(&folded, text, &mut hits);
        findings.extend(hits.into_iter().map(|hit| Finding {
            at: hit.at,
            kind: hit.kind,
            rule: "known".to_owned(),
            score: 100,
            context: Some("the account's contacts"),
        }));
        overlap::resolve_findings(findings)
    }

    /// Everything found in a detection copy, part by part, so that memory stays bounded.
    fn search(&self, copy: &str, names: bool) -> Vec<Found> {
        let mut found = Vec::new();
        let mut table = None;
        let mut start = 0;
        while start < copy.len() {
            let end = cut(copy, start);
            let mut hits = Self::search_part(&copy[start..end], names, &mut table);
            for hit in &mut hits {
                hit.at = hit.at.start + start..hit.at.end + start;
            }
            found.append(&mut hits);
            start = end;
        }
        for detector in &*self.custom {
            detector.find(copy, &mut found);
        }
        if !self.left.is_empty() {
            found.retain(|hit| !self.left.contains(&hit.kind));
        }
        found
    }

    /// Everything built-in detectors find in a part of a copy. `table` is the head of a table that
    /// goes on from the part before, and after.
    fn search_part(copy: &str, names: bool, table: &mut Option<field::Head>) -> Vec<Found> {
        let page = Page::of(copy, table);
        let mut found = Vec::new();
        secret::find(&page, &mut found);
        email::find(&page, &mut found);
        if copy.bytes().any(|byte| byte.is_ascii_digit()) {
            network::find(&page, &mut found);
            iban::find(&page, &mut found);
            identity::find_named(&page, &mut found);
            birth::find(&page, &mut found);
            let taken = spans(&found);
            digits::find(&page, &taken, &mut found);
            card::find_broken(&page, &mut found);
            if names {
                let mut streets = Vec::new();
                address::find(&page, &mut streets);
                let taken = spans(&found);
                // What begins within a number, as in an IBAN's last digits, is no street.
                streets.retain(|street| !inside(&taken, &(street.at.start..street.at.start + 1)));
                found.append(&mut streets);
            }
        }
        if names {
            let taken = spans(&found);
            name::find(&page, &taken, &mut found);
        }
        found
    }
}

/// Where the part of a long text that starts at a place ends: at the end of a line, and not
/// within a private key.
fn cut(text: &str, start: usize) -> usize {
    let most = start + MOST_PART;
    if text.len() <= most {
        return text.len();
    }
    let most = text.floor_char_boundary(most);
    let part = &text[start..most];
    let end = part
        .rfind("\n\n")
        .filter(|at| at * 2 > part.len())
        .map(|at| at + 2)
        .or_else(|| part.rfind('\n').map(|at| at + 1))
        .or_else(|| part.rfind(' ').map(|at| at + 1))
        .unwrap_or(part.len());
    let key = part[..end]
        .rfind("-----BEGIN ")
        .filter(|at| *at > 0 && !part[*at..end].contains("-----END "));
    start + key.unwrap_or(end)
}

/// The spans of what was found, in order.
fn spans(found: &[Found]) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = found.iter().map(|hit| hit.at.clone()).collect();
    spans.sort_by_key(|span| (span.start, span.end));
    // Where one lies in another the longer stays, so that ends are in order too.
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Whether a span lies within one of others, which are in order.
fn inside(spans: &[Range<usize>], at: &Range<usize>) -> bool {
    let next = spans.partition_point(|span| span.end <= at.start);
    spans.get(next).is_some_and(|span| span.start <= at.start && at.end <= span.end)
}

/// A built-in expression. Its word boundaries are those of ASCII: Unicode's would cost the fast
/// engine on any text that is not ASCII.
pub(crate) fn pattern(pattern: &str) -> Regex {
    let pattern = pattern.replace(r"\b", r"(?-u:\b)");
    #[expect(clippy::expect_used, reason = "every test that finds anything compiles them")]
    Regex::new(&pattern).expect("built-in expression compiles")
}

/// The digits of a text.
pub(crate) fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The words of a name such as `dateOfBirth`, `date_of_birth` or `Date of birth`, folded.
fn split_words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut lower = false;
    for c in name.chars() {
        let parts = !c.is_alphanumeric() || c.is_uppercase() && lower;
        if parts && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(crate::fold::bare(c));
        }
        lower = c.is_lowercase();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The character that ends right before a byte.
fn before(text: &str, at: usize) -> Option<char> {
    text[..at].chars().next_back()
}

/// The character that starts at a byte.
fn after(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

/// Up to `most` bytes of the same line before a byte, in lower case.
fn lead(text: &str, at: usize, most: usize) -> String {
    let mut start = at.saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let lead = &text[start..at];
    lead.rsplit('\n').next().unwrap_or(lead).to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let hits = overlap::resolve(text, Rules::default().find(text, &Known::default()));
        hits.into_iter().map(|hit| (hit.kind, &text[hit.at])).collect()
    }

    #[test]
    fn each_kind_is_found_in_the_middle_of_a_sentence() {
        for (text, kind, value) in [
            ("write to ann.lee+cs@acme.co.uk.", Kind::Email, "ann.lee+cs@acme.co.uk"),
            ("ann [at] acme [dot] com, please", Kind::Email, "ann [at] acme [dot] com"),
            ("ann@acme[.]com", Kind::Email, "ann@acme[.]com"),
            ("ann&#64;acme.com!", Kind::Email, "ann&#64;acme.com"),
            ("call +49 (0)30 1234567 now", Kind::Phone, "+49 (0)30 1234567"),
            ("call 0113 496 0241.", Kind::Phone, "0113 496 0241"),
            ("(212) 555-0142 is mine", Kind::Phone, "(212) 555-0142"),
            ("mobile: 5550142345", Kind::Phone, "5550142345"),
            ("card 4111 1111 1111 1111, exp", Kind::CreditCard, "4111 1111 1111 1111"),
            ("(378282246310005)", Kind::CreditCard, "378282246310005"),
            ("to DE89 3704 0044 0532 0130 00 by", Kind::Iban, "DE89 3704 0044 0532 0130 00"),
            ("gb29nwbk60161331926819", Kind::Iban, "gb29nwbk60161331926819"),
            ("from 203.0.113.9:443", Kind::IpAddress, "203.0.113.9"),
            ("from 2001:db8::7334 and", Kind::IpAddress, "2001:db8::7334"),
            ("password: hunter2!", Kind::Secret, "hunter2!"),
            ("ssn 412-63-9075", Kind::NationalId, "412-63-9075"),
            ("my passport number: G7XK20PVR.", Kind::NationalId, "G7XK20PVR"),
            ("NI number: QQ 12 34 56 C.", Kind::NationalId, "QQ 12 34 56 C"),
            ("(+48 605 418 273)", Kind::Phone, "+48 605 418 273"),
            ("AKIAIOSFODNN7EXAMPLE", Kind::Secret, "AKIAIOSFODNN7EXAMPLE"),
            ("postgres://app:s3cr3t@db.acme.com/x", Kind::Secret, "s3cr3t"),
        ] {
            assert_eq!(kinds(text), [(kind, value)], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_personal_data_is_left_alone() {
        for text in [
            "at 1700000000000 ms",
            "0000 0000 0000 0000",
            "id 7b1e40d2-93af-4c56-8e07-51d8a2c4f690",
            "version 10.4.2.1 and v2.3.4.5",
            "2023.11.4 and 01.10.2025",
            "on 2025-10-01 at 17:26:55",
            "order 194-2750381-6613047",
            "ORD-5527104, INC3310468",
            "$31,208.45 or 303747 USD",
            "listening on 127.0.0.1 and ::1",
            "DE34208517094466103927",
            "monkey=banana, public_key=abc",
            "password: <api-key> and password: ${SECRET}",
            "the password reset link",
            "std::vec and a::b",
            "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "@ann and ann@ and @acme.com",
        ] {
            assert_eq!(kinds(text), [], "{text}");
        }
    }

    #[test]
    fn several_cards_in_a_row_are_all_found() {
        let text = "4111111111111111/5555555555554444 or 378282246310005";
        assert_eq!(kinds(text).len(), 3, "{:?}", kinds(text));
    }

    #[test]
    fn a_private_key_is_found_whole_even_when_cut_off() {
        let text =
            "see -----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY----- ok";
        let (kind, value) = kinds(text)[0].clone();
        assert!(kind == Kind::Secret && value.ends_with("KEY-----"), "{value}");
        let cut = "-----BEGIN PRIVATE KEY-----\nMIIE\nabc";
        assert_eq!(kinds(cut), [(Kind::Secret, cut)]);
    }

    #[test]
    fn a_policys_pattern_finds_its_own_kind_and_a_bad_one_is_refused() {
        let rules = Rules::with([("ORDER_NUMBER", r"ORD-[0-9]+")]).unwrap();
        let hits = rules.find("see ORD-17", &Known::default());
        assert_eq!(hits[0].kind, Kind::Custom("ORDER_NUMBER".to_owned()));
        assert!(matches!(Rules::with([("X", "(")]), Err(PatternError::Syntax { .. })));
        assert!(matches!(Rules::with([("x", "a")]), Err(PatternError::Kind(_))));
        assert!(matches!(Rules::with([("X", "a*")]), Err(PatternError::Empty(_))));
    }

    proptest! {
        #[test]
        fn detectors_stay_within_any_text(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = String::from_utf8_lossy(&bytes);
            for hit in Rules::default().find(&text, &Known::default()) {
                prop_assert!(text.get(hit.at.clone()).is_some_and(|value| !value.is_empty()));
            }
        }

        #[test]
        fn detectors_stay_within_dense_text(text in "[0-9 .\\-/()+@:a-fA-F\\[\\]%&#;\\\\\u{200b}é]{0,120}") {
            for hit in Rules::default().find(&text, &Known::default()) {
                prop_assert!(text.get(hit.at.clone()).is_some_and(|value| !value.is_empty()));
            }
        }

        #[test]
        fn a_found_value_is_still_found_when_wrapped(
            which in 0_usize..5, wrap in 0_usize..7, noise in "[jqxz ]{0,20}",
        ) {
            // Letters that make no words: `v 1.2.3.4` is a version and `nr 12` an order on purpose.
            let value = [
                "ann.lee@acme.com", "+4930123456789", "4111111111111111",
                "DE89370400440532013000", "203.0.113.9",
            ][which];
            let text = match wrap {
                0 => format!(r#"{{"value": "{value}"}}"#),
                1 => format!("{noise},{value},{noise}"),
                2 => format!("<p>{value}</p>"),
                3 => format!("> {noise}\n> {value}"),
                4 => value.to_uppercase(),
                5 => value.chars().flat_map(|c| [c, '\u{200b}']).collect(),
                _ => format!("{noise}\u{a0}{value}\u{a0}{noise}"),
            };
            prop_assert!(!kinds(&text).is_empty(), "{}", text);
        }
    }
}
