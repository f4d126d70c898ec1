//! What an account is: size, age, contract. Fixed before anything happens to it.

use domain::account::{AccountStatus, Lifecycle, Segment, Tier};
use jiff::{ToSpan, civil::Date};

use crate::{
    calendar::{Calendar, Day},
    chance::{Chance, Spread, Topic, quantile},
    destiny::Fate,
    firm::Firm,
    place::Place,
};

/// The fixed facts of one account.
pub(crate) struct Profile {
    pub(crate) index: u64,
    /// The account's id in the sample source.
    id: String,
    pub(crate) firm: Firm,
    /// With the legal form.
    pub(crate) name: String,
    pub(crate) place: &'static Place,
    pub(crate) zone: &'static str,
    pub(crate) segment: Segment,
    pub(crate) tier: Tier,
    pub(crate) employees: i64,
    /// In whole euros; 0 for a trial.
    pub(crate) arr: i64,
    pub(crate) seats: i64,
    pub(crate) trial: bool,
    pub(crate) starts: Day,
    /// When the contract ends and the customer decides, or decided to leave.
    pub(crate) decides: Day,
    pub(crate) fate: Fate,
    /// Whether a decline, if any, has begun in the last weeks: there is always one to act on.
    pub(crate) sliding: bool,
    /// Nobody at all in the address book.
    pub(crate) faceless: bool,
}

/// Of a hundred accounts, so many entered in the last fourteen days…
const NEW: f64 = 0.07;
/// …and so many more in the last four months.
const YOUNG: f64 = 0.10;
/// Of a hundred settled accounts, so many have left…
const LEFT: f64 = 0.09;
/// …and so many are losing ground right now.
const SLIDING: f64 = 0.11;
/// Days after which a contract is neither new nor young.
const SETTLED: i64 = 121;

impl Profile {
    pub(crate) fn of(
        seed: u64,
        seed_shift: u64,
        spread: &Spread,
        calendar: Calendar,
        index: u64,
    ) -> Self {
        let mut chance = Chance::of(seed, index, Topic::Profile);
        let [age, size, luck, ending] = spread.at(index);
        let firm = Firm::of(seed_shift, index);
        let place = Place::draw(&mut chance);
        // The few new ones are cut from one slice, so that each size is among them.
        let (smb, mid, size) = if age < NEW { (0.45, 0.75, age / NEW) } else { (0.50, 0.83, size) };
        let segment = match size {
            size if size < smb => Segment::Smb,
            size if size < mid => Segment::MidMarket,
            _ => Segment::Enterprise,
        };
        let tier = tier(&mut chance, segment);
        let settled = age >= NEW + YOUNG;
        let fate = fate(luck, settled);
        let sliding = fate == Fate::Declining && luck < LEFT + SLIDING;
        let trial = age < NEW && segment == Segment::Smb && chance.happens(0.25);
        let (starts, decides) = if fate == Fate::Churned {
            left(&mut chance, calendar, ending)
        } else if settled {
            // Customers fall off towards the end of a contract, so those who will are nearer to it.
            let near = match fate {
                Fate::Declining if sliding => 0.5 * ending,
                Fate::Declining => ending * ending,
                _ => ending,
            };
            midterm(&mut chance, calendar, segment, near, sliding)
        } else {
            let days = if age < NEW { (0, 13) } else { (14, SETTLED - 1) };
            let starts = -chance.between(days.0, days.1);
            let months = if trial { 1 } else { 12 };
            let end = calendar.date(starts).saturating_add(months.months());
            (starts, calendar.day(end))
        };
        let paid = whole(quantile(arr_table(segment), chance.unit()) / 100.0) * 100;
        let seats = seats(&mut chance, segment, paid);
        let employees = seats + whole(float(seats) * chance.quantile(&[0.2, 1.0, 3.0, 8.0, 25.0]));
        Self {
            index,
            id: format!("A-{index:06}"),
            name: format!("{} {}", firm.name, chance.pick(place.legal)),
            firm,
            zone: chance.pick(place.zones),
            place,
            segment,
            tier,
            employees,
            arr: if trial { 0 } else { paid },
            seats,
            trial,
            starts,
            decides,
            fate,
            sliding,
            faceless: chance.happens(0.04),
        }
    }

    /// The account's id in the sample source.
    pub(crate) fn id(&self) -> String {
        self.id.clone()
    }

    pub(crate) const fn status(&self) -> AccountStatus {
        match (self.fate, self.trial) {
            (Fate::Churned, _) => AccountStatus::Churned,
            (_, true) => AccountStatus::Trial,
            _ => AccountStatus::Active,
        }
    }

