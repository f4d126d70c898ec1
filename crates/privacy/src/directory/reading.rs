//! A text as the directory reads it: words and digits without disguise, with the way back.

use std::ops::Range;

use crate::fold::{self, Folded};

/// What stands between two words, as a bit of a set.
pub(super) type Gap = u8;
/// Nothing, white space within a paragraph, signs that join.
pub(super) const TIGHT: Gap = 1;
/// A full stop and white space.
pub(super) const STOP: Gap = 2;
/// A comma.
pub(super) const COMMA: Gap = 4;
/// A semicolon, colon, ampersand, number sign, or a bracket.
pub(super) const OTHER: Gap = 8;
/// A line's end, beside what else there is.
pub(super) const LINE: Gap = 16;
/// More than any value has in it.
pub(super) const HARD: Gap = 128;

/// A word: letters and digits without anything between them.
pub(super) struct Word {
    /// Bytes of the copy.
    pub(super) at: Range<usize>,
    /// In lower case, without diacritics and look-alikes.
    pub(super) key: String,
    /// The same with umlauts written out, where there are any.
    pub(super) written_out: Option<String>,
    /// Begins with a capital, or with a letter of a script without them.
    pub(super) capital: bool,
    /// Has two letters or more, and all are capitals.
    pub(super) capitals: bool,
}

/// A text, read.
pub(super) struct Reading {
    plain: Plain,
    folded: Folded,
    pub(super) words: Vec<Word>,
}

impl Reading {
    /// Reads a text, its tags left out if `bare`.
    pub(super) fn of(text: &str, bare: bool) -> Self {
        let plain = Plain::of(text, bare);
        let folded = Folded::of(&plain.text);
        let words = words(folded.text());
        Self { plain, folded, words }
    }

    pub(super) fn text(&self) -> &str {
        self.folded.text()
    }

    /// The bytes of the original behind a range of the copy.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        self.plain.source(self.folded.source_range(range))
    }

    /// What stands between a word and the next one.
    pub(super) fn between(&self, word: usize) -> &str {
        let end = self.words.get(word + 1).map_or_else(|| self.text().len(), |next| next.at.start);
        &self.text()[self.words[word].at.end..end]
    }

    pub(super) fn gap(&self, word: usize) -> Gap {
        gap(self.between(word))
    }
}

/// The folded words of a value, as one text, and how many there are.
pub(super) fn folded(value: &str) -> Vec<Word> {
    words(Folded::of(value).text())
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    let end_of = |start: &mut Option<usize>, end: usize, words: &mut Vec<Word>| {
        if let Some(start) = start.take()
            && let Some(word) = word(text, start..end)
        {
            words.push(word);
        }
    };
    for (at, c) in text.char_indices() {
        if stands_alone(c) {
            end_of(&mut start, at, &mut words);
            words.extend(word(text, at..at + c.len_utf8()));
        } else if c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c) {
            start.get_or_insert(at);
        } else {
            end_of(&mut start, at, &mut words);
        }
    }
    end_of(&mut start, text.len(), &mut words);
    words
}

fn word(text: &str, at: Range<usize>) -> Option<Word> {
    let shown = &text[at.clone()];
    let key = key(shown);
    if key.is_empty() {
        return None;
    }
    let mut letters = shown.chars().filter(|c| c.is_alphabetic());
    let first = shown.chars().next()?;
    Some(Word {
        at,
        key,
        written_out: written_out(shown).map(|text| self::key(&text)),
        capital: !first.is_lowercase(),
        capitals: letters.clone().count() > 1 && letters.all(char::is_uppercase),
    })
}

fn key(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let latin: String = word.chars().map(latin).collect();
    fold::skeleton(&latin).chars().filter(|c| c.is_alphanumeric()).map(latin_lower).collect()
}

/// German and Nordic letters written out, where a word has any.
fn written_out(word: &str) -> Option<String> {
    if word.is_ascii() {
        return None;
    }
    let out = fold::transliterate(word);
    (out != word).then_some(out)
}

/// Scripts that write without spaces: each character is a word.
const fn stands_alone(c: char) -> bool {
    matches!(c,
        '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{e01}'..='\u{e4e}'
        | '\u{20000}'..='\u{3134f}')
}

/// The Latin letter that a capital or small letter of another script is taken for.
const fn latin(c: char) -> char {
    match c {
        'Ν' => 'N',
        'Ζ' => 'Z',
        'Υ' | 'Ү' => 'Y',
        'ν' => 'v',
        'υ' | 'ս' => 'u',
        'η' => 'n',
        'Ѕ' => 'S',
        'Ј' => 'J',
        c => c,
    }
}

