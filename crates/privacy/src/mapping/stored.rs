//! A mapping as bytes: sealed, for where it is kept, and in the clear, for the way there.

use zeroize::Zeroizing;

use super::{Entry, Mapping};
use crate::{
    kind::Kind,
    seal::{KEY, Lookup, NONCE, RunKey},
};

/// First byte of a mapping in the clear, and of a sealed one.
const CLEAR: u8 = 2;
const SEALED: u8 = 3;

/// Bytes are no mapping, or not one of this session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored placeholders cannot be read: {0}")]
pub struct MappingError(&'static str);

impl Mapping {
    /// The mapping as bytes to be kept: each original sealed by itself, bound to the session (its
    /// tenant and run), its placeholder and its kind; values are known again by keyed hash. What
    /// can be read without the key is which placeholders there are. `nonce` draws 24 random bytes.
    pub fn seal<E>(
        &self,
        session: &str,
        mut nonce: impl FnMut() -> Result<[u8; NONCE], E>,
    ) -> Result<Vec<u8>, E> {
        let mut out = vec![SEALED];
        self.head(&mut out);
        put_count(&mut out, self.entries.len());
        for (name, entry) in &self.entries {
            let aad = aad(session, name, &entry.kind);
            put(&mut out, name.as_bytes());
            put(&mut out, entry.kind.name().as_bytes());
            put_count(&mut out, entry.number as usize);
            put(&mut out, &self.key.seal(nonce()?, &aad, entry.original.as_bytes()));
        }
        Ok(out)
    }

    /// Opens what [`Mapping::seal`] made for this session.
    pub fn open(key: RunKey, session: &str, bytes: &[u8]) -> Result<Self, MappingError> {
        let mut rest = bytes.strip_prefix(&[SEALED]).ok_or(MappingError("unknown version"))?;
        let mut mapping = Self::under(key);
        mapping.read_head(&mut rest)?;
        for _ in 0..count(&mut rest)? {
            let name = text(&mut rest)?.to_owned();
            let kind = kind(&mut rest)?;
            let number = number(&mut rest)?;
            let sealed = take(&mut rest)?;
            let plain = mapping
                .key
                .open(&aad(session, &name, &kind), sealed)
                .map_err(|_| MappingError("they do not open with this key"))?;
            let original = std::str::from_utf8(&plain).map_err(|_| MappingError("not UTF-8"))?;
            let original = original.to_owned();
            mapping.entries.insert(name, Entry { kind, number, original });
        }
        if rest.is_empty() { Ok(mapping) } else { Err(MappingError("too long")) }
    }

    /// The mapping and its key as bytes, in the clear: for the way to whoever seals them.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![CLEAR]);
        put(&mut out, self.key.bytes());
        self.head(&mut out);
        put_count(&mut out, self.entries.len());
        for (name, entry) in &self.entries {
            put(&mut out, name.as_bytes());
            put(&mut out, entry.kind.name().as_bytes());
            put_count(&mut out, entry.number as usize);
            put(&mut out, entry.original.as_bytes());
        }
        out
    }

    /// Reads back what [`Mapping::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MappingError> {
        let mut rest = bytes.strip_prefix(&[CLEAR]).ok_or(MappingError("unknown version"))?;
        let key = <[u8; KEY]>::try_from(take(&mut rest)?).map_err(|_| MappingError("no key"))?;
        let mut mapping = Self::under(RunKey::from_bytes(key));
        mapping.read_head(&mut rest)?;
        for _ in 0..count(&mut rest)? {
            let name = text(&mut rest)?.to_owned();
            let kind = kind(&mut rest)?;
            let number = number(&mut rest)?;
            let original = text(&mut rest)?.to_owned();
            mapping.entries.insert(name, Entry { kind, number, original });
        }
        if rest.is_empty() { Ok(mapping) } else { Err(MappingError("too long")) }
    }

    /// The session's key.
    pub const fn key(&self) -> &RunKey {
        &self.key
    }

    /// Kinds, last numbers, and the keyed hash of each value.
    fn head(&self, out: &mut Vec<u8>) {
        put_count(out, self.kinds.len());
        for kind in &self.kinds {
            put(out, kind.as_bytes());
        }
        let mut last: Vec<(&Kind, &u32)> = self.last.iter().collect();
        last.sort();
        put_count(out, last.len());
        for (kind, number) in last {
            put(out, kind.name().as_bytes());
            put_count(out, *number as usize);
        }
        let mut values: Vec<(Kind, Lookup, u32)> = self
            .stored
            .iter()
            .map(|((kind, hash), number)| (kind.clone(), *hash, *number))
            .chain(self.numbers.iter().map(|((kind, canonical), number)| {
                (kind.clone(), self.key.lookup(kind, canonical), *number)
            }))
            .collect();
        values.sort();
        values.dedup();
        put_count(out, values.len());
        for (kind, hash, number) in values {
            put(out, kind.name().as_bytes());
            put(out, &hash);
            put_count(out, number as usize);
        }
    }

    fn read_head(&mut self, rest: &mut &[u8]) -> Result<(), MappingError> {
        for _ in 0..count(rest)? {
            let kind = text(rest)?.to_owned();
            self.kinds.insert(kind);
        }
        for _ in 0..count(rest)? {
            let kind = kind(rest)?;
            let number = number(rest)?;
            self.last.insert(kind, number);
        }
        for _ in 0..count(rest)? {
            let kind = kind(rest)?;
            let hash = Lookup::try_from(take(rest)?).map_err(|_| MappingError("no hash"))?;
            let number = number(rest)?;
            self.stored.insert((kind, hash), number);
        }
        Ok(())
    }
}

/// What an entry is bound to: its session, its placeholder, its kind.
fn aad(session: &str, name: &str, kind: &Kind) -> Vec<u8> {
    let mut out = Vec::with_capacity(session.len() + name.len() + 48);
    for part in [session, name, kind.name()] {
        put(&mut out, part.as_bytes());
    }
    out
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn number(rest: &mut &[u8]) -> Result<u32, MappingError> {
    let (number, tail) = rest.split_first_chunk::<4>().ok_or(MappingError("cut off"))?;
    *rest = tail;
    Ok(u32::from_le_bytes(*number))
}

fn count(rest: &mut &[u8]) -> Result<u32, MappingError> {
    number(rest)
}

fn take<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], MappingError> {
    let length = usize::try_from(number(rest)?).map_err(|_| MappingError("too long"))?;
    let (bytes, tail) = rest.split_at_checked(length).ok_or(MappingError("cut off"))?;
    *rest = tail;
    Ok(bytes)
}

fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, MappingError> {
    std::str::from_utf8(take(rest)?).map_err(|_| MappingError("not UTF-8"))
}

fn kind(rest: &mut &[u8]) -> Result<Kind, MappingError> {
    Kind::named(text(rest)?).map_err(|_| MappingError("unknown type"))
}
