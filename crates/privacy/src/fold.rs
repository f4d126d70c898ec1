//! A copy of a text in which obfuscation is undone, with the way back to the original's bytes.

use std::ops::Range;

use unicode_normalization::{
    UnicodeNormalization,
    char::{compose, decompose_canonical, is_combining_mark},
};

/// A stretch of the copy and the bytes of the original it stands for.
#[derive(Clone, Copy)]
struct Piece {
    /// Where it starts in the copy.
    at: usize,
    /// Where what it stands for starts in the original.
    from: usize,
    /// Where that ends; of no meaning in a stretch byte for byte.
    to: usize,
    /// Whether it stands for the original byte for byte. Otherwise all of it stands for all of
    /// `from..to`.
    even: bool,
}

/// The copy that detectors read. What they find is mapped back, and the original is redacted.
///
/// The way back is kept as stretches, so that its size follows the number of places where copy
/// and original differ, not the size of the text.
pub(crate) struct Folded {
    text: String,
    /// None when copy and original are the same bytes.
    map: Option<Vec<Piece>>,
}

impl Folded {
    /// Folds a text: drops invisible characters, brings digits, letters, dashes and spaces of
    /// other shapes to their plain form, undoes HTML, percent and JSON escapes.
    pub(crate) fn of(source: &str) -> Self {
        let bytes = source.as_bytes();
        let special = |byte: &u8| !byte.is_ascii() || matches!(byte, b'&' | b'%' | b'\\');
        let Some(mut next) = bytes.iter().position(special) else {
            return Self { text: source.to_owned(), map: None };
        };
        let mut copy = Copy::with_capacity(source.len());
        let mut at = 0;
        loop {
            copy.run(&source[at..next], at);
            let Some(first) = source[next..].chars().next() else { break };
            let (c, length) = match unescape(&source[next..]) {
                Some((c, length)) => (c, length),
                None => (first, first.len_utf8()),
            };
            copy.fold(c, next..next + length);
            at = next + length;
            next = bytes[at..].iter().position(special).map_or(bytes.len(), |found| at + found);
        }
        if copy.mixed { unmask(&copy.done()) } else { copy.done() }
    }

    /// The copy in which names are looked up: lower case, without diacritics, each run of white
    /// space one space.
    pub(crate) fn skeleton(&self) -> Self {
        let mut copy = Copy::with_capacity(self.text.len());
        for (c, source) in self.chars() {
            if c.is_whitespace() {
                match copy.text.ends_with(' ').then(|| copy.pieces.last_mut()).flatten() {
                    Some(last) => {
                        // All of the white space is one space.
                        let at = copy.text.len() - 1;
                        if last.even && last.at < at {
                            let from = last.from + (at - last.at);
                            copy.pieces.push(Piece { at, from, to: source.end, even: false });
                        } else {
                            *last = Piece { at, from: last.from, to: source.end, even: false };
                        }
                    }
                    None => copy.push(' ', source),
                }
                continue;
            }
            for c in bare(c) {
                copy.push(c, source.clone());
            }
        }
        copy.done()
    }

    /// The characters of the copy, each with the bytes of the original it stands for.
    fn chars(&self) -> impl Iterator<Item = (char, Range<usize>)> {
        let mut piece = 0;
        self.text.char_indices().map(move |(at, c)| {
            let Some(map) = &self.map else { return (c, at..at + c.len_utf8()) };
            while map.get(piece + 1).is_some_and(|next| next.at <= at) {
                piece += 1;
            }
            let Piece { at: start, from, to, even } = map[piece];
            let source =
                if even { from + at - start..from + at - start + c.len_utf8() } else { from..to };
            (c, source)
        })
    }

    /// The copy.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of the original behind a range of the copy.
    pub(crate) fn source_range(&self, range: Range<usize>) -> Range<usize> {
        match &self.map {
            None => range,
            Some(_) if range.is_empty() => 0..0,
            Some(map) => {
                let piece = |at: usize| map[map.partition_point(|piece| piece.at <= at) - 1];
                let (first, last) = (piece(range.start), piece(range.end - 1));
                let start =
                    if first.even { first.from + range.start - first.at } else { first.from };
                let end = if last.even { last.from + range.end - last.at } else { last.to };
                start..end
            }
        }
    }
}