/// The Latin letter that a letter in lower case is taken for. Applied to values and texts alike,
/// so a name in another script is still found.
const fn latin_lower(c: char) -> char {
    match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'в' | 'β' | 'ʙ' => 'b',
        'с' | 'ϲ' | 'ᴄ' | 'ⅽ' => 'c',
        'ԁ' | 'ᴅ' | 'ɗ' => 'd',
        'е' | 'ε' | 'ҽ' | 'ᴇ' => 'e',
        'ꜰ' => 'f',
        'ɡ' | 'ց' | 'ɢ' => 'g',
        'н' | 'һ' | 'հ' | 'ʜ' => 'h',
        'і' | 'ι' | 'ɩ' | 'ɪ' | 'ӏ' | 'ı' => 'i',
        _ => latin_rest(c),
    }
}

const fn latin_rest(c: char) -> char {
    match c {
        'ј' | 'ϳ' | 'ᴊ' => 'j',
        'к' | 'κ' | 'ᴋ' => 'k',
        'ʟ' => 'l',
        'м' | 'μ' | 'ᴍ' => 'm',
        'ո' | 'ռ' | 'ɴ' => 'n',
        'о' | 'ο' | 'օ' | 'ᴏ' | 'σ' => 'o',
        'р' | 'ρ' | 'ᴘ' => 'p',
        'ԛ' => 'q',
        'ʀ' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' | 'ᴛ' => 't',
        'ᴜ' => 'u',
        'ѵ' | 'ᴠ' => 'v',
        'ԝ' | 'ᴡ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'ү' | 'γ' | 'ʏ' => 'y',
        'ᴢ' => 'z',
        c => c,
    }
}

fn gap(text: &str) -> Gap {
    let mut set = TIGHT;
    if text == " " || text.is_empty() {
        return set;
    }
    if text.len() > 24 || text.matches('\n').count() > 1 {
        return HARD;
    }
    let mut last = ' ';
    for c in text.chars() {
        set |= match c {
            '\n' => LINE,
            c if c.is_whitespace() && last == '.' => STOP,
            ',' | '،' | '、' => COMMA,
            ';' | ':' | '&' | '#' | '(' | ')' | '[' | ']' | '|' | '\\' => OTHER,
            '-' | '_' | '\'' | '’' | '‘' | '.' | '·' | '*' | '`' | '+' | '/' | '~' | '"' | '“'
            | '”' | '^' => TIGHT,
            // Quoted lines and soft line breaks.
            '>' | '=' if text.contains('\n') => TIGHT,
            c if c.is_whitespace() => TIGHT,
            _ => HARD,
        };
        last = c;
    }
    if text.contains(".\n") {
        set |= STOP;
    }
    set
}

/// A copy in which tags, named entities, percent-encoded and quoted-printable letters are undone.
struct Plain {
    text: String,
    /// Start and end in the original for each byte of the copy; none when they are the same.
    map: Option<Vec<(u32, u32)>>,
}

impl Plain {
    fn of(source: &str, bare: bool) -> Self {
        let marked = |c: u8| matches!(c, b'&' | b'%' | b'=') || (bare && c == b'<');
        if u32::try_from(source.len()).is_err() || !source.bytes().any(marked) {
            return Self { text: source.to_owned(), map: None };
        }
        let mut text = String::with_capacity(source.len());
        let mut map: Vec<(u32, u32)> = Vec::with_capacity(source.len());
        let mut at = 0;
        while let Some(c) = source[at..].chars().next() {
            let rest = &source[at..];
            let (shown, length) = match c {
                '&' => entity(rest),
                '%' | '=' => encoded(rest, c),
                '<' if bare => tag(rest),
                _ => None,
            }
            .map_or_else(|| (Some(c), c.len_utf8()), |(shown, length)| (shown, length));
            if let Some(shown) = shown {
                text.push(shown);
                #[expect(clippy::cast_possible_truncation, reason = "the length fits, see above")]
                map.resize(text.len(), (at as u32, (at + length) as u32));
            }
            at += length;
        }
        Self { text, map: Some(map) }
    }

    fn source(&self, range: Range<usize>) -> Range<usize> {
        match &self.map {
            None => range,
            Some(_) if range.is_empty() => 0..0,
            Some(map) => map[range.start].0 as usize..map[range.end - 1].1 as usize,
        }
    }
}

