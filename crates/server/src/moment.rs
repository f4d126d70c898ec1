//! Times, durations and amounts as people read them: UTC with its label, and how far away.

use domain::account::Money;
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

/// A time, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Moment {
    /// RFC 3339, for machines.
    pub(crate) iso: String,
    /// `22 Nov 2026, 10:00 UTC`.
    pub(crate) text: String,
    /// `in 3 h`, `2 d ago`, `now`.
    pub(crate) relative: String,
    /// Whether it has passed.
    pub(crate) past: bool,
}

impl Moment {
    /// A time as seen from `now`.
    pub(crate) fn of(at: Timestamp, now: Timestamp) -> Self {
        Self {
            iso: at.to_string(),
            text: at.strftime("%-d %b %Y, %H:%M UTC").to_string(),
            relative: relative(at, now),
            past: at < now,
        }
    }
}

/// `in 3 h`, `2 d ago`, `now`: rounded down to one unit.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = at.as_second() - now.as_second();
    let size = seconds.unsigned_abs();
    let amount = match size {
        0..60 => return "now".to_owned(),
        60..3_600 => format!("{} min", size / 60),
        3_600..172_800 => format!("{} h", size / 3_600),
        172_800..5_184_000 => format!("{} d", size / 86_400),
        _ => format!("{} months", size / 2_592_000),
    };
    if seconds < 0 { format!("{amount} ago") } else { format!("in {amount}") }
}

/// `3 Feb 2027`.
pub(crate) fn day(date: Date) -> String {
    date.strftime("%-d %b %Y").to_string()
}

/// `48,000 EUR`: whole units, thousands apart.
pub(crate) fn money(amount: &Money) -> String {
    let digits = (amount.minor.unsigned_abs() / 100).to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{}{text} {}", if amount.minor <= -100 { "−" } else { "" }, amount.currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_say_their_zone_and_how_far_away_they_are() {
        let now: Timestamp = "2026-11-22T07:00:00Z".parse().unwrap();
        let at: Timestamp = "2026-11-22T10:05:00Z".parse().unwrap();
        let moment = Moment::of(at, now);
        assert_eq!(moment.text, "22 Nov 2026, 10:05 UTC");
        assert_eq!(moment.relative, "in 3 h");
        assert!(!moment.past);
        assert_eq!(relative(now, at), "3 h ago");
        assert_eq!(relative(now, now), "now");
        assert_eq!(relative("2026-12-02T07:00:00Z".parse().unwrap(), now), "in 10 d");
    }

    #[test]
    fn amounts_are_readable() {
        assert_eq!(money(&Money { minor: 4_800_000, currency: "EUR".to_owned() }), "48,000 EUR");
        assert_eq!(money(&Money { minor: -99, currency: "EUR".to_owned() }), "0 EUR");
        assert_eq!(
            money(&Money { minor: 123_456_789, currency: "USD".to_owned() }),
            "1,234,567 USD"
        );
    }
}
