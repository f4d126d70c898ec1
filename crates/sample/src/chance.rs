//! Dice: a stream of draws that depends on nothing but seed, account and topic.
//!
//! Only addition, multiplication, division and square roots are used on the draws, which IEEE 754
//! defines to the last bit; `exp` or `ln` would differ from one platform to the next.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore, SeedableRng},
};

/// What is being drawn. Each topic has its own stream, so that more tickets do not change usage.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Topic {
    Profile = 0,
    Destiny = 1,
    Contact = 2,
    Subscription = 3,
    Usage = 4,
    Ticket = 5,
    Survey = 6,
    Meeting = 7,
    Conversation = 8,
}

/// A stream of draws.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of one account and topic.
    pub(crate) fn of(seed: u64, account: u64, topic: Topic) -> Self {
        Self::stream(seed, (account << 4) | topic as u64)
    }

    /// The stream of the company itself.
    pub(crate) fn company(seed: u64) -> Self {
        Self::stream(seed, u64::MAX)
    }

    fn stream(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Any 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 to just below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Whether something of this probability comes to pass.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number from 0 to just below 1, moved into a span.
    pub(crate) fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number, both ends included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u128::from(high.abs_diff(low)) + 1;
        let step = ((u128::from(self.bits()) * span) >> 64) as u64;
        low.saturating_add_unsigned(step)
    }

    /// One of some things.
    pub(crate) fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.index(things.len())]
    }

    /// A place in a list of this length, which must not be 0.
    #[expect(clippy::cast_possible_truncation, reason = "below the length, a usize")]
    pub(crate) fn index(&mut self, length: usize) -> usize {
        ((u128::from(self.bits()) * length as u128) >> 64) as usize
    }

    /// One of some things, by weight.
    pub(crate) fn weighted<T: Copy>(&mut self, things: &[(T, f64)]) -> T {
        let total: f64 = things.iter().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * total;
        for (thing, weight) in things {
            left -= weight;
            if left < 0.0 {
                return *thing;
            }
        }
        things[things.len() - 1].0
    }

    /// A number around 0 with standard deviation 1, never beyond 3.5: the sum of four uniforms.
    pub(crate) fn bell(&mut self) -> f64 {
        let bits = self.bits();
        let sum: u64 = [0, 16, 32, 48].iter().map(|shift| (bits >> shift) & 0xffff).sum();
        #[expect(clippy::cast_precision_loss, reason = "18 bits fit exactly")]
        let centred = sum as f64 / 65_536.0 - 2.0;
        centred * 1.732_050_807_568_877_2
    }

    /// A draw from a distribution given by its evenly spaced quantiles.
    pub(crate) fn quantile(&mut self, table: &[f64]) -> f64 {
        quantile(table, self.unit())
    }

    /// A number rounded down or up, so that the mean is kept.
    #[expect(clippy::cast_possible_truncation, reason = "counts of people and clicks are small")]
    pub(crate) fn round(&mut self, x: f64) -> i64 {
        (x.max(0.0) + self.unit()) as i64
    }
}

/// The value at a share from 0 to 1 of a distribution given by its evenly spaced quantiles.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "tables have a dozen entries"
)]
pub(crate) fn quantile(table: &[f64], share: f64) -> f64 {
    let place = share * (table.len() - 1) as f64;
    let left = (place as usize).min(table.len() - 2);
    table[left] + (table[left + 1] - table[left]) * (place - left as f64)
}

/// Four numbers from 0 to 1 for an account, spread evenly over any run of neighbouring accounts.
///
/// A company of 120 accounts must have its share of new, endangered and soon to renew ones by
/// construction and not by luck. These are additive recurrences shifted by the seed: the first
/// steps by the golden ratio, the best spread there is of one number, so that even a small slice
/// of it is met; the others by the powers of the root of x⁴ = x + 1, which spread jointly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread([u64; 4]);

impl Spread {
    /// The steps of the recurrence as parts of 2⁶⁴.
    const STEPS: [u64; 4] = [
        0x9e37_79b9_7f4a_7c15,
        0xd1b5_4a32_d192_ed03,
        0xabc9_8388_fb8f_ac02,
        0x8cb9_2ba7_2f3d_8dd7,
    ];

    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self([chance.bits(), chance.bits(), chance.bits(), chance.bits()])
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    pub(crate) fn at(&self, account: u64) -> [f64; 4] {
        std::array::from_fn(|k| {
            let bits = self.0[k].wrapping_add(account.wrapping_mul(Self::STEPS[k]));
            (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
        })
    }
}
