//! What a placeholder looks like: `[EMAIL_1]`, `[PERSON_1_FIRST]`, and how models misspell it.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use crate::detect::pattern;

/// What may stand between two words of a name: also escaped, for Markdown or for HTML.
const GAP: &str = r"(?:\\?[_ \-]|&#95;|&#[xX]5[fF];|&lowbar;)";

/// An escaped bracket opens only where an escaped one closes; a backslash before one of our own
/// placeholders belongs to the text. HTML's ways to write brackets, and full-width ones, count too.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let body =
        format!("([A-Za-z]+(?:{GAP}[A-Za-z]+)*{GAP}[0-9]{{1,9}}(?:{GAP}[A-Za-z]+[0-9]{{0,3}})*)");
    let open = r"(?:&#0*91;|&#[xX]0*5[bB];|&lsqb;|&lbrack;|［)";
    let close = r"(?:&#0*93;|&#[xX]0*5[dD];|&rsqb;|&rbrack;|］)";
    pattern(&format!(r"\\\[ ?{body} ?\\\]|\[ ?{body} ?\]|{open} ?{body} ?{close}"))
});

/// A piece of text that is, or looks like, a placeholder.
pub(crate) struct Token {
    pub(crate) at: Range<usize>,
    /// In the spelling we issue, without brackets: `PERSON_1_FIRST`.
    pub(crate) name: String,
}

/// Everything that looks like a placeholder: in exactly our spelling with any type, or in a
/// similar one (`[Person 1]`, `\[PERSON\_1\]`) with a type that `is_type` knows.
pub(crate) fn tokens(text: &str, is_type: impl Fn(&str) -> bool) -> Vec<Token> {
    if !text.contains(['[', '［']) && !text.contains("&#") && !text.contains("&l") {
        return Vec::new();
    }
    TOKEN
        .captures_iter(text)
        .filter_map(|captures| {
            let whole = captures.get(0)?;
            let body = captures.iter().skip(1).flatten().next()?.as_str();
            let name = plain(body);
            let exact = whole.as_str().len() == name.len() + 2 && body == name;
            let kind = name.find(|c: char| c.is_ascii_digit()).map(|end| &name[..end - 1])?;
            (exact || is_type(kind)).then(|| Token { at: whole.range(), name: name.clone() })
        })
        .collect()
}

/// A name in the spelling we issue.
fn plain(body: &str) -> String {
    let name = body.replace('\\', "").replace([' ', '-'], "_").to_ascii_uppercase();
    if !name.contains('&') {
        return name;
    }
    name.replace("&#95;", "_").replace("&#X5F;", "_").replace("&LOWBAR;", "_")
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
        assert_eq!(
            names("&#91;PERSON_1&#93; &lbrack;person&lowbar;2&rbrack; &#x5B;PERSON&#95;3&#x5d;"),
            ["PERSON_1", "PERSON_2", "PERSON_3"]
        );
        assert_eq!(names("［PERSON_1］: **[PERSON_2]**"), ["PERSON_1", "PERSON_2"]);
        assert_eq!(names("&amp;[PERSON_1&#93; &lt;PERSON_1&gt;"), [""; 0]);
        assert_eq!(names("[ORDER_4]"), ["ORDER_4"]);
        assert_eq!(names("[Note 1] [1] [x] [PERSON] [PERSON_1"), [""; 0]);
    }
}
