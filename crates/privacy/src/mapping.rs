//! What each placeholder stands for, and how the originals come back.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use zeroize::Zeroize;

use crate::{
    detect::Hit,
    kind::Kind,
    known::{Known, Part, Person},
    placeholder::tokens,
    seal::{Lookup, RunKey},
};

mod stored;

pub use stored::MappingError;

/// The most spellings of one value that share its number.
const MOST_VERSIONS: usize = 32;

/// Where restored text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// To a customer, or anywhere else outside: secrets, cards and national ids stay hidden.
    Outward,
    /// To a colleague: the same, unless policy shows them more.
    Colleague,
    /// Back to where it came from: everything is restored.
    Inward,
}

/// A placeholder that was not restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrestored {
    /// It was never issued: the writer invented it.
    Unknown {
        /// The placeholder, in our spelling.
        placeholder: String,
    },
    /// What it stands for may not go there.
    Withheld {
        /// The placeholder, in our spelling.
        placeholder: String,
        /// What it stands for.
        kind: Kind,
    },
}

/// A placeholder that was restored.
#[derive(Clone, PartialEq, Eq)]
pub struct Used {
    /// The placeholder, in our spelling.
    pub placeholder: String,
    /// What it stands for.
    pub kind: Kind,
    /// How often.
    pub count: usize,
    /// What was put in its place.
    pub original: String,
}

/// A text with originals put back.
#[derive(Clone, PartialEq, Eq)]
pub struct Restored {
    /// The text. Placeholders that were not restored are still in it.
    pub text: String,
    /// What was not restored, in order.
    pub unrestored: Vec<Unrestored>,
    /// What was, each placeholder once, in the order of the text.
    pub used: Vec<Used>,
}

/// What policy says of putting originals back, beyond what holds whatever it says: secrets, cards
/// and national ids never go out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    withheld: BTreeSet<(Kind, Destination)>,
    shown: BTreeSet<Kind>,
}

impl Release {
    /// Keeps values of a kind from a destination.
    #[must_use]
    pub fn withhold(mut self, kind: Kind, from: Destination) -> Self {
        self.withheld.insert((kind, from));
        self
    }

    /// Lets colleagues see values of a kind that they would not otherwise.
    #[must_use]
    pub fn show_colleagues(mut self, kind: Kind) -> Self {
        self.shown.insert(kind);
        self
    }

    /// Whether a value of this kind may be put back there.
    pub fn may(&self, kind: &Kind, to: Destination) -> bool {
        let by_itself = match to {
            Destination::Inward => return true,
            Destination::Outward => kind.may_go_out(),
            Destination::Colleague => kind.may_go_out() || self.shown.contains(kind),
        };
        by_itself && !self.withheld.contains(&(kind.clone(), to))
    }
}

struct Entry {
    kind: Kind,
    /// Which value of its kind it is a spelling of.
    number: u32,
    original: String,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.original.zeroize();
    }
}

/// Placeholder to original, for one session (a run). Leaves the process only through
/// [`Mapping::seal`], in which each original is sealed by itself under the session's own key.
#[derive(Default)]
pub struct Mapping {
    key: RunKey,
    /// Names of all types that can occur, beyond the built-in ones.
    kinds: BTreeSet<String>,
    entries: BTreeMap<String, Entry>,
    /// The number of each value met in this process: type and canonical form.
    numbers: HashMap<(Kind, String), u32>,
    /// The number of each value met before, by its keyed hash.
    stored: HashMap<(Kind, Lookup), u32>,
    last: HashMap<Kind, u32>,
}

impl Drop for Mapping {
    fn drop(&mut self) {
        for ((_, mut canonical), _) in self.numbers.drain() {
            canonical.zeroize();
        }
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.keys()).finish()
    }
}

impl Mapping {
    /// An empty mapping whose values will be known again by hashes under this key.
    pub fn under(key: RunKey) -> Self {
        let mut mapping = Self::default();
        mapping.key = key;
        mapping
    }

    /// Whether no placeholder was issued yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Makes a type's misspellings recognisable.
    pub(crate) fn expect(&mut self, kind: &Kind) {
        self.kinds.insert(kind.name().to_owned());
    }

    /// Whether placeholders of this type can occur.
    pub(crate) fn is_type(&self, name: &str) -> bool {
        Kind::is_built_in(name) || self.kinds.contains(name)
    }

    /// Whether exactly this placeholder was issued.
    pub(crate) fn issued(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// How many placeholders of each kind were issued; for the record.
    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        let mut counts = BTreeMap::new();
        for entry in self.entries.values() {
            *counts.entry(entry.kind.clone()).or_default() += 1;
        }
        counts
    }

