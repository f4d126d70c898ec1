//! The words of a text and what sort of part of a name each can be.

#![expect(
    clippy::too_many_lines,
    clippy::match_same_arms,
    reason = "tables of words and letters, in the order of their meaning"
)]

use std::ops::Range;

use crate::{
    fold::bare,
    lexicon::{Entry, look_up},
};

/// How a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Capital,
    Upper,
    /// `GitHub`, `iPhone`
    Mixed,
}

/// What part of a name a word can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Surely a given name.
    Given,
    /// A given name that is a word too.
    GivenWord,
    /// A family name.
    Family,
    /// A family name that is a word too.
    FamilyWord,
    /// A family name that is an ordinary word, a title or a particle otherwise: only after a
    /// given name.
    Weak,
    /// A name few have.
    Rare,
    /// Nothing is known of it.
    Unknown,
    Place,
    Brand,
    Initial,
    Particle,
    /// `Mr`, `Frau`
    Title,
    /// `GmbH`, `Labs`, `University`
    Organisation,
    /// An ordinary word.
    Ordinary,
}

impl Sort {
    pub(super) const fn may_begin(self) -> bool {
        !matches!(
            self,
            Self::Title | Self::Organisation | Self::Ordinary | Self::Particle | Self::Weak
        )
    }

    pub(super) const fn may_continue(self) -> bool {
        !matches!(self, Self::Title | Self::Organisation | Self::Ordinary)
    }

    pub(super) const fn is_given(self) -> bool {
        matches!(self, Self::Given | Self::GivenWord)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) case: Case,
    pub(super) entry: Entry,
    pub(super) sort: Sort,
    /// Whether it is part of something found already.
    pub(super) taken: bool,
}

impl Word {
    pub(super) const fn is_capital(&self) -> bool {
        !matches!(self.case, Case::Lower)
    }

    /// Points for a word that is all there is.
    pub(super) fn alone(&self) -> i32 {
        match self.sort {
            Sort::Given => match self.entry.given() {
                4 => 17,
                3 => 15,
                _ => 11,
            },
            Sort::Rare | Sort::Family => 7,
            Sort::GivenWord => 5,
            Sort::Unknown => 4,
            Sort::Place if self.entry.given() >= 3 => 4,
            Sort::FamilyWord | Sort::Place => 1,
            Sort::Brand if self.entry.given() >= 4 => 2,
            _ => -20,
        }
    }

    /// Points for the first word of several.
    pub(super) fn leading(&self) -> i32 {
        match self.sort {
            Sort::Given => 15,
            Sort::Family => 9,
            Sort::Rare => 9,
            Sort::GivenWord => 9,
            Sort::Unknown => 7,
            Sort::Initial => 6,
            Sort::Place if self.entry.given() >= 3 => 9,
            Sort::Place => 2,
            Sort::FamilyWord => 3,
            Sort::Brand if self.entry.given() >= 3 => 6,
            _ => -20,
        }
    }

    /// Points for the last word of several.
    pub(super) fn closing(&self) -> i32 {
        match self.sort {
            Sort::Family => 12,
            Sort::Given => 10,
            Sort::Rare => 9,
            Sort::Unknown => 7,
            Sort::FamilyWord | Sort::GivenWord => 6,
            Sort::Weak => 4,
            Sort::Place if self.entry.family() >= 1 => 6,
            Sort::Place => 1,
            Sort::Brand if self.entry.family() >= 2 => 3,
            _ => -20,
        }
    }

    /// Whether small letters can write a name of it.
    pub(super) const fn may_be_lower(&self) -> bool {
        self.end - self.start >= 3
            && (self.entry.is_name() || self.entry.is_unknown())
            && !self.entry.is_brand()
            && !self.entry.is_place()
    }
}

/// The key under which a word is known: lower case, no diacritics, no apostrophes or hyphens.
pub(super) fn key(word: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(word.len());
    if word.is_ascii() {
        key.extend(
            word.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()),
        );
        return key;
    }
    for c in word.chars() {
        for c in bare(c) {
            if c.is_ascii_alphanumeric() {
                key.push(c.to_ascii_lowercase() as u8);
            } else if let Some(latin) = latin(c) {
                key.extend_from_slice(latin.as_bytes());
            } else if c.is_alphabetic() {
                let mut bytes = [0; 4];
                key.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
            }
        }
    }
    key
}

