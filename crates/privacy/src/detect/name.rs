//! Names of people without a model: by where they stand, by what is known of their words, and by
//! having been recognised elsewhere in the text.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{Found, Page, before, field::Label};
use crate::kind::Kind;

mod cue;
mod word;

use word::{Case, Sort, Word, words};

/// The points a piece of text needs to be a name.
const ENOUGH: i32 = 15;
/// The longest name, in words.
const LONGEST: usize = 6;

/// What is known of the text beside its words.
struct Scene<'a> {
    page: &'a Page<'a>,
    words: Vec<Word>,
    /// Pieces of the local parts of mail addresses.
    locals: HashSet<Vec<u8>>,
    /// Whole local parts.
    handles: HashSet<Vec<u8>>,
    /// Whether nouns have capitals here, as in German.
    german: bool,
    /// Where the last name ended, in words: lists of people go on.
    last: Cell<usize>,
    /// How often each word stands before a colon at the head of a line.
    speakers: HashMap<Vec<u8>, usize>,
}

/// A name: words from and to (exclusive).
#[derive(Clone, Debug)]
struct Name {
    words: Range<usize>,
    rule: &'static str,
    score: i32,
    /// Whether its parts are looked for elsewhere.
    spreads: bool,
}

pub(super) fn find(page: &Page<'_>, taken: &[Range<usize>], found: &mut Vec<Found>) {
    let words = words(page.text, taken);
    if words.is_empty() {
        return;
    }
    let mut locals = HashSet::new();
    let mut handles = HashSet::new();
    for hit in found.iter().filter(|hit| hit.kind == Kind::Email) {
        let local = hit.canonical.split('@').next().unwrap_or_default();
        for piece in local.split(|c: char| !c.is_alphabetic()).filter(|piece| piece.len() >= 3) {
            locals.insert(word::key(piece));
        }
        handles.insert(word::key(local.trim_end_matches(|c: char| c.is_ascii_digit())));
    }
    let mut speakers: HashMap<Vec<u8>, usize> = HashMap::new();
    if page.text.contains(": ") {
        for word in
            words.iter().filter(|word| !word.taken && page.text[word.end..].starts_with(": "))
        {
            if word.start == 0 || page.text[..word.start].ends_with('\n') {
                *speakers.entry(word::key(&page.text[word.start..word.end])).or_default() += 1;
            }
        }
    }
    let german = word::is_german(&words, page.text);
    let scene =
        Scene { page, words, locals, handles, german, last: Cell::new(usize::MAX), speakers };
    let mut names = scene.runs();
    scene.lower(&mut names);
    scene.fields(&mut names);
    names.sort_by_key(|name| (name.words.start, name.words.end));
    scene.spread(&mut names);
    scene.script(found);
    emit(&scene, &names, found);
}

fn emit(scene: &Scene<'_>, names: &[Name], found: &mut Vec<Found>) {
    let text = scene.page.text;
    let mut index = 0;
    while index < names.len() {
        let mut name = names[index].clone();
        index += 1;
        // Pieces that were recognised one by one are one name.
        while let Some(next) = names.get(index) {
            let joined = next.words.start < name.words.end
                || next.words.start == name.words.end
                    && matches!(
                        &text[scene.words[name.words.end - 1].end
                            ..scene.words[next.words.start].start],
                        " " | "-"
                    );
            if !joined {
                break;
            }
            name.words.end = name.words.end.max(next.words.end);
            index += 1;
        }
        let at = scene.words[name.words.start].start..scene.words[name.words.end - 1].end;
        let canonical = String::from_utf8_lossy(
            &scene.words[name.words.clone()]
                .iter()
                .map(|word| word::key(&text[word.start..word.end]))
                .collect::<Vec<_>>()
                .join(&b' '),
        )
        .into_owned();
        let score = u8::try_from((40 + name.score).clamp(40, 95)).unwrap_or(95);
        found.push(Found::new(at, Kind::Person, canonical, name.rule, score));
    }
}

