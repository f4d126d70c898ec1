//! International bank account numbers.

use super::{Found, Page};
use crate::{
    checksum::{iban_length, mod_97},
    kind::Kind,
};

pub(super) fn find(page: &Page<'_>, found: &mut Vec<Found>) {
    let bytes = page.text.as_bytes();
    let letter = |at: usize| bytes[at].is_ascii_alphabetic();
    let mut last = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        // The check digits come right after the country, or after a space or hyphen.
        let gap = usize::from(at > 0 && matches!(bytes[at - 1], b' ' | b'-'));
        if let Some(start) = at.checked_sub(2 + gap)
            && start >= last
            && letter(start)
            && letter(start + 1)
            && (start == 0 || !bytes[start - 1].is_ascii_alphanumeric())
            && let Some((end, canonical)) = iban(bytes, start)
        {
            found.push(Found::new(start..end, Kind::Iban, canonical, "iban/mod-97", 99));
            (last, at) = (end, end);
        }
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
    }
}

/// The end of the IBAN that starts here, and its compact form.
fn iban(bytes: &[u8], start: usize) -> Option<(usize, String)> {
    let country = [bytes[start].to_ascii_uppercase(), bytes[start + 1].to_ascii_uppercase()];
    // `DE 89 …` and `D E 8 9` are written by some: the check digits may stand apart.
    let digits =
        bytes.get(start + 2..start + 6)?.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits < 2 || !matches!(bytes[start + 2], b'0'..=b'9' | b' ' | b'-') {
        return None;
    }
    let length = iban_length(&country)?;
    let mut compact = Vec::with_capacity(length);
    let mut at = start;
    let mut broken = false;
    while compact.len() < length {
        match bytes.get(at)? {
            byte if byte.is_ascii_alphanumeric() => compact.push(byte.to_ascii_uppercase()),
            b' ' | b'-' | b'.' | b'/' if at > start && bytes[at - 1].is_ascii_alphanumeric() => {}
            // Over the end of a line, in a quotation too.
            b' ' | b'\r' | b'\n' if !broken => {
                let rest = &bytes[at..];
                let skip = rest.iter().take_while(|byte| b" \r\n>".contains(byte)).count();
                if skip > 8 || memchr::memchr_iter(b'\n', &rest[..skip]).count() != 1 {
                    return None;
                }
                broken = true;
                at += skip - 1;
            }
            _ => return None,
        }
        at += 1;
    }
    let ends = bytes.get(at).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (ends && mod_97(&compact)).then(|| (at, String::from_utf8_lossy(&compact).into_owned()))
}