/// Cyrillic and Greek letters as passports write them.
const fn latin(c: char) -> Option<&'static str> {
    Some(match c {
        'а' | 'α' => "a",
        'б' => "b",
        'в' | 'β' => "v",
        'г' | 'γ' => "g",
        'д' | 'δ' => "d",
        'е' | 'э' | 'ё' | 'ε' => "e",
        'ж' => "zh",
        'з' | 'ζ' => "z",
        'и' | 'і' | 'ι' | 'η' => "i",
        'й' | 'ы' | 'υ' => "y",
        'к' | 'κ' => "k",
        'л' | 'λ' => "l",
        'м' | 'μ' => "m",
        'н' | 'ν' => "n",
        'о' | 'ο' | 'ω' => "o",
        'п' | 'π' => "p",
        'р' | 'ρ' => "r",
        'с' | 'σ' | 'ς' => "s",
        'т' | 'τ' => "t",
        'у' => "u",
        'ф' | 'φ' => "f",
        'х' => "kh",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "shch",
        'ю' => "yu",
        'я' => "ya",
        'ь' | 'ъ' => "",
        'є' => "ye",
        'ї' => "yi",
        'ґ' => "g",
        'θ' => "th",
        'ξ' => "x",
        'χ' => "ch",
        'ψ' => "ps",
        _ => return None,
    })
}

/// Lower-case words within names.
pub(super) fn is_particle(word: &str) -> bool {
    matches!(
        word,
        "van"
            | "von"
            | "de"
            | "da"
            | "di"
            | "del"
            | "della"
            | "der"
            | "den"
            | "la"
            | "le"
            | "el"
            | "al"
            | "bin"
            | "binti"
            | "ben"
            | "ibn"
            | "ter"
            | "ten"
            | "dos"
            | "das"
            | "do"
            | "du"
            | "af"
            | "zu"
            | "y"
            | "e"
            | "het"
            | "vom"
            | "zur"
            | "dalla"
            | "degli"
            | "lo"
            | "des"
            | "av"
            | "op"
            | "bint"
            | "abu"
            | "dela"
            | "delos"
    )
}

