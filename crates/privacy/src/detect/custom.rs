//! Types that a policy defines: by expression, by list of words, with a validator.

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexBuilder};

use super::Found;
use crate::{
    checksum::{luhn, mod_97, national},
    kind::{Kind, KindError},
};

/// The most memory a compiled expression may take, in bytes.
const MOST_MEMORY: usize = 1 << 20;

/// What a policy says of a type of its own. It needs an expression or words, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// The type, as placeholders name it: `CUSTOMER_NO`.
    pub kind: String,
    /// A regular expression in the syntax of the crate `regex`.
    pub expression: Option<String>,
    /// Words, in any case, that stand alone.
    pub words: Vec<String>,
    /// What a match must pass besides.
    pub validator: Option<Validator>,
}

/// A check that tells numbers of a kind from others that look like them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validator {
    /// ISO/IEC 7812-1, as on payment cards.
    Luhn,
    /// ISO 7064 mod 97-10, as in IBANs.
    Mod97,
    /// Verhoeff's check digit.
    Verhoeff,
}

impl Validator {
    /// The names that policies write.
    pub const NAMES: [&'static str; 3] = ["luhn", "mod97", "verhoeff"];

    /// The validator of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "luhn" => Some(Self::Luhn),
            "mod97" => Some(Self::Mod97),
            "verhoeff" => Some(Self::Verhoeff),
            _ => None,
        }
    }

    fn passes(self, value: &str) -> bool {
        let compact: Vec<u8> = value
            .bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| byte.to_ascii_uppercase())
            .collect();
        let digits: Vec<u8> = value.bytes().filter(u8::is_ascii_digit).collect();
        match self {
            Self::Luhn => luhn(&digits),
            Self::Mod97 => mod_97(&compact),
            Self::Verhoeff => national::verhoeff(&digits),
        }
    }
}

/// A redaction rule of a policy that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Its type is no placeholder type.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// Its expression does not compile, or is too large.
    #[error("pattern for `{kind}` does not compile: {why}")]
    Syntax {
        /// The type it was for.
        kind: String,
        /// What is wrong.
        why: String,
    },
    /// Its expression matches the empty text, and so would match everywhere.
    #[error("pattern for `{0}` matches the empty text")]
    Empty(String),
    /// It has neither an expression nor words.
    #[error("`{0}` has neither a pattern nor words")]
    Nothing(String),
    /// A type that must always be redacted is to be left.
    #[error("`{0}` is always redacted")]
    Strict(String),
}

/// A compiled [`Pattern`].
#[derive(Debug)]
pub(super) struct Detector {
    kind: Kind,
    expression: Option<Regex>,
    words: Option<AhoCorasick>,
    validator: Option<Validator>,
}

impl Detector {
    pub(super) fn new(pattern: &Pattern) -> Result<Self, PatternError> {
        let kind = Kind::named(&pattern.kind)?;
        let wrong = |why: String| PatternError::Syntax { kind: pattern.kind.clone(), why };
        let expression = pattern
            .expression
            .as_deref()
            .map(|expression| {
                let regex = RegexBuilder::new(expression)
                    .size_limit(MOST_MEMORY)
                    .build()
                    .map_err(|err| wrong(err.to_string()))?;
                if regex.is_match("") {
                    Err(PatternError::Empty(pattern.kind.clone()))
                } else {
                    Ok(regex)
                }
            })
            .transpose()?;
        let words: Vec<String> =
            pattern.words.iter().map(|word| word.trim().to_lowercase()).collect();
        if words.iter().any(String::is_empty) {
            return Err(PatternError::Empty(pattern.kind.clone()));
        }
        if expression.is_none() && words.is_empty() {
            return Err(PatternError::Nothing(pattern.kind.clone()));
        }
        let words = (!words.is_empty())
            .then(|| {
                AhoCorasick::builder()
                    .ascii_case_insensitive(true)
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(words)
            })
            .transpose()
            .map_err(|err| wrong(err.to_string()))?;
        Ok(Self { kind, expression, words, validator: pattern.validator })
    }

    pub(super) const fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        let mut add = |at: std::ops::Range<usize>, rule| {
            let value = &text[at.clone()];
            if !value.is_empty() && self.validator.is_none_or(|validator| validator.passes(value)) {
                let canonical = value.to_lowercase();
                found.push(Found::new(at, self.kind.clone(), canonical, rule, 100));
            }
        };
        if let Some(expression) = &self.expression {
            for hit in expression.find_iter(text) {
                add(hit.range(), "policy/pattern");
            }
        }
        if let Some(words) = &self.words {
            for hit in words.find_iter(text) {
                let touched = text[..hit.start()].ends_with(char::is_alphanumeric)
                    || text[hit.end()..].starts_with(char::is_alphanumeric);
                if !touched {
                    add(hit.range(), "policy/words");
                }
            }
        }
    }
}
