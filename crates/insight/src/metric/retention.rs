//! Customers kept and customers lost, counted by company.

use super::{Metric, Rate};
use crate::proportion::{Count, ImpossibleCount};

/// Logo retention: `kept / at_start`, over accounts that paid at the start of the period. `kept`
/// counts only those still paying at its end, so new logos cannot stand in for lost ones (ME-06).
pub fn logo_retention(kept: u64, at_start: u64) -> Result<Rate, ImpossibleCount> {
    Ok(Rate::share(Metric::LogoRetention, Count::new(kept, at_start)?))
}

/// Churn rate: `lost / at_start`, the complement of [`logo_retention`] (ME-07).
pub fn churn_rate(lost: u64, at_start: u64) -> Result<Rate, ImpossibleCount> {
    Ok(Rate::share(Metric::ChurnRate, Count::new(lost, at_start)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn me_06_me_07_what_is_not_kept_is_lost() {
        let kept = logo_retention(188, 200).unwrap();
        let lost = churn_rate(12, 200).unwrap();
        assert_eq!(kept.value, Some(0.94));
        assert_eq!(lost.value, Some(0.06));
        assert!((kept.low.unwrap() - (1.0 - lost.high.unwrap())).abs() < 1e-12);
        assert!(churn_rate(3, 2).is_err(), "one cannot lose more than one had");
    }
}