/// The words of a text. `taken` are spans, in order, that something else has.
pub(super) fn words(text: &str, taken: &[Range<usize>]) -> Vec<Word> {
    let bytes = text.as_bytes();
    let mut words = Vec::with_capacity(text.len() / 6);
    let mut taken = taken.iter().peekable();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte < 0x80 && !byte.is_ascii_alphabetic() {
            at += 1;
            // A word does not begin inside a number or an identifier.
            if byte.is_ascii_digit() || byte == b'_' {
                while bytes
                    .get(at)
                    .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                {
                    at += 1;
                }
            }
            continue;
        }
        let start = at;
        let mut ascii = true;
        let mut upper = 0_usize;
        let mut lower = 0_usize;
        let mut first_upper = false;
        let mut identifier = false;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte.is_ascii_lowercase() {
                lower += 1;
                at += 1;
            } else if byte.is_ascii_uppercase() {
                first_upper |= at == start;
                upper += 1;
                at += 1;
            } else if byte >= 0x80 {
                let Some(c) = text[at..].chars().next() else { break };
                let joins = matches!(c, '’' | 'ʼ' | '‘')
                    && at > start
                    && text[at + c.len_utf8()..].starts_with(char::is_alphabetic);
                if !c.is_alphabetic() && !joins {
                    break;
                }
                ascii = false;
                if c.is_uppercase() {
                    first_upper |= at == start;
                    upper += 1;
                } else if c.is_lowercase() {
                    lower += 1;
                }
                at += c.len_utf8();
            } else if matches!(byte, b'\'' | b'-')
                && at > start
                && bytes
                    .get(at + 1)
                    .is_some_and(|next| next.is_ascii_alphabetic() || *next >= 0xc3 && *next < 0xe2)
            {
                at += 1;
            } else {
                identifier = byte.is_ascii_digit() || byte == b'_';
                break;
            }
        }
        if at == start {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        }
        if identifier {
            // `user2`, `sku_id`: no word, but what comes after may be one.
            while bytes
                .get(at)
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_'))
            {
                at += 1;
            }
            continue;
        }
        let mut end = at;
        let whole = &text[start..end];
        // The genitive is no part of the name.
        for tail in ["'s", "’s", "'S"] {
            let pronoun = matches!(
                &*whole.to_ascii_lowercase(),
                "it's"
                    | "he's"
                    | "she's"
                    | "that's"
                    | "what's"
                    | "here's"
                    | "there's"
                    | "who's"
                    | "let's"
                    | "it’s"
                    | "here’s"
            );
            if !pronoun && whole.len() > tail.len() + 1 && whole.ends_with(tail) {
                end -= tail.len();
                lower = lower.saturating_sub(1);
                break;
            }
        }
        while taken.peek().is_some_and(|span| span.end <= start) {
            taken.next();
        }
        let is_taken = taken.peek().is_some_and(|span| span.start < end);
        let letters = upper + lower;
        let case = if !first_upper {
            if upper == 0 { Case::Lower } else { Case::Mixed }
        } else if letters > 1 && lower == 0 {
            Case::Upper
        } else if upper > 1 && !joined(&text[start..end]) {
            Case::Mixed
        } else {
            Case::Capital
        };
        let mut word = Word {
            start,
            end,
            case,
            entry: Entry::default(),
            sort: Sort::Ordinary,
            taken: is_taken,
        };
        if !is_taken {
            // `A. Eze`, but not the end of a sentence: "plan A. The".
            let initial = bytes.get(end) == Some(&b'.')
                && words.last().is_some_and(|last: &Word| {
                    last.is_capital()
                        && matches!(
                            last.sort,
                            Sort::Given
                                | Sort::GivenWord
                                | Sort::Unknown
                                | Sort::Rare
                                | Sort::Family
                                | Sort::Initial
                        )
                        && start == last.end + 1
                });
            classify(&mut word, &text[start..end], ascii, initial);
        }
        words.push(word);
    }
    words
}

/// Whether capitals inside a word are those of a name: `McDonald`, `O'Brien`, `Jean-Luc`, `DeAngelo`.
fn joined(word: &str) -> bool {
    word.contains(['-', '\'', '’'])
        && !word.split(['-', '\'', '’']).any(|part| part.chars().skip(1).any(char::is_uppercase))
        || ["Mc", "Mac", "De", "Di", "La", "Le", "Van", "Fitz", "Da", "Del", "Ng", "Al", "El"]
            .iter()
            .any(|head| {
                word.strip_prefix(head).is_some_and(|rest| {
                    rest.starts_with(char::is_uppercase)
                        && rest.chars().skip(1).all(char::is_lowercase)
                        && rest.len() >= 3
                })
            })
}

fn classify(word: &mut Word, text: &str, ascii: bool, initial: bool) {
    let mut buffer = [0_u8; 32];
    let owned;
    let key: &[u8] = if ascii && text.len() <= 32 {
        let mut length = 0;
        for byte in text.bytes().filter(u8::is_ascii_alphabetic) {
            buffer[length] = byte.to_ascii_lowercase();
            length += 1;
        }
        &buffer[..length]
    } else {
        owned = key_of(text);
        &owned
    };
    word.entry = look_up(key);
    if word.entry.is_unknown() && text.contains('-') {
        // `Hans-Friedrich`: as good as its best part, if all parts can be names.
        let parts: Vec<Entry> = text.split('-').map(|part| look_up(&key_of(part))).collect();
        let names = parts.iter().filter(|entry| entry.is_name()).count();
        let words = parts.iter().filter(|entry| entry.is_word() && !entry.is_name()).count();
        if words == 0 && names > 0 {
            word.entry = parts
                .into_iter()
                .max_by_key(|entry| (!entry.is_word(), entry.given()))
                .unwrap_or_default();
        } else if words > 0 {
            word.sort = Sort::Ordinary;
            return;
        }
    }
    if word.case == Case::Lower {
        if is_particle(text) {
            word.sort = Sort::Particle;
        }
        return;
    }
    word.sort = sort(word, key, text, initial);
    let weak = matches!(word.sort, Sort::Ordinary | Sort::Title | Sort::Particle);
    let role = matches!(
        key,
        b"head"
            | b"lead"
            | b"chief"
            | b"senior"
            | b"team"
            | b"junior"
            | b"doctor"
            | b"monday"
            | b"friday"
            | b"mr"
            | b"the"
            | b"and"
            | b"on"
            | b"so"
    );
    if weak
        && (word.entry.family() >= 2 && !role || !ascii && word.entry.family() >= 1)
        && word.case == Case::Capital
    {
        word.sort = Sort::Weak;
    }
}

