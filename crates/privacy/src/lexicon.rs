//! What a word is: a given name, a family name, a brand, a place, an English word.

use std::sync::LazyLock;

const CENSUS: &str = include_str!("../lexicon/census.txt");
const WORDS: &str = include_str!("../lexicon/words.txt");
const GIVEN: &str = include_str!("../lexicon/given.txt");
const FAMILY: &str = include_str!("../lexicon/family.txt");
const BRANDS: &str = include_str!("../lexicon/brands.txt");
const PLACES: &str = include_str!("../lexicon/places.txt");

/// What is known of a word in lower case without diacritics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry(u16);

impl Entry {
    const FAMILY_SHIFT: u32 = 3;
    const COMMON: u16 = 1 << 5;
    const WORD: u16 = 1 << 6;
    const BRAND: u16 = 1 << 7;
    const PLACE: u16 = 1 << 8;

    /// How common it is as a given name: 0 (never) to 4.
    pub(crate) const fn given(self) -> u16 {
        self.0 & 7
    }

    /// How common it is as a family name: 0 (never) to 3.
    pub(crate) const fn family(self) -> u16 {
        (self.0 >> Self::FAMILY_SHIFT) & 3
    }

    /// Whether it is a name of either sort.
    pub(crate) const fn is_name(self) -> bool {
        self.given() > 0 || self.family() > 0
    }

    /// Whether it is an English word.
    pub(crate) const fn is_word(self) -> bool {
        self.0 & (Self::WORD | Self::COMMON) != 0
    }

    /// Whether it is a common English word.
    pub(crate) const fn is_common(self) -> bool {
        self.0 & Self::COMMON != 0
    }

    /// Whether it is a product, a company or a tool.
    pub(crate) const fn is_brand(self) -> bool {
        self.0 & Self::BRAND != 0
    }

    /// Whether it is a place.
    pub(crate) const fn is_place(self) -> bool {
        self.0 & Self::PLACE != 0
    }

    /// Whether nothing is known of it.
    pub(crate) const fn is_unknown(self) -> bool {
        self.0 == 0
    }

    fn and_given(&mut self, tier: u16) {
        self.0 = self.0 & !7 | self.given().max(tier);
    }

    fn and_family(&mut self, tier: u16) {
        let family = self.family().max(tier);
        self.0 = self.0 & !(3 << Self::FAMILY_SHIFT) | family << Self::FAMILY_SHIFT;
    }
}

/// An open-addressing table of 32-bit fingerprints. Two of 300,000 words share a place and a
/// fingerprint with a chance that does not matter, so the words themselves are not kept.
struct Table {
    slots: Vec<(u32, Entry)>,
}

const SLOTS: usize = 1 << 19;

static TABLE: LazyLock<Table> = LazyLock::new(Table::read);

impl Table {
    fn read() -> Self {
        let mut table = Self { slots: vec![(0, Entry::default()); SLOTS] };
        front_coded(CENSUS, |word, class| {
            let class = u16::from(class - b'A');
            let entry = table.entry(word);
            entry.and_given(class / 4);
            entry.and_family(class % 4);
        });
        front_coded(WORDS, |word, class| {
            table.entry(word).0 |= if class == b'C' { Entry::COMMON } else { Entry::WORD };
        });
        for word in listed(GIVEN) {
            // Names of other origins are as good as the commonest here, unless they are words.
            table.entry(word).and_given(3);
        }
        for word in listed(FAMILY) {
            table.entry(word).and_family(2);
        }
        for word in listed(BRANDS) {
            table.entry(word).0 |= Entry::BRAND;
        }
        for word in listed(PLACES) {
            table.entry(word).0 |= Entry::PLACE;
        }
        table
    }

    fn place(&self, word: &[u8]) -> (usize, u32) {
        let hash = hash(word);
        let print = u32::try_from(hash >> 32).unwrap_or(0).max(1);
        let mut at = usize::try_from(hash & (SLOTS as u64 - 1)).unwrap_or(0);
        while self.slots[at].0 != 0 && self.slots[at].0 != print {
            at = (at + 1) % SLOTS;
        }
        (at, print)
    }

    fn entry(&mut self, word: &[u8]) -> &mut Entry {
        let (at, print) = self.place(word);
        self.slots[at].0 = print;
        &mut self.slots[at].1
    }
}

/// FNV-1a with a final mix, so that both halves of the hash depend on all letters.
fn hash(word: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in word {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^ hash >> 32
}

fn listed(text: &'static str) -> impl Iterator<Item = &'static [u8]> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split(' '))
        .filter(|word| !word.is_empty())
        .map(str::as_bytes)
}

/// Reads the format that `lexicon/README.md` describes.
fn front_coded(text: &str, mut each: impl FnMut(&[u8], u8)) {
    let mut word: Vec<u8> = Vec::with_capacity(32);
    let mut bytes = text.bytes().filter(|byte| *byte != b'\n');
    while let Some(shared) = bytes.next() {
        word.truncate(usize::from(shared - b'0'));
        for byte in bytes.by_ref() {
            if byte.is_ascii_lowercase() {
                word.push(byte);
            } else {
                each(&word, byte);
                break;
            }
        }
    }
}

/// What is known of a word, given in lower case without diacritics.
pub(crate) fn look_up(word: &[u8]) -> Entry {
    let (at, _) = TABLE.place(word);
    TABLE.slots[at].1
}

/// Reads the lists, so that the first text does not wait for them.
pub(crate) fn warm_up() {
    LazyLock::force(&TABLE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_names_brands_and_places_are_told_apart() {
        let entry = |word: &str| look_up(word.as_bytes());
        assert!(entry("maria").given() == 4 && entry("smith").family() == 3);
        assert!(entry("huttunen").family() > 0 && entry("boguslaw").given() > 0);
        assert!(entry("dashboard").is_word() && !entry("dashboard").is_name());
        assert!(
            entry("please").is_common() && entry("grace").is_word() && entry("grace").is_name()
        );
        assert!(entry("alexa").is_brand() && entry("austin").is_place());
        assert!(entry("qwrtzx").is_unknown());
    }
}
