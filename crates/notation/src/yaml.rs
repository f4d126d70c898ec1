//! Reads YAML into types: bounded, strict, and with a line, a column and a caret for every error.

use serde::de::DeserializeOwned;
use serde_saphyr::{
    DefaultMessageFormatter, DuplicateKeyPolicy, Error, MergeKeyPolicy, MessageFormatter, Options,
    budget::BudgetBreach,
};

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    spanned::place_of,
    suggest,
};

/// The largest file that is read, in bytes. People write files a hundred times smaller.
pub const MOST_BYTES: usize = 1 << 20;

/// Reads one YAML document.
///
/// Unknown keys are refused where the type says `deny_unknown_fields`; duplicate keys, merge keys,
/// several documents, booleans such as `yes`, alias bombs, and files beyond [`MOST_BYTES`] always.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Diagnostics> {
    if text.len() > MOST_BYTES {
        let message = format!("file is {} bytes long, at most {MOST_BYTES} are read", text.len());
        return Err(Diagnostic::error(file, "", Place::START, message).into());
    }
    serde_saphyr::from_str_with_options(text, options())
        .map_err(|error| explain(file, text, &error).into())
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_documents: 1,
            max_nodes: 20_000,
            max_events: 60_000,
            max_aliases: 100,
            max_anchors: 100,
            max_merge_keys: 0,
            flow_nesting_limit: 32,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 100,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn explain(file: &str, text: &str, error: &Error) -> Diagnostic {
    let mut place = error.location().map_or(Place::START, place_of);
    let mut cause = error;
    while let Error::AliasError { error, .. } | Error::WithSnippet { error, .. } = cause {
        cause = error;
    }
    let (message, help) = match cause {
        Error::SerdeUnknownField { field, expected, .. } => {
            place.len = field.chars().count();
            (
                format!("unknown key `{}`", plain(field)),
                suggest::help(field, expected.iter().copied()),
            )
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => (
            format!("`{}` is not a word that is known here", plain(variant)),
            suggest::help(variant, expected.iter().copied()),
        ),
        Error::SerdeMissingField { field, .. } => {
            place.len = 1;
            (format!("missing key `{field}`"), Some(format!("add `{field}: …`")))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map_or_else(String::new, |key| format!(" `{}`", plain(key)));
            (format!("duplicate key{key}"), Some("keep one of them".to_owned()))
        }
        Error::InvalidBooleanStrict { .. } => ("expected `true` or `false`".to_owned(), None),
        Error::MultipleDocuments { .. }
        | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            ("a file holds one document".to_owned(), Some("remove the `---` line".to_owned()))
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => (
            "file is too large, too deep or repeats too much by alias to be read".to_owned(),
            Some("write it out plainly".to_owned()),
        ),
        Error::MergeKeyNotAllowed { .. } => {
            ("merge keys are not read".to_owned(), Some("write the keys out".to_owned()))
        }
        Error::Eof { .. } => ("file is empty or ends too early".to_owned(), None),
        other => {
            let message = DefaultMessageFormatter.format_message(other);
            let tab = line_indent(text, place).contains('\t');
            let help = tab.then(|| "indent with spaces, YAML allows no tabs".to_owned());
            (plain(&message), help)
        }
    };
    Diagnostic::error(file, text, place, message).with_help(help)
}

/// The white space a line begins with.
fn line_indent(text: &str, place: Place) -> &str {
    let line = text.lines().nth(place.line.saturating_sub(1)).unwrap_or_default();
    &line[..line.len() - line.trim_start().len()]
}

/// Text out of a file that is repeated in a message: short and without control characters.
fn plain(text: &str) -> String {
    let mut plain: String =
        text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > 200 {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::spanned::Spanned;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Play {
        #[expect(dead_code, reason = "only reading it is tested")]
        title: Spanned<String>,
        #[serde(default)]
        #[expect(dead_code, reason = "only reading it is tested")]
        when: Option<Spanned<String>>,
        #[serde(default)]
        #[expect(dead_code, reason = "only reading it is tested")]
        on: Option<bool>,
        #[serde(default)]
        #[expect(dead_code, reason = "only reading it is tested")]
        stage: Option<Stage>,
        #[serde(default)]
        #[expect(dead_code, reason = "only reading it is tested")]
        items: Vec<serde_json::Value>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Stage {
        Crawl,
        Walk,
    }

    fn refusal(text: &str) -> String {
        read::<Play>("play.yaml", text).expect_err(text).to_string()
    }

    #[test]
    fn a_misspelt_key_is_shown_with_what_was_meant() {
        insta::assert_snapshot!(refusal("title: a\nstagee: crawl\n"), @r"
        error: unknown key `stagee`
         --> play.yaml:2:1
          |
        2 | stagee: crawl
          | ^^^^^^
          = help: did you mean `stage`?
        ");
    }

    #[test]
    fn a_misspelt_word_is_shown_with_what_was_meant() {
        insta::assert_snapshot!(refusal("title: a\nstage: crwal\n"), @r"
        error: `crwal` is not a word that is known here
         --> play.yaml:2:8
          |
        2 | stage: crwal
          |        ^^^^^
          = help: did you mean `crawl`?
        ");
    }

    #[test]
    fn a_missing_key_is_named() {
        insta::assert_snapshot!(refusal("stage: walk\n"), @r"
        error: missing key `title`
         --> play.yaml:1:1
          |
        1 | stage: walk
          | ^
          = help: add `title: …`
        ");
    }

    #[test]
    fn a_key_given_twice_is_refused() {
        insta::assert_snapshot!(refusal("title: a\ntitle: b\n"), @r"
        error: duplicate key `title`
         --> play.yaml:2:1
          |
        2 | title: b
          | ^^^^^
          = help: keep one of them
        ");
    }

    #[test]
    fn booleans_are_true_or_false() {
        insta::assert_snapshot!(refusal("title: a\non: yes\n"), @r"
        error: expected `true` or `false`
         --> play.yaml:2:5
          |
        2 | on: yes
          |     ^^^
        ");
    }

    #[test]
    fn tabs_are_no_indentation() {
        insta::assert_snapshot!(refusal("title: a\nitems:\n\t- a\n"), @r"
        error: tabs disallowed within this context (block indentation)
         --> play.yaml:3:2
          |
        3 |  - a
          |  ^
          = help: indent with spaces, YAML allows no tabs
        ");
    }

    #[test]
    fn a_second_document_is_refused() {
        insta::assert_snapshot!(refusal("title: a\n---\ntitle: b\n"), @r"
        error: a file holds one document
         --> play.yaml:2:1
          |
        2 | ---
          | ^^^
          = help: remove the `---` line
        ");
    }

    #[test]
    fn an_empty_file_is_refused_with_a_place() {
        insta::assert_snapshot!(refusal(""), @r"
        error: file is empty or ends too early
         --> play.yaml:1:1
        ");
    }

    #[test]
    fn hostile_files_are_refused_at_once_and_clearly() {
        let mut laughs = "title: a\nitems:\n  - &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (new, old) in "bcdefghi".chars().zip("abcdefgh".chars()) {
            let row = vec![format!("*{old}"); 10].join(",");
            laughs = format!("{laughs}  - &{new} [{row}]\n");
        }
        let long = format!("title: {}\n", "a".repeat(10 << 20));
        let deep = format!("title: a\nitems: {}\n", "[".repeat(100_000));
        let deep_blocks = (0..1000).fold(String::new(), |text, n| text + &" ".repeat(n) + "a:\n");
        let wide = format!("title: a\nitems: [{}]\n", "1,".repeat(400_000));
        let merge = "title: a\nbase: &b {stage: walk}\n<<: *b\n".to_owned();
        for text in [laughs, long, deep, deep_blocks, wide, merge] {
            let begun = Instant::now();
            let error = read::<Play>("bomb.yaml", &text).expect_err("a bomb was read");
            let took = begun.elapsed();
            // Milliseconds when optimised; what this keeps out would take minutes.
            assert!(took < Duration::from_secs(5), "took {took:?}");
            let first = &error.as_slice()[0];
            assert!(first.line >= 1 && first.column >= 1 && !first.message.is_empty());
            assert!(error.to_string().len() < 1000, "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "(?s).{0,300}") {
            if let Err(error) = read::<Play>("x.yaml", &text) {
                prop_assert!(error.as_slice().iter().all(|d| d.line >= 1 && d.column >= 1));
                let _ = error.to_string();
            }
        }

        #[test]
        fn nothing_like_yaml_makes_reading_panic(
            text in "(title|when|items|: |\n|  |- |&a|\\*a|\\[|\\]|\\{|\\}|'|\"|\\||>|#|!|%|\t){0,60}"
        ) {
            if let Err(error) = read::<Play>("x.yaml", &text) {
                let _ = error.to_string();
            }
        }
    }
}