fn key_of(text: &str) -> Vec<u8> {
    key(text)
}

fn sort(word: &Word, key: &[u8], text: &str, initial: bool) -> Sort {
    let entry = word.entry;
    let key = std::str::from_utf8(key).unwrap_or_default();
    if text.chars().count() == 1 {
        return if text.starts_with(['I', 'A']) && !initial {
            Sort::Ordinary
        } else {
            Sort::Initial
        };
    }
    if is_title(key) {
        return Sort::Title;
    }
    // `ASA` is a company, `Åsa` a person.
    let short =
        key.len() <= 3 && word.case == Case::Capital && (entry.given() >= 2 || !text.is_ascii());
    if is_organisation(key) && !short {
        return Sort::Organisation;
    }
    if is_time(key) && !matches!(key, "april" | "june" | "august" | "may") || is_stop(key) {
        return Sort::Ordinary;
    }
    if is_particle(key) && key.len() <= 4 {
        return Sort::Particle;
    }
    if word.case == Case::Upper && key.len() <= 3 && (entry.given() < 3) {
        return Sort::Ordinary;
    }
    if word.case == Case::Upper && !entry.is_name() {
        return if entry.is_word() || key.len() <= 6 { Sort::Ordinary } else { Sort::Unknown };
    }
    if word.case == Case::Mixed {
        return if entry.given() >= 3 && !entry.is_brand() { Sort::Rare } else { Sort::Ordinary };
    }
    if entry.is_brand() {
        return Sort::Brand;
    }
    if entry.is_place() {
        return Sort::Place;
    }
    if entry.is_word() {
        // Words that hardly anybody takes for one, though dictionaries have them: `Peter`, `Maria`.
        if entry.given() >= 4 && is_plainly_given(key) {
            return Sort::Given;
        }
        if entry.given() >= 3 || entry.given() >= 2 && !entry.is_common() {
            return Sort::GivenWord;
        }
        return if entry.family() >= 2 || entry.family() >= 1 && !entry.is_common() {
            Sort::FamilyWord
        } else {
            Sort::Ordinary
        };
    }
    if entry.given() >= 2 && (entry.family() < 3 || entry.given() >= 4) {
        return Sort::Given;
    }
    if entry.family() >= 2 {
        return Sort::Family;
    }
    if entry.is_name() {
        return Sort::Rare;
    }
    if family_like(key) { Sort::Family } else { Sort::Unknown }
}

/// Endings that make a word a family name in some language.
fn family_like(key: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "nen", "sson", "ssen", "sen", "vic", "wicz", "ski", "ska", "sky", "ova", "eva", "enko",
        "chuk", "czyk", "oglu", "yan", "shvili", "idis", "poulos", "akis", "escu", "eanu", "swamy",
        "kar", "wala", "dottir", "quist", "qvist", "strom", "berg", "stein", "mann", "baum",
        "feld", "bach", "inski", "ovsky", "elli", "etti", "ini", "ucci", "ez", "eira", "inho",
        "sma", "stra", "nikov", "kov", "nov", "rov", "lev", "yev", "enberg", "huis", "moto",
        "mura", "yama", "shita", "kawa", "zadeh", "pour", "ullah", "eddin", "aitis", "auskas",
        "unas", "oja", "ek", "ik", "ak",
    ];
    key.len() >= 6 && ENDINGS.iter().any(|ending| key.ends_with(ending))
}

