//! How much goes wrong in a seed, and what becomes of one call.

use super::{
    gate::{Call, Fate, Kind},
    time::{HOUR, SECOND},
};
use crate::chaos::chance::Chance;

/// How often things go wrong, in ten thousand calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Calls that fail before anything happened.
    pub fails: u64,
    /// Of those, in a hundred, the ones that will not work later either.
    pub for_good: u64,
    /// Calls that happen, and whoever called hears of a failure.
    pub fails_after: u64,
    /// Calls that come late.
    pub stalls: u64,
    /// Processes that stand still for a while.
    pub freezes: u64,
    /// Processes that end before the call.
    pub dies: u64,
    /// Processes that end after it.
    pub dies_after: u64,
    /// Texts that get lost on the wire or are refused there.
    pub wire: u64,
}

/// What becomes of a call, or of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It goes on.
    Goes(Fate),
    /// It waits, so many microseconds.
    Stalls(i64),
    /// Its process stands still, so many microseconds.
    Freezes(i64),
    /// Its process ends, and is back after so many microseconds.
    Dies(i64),
}

impl Weather {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        fails: 0,
        for_good: 0,
        fails_after: 0,
        stalls: 0,
        freezes: 0,
        dies: 0,
        dies_after: 0,
        wire: 0,
    };

    /// The weather of a seed: one in eight is calm, the others each have their own mixture.
    pub fn of(chance: &mut Chance) -> Self {
        let rough = chance.below(8);
        if rough == 0 {
            return Self::CALM;
        }
        let mut up_to = |most: u64| if chance.percent(70) { chance.below(most * rough) } else { 0 };
        Self {
            fails: up_to(40),
            for_good: up_to(2),
            fails_after: up_to(40),
            stalls: up_to(40),
            freezes: up_to(15),
            dies: up_to(15),
            dies_after: up_to(15),
            wire: up_to(400),
        }
    }

    /// What becomes of this call.
    pub fn strikes(self, call: &Call, chance: &mut Chance) -> Turn {
        let mut left = chance.below(10_000);
        let mut happens = |often: u64| {
            let yes = left < often;
            left = left.saturating_sub(often);
            yes
        };
        let writes = matches!(call.kind, Kind::Write | Kind::Wire);
        if happens(self.fails) {
            return Turn::Goes(Fate::Fails(!chance.percent(self.for_good)));
        }
        if writes && happens(self.fails_after) {
            return Turn::Goes(Fate::FailsAfter);
        }
        if writes && happens(self.dies_after) {
            return Turn::Goes(Fate::DiesAfter);
        }
        if call.not_before == 0 && happens(self.stalls) {
            return Turn::Stalls(SECOND * whole(1 + chance.below(100)));
        }
        if happens(self.freezes) {
            return Turn::Freezes(span(chance));
        }
        if happens(self.dies) {
            return Turn::Dies(if chance.percent(50) { 0 } else { span(chance) });
        }
        if matches!(call.kind, Kind::Wire | Kind::Dial | Kind::Model) && happens(self.wire) {
            return Turn::Goes(match chance.below(8) {
                0 | 1 => Fate::Lost,
                2 | 3 => Fate::FailsAfter,
                4 => Fate::Fails(false),
                _ => Fate::Fails(true),
            });
        }
        Turn::Goes(Fate::Go)
    }
}

/// A number that fits.
pub fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Half a minute to six hours, and sometimes days: leases end meanwhile.
fn span(chance: &mut Chance) -> i64 {
    match chance.below(4) {
        0 => SECOND * whole(25 + chance.below(60)),
        1 => SECOND * whole(60 + chance.below(600)),
        2 => SECOND * whole(600 + chance.below(20_000)),
        _ => HOUR * whole(1 + chance.below(80)),
    }
}
