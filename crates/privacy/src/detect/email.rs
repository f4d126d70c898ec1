//! Mail addresses, plain and written out with "at" and "dot".

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, Page, pattern};
use crate::kind::Kind;

/// `ann [at] acme [dot] com`, `ann (at) acme dot com`, `ann@acme[.]com`, `ann AT acme DOT com`.
static WRITTEN_OUT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)[a-z0-9][a-z0-9._%+\-]*(?: ?[\[({<] ?(?:at|@|ät|arroba|à|a) ?[\])}>] ?| at | @ |@)[a-z0-9\-]+(?:(?: ?[\[({<] ?(?:dot|\.|punkt|punto|point|d) ?[\])}>] ?| dot | punkt | punto |\.)[a-z0-9\-]+)+",
    )
});

/// Domains that no mail address ends with: files, versions.
const NO_DOMAINS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "js", "ts", "css", "json", "yml", "yaml", "html",
    "md", "txt", "pdf", "zip", "git",
];

pub(super) fn find(page: &Page<'_>, found: &mut Vec<Found>) {
    let text = page.text;
    let first = found.len();
    let mut last = 0;
    let mut ats = 0;
    for at in memchr::memchr_iter(b'@', text.as_bytes()) {
        ats += 1;
        if at < last {
            continue;
        }
        let Some(start) = local(text, at) else { continue };
        let Some(end) = host(text, at + 1) else { continue };
        // `git@github.com:acme/app` names a repository.
        let repository = &text[start..at] == "git" && text[end..].starts_with([':', '/']);
        if repository || of_url(text, start) {
            continue;
        }
        last = end;
        let canonical = text[start..end].to_lowercase();
        found.push(Found::new(start..end, Kind::Email, canonical, "email/plain", 98));
    }
    let bytes = text.as_bytes();
    let brackets =
        memchr::memchr3(b'[', b'(', b'{', bytes).is_some() || memchr::memchr(b'<', bytes).is_some();
    let bracketed = brackets && (ats > 0 || contains_at(text));
    let spelled = text.contains(" dot ")
        || text.contains(" DOT ")
        || ats > 0 && text.contains(" @ ")
        || text.contains(" punto ")
        || text.contains(" punkt ");
    if !bracketed && !spelled {
        return;
    }
    let plain_ones = first..found.len();
    let mut from = 0;
    while let Some(hit) = WRITTEN_OUT.find_at(text, from) {
        let written = hit.as_str();
        // `Reach out at ann [at] acme [dot] com`: what is no address may hide the start of one.
        let host = written.find([' ', '@', '[', '(', '{', '<']).unwrap_or(written.len()).max(1);
        from = text.ceil_char_boundary(hit.start() + host);
        // Plain addresses were found above; here only what is written out.
        let brackets = written.contains(['[', '(', '{', '<']);
        let spaces = written.contains(" @ ")
            || written.to_lowercase().contains(" dot ")
            || written.contains(" punkt ")
            || written.contains(" punto ");
        if !brackets && !spaces {
            continue;
        }
        let mut canonical = written.to_lowercase();
        for open in ['[', '(', '{', '<', ']', ')', '}', '>'] {
            canonical = canonical.replace(open, " ");
        }
        let words: Vec<&str> = canonical.split_whitespace().collect();
        let plain: String = words
            .iter()
            .map(|word| match *word {
                "at" | "ät" | "arroba" | "à" => "@",
                "dot" | "punkt" | "punto" | "point" | "d" => ".",
                word => word,
            })
            .collect();
        let Some((head, top)) = plain.rsplit_once('.') else { continue };
        let is_top =
            (2..=12).contains(&top.len()) && top.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !head.contains('@') || !is_top || NO_DOMAINS.contains(&top) {
            continue;
        }
        let ones = &found[plain_ones.clone()];
        let next = ones.partition_point(|other| other.at.end <= hit.start());
        if ones.get(next).is_none_or(|other| other.at.start >= hit.end()) {
            from = hit.end();
            found.push(Found::new(hit.range(), Kind::Email, plain, "email/written-out", 92));
        }
    }
}

/// Whether "at" stands in brackets anywhere.
fn contains_at(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(2).enumerate().any(|(at, pair)| {
        pair.eq_ignore_ascii_case(b"at")
            && at > 0
            && matches!(bytes[at - 1], b'[' | b'(' | b'{' | b'<' | b' ')
            && bytes
                .get(at + 2)
                .is_some_and(|byte| matches!(byte, b']' | b')' | b'}' | b'>' | b' '))
    }) || text.contains("arroba")
}

/// Whether what stands before an `@` is the password of a URL.
fn of_url(text: &str, start: usize) -> bool {
    let mut from = start.saturating_sub(300);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let head = &text[from..start];
    let token = &head
        [head.rfind(|c: char| c.is_whitespace() || "\"'<>".contains(c)).map_or(0, |at| at + 1)..];
    token.contains("://") && token.ends_with(':')
}

/// Where the local part before an `@` starts.
fn local(text: &str, at: usize) -> Option<usize> {
    let fits = |c: char| c.is_alphanumeric() || "._%+-'~".contains(c);
    let start = text[..at]
        .char_indices()
        .rev()
        .take(64)
        .take_while(|(_, c)| fits(*c))
        .last()
        .map(|(start, _)| start)?;
    let dressed = text[start..at].trim_start_matches(['.', '\'', '-', '~', '%']);
    (!dressed.is_empty()).then_some(at - dressed.len())
}

/// Where the host after an `@` ends.
fn host(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    let length = rest
        .char_indices()
        .take(255)
        .take_while(|(_, c)| c.is_alphanumeric() || *c == '-' || *c == '.')
        .last()
        .map(|(at, c)| at + c.len_utf8())?;
    let host = rest[..length].trim_end_matches(['.', '-']);
    // `ann@acme.com..` and `ann@acme..com` end where the labels end.
    let host = host.find("..").map_or(host, |end| &host[..end]);
    let (head, top) = host.rsplit_once('.')?;
    let is_top = top.chars().count() >= 2 && top.chars().all(|c| c.is_alphabetic() || c == '-')
        || top.starts_with("xn--");
    // `ann@acme.com.Thanks` ran into the next sentence.
    let (host, is_top) = if is_top
        && top.len() > 3
        && top.starts_with(|c: char| c.is_ascii_uppercase())
        && top[1..].bytes().all(|byte| byte.is_ascii_lowercase())
        && head.contains('.')
    {
        (head, true)
    } else {
        (host, is_top)
    };
    (is_top && !NO_DOMAINS.contains(&top) && !head.starts_with(['.', '-']))
        .then_some(start + host.len())
}

/// Compiles the expression, so that the first text does not wait for it.
pub(super) fn warm_up() {
    LazyLock::force(&WRITTEN_OUT);
}
