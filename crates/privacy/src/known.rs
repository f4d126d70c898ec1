//! The people and companies the CRM knows for an account: found by dictionary, in any spelling.

use std::{collections::HashSet, sync::Arc};

use aho_corasick::{AhoCorasick, MatchKind};

use crate::{
    detect::{Hit, digits_of as digits},
    fold::{Folded, skeleton, transliterate},
    kind::Kind,
};

/// A person, as the CRM writes them. Empty texts are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Given name.
    pub first: String,
    /// Family name.
    pub last: String,
    /// Mail addresses.
    pub emails: Vec<String>,
    /// Telephone numbers, in any grouping.
    pub phones: Vec<String>,
}

impl Person {
    /// First and last name with one space.
    pub(crate) fn full(&self) -> String {
        format!("{} {}", self.first.trim(), self.last.trim()).trim().to_owned()
    }

    /// The person's values, each in the form in which a session knows it again.
    pub(crate) fn values(&self) -> Vec<(Kind, String)> {
        let emails = self.emails.iter().map(|email| (Kind::Email, email.trim().to_lowercase()));
        let phones = self.phones.iter().map(|phone| (Kind::Phone, significant(phone)));
        std::iter::once((Kind::Person, key(self)))
            .chain(emails)
            .chain(phones)
            .filter(|(_, canonical)| !canonical.is_empty())
            .collect()
    }
}

/// Which part of a person's name a text shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Full,
    First,
    Last,
    /// "Last, First".
    Sorted,
    /// A user name made from the name, or the local part of an address.
    Handle,
}

impl Part {
    /// What the placeholder's name ends with.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Full => "",
            Self::First => "_FIRST",
            Self::Last => "_LAST",
            Self::Sorted => "_SORTED",
            Self::Handle => "_HANDLE",
        }
    }
}

struct Entry {
    kind: Kind,
    canonical: String,
    person: Option<(usize, Part)>,
    /// A name that is also a word ("Will", "May") or very short is only one with a capital.
    needs_capital: bool,
    /// Whether a plural or genitive `s` and digits may follow.
    long: bool,
}

#[derive(Default)]
struct Dictionary {
    people: Vec<Person>,
    names: Option<(AhoCorasick, Vec<Entry>)>,
    numbers: Option<(AhoCorasick, Vec<String>)>,
    emails: HashSet<String>,
    phones: HashSet<String>,
}

/// A dictionary of known people and companies. Cheap to clone.
#[derive(Clone, Default)]
pub struct Known(Arc<Dictionary>);

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({} people)", self.0.people.len())
    }
}

impl Known {
    /// Builds the dictionary. `hidden` are company names to hide; leave it empty to let the model
    /// see which company it writes to.
    pub fn new(people: Vec<Person>, hidden: &[String]) -> Self {
        let mut names = Names::default();
        for (index, person) in people.iter().enumerate() {
            names.person(index, person);
        }
        for company in hidden {
            names.add(&skeleton(company), Kind::Company, skeleton(company), None);
        }
        let mut numbers: Vec<(String, String)> = Vec::new();
        for phone in people.iter().flat_map(|person| &person.phones) {
            let full = significant(phone);
            numbers.extend(groupings(&full).into_iter().map(|number| (number, full.clone())));
        }
        let (keys, of): (Vec<_>, Vec<_>) = numbers.into_iter().unzip();
        Self(Arc::new(Dictionary {
            emails: people
                .iter()
                .flat_map(|person| &person.emails)
                .map(|email| email.trim().to_lowercase())
                .collect(),
            phones: people
                .iter()
                .flat_map(|person| &person.phones)
                .map(|phone| tail(&significant(phone)).to_owned())
                .collect(),
            names: automaton(&names.patterns).map(|automaton| (automaton, names.entries)),
            numbers: automaton(&keys).map(|automaton| (automaton, of)),
            people,
        }))
    }

