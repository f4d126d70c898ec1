//! How the product is used, day by day: the first place a decline shows.

use domain::record::{Row, UsageRow};
use jiff::civil::Date;

use crate::{
    calendar::{Calendar, Day, FIRST},
    chance::{Chance, Topic},
    destiny::{Cause, Decline, Fate},
    profile::{Profile, float},
    sheet::Sheet,
};

/// What can be used. The commoner come first.
const FEATURES: [&str; 8] =
    ["dashboards", "reports", "alerts", "exports", "automations", "integrations", "mobile", "api"];
/// Single features are counted on Wednesdays of the last so many weeks.
const FEATURE_WEEKS: i64 = 8;
const WEDNESDAY: i64 = 2;

/// How one account uses the product.
struct Habit {
    /// People on an ordinary working day.
    users: f64,
    /// Events a person makes on one.
    intensity: f64,
    /// Share of people who come on Saturdays and Sundays.
    weekend: f64,
    /// Change over a year.
    drift: f64,
    /// Days until everybody who will use it does.
    ramp: f64,
    /// Features used when all is well.
    features: usize,
    /// Share of the use lost in the end, if it declines.
    depth: f64,
    /// Weeks in which it merely looks like a decline: first day and last.
    lull: Option<(Day, Day)>,
    /// How each week differs for no reason.
    weeks: [f64; 54],
}

pub(crate) fn record(
    seed: u64,
    calendar: Calendar,
    profile: &Profile,
    decline: Option<Decline>,
    sheet: &mut Sheet,
) {
    let mut chance = Chance::of(seed, profile.index, Topic::Usage);
    let habit = Habit::of(&mut chance, profile, decline);
    let mut day = FIRST.max(profile.starts);
    let mut date = calendar.date(day);
    while day <= profile.last_day() {
        let level = habit.level(day, date, profile, decline);
        let weekday = match calendar.weekday(day) {
            5 | 6 => habit.weekend,
            4 => 0.85,
            _ => 1.0,
        };
        let users = habit.users * level * weekday * (1.0 + 0.12 * chance.bell());
        let users = chance.round(users).min(profile.seats);
        if users > 0 {
            let errors = error_rate(decline, day);
            let whole = day_row(&mut chance, &habit, profile, date, users, errors);
            if calendar.weekday(day) == WEDNESDAY && day >= -7 * FEATURE_WEEKS {
                features(&mut chance, &habit, profile.index, level, &whole, sheet);
            }
            sheet.push(id(profile.index, &whole), Row::Usage(whole));
        }
        day += 1;
        date = date.tomorrow().unwrap_or(Date::MAX);
    }
}

impl Habit {
    fn of(chance: &mut Chance, profile: &Profile, decline: Option<Decline>) -> Self {
        let adoption = match profile.fate {
            Fate::Thriving => chance.within(0.38, 0.75),
            _ => chance.within(0.28, 0.68),
        };
        let drift = match profile.fate {
            Fate::Thriving => chance.within(0.05, 0.45),
            _ => chance.within(-0.12, 0.10),
        };
        let lull = chance.happens(0.10).then(|| {
            let first = chance.between(FIRST, -10);
            (first, first + chance.between(14, 35))
        });
        let features = chance.between(3, 6) - i64::from(is_shallow(decline));
        let mut weeks = [0.0; 54];
        let mut last = 0.0;
        for week in &mut weeks {
            // Good and bad weeks come in runs.
            last = 0.5 * last + 0.07 * chance.bell();
            *week = 1.0 + last;
        }
        Self {
            users: (float(profile.seats) * adoption).max(1.0),
            intensity: chance.quantile(&[6.0, 11.0, 17.0, 26.0, 45.0]),
            weekend: chance.quantile(&[0.0, 0.0, 0.03, 0.08, 0.20]),
            drift,
            ramp: float(profile.onboarding_days()) * 1.2,
            features: usize::try_from(features).unwrap_or(2),
            depth: decline.map_or(0.0, |decline| 0.50 + 0.45 * decline.severity),
            lull,
            weeks,
        }
    }

    /// Use on a day against an ordinary one.
    fn level(&self, day: Day, date: Date, profile: &Profile, decline: Option<Decline>) -> f64 {
        let age = float(day - profile.starts + 1);
        let ramp = 0.1 + 0.9 * (age / self.ramp).min(1.0);
        let drift = 1.0 + self.drift * float(day - FIRST) / 365.0;
        let lost = decline.map_or(0.0, |decline| decline.progress(day)) * self.depth;
        let lull = match self.lull {
            Some((begins, ends)) if begins <= day && day <= ends => 0.55,
            _ => 1.0,
        };
        let week = usize::try_from((day - FIRST) / 7).map_or(1.0, |week| self.weeks[week.min(53)]);
        ramp * drift * (1.0 - lost) * lull * week * season(date)
    }
}

/// Holidays dip: the turn of the year, the first of May, August.
fn season(date: Date) -> f64 {
    match (date.month(), date.day()) {
        (12, 25 | 26) | (1, 1) => 0.08,
        (12, 23..) | (1, ..=3) => 0.35,
        (5, 1) => 0.40,
        (8, _) => 0.85,
        _ => 1.0,
    }
}

const fn is_shallow(decline: Option<Decline>) -> bool {
    matches!(decline, Some(Decline { cause: Cause::LowAdoption, .. }))
}

/// Errors per event: more of them where quality is the trouble.
fn error_rate(decline: Option<Decline>, day: Day) -> f64 {
    match decline {
        Some(decline) if decline.cause == Cause::Quality => 0.01 + 0.05 * decline.progress(day),
        _ => 0.01,
    }
}

fn day_row(
    chance: &mut Chance,
    habit: &Habit,
    profile: &Profile,
    date: Date,
    users: i64,
    errors: f64,
) -> UsageRow {
    let events = float(users) * habit.intensity * (1.0 + 0.2 * chance.bell());
    let events = chance.round(events).max(users);
    UsageRow {
        account: profile.id(),
        day: date,
        feature: String::new(),
        users: Some(users),
        events,
        seconds: events * chance.between(18, 55),
        errors: chance.round(float(events) * errors),
    }
}

/// Splits a day's use over features; in a decline the rarer ones fall away first.
fn features(
    chance: &mut Chance,
    habit: &Habit,
    account: u64,
    level: f64,
    whole: &UsageRow,
    sheet: &mut Sheet,
) {
    let used = float(i64::try_from(habit.features).unwrap_or(6)) * level.sqrt();
    let used = usize::try_from(chance.round(used)).map_or(1, |n| n.clamp(1, habit.features));
    let mut left = whole.events;
    for (i, feature) in FEATURES.iter().take(used).enumerate() {
        let last = i + 1 == used;
        let events = if last { left } else { chance.round(float(left) * 0.45) };
        left -= events;
        if events == 0 {
            continue;
        }
        let row = UsageRow {
            feature: (*feature).to_owned(),
            users: whole.users.map(|users| users.min(events)),
            events,
            seconds: whole.seconds * events / whole.events,
            errors: whole.errors * events / whole.events,
            ..whole.clone()
        };
        sheet.push(id(account, &row), Row::Usage(row));
    }
}

/// `U-000123-2026-11-21` for the product, `U-000123-2026-11-18-exports` for a feature.
fn id(account: u64, row: &UsageRow) -> String {
    if row.feature.is_empty() {
        format!("U-{account:06}-{}", row.day)
    } else {
        format!("U-{account:06}-{}-{}", row.day, row.feature)
    }
}
