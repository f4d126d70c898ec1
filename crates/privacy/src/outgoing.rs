//! Looks at what would go out for what only we are meant to see: our own words for customers,
//! blanks that were not filled in, marks of our prompts, links and images nobody vouched for.

use std::{cmp::Reverse, ops::Range, sync::LazyLock};

use regex::Regex;

use crate::{detect::pattern, fold::Folded};

/// What does not belong in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Blunder {
    /// A word that is ours alone: "churn", "health score", a playbook's name.
    Vocabulary,
    /// A blank or a placeholder that was left over.
    Placeholder,
    /// A mark that only our prompts have.
    Canary,
    /// A link to a host that is not allowed.
    Link,
    /// An image, which a letter of ours never has.
    Image,
}

impl Blunder {
    /// The word for it in findings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vocabulary => "vocabulary",
            Self::Placeholder => "placeholder",
            Self::Canary => "canary",
            Self::Link => "link",
            Self::Image => "image",
        }
    }
}

/// What a text is held to.
#[derive(Clone, Debug, Default)]
pub struct Standards<'a> {
    /// Words and phrases of ours, in any case; each is found as whole words.
    pub words: &'a [String],
    /// Texts that only our prompts have, beside the lines around data.
    pub canaries: &'a [String],
    /// Hosts that links may lead to, themselves or something under them.
    pub hosts: &'a [String],
}

/// A place where something does not belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// Bytes of the text.
    pub at: Range<usize>,
    /// What it is.
    pub kind: Blunder,
    /// What found it, in words; for a link its host. Never personal.
    pub rule: String,
}

/// `[PERSON_1]`, `{{ name }}`, `[Your name]`, `<FIRST NAME>`, `TBD`.
static BLANKS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\\?\[[A-Z]+(?:\\?_[A-Z]+)*\\?_[0-9]+\\?\]|\{\{[^{}\n]{0,80}\}\}|\{%[^{}\n]{0,80}%\}|\$\{[A-Za-z_.]{1,60}\}|%[A-Z]{2,30}_[A-Z_]{2,30}%|<[A-Z][A-Z_ ]{2,40}>|\[(?i:your|first|last|full|company|customer|recipient|contact|account|insert|name|date|title|link|add|fill)(?:[ _][A-Za-z '_/\-]{0,40})?\]|\b(?:TODO|TBD|FIXME|XXX+)\b|(?i:\blorem ipsum\b)",
    )
});

/// The line around data in our prompts.
static MARKER: LazyLock<Regex> = LazyLock::new(|| pattern(r"<{0,3}\b[A-P]{32}\b>{0,3}"));

static LINK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:\b[a-z][a-z0-9+.\-]{1,20}:)?//(?:[^\s/@]*@)?([^\s/?#\\)>\]\x22'<]+)[^\s)>\]\x22'<]*|\bwww\.([a-z0-9.\-]+)[^\s)>\]\x22'<]*|\b(?:javascript|data|vbscript|file):[^\s)>\]\x22']+",
    )
});

static IMAGE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)!\[[^\]\n]{0,200}\]\(|<(?:img|picture|svg|video|object|embed|iframe)\b|\bdata:image/|\bcid:[a-z0-9]|background(?:-image)?\s*:\s*url\(",
    )
});

/// Everything in a text that does not belong, in order.
pub fn inspect(text: &str, standards: &Standards<'_>) -> Vec<Slip> {
    let folded = Folded::of(text);
    let copy = folded.text();
    let mut slips = Vec::new();
    let mut slip = |at: Range<usize>, kind, rule: String| {
        slips.push(Slip { at: folded.source_range(at), kind, rule });
    };
    let lower = copy.to_lowercase();
    // Where lower case changes no lengths, places are the same.
    let searched = if lower.len() == copy.len() { &lower } else { copy };
    for word in standards.words {
        let wanted = word.trim().to_lowercase();
        for at in phrases(searched, &wanted) {
            slip(at, Blunder::Vocabulary, format!("`{}` is a word of ours", word.trim()));
        }
    }
    for blank in BLANKS.find_iter(copy) {
        slip(blank.range(), Blunder::Placeholder, "a blank that was not filled in".to_owned());
    }
    for marker in MARKER.find_iter(copy) {
        slip(marker.range(), Blunder::Canary, "a line of a prompt".to_owned());
    }
    for canary in standards.canaries.iter().filter(|canary| !canary.trim().is_empty()) {
        for (at, found) in copy.match_indices(canary.trim()) {
            slip(at..at + found.len(), Blunder::Canary, "a mark of a prompt".to_owned());
        }
    }
    for image in IMAGE.find_iter(copy) {
        slip(image.range(), Blunder::Image, "an image".to_owned());
    }
    for link in LINK.captures_iter(copy) {
        let Some(whole) = link.get(0) else { continue };
        let host = link.get(1).or_else(|| link.get(2)).map_or("", |host| host.as_str());
        let host = host.split(':').next().unwrap_or_default().trim_end_matches('.').to_lowercase();
        if !allows(standards.hosts, &host) {
            let rule = if host.is_empty() {
                "a link that runs something".to_owned()
            } else {
                format!("a link to `{host}`")
            };
            slip(whole.range(), Blunder::Link, rule);
        }
    }
    slips.sort_by_key(|slip| (slip.at.start, Reverse(slip.at.end)));
    // What is a part of something else is that.
    let mut end = 0;
    slips.retain(|slip| {
        let new = slip.at.end > end;
        end = end.max(slip.at.end);
        new
    });
    slips
}

