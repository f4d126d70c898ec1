//! What each placeholder stands for, and how the originals come back.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use zeroize::{Zeroize, Zeroizing};

use crate::{
    detect::Hit,
    kind::Kind,
    known::{Known, Part},
    placeholder::tokens,
};

/// The most spellings of one value that share its number.
const MOST_VERSIONS: usize = 32;

/// Where restored text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To a customer, or anywhere else outside: secrets, cards and national ids stay hidden.
    Outward,
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

/// A text with originals put back.
#[derive(Clone, PartialEq, Eq)]
pub struct Restored {
    /// The text. Placeholders that were not restored are still in it.
    pub text: String,
    /// What was not restored, in order.
    pub unrestored: Vec<Unrestored>,
}

/// Stored bytes are no mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored placeholders cannot be read: {0}")]
pub struct MappingError(&'static str);

struct Entry {
    kind: Kind,
    original: String,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.original.zeroize();
    }
}

/// Placeholder to original, for one session (a run). Not serializable but through
/// [`Mapping::to_bytes`], whose result the caller seals.
#[derive(Default)]
pub struct Mapping {
    /// Names of all types that can occur, beyond the built-in ones.
    kinds: BTreeSet<String>,
    entries: BTreeMap<String, Entry>,
    /// The number of each value: type and canonical form.
    numbers: BTreeMap<(Kind, String), u32>,
    last: HashMap<Kind, u32>,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.keys()).finish()
    }
}

impl Mapping {
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
                    self.entries.insert(name, Entry { kind: hit.kind.clone(), original });
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
                    self.entries.insert(name.clone(), Entry { kind: hit.kind.clone(), original });
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
        let last = self.last.entry(kind.clone()).or_default();
        *last += 1;
        self.numbers.insert(key, *last);
        *last
    }

    /// Puts the originals back, in one pass: restored text is not looked at again. Understands
    /// the ways models misspell placeholders.
    pub fn restore(&self, text: &str, to: Destination) -> Restored {
        let mut out = String::with_capacity(text.len());
        let mut unrestored = Vec::new();
        let mut end = 0;
        for token in tokens(text, |name| self.is_type(name)) {
            out.push_str(&text[end..token.at.start]);
            end = token.at.end;
            match self.entries.get(&token.name) {
                Some(entry) if to == Destination::Inward || entry.kind.may_go_out() => {
                    out.push_str(&entry.original);
                    continue;
                }
                Some(entry) => unrestored.push(Unrestored::Withheld {
                    placeholder: format!("[{}]", token.name),
                    kind: entry.kind.clone(),
                }),
                None => unrestored
                    .push(Unrestored::Unknown { placeholder: format!("[{}]", token.name) }),
            }
            out.push_str(&text[token.at]);
        }
        out.push_str(&text[end..]);
        Restored { text: out, unrestored }
    }

    /// The mapping as bytes, in the clear: seal them at once.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![1_u8]);
        let mut put = |text: &str| {
            out.extend_from_slice(&(text.len() as u64).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        };
        put(&self.kinds.len().to_string());
        for kind in &self.kinds {
            put(kind);
        }
        put(&self.entries.len().to_string());
        for (name, entry) in &self.entries {
            put(name);
            put(entry.kind.name());
            put(&entry.original);
        }
        put(&self.numbers.len().to_string());
        for ((kind, canonical), number) in &self.numbers {
            put(kind.name());
            put(canonical);
            put(&number.to_string());
        }
        out
    }

    /// Reads back what [`Mapping::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MappingError> {
        let mut rest = bytes.strip_prefix(&[1]).ok_or(MappingError("unknown version"))?;
        let mut mapping = Self::default();
        for _ in 0..count(&mut rest)? {
            let kind = take(&mut rest)?.to_owned();
            mapping.kinds.insert(kind);
        }
        for _ in 0..count(&mut rest)? {
            let name = take(&mut rest)?.to_owned();
            let kind = kind(&mut rest)?;
            let original = take(&mut rest)?.to_owned();
            mapping.entries.insert(name, Entry { kind, original });
        }
        for _ in 0..count(&mut rest)? {
            let kind = kind(&mut rest)?;
            let canonical = take(&mut rest)?.to_owned();
            let number: u32 = take(&mut rest)?.parse().map_err(|_| MappingError("no number"))?;
            let last = mapping.last.entry(kind.clone()).or_default();
            *last = number.max(*last);
            mapping.numbers.insert((kind, canonical), number);
        }
        if rest.is_empty() { Ok(mapping) } else { Err(MappingError("too long")) }
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a str, MappingError> {
    let (length, tail) = rest.split_first_chunk::<8>().ok_or(MappingError("cut off"))?;
    let length =
        usize::try_from(u64::from_le_bytes(*length)).map_err(|_| MappingError("too long"))?;
    let (text, tail) = tail.split_at_checked(length).ok_or(MappingError("cut off"))?;
    *rest = tail;
    std::str::from_utf8(text).map_err(|_| MappingError("not UTF-8"))
}

fn count(rest: &mut &[u8]) -> Result<usize, MappingError> {
    take(rest)?.parse().map_err(|_| MappingError("no count"))
}

fn kind(rest: &mut &[u8]) -> Result<Kind, MappingError> {
    Kind::named(take(rest)?).map_err(|_| MappingError("unknown type"))
}