/// A copy in the making.
struct Copy {
    text: String,
    pieces: Vec<Piece>,
    /// Whether it has letters that look like Latin ones and are not.
    mixed: bool,
}

impl Copy {
    fn with_capacity(capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity), pieces: Vec::new(), mixed: false }
    }

    fn done(mut self) -> Folded {
        if self.pieces.is_empty() {
            self.pieces.push(Piece { at: 0, from: 0, to: 0, even: true });
        }
        Folded { text: self.text, map: Some(self.pieces) }
    }

    /// Adds bytes that stay as they are.
    fn run(&mut self, text: &str, from: usize) {
        if text.is_empty() {
            return;
        }
        let goes_on = self
            .pieces
            .last()
            .is_some_and(|last| last.even && last.from + self.text.len() - last.at == from);
        if !goes_on {
            self.pieces.push(Piece { at: self.text.len(), from, to: from, even: true });
        }
        self.text.push_str(text);
    }

    /// Adds a character that stands for some bytes.
    fn push(&mut self, c: char, source: Range<usize>) {
        if source.len() == c.len_utf8() {
            let mut bytes = [0; 4];
            self.run(c.encode_utf8(&mut bytes), source.start);
            return;
        }
        let again = self
            .pieces
            .last()
            .is_some_and(|last| !last.even && last.from == source.start && last.to == source.end);
        if !again {
            self.pieces.push(Piece {
                at: self.text.len(),
                from: source.start,
                to: source.end,
                even: false,
            });
        }
        self.text.push(c);
    }

    /// Replaces the last character by one that stands for its bytes and those up to `end`.
    fn extend(&mut self, c: Option<char>, end: usize) {
        let (Some(last), Some(piece)) = (self.text.pop(), self.pieces.last().copied()) else {
            return;
        };
        let at = self.text.len();
        let from = if piece.even { piece.from + at - piece.at } else { piece.from };
        if piece.at == at {
            self.pieces.pop();
        }
        self.pieces.push(Piece { at, from, to: end, even: false });
        self.text.push(c.unwrap_or(last));
    }

    /// Adds a character of the original in its plain form.
    fn fold(&mut self, c: char, source: Range<usize>) {
        if c.is_ascii() {
            self.push(c, source);
            return;
        }
        if is_invisible(c) {
            return;
        }
        if is_combining_mark(c)
            && let Some(last) = self.text.chars().next_back()
        {
            self.extend(compose(last, c), source.end);
            return;
        }
        if let Some(digit) = digit(c) {
            self.push(digit, source);
            return;
        }
        let plain = match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => '-',
            '\u{3002}' | '\u{ff61}' => '.',
            c if c.is_whitespace() && c != '\u{2028}' && c != '\u{2029}' && c != '\u{85}' => ' ',
            c => c,
        };
        if plain != c {
            self.push(plain, source);
            return;
        }
        self.mixed |= latin(c) != c;
        // Letters with diacritics of European languages have no other form.
        if ('\u{c0}'..='\u{24f}').contains(&c) {
            self.push(c, source);
            return;
        }
        let expanded: Vec<char> = c.nfkc().collect();
        // Circled and superscript digits stay: folded, they would join numbers that do not belong
        // together.
        if expanded.iter().any(char::is_ascii_digit) {
            self.push(c, source);
        } else {
            for c in expanded {
                self.push(c, source.clone());
            }
        }
    }
}

/// A text in the form names are looked up in.
pub(crate) fn skeleton(text: &str) -> String {
    Folded::of(text).skeleton().text.trim().to_owned()
}