    /// Days the onboarding of this size takes: two weeks, five, eight.
    pub(crate) const fn onboarding_days(&self) -> i64 {
        match self.segment {
            Segment::Smb => 14,
            Segment::MidMarket => 35,
            Segment::Enterprise => 56,
        }
    }

    pub(crate) const fn lifecycle(&self) -> Lifecycle {
        // How long before its end a contract enters renewal, by size (NP-08).
        let window = match self.segment {
            Segment::Smb => 60,
            Segment::MidMarket => 90,
            Segment::Enterprise => 120,
        };
        if -self.starts < self.onboarding_days() {
            Lifecycle::Onboarding
        } else if self.decides <= window {
            Lifecycle::Renewal
        } else if matches!(self.fate, Fate::Thriving) && -self.starts > 180 {
            Lifecycle::Growth
        } else {
            Lifecycle::Adoption
        }
    }

    /// The last day the product can have been used: yesterday, or the day the customer left.
    pub(crate) const fn last_day(&self) -> Day {
        match self.fate {
            Fate::Churned => self.decides,
            _ => crate::calendar::YESTERDAY,
        }
    }
}

fn fate(luck: f64, settled: bool) -> Fate {
    if settled {
        match luck {
            ..LEFT => Fate::Churned,
            LEFT..0.36 => Fate::Declining,
            0.36..0.67 => Fate::Steady,
            _ => Fate::Thriving,
        }
    } else {
        match luck {
            ..0.18 => Fate::Declining,
            0.18..0.60 => Fate::Steady,
            _ => Fate::Thriving,
        }
    }
}

/// A contract that ended within the last eleven months.
fn left(chance: &mut Chance, calendar: Calendar, ending: f64) -> (Day, Day) {
    let end = -1 - whole(ending * 330.0);
    let years = chance.between(1, 3);
    (calendar.day(back(calendar.date(end), 12 * years)), end)
}

/// A contract somewhere in the middle of its term.
fn midterm(
    chance: &mut Chance,
    calendar: Calendar,
    segment: Segment,
    ending: f64,
    last_year: bool,
) -> (Day, Day) {
    let years = match segment {
        Segment::Enterprise => chance.weighted(&[(1, 0.6), (2, 0.3), (3, 0.1)]),
        Segment::MidMarket => chance.weighted(&[(1, 0.85), (2, 0.15)]),
        Segment::Smb => 1,
    };
    let ahead = if last_year { 1 } else { years };
    let end = 1 + whole(ending * float(ahead) * 365.0);
    let mut terms = chance.between(1, 3);
    let start = |terms: i64| calendar.day(back(calendar.date(end), 12 * years * terms));
    while start(terms) > -SETTLED {
        terms += 1;
    }
    (start(terms), end)
}

fn back(date: Date, months: i64) -> Date {
    date.saturating_sub(months.months())
}

fn tier(chance: &mut Chance, segment: Segment) -> Tier {
    match segment {
        Segment::Enterprise => chance.weighted(&[(Tier::Vip, 0.35), (Tier::HighTouch, 0.65)]),
        Segment::MidMarket => chance.weighted(&[(Tier::HighTouch, 0.3), (Tier::MidTouch, 0.7)]),
        Segment::Smb => chance.weighted(&[(Tier::MidTouch, 0.2), (Tier::TechTouch, 0.8)]),
    }
}

/// Annual revenue in euros at evenly spaced quantiles.
const fn arr_table(segment: Segment) -> &'static [f64] {
    match segment {
        Segment::Smb => &[1_200.0, 2_400.0, 3_600.0, 6_000.0, 9_600.0, 18_000.0],
        Segment::MidMarket => &[15_000.0, 24_000.0, 36_000.0, 52_000.0, 80_000.0, 120_000.0],
        Segment::Enterprise => &[90_000.0, 140_000.0, 200_000.0, 320_000.0, 520_000.0, 1_100_000.0],
    }
}

fn seats(chance: &mut Chance, segment: Segment, arr: i64) -> i64 {
    let price = match segment {
        Segment::Smb => chance.within(240.0, 420.0),
        Segment::MidMarket => chance.within(260.0, 460.0),
        Segment::Enterprise => chance.within(220.0, 480.0),
    };
    whole(float(arr) / price).max(3)
}

#[expect(clippy::cast_possible_truncation, reason = "days, seats and euros are small")]
pub(crate) const fn whole(x: f64) -> i64 {
    x as i64
}

#[expect(clippy::cast_precision_loss, reason = "days, seats and euros are small")]
pub(crate) const fn float(n: i64) -> f64 {
    n as f64
}
