//! How long to wait before trying again.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

const FIRST: i64 = 5;
const LONGEST: i64 = 15 * 60;

/// When attempt `attempt` (from 1) is repeated: 5 s, doubling, at most 15 minutes, spread by up to
/// a quarter by a hash of what is retried so that a thousand failures do not return as one; never
/// sooner than the other side asked for.
pub(crate) fn until(
    now: Timestamp,
    attempt: u32,
    who: Uuid,
    asked: Option<SignedDuration>,
) -> Timestamp {
    let base = FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(LONGEST);
    let spread = who.as_bytes().iter().fold(u64::from(attempt), |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let quarter = u64::try_from(base * 250).unwrap_or(0).max(1);
    let extra = i64::try_from(spread % quarter).unwrap_or(0);
    let wait = SignedDuration::from_millis(base * 1000 + extra);
    let wait = asked.map_or(wait, |asked| wait.max(asked));
    now.checked_add(wait).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_stay_within_bounds() {
        let now = Timestamp::UNIX_EPOCH;
        let wait = |attempt| until(now, attempt, Uuid::from_u128(7), None).as_second();
        assert!((5..=7).contains(&wait(1)), "{}", wait(1));
        assert!((10..=13).contains(&wait(2)), "{}", wait(2));
        assert!((900..=1125).contains(&wait(40)), "{}", wait(40));
        let asked = until(now, 1, Uuid::from_u128(7), Some(SignedDuration::from_secs(60)));
        assert_eq!(asked.as_second(), 60);
    }
}