    pub(crate) fn person(&self, index: usize) -> Option<&Person> {
        self.0.people.get(index)
    }

    /// Whether a found address or number belongs to one of the known people.
    pub(crate) fn owns(&self, kind: &Kind, canonical: &str) -> bool {
        match kind {
            Kind::Email => self.0.emails.contains(canonical),
            Kind::Phone => self.0.phones.contains(tail(canonical)),
            _ => false,
        }
    }

    /// Whether a text shows one of the people by more than a first name, which others may share; and,
    /// if `alone`, by more than a family name beside another's first name.
    pub(crate) fn names(&self, text: &str, alone: bool) -> bool {
        let mut hits = Vec::new();
        self.find(&Folded::of(text), text, &mut hits);
        hits.iter().any(|hit| match hit.person {
            Some((_, Part::First)) => false,
            Some((_, Part::Last)) => !alone || hit.at.len() == text.trim().len(),
            _ => true,
        })
    }

    pub(crate) fn find(&self, folded: &Folded, text: &str, hits: &mut Vec<Hit>) {
        if let Some((automaton, entries)) = &self.0.names {
            let copy = folded.skeleton();
            for found in automaton.find_overlapping_iter(copy.text()) {
                let entry = &entries[found.pattern().as_usize()];
                if !stands_alone(copy.text(), found.start(), found.end(), entry.long) {
                    continue;
                }
                // The skeleton's ranges are in the folded copy's source, which is `text`.
                let at = copy.source_range(found.range());
                if entry.needs_capital && !text[at.clone()].starts_with(char::is_uppercase) {
                    continue;
                }
                hits.push(Hit {
                    at,
                    kind: entry.kind.clone(),
                    canonical: entry.canonical.clone(),
                    person: entry.person,
                });
            }
        }
        if let Some((automaton, of)) = &self.0.numbers {
            let (stream, places) = digit_stream(folded.text());
            let bytes = folded.text().as_bytes();
            for found in automaton.find_overlapping_iter(&stream) {
                let (mut start, end) = (places[found.start()], places[found.end() - 1] + 1);
                let inside = start > 0 && bytes[start - 1].is_ascii_digit()
                    || bytes.get(end).is_some_and(u8::is_ascii_digit);
                if inside {
                    continue;
                }
                while start > 0 && matches!(bytes[start - 1], b'+' | b'(') {
                    start -= 1;
                }
                hits.push(Hit {
                    at: folded.source_range(start..end),
                    kind: Kind::Phone,
                    canonical: of[found.pattern().as_usize()].clone(),
                    person: None,
                });
            }
        }
    }
}

/// Patterns in the making.
#[derive(Default)]
struct Names {
    patterns: Vec<String>,
    entries: Vec<Entry>,
    seen: HashSet<String>,
}

impl Names {
    fn add(&mut self, name: &str, kind: Kind, canonical: String, person: Option<(usize, Part)>) {
        let length = name.chars().count();
        let name = name.trim();
        if length < 2
            || !name.chars().any(char::is_alphabetic)
            || !self.seen.insert(name.to_owned())
        {
            return;
        }
        self.patterns.push(name.to_owned());
        self.entries.push(Entry {
            needs_capital: kind == Kind::Person
                && (length == 2 && !is_uncased(name) || is_word(name)),
            long: length >= 4,
            kind,
            canonical,
            person,
        });
    }

