//! Shares of counts with honest margins: intervals, differences, and how many cases it takes.

use schemars::JsonSchema;
use serde::Serialize;

/// The standard normal quantile for a two-sided interval of 95 %.
pub const Z_TWO_SIDED_95: f64 = 1.959_963_984_540_054;
/// The standard normal quantile for a one-sided bound of 95 %.
pub const Z_ONE_SIDED_95: f64 = 1.644_853_626_951_472_7;
/// The standard normal quantile for a power of 80 %.
const Z_POWER_80: f64 = 0.841_621_233_572_914_2;

/// Below this many cases a rate carries a mark, because its interval spans half the scale.
pub const LOW_N: u64 = 10;

/// So many cases of a kind among so many, never more than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    hits: u64,
    of: u64,
}

/// A count that says more cases were of a kind than there were cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{hits}` of `{of}` cannot be: count the same cases above and below the line")]
pub struct ImpossibleCount {
    /// Cases of the kind.
    pub hits: u64,
    /// All cases.
    pub of: u64,
}

impl Count {
    /// `hits` cases of a kind among `of`.
    pub const fn new(hits: u64, of: u64) -> Result<Self, ImpossibleCount> {
        if hits > of { Err(ImpossibleCount { hits, of }) } else { Ok(Self { hits, of }) }
    }

    /// `hits` cases of a kind and `others` that were not.
    pub const fn parts(hits: u64, others: u64) -> Self {
        Self { hits, of: hits.saturating_add(others) }
    }

    /// Cases of the kind.
    pub const fn hits(self) -> u64 {
        self.hits
    }

    /// All cases.
    pub const fn of(self) -> u64 {
        self.of
    }

    /// The share from 0 to 1; none without cases.
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| float(self.hits) / float(self.of))
    }

    /// Whether there are too few cases to read much into the share.
    pub const fn is_low(self) -> bool {
        self.of < LOW_N
    }

    /// The two-sided 95 % interval of the share; none without cases.
    ///
    /// Wilson's score interval (Wilson 1927, J. Am. Stat. Assoc. 22:209–212), which keeps its
    /// promise for small counts and shares near 0 and 1, where `p ± 1.96·√(p(1−p)/n)` does not
    /// (Brown, Cai, `DasGupta` 2001, Statistical Science 16:101–133).
    pub fn interval(self) -> Option<Interval> {
        self.share().map(|share| wilson(share, float(self.of), Z_TWO_SIDED_95))
    }

    /// The one-sided 95 % lower bound of the share; none without cases. What a tier is earned by.
    pub fn lower_bound(self) -> Option<f64> {
        self.share().map(|share| wilson(share, float(self.of), Z_ONE_SIDED_95).low)
    }
}

/// Where a value lies with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies inside, ends included.
    pub fn contains(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Wilson's score interval for a share seen in `n` cases (which need not be whole when cases are
/// weighted), at the given normal quantile.
pub(crate) fn wilson(share: f64, n: f64, z: f64) -> Interval {
    let spread = z * z / n;
    let middle = share + spread / 2.0;
    let margin = z * (share * (1.0 - share) / n + spread / (4.0 * n)).max(0.0).sqrt();
    let scale = 1.0 + spread;
    // Rounding may put an end a hair past the estimate at 0 and 1, where they meet exactly.
    Interval {
        low: ((middle - margin) / scale).max(0.0).min(share),
        high: ((middle + margin) / scale).min(1.0).max(share),
    }
}

/// The difference of two shares, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// First share minus second.
    pub estimate: f64,
    /// Where the true difference lies.
    pub interval: Interval,
}

impl Difference {
    /// Whether the interval excludes no difference at all.
    pub fn excludes_zero(self) -> bool {
        !self.interval.contains(0.0)
    }
}

/// The difference of two independent shares, `first − second`; none when either has no cases.
///
/// Newcombe's hybrid score interval, his method 10 (Newcombe 1998, Statistics in Medicine
/// 17:873–890), built from the two Wilson intervals.
pub fn difference(first: Count, second: Count) -> Option<Difference> {
    let (p1, p2) = (first.share()?, second.share()?);
    let (i1, i2) = (first.interval()?, second.interval()?);
    let estimate = p1 - p2;
    let below = (p1 - i1.low).hypot(i2.high - p2);
    let above = (i1.high - p1).hypot(p2 - i2.low);
    Some(Difference {
        estimate,
        interval: Interval { low: (estimate - below).max(-1.0), high: (estimate + above).min(1.0) },
    })
}