/// Given names that dictionaries have as words although nobody means the word.
fn is_plainly_given(key: &str) -> bool {
    const NAMES: &str = "john peter maria heather roger harry billy randy bonnie bobby victor martin dale lee jimmy tony chad jasmine sherry troy mike sally jay warren don colleen rosemary tom derrick glen patsy brad rick sandy hector bob guy tanner carol derek timothy jack nelson robin jerry larry dan ted sam ben kim julian andrew steven stephen eric alan gary craig keith kenny jenny betty molly polly lucy nancy daisy veronica geneva margarita marina phoebe esther ester aline clement christen jarred eddy beryl fanny rod rob garret ken matt barney josh jock jill joe jo abigail job dexter rufus rex ira bruno louis leo leon ed";
    NAMES.split(' ').any(|name| name == key)
}

pub(super) fn is_title(key: &str) -> bool {
    matches!(
        key,
        "mr" | "mrs"
            | "ms"
            | "miss"
            | "mx"
            | "dr"
            | "prof"
            | "professor"
            | "doctor"
            | "herr"
            | "frau"
            | "herrn"
            | "hr"
            | "fr"
            | "sr"
            | "sra"
            | "srta"
            | "senor"
            | "senora"
            | "don"
            | "dona"
            | "monsieur"
            | "madame"
            | "mme"
            | "mlle"
            | "signor"
            | "signora"
            | "sig"
            | "sigra"
            | "dott"
            | "dottssa"
            | "ing"
            | "pan"
            | "pani"
            | "pana"
            | "mevr"
            | "mevrouw"
            | "meneer"
            | "dhr"
            | "fru"
            | "sayin"
            | "bay"
            | "bayan"
            | "shri"
            | "smt"
            | "sri"
            | "sir"
            | "madam"
            | "maam"
            | "mister"
            | "rev"
            | "capt"
            | "captain"
            | "sgt"
            | "judge"
            | "senator"
            | "lic"
            | "mag"
            | "dipl"
            | "gospodin"
            | "gospoda"
            | "ibu"
            | "bapak"
            | "pak"
            | "bu"
            | "sheikh"
            | "haji"
            | "ustadz"
    )
}

