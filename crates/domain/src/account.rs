//! A customer company and the words CS teams sort companies by.

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, UserId};

/// Declares an enum whose variants are words in files, APIs and the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for this value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::account::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.as_str() == text)
                    .ok_or_else(|| $crate::account::UnknownWord {
                        text: text.to_owned(),
                        known: Self::ALL.iter().map(|value| value.as_str()).collect(),
                    })
            }
        }
    };
}
pub(crate) use words;

/// A word that is not in a closed vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not one of {}", known.join(", "))]
pub struct UnknownWord {
    /// What was given.
    pub text: String,
    /// What would have been understood.
    pub known: Vec<&'static str>,
}

words! {
    /// How large a company is, and so how it is served (SG-04).
    Segment { Smb = "smb", MidMarket = "mid_market", Enterprise = "enterprise" }
}
words! {
    /// How much attention an account's contract buys.
    Tier { Vip = "vip", HighTouch = "high_touch", MidTouch = "mid_touch", TechTouch = "tech_touch" }
}
words! {
    /// Where an account stands on its journey (JE-01).
    Lifecycle {
        Onboarding = "onboarding",
        Adoption = "adoption",
        Growth = "growth",
        Renewal = "renewal",
    }
}
words! {
    /// Whether an account is a customer now.
    AccountStatus { Active = "active", Trial = "trial", Churned = "churned" }
}
words! {
    /// The traffic light over a health score.
    Band { Green = "green", Yellow = "yellow", Red = "red" }
}

impl Band {
    /// The band of a score from 0 to 100: green from 75, yellow from 50, red below (NP-04).
    pub fn of(score: f64) -> Self {
        if score >= 75.0 {
            Self::Green
        } else if score >= 50.0 {
            Self::Yellow
        } else {
            Self::Red
        }
    }
}

/// An amount of money in the minor unit of its currency (cents).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// Cents, pence, øre.
    pub minor: i64,
    /// ISO 4217, three capital letters.
    pub currency: String,
}

impl Money {
    /// An amount given in whole and fractional major units, rounded to the minor unit.
    #[expect(clippy::cast_possible_truncation, reason = "amounts are far below 2^53 cents")]
    pub fn from_major(major: f64, currency: &str) -> Self {
        Self { minor: (major * 100.0).round() as i64, currency: currency.to_owned() }
    }
}

/// A customer company as the product knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Our id.
    pub id: AccountId,
    /// The system the account came from, for example `hubspot`.
    pub source: String,
    /// Its id there.
    pub source_id: String,
    /// The company's name.
    pub name: String,
    /// The company's internet domain, where known.
    pub domain: Option<String>,
    /// Line of business, in the source's words.
    pub industry: Option<String>,
    /// Number of employees.
    pub employees: Option<i64>,
    /// Size class.
    pub segment: Segment,
    /// Touch model.
    pub tier: Tier,
    /// Where it stands on its journey.
    pub lifecycle: Lifecycle,
    /// Customer, trial or gone.
    pub status: AccountStatus,
    /// The CSM who owns the account.
    pub csm: Option<UserId>,
    /// Country or region.
    pub region: Option<String>,
    /// IANA time zone of the company, where known.
    pub time_zone: Option<String>,
    /// Annual recurring revenue.
    pub arr: Money,
    /// Start of the first contract.
    pub contract_start: Option<Date>,
    /// When the current contract ends.
    pub renewal_date: Option<Date>,
    /// Health from 0 to 100, once computed or imported.
    pub health: Option<f64>,
    /// The health before the last change.
    pub previous_health: Option<f64>,
    /// When the data was read at its source.
    pub as_of: Timestamp,
}
