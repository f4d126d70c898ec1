//! What a policy says of personal data: types of its own, and types that may be seen.

/// The types that are found without any rule, as policies and placeholders write them.
pub const BUILT_IN: [&str; 11] = [
    "PERSON",
    "EMAIL",
    "PHONE",
    "CREDIT_CARD",
    "IBAN",
    "IP_ADDRESS",
    "ADDRESS",
    "DATE_OF_BIRTH",
    "NATIONAL_ID",
    "BANK_ACCOUNT",
    "SECRET",
];

/// The built-in types that no policy can leave in the clear.
pub const ALWAYS: [&str; 3] = ["SECRET", "CREDIT_CARD", "NATIONAL_ID"];

/// The checks that a type of a policy's own may ask for.
pub const VALIDATORS: [&str; 3] = ["luhn", "mod97", "verhoeff"];

/// A type of personal data that only the company knows: found by pattern or words, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// The type, as placeholders name it: `CUSTOMER_NO`.
    pub kind: String,
    /// A regular expression in the syntax of the crate `regex`.
    pub expression: Option<String>,
    /// Words, in any case, that stand alone.
    pub words: Vec<String>,
    /// One of [`VALIDATORS`], which a match must pass besides.
    pub validator: Option<String>,
}

/// Everything that policies say of personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redaction {
    /// Types of their own.
    pub patterns: Vec<Pattern>,
    /// Built-in types that models may see. None of [`ALWAYS`].
    pub seen: Vec<String>,
}