    fn person(&mut self, index: usize, person: &Person) {
        let key = key(person);
        for email in &person.emails {
            let email = email.trim().to_lowercase();
            self.add(&skeleton(&email), Kind::Email, email, None);
        }
        let spellings = [
            (skeleton(&person.first), skeleton(&person.last)),
            (skeleton(&transliterate(&person.first)), skeleton(&transliterate(&person.last))),
        ];
        for (first, last) in &spellings {
            let mut name = |text: &str, part| {
                self.add(text, Kind::Person, key.clone(), Some((index, part)));
            };
            if !first.is_empty() && !last.is_empty() {
                name(&format!("{first} {last}"), Part::Full);
                name(&format!("{last}, {first}"), Part::Sorted);
                name(&format!("{last} {first}"), Part::Sorted);
                for joint in [".", "_", "-", "+", ""] {
                    name(&format!("{first}{joint}{last}"), Part::Handle);
                    name(&format!("{last}{joint}{first}"), Part::Handle);
                }
            }
            name(first, Part::First);
            name(last, Part::Last);
            // "Anna Maria", "Müller-Lüdenscheidt", "van der Berg": the parts are names too.
            for piece in first.split([' ', '-']).filter(|piece| piece.chars().count() >= 3) {
                name(piece, Part::First);
            }
            for piece in last.split([' ', '-', '\'']).filter(|piece| piece.chars().count() >= 4) {
                name(piece, Part::Last);
            }
        }
        for email in &person.emails {
            let local = email.split('@').next().unwrap_or_default();
            let local = skeleton(local);
            if local.chars().count() >= 4 && !is_mailbox(&local) {
                self.add(&local, Kind::Person, key.clone(), Some((index, Part::Handle)));
            }
        }
    }
}

/// What all parts of a person have in common.
fn key(person: &Person) -> String {
    let full = skeleton(&person.full());
    if full.is_empty() { person.emails.first().cloned().unwrap_or_default() } else { full }
}

fn automaton(patterns: &[String]) -> Option<AhoCorasick> {
    if patterns.is_empty() {
        return None;
    }
    // Building fails only beyond 2^31 patterns or states.
    AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns).ok()
}

/// Whether a name in the copy is a word of its own, not a part of another.
fn stands_alone(text: &str, start: usize, end: usize, long: bool) -> bool {
    let name = &text[start..end];
    // Scripts without capitals are written without spaces.
    if is_uncased(name) {
        return true;
    }
    let part_of_word = |c: char| c.is_alphabetic() || (!long && c.is_alphanumeric());
    if text[..start].chars().next_back().is_some_and(part_of_word) {
        return false;
    }
    let mut rest = text[end..].chars();
    match rest.next() {
        Some('s') if long => !rest.next().is_some_and(char::is_alphabetic),
        Some(c) => !part_of_word(c),
        None => true,
    }
}

fn is_uncased(name: &str) -> bool {
    name.chars().any(|c| c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase())
}

/// The digits of a number without its international prefix.
fn significant(phone: &str) -> String {
    let all = digits(&phone.replace("(0)", ""));
    all.strip_prefix("00").map_or_else(|| all.clone(), str::to_owned)
}

/// The last nine digits, which tell two numbers apart however the country is written.
fn tail(number: &str) -> &str {
    &number[number.len().saturating_sub(9)..]
}

/// The digit sequences that a number may be written as: with and without country code, with a
/// trunk zero, with an international prefix.
fn groupings(full: &str) -> Vec<String> {
    let mut all = vec![full.to_owned(), format!("00{full}"), format!("011{full}")];
    if let Some(national) = full.strip_prefix('0') {
        all.push(national.to_owned());
    } else {
        for code in 1..=3.min(full.len()) {
            let (code, national) = full.split_at(code);
            all.push(national.to_owned());
            all.push(format!("0{national}"));
            all.push(format!("{code}0{national}"));
        }
    }
    all.retain(|number| number.len() >= 7);
    all.sort();
    all.dedup();
    all
}

/// All digits of a text with their places. Where more than white space and punctuation stands
/// between two digits, or more than four characters, the stream has a break.
fn digit_stream(text: &str) -> (String, Vec<usize>) {
    let mut stream = String::new();
    let mut places = Vec::new();
    let mut last = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        let gap = &text[last..at];
        if gap.len() > 4 || gap.contains(|c: char| c.is_alphabetic() || c.is_control()) {
            stream.push('|');
            places.push(at);
        }
        stream.push(char::from(byte));
        places.push(at);
        last = at + 1;
    }
    (stream, places)
}

