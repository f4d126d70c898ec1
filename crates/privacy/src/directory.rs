//! Everybody else's data: finds in a text for one account what belongs to another.
//!
//! The directory holds no name, address or number, only fingerprints of eight bytes each under a
//! seed of the process, so that a hundred thousand accounts fit into some tens of megabytes, an
//! account is changed in microseconds, and a memory dump tells nobody who the customers are. A text
//! is folded (see [`crate::detect`]) and cut into words; runs of words are looked up, joined without
//! what stands between them. So disguises that only add signs, split words over lines or set
//! letters apart change nothing.
//!
//! What is looked for: full names (also "Last, First", and the first of several given names), mail
//! addresses, telephone numbers with and without the country's code, companies with and without
//! their legal form, domains, and invoice numbers. Not a given name or family name alone: those are
//! in every letter. What a text may hold, because it is its own account's or ours, is passed with
//! it.

mod email;
mod judge;
mod key;
mod lexicon;
mod phone;
mod reading;
mod table;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    ops::Range,
};

use self::{
    judge::{FORWARD, Finding, LOOSE, REVERSED, SEVERAL, SMALL, WHOLE, Window},
    key::{Space, State},
    lexicon::{is_calendar, is_legal},
    phone::Look,
    reading::{HARD, Reading, STOP, TIGHT, Word, folded},
    table::{Note, Table},
};
use crate::known::Person;

/// The most words a value has in a text, with a disguise that sets letters apart.
const MOST_WORDS: usize = 40;
/// The most letters and digits a value has.
const MOST_LETTERS: usize = 120;

/// What is known of an account, as the CRM writes it. Empty texts are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The company's name.
    pub org: String,
    /// Its internet domains.
    pub domains: Vec<String>,
    /// Its people.
    pub people: Vec<Person>,
    /// Full names that are not, or not so, among the people.
    pub names: Vec<String>,
    /// Numbers of its invoices.
    pub invoices: Vec<String>,
}

/// Whose data a text holds that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Foreign {
    /// A person of another account.
    Name,
    /// A mail address of another account.
    Email,
    /// A telephone number of another account.
    Phone,
    /// Another account's company, or its domain.
    Org,
    /// An invoice number of another account.
    Invoice,
}

impl Foreign {
    /// The word for it in files and answers: `other_name`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "other_name",
            Self::Email => "other_email",
            Self::Phone => "other_phone",
            Self::Org => "other_org",
            Self::Invoice => "other_invoice",
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Another account's data in a text. Does not repeat the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Bytes of the text.
    pub at: Range<usize>,
    /// What it is.
    pub kind: Foreign,
    /// The rule that found it, in words.
    pub rule: &'static str,
}

/// All accounts' data, as fingerprints.
#[derive(Default)]
pub struct Directory {
    seed: u64,
    table: Table,
    places: HashMap<u64, u32>,
    accounts: Vec<Box<[u64]>>,
    free: Vec<u32>,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Directory({} accounts, {} values)", self.places.len(), self.table.len())
    }
}

impl Directory {
    /// An empty directory. The seed keeps the fingerprints of one process from being known to
    /// another; any number will do.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Says what is known of an account, in place of what was known of it.
    pub fn set(&mut self, account: &str, entry: &Entry) {
        let keys = self.keys(entry);
        let id = self.id(account);
        let place = if let Some(place) = self.places.get(&id) {
            let place = *place;
            self.forget(place);
            place
        } else {
            let place = self.free.pop().unwrap_or_else(|| {
                self.accounts.push(Box::default());
                u32::try_from(self.accounts.len() - 1).unwrap_or(u32::MAX)
            });
            self.places.insert(id, place);
            place
        };
        for (key, marks) in &keys {
            self.table.add(*key, *marks, place);
        }
        self.accounts[place as usize] = keys.into_iter().map(|(key, _)| key).collect();
    }

    /// Forgets an account.
    pub fn remove(&mut self, account: &str) {
        if let Some(place) = self.places.remove(&self.id(account)) {
            self.forget(place);
            self.free.push(place);
        }
    }

    /// How many accounts it knows.
    pub fn accounts(&self) -> usize {
        self.places.len()
    }

    /// How many different values it knows.
    pub const fn values(&self) -> usize {
        self.table.len()
    }

    /// Bytes it takes in memory, allocator's overhead left out.
    pub fn bytes(&self) -> usize {
        let keys: usize = self.accounts.iter().map(|keys| keys.len() * 8).sum();
        self.table.bytes()
            + keys
            + self.accounts.capacity() * size_of::<Box<[u64]>>()
            + self.places.capacity() * (size_of::<(u64, u32)>() + 1)
    }

