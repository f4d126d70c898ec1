//! Rows of a batch, bound whole: as one JSON array on SQLite, as one array a column on PostgreSQL.

use std::{borrow::Cow, fmt::Debug};

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::spread::{Bound, Kind};

/// One field of a row.
pub(crate) enum Field<'a> {
    Null,
    Text(Cow<'a, str>),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    pub(crate) const fn of(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

/// A row: an object as JSON, in which bytes are written in hex, and its fields by name. A field that
/// is not there is NULL.
pub(crate) trait Fields: Debug + Serialize + Send + Sync {
    fn field(&self, name: &str) -> Field<'_>;
}

impl Fields for Json {
    fn field(&self, name: &str) -> Field<'_> {
        match self.get(name) {
            None | Some(Self::Null) => Field::Null,
            Some(Self::String(text)) => Field::Text(Cow::Borrowed(text)),
            Some(Self::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Field::Int(whole),
                (None, Some(double)) => Field::Double(double),
                (None, None) => Field::Text(Cow::Owned(number.to_string())),
            },
            Some(other) => Field::Text(Cow::Owned(other.to_string())),
        }
    }
}

/// Rows of one kind.
pub(crate) trait Batch: Debug + Send + Sync {
    /// All as one JSON array.
    fn json(&self) -> String;

    /// One field of each.
    fn column(&self, name: &str, kind: Kind) -> Bound;
}

impl<R: Fields> Batch for Vec<R> {
    fn json(&self) -> String {
        json(self)
    }

    fn column(&self, name: &str, kind: Kind) -> Bound {
        let fields = self.iter().map(|row| row.field(name));
        match kind {
            Kind::Text => Bound::Texts(fields.map(Field::into_text).collect()),
            Kind::Int => Bound::Ints(fields.map(Field::into_int).collect()),
            Kind::Double => Bound::Doubles(fields.map(Field::into_double).collect()),
            Kind::Bytes => Bound::Blobs(fields.map(Field::into_bytes).collect()),
        }
    }
}

impl Field<'_> {
    /// PostgreSQL cannot store NUL characters.
    fn into_text(self) -> Option<String> {
        match self {
            Field::Null => None,
            Field::Text(text) if text.contains('\0') => Some(text.replace('\0', "")),
            Field::Text(text) => Some(text.into_owned()),
            Field::Int(number) => Some(number.to_string()),
            Field::Double(number) => Some(number.to_string()),
            Field::Bytes(bytes) => Some(hex::encode(bytes)),
        }
    }

    fn into_int(self) -> Option<i64> {
        match self {
            Field::Int(number) => Some(number),
            Field::Text(text) => text.parse().ok(),
            Field::Null | Field::Double(_) | Field::Bytes(_) => None,
        }
    }

    fn into_double(self) -> Option<f64> {
        match self {
            Field::Double(number) => Some(number),
            Field::Int(number) => number.to_string().parse().ok(),
            Field::Text(text) => text.parse().ok(),
            Field::Null | Field::Bytes(_) => None,
        }
    }

    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Field::Bytes(bytes) => Some(bytes.to_vec()),
            Field::Text(digits) => hex::decode(digits.as_bytes()).ok(),
            Field::Null | Field::Int(_) | Field::Double(_) => None,
        }
    }
}

/// Writes bytes as they stand in JSON.
pub(crate) fn in_hex<S: Serializer>(bytes: &Vec<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

/// Serialises to JSON without NUL characters, which PostgreSQL cannot store.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Serialising our own structs and maps with text keys into memory does not fail.
    let text = serde_json::to_string(value).unwrap_or_default();
    if text.contains("\\u0000") { without_nul(&text) } else { text }
}

/// Leaves out the escape `\u0000`, but not an escaped backslash followed by the text `u0000`.
fn without_nul(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        if let Some(after) = escape.strip_prefix("\\u0000") {
            rest = after;
        } else {
            // An escape in JSON text is a backslash and an ASCII character.
            let (kept, after) = escape.split_at(2.min(escape.len()));
            clean.push_str(kept);
            rest = after;
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_left_out_and_what_looks_like_it_is_not() {
        assert_eq!(json(&["a\0b", "\\u0000", "\\\0x", "é\""]), r#"["ab","\\u0000","\\x","é\""]"#);
        assert_eq!(json(&["plain"]), r#"["plain"]"#);
    }
}