/// A character in lower case without its diacritics.
pub(crate) fn bare(c: char) -> impl Iterator<Item = char> {
    let mut out = [None; 6];
    let mut length = 0;
    let mut put = |c: char| {
        if length < out.len() {
            out[length] = Some(c);
            length += 1;
        }
    };
    for c in c.to_lowercase() {
        match c {
            'ß' => ['s', 's'].into_iter().for_each(&mut put),
            'æ' => ['a', 'e'].into_iter().for_each(&mut put),
            'œ' => ['o', 'e'].into_iter().for_each(&mut put),
            'ø' => put('o'),
            'ł' => put('l'),
            'đ' | 'ð' => put('d'),
            'þ' => ['t', 'h'].into_iter().for_each(&mut put),
            'ı' => put('i'),
            _ if c.is_ascii() => put(c),
            _ => decompose_canonical(c, |c| {
                if !is_combining_mark(c) {
                    put(c);
                }
            }),
        }
    }
    out.into_iter().flatten()
}

/// Characters that nobody sees: zero width, bidirectional, tags, variation selectors.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
    )
}

/// The plain digit of a decimal digit in another script.
fn digit(c: char) -> Option<char> {
    const ZEROS: [u32; 22] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50,
        0xed0, 0xf20, 0x1040, 0x17e0, 0x1810, 0xff10, 0x1d7ce, 0x1d7d8, 0x1d7f6,
    ];
    let code = u32::from(c);
    ZEROS
        .iter()
        .find(|zero| (**zero..**zero + 10).contains(&code))
        .and_then(|zero| char::from_digit(code - zero, 10))
}