impl Scene<'_> {
    fn text(&self, word: usize) -> &str {
        &self.page.text[self.words[word].start..self.words[word].end]
    }

    /// The text between a word and the one before.
    fn gap(&self, word: usize) -> &str {
        if word == 0 {
            &self.page.text[..self.words[0].start]
        } else {
            &self.page.text[self.words[word - 1].end..self.words[word].start]
        }
    }

    /// Names written with capitals.
    fn runs(&self) -> Vec<Name> {
        let mut names = Vec::new();
        let mut at = 0;
        while at < self.words.len() {
            if !self.words[at].is_capital() || self.words[at].taken {
                at += 1;
                continue;
            }
            let end = self.run(at);
            self.split(at..end, &mut names);
            at = end.max(at + 1);
        }
        names
    }

    /// Where a run of capitalised words ends: single spaces between, particles within.
    fn run(&self, start: usize) -> usize {
        let mut end = start + 1;
        while end < self.words.len() && !self.words[end].taken {
            let gap = self.gap(end);
            let initial = self.words[end - 1].sort == Sort::Initial && gap == ". ";
            if gap != " " && gap != "  " && !initial {
                break;
            }
            if self.words[end].is_capital() {
                end += 1;
                continue;
            }
            // `van der Berg`, `de la Cruz`
            let particles = (end..self.words.len().min(end + 3))
                .take_while(|at| {
                    word::is_particle(self.text(*at)) && (*at == end || self.gap(*at) == " ")
                })
                .count();
            let next = end + particles;
            // `Holly Field de Charlotte`: from there, in Spanish.
            let from_there = end - start >= 2
                && particles == 1
                && self.text(end) == "de"
                && self.words.get(next).is_some_and(|there| {
                    there.entry.is_place() && there.entry.family() < 3
                        || matches!(
                            self.text(next),
                            "Kuala" | "North" | "West" | "San" | "Santa" | "Buenos" | "São"
                        )
                });
            if particles > 0
                && !from_there
                && next < self.words.len()
                && self.gap(next) == " "
                && self.words[next].is_capital()
                && !self.words[next].taken
            {
                end = next + 1;
            } else {
                break;
            }
        }
        end
    }

    /// Finds the names in a run.
    fn split(&self, run: Range<usize>, names: &mut Vec<Name>) {
        let mut at = run.start;
        while at < run.end {
            if !self.words[at].sort.may_begin() {
                // `Frau Page`, a cell of family names
                if self.words[at].entry.is_name() && self.expected(at) {
                    names.push(Name {
                        words: at..at + 1,
                        rule: "name/title",
                        score: 25,
                        spreads: false,
                    });
                    self.last.set(at + 1);
                }
                at += 1;
                continue;
            }
            let mut end = at + 1;
            while end < run.end && end - at < LONGEST && self.words[end].sort.may_continue() {
                end += 1;
            }
            while end > at + 1 && matches!(self.words[end - 1].sort, Sort::Particle | Sort::Initial)
            {
                end -= 1;
            }
            // `Anna Lane` is a person, `Foxglove Lane` is not.
            let lane = end - at == 1
                && end < run.end
                && self.words[end].sort == Sort::Organisation
                && self.words[end].entry.family() >= 2
                && self.words[at].sort == Sort::Given
                && self.words[at].entry.given() >= 4
                && self.words[at].entry.family() < 2
                && self
                    .words
                    .get(end + 1)
                    .is_none_or(|next| self.gap(end + 1) != " " || !next.is_capital());
            if lane {
                end += 1;
            } else if self.is_organisation(at, end, run.end) {
                at = end + 1;
                continue;
            }
            // `Sr. van Leemput`
            let from = self.titled(at);
            if from < at {
                names.push(Name {
                    words: from..end.min(at + 2),
                    rule: "name/title",
                    score: 30,
                    spreads: true,
                });
                at = end;
                continue;
            }
            if self.pair(at, names) {
                at += 1;
                continue;
            }
            match self.best(at, end, run.clone()) {
                Some(name) => {
                    at = name.words.end;
                    self.last.set(at);
                    self.last_first(name, names);
                }
                None => at += 1,
            }
        }
    }

    /// Whether a family name must stand here: after a title, or in a field of family names.
    fn expected(&self, word: usize) -> bool {
        let place = self.words[word].start;
        if self.page.fields.starts(place, Label::Family)
            || self.page.fields.starts(place, Label::Given)
        {
            return true;
        }
        let titles = [
            "Frau", "Herr", "Herrn", "Mr", "Mrs", "Ms", "Dr", "Prof", "Monsieur", "Madame", "Mme",
            "Signor", "Signora", "Señor", "Señora", "Sra", "Sr",
        ];
        word > 0
            && matches!(self.gap(word), " " | ". ")
            && titles.contains(&self.text(word - 1))
            && self.words[word].case == Case::Capital
    }

    /// Where particles between a title and a word begin.
    fn titled(&self, word: usize) -> usize {
        let mut at = word;
        while at > 0
            && self.gap(at) == " "
            && self.words[at - 1].case == Case::Lower
            && word::is_particle(self.text(at - 1))
            && word - at < 3
        {
            at -= 1;
        }
        let titled = at > 0
            && at < word
            && matches!(self.gap(at), " " | ". ")
            && word::is_title(
                std::str::from_utf8(&word::key(self.text(at - 1))).unwrap_or_default(),
            )
            && self.words[at - 1].is_capital();
        if titled { at } else { word }
    }

    /// `Rask, Autumn`: a given name that is a word, after a family name that opens a field.
    fn pair(&self, word: usize, names: &mut Vec<Name>) -> bool {
        if word == 0
            || self.gap(word) != ", "
            || self.words[word].entry.is_place()
            || self.words[word].entry.given() < 1
                && !(self.words[word].entry.is_unknown()
                    && self.words[word - 1].entry.family() >= 2)
            || !self.words[word].is_capital()
            || self.words[word].case == Case::Mixed
        {
            return false;
        }
        let family = word - 1;
        let before = &self.words[family];
        let stands = before.is_capital()
            && !before.taken
            && matches!(
                before.sort,
                Sort::Family | Sort::Unknown | Sort::Rare | Sort::FamilyWord | Sort::Weak
            )
            && (family == 0
                || self.gap(family) != " "
                || !self.words[family - 1].is_capital()
                || self.has_role(family))
            && names.last().is_none_or(|last| last.words.end <= family)
            && self.opens(family);
        let tail = &self.page.text[self.words[word].end..];
        let ends = tail.is_empty()
            || tail.starts_with([',', ')', '\n', '"', ';', '|', '<', '\r'])
            || tail.starts_with(" (")
            || tail.starts_with(" <");
        // A greeting's comma: `Anna, Tom` are two people.
        let two = before.entry.given() > before.entry.family() * 2;
        if stands && ends && !two && !self.sentence_of_prose(family) {
            names.push(Name {
                words: family..word + 1,
                rule: "name/last-first",
                score: 25,
                spreads: true,
            });
            return true;
        }
        false
    }

    /// Whether the line that a word opens is prose that greets somebody.
    fn sentence_of_prose(&self, word: usize) -> bool {
        self.words[word].sort == Sort::Unknown && self.words[word].entry.is_word()
    }

    /// `Hobson, Margaret`: a family name was rejected or taken alone, and the given name follows.
    fn last_first(&self, name: Name, names: &mut Vec<Name>) {
        if let Some(last) = names.last_mut()
            && (last.words.len() == 1
                || last.words.len() <= 3
                    && !self.words[last.words.start].sort.is_given()
                    && (name.words.len() == 1
                        || self.words[name.words.end - 1].sort == Sort::Initial
                        || self.words[name.words.start + 1].sort.is_given()))
            && last.words.end == name.words.start
            && self.gap(name.words.start) == ", "
            && name.words.len() <= 2
            && self.words[name.words.start].entry.given() >= 2
            && self.words[last.words.start].entry.family() * 2
                >= self.words[last.words.start].entry.given()
            && self.opens(last.words.start)
        {
            last.words.end = name.words.end;
            last.rule = "name/last-first";
            last.spreads = true;
            last.score = last.score.max(name.score);
            return;
        }
        // The family name alone was not enough.
        if name.words.start > 0
            && self.gap(name.words.start) == ", "
            && name.words.len() <= 2
            && self.words[name.words.start].entry.given() >= 2
        {
            let family = name.words.start - 1;
            let word = &self.words[family];
            let free = names.last().is_none_or(|last| last.words.end <= family);
            let alone = family == 0
                || self.gap(family) != " "
                || !self.words[family - 1].is_capital()
                || self.has_role(family);
            if free
                && alone
                && word.is_capital()
                && !word.taken
                && matches!(
                    word.sort,
                    Sort::Family
                        | Sort::Unknown
                        | Sort::Rare
                        | Sort::FamilyWord
                        | Sort::Given
                        | Sort::GivenWord
                )
                && self.opens(family)
            {
                names.push(Name {
                    words: family..name.words.end,
                    rule: "name/last-first",
                    score: name.score,
                    spreads: true,
                });
                return;
            }
        }
        names.push(name);
    }

    /// Whether a word that says who somebody is stands right before: `Passenger Koç, Burak`.
    fn has_role(&self, word: usize) -> bool {
        self.gap(word) == " "
            && self.previous(word).is_some_and(|before| {
                matches!(
                    &*self.text(before).to_lowercase(),
                    "passenger"
                        | "applicant"
                        | "guest"
                        | "patient"
                        | "employee"
                        | "candidate"
                        | "tenant"
                        | "client"
                        | "customer"
                        | "member"
                        | "student"
                        | "contact"
                        | "holder"
                        | "cardholder"
                        | "beneficiary"
                        | "insured"
                        | "claimant"
                        | "visitor"
                        | "subscriber"
                        | "borrower"
                        | "owner"
                        | "signatory"
                        | "payee"
                        | "recipient"
                        | "attendee"
                        | "kunde"
                        | "kundin"
                        | "cliente"
                )
            })
    }

    /// Whether a word opens a line, a cell, or follows a colon or bracket.
    fn opens(&self, word: usize) -> bool {
        let gap = self.gap(word);
        word == 0
            || self.has_role(word)
            || gap.ends_with([':', '(', '"', '\n', ';', '|', '\t', '>', '-'])
            || gap.ends_with(": ")
            || gap.contains('\n')
            || gap.ends_with("| ")
            || gap.ends_with("- ")
            || gap.ends_with("; ")
    }

    /// Whether the words are, or begin, the name of an organisation or a product.
    fn is_organisation(&self, start: usize, end: usize, run: usize) -> bool {
        if end < run && matches!(self.words[end].sort, Sort::Organisation) {
            return true;
        }
        let whole = self.page.text[self.words[start].start..self.words[end - 1].end].to_lowercase();
        if cue::is_famous(&whole)
            || end - start > 2 && cue::is_famous(&whole[..whole.rfind(' ').unwrap_or(0)])
        {
            return true;
        }
        let tail = &self.page.text[self.words[end - 1].end..];
        let joined = [" & ", " + ", " und Söhne", " et fils", " e figli"]
            .iter()
            .any(|sign| tail.starts_with(sign));
        if joined {
            let rest = tail.trim_start_matches([' ', '&', '+']);
            if rest.starts_with("Sons")
                || rest.starts_with("Co")
                || rest.starts_with("Partner")
                || rest.starts_with("Söhne")
                || rest.starts_with("Daughters")
                || rest.starts_with("Associates")
                || rest.starts_with("Company")
                || rest.starts_with("Bro")
                || end - start == 1
                    && rest.starts_with(char::is_uppercase)
                    && !self.words[start].sort.is_given()
            {
                return true;
            }
        }
        // `Johnson & Johnson`: the second half.
        let head = &self.page.text[..self.words[start].start];
        let other = start.checked_sub(1).map(|at| &self.words[at]);
        end - start == 1
            && (head.ends_with(" & ")
                && !(self.words[start].sort.is_given()
                    && other.is_some_and(|other| other.sort.is_given())))
            || tail.starts_with(".com")
            || tail.starts_with(".io")
            || tail.starts_with("™")
            || tail.starts_with('®')
            || tail.starts_with(".js")
            || [", Inc", " Inc", ", LLC", " GmbH", ", Ltd"]
                .iter()
                .any(|form| tail.starts_with(form))
    }

    /// The best name that begins with a word.
    fn best(&self, start: usize, end: usize, run: Range<usize>) -> Option<Name> {
        let mut candidates = Vec::new();
        candidates.push(start..end);
        if end - start > 1 {
            // `Will Maria Lopez join?`, `Maria Lopez Aurora`
            if matches!(self.words[start].sort, Sort::GivenWord | Sort::FamilyWord)
                && self.sentence(start)
                && self.words[start + 1].sort.is_given()
                && (end - start > 2
                    || matches!(
                        self.text(start),
                        "Will" | "May" | "Mark" | "Chase" | "Grant" | "Bill" | "Sue"
                    ))
            {
                candidates.insert(0, start + 1..end);
            }
            if end - start > 2
                || matches!(
                    self.words[end - 1].sort,
                    Sort::FamilyWord | Sort::GivenWord | Sort::Place | Sort::Brand
                )
            {
                candidates.push(start..end - 1);
            }
            if end - start > 3 {
                candidates.push(start..start + 2);
            }
            candidates.push(start..start + 1);
        }
        for words in candidates {
            // What follows must not go on with a capital that was cut off, unless it is a word.
            if words.start < words.end && words.start >= run.start {
                let score = self.score(words.clone());
                if score >= ENOUGH {
                    let spreads = words.len() > 1 || score >= ENOUGH + 6;
                    return Some(Name { words, rule: "name/shape", score, spreads });
                }
            }
        }
        None
    }

    /// Whether a word begins a sentence or a line.
    fn sentence(&self, word: usize) -> bool {
        let gap = self.gap(word);
        word == 0 || gap.contains('\n') || gap.starts_with(['.', '!', '?']) && gap.len() > 1
    }

    /// The points of some words as a name.
    fn score(&self, words: Range<usize>) -> i32 {
        let first = &self.words[words.start];
        let last = &self.words[words.end - 1];
        let single = words.len() == 1;
        let shouted = first.case == Case::Upper;
        let mut score = if single {
            first.alone()
        } else {
            first.leading() + last.closing() + i32::from(words.len() > 2) * 2
        };
        if !single {
            let unknown =
                self.words[words.clone()].iter().filter(|word| word.sort == Sort::Unknown).count();
            let odd = self.words[words.clone()]
                .iter()
                .filter(|word| matches!(word.sort, Sort::Unknown | Sort::Rare))
                .count();
            if odd == words.len() {
                if self.german {
                    score -= 6;
                } else if !self.sentence(words.start) && unknown > 0 {
                    score += 4;
                }
            }
            if shouted && odd > 0 {
                score -= 10;
            }
            if self.words[words.clone()].iter().all(|word| word.entry.is_word()) {
                // `Grace Stone` is likelier than `Summer Sale`.
                let common = first.entry.given() >= 4 && last.entry.family() >= 3;
                score -= if common { 2 } else { 4 };
                let goes_on = self.words.get(words.end).is_some_and(|next| {
                    next.is_capital() && !next.taken && self.gap(words.end) == " "
                });
                score -= if goes_on { 6 } else { 0 };
            }
            if self.words[words.clone()].iter().any(|word| word.case == Case::Mixed) {
                score -= 12;
            }
        } else if shouted {
            score -= if first.sort == Sort::Given && last.end - first.start > 4 { 3 } else { 8 };
        }
        if self.german && single && matches!(first.sort, Sort::Family | Sort::Rare | Sort::Unknown)
        {
            score -= 6;
        }
        score + self.before(words.clone()) + self.after(words.clone()) + self.mail(words)
    }

    /// Points for mail addresses that are made of the words.
    fn mail(&self, words: Range<usize>) -> i32 {
        if self.handles.is_empty() {
            return 0;
        }
        let keys: Vec<Vec<u8>> = words.clone().map(|at| word::key(self.text(at))).collect();
        let known = keys
            .iter()
            .any(|key| key.len() >= 3 && (self.locals.contains(key) || self.handles.contains(key)));
        let made = keys.len() > 1 && {
            let (first, last) = (&keys[0], &keys[keys.len() - 1]);
            let joined = [first.clone(), last.clone()].concat();
            let short = [&first[..1.min(first.len())], last].concat();
            let back = [last.as_slice(), &first[..1.min(first.len())]].concat();
            [joined, short, back].iter().any(|handle| self.handles.contains(handle))
        };
        let word = words.len() == 1
            && self.words[words.start].entry.is_word()
            && !self.words[words.start].entry.is_name();
        if word {
            0
        } else if made || known {
            14
        } else {
            0
        }
    }

    /// Finds the parts of names that were recognised in the rest of the text.
    fn spread(&self, names: &mut Vec<Name>) {
        let mut parts: HashSet<Vec<u8>> = HashSet::new();
        let mut covered = vec![false; self.words.len()];
        for name in names.iter() {
            for at in name.words.clone() {
                covered[at] = true;
                let word = &self.words[at];
                if name.spreads
                    && !matches!(word.sort, Sort::Particle | Sort::Initial | Sort::Weak)
                    && (!matches!(word.sort, Sort::Brand | Sort::Place) || word.entry.given() >= 3)
                    && word.end - word.start >= 3
                {
                    parts.insert(word::key(self.text(at)));
                }
            }
        }
        if parts.is_empty() {
            return;
        }
        for (at, word) in self.words.iter().enumerate() {
            if covered[at] || word.taken || word.end - word.start < 3 {
                continue;
            }
            let capital = word.is_capital();
            let lower =
                word.case == Case::Lower && word.end - word.start >= 4 && !word.entry.is_word();
            if !capital && !lower || !parts.contains(&word::key(self.text(at))) {
                continue;
            }
            // A word that is a name elsewhere is one here with a capital that no sentence explains.
            let explained = word.entry.is_word()
                && (self.sentence(at)
                    || self.is_organisation(at, at + 1, (at + 2).min(self.words.len())));
            let organisation = self
                .words
                .get(at + 1)
                .is_some_and(|next| next.sort == Sort::Organisation && self.gap(at + 1) == " ");
            let place = word.sort == Sort::Place
                && self.previous(at).is_some_and(|before| cue::leads_to_place(self.text(before)));
            if !explained && !organisation && !place {
                names.push(Name {
                    words: at..at + 1,
                    rule: "name/spread",
                    score: 20,
                    spreads: false,
                });
            }
        }
        names.sort_by_key(|name| (name.words.start, name.words.end));
    }

    /// Names written without capitals: speakers, greetings, introductions, two names in a row.
    fn lower(&self, names: &mut Vec<Name>) {
        let mut at = 0;
        while at < self.words.len() {
            let word = &self.words[at];
            if word.case != Case::Lower || word.taken || !word.may_be_lower() {
                at += 1;
                continue;
            }
            let end = self.lower_run(at);
            if let Some(end) = end {
                names.push(Name { words: at..end, rule: "name/lower", score: 18, spreads: true });
                at = end;
            } else {
                at += 1;
            }
        }
    }

    /// Where a name in small letters that starts here ends.
    fn lower_run(&self, at: usize) -> Option<usize> {
        let word = &self.words[at];
        let next = at + 1;
        let follows = |index: usize| {
            self.words.get(index).is_some_and(|word| {
                word.case == Case::Lower
                    && !word.taken
                    && self.gap(index) == " "
                    && (word.end - word.start) >= 2
            })
        };
        let cue = self.lower_cue(at);
        let strong = word.entry.given() >= 2 && !word.entry.is_word()
            || word.entry.given() >= 4 && !word.entry.is_common() && !word.entry.is_brand();
        // `margaux de la fontaine`
        let particles = (next..next + 3)
            .take_while(|index| follows(*index) && word::is_particle(self.text(*index)))
            .count();
        let next = if particles > 0 && cue > 0 && follows(next + particles) {
            next + particles
        } else {
            next
        };
        let second = follows(next).then(|| &self.words[next]);
        let family = second.is_some_and(|second| {
            (second.entry.family() >= 1
                || second.entry.is_unknown() && second.end - second.start >= 4 && cue > 0)
                && !second.entry.is_word()
        });
        let word_family =
            second.is_some_and(|second| second.entry.family() >= 2 && second.entry.is_word());
        let full = family
            && (strong && (word.entry.given() >= 3 || cue > 0) || cue > 0 && word.entry.is_name())
            || word_family && strong && cue > 0;
        let words_full = cue >= 2
            && word.entry.given() >= 3
            && second.is_some_and(|second| {
                second.entry.family() >= 2 || cue == 3 && second.entry.given() >= 2
            });
        // After "thanks" in a language we do not know anything may follow.
        let thanked = self.previous(at).is_some_and(|before| {
            matches!(
                &*self.text(before).to_lowercase(),
                "merci"
                    | "gracias"
                    | "danke"
                    | "grazie"
                    | "obrigado"
                    | "obrigada"
                    | "bedankt"
                    | "tack"
                    | "tak"
                    | "takk"
                    | "thx"
                    | "thanks"
                    | "cheers"
                    | "sorry"
            )
        });
        let unknown_full = cue >= 2 && word.entry.is_unknown() && family && !thanked;
        if full || unknown_full || words_full {
            // `merci pour votre appel`: words of every letter.
            let stop = |index: usize| {
                std::str::from_utf8(&word::key(self.text(index))).is_ok_and(word::is_stop)
            };
            if stop(at) || stop(next) {
                return None;
            }
            let third = next + 1;
            let more = follows(third)
                && self.words[third].entry.family() >= 1
                && !self.words[third].entry.is_word();
            return Some(third + usize::from(more));
        }
        let speaker = cue == 3;
        // `siriporn: hey … siriporn: thanks`, and somebody else speaks too.
        let again = speaker
            && word.entry.is_unknown()
            && self.speakers.len() > 1
            && self.speakers.get(&word::key(self.text(at))).is_some_and(|count| *count > 1)
            && self.page.text[word.end..].starts_with(": ");
        let alone = again
            || strong && cue > 0
            || speaker && word.entry.given() >= 3
            || cue > 0
                && word.entry.given() >= 1
                && !word.entry.is_word()
                && (word.entry.given() >= 2 || cue >= 2);
        let local = self.locals.contains(&word::key(self.text(at)))
            && !word.entry.is_word()
            && word.entry.is_name();
        (alone || local).then_some(at + 1)
    }

    /// Fields of given or family names, whose whole value is one: `"lastName": "De Luca"`.
    fn fields(&self, names: &mut Vec<Name>) {
        for field in self.page.fields.iter() {
            if !matches!(field.label, Label::Given | Label::Family) || field.at.len() > 48 {
                continue;
            }
            let value = &self.page.text[field.at.clone()];
            let trimmed = value.trim_matches([' ', '"', '\'', '\\', '`']);
            let plain = trimmed
                .chars()
                .all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’' | '.'));
            let nothing = matches!(
                &*trimmed.to_lowercase(),
                "null"
                    | "none"
                    | "n/a"
                    | "na"
                    | "unknown"
                    | "test"
                    | "true"
                    | "false"
                    | "undefined"
                    | "string"
                    | "empty"
                    | "first name"
                    | "last name"
                    | "name"
                    | "anonymous"
                    | "redacted"
                    | "tbd"
                    | "admin"
            );
            if !plain || nothing || trimmed.split(' ').count() > 4 {
                continue;
            }
            let first = self.words.partition_point(|word| word.start < field.at.start);
            let end = self.words.partition_point(|word| word.end <= field.at.end);
            if first >= end
                || end - first > 4
                || self.words[first..end].iter().any(|word| word.taken)
                || self.words[first].end - self.words[first].start < 2
                || !self.words[first..end]
                    .iter()
                    .any(|word| word.is_capital() || word.entry.is_name())
            {
                continue;
            }
            // `First: open the settings` is a line of prose.
            let enclosed = before(self.page.text, field.at.start)
                .is_some_and(|c| matches!(c, '"' | '\'' | ',' | ';' | '|' | '\t' | '>' | '\n'));
            let ordinary =
                matches!(self.words[first].sort, Sort::Ordinary | Sort::Title | Sort::Organisation);
            if !enclosed && ordinary {
                continue;
            }
            names.retain(|name| name.words.end <= first || name.words.start >= end);
            let spreads = self.words[first..end].iter().all(|word| !word.entry.is_word());
            names.push(Name { words: first..end, rule: "name/field", score: 35, spreads });
        }
    }

    /// Names in scripts without capitals, where a title or a field says so.
    fn script(&self, found: &mut Vec<Found>) {
        let text = self.page.text;
        if text.is_ascii() {
            return;
        }
        word::ideographs(text, |at: Range<usize>| {
            let named =
                self.page.fields.labels(at.start).next().is_some_and(|label| {
                    matches!(label, Label::Person | Label::Given | Label::Family)
                }) && self.page.fields.labels(at.end - 1).count() > 0;
            let value = &text[at.clone()];
            if let Some(length) =
                word::honoured(value, &text[at.end..], before(text, at.start), named)
            {
                let at = at.start..at.start + length;
                let canonical = text[at.clone()].to_owned();
                found.push(Found::new(at, Kind::Person, canonical, "name/script", 80));
            }
        });
    }

    /// The word before, when it stands on the same line.
    fn previous(&self, word: usize) -> Option<usize> {
        (word > 0 && !self.gap(word).contains('\n') && !self.words[word - 1].taken)
            .then(|| word - 1)
    }

    fn is_line(&self, words: Range<usize>) -> bool {
        let text = self.page.text;
        let head = text[..self.words[words.start].start]
            .trim_end_matches([' ', '>', '-', '*', '\u{2014}', '\u{2013}', '~', '\t']);
        let tail = text[self.words[words.end - 1].end..]
            .trim_start_matches([' ', ',', '.', '!', '\r', '\t']);
        (head.is_empty() || head.ends_with('\n')) && (tail.is_empty() || tail.starts_with('\n'))
    }
}