/// Mailboxes of a function, not of a person.
fn is_mailbox(local: &str) -> bool {
    const MAILBOXES: &str = "account accounts admin administrator billing contact customer customers finance help \
        helpdesk hello info invoice invoices marketing noreply no-reply office ops \
        postmaster sales service success support team";
    MAILBOXES.split(' ').any(|mailbox| mailbox == local)
}

/// English words that are also names, and words our own prompts and assets begin lines with.
fn is_word(name: &str) -> bool {
    const WORDS: &str = "account ace amber an angel april art august autumn bank banks barber bell best bill \
        bird bishop black blue body bond booth brook brown bush butler buyer camp carol \
        carry case cash chance charity chase christian church clay coach cole cook cooper \
        cross crystal daily dale data date dawn day dean dear drew duke dusty early ernest \
        eve faith field fields fish fisher ford forest foster fox frank free gay gene glen \
        gold good grace grant gray green hall hand harmony heather hill holly home hope \
        hunter in iris ivy jack jade joy june justice king lane large law little long love \
        mark marks may melody miles mills moody nick noble page park parks pat pearl penny \
        pierce point porter power powers price ray rich robin rose ruby rusty sage self \
        short sky small so stark sterling stone street strong subject sue summer sunny team \
        trust user violet wade ward west white will winter wise wolf wood woods young";
    WORDS.split(' ').any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detect::Rules, overlap};

    fn known() -> Known {
        Known::new(
            vec![
                Person {
                    first: "Zoë".into(),
                    last: "Müller-Ott".into(),
                    emails: vec!["Zoe.M@Acme.example".into(), "zmott@home.example".into()],
                    phones: vec!["+49 (0)30 1234567".into()],
                },
                Person { first: "Will".into(), last: "Li".into(), ..Person::default() },
                Person { first: "伟".into(), last: "田中".into(), ..Person::default() },
            ],
            &["Hidden GmbH".into()],
        )
    }

    fn found(text: &str) -> Vec<String> {
        overlap::resolve(text, Rules::default().find(text, &known()))
            .into_iter()
            .map(|hit| text[hit.at].to_owned())
            .collect()
    }

    #[test]
    fn a_known_person_is_found_in_every_spelling() {
        for (text, values) in [
            ("Zoë Müller-Ott said", vec!["Zoë Müller-Ott"]),
            ("ZOE  MULLER-OTT said", vec!["ZOE  MULLER-OTT"]),
            ("Müller-Ott, Zoë said", vec!["Müller-Ott, Zoë"]),
            ("dear Zoë\u{308}!", vec!["Zoë\u{308}"]),
            ("z\u{200b}oe's ticket", vec!["z\u{200b}oe"]),
            ("zoe.mueller-ott wrote", vec!["zoe.mueller-ott"]),
            ("cc zmott and zoe.m", vec!["zmott", "zoe.m"]),
            ("zoe.m@acme.example", vec!["zoe.m@acme.example"]),
            ("Frau Müller", vec!["Müller"]),
            ("030-123 45 67", vec!["030-123 45 67"]),
            ("3.0.1.2.3.4.5.6.7", vec!["3.0.1.2.3.4.5.6.7"]),
            ("tel+49301234567", vec!["+49301234567"]),
            ("田中さん", vec!["田中"]),
            ("at HIDDEN gmbh.", vec!["HIDDEN gmbh"]),
        ] {
            assert_eq!(found(text), values, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_a_word_counts_only_with_a_capital_and_parts_of_words_never_do() {
        assert_eq!(found("Will you ask Will Li?"), ["Will", "Will Li"]);
        assert_eq!(found("i will live in a village, zoetrope, order 99301234567123"), [""; 0]);
    }
}
