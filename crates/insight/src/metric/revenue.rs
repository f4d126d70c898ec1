//! Revenue kept: gross and net, account by account.

use super::{Metric, Rate};
use crate::proportion::{Interval, Z_TWO_SIDED_95, float, wilson};

/// One account's ARR at both ends of a period, in minor units of one currency, at the prices of
/// the start. The caller converts; the sums here assume one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revenue {
    /// ARR at the start; 0 or less for an account that was not a customer.
    pub before: i64,
    /// ARR at the end; 0 for an account that left.
    pub after: i64,
}

/// Gross revenue retention: Σ min(before, after) / Σ before, at most 1 (ME-04).
///
/// The smaller is taken per account, so one customer's expansion never hides another's loss. The
/// interval is Wilson's with the effective number of accounts (Σ before)² / Σ before² (Kish 1965,
/// Survey Sampling, §11.7): a book dominated by two customers is worth two cases, not two hundred.
pub fn grr(accounts: &[Revenue]) -> Rate {
    let cohort = || accounts.iter().filter(|account| account.before > 0);
    let before: f64 = cohort().map(|account| amount(account.before)).sum();
    let kept: f64 = cohort().map(|account| amount(account.after.clamp(0, account.before))).sum();
    let squares: f64 = cohort().map(|account| amount(account.before).powi(2)).sum();
    let interval = (before > 0.0)
        .then(|| wilson((kept / before).min(1.0), before * before / squares, Z_TWO_SIDED_95));
    Rate::weighted(Metric::Grr, kept, before, count(cohort()), interval)
}

/// Net revenue retention: Σ after / Σ before, over accounts with ARR at the start (ME-05).
///
/// The interval is that of a ratio estimator by linearisation (Cochran 1977, Sampling Techniques,
/// 3rd ed., §6.4), with the floor at 0; it needs two accounts.
pub fn nrr(accounts: &[Revenue]) -> Rate {
    let cohort = || accounts.iter().filter(|account| account.before > 0);
    let before: f64 = cohort().map(|account| amount(account.before)).sum();
    let after: f64 = cohort().map(|account| amount(account.after.max(0))).sum();
    let n = count(cohort());
    let interval = (n >= 2).then(|| {
        let ratio = after / before;
        let residuals: f64 = cohort()
            .map(|account| (amount(account.after.max(0)) - ratio * amount(account.before)).powi(2))
            .sum();
        let n = float(n);
        let margin = Z_TWO_SIDED_95 * (residuals * n / (n - 1.0)).sqrt() / before;
        Interval { low: (ratio - margin).max(0.0), high: ratio + margin }
    });
    Rate::weighted(Metric::Nrr, after, before, n, interval)
}

fn count<'a>(accounts: impl Iterator<Item = &'a Revenue>) -> u64 {
    accounts.fold(0, |n, _| n + 1)
}

#[expect(clippy::cast_precision_loss, reason = "a cent in 2^53 is nobody's retention")]
const fn amount(minor: i64) -> f64 {
    minor as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn account(before: i64, after: i64) -> Revenue {
        Revenue { before, after }
    }

    #[test]
    fn me_04_me_05_retention_equals_the_hand_computed_values() {
        // Ten customers of 100.00: one left, one halved, one doubled; a new one does not count.
        let mut book = vec![account(10_000, 10_000); 7];
        book.extend([
            account(10_000, 0),
            account(10_000, 5_000),
            account(10_000, 20_000),
            account(0, 99_000),
        ]);
        let gross = grr(&book);
        assert_eq!((gross.numerator, gross.denominator, gross.n), (85_000.0, 100_000.0, 10));
        assert_eq!(gross.value, Some(0.85));
        assert!(!gross.low_n);
        let net = nrr(&book);
        assert_eq!((net.numerator, net.denominator), (95_000.0, 100_000.0));
        assert_eq!(net.value, Some(0.95));
        // Residuals: seven of 500, and −9 500, −4 500, 10 500: Σ² = 222 500 000;
        // margin = 1.95996 · √(222 500 000 · 10 / 9) / 100 000 = 0.30817.
        assert!((net.high.unwrap() - 1.258_17).abs() < 1e-4, "{net:?}");
        assert!((net.low.unwrap() - 0.641_83).abs() < 1e-4, "{net:?}");
    }

    #[test]
    fn one_large_customer_widens_the_interval() {
        let even = grr(&[account(100, 90); 50]);
        let mut uneven = vec![account(100, 90); 49];
        uneven.push(account(100_000, 90_000));
        let uneven = grr(&uneven);
        assert_eq!(even.value, uneven.value);
        let width = |rate: &Rate| rate.high.unwrap() - rate.low.unwrap();
        assert!(width(&uneven) > 3.0 * width(&even), "{uneven:?} against {even:?}");
    }

    #[test]
    fn an_empty_book_has_no_retention() {
        assert_eq!(grr(&[]).value, None);
        assert_eq!(nrr(&[account(0, 5)]).value, None);
        assert_eq!(nrr(&[account(100, 120)]).low, None, "one account has no spread");
    }

    proptest! {
        #[test]
        fn gross_never_passes_one_nor_net(
            book in proptest::collection::vec((0..1_000_000_i64, 0..2_000_000_i64), 1..60),
        ) {
            let book: Vec<_> = book.into_iter().map(|(b, a)| account(b, a)).collect();
            let (gross, net) = (grr(&book), nrr(&book));
            prop_assert_eq!(gross.n, net.n);
            if let (Some(gross_value), Some(net_value)) = (gross.value, net.value) {
                prop_assert!(gross_value <= 1.0);
                prop_assert!(net_value >= gross_value);
                prop_assert!(gross.low.unwrap() <= gross_value && gross_value <= gross.high.unwrap());
                prop_assert!(gross.low.unwrap() >= 0.0 && gross.high.unwrap() <= 1.0);
                if let (Some(low), Some(high)) = (net.low, net.high) {
                    prop_assert!(low <= net_value && net_value <= high);
                }
            }
        }
    }
}