fn is_organisation(key: &str) -> bool {
    matches!(
        key,
        "gmbh"
            | "ag"
            | "inc"
            | "llc"
            | "ltd"
            | "limited"
            | "corp"
            | "corporation"
            | "co"
            | "company"
            | "plc"
            | "kg"
            | "ohg"
            | "ug"
            | "bv"
            | "nv"
            | "sa"
            | "sas"
            | "sarl"
            | "srl"
            | "spa"
            | "sl"
            | "slu"
            | "ab"
            | "as"
            | "asa"
            | "aps"
            | "oy"
            | "oyj"
            | "kk"
            | "pty"
            | "pte"
            | "sdn"
            | "bhd"
            | "doo"
            | "sro"
            | "kft"
            | "zrt"
            | "llp"
            | "lp"
            | "group"
            | "gruppe"
            | "groupe"
            | "grupo"
            | "gruppo"
            | "holding"
            | "holdings"
            | "partners"
            | "associates"
            | "labs"
            | "lab"
            | "laboratories"
            | "systems"
            | "technologies"
            | "technology"
            | "tech"
            | "software"
            | "solutions"
            | "services"
            | "consulting"
            | "consultants"
            | "industries"
            | "enterprises"
            | "international"
            | "global"
            | "media"
            | "health"
            | "healthcare"
            | "retail"
            | "logistics"
            | "energy"
            | "capital"
            | "ventures"
            | "bank"
            | "insurance"
            | "foods"
            | "pharma"
            | "pharmaceuticals"
            | "motors"
            | "airlines"
            | "airways"
            | "university"
            | "school"
            | "institute"
            | "foundation"
            | "hospital"
            | "clinic"
            | "council"
            | "ministry"
            | "department"
            | "team"
            | "studio"
            | "studios"
            | "digital"
            | "networks"
            | "network"
            | "analytics"
            | "dynamics"
            | "robotics"
            | "biotech"
            | "bio"
            | "financial"
            | "finance"
            | "investments"
            | "properties"
            | "realty"
            | "construction"
            | "engineering"
            | "manufacturing"
            | "supply"
            | "trading"
            | "stores"
            | "store"
            | "hotels"
            | "hotel"
            | "restaurant"
            | "bakery"
            | "brewery"
            | "coffee"
            | "cloud"
            | "data"
            | "ai"
            | "app"
            | "apps"
            | "platform"
            | "interactive"
            | "entertainment"
            | "games"
            | "gaming"
            | "telecom"
            | "communications"
            | "wireless"
            | "mobile"
            | "electric"
            | "electronics"
            | "semiconductor"
            | "aerospace"
            | "automotive"
            | "freight"
            | "shipping"
            | "travel"
            | "sons"
            | "brothers"
            | "bros"
            | "werke"
            | "stiftung"
            | "verein"
            | "trust"
            | "fund"
            | "agency"
            | "society"
            | "church"
            | "museum"
            | "library"
            | "theatre"
            | "airport"
            | "station"
            | "cafe"
            | "collective"
            | "cooperative"
            | "coop"
            | "union"
            | "federation"
            | "association"
            | "alliance"
            | "commerce"
            | "marketing"
            | "design"
            | "security"
            | "cyber"
            | "payments"
            | "pay"
            | "express"
            | "direct"
            | "online"
            | "web"
            | "net"
            | "hq"
            | "hub"
            | "ecosystem"
            | "edition"
            | "suite"
            | "cluster"
            | "server"
            | "docs"
            | "api"
            | "sdk"
            | "integration"
            | "connector"
            | "dashboard"
            | "release"
            | "sprint"
            | "method"
            | "theorem"
            | "algorithm"
            | "distribution"
            | "syndrome"
            | "act"
            | "award"
            | "prize"
            | "tower"
            | "building"
            | "stadium"
            | "street"
            | "avenue"
            | "road"
            | "lane"
            | "boulevard"
            | "square"
            | "county"
            | "city"
            | "airlink"
            | "wholesale"
            | "outfitters"
            | "apparel"
            | "sports"
            | "fitness"
            | "wellness"
            | "dental"
            | "medical"
            | "surgical"
            | "diagnostics"
            | "genomics"
            | "therapeutics"
            | "sciences"
            | "research"
            | "academy"
            | "learning"
            | "education"
            | "publishing"
            | "press"
            | "news"
            | "times"
            | "gazette"
            | "records"
            | "music"
            | "films"
            | "pictures"
            | "productions"
            | "events"
            | "textiles"
            | "steel"
            | "mining"
            | "oil"
            | "gas"
            | "petroleum"
            | "solar"
            | "utilities"
            | "water"
            | "waste"
            | "recycling"
            | "farms"
            | "dairy"
            | "organics"
            | "nutrition"
            | "beverages"
            | "spirits"
            | "wines"
            | "furniture"
            | "interiors"
            | "architects"
            | "builders"
            | "contractors"
            | "plumbing"
            | "legal"
            | "advisors"
            | "advisory"
            | "wealth"
            | "equity"
            | "credit"
            | "lending"
            | "mortgage"
            | "savings"
            | "rentals"
            | "leasing"
            | "fleet"
            | "transport"
            | "cargo"
            | "couriers"
            | "delivery"
            | "packaging"
            | "plastics"
            | "chemicals"
            | "materials"
            | "components"
            | "instruments"
            | "tools"
            | "machinery"
            | "equipment"
            | "optics"
            | "photonics"
            | "sensors"
            | "devices"
            | "hardware"
    )
}

