//! What a fictional company is made from.

use jiff::civil::Date;

/// The largest effect a treatment can have: what the least endangered account at risk has to lose.
pub const MOST_EFFECT: f64 = 0.4;

/// Everything the company depends on. Equal settings give equal bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How many accounts.
    pub accounts: u64,
    /// Which of all possible companies.
    pub seed: u64,
    /// Today: all data lies before the first second of this day (UTC).
    pub as_of: Date,
    /// By how much treating an account at risk in time lowers its probability of leaving, from 0
    /// to [`MOST_EFFECT`]: 0.15 turns a 60 % risk into 45 %.
    pub effect: f64,
}

/// Why no company can be made from some settings.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// There must be somebody to sell to.
    #[error("a company needs at least 1 account")]
    NoAccounts,
    /// A probability cannot fall below zero.
    #[error("effect `{0}` is not between 0 and {MOST_EFFECT}")]
    Effect(f64),
    /// A year of history and three years of contract must be dates.
    #[error("day `{0}` is not between the years 1990 and 2200")]
    AsOf(Date),
}

impl Settings {
    /// A company with a treatment effect of 15 percentage points.
    pub const fn new(accounts: u64, seed: u64, as_of: Date) -> Self {
        Self { accounts, seed, as_of, effect: 0.15 }
    }

    /// Checks that a company can be made from these.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.accounts == 0 {
            return Err(SettingsError::NoAccounts);
        }
        if !(0.0..=MOST_EFFECT).contains(&self.effect) {
            return Err(SettingsError::Effect(self.effect));
        }
        if !(1990..=2200).contains(&self.as_of.year()) {
            return Err(SettingsError::AsOf(self.as_of));
        }
        Ok(())
    }
}