/// The character an escape at the start of `rest` stands for, and the escape's length.
fn unescape(rest: &str) -> Option<(char, usize)> {
    match rest.as_bytes().first()? {
        b'&' => {
            let end = rest.bytes().take(10).position(|byte| byte == b';')?;
            let c = match &rest[1..end] {
                "amp" => '&',
                "quot" => '"',
                "nbsp" => ' ',
                "commat" => '@',
                "period" => '.',
                "lt" => '<',
                "gt" => '>',
                "apos" => '\'',
                "shy" | "zwnj" | "zwj" => '\u{ad}',
                "ndash" | "mdash" => '-',
                name if named(name).is_some() => named(name)?,
                name => {
                    let number = name.strip_prefix('#')?;
                    let code = match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(code)?
                }
            };
            Some((c, end + 1))
        }
        b'%' => {
            let byte = |at: usize| {
                let hex = rest.get(at..at + 3)?.strip_prefix('%')?;
                hex.bytes()
                    .all(|byte| byte.is_ascii_hexdigit())
                    .then(|| u8::from_str_radix(hex, 16).ok())?
            };
            let first = byte(0)?;
            if (0x20..0x7f).contains(&first) {
                return Some((char::from(first), 3));
            }
            // `%C3%A9` is a character of several bytes.
            let length = match first {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => return None,
            };
            let bytes: Vec<u8> = (0..length).map(|index| byte(index * 3)).collect::<Option<_>>()?;
            let c = std::str::from_utf8(&bytes).ok()?.chars().next()?;
            Some((c, length * 3))
        }
        b'\\' => match rest.as_bytes().get(1)? {
            b'n' | b'r' => Some(('\n', 2)),
            b't' => Some((' ', 2)),
            b'"' => Some(('"', 2)),
            b'/' => Some(('/', 2)),
            b'u' => {
                let unit = |at: usize| {
                    let hex = rest
                        .get(at..at + 4)
                        .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
                    u16::from_str_radix(hex, 16).ok()
                };
                let first = unit(2)?;
                if let Some(c) = char::from_u32(u32::from(first)) {
                    return Some((c, 6));
                }
                // A pair of surrogates is one character; half a pair is only text.
                let second = rest.get(6..8).filter(|sign| *sign == "\\u").and_then(|_| unit(8))?;
                let c = char::decode_utf16([first, second]).next()?.ok()?;
                Some((c, 12))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Letters that HTML names.
fn named(name: &str) -> Option<char> {
    let mut letters = name.chars();
    let letter = letters.next()?;
    let mark = match letters.as_str() {
        "uml" => '\u{308}',
        "acute" => '\u{301}',
        "grave" => '\u{300}',
        "circ" => '\u{302}',
        "tilde" => '\u{303}',
        "cedil" => '\u{327}',
        "ring" => '\u{30a}',
        "caron" => '\u{30c}',
        _ => {
            return match name {
                "szlig" => Some('ß'),
                "oslash" => Some('ø'),
                "Oslash" => Some('Ø'),
                "aelig" => Some('æ'),
                "AElig" => Some('Æ'),
                _ => None,
            };
        }
    };
    compose(letter, mark)
}

/// Brings look-alikes of Latin letters back inside words that mix scripts.
fn unmask(folded: &Folded) -> Folded {
    let mut copy = Copy::with_capacity(folded.text.len());
    let mut word: Vec<(char, Range<usize>)> = Vec::new();
    let end_word = |word: &mut Vec<(char, Range<usize>)>, copy: &mut Copy| {
        let mixed = word.iter().any(|(c, _)| c.is_ascii_alphabetic());
        for (c, source) in word.drain(..) {
            copy.push(if mixed { latin(c) } else { c }, source);
        }
    };
    for (c, source) in folded.chars() {
        if c.is_alphanumeric() {
            word.push((c, source));
        } else {
            end_word(&mut word, &mut copy);
            copy.push(c, source);
        }
    }
    end_word(&mut word, &mut copy);
    copy.done()
}

const fn latin(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'е' | 'ε' => 'e',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'с' => 'c',
        'у' => 'y',
        'х' => 'x',
        'і' | 'ι' => 'i',
        'ѕ' => 's',
        'ј' => 'j',
        'ԁ' => 'd',
        'ո' => 'n',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' => 'I',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'С' => 'C',
        'Т' | 'Τ' => 'T',
        'Х' | 'Χ' => 'X',
        c => c,
    }
}

/// German and Nordic letters written out, as user names have them.
pub(crate) fn transliterate(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            'ä' | 'Ä' => out.push_str("ae"),
            'ö' | 'Ö' | 'ø' | 'Ø' => out.push_str("oe"),
            'ü' | 'Ü' => out.push_str("ue"),
            'å' | 'Å' => out.push_str("aa"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn obfuscation_is_undone_in_the_copy() {
        for (text, folded) in [
            ("a\u{200b}nn\u{ad}a", "anna"),
            ("＋４９ ３０", "+49 30"),
            ("a&#64;b.co and a%40b.co", "a@b.co and a@b.co"),
            (r"Aim\u00e9", "Aimé"),
            ("Ame\u{301}lie", "Amélie"),
            ("4111\u{a0}1111", "4111 1111"),
            ("pаypal", "paypal"),
            ("а", "а"),
            ("x² ①", "x² ①"),
            ("٣٤", "34"),
        ] {
            assert_eq!(Folded::of(text).text(), folded, "{text}");
        }
        assert_eq!(skeleton("  Zoë\n  Müller-Ærø "), "zoe muller-aero");
    }

    proptest! {
        #[test]
        fn the_way_back_is_monotone_and_on_char_boundaries(text in "\\PC{0,40}|[&#;%\\\\a-f0-9\u{200b}é１]{0,40}") {
            for copy in [Folded::of(&text), Folded::of(&text).skeleton()] {
                let mut last = 0;
                for (at, c) in copy.text().char_indices() {
                    let source = copy.source_range(at..at + c.len_utf8());
                    prop_assert!(text.is_char_boundary(source.start) && text.is_char_boundary(source.end));
                    prop_assert!(source.start >= last && source.end > source.start);
                    last = source.start;
                }
            }
        }

        #[test]
        fn plain_text_is_its_own_copy(text in "[ -$'-\\[\\]-~]{0,60}") {
            let copy = Folded::of(&text);
            prop_assert_eq!(copy.text(), text.as_str());
            prop_assert!(copy.map.is_none());
        }
    }
}