/// What a named entity at the start stands for, and its length. Numbered ones are the fold's.
fn entity(rest: &str) -> Option<(Option<char>, usize)> {
    let end = rest.bytes().take(10).position(|byte| byte == b';')?;
    let name = &rest[1..end];
    let length = end + 1;
    let known = match name {
        "amp" => Some('&'),
        "zwnj" | "zwj" | "shy" | "lrm" | "rlm" => return Some((None, length)),
        "ensp" | "emsp" | "thinsp" | "nbsp" => Some(' '),
        "commat" => Some('@'),
        "period" => Some('.'),
        "hyphen" | "dash" | "ndash" | "mdash" => Some('-'),
        "apos" | "rsquo" | "lsquo" => Some('\''),
        "plus" => Some('+'),
        "szlig" => Some('ß'),
        "aelig" => Some('æ'),
        "AElig" => Some('Æ'),
        "oelig" => Some('œ'),
        "eth" => Some('ð'),
        "thorn" => Some('þ'),
        "lstrok" => Some('ł'),
        "Lstrok" => Some('Ł'),
        "inodot" => Some('ı'),
        _ => None,
    };
    if let Some(known) = known {
        return Some((Some(known), length));
    }
    // `&eacute;`, `&Uuml;`, `&ccedil;`
    let letter = name.chars().next().filter(char::is_ascii_alphabetic)?;
    let mark = match &name[1..] {
        "acute" => '\u{301}',
        "grave" => '\u{300}',
        "circ" => '\u{302}',
        "tilde" => '\u{303}',
        "uml" => '\u{308}',
        "ring" => '\u{30a}',
        "cedil" => '\u{327}',
        "caron" => '\u{30c}',
        "breve" => '\u{306}',
        "ogon" => '\u{328}',
        "macr" => '\u{304}',
        "dot" => '\u{307}',
        "slash" => return Some((Some(if letter == 'O' { 'Ø' } else { 'ø' }), length)),
        _ => return None,
    };
    unicode_normalization::char::compose(letter, mark).map(|c| (Some(c), length))
}

/// A character of more than one byte as `%C3%BC` or `=C3=BC`, and a soft line break.
fn encoded(rest: &str, sign: char) -> Option<(Option<char>, usize)> {
    if sign == '=' {
        for end in ["=\r\n", "=\n"] {
            if rest.starts_with(end) {
                return Some((None, end.len()));
            }
        }
    }
    let byte = |index: usize| {
        let part = rest.get(index * 3..index * 3 + 3)?.strip_prefix(sign)?;
        u8::from_str_radix(part, 16).ok()
    };
    let first = byte(0)?;
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let bytes = (0..length).map(byte).collect::<Option<Vec<u8>>>()?;
    let c = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    Some((Some(c), length * 3))
}

/// A tag at the start: nothing, or a space where it ends a line or a cell.
fn tag(rest: &str) -> Option<(Option<char>, usize)> {
    let inside = &rest[1..];
    if !inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
        return None;
    }
    let end = rest.bytes().take(400).position(|byte| byte == b'>')?;
    let name: String = inside
        .trim_start_matches('/')
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_lowercase();
    let inline = ["a", "b", "i", "u", "em", "strong", "span", "font", "mark", "small", "wbr", ""];
    Some(((!inline.contains(&name.as_str())).then_some(' '), end + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(text: &str) -> Vec<String> {
        Reading::of(text, true).words.into_iter().map(|word| word.key).collect()
    }

    #[test]
    fn disguises_come_off_and_the_way_back_is_exact() {
        for (text, expected) in [
            ("Zo&euml; M&uuml;ller", vec!["zoe", "muller"]),
            ("M%C3%BCller M=C3=BCller", vec!["muller", "muller"]),
            ("Ja<b>ne</b> Doe<br>x", vec!["jane", "doe", "x"]),
            ("J\u{200b}ane D\u{3bf}e", vec!["jane", "doe"]),
            ("Ј\u{430}n\u{435}", vec!["jane"]),
            ("ＪＡＮＥ", vec!["jane"]),
            ("&amp;#74;ane", vec!["jane"]),
            ("田中", vec!["田", "中"]),
        ] {
            assert_eq!(keys(text), expected, "{text}");
        }
        let reading = Reading::of("Hi M%C3%BCller!", false);
        let at = reading.source(reading.words[1].at.clone());
        assert_eq!(&"Hi M%C3%BCller!"[at], "M%C3%BCller");
    }

    proptest! {
        #[test]
        fn every_word_has_a_place_in_the_original(text in "\\PC{0,60}|[<>a-z/&;%=C3B \n.]{0,60}") {
            for bare in [true, false] {
                let reading = Reading::of(&text, bare);
                for word in &reading.words {
                    let at = reading.source(word.at.clone());
                    prop_assert!(text.get(at).is_some_and(|shown| !shown.is_empty()));
                }
            }
        }
    }
}
