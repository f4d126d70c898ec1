//! Rows as JSON text, the one parameter a batch is bound as.

use serde::Serialize;

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
