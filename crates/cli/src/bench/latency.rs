//! Times that were measured, and what half of them and nearly all of them stay under.

use jiff::Timestamp;
use serde::Serialize;

/// A set of measured times, summed up; all in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: usize,
    /// Half took no longer.
    pub p50_ms: f64,
    /// Ninety-nine of a hundred took no longer.
    pub p99_ms: f64,
    /// None took longer.
    pub max_ms: f64,
}

impl Latency {
    /// Sums times up, given in milliseconds; none when nothing was measured.
    pub fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        let max_ms = *times.last()?;
        Some(Self {
            count: times.len(),
            p50_ms: rank(&times, 50)?,
            p99_ms: rank(&times, 99)?,
            max_ms,
        })
    }
}

/// The smallest value that `percent` of all do not exceed (nearest rank).
fn rank(sorted: &[f64], percent: usize) -> Option<f64> {
    let place = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(place - 1).copied()
}

/// Milliseconds from one moment to another; below zero when the second came first.
#[expect(clippy::cast_precision_loss, reason = "a benchmark ends before 2^52 microseconds do")]
pub fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_microsecond() - from.as_microsecond()) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hundred() -> Vec<f64> {
        (1..=100).rev().map(f64::from).collect()
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let latency = Latency::of(hundred()).unwrap();
        let (p50, p99, max) = (latency.p50_ms, latency.p99_ms, latency.max_ms);
        assert_eq!((latency.count, p50, p99, max), (100, 50.0, 99.0, 100.0));
        let one = Latency::of(vec![7.0]).unwrap();
        assert_eq!((one.p50_ms, one.p99_ms), (7.0, 7.0));
        let three = Latency::of(vec![3.0, 1.0, 2.0]).unwrap();
        assert_eq!((three.p50_ms, three.p99_ms), (2.0, 3.0));
        assert_eq!(Latency::of(Vec::new()), None);
    }

    #[test]
    fn microseconds_become_milliseconds() {
        let at = |us| Timestamp::from_microsecond(us).unwrap();
        let (up, down) = (milliseconds(at(1_000), at(3_500)), milliseconds(at(3_500), at(1_000)));
        assert!((up - 2.5).abs() < 1e-9 && (down + 2.5).abs() < 1e-9);
    }
}
