//! What a placeholder looks like: `[EMAIL_1]`, `[PERSON_1_FIRST]`, and how models misspell it.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::detect::pattern;

const BODY: &str =
    r"[A-Za-z]+(?:\\?[_ \-][A-Za-z]+)*\\?[_ \-][0-9]{1,9}(?:\\?[_ \-][A-Za-z]+[0-9]{0,3})*";

/// An escaped bracket opens only where an escaped one closes; a backslash before one of our own
/// placeholders belongs to the text.
static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\\\[ ?({BODY}) ?\\\]|\[ ?({BODY}) ?\]")));

/// A piece of text that is, or looks like, a placeholder.
pub(crate) struct Token {
    pub(crate) at: Range<usize>,
    /// In the spelling we issue, without brackets: `PERSON_1_FIRST`.
    pub(crate) name: String,
}

/// Everything that looks like a placeholder: in exactly our spelling with any type, or in a
/// similar one (`[Person 1]`, `\[PERSON\_1\]`) with a type that `is_type` knows.
pub(crate) fn tokens(text: &str, is_type: impl Fn(&str) -> bool) -> Vec<Token> {
    if !text.contains('[') {
        return Vec::new();
    }
    TOKEN
        .captures_iter(text)
        .filter_map(|captures| {
            let whole = captures.get(0)?;
            let body = captures.get(1).or_else(|| captures.get(2))?.as_str();
            let name = body.replace('\\', "").replace([' ', '-'], "_").to_ascii_uppercase();
            let exact = whole.as_str().len() == name.len() + 2 && body == name;
            let kind = name.find(|c: char| c.is_ascii_digit()).map(|end| &name[..end - 1])?;
            (exact || is_type(kind)).then(|| Token { at: whole.range(), name: name.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_of_our_types_are_understood_and_other_brackets_are_not() {
        let names = |text: &str| -> Vec<String> {
            tokens(text, |kind| kind == "PERSON" || kind == "IP_ADDRESS")
                .into_iter()
                .map(|token| token.name)
                .collect()
        };
        assert_eq!(names("[PERSON_1]'s, [PERSON_10]"), ["PERSON_1", "PERSON_10"]);
        assert_eq!(names(r"\[PERSON\_1\_FIRST\]"), ["PERSON_1_FIRST"]);
        assert_eq!(
            names("[Person 1] [ip-address 2] [ person_3 ]"),
            ["PERSON_1", "IP_ADDRESS_2", "PERSON_3"]
        );
        assert_eq!(names("[ORDER_4]"), ["ORDER_4"]);
        assert_eq!(names("[Note 1] [1] [x] [PERSON] [PERSON_1"), [""; 0]);
    }
}
