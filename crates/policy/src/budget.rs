//! What one run may use up.

use crate::file::BudgetEntry;

/// What one run may use up. Beyond it the run stops and waits for a person (GV-22, GV-23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Calls to a model.
    pub model_calls_per_run: u32,
    /// Tokens read and written.
    pub tokens_per_run: u64,
    /// Steps begun.
    pub steps_per_run: u32,
}

impl Default for Budgets {
    /// What holds where no policy says anything.
    fn default() -> Self {
        Self { model_calls_per_run: 12, tokens_per_run: 60_000, steps_per_run: 200 }
    }
}

impl Budgets {
    /// The smallest of each number over all files, or the default where none gives one.
    pub(crate) fn strictest(entries: &[BudgetEntry]) -> Self {
        let default = Self::default();
        let smallest = |pick: fn(&BudgetEntry) -> Option<u64>, or: u64| {
            entries.iter().filter_map(pick).min().unwrap_or(or)
        };
        let calls = smallest(
            |entry| entry.model_calls_per_run.as_ref().map(|n| n.value.into()),
            default.model_calls_per_run.into(),
        );
        let tokens = smallest(
            |entry| entry.tokens_per_run.as_ref().map(|n| n.value),
            default.tokens_per_run,
        );
        let steps = smallest(
            |entry| entry.steps_per_run.as_ref().map(|n| n.value.into()),
            default.steps_per_run.into(),
        );
        Self {
            model_calls_per_run: u32::try_from(calls).unwrap_or(u32::MAX),
            tokens_per_run: tokens,
            steps_per_run: u32::try_from(steps).unwrap_or(u32::MAX),
        }
    }
}
