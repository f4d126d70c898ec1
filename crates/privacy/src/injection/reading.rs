//! The ways a text can be read: as it stands, and decoded, reversed, joined or spelled otherwise.

use std::sync::LazyLock;

use regex::Regex;

use super::sign::expression;
use crate::{base64, fold::Folded};

/// The most bytes of a text that are read in other ways.
const MOST: usize = 64 * 1024;

/// One reading, in the two copies that signs are looked for in.
pub(super) struct Reading {
    /// Lower case, as it was written, lines kept.
    pub(super) lines: String,
    /// Lower case without diacritics, each run of white space one space.
    pub(super) flat: String,
}

impl Reading {
    pub(super) fn of(text: &str) -> Self {
        let folded = Folded::of(text);
        let flat = folded.skeleton().text().trim().replace(['’', '‘', '`'], "'");
        Self { lines: folded.text().to_lowercase(), flat }
    }
}

/// What a text says when it is decoded, turned round or put together, as far as it is written so.
pub(super) fn disguised(text: &str, plain: &Reading) -> Vec<Reading> {
    static BASE64: LazyLock<Regex> = LazyLock::new(|| expression(r"[A-Za-z0-9+/_-]{24,}={0,2}"));
    static HEX: LazyLock<Regex> =
        LazyLock::new(|| expression(r"(?i)(?:(?:0x|\\x|=|%|\s)?[0-9a-f]{2}){16,}"));
    static BITS: LazyLock<Regex> = LazyLock::new(|| expression(r"(?:[01]{8}\s*){8,}"));
    static CODES: LazyLock<Regex> = LazyLock::new(|| expression(r"(?:\b[0-9]{2,3}[ ,;]+){12,}"));
    static SPACED: LazyLock<Regex> =
        LazyLock::new(|| expression(r"(?:\b[\p{L}0-9][ \t.\-_*|]{1,4}){10,}[\p{L}0-9]"));
    let text = &text[..text.floor_char_boundary(MOST)];
    let mut found = Vec::new();
    for run in BASE64.find_iter(text) {
        found.extend(base64::decode(run.as_str()).and_then(printable));
    }
    for run in HEX.find_iter(text) {
        let digits: String =
            run.as_str().replace("0x", "").chars().filter(char::is_ascii_hexdigit).collect();
        found.extend(hex::decode(digits).ok().and_then(printable));
    }
    for run in BITS.find_iter(text) {
        let bits: Vec<u8> = run.as_str().bytes().filter(|b| matches!(b, b'0' | b'1')).collect();
        let bytes =
            bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |n, b| n << 1 | (b - b'0')));
        found.extend(printable(bytes.collect()));
    }
    for run in CODES.find_iter(text) {
        let codes = run.as_str().split(|c: char| !c.is_ascii_digit());
        found.extend(printable(codes.filter_map(|code| code.parse().ok()).collect()));
    }
    // Words are set apart by more space than letters, or not at all: either way they are read.
    for run in SPACED.find_iter(&plain.lines) {
        found.push(despaced(run.as_str()));
    }
    let flat = &plain.flat[..plain.flat.floor_char_boundary(MOST)];
    found.push(flat.chars().rev().collect());
    found.push(flat.chars().map(rot13).collect());
    if flat.contains(|c: char| c.is_ascii_digit() || "@$!|".contains(c)) {
        found.push(flat.chars().map(unleet).collect());
    }
    if flat.contains(['"', '\'', '+']) {
        // `a = "ignore prev"; b = "ious instructions"; a + b`
        static SEAM: LazyLock<Regex> =
            LazyLock::new(|| expression(r#"["'][ ;,+\n]*(?:[a-z_]\w{0,9} *= *)?["']"#));
        found.push(SEAM.replace_all(flat, "").into_owned());
    }
    found.iter().map(|text| Reading::of(text)).collect()
}

/// Bytes as text, if that is what they are.
fn printable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let odd = text.chars().filter(|c| c.is_control() && !c.is_whitespace()).count();
    (text.len() >= 8 && odd == 0).then_some(text)
}

/// `i g n o r e   a l l` as `ignore all`; where all gaps are equal, without any.
fn despaced(run: &str) -> String {
    let letters: Vec<&str> = run.split(|c: char| !c.is_alphanumeric()).collect();
    let mut out = String::new();
    let mut gap = 0;
    for letter in letters {
        if letter.is_empty() {
            gap += 1;
            continue;
        }
        if gap > 0 {
            out.push(' ');
        }
        out.push_str(letter);
        gap = 0;
    }
    out
}

fn rot13(c: char) -> char {
    match c {
        'a'..='m' | 'A'..='M' => char::from(u8::try_from(c).unwrap_or_default() + 13),
        'n'..='z' | 'N'..='Z' => char::from(u8::try_from(c).unwrap_or_default() - 13),
        c => c,
    }
}

const fn unleet(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    }
}