/// Months and days.
fn is_time(key: &str) -> bool {
    matches!(
        key,
        "january"
            | "february"
            | "march"
            | "april"
            | "may"
            | "june"
            | "july"
            | "august"
            | "september"
            | "october"
            | "november"
            | "december"
            | "jan"
            | "feb"
            | "mar"
            | "apr"
            | "jun"
            | "jul"
            | "aug"
            | "sep"
            | "sept"
            | "oct"
            | "nov"
            | "dec"
            | "monday"
            | "tuesday"
            | "wednesday"
            | "thursday"
            | "friday"
            | "saturday"
            | "sunday"
            | "mon"
            | "tue"
            | "tues"
            | "wed"
            | "thu"
            | "thur"
            | "thurs"
            | "fri"
            | "sat"
            | "sun"
            | "januar"
            | "februar"
            | "marz"
            | "juni"
            | "juli"
            | "oktober"
            | "dezember"
            | "montag"
            | "dienstag"
            | "mittwoch"
            | "donnerstag"
            | "freitag"
            | "samstag"
            | "sonntag"
            | "lundi"
            | "mardi"
            | "mercredi"
            | "jeudi"
            | "vendredi"
            | "samedi"
            | "dimanche"
            | "lunes"
            | "martes"
            | "miercoles"
            | "jueves"
            | "viernes"
            | "sabado"
            | "domingo"
            | "enero"
            | "febrero"
            | "marzo"
            | "abril"
            | "mayo"
            | "junio"
            | "julio"
            | "agosto"
            | "septiembre"
            | "octubre"
            | "noviembre"
            | "diciembre"
            | "janvier"
            | "fevrier"
            | "mars"
            | "avril"
            | "mai"
            | "juin"
            | "juillet"
            | "aout"
            | "septembre"
            | "octobre"
            | "novembre"
            | "decembre"
            | "est"
            | "pst"
            | "gmt"
            | "utc"
            | "cet"
            | "ist"
            | "bst"
            | "christmas"
            | "easter"
    )
}

/// Words of greetings, letters, forms and prose in several languages that begin lines with a
/// capital, whatever else the lists say of them.
pub(super) fn is_stop(key: &str) -> bool {
    const WORDS: &str = "groetjes groeten grusse saludos cordialement kontoinhaber kontoinhaberin inhaber inhaberin empfanger empfangerin auftraggeber auftraggeberin ansprechpartner ansprechpartnerin titulaire intestatario intestataria rekeninghouder begunstigde beneficiario beneficiaire destinataire destinatario odbiorca mottagare modtager kunde kundin nací naci votre notre vos nos kun je jij jullie uw ons onze wij zij heb heeft kunnen graag betreff absender empfänger vorname nachname telefon adres adresse adresa imię nazwisko appel dossier facture commande bonjour the an and or but if in on at to from by for with of as is are was were be been this that these those it its we you he she they my your our their his her me us him them hi hello hey dear thanks thank regards best kind sincerely cheers please sorry yes no not ok okay so then than when where what which who why how can could would should shall might must do does did have has had get got let lets just also still here there now today tomorrow yesterday all any some each every more most other another new old same first last next per via re fw fwd subject date sent cc bcc note notes hallo guten tag sehr geehrte geehrter geehrten liebe lieber viele grusse gruss mit freundlichen freundliche danke bitte ich wir sie ihr ihre ihren unser unsere mein meine der die das den dem ein eine einen und oder aber wenn nicht nein ja hola buenos buenas dias tardes estimado estimada estimados gracias saludos por favor atentamente bonjour bonsoir madame monsieur merci cordialement bien cher chere je nous vous votre notre les des une est pas pour avec dans sur ciao buongiorno gentile grazie saluti cordiali il lo gli un una per con non del della ola bom boa obrigado obrigada atenciosamente prezado prezada hej hei moi kaere kare tack tak takk mvh med vanlig hilsen merhaba sayin tesekkurler iyi gunler dzien dobry czesc pozdrawiam dziekuje dobry den ahoj dekuji hoi beste geachte bedankt groet groeten betreft met vriendelijke re aw wg betreff objet asunto oggetto assunto emne onderwerp von an le el la los las support customer customers client account team agent user admin bot system sales service success manager director engineer lead head chief officer executive ceo cto cfo coo vp svp evp hr it pm qa csm ae sdr bdr am senior junior assistant analyst architect developer consultant specialist coordinator representative administrator owner founder president partner associate contact name phone email address street city state country zip order invoice ticket case ref id number status priority urgent important high low medium open closed pending resolved version release update upgrade error warning info debug fatal bug issue request response report data file files page link url http https html json xml csv pdf api sso saml scim sql aws gcp ios android windows mac linux chrome firefox safari true false null none yes na tbd tba asap fyi eta rsvp faq pin otp kyc iban bic swift nif nie dni ssn dob vat gdpr arr mrr nps qbr sla poc mvp usd eur gbp inr attn hr pty bonjour dear sent forwarded original message begin end call spoke kick off kickoff left hold onboarding login data identity return orders use card price checksum good morning afternoon evening plan pro basic premium enterprise starter business free trial workspace settings profile billing password token key keys secret credential english german french spanish italian portuguese dutch polish turkish russian chinese japanese korean hindi arabic hebrew swedish norwegian danish finnish greek czech hungarian romanian ukrainian american british european asian african canadian australian indian mexican brazilian swiss austrian irish scottish welsh christian muslim jewish hindu ms word excel outlook teams betreff datum gesendet envoye enviado para inviato oggetto amne skickat till fran onderwerp verzonden aan konu tarih kime kimden predmet komu targy cimzett felado subiect signature telefon tel fax mobil handy phone meeting agenda minutes action items summary overview next steps";
    static SET: std::sync::LazyLock<std::collections::HashSet<&'static str>> =
        std::sync::LazyLock::new(|| WORDS.split(' ').collect());
    SET.contains(key)
}