    /// The placeholder for a hit; a new one for a new value. Another spelling of the same value
    /// gets the same number and a version, so that each comes back byte for byte.
    pub(crate) fn issue(&mut self, hit: &Hit, surface: &str, known: &Known) -> String {
        let number = self.number(&hit.kind, &hit.canonical);
        let base = format!("{}_{number}", hit.kind.name());
        let mut stem = base.clone();
        if let Some((index, part)) = hit.person
            && let Some(person) = known.person(index)
        {
            // All forms the model may need, in the CRM's own spelling.
            let forms = [
                (Part::Full, person.full()),
                (Part::First, person.first.trim().to_owned()),
                (Part::Last, person.last.trim().to_owned()),
            ];
            for (part, original) in forms {
                let name = format!("{base}{}", part.suffix());
                if !original.is_empty() && !self.issued(&name) {
                    let kind = hit.kind.clone();
                    self.entries.insert(name, Entry { kind, number, original });
                }
            }
            stem.push_str(part.suffix());
        }
        let mut name = stem.clone();
        let mut version = 1;
        loop {
            match self.entries.get(&name) {
                Some(entry) if entry.original == surface => return name,
                // Somebody plays with spellings: further ones are values of their own.
                Some(_) if version == MOST_VERSIONS => {
                    let own = format!("… {surface}");
                    return self.issue(
                        &Hit { canonical: own, person: None, ..hit.clone() },
                        surface,
                        known,
                    );
                }
                Some(_) => {
                    version += 1;
                    name = format!("{stem}_V{version}");
                }
                None => {
                    let original = surface.to_owned();
                    let kind = hit.kind.clone();
                    self.entries.insert(name.clone(), Entry { kind, number, original });
                    return name;
                }
            }
        }
    }

    fn number(&mut self, kind: &Kind, canonical: &str) -> u32 {
        let key = (kind.clone(), canonical.to_owned());
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let before = if self.stored.is_empty() {
            None
        } else {
            self.stored.get(&(kind.clone(), self.key.lookup(kind, canonical))).copied()
        };
        let number = before.unwrap_or_else(|| {
            let last = self.last.entry(kind.clone()).or_default();
            *last += 1;
            *last
        });
        self.numbers.insert(key, number);
        number
    }

    /// Puts the originals back, in one pass: restored text is not looked at again. Understands
    /// the ways models misspell placeholders.
    pub fn restore(&self, text: &str, to: Destination) -> Restored {
        self.release(text, to, &Release::default())
    }

    /// As [`Mapping::restore`], and keeps to what policy says may be put back there.
    pub fn release(&self, text: &str, to: Destination, release: &Release) -> Restored {
        let mut out = String::with_capacity(text.len());
        let mut unrestored = Vec::new();
        let mut used: Vec<Used> = Vec::new();
        let mut end = 0;
        for token in tokens(text, |name| self.is_type(name)) {
            out.push_str(&text[end..token.at.start]);
            end = token.at.end;
            let placeholder = format!("[{}]", token.name);
            match self.entries.get(&token.name) {
                Some(entry) if release.may(&entry.kind, to) => {
                    out.push_str(&entry.original);
                    match used.iter_mut().find(|used| used.placeholder == placeholder) {
                        Some(used) => used.count += 1,
                        None => used.push(Used {
                            placeholder,
                            kind: entry.kind.clone(),
                            count: 1,
                            original: entry.original.clone(),
                        }),
                    }
                    continue;
                }
                Some(entry) => {
                    unrestored.push(Unrestored::Withheld { placeholder, kind: entry.kind.clone() });
                }
                None => unrestored.push(Unrestored::Unknown { placeholder }),
            }
            out.push_str(&text[token.at]);
        }
        out.push_str(&text[end..]);
        Restored { text: out, unrestored, used }
    }

    /// What stands for a person: the values their identifiers give, found by their keyed hashes,
    /// and whatever else shows their full name, family name, address, user name or number; if `alone`,
    /// without others of the same family.
    fn of(&self, person: &Person, alone: bool) -> BTreeSet<(Kind, u32)> {
        let values = person.values();
        let known = Known::new(vec![person.clone()], &[]);
        let mut theirs: BTreeSet<(Kind, u32)> = values
            .iter()
            .filter_map(|(kind, canonical)| {
                let hash = self.key.lookup(kind, canonical);
                let number = self.stored.get(&(kind.clone(), hash)).copied();
                let number = number
                    .or_else(|| self.numbers.get(&(kind.clone(), canonical.clone())).copied());
                Some((kind.clone(), number?))
            })
            .collect();
        for entry in self.entries.values() {
            if known.names(&entry.original, alone) {
                theirs.insert((entry.kind.clone(), entry.number));
            }
        }
        theirs
    }

    /// The placeholders that stand for a person, with the type and the original of each.
    pub fn standing_for(&self, person: &Person) -> Vec<(String, Kind, String)> {
        let theirs = self.of(person, true);
        self.entries
            .iter()
            .filter(|(_, entry)| theirs.contains(&(entry.kind.clone(), entry.number)))
            .map(|(name, entry)| (format!("[{name}]"), entry.kind.clone(), entry.original.clone()))
            .collect()
    }

    /// Forgets everything that stands for a person, and rather too much than too little: others of the
    /// same family get new placeholders. Their numbers are not given to anybody else. How
    /// many placeholders went.
    pub fn forget(&mut self, person: &Person) -> usize {
        let gone = self.of(person, false);
        let before = self.entries.len();
        self.entries.retain(|_, entry| !gone.contains(&(entry.kind.clone(), entry.number)));
        self.stored.retain(|(kind, _), number| !gone.contains(&(kind.clone(), *number)));
        self.numbers.retain(|(kind, _), number| !gone.contains(&(kind.clone(), *number)));
        before - self.entries.len()
    }
}
