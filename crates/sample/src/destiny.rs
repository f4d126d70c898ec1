//! What will become of an account, and what would have if somebody had acted. The truth the
//! product never reads.

use jiff::civil::Date;
use serde::Serialize;

use crate::{
    calendar::{Calendar, Day},
    chance::{Chance, Topic},
    profile::{Profile, whole},
    settings::MOST_EFFECT,
};

/// How an account's story goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Uses more every month.
    Thriving,
    /// Uses it as always.
    Steady,
    /// Will fall off, or is falling off, before the contract ends; may still stay.
    Declining,
    /// Has left.
    Churned,
}

/// Why an account declines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The person who wanted the product left the customer.
    SponsorLeft,
    /// It breaks too often.
    Quality,
    /// A budget was cut or a rival is cheaper.
    Price,
    /// It never became a habit.
    LowAdoption,
}

impl Cause {
    /// The reason code a departure is recorded under.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SponsorLeft => "sponsor_left",
            Self::Quality => "product_quality",
            Self::Price => "price",
            Self::LowAdoption => "low_adoption",
        }
    }

    /// What the customer said on leaving.
    pub(crate) const fn farewell(self) -> &'static str {
        match self {
            Self::SponsorLeft => "Nobody here knew the product well enough to defend it.",
            Self::Quality => "Too many outages, and the fixes did not hold.",
            Self::Price => "We found something cheaper that does what we need.",
            Self::LowAdoption => "In the end only two people used it.",
        }
    }
}

/// When a treatment counts: first and last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The day the decline begins.
    pub opens: Date,
    /// The last day on which anything can still be changed.
    pub closes: Date,
}

/// How the contract ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Renewed as it was.
    Renewed {
        /// The day of the decision.
        on: Date,
    },
    /// Renewed for more.
    Expanded {
        /// The day of the decision.
        on: Date,
        /// ARR after over ARR before, above 1.
        factor: f64,
    },
    /// Renewed for less.
    Contracted {
        /// The day of the decision.
        on: Date,
        /// ARR after over ARR before, below 1.
        factor: f64,
    },
    /// Left.
    Churned {
        /// The day of the decision.
        on: Date,
    },
}

impl Outcome {
    /// Whether the customer left.
    pub const fn is_churn(self) -> bool {
        matches!(self, Self::Churned { .. })
    }
}

/// The hidden truth of one account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Destiny {
    /// The account's id in the sample source.
    pub account: String,
    /// How its story goes.
    pub fate: Fate,
    /// Why it declines, if it does.
    pub cause: Option<Cause>,
    /// How badly, from 0 to 1.
    pub severity: f64,
    /// The first day of the decline; may lie ahead.
    pub decline_begins: Option<Date>,
    /// The day the contract ends and the customer decides.
    pub decides_on: Date,
    /// The probability of leaving if nobody does anything.
    pub churn_untreated: f64,
    /// The probability of leaving if treated within the window; the same where there is none.
    pub churn_treated: f64,
    /// When a treatment counts. None for accounts that are not at risk.
    pub window: Option<Window>,
    /// The draw that decides, the same in every world: treatment moves the mark, not the die.
    pub luck: f64,
    /// By how much an expansion or contraction changes the ARR, as a share.
    pub change: f64,
    /// The day the customer leaves if nobody does anything; may lie ahead.
    pub churns_on: Option<Date>,
}

/// Days before the decision after which the customer's mind is made up.
const TOO_LATE: i64 = 14;

