//! The metrics a leader reads, each with one formula, its counts and its margin.
//!
//! Nothing else in the product computes a metric, so a playbook cannot invent its own (ME-21).

mod decisions;
mod definition;
mod retention;
mod revenue;
mod survey;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::{
    decisions::Decisions,
    definition::{Definition, Metric, UnknownMetric},
    retention::{churn_rate, logo_retention},
    revenue::{Revenue, grr, nrr},
    survey::{OffScale, ces, csat, nps},
};
use crate::proportion::{Count, Interval, LOW_N, float};

/// A metric's value with everything needed to check it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Rate {
    /// Which metric.
    pub metric: Metric,
    /// The version of its formula; a changed formula gets a higher one.
    pub version: u32,
    /// Above the line: a count, an amount in minor units, or a sum of scores.
    pub numerator: f64,
    /// Below the line.
    pub denominator: f64,
    /// How many cases (decisions, accounts, answers) it rests on.
    pub n: u64,
    /// The value; none when there was nothing to divide by.
    pub value: Option<f64>,
    /// The lower end of the 95 % interval, where one can be given.
    pub low: Option<f64>,
    /// The upper end of the 95 % interval, where one can be given.
    pub high: Option<f64>,
    /// Whether fewer than ten cases stand behind it: show a mark, draw no conclusion.
    pub low_n: bool,
}

impl Rate {
    /// The share of counted cases, with Wilson's 95 % interval. How every plain proportion among
    /// the metrics is made.
    pub fn share(metric: Metric, count: Count) -> Self {
        Self::weighted(metric, float(count.hits()), float(count.of()), count.of(), count.interval())
    }

    /// A ratio whose interval the caller worked out.
    fn weighted(
        metric: Metric,
        numerator: f64,
        denominator: f64,
        n: u64,
        interval: Option<Interval>,
    ) -> Self {
        Self {
            metric,
            version: metric.definition().version,
            numerator,
            denominator,
            n,
            value: (denominator > 0.0).then(|| numerator / denominator),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            low_n: n < LOW_N,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_shows_its_counts_its_version_and_its_margin() {
        let rate = Rate::share(Metric::AiAssistedResolution, Count::new(4, 8).unwrap());
        assert_eq!((rate.numerator, rate.denominator, rate.n), (4.0, 8.0, 8));
        assert_eq!(rate.value, Some(0.5));
        assert_eq!(rate.version, 1);
        assert!(rate.low_n, "eight cases are few");
        // Wilson by hand: (0.5 + 0.24010 ± 1.95996·√(0.03125 + 0.015006)) / 1.48018.
        assert!((rate.low.unwrap() - 0.215_2).abs() < 1e-4, "{rate:?}");
        assert!((rate.high.unwrap() - 0.784_8).abs() < 1e-4, "{rate:?}");
    }

    #[test]
    fn nothing_counted_is_nothing_claimed() {
        let rate = Rate::share(Metric::EditRate, Count::new(0, 0).unwrap());
        assert_eq!((rate.value, rate.low, rate.high), (None, None, None));
        assert!(rate.low_n);
    }
}
