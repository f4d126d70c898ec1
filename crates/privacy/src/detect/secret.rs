//! Keys, tokens, passwords.

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, pattern};
use crate::kind::Kind;

/// Texts that are secrets by their own shape. Where there is a group, it is the secret.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{30,255}",
        r"\bgithub_pat_[A-Za-z0-9_]{22,255}",
        r"\bglpat-[A-Za-z0-9_\-]{20,64}",
        r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,250}",
        r"\b(?:sk|rk)-(?:proj-|ant-|svcacct-|or-)?[A-Za-z0-9_\-]{20,250}",
        r"\b(?:sk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9+/]{16,250}",
        r"\bAIza[0-9A-Za-z_\-]{35}",
        r"\bya29\.[0-9A-Za-z_\-]{20,250}",
        r"\bSG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{16,64}",
        r"\bnpm_[A-Za-z0-9]{36}",
        r"\bpypi-[A-Za-z0-9_\-]{32,250}",
        r"\bhf_[A-Za-z0-9]{30,60}",
        r"\bdo[opr]_v1_[a-f0-9]{64}",
        r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
        r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?",
        r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_\-]{20,120}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
        r"(?i)\b[a-z][a-z0-9+.\-]{1,20}://[^\s:@/\x1f]{0,80}:([^\s@/\x1f]{1,200})@",
        r"(?i)\b(?:bearer|basic)\s+([A-Za-z0-9+/_\-.=]{16,500})",
    ]
    .into_iter()
    .map(pattern)
    .collect()
});

/// `password: x`, `"api_key": "x"`, `PWD=x`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)(?:\b|_)(passw(?:or)?d|pwd|pass(?:phrase|code)|passwort|kennwort|contraseña|mot de passe|secret|api[_ \-]?key|api[_ \-]?token|access[_ \-]?(?:key|token)|auth[_ \-]?token|client[_ \-]?secret|secret[_ \-]?(?:access[_ \-]?)?key|private[_ \-]?key|token|pin)["']?(\s{0,3}(?:=>|:=|[:=])\s{0,3}|\s+(?:is|ist|was)\s*:?\s+)["'`]?([^\s"'`<>,;\x1f]{4,300})"#,
    )
});

/// Words after "password is" or "token:" that are no password.
const HARMLESS: &str = "reset change changed expired expires required protected policy manager invalid \
    incorrect correct wrong missing not null none true false redacted hidden removed \
    example here string rotation rotated refresh stored the this that your still being \
    also never usage limit";

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for shape in &*SHAPES {
        for captures in shape.captures_iter(text) {
            if let Some(hit) = captures.get(1).or_else(|| captures.get(0))
                && !stands_for_one(hit.as_str())
            {
                found.push(Found {
                    at: hit.range(),
                    kind: Kind::Secret,
                    canonical: hit.as_str().to_owned(),
                });
            }
        }
    }
    for captures in NAMED.captures_iter(text) {
        let (Some(name), Some(joint), Some(value)) =
            (captures.get(1), captures.get(2), captures.get(3))
        else {
            continue;
        };
        let raw = value.as_str();
        let secret = raw.trim_end_matches(['.', ')', ']', '}', '!', '?']);
        // An exclamation mark may well end a password; a full stop rather ends the sentence.
        let secret = if raw.ends_with('!') && !raw.ends_with(".!") { raw } else { secret };
        let said = joint.as_str().trim().chars().all(char::is_alphabetic);
        let loose = said || matches!(&*name.as_str().to_lowercase(), "token" | "secret" | "pin");
        if secret.chars().count() < 4
            || stands_for_one(secret)
            || HARMLESS.split(' ').any(|word| secret.eq_ignore_ascii_case(word))
            || (loose && !secret.bytes().any(|byte| byte.is_ascii_digit()))
        {
            continue;
        }
        found.push(Found {
            at: value.start()..value.start() + secret.len(),
            kind: Kind::Secret,
            canonical: secret.to_owned(),
        });
    }
}

/// Whether a value only marks the place of a secret: `${TOKEN}`, `****`, `<key>`, `{{ key }}`.
fn stands_for_one(value: &str) -> bool {
    value.starts_with("${")
        || value.starts_with("{{")
        || value.starts_with('$')
        || value.chars().all(|c| "*•xX.-_…".contains(c))
        || value.to_uppercase().contains("REDACTED")
}