    /// Other accounts' data in a text, in order. `own` is the account it is for, `ours` what else
    /// it may hold: the account's data as it is now, the sender's, names that are public.
    pub fn scan(&self, text: &str, own: Option<&str>, ours: &[&Entry]) -> Vec<Exposure> {
        let mut allowed: HashSet<u64> = HashSet::new();
        let place = own.and_then(|own| self.places.get(&self.id(own)));
        if let Some(place) = place {
            allowed.extend(self.accounts[*place as usize].iter().copied());
        }
        for entry in ours {
            allowed.extend(self.keys(entry).into_iter().map(|(key, _)| key));
            allowed.extend(self.parts(entry));
        }
        let mut search = Search { directory: self, allowed, hits: Vec::new(), shields: Vec::new() };
        search.read(&Reading::of(text, false));
        if text.contains('<') {
            search.read(&Reading::of(text, true));
        }
        search.finish()
    }

    fn id(&self, account: &str) -> u64 {
        State::new(self.seed).add(account).join(State::new(0)).end(Space::Org)
    }

    fn forget(&mut self, place: u32) {
        let keys = std::mem::take(&mut self.accounts[place as usize]);
        for key in &*keys {
            self.table.remove(*key);
        }
    }

    /// Fingerprints of everything an account is known by, each once.
    fn keys(&self, entry: &Entry) -> Vec<(u64, u8)> {
        let mut keys = Keys { seed: self.seed, keys: HashMap::new() };
        keys.org(&entry.org);
        for domain in &entry.domains {
            keys.domain(domain);
        }
        for person in &entry.people {
            keys.person(&person.first, &person.last);
            for email in &person.emails {
                if let Some(state) = email::state(self.seed, email) {
                    keys.put(state.end(Space::Email), 0);
                }
            }
            for form in person.phones.iter().flat_map(|phone| phone::forms(phone)) {
                keys.put(State::new(self.seed).add(&form).end(Space::Phone), 0);
            }
        }
        for name in &entry.names {
            keys.name(name);
        }
        for invoice in &entry.invoices {
            keys.invoice(invoice);
        }
        let mut keys: Vec<(u64, u8)> = keys.keys.into_iter().collect();
        keys.sort_unstable();
        keys
    }

    /// Words of names of ours that are no other company's, whoever is called so: own people's
    /// names and the words of the own company's.
    fn parts(&self, entry: &Entry) -> Vec<u64> {
        let names = entry.people.iter().flat_map(|person| [&person.first, &person.last]);
        names
            .chain(&entry.names)
            .chain([&entry.org])
            .flat_map(|name| folded(name))
            .map(|word| State::new(self.seed).add(&word.key).end(Space::Org))
            .collect()
    }
}

/// Fingerprints in the making.
struct Keys {
    seed: u64,
    keys: HashMap<u64, u8>,
}

impl Keys {
    fn put(&mut self, key: u64, marks: u8) {
        *self.keys.entry(key).or_default() |= marks;
    }

    /// Words joined, with umlauts dropped, and with umlauts written out.
    fn joined(&mut self, words: &[&Word], space: Space, marks: u8) {
        let plain = words.iter().fold(State::new(self.seed), |state, word| state.add(&word.key));
        self.put(plain.end(space), marks);
        if words.iter().any(|word| word.written_out.is_some()) {
            let written = words.iter().fold(State::new(self.seed), |state, word| {
                state.add(word.written_out.as_ref().unwrap_or(&word.key))
            });
            self.put(written.end(space), marks);
        }
    }

    fn person(&mut self, first: &str, last: &str) {
        let (given, family) = (folded(first), folded(last));
        if family.is_empty() || given.is_empty() {
            self.name(&format!("{first} {last}"));
            return;
        }
        self.both(&given.iter().collect::<Vec<_>>(), &family.iter().collect::<Vec<_>>(), 0);
        if given.len() > 1 && given[0].key.chars().count() > 1 {
            self.both(&[&given[0]], &family.iter().collect::<Vec<_>>(), 0);
        }
    }

    /// A full name in one text. A single word is nobody's full name, except where names are
    /// written without spaces.
    fn name(&mut self, name: &str) {
        let words = folded(name);
        let (given, family): (Vec<&Word>, Vec<&Word>) =
            if let Some((family, _)) = name.split_once(',') {
                let family = folded(family).len();
                (words[family..].iter().collect(), words[..family].iter().collect())
            } else {
                let last = words.len().saturating_sub(1);
                (words[..last].iter().collect(), words[last..].iter().collect())
            };
        if given.is_empty() || family.is_empty() {
            return;
        }
        let loose = if is_loose(name) { LOOSE } else { 0 };
        self.both(&given, &family, loose);
    }