/// The hosts of a text's links: those that somebody of ours vouched for by writing it.
pub fn hosts(text: &str) -> Vec<String> {
    LINK.captures_iter(text)
        .filter_map(|link| link.get(1).or_else(|| link.get(2)))
        .filter_map(|host| host.as_str().split(':').next().map(str::to_lowercase))
        .filter(|host| !host.is_empty())
        .collect()
}

fn allows(hosts: &[String], host: &str) -> bool {
    let host = host.strip_prefix("www.").unwrap_or(host);
    !host.is_empty()
        && hosts.iter().map(|allowed| allowed.trim().to_lowercase()).any(|allowed| {
            let allowed = allowed.strip_prefix("www.").unwrap_or(&allowed);
            host == allowed
                || host
                    .strip_suffix(allowed)
                    .is_some_and(|rest| rest.ends_with('.') && !allowed.is_empty())
        })
}

/// Where a phrase stands as whole words, with any white space between them.
fn phrases(text: &str, phrase: &str) -> Vec<Range<usize>> {
    let words: Vec<&str> = phrase.split_whitespace().collect();
    let Some((first, rest)) = words.split_first() else { return Vec::new() };
    let mut found = Vec::new();
    for (start, _) in text.match_indices(first) {
        let mut end = start + first.len();
        let whole = rest.iter().all(|word| {
            let gap = text[end..].len()
                - text[end..].trim_start_matches([' ', '\n', '\t', '-', '_']).len();
            let there = gap > 0 && text[end + gap..].starts_with(word);
            end += gap + word.len() * usize::from(there);
            there
        });
        let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let before = touches(text[..start].chars().next_back());
        let mut after = text.get(end..).unwrap_or_default().chars();
        let next = after.next();
        // The plural is the same word.
        let plural = next == Some('s') && !touches(after.next());
        if whole && !before && (plural || !touches(next)) {
            found.push(start..end + usize::from(plural));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<(Blunder, String)> {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let (words, canaries, hosts) = (
            list(&["health score", "churn", "churn-risk-response"]),
            list(&["ZEBRA-7"]),
            list(&["help.playgate.example", "acme.example"]),
        );
        let standards = Standards { words: &words, canaries: &canaries, hosts: &hosts };
        inspect(text, &standards)
            .into_iter()
            .map(|slip| (slip.kind, text[slip.at].to_owned()))
            .collect()
    }

    #[test]
    fn gv_17_what_is_ours_alone_is_found_where_it_stands() {
        for (text, kind, shown) in [
            ("your Health  Score fell", Blunder::Vocabulary, "Health  Score"),
            ("health-scores", Blunder::Vocabulary, "health-scores"),
            ("signs of chu\u{200b}rn.", Blunder::Vocabulary, "chu\u{200b}rn"),
            ("Dear [PERSON_1],", Blunder::Placeholder, "[PERSON_1]"),
            (r"Dear \[PERSON\_1\],", Blunder::Placeholder, r"\[PERSON\_1\]"),
            ("Dear {{ contact.first }},", Blunder::Placeholder, "{{ contact.first }}"),
            ("Dear [Your name],", Blunder::Placeholder, "[Your name]"),
            ("on TBD we meet", Blunder::Placeholder, "TBD"),
            (
                "<<<ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP>>>",
                Blunder::Canary,
                "<<<ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP>>>",
            ),
            ("code ZEBRA-7 is", Blunder::Canary, "ZEBRA-7"),
            ("see https://evil.example/x?q=1.", Blunder::Link, "https://evil.example/x?q=1."),
            ("see //evil.example/x", Blunder::Link, "//evil.example/x"),
            ("see www.evil.example", Blunder::Link, "www.evil.example"),
            (
                "https://acme.example@evil.example/",
                Blunder::Link,
                "https://acme.example@evil.example/",
            ),
            (
                "https://acme.example.evil.example",
                Blunder::Link,
                "https://acme.example.evil.example",
            ),
            ("javascript:alert(1)", Blunder::Link, "javascript:alert(1"),
            ("<img src=x>", Blunder::Image, "<img"),
            ("![x](y)", Blunder::Image, "![x]("),
        ] {
            assert_eq!(found(text), [(kind, shown.to_owned())], "{text}");
        }
    }

    #[test]
    fn an_ordinary_letter_is_left_alone() {
        for text in [
            "Hi Ann,\n\nsee https://help.playgate.example/start and www.acme.example/x.",
            "http://sub.acme.example:8080/a",
            "The churned butter; healthy scores [1], {a}, <b>x</b>, a // b, 50% off",
            "Agenda [optional]: data: 5, file: x.pdf",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
        assert_eq!(hosts("https://A.example/x www.b.example"), ["a.example", "b.example"]);
    }

    proptest! {
        #[test]
        fn places_are_within_any_text(text in "\\PC{0,120}|[<>\\[\\]{}%$:/a-zA-Z_0-9 .\\-]{0,120}") {
            for (_, shown) in found(&text) {
                prop_assert!(!shown.is_empty());
            }
        }
    }
}
