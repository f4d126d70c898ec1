//! Numbers a state knows a person by, where the words before them say so.

use std::sync::LazyLock;

use regex::Regex;

use super::{Found, pattern};
use crate::kind::Kind;

static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(?i:passport|nif|nie|dni|nino|ni|national insurance|cpf|pan|bsn|pesel|personnummer|codice fiscale|tax id|steuer-?id|ssn|social security|national id|id card|ausweis)(?i: ?(?:no|number|nr|nummer)\b\.?)?(?: is| -|:|,)?:? {0,2}([A-Z]{0,6} ?[0-9][A-Z0-9]*(?:[ .\-][A-Z0-9]{1,4}){0,5})\b",
    )
});

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for captures in ANNOUNCED.captures_iter(text) {
        let Some(value) = captures.get(1) else { continue };
        let start = value.end() - value.as_str().trim_start().len();
        let canonical: String =
            value.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        let digits = canonical.bytes().filter(u8::is_ascii_digit).count();
        if (6..=18).contains(&canonical.len()) && digits >= 3 {
            found.push(Found { at: start..value.end(), kind: Kind::NationalId, canonical });
        }
    }
}