    fn both(&mut self, given: &[&Word], family: &[&Word], marks: u8) {
        let forward: Vec<&Word> = given.iter().chain(family).copied().collect();
        if forward.iter().all(|word| is_calendar(&word.key)) {
            return;
        }
        let turned: Vec<&Word> = family.iter().chain(given).copied().collect();
        self.joined(&forward, Space::Name, FORWARD | SEVERAL | marks);
        self.joined(&turned, Space::Name, REVERSED | SEVERAL | marks);
    }

    fn org(&mut self, org: &str) {
        let words: Vec<Word> = folded(org);
        let all: Vec<&Word> = words.iter().collect();
        let Some(last) = all.last() else { return };
        if !org.chars().any(char::is_alphabetic) {
            return;
        }
        let several = |words: &[&Word]| if words.len() > 1 { SEVERAL } else { 0 };
        let small = if words.iter().all(|word| word.capitals) { 0 } else { SMALL };
        let loose = if is_loose(org) { LOOSE } else { 0 };
        let legal = all.len() > 1 && is_legal(&last.key);
        let whole = if legal { WHOLE } else { 0 };
        self.joined(&all, Space::Org, several(&all) | small | loose | whole);
        let bare = match all.iter().rposition(|word| !is_legal(&word.key)) {
            Some(end) => &all[..=end],
            None => return,
        };
        // What is left must still name something: not "The", not "X".
        let letters: usize = bare.iter().map(|word| word.key.chars().count()).sum();
        if bare.len() < all.len() && letters > 1 {
            self.joined(bare, Space::Org, several(bare) | small | loose);
        }
        if org.contains('&') {
            let spelled = org.replace('&', " and ");
            let words = folded(&spelled);
            let words: Vec<&Word> = words.iter().collect();
            self.joined(&words, Space::Org, SEVERAL | small | loose | whole);
        }
    }

    fn domain(&mut self, domain: &str) {
        let words = folded(domain);
        if words.len() > 1 {
            let words: Vec<&Word> = words.iter().collect();
            self.joined(&words, Space::Org, SEVERAL | SMALL);
        }
    }

    fn invoice(&mut self, invoice: &str) {
        let words = folded(invoice);
        let digits = words.iter().flat_map(|word| word.key.bytes()).filter(u8::is_ascii_digit);
        let letters: usize = words.iter().map(|word| word.key.len()).sum();
        if digits.count() > 0 && letters >= 4 {
            let words: Vec<&Word> = words.iter().collect();
            let loose = if is_loose(invoice) { LOOSE } else { 0 };
            self.joined(&words, Space::Invoice, SEVERAL | loose);
        }
    }
}

/// Whether a value of the directory has signs inside it that end values elsewhere.
fn is_loose(value: &str) -> bool {
    let reading = Reading::of(value.trim(), false);
    let count = reading.words.len();
    (0..count.saturating_sub(1)).any(|word| reading.gap(word) & (HARD | STOP) != 0)
}

/// A hit that may yet be dropped.
struct Hit {
    exposure: Exposure,
    owner: Option<u32>,
    doubtful: bool,
}

/// A text being searched.
struct Search<'a> {
    directory: &'a Directory,
    allowed: HashSet<u64>,
    hits: Vec<Hit>,
    /// Places of what the text may hold: what lies within one is not another's.
    shields: Vec<Range<usize>>,
}

