//! A copy of a text in which obfuscation is undone, with the way back to the original's bytes.

use std::ops::Range;

use unicode_normalization::{
    UnicodeNormalization,
    char::{compose, decompose_canonical, is_combining_mark},
};

/// One character of the copy and the bytes of the original it stands for.
#[derive(Clone, Copy)]
struct Cell {
    c: char,
    start: usize,
    end: usize,
}

/// The copy that detectors read. What they find is mapped back, and the original is redacted.
pub(crate) struct Folded {
    text: String,
    /// Start and end in the original of the character at each byte of `text`; none when the two
    /// are the same bytes.
    map: Option<Vec<(usize, usize)>>,
}

impl Folded {
    /// Folds a text: drops invisible characters, brings digits, letters, dashes and spaces of
    /// other shapes to their plain form, undoes HTML, percent and JSON escapes.
    pub(crate) fn of(source: &str) -> Self {
        let plain =
            source.bytes().all(|byte| byte.is_ascii() && !matches!(byte, b'&' | b'%' | b'\\'));
        if plain {
            return Self { text: source.to_owned(), map: None };
        }
        let mut cells = Vec::with_capacity(source.len());
        let mut at = 0;
        while let Some(first) = source[at..].chars().next() {
            let (c, length) = unescape(&source[at..]).unwrap_or_else(|| (first, first.len_utf8()));
            push(&mut cells, Cell { c, start: at, end: at + length });
            at += length;
        }
        unmask(&mut cells);
        Self::from_cells(&cells)
    }

    /// The copy in which names are looked up: lower case, without diacritics, each run of white
    /// space one space.
    pub(crate) fn skeleton(&self) -> Self {
        let mut cells: Vec<Cell> = Vec::with_capacity(self.text.len());
        for (at, c) in self.text.char_indices() {
            let Range { start, end } = self.source_range(at..at + c.len_utf8());
            if c.is_whitespace() {
                match cells.last_mut() {
                    Some(last) if last.c == ' ' => last.end = end,
                    _ => cells.push(Cell { c: ' ', start, end }),
                }
                continue;
            }
            for c in bare(c) {
                cells.push(Cell { c, start, end });
            }
        }
        Self::from_cells(&cells)
    }

    fn from_cells(cells: &[Cell]) -> Self {
        let mut text = String::with_capacity(cells.len());
        let mut map = Vec::with_capacity(cells.len());
        for cell in cells {
            text.push(cell.c);
            map.resize(text.len(), (cell.start, cell.end));
        }
        Self { text, map: Some(map) }
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
            Some(map) => map[range.start].0..map[range.end - 1].1,
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

fn push(cells: &mut Vec<Cell>, cell: Cell) {
    let Cell { c, start, end } = cell;
    if c.is_ascii() {
        cells.push(cell);
        return;
    }
    if is_invisible(c) {
        return;
    }
    if is_combining_mark(c)
        && let Some(last) = cells.last_mut()
    {
        if let Some(whole) = compose(last.c, c) {
            last.c = whole;
        }
        last.end = end;
        return;
    }
    if let Some(digit) = digit(c) {
        cells.push(Cell { c: digit, start, end });
        return;
    }
    let plain = match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => '-',
        '\u{3002}' | '\u{ff61}' => '.',
        c if c.is_whitespace() && c != '\u{2028}' && c != '\u{2029}' && c != '\u{85}' => ' ',
        c => c,
    };
    if plain != c {
        cells.push(Cell { c: plain, start, end });
        return;
    }
    let expanded: Vec<char> = c.nfkc().collect();
    // Circled and superscript digits stay: folded, they would join numbers that do not belong
    // together.
    if expanded.iter().any(char::is_ascii_digit) {
        cells.push(cell);
    } else {
        cells.extend(expanded.into_iter().map(|c| Cell { c, start, end }));
    }
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
            let code = u8::from_str_radix(rest.get(1..3)?, 16).ok()?;
            (0x20..0x7f).contains(&code).then_some((char::from(code), 3))
        }
        b'\\' => match rest.as_bytes().get(1)? {
            b'n' | b'r' => Some(('\n', 2)),
            b't' => Some((' ', 2)),
            b'"' => Some(('"', 2)),
            b'/' => Some(('/', 2)),
            b'u' => {
                let code = u32::from_str_radix(rest.get(2..6)?, 16).ok()?;
                Some((char::from_u32(code)?, 6))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Brings look-alikes of Latin letters back inside words that mix scripts.
fn unmask(cells: &mut [Cell]) {
    let mut start = 0;
    while start < cells.len() {
        let length = cells[start..].iter().take_while(|cell| cell.c.is_alphanumeric()).count();
        let word = &mut cells[start..start + length];
        if word.iter().any(|cell| cell.c.is_ascii_alphabetic()) {
            for cell in word.iter_mut() {
                cell.c = latin(cell.c);
            }
        }
        start += length.max(1);
    }
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
