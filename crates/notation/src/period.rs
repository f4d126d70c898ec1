//! Stretches of time as people write them: `90s`, `15m`, `24h`, `5d`, `2w`.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A stretch of time, one second to ten years, read from and printed as `5d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(SignedDuration);

/// A text that is no stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not a number with a unit.
    #[error("`{0}` is not a time such as 90s, 15m, 24h, 5d or 2w")]
    Unreadable(String),
    /// Too short or too long.
    #[error("`{0}` is not between 1s and 520w")]
    OutOfBounds(String),
}

impl Period {
    /// Ten years, in weeks.
    const MOST_SECONDS: i64 = 520 * 7 * 86_400;

    /// The time itself.
    pub const fn get(self) -> SignedDuration {
        self.0
    }

    /// A whole number of seconds within bounds.
    fn of_seconds(seconds: i64, text: &str) -> Result<Self, PeriodError> {
        if (1..=Self::MOST_SECONDS).contains(&seconds) {
            Ok(Self(SignedDuration::from_secs(seconds)))
        } else {
            Err(PeriodError::OutOfBounds(shorten(text)))
        }
    }
}

/// An error must not repeat a megabyte.
fn shorten(text: &str) -> String {
    text.chars().take(40).filter(|c| !c.is_control()).collect()
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || PeriodError::Unreadable(shorten(text));
        let number_ends = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(unreadable)?;
        let (number, unit) = text.split_at(number_ends);
        let seconds_each = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return Err(unreadable()),
        };
        if number.is_empty() {
            return Err(unreadable());
        }
        // Digits only: parsing can fail by overflow alone.
        let seconds = number
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_mul(seconds_each))
            .unwrap_or(i64::MAX);
        Self::of_seconds(seconds, text)
    }
}

impl TryFrom<SignedDuration> for Period {
    type Error = PeriodError;

    fn try_from(duration: SignedDuration) -> Result<Self, Self::Error> {
        Self::of_seconds(duration.as_secs(), &duration.to_string())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        for (each, unit) in [(7 * 86_400, 'w'), (86_400, 'd'), (3600, 'h'), (60, 'm')] {
            if seconds % each == 0 {
                return write!(f, "{}{unit}", seconds / each);
            }
        }
        write!(f, "{seconds}s")
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Period")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+[smhdw]$",
            "description": "A time such as 90s, 15m, 24h, 5d or 2w.",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        for (text, seconds) in
            [("90s", 90), ("15m", 900), ("24h", 86_400), ("5d", 432_000), ("2w", 1_209_600)]
        {
            assert_eq!(text.parse::<Period>().unwrap().get(), SignedDuration::from_secs(seconds));
        }
        assert_eq!("24h".parse::<Period>().unwrap().to_string(), "1d");
        assert_eq!("90s".parse::<Period>().unwrap().to_string(), "90s");
    }

    #[test]
    fn what_is_no_time_says_so() {
        for text in ["", "5", "d", "5 d", "5days", "-5d", "1.5h", "５d"] {
            assert!(
                matches!(text.parse::<Period>(), Err(PeriodError::Unreadable(_))),
                "{text} was read"
            );
        }
        for text in ["0s", "521w", "99999999999999999999w"] {
            assert!(matches!(text.parse::<Period>(), Err(PeriodError::OutOfBounds(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(seconds in 1..Period::MOST_SECONDS) {
            let period = Period::try_from(SignedDuration::from_secs(seconds)).unwrap();
            prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
        }

        #[test]
        fn nothing_written_makes_it_panic(text in ".{0,60}") {
            let _ = text.parse::<Period>();
        }
    }
}
