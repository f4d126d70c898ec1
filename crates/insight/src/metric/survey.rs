//! What customers answered: promoters, satisfaction, effort.

use std::ops::RangeInclusive;

use super::{Metric, Rate};
use crate::proportion::{Count, Interval, Z_TWO_SIDED_95, float};

/// An answer that its question does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{score}` is not an answer to `{metric}`: it asks for {} to {}", scale.start(), scale.end())]
pub struct OffScale {
    /// The question.
    pub metric: Metric,
    /// The answer.
    pub score: i64,
    /// What it allows.
    pub scale: RangeInclusive<i64>,
}

/// Net promoter score: (answers of 9–10 − answers of 0–6) / answers, from −1 to 1 (ME-15).
///
/// The interval is the adjusted Wald interval for a difference of two shares of one sample, with
/// three pseudo-answers spread ¾, 1½, ¾ over detractors, passives and promoters (Rocks 2016, The
/// American Statistician 70:365–372); the plain one collapses when all answers agree.
pub fn nps(scores: &[i64]) -> Result<Rate, OffScale> {
    on_scale(Metric::Nps, scores, 0..=10)?;
    let promoters = float(count(scores, |score| score >= 9));
    let detractors = float(count(scores, |score| score <= 6));
    let n = float(count(scores, |_| true));
    let interval = (n > 0.0).then(|| {
        let total = n + 3.0;
        let (up, down) = ((promoters + 0.75) / total, (detractors + 0.75) / total);
        let middle = up - down;
        let margin = Z_TWO_SIDED_95 * ((up + down - middle * middle).max(0.0) / total).sqrt();
        let value = (promoters - detractors) / n;
        Interval {
            low: (middle - margin).max(-1.0).min(value),
            high: (middle + margin).min(1.0).max(value),
        }
    });
    Ok(Rate::weighted(Metric::Nps, promoters - detractors, n, count(scores, |_| true), interval))
}

/// Satisfaction: answers of 4–5 / answers from 1 to 5 (ME-14).
pub fn csat(scores: &[i64]) -> Result<Rate, OffScale> {
    on_scale(Metric::Csat, scores, 1..=5)?;
    let satisfied = count(scores, |score| score >= 4);
    let others = count(scores, |score| score < 4);
    Ok(Rate::share(Metric::Csat, Count::parts(satisfied, others)))
}

/// Effort: the mean of answers from 1 (hard) to 7 (easy) (ME-16).
///
/// The interval is the normal one around a mean, cut off at the scale's ends; it needs two answers.
pub fn ces(scores: &[i64]) -> Result<Rate, OffScale> {
    on_scale(Metric::Ces, scores, 1..=7)?;
    let cases = count(scores, |_| true);
    let n = float(cases);
    let values = || scores.iter().map(|score| f64::from(i8::try_from(*score).unwrap_or(7)));
    let sum: f64 = values().sum();
    let interval = (cases >= 2).then(|| {
        let mean = sum / n;
        let squares: f64 = values().map(|score| (score - mean).powi(2)).sum();
        let margin = Z_TWO_SIDED_95 * (squares / (n - 1.0) / n).sqrt();
        Interval { low: (mean - margin).max(1.0), high: (mean + margin).min(7.0) }
    });
    Ok(Rate::weighted(Metric::Ces, sum, n, cases, interval))
}

fn on_scale(metric: Metric, scores: &[i64], scale: RangeInclusive<i64>) -> Result<(), OffScale> {
    match scores.iter().find(|score| !scale.contains(score)) {
        Some(score) => Err(OffScale { metric, score: *score, scale }),
        None => Ok(()),
    }
}

fn count(scores: &[i64], of_kind: impl Fn(i64) -> bool) -> u64 {
    scores.iter().filter(|score| of_kind(**score)).fold(0, |n, _| n + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn me_15_promoters_less_detractors() {
        let rate = nps(&[10, 9, 9, 10, 8, 7, 6, 0, 3, 9]).unwrap();
        assert_eq!(rate.value, Some(0.2), "five promoters, three detractors, two between");
        // By hand: (5.75 − 3.75)/13 = 0.15385; margin 1.95996·√((9.5/13 − 0.02367)/13) = 0.45709.
        assert!((rate.low.unwrap() + 0.303_24).abs() < 1e-4, "{rate:?}");
        assert!((rate.high.unwrap() - 0.610_94).abs() < 1e-4, "{rate:?}");
        assert!(!rate.low_n);
        let all = nps(&[10, 10, 10]).unwrap();
        assert!(all.low.unwrap() < 0.9, "three happy answers prove little: {all:?}");
    }

    #[test]
    fn me_14_fours_and_fives_are_satisfied() {
        let rate = csat(&[5, 4, 3, 2, 1, 5, 5, 4]).unwrap();
        assert_eq!((rate.numerator, rate.n, rate.value), (5.0, 8, Some(0.625)));
        assert!(rate.low_n);
    }

    #[test]
    fn me_16_effort_is_a_mean() {
        let rate = ces(&[7, 5, 6, 4]).unwrap();
        assert_eq!(rate.value, Some(5.5));
        // Standard deviation 1.29099, error 0.64550, margin 1.26515.
        assert!((rate.low.unwrap() - 4.234_85).abs() < 1e-4, "{rate:?}");
        assert!((rate.high.unwrap() - 6.765_15).abs() < 1e-4, "{rate:?}");
        assert_eq!(ces(&[]).unwrap().value, None);
    }

    #[test]
    fn an_answer_off_the_scale_is_named() {
        let error = csat(&[4, 0]).unwrap_err();
        assert_eq!(error.to_string(), "`0` is not an answer to `csat`: it asks for 1 to 5");
        assert!(nps(&[11]).is_err());
        assert!(ces(&[8]).is_err());
    }

    proptest! {
        #[test]
        fn a_score_lies_in_its_interval(scores in proptest::collection::vec(1..=5_i64, 1..80)) {
            for rate in [nps(&scores), csat(&scores), ces(&scores)] {
                let rate = rate.unwrap();
                let value = rate.value.unwrap();
                if let (Some(low), Some(high)) = (rate.low, rate.high) {
                    prop_assert!(low <= value + 1e-12 && value <= high + 1e-12, "{rate:?}");
                }
            }
        }
    }
}
