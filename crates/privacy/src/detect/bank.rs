//! International bank account numbers.

use super::Found;
use crate::{
    checksum::{iban_length, mod_97},
    kind::Kind,
};

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + 15 <= bytes.len() {
        let fresh = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        if fresh
            && bytes[at].is_ascii_alphabetic()
            && let Some((end, canonical)) = iban(bytes, at)
        {
            found.push(Found { at: at..end, kind: Kind::Iban, canonical });
            at = end;
        } else {
            at += 1;
        }
    }
}

/// The end of the IBAN that starts here, and its compact form.
fn iban(bytes: &[u8], start: usize) -> Option<(usize, String)> {
    let country = bytes.get(start..start + 2)?.to_ascii_uppercase();
    if !bytes.get(start + 2..start + 4)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length = iban_length(&country)?;
    let mut compact = Vec::with_capacity(length);
    let mut at = start;
    while compact.len() < length {
        match bytes.get(at)? {
            byte if byte.is_ascii_alphanumeric() => compact.push(byte.to_ascii_uppercase()),
            b' ' | b'-' | b'.' if at > start && bytes[at - 1].is_ascii_alphanumeric() => {}
            _ => return None,
        }
        at += 1;
    }
    let ends = bytes.get(at).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (ends && mod_97(&compact)).then(|| (at, String::from_utf8_lossy(&compact).into_owned()))
}