/// Whether a text is German enough for its nouns to have capitals.
pub(super) fn is_german(words: &[Word], text: &str) -> bool {
    let mut german = 0;
    let mut other = 0;
    for word in words.iter().filter(|word| word.case == Case::Lower).take(400) {
        match &text[word.start..word.end] {
            "der" | "die" | "das" | "und" | "ist" | "nicht" | "wir" | "ich" | "bitte" | "eine"
            | "einen" | "mit" | "für" | "auf" | "haben" | "wird" | "auch" | "bei" | "dem"
            | "den" | "von" | "sich" | "sind" | "unsere" | "ihre" | "zum" | "zur" => german += 1,
            "the" | "and" | "is" | "to" | "of" | "we" | "you" | "for" | "with" | "on" | "el"
            | "los" | "por" | "con" | "les" | "est" | "pour" | "il" | "che" | "het" | "een"
            | "que" => other += 1,
            _ => {}
        }
    }
    german > other && german >= 2
}

/// Calls back for every run of Han, Kana and Hangul characters.
pub(super) fn ideographs(text: &str, mut each: impl FnMut(Range<usize>)) {
    let mut start = None;
    for (at, c) in text.char_indices() {
        let inside = matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
        match (start, inside) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                each(from..at);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        each(from..text.len());
    }
}

/// How many bytes of a run are a name: a known family name with one or two characters, and a
/// title after it, a greeting before it, or a field around it.
pub(super) fn honoured(
    run: &str,
    _after: &str,
    _before: Option<char>,
    named: bool,
) -> Option<usize> {
    const TITLES: &[&str] = &[
        "様",
        "さん",
        "さま",
        "先生",
        "氏",
        "殿",
        "君",
        "女士",
        "小姐",
        "经理",
        "님",
        "씨",
        "部長",
        "課長",
        "社長",
        "대리",
        "과장",
        "부장",
        "선생님",
    ];
    const FAMILIES: &str = "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何高林罗羅郑鄭梁谢謝宋唐许許韩韓冯馮邓鄧曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민佐鈴高田渡伊山中小加吉佐斎松井木林清池橋石前藤後岡村近長坂遠青藤西福太三原";
    let chars: Vec<(usize, char)> = run.char_indices().collect();
    let length = |count: usize| chars.get(count).map_or(run.len(), |(at, _)| *at);
    for title in TITLES {
        if let Some(at) = run.find(title) {
            let before = run[..at].chars().count();
            if (1..=5).contains(&before) {
                return Some(at);
            }
            if before > 5 {
                // The name is the last few characters before the title.
                return None;
            }
        }
    }
    if named && (2..=8).contains(&chars.len()) {
        return Some(run.len());
    }
    let family = chars.first().is_some_and(|(_, c)| FAMILIES.contains(*c));
    (family && named).then(|| length(chars.len().min(4)))
}
