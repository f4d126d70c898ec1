//! How often something may happen: `600/h`.

use std::{borrow::Cow, fmt, num::NonZeroU32, str::FromStr};

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How often something may happen, read from and printed as `600/h`.
///
/// It is spread over its time: a twentieth of it, and one at least, may happen at once, so that any
/// stretch of that length sees at most a twentieth more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    count: NonZeroU32,
    unit: Unit,
}

/// The time a rate is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Second, "s"), (Self::Minute, "m"), (Self::Hour, "h"), (Self::Day, "d")];

    const fn seconds(self) -> i64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }
}

/// A text that is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no rate such as 10/s, 60/m, 600/h or 5000/d")]
pub struct RateError(String);

impl Rate {
    /// So many a minute.
    pub const fn per_minute(count: NonZeroU32) -> Self {
        Self { count, unit: Unit::Minute }
    }

    /// The time between two, when they are spread evenly; a microsecond at least.
    pub fn every(self) -> SignedDuration {
        let micros = self.unit.seconds() * 1_000_000 / i64::from(self.count.get());
        SignedDuration::from_micros(micros.max(1))
    }

    /// How many may happen at once after a time in which none did.
    pub fn at_once(self) -> u32 {
        self.count.get().div_ceil(20)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // An error must not repeat a megabyte.
        let wrong =
            || RateError(text.chars().take(40).filter(|c| !c.is_control()).collect::<String>());
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let count = count.parse().map_err(|_| wrong())?;
        let unit = Unit::ALL.iter().find(|(_, word)| *word == unit).ok_or_else(wrong)?;
        Ok(Self { count, unit: unit.0 })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Unit::ALL.iter().find(|(unit, _)| *unit == self.unit).map_or("", |unit| unit.1);
        write!(f, "{}/{word}", self.count)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Rate")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+/[smhd]$",
            "description": "How often, such as 10/s, 60/m, 600/h or 5000/d.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_as_people_write_them() {
        for (text, micros, at_once) in [
            ("10/s", 100_000, 1),
            ("60/m", 1_000_000, 3),
            ("600/h", 6_000_000, 30),
            ("3/d", 28_800_000_000, 1),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.every(), SignedDuration::from_micros(micros), "{text}");
            assert_eq!(rate.at_once(), at_once, "{text}");
            assert_eq!(rate.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rate_says_so() {
        for text in ["", "600", "600/", "/h", "0/h", "-1/h", "+1/h", "600/w", "600 / h", "6e2/h"] {
            assert!(text.parse::<Rate>().is_err(), "{text} was read");
        }
        let long = "9".repeat(1000);
        assert!(long.parse::<Rate>().unwrap_err().to_string().len() < 120);
    }
}