/// The fewest decisions after which a steady share of `approved` puts the one-sided 95 % lower
/// bound at or above `bound`; none when no number ever would (`approved` at or below `bound`).
///
/// The share is taken exactly, so "98 % approved → 39" means a true 98 % observed share, which a
/// count of 39 can only come near.
pub fn decisions_needed(approved: f64, bound: f64) -> Option<u64> {
    let valid = (0.0..=1.0).contains(&approved) && (0.0..1.0).contains(&bound);
    // Beyond a gap of one in ten thousand the answer is in the millions: "never" to a reader.
    if !valid || approved - bound < 1e-4 {
        return None;
    }
    let enough = |n: u64| wilson(approved, float(n), Z_ONE_SIDED_95).low >= bound;
    let mut high = 1;
    while !enough(high) {
        high *= 2;
    }
    // The bound only rises with n at a fixed share, so halving finds the first n that is enough.
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low.midpoint(high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// How many cases each arm needs to tell the share `treated` from `control` with 80 % power at
/// 5 % (two-sided), to the nearest case; none when the two are equal or not shares.
///
/// The normal approximation with pooled variance under the null hypothesis (Fleiss, Levin, Paik
/// 2003, Statistical Methods for Rates and Proportions, 3rd ed., formula 4.14, without the
/// continuity correction).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the count is positive and saturates"
)]
pub fn sample_size(control: f64, treated: f64) -> Option<u64> {
    let is_share = |p: f64| (0.0..=1.0).contains(&p);
    let gap = (treated - control).abs();
    if !is_share(control) || !is_share(treated) || gap < 1e-6 {
        return None;
    }
    let pooled = f64::midpoint(control, treated);
    let null = Z_TWO_SIDED_95 * (2.0 * pooled * (1.0 - pooled)).sqrt();
    let alternative =
        Z_POWER_80 * (control * (1.0 - control) + treated * (1.0 - treated)).max(0.0).sqrt();
    Some((((null + alternative) / gap).powi(2)).round().max(1.0) as u64)
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases are far below 2^53")]
pub(crate) const fn float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(hits: u64, of: u64) -> Count {
        Count::new(hits, of).unwrap()
    }

    fn close(a: f64, b: f64, within: f64) -> bool {
        (a - b).abs() <= within
    }

    #[test]
    fn wilson_gives_the_published_values() {
        // Newcombe 1998, Statistics in Medicine 17:857–872, table I, method 3.
        for (hits, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let interval = count(hits, of).interval().unwrap();
            assert!(close(interval.low, low, 5e-5), "{hits}/{of}: {interval:?}");
            assert!(close(interval.high, high, 5e-5), "{hits}/{of}: {interval:?}");
        }
    }

    #[test]
    fn newcombe_gives_the_published_values() {
        // Newcombe 1998, Statistics in Medicine 17:873–890, table II, method 10.
        for (a, b, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((10, 10), (0, 20), 0.6791, 1.0),
        ] {
            let found = difference(count(a.0, a.1), count(b.0, b.1)).unwrap();
            assert!(close(found.interval.low, low, 5e-5), "{found:?}");
            assert!(close(found.interval.high, high, 5e-5), "{found:?}");
            assert!(found.excludes_zero());
        }
    }

    #[test]
    fn ai_13_a_tier_needs_the_published_number_of_decisions() {
        for (approved, needed) in
            [(1.00, 25), (0.98, 39), (0.96, 68), (0.95, 98), (0.94, 153), (0.93, 271), (0.92, 609)]
        {
            assert_eq!(decisions_needed(approved, 0.90), Some(needed), "{approved}");
        }
        assert_eq!(decisions_needed(0.90, 0.90), None);
        assert_eq!(decisions_needed(0.5, 0.90), None);
        assert_eq!(decisions_needed(1.2, 0.90), None);
    }

    #[test]
    fn twenty_five_clean_decisions_earn_what_twenty_four_do_not() {
        assert!(count(25, 25).lower_bound().unwrap() >= 0.90);
        assert!(count(24, 24).lower_bound().unwrap() < 0.90);
        assert!(count(24, 25).lower_bound().unwrap() < 0.90);
    }

    #[test]
    fn me_19_the_sample_size_card_comes_out() {
        for (control, treated, each) in [
            (0.80, 0.85, 905),
            (0.85, 0.90, 686),
            (0.90, 0.93, 1355),
            (0.20, 0.30, 293),
            (0.30, 0.45, 162),
            (0.40, 0.55, 173),
            (0.25, 0.40, 152),
        ] {
            assert_eq!(sample_size(control, treated), Some(each), "{control} to {treated}");
            assert_eq!(sample_size(treated, control), Some(each));
        }
        assert_eq!(sample_size(0.3, 0.3), None);
        assert_eq!(sample_size(-0.1, 0.3), None);
    }

    #[test]
    fn no_cases_give_no_numbers_and_nonsense_is_refused() {
        assert_eq!(count(0, 0).share(), None);
        assert_eq!(count(0, 0).interval(), None);
        assert_eq!(difference(count(0, 0), count(1, 2)), None);
        assert_eq!(Count::new(3, 2), Err(ImpossibleCount { hits: 3, of: 2 }));
        assert!(count(9, 9).is_low());
        assert!(!count(9, 10).is_low());
    }

    prop_compose! {
        fn counts()(of in 1_u64..5_000)(hits in 0..=of, of in Just(of)) -> Count {
            count(hits, of)
        }
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_estimate_and_stays_in_bounds(count in counts()) {
            let share = count.share().unwrap();
            let interval = count.interval().unwrap();
            prop_assert!(interval.contains(share));
            prop_assert!(interval.low >= 0.0 && interval.high <= 1.0);
            let bound = count.lower_bound().unwrap();
            prop_assert!(bound >= interval.low && bound <= share);
        }

        #[test]
        fn a_difference_turns_round_with_its_arms(a in counts(), b in counts()) {
            let there = difference(a, b).unwrap();
            let back = difference(b, a).unwrap();
            prop_assert!(there.interval.contains(there.estimate));
            prop_assert!(there.interval.low >= -1.0 && there.interval.high <= 1.0);
            prop_assert!(close(there.interval.low, -back.interval.high, 1e-12));
        }

        #[test]
        fn the_number_of_decisions_is_the_smallest_that_does(
            approved in 0.5_f64..1.0,
            gap in 0.01_f64..0.4,
        ) {
            let bound = approved - gap;
            let n = decisions_needed(approved, bound).unwrap();
            prop_assert!(wilson(approved, float(n), Z_ONE_SIDED_95).low >= bound);
            if n > 1 {
                prop_assert!(wilson(approved, float(n - 1), Z_ONE_SIDED_95).low < bound);
            }
        }
    }
}
