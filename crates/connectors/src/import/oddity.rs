//! What is odd about the data and was read in all the same: counted, with examples.

use std::collections::BTreeMap;

use serde::Serialize;

/// How many examples are kept of each oddity.
const EXAMPLES: usize = 3;

/// A way in which data contradicts itself or cannot be quite right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// Use of a subscription before its first or after its last day.
    UsageOutsideSubscription,
    /// The id of a usage row stands for different rows.
    RepeatedUsageId,
    /// The very same row stands there again.
    RepeatedRow,
    /// The account's churn flag says one thing, the churn events another.
    ContradictoryChurnFlag,
    /// A contact's or owner's e-mail address cannot be one.
    UnusableAddress,
    /// An account's owner has a name and no e-mail address to know them by.
    OwnerWithoutAddress,
    /// A time zone that has not the shape of an IANA name.
    UnusableTimeZone,
    /// A score beyond its scale.
    OutOfScale,
    /// A ticket closed before it was opened.
    ClosedBeforeOpened,
    /// A subscription that ended before it started.
    EndedBeforeStart,
}

impl Oddity {
    /// What was found, and what was done about it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::UsageOutsideSubscription => {
                "usage rows outside their subscription's dates; read in as they are"
            }
            Self::RepeatedUsageId => {
                "duplicated usage ids; each further row is kept under its id with `#2`, `#3`, …"
            }
            Self::RepeatedRow => "rows repeated word for word; counted as unchanged",
            Self::ContradictoryChurnFlag => {
                "accounts whose churn flag contradicts the churn events; the flag counts"
            }
            Self::UnusableAddress => "unusable e-mail addresses; left out",
            Self::OwnerWithoutAddress => {
                "owners named without an e-mail address; their accounts keep the owner they have"
            }
            Self::UnusableTimeZone => "unusable time zones; left out",
            Self::OutOfScale => "scores beyond their scale; left out",
            Self::ClosedBeforeOpened => {
                "tickets closed before they were opened; read in as they are"
            }
            Self::EndedBeforeStart => {
                "subscriptions that ended before they started; read in as they are"
            }
        }
    }
}

/// How often an oddity was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Anomaly {
    /// Which.
    pub kind: Oddity,
    /// In words.
    pub title: &'static str,
    /// How often.
    pub count: u64,
    /// Where, for the first few: ids, or file and line.
    pub examples: Vec<String>,
}

/// Counts oddities.
#[derive(Debug, Default)]
pub(super) struct Oddities(BTreeMap<Oddity, (u64, Vec<String>)>);

impl Oddities {
    /// Counts one. The example is only made while examples are wanted.
    pub(super) fn count(&mut self, oddity: Oddity, example: impl FnOnce() -> String) {
        let (count, examples) = self.0.entry(oddity).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(example());
        }
    }

    /// What was met, in a fixed order.
    pub(super) fn into_anomalies(self) -> Vec<Anomaly> {
        self.0
            .into_iter()
            .map(|(kind, (count, examples))| Anomaly { kind, title: kind.title(), count, examples })
            .collect()
    }
}