impl Search<'_> {
    fn read(&mut self, reading: &Reading) {
        self.words(reading, false);
        if reading.words.iter().any(|word| word.written_out.is_some()) {
            self.words(reading, true);
        }
        self.emails(reading);
        self.phones(reading);
    }

    /// Looks a fingerprint up; what is allowed shields its place.
    fn look_up(&mut self, key: u64, at: impl FnOnce() -> Range<usize>) -> Option<Note> {
        if self.allowed.contains(&key) {
            self.shields.push(at());
            return None;
        }
        self.directory.table.get(key)
    }

    fn hit(
        &mut self,
        at: Range<usize>,
        kind: Foreign,
        rule: &'static str,
        owner: Option<u32>,
        doubtful: bool,
    ) {
        self.hits.push(Hit { exposure: Exposure { at, kind, rule }, owner, doubtful });
    }

    /// Names, companies, invoices.
    fn words(&mut self, reading: &Reading, written_out: bool) {
        let key = |word: &Word| -> String {
            match &word.written_out {
                Some(written) if written_out => written.clone(),
                _ => word.key.clone(),
            }
        };
        let keys: Vec<String> = reading.words.iter().map(key).collect();
        let gaps: Vec<u8> = (0..keys.len()).map(|index| reading.gap(index)).collect();
        for first in 0..keys.len() {
            let mut state = State::new(self.directory.seed);
            let mut window =
                Window { reading, first, last: first, gaps: TIGHT, stops_shorten: true };
            let mut letters = 0;
            for last in first..keys.len().min(first + MOST_WORDS) {
                if last > first {
                    let gap = gaps[last - 1];
                    window.gaps |= gap;
                    window.stops_shorten &= gap & STOP == 0 || keys[last - 1].chars().count() <= 2;
                    // Only a value that has such a sign itself goes on over it.
                    if gap & HARD != 0 && reading.between(last - 1).len() > 3 {
                        break;
                    }
                }
                letters += keys[last].len();
                if letters > MOST_LETTERS {
                    break;
                }
                window.last = last;
                let before = state;
                state = state.add(&keys[last]);
                if letters < 2 {
                    continue;
                }
                self.window(&window, state, 0);
                // "Okonkwos": the genitive without an apostrophe.
                if let Some(stem) = keys[last].strip_suffix('s')
                    && stem.len() >= 4
                {
                    self.window(&window, before.add(stem), 1);
                }
            }
        }
    }

    fn window(&mut self, window: &Window<'_>, state: State, dropped: usize) {
        type Judge = for<'w> fn(&Window<'w>, Note) -> Option<Finding>;
        let words = &window.reading.words;
        let at = || {
            let range = words[window.first].at.start..words[window.last].at.end - dropped;
            window.reading.source(range)
        };
        let judges: [(Space, Foreign, Judge); 3] = [
            (Space::Name, Foreign::Name, |window, note| window.name(note)),
            (Space::Org, Foreign::Org, |window, note| window.org(note)),
            (Space::Invoice, Foreign::Invoice, |window, note| window.invoice(note)),
        ];
        for (space, kind, judge) in judges {
            let Some(note) = self.look_up(state.end(space), at) else { continue };
            match judge(window, note) {
                Some(Finding::Sure(rule)) => self.hit(at(), kind, rule, note.owner, false),
                Some(Finding::Doubtful(rule)) => self.hit(at(), kind, rule, note.owner, true),
                None => {}
            }
        }
    }

    fn emails(&mut self, reading: &Reading) {
        email::candidates(self.directory.seed, reading, |state, range| {
            let key = state.end(Space::Email);
            let at = || reading.source(range.clone());
            match self.look_up(key, at) {
                Some(note) => {
                    self.hit(at(), Foreign::Email, "mail address", note.owner, false);
                    true
                }
                None => self.allowed.contains(&key),
            }
        });
    }

    fn phones(&mut self, reading: &Reading) {
        phone::candidates(reading, |digits, range, look| {
            let key = State::new(self.directory.seed).add(digits).end(Space::Phone);
            let at = || reading.source(range.clone());
            match self.look_up(key, at) {
                Some(note) => {
                    let doubtful = look == Look::Doubtful;
                    self.hit(at(), Foreign::Phone, "telephone number", note.owner, doubtful);
                    !doubtful
                }
                None => self.allowed.contains(&key),
            }
        });
    }

    /// What is left when shields, doubts and hits within hits are settled.
    fn finish(self) -> Vec<Exposure> {
        let Self { mut hits, shields, .. } = self;
        let within = |inner: &Range<usize>, outer: &Range<usize>| {
            outer.start <= inner.start && inner.end <= outer.end
        };
        hits.retain(|hit| !shields.iter().any(|shield| within(&hit.exposure.at, shield)));
        let sure: HashSet<u32> =
            hits.iter().filter(|hit| !hit.doubtful).filter_map(|hit| hit.owner).collect();
        hits.retain(|hit| !hit.doubtful || hit.owner.is_some_and(|owner| sure.contains(&owner)));
        // Longest first, so that what lies within another comes after it.
        hits.sort_by_key(|hit| {
            let at = &hit.exposure.at;
            (at.start, std::cmp::Reverse(at.end), hit.exposure.kind)
        });
        let mut found: Vec<Exposure> = Vec::new();
        for Hit { exposure, .. } in hits {
            if !found.iter().any(|other| within(&exposure.at, &other.at)) {
                found.push(exposure);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