impl Destiny {
    pub(crate) fn of(seed: u64, effect: f64, calendar: Calendar, profile: &Profile) -> Self {
        let mut dice = Chance::of(seed, profile.index, Topic::Destiny);
        let severity = dice.unit();
        let cause = dice.weighted(&[
            (Cause::SponsorLeft, 0.3),
            (Cause::Quality, 0.3),
            (Cause::Price, 0.2),
            (Cause::LowAdoption, 0.2),
        ]);
        let usual = whole(dice.quantile(&[35.0, 65.0, 95.0, 125.0, 165.0, 230.0]));
        let recent = profile.decides + dice.between(24, 55);
        let lead = if profile.sliding && (35..=280).contains(&recent) { recent } else { usual };
        let luck = dice.unit();
        let change = dice.within(0.1, 0.4);
        let at_risk = matches!(profile.fate, Fate::Declining | Fate::Churned);
        let untreated = match profile.fate {
            Fate::Thriving => 0.02,
            Fate::Steady => 0.06,
            Fate::Declining | Fate::Churned => MOST_EFFECT + 0.4 * severity,
        };
        // One who has left already drew below the mark.
        let luck = if profile.fate == Fate::Churned { luck * untreated } else { luck };
        let begins = at_risk.then(|| (profile.decides - lead).max(profile.starts + 45));
        let decides_on = calendar.date(profile.decides);
        let mut destiny = Self {
            account: profile.id(),
            fate: profile.fate,
            cause: at_risk.then_some(cause),
            severity: if at_risk { severity } else { 0.0 },
            decline_begins: begins.map(|day| calendar.date(day)),
            decides_on,
            churn_untreated: untreated,
            churn_treated: if at_risk { untreated - effect } else { untreated },
            window: begins.filter(|begins| *begins <= profile.decides - TOO_LATE).map(|begins| {
                Window {
                    opens: calendar.date(begins),
                    closes: calendar.date(profile.decides - TOO_LATE),
                }
            }),
            luck,
            change,
            churns_on: None,
        };
        destiny.churns_on = destiny.outcome(None).is_churn().then_some(decides_on);
        destiny
    }

    /// Whether this account is one a treatment can help.
    pub const fn at_risk(&self) -> bool {
        self.window.is_some()
    }

    /// Whether acting on a day is neither too early nor too late.
    pub fn is_in_time(&self, day: Date) -> bool {
        self.window.is_some_and(|window| window.opens <= day && day <= window.closes)
    }

    /// What becomes of the account if it is treated on a day, or not at all.
    ///
    /// The same draw decides in both worlds (common random numbers), so comparing them account by
    /// account shows the effect without the noise between accounts. For a customer who has left
    /// already the draw is conditioned on that: measure effects on decisions that lie ahead.
    pub fn outcome(&self, treated_on: Option<Date>) -> Outcome {
        let on = self.decides_on;
        let treated = treated_on.is_some_and(|day| self.is_in_time(day));
        let churn = if treated { self.churn_treated } else { self.churn_untreated };
        let (contract, expand) = match self.fate {
            Fate::Thriving => (0.02, 0.35),
            Fate::Steady => (0.08, 0.12),
            Fate::Declining | Fate::Churned => (0.25, 0.02),
        };
        let stays = 1.0 - churn;
        if self.luck < churn {
            Outcome::Churned { on }
        } else if self.luck < churn + contract * stays {
            Outcome::Contracted { on, factor: 1.0 - self.change }
        } else if self.luck >= 1.0 - expand * stays {
            Outcome::Expanded { on, factor: 1.0 + self.change }
        } else {
            Outcome::Renewed { on }
        }
    }
}

/// How far the decline has come, for the data to follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decline {
    pub(crate) begins: Day,
    pub(crate) cause: Cause,
    pub(crate) severity: f64,
}

impl Decline {
    pub(crate) fn of(destiny: &Destiny, calendar: Calendar) -> Option<Self> {
        Some(Self {
            begins: calendar.day(destiny.decline_begins?),
            cause: destiny.cause?,
            severity: destiny.severity,
        })
    }

    /// From 0 on the first day to 1 when there is nothing left to lose, six weeks later.
    pub(crate) fn progress(&self, day: Day) -> f64 {
        let x = (crate::profile::float(day - self.begins) / 42.0).clamp(0.0, 1.0);
        // Slow at first, so that the first week could be noise.
        x * x * (3.0 - 2.0 * x)
    }
}
