//! A value that remembers where in its file it was written.

use std::{borrow::Cow, ops::Deref};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_saphyr::Location;

use crate::{
    condition::ConditionError,
    diagnostic::{Diagnostic, Place},
};

/// A value with its place in the file it was read from.
#[derive(Clone, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it begins.
    pub place: Place,
}

impl<T> Spanned<T> {
    /// A value with another made from it, at the same place.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: make(self.value), place: self.place }
    }

    /// An error about this value.
    pub fn error(&self, file: &str, text: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(file, text, self.place, message)
    }
}

impl Spanned<String> {
    /// An error about a condition written as this value, with the caret under the culprit.
    pub fn condition_error(&self, file: &str, text: &str, why: &ConditionError) -> Diagnostic {
        let place = self.place_within(text, why.offset, why.len);
        Diagnostic::error(file, text, place, why.message.clone()).with_help(why.help.clone())
    }

    /// Where in the file a stretch of this value (byte offset, length in characters) is written.
    ///
    /// Walks source and value side by side, so quotes, escapes, folded lines and indentation are
    /// accounted for. Falls back to the value's beginning.
    pub fn place_within(&self, text: &str, offset: usize, len: usize) -> Place {
        let Some(source) = text.get(self.place.offset..) else { return self.place };
        // A block's place is its first line, which may begin with a quote that is its own.
        let quoted = source
            .strip_prefix(['"', '\''])
            .and_then(|rest| align(rest, &self.value, source.chars().next(), offset));
        match quoted.or_else(|| align(source, &self.value, None, offset)) {
            Some(rest) => Place::of_offset(text, text.len() - rest.len(), len),
            None => self.place,
        }
    }
}

/// The part of `source`, which begins where `value` is written, that begins at an offset of it.
fn align<'a>(source: &'a str, value: &str, quote: Option<char>, offset: usize) -> Option<&'a str> {
    let (mut rest, mut value, mut left) = (source, value, offset.min(value.len()));
    loop {
        if value.starts_with(char::is_whitespace) || left == 0 {
            let before = value.len();
            value = value.trim_start();
            rest = rest.trim_start();
            left = left.saturating_sub(before - value.len());
        }
        if left == 0 {
            return Some(rest);
        }
        let expected = value.chars().next()?;
        rest = match (quote, rest.chars().next()) {
            (Some('\''), Some('\'')) | (Some('"'), Some('\\')) => &rest[1..],
            _ => rest,
        };
        rest = rest.strip_prefix(expected)?;
        value = &value[expected.len_utf8()..];
        left = left.saturating_sub(expected.len_utf8());
    }
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    /// Two values are equal wherever they were written.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        Ok(Self { value: read.value, place: place_of(read.referenced) })
    }
}

impl<T: Serialize> Serialize for Spanned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

pub(crate) fn place_of(location: Location) -> Place {
    let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    if location == Location::UNKNOWN {
        return Place::START;
    }
    Place {
        line: whole(location.line()),
        column: whole(location.column()),
        offset: location.span().byte_offset().map_or(0, whole),
        len: whole(location.span().len()).clamp(1, 400),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::yaml::read;

    #[test]
    fn a_place_within_a_value_survives_quotes_and_blocks() {
        for (yaml, line, column) in [
            ("title: a\nwhen: abc == bad\n", 2, 14),
            ("title: a\nwhen: \"abc == bad\"\n", 2, 15),
            ("title: a\nwhen: '''x'' == bad'\n", 2, 17),
            ("title: a\nwhen: \"\\\"x\\\" == bad\"\n", 2, 17),
            ("title: a\nwhen: >-\n  \"x\" == bad\n", 3, 10),
            ("title: a\nwhen: |\n  abc &&\n    bad\n", 4, 5),
            ("title: a\nwhen: >-\n  abc &&\n  bad\n", 4, 3),
            ("title: a\nwhen: abc &&\n  bad\n", 3, 3),
        ] {
            let play: BTreeMap<String, Spanned<String>> = read("p.yaml", yaml).unwrap();
            let when = &play["when"];
            let place = when.place_within(yaml, when.find("bad").unwrap(), 3);
            assert_eq!((place.line, place.column), (line, column), "{yaml}");
        }
    }
}
