//! What reviewers did with drafts, as counts.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Metric, Rate};
use crate::{edit::Band, proportion::Count};

/// How a set of drafts was decided. A redraft, a hand-over and a snooze are not decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Decisions {
    /// Approved as drafted.
    pub clean: u64,
    /// Approved after an edit of at most 15 % of the words.
    pub light: u64,
    /// Approved after a larger edit.
    pub edited: u64,
    /// Rejected.
    pub rejected: u64,
}

impl Decisions {
    /// Counts one approval whose text was edited this much.
    pub const fn approve(&mut self, edit: Band) {
        match edit {
            Band::None => self.clean += 1,
            Band::Light => self.light += 1,
            Band::Moderate | Band::Heavy | Band::Rewrite => self.edited += 1,
        }
    }

    /// Counts one rejection.
    pub const fn reject(&mut self) {
        self.rejected += 1;
    }

    /// All approvals.
    pub const fn approved(self) -> u64 {
        self.clean + self.light + self.edited
    }

    /// All decisions.
    pub const fn decided(self) -> u64 {
        self.approved() + self.rejected
    }

    /// Approved, edited or not, of all decided.
    pub fn approval_rate(self) -> Rate {
        rate(Metric::ApprovalRate, self.approved(), self.rejected)
    }

    /// Approved as drafted, of all decided.
    pub fn clean_rate(self) -> Rate {
        rate(Metric::CleanApprovalRate, self.clean, self.decided() - self.clean)
    }

    /// Approved as drafted or with a light edit, of all decided: what earns a tier (AI-13).
    pub fn light_rate(self) -> Rate {
        let light = self.clean + self.light;
        rate(Metric::LightApprovalRate, light, self.decided() - light)
    }

    /// Edited, of all approved.
    pub fn edit_rate(self) -> Rate {
        rate(Metric::EditRate, self.light + self.edited, self.clean)
    }
}

/// A share from the cases of a kind and the others, which cannot contradict each other.
fn rate(metric: Metric, hits: u64, others: u64) -> Rate {
    Rate::share(metric, Count::parts(hits, others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reviewers_rates_come_from_the_same_counts() {
        let decisions = Decisions { clean: 30, light: 6, edited: 4, rejected: 10 };
        assert_eq!(decisions.approval_rate().value, Some(0.8));
        assert_eq!(decisions.clean_rate().value, Some(0.6));
        assert_eq!(decisions.light_rate().value, Some(0.72));
        assert_eq!(decisions.edit_rate().value, Some(0.25));
        assert_eq!(decisions.edit_rate().n, 40, "a rejected draft cannot be an edited one");
        assert_eq!(Decisions::default().approval_rate().value, None);
    }

    #[test]
    fn an_approval_is_counted_by_how_much_was_changed() {
        let mut decisions = Decisions::default();
        for band in [Band::None, Band::Light, Band::Moderate, Band::Heavy, Band::Rewrite] {
            decisions.approve(band);
        }
        decisions.reject();
        assert_eq!(decisions, Decisions { clean: 1, light: 1, edited: 3, rejected: 1 });
    }
}
