//! The types of the facts a condition may ask for: what is known, under which name.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// The type of a value in a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// Any number. Conditions may mix it with whole numbers.
    Double,
    /// Text.
    String,
    /// Text out of a closed vocabulary; comparing it with another word is a mistake.
    OneOf(Vec<&'static str>),
    /// A moment, RFC 3339 in the facts.
    Timestamp,
    /// A stretch of time.
    Duration,
    /// Nothing.
    Null,
    /// Values of one type.
    List(Box<Self>),
    /// Named values. An open map may hold names that are not listed, of any type.
    Map {
        /// The names that are known.
        fields: BTreeMap<String, Self>,
        /// Whether there may be others.
        open: bool,
    },
    /// Anything: known only when the condition is asked.
    Dyn,
}

impl Type {
    /// A map with exactly these fields.
    pub fn record<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let fields = fields.into_iter().map(|(name, of)| (name.to_owned(), of)).collect();
        Self::Map { fields, open: false }
    }

    /// A map of anything, with these fields known beforehand.
    pub fn open<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let fields = fields.into_iter().map(|(name, of)| (name.to_owned(), of)).collect();
        Self::Map { fields, open: true }
    }

    /// A list of values of one type.
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// Whether it is a number.
    pub const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Double)
    }

    /// Whether it is text.
    pub const fn is_text(&self) -> bool {
        matches!(self, Self::String | Self::OneOf(_))
    }

    /// Whether values of both types can be equal.
    pub fn comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            (a, b) if a.is_number() && b.is_number() => true,
            (a, b) if a.is_text() && b.is_text() => true,
            (Self::List(a), Self::List(b)) => a.comparable(b),
            (Self::Map { .. }, Self::Map { .. }) => true,
            (a, b) => a == b,
        }
    }

    /// The one type that holds values of both.
    pub(crate) fn join(&self, other: &Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a.clone(),
            (a, b) if a.is_number() && b.is_number() => Self::Double,
            (a, b) if a.is_text() && b.is_text() => Self::String,
            (Self::List(a), Self::List(b)) => Self::list(a.join(b)),
            _ => Self::Dyn,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Double => f.write_str("double"),
            Self::String | Self::OneOf(_) => f.write_str("string"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Null => f.write_str("null"),
            Self::List(of) => write!(f, "list of {of}"),
            Self::Map { .. } => f.write_str("map"),
            Self::Dyn => f.write_str("any value"),
        }
    }
}

/// The facts a condition may ask for, by root name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    roots: BTreeMap<String, Arc<Type>>,
}

impl Schema {
    /// A schema without facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more root, replacing an equally named one.
    #[must_use]
    pub fn with(mut self, name: &str, of: Type) -> Self {
        self.roots.insert(name.to_owned(), Arc::new(of));
        self
    }

    /// The type of a root.
    pub fn root(&self, name: &str) -> Option<&Arc<Type>> {
        self.roots.get(name)
    }

    /// The roots with their types, by name.
    pub fn roots(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.roots.iter().map(|(name, of)| (name.as_str(), &**of))
    }
}
