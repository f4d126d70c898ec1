//! Mail addresses, plain and written out with "at" and "dot".

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, pattern};
use crate::kind::Kind;

/// `ann [at] acme [dot] com`, `ann (at) acme dot com`, `ann@acme[.]com`.
static WRITTEN_OUT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)[a-z0-9][a-z0-9._%+\-]*(?: ?[\[({] ?(?:at|@) ?[\])}] ?|@)[a-z0-9\-]+(?:(?: ?[\[({] ?(?:dot|\.) ?[\])}] ?| dot |\.)[a-z0-9\-]+)+",
    )
});

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for (at, _) in text.match_indices('@') {
        let Some(start) = local(text, at) else { continue };
        let Some(end) = host(text, at + 1) else { continue };
        let canonical = text[start..end].to_lowercase();
        found.push(Found { at: start..end, kind: Kind::Email, canonical });
    }
    if text.contains(['[', '(', '{']) {
        for hit in WRITTEN_OUT.find_iter(text) {
            // Plain addresses were found above; here only what is written out.
            if !hit.as_str().contains(['[', '(', '{']) {
                continue;
            }
            let mut canonical = hit.as_str().to_lowercase();
            for (written, sign) in [("at", "@"), ("@", "@"), ("dot", "."), (".", ".")] {
                for (open, close) in [('[', ']'), ('(', ')'), ('{', '}')] {
                    canonical = canonical.replace(&format!("{open}{written}{close}"), sign);
                }
            }
            let canonical = canonical.replace(" dot ", ".").replace(' ', "");
            found.push(Found { at: hit.range(), kind: Kind::Email, canonical });
        }
    }
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
    let dressed = text[start..at].trim_start_matches(['.', '\'', '-', '~']);
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
    let is_top = top.chars().count() >= 2 && top.chars().any(char::is_alphabetic);
    let is_picture = matches!(top, "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp");
    (is_top && !is_picture && !head.starts_with(['.', '-'])).then_some(start + host.len())
}
