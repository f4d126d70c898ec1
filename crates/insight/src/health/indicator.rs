//! The six indicators: each reads a few facts and says how good they are, from 0 to 1.

use domain::{
    contact::{Consent, Contact, ContactRole},
    intent::is_address,
    snapshot::Snapshot,
};

/// One indicator read off an account.
pub(super) struct Reading {
    /// From 0 (worst) to 1 (best); none when the data is missing.
    pub(super) value: Option<f64>,
    /// Why, in a sentence.
    pub(super) words: String,
}

impl Reading {
    fn of(value: f64, words: String) -> Self {
        Self { value: Some(value.clamp(0.0, 1.0)), words }
    }

    fn missing(words: &str) -> Self {
        Self { value: None, words: words.to_owned() }
    }
}

/// Working days in four weeks.
const WORKING_DAYS: f64 = 20.0;
/// Days in the window the usage facts look at.
const WINDOW: i64 = 28;
/// What the usage and survey facts say in place of "never".
const NEVER: i64 = 9999;

/// Reads the indicators in the order of [`super::WEIGHTS`].
pub(super) fn read(snapshot: &Snapshot) -> [Reading; 6] {
    [
        usage_trend(snapshot),
        active_days(snapshot),
        adoption(snapshot),
        support(snapshot),
        sentiment(snapshot),
        people(snapshot),
    ]
}

/// Events of the last four weeks against the four before: steady use is good, a fall of half or
/// more is the worst there is. Growth adds little: it is not what health is about.
fn usage_trend(snapshot: &Snapshot) -> Reading {
    let usage = &snapshot.usage;
    if usage.events_prior_28 <= 0 {
        return Reading::missing("no use in the four weeks before to compare with");
    }
    let trend = usage.trend_28;
    let value =
        between(trend, &[(-0.50, 0.0), (-0.30, 0.30), (-0.15, 0.70), (0.0, 0.90), (0.10, 1.0)]);
    let direction = if trend < 0.0 { "down" } else { "up" };
    Reading::of(
        value,
        format!(
            "use is {direction} {:.0} % in four weeks ({} events after {})",
            trend.abs() * 100.0,
            usage.events_28,
            usage.events_prior_28,
        ),
    )
}

/// Days with any use, of the working days there were; of fewer for a young contract.
fn active_days(snapshot: &Snapshot) -> Reading {
    let usage = &snapshot.usage;
    if usage.days_since_last >= NEVER {
        // Silence and a source without usage data look the same from here.
        return Reading::missing("no use on record");
    }
    let age = snapshot
        .account
        .contract_start
        .map_or(WINDOW, |start| (-snapshot.days_until(start)).clamp(0, WINDOW));
    if age < 7 {
        return Reading::missing("the contract is less than a week old");
    }
    let possible = WORKING_DAYS * float(age) / float(WINDOW);
    Reading::of(
        float(usage.active_days_28) / possible,
        format!(
            "used on {} of the last {age} days, last {}",
            usage.active_days_28,
            ago(usage.days_since_last),
        ),
    )
}

/// The mean of the licences in use (good from 60 % of the seats on the busiest day) and the
/// features in use (good from four), whichever are known.
fn adoption(snapshot: &Snapshot) -> Reading {
    let usage = &snapshot.usage;
    if usage.days_since_last >= NEVER {
        return Reading::missing("no use on record");
    }
    let seats = snapshot.contract.seats;
    let licences = (seats > 0 && usage.peak_users_28 > 0).then(|| {
        let share = float(usage.peak_users_28) / float(seats);
        let words = format!("{} of {seats} seats on the busiest day", usage.peak_users_28);
        ((share / 0.6).min(1.0), words)
    });
    let features = (usage.features_28 > 0).then(|| {
        let words = format!(
            "{} feature{} in four weeks",
            usage.features_28,
            if usage.features_28 == 1 { "" } else { "s" },
        );
        ((float(usage.features_28) / 4.0).min(1.0), words)
    });
    match (licences, features) {
        (Some((a, licences)), Some((b, features))) => {
            Reading::of(f64::midpoint(a, b), format!("{licences}, {features}"))
        }
        (Some((value, words)), None) | (None, Some((value, words))) => Reading::of(value, words),
        (None, None) if usage.events_28 == 0 => {
            Reading::of(0.0, "nobody used it in four weeks".to_owned())
        }
        (None, None) => Reading::missing("neither seats nor features are recorded"),
    }
}

/// Starts at 1 and pays for what burns: an open P1 0.40 each, an escalation in 90 days 0.25 each
/// (at most 0.50), tickets piling up (0.05 each beyond two open, at most 0.25), and a rise against
/// the four weeks before (0.10 a ticket, at most 0.30).
fn support(snapshot: &Snapshot) -> Reading {
    let tickets = &snapshot.tickets;
    let urgent = 0.40 * float(tickets.open_p1);
    let escalated = (0.25 * float(tickets.escalated_90)).min(0.50);
    let backlog = (0.05 * float((tickets.open - 2).max(0))).min(0.25);
    let rise = (0.10 * float((tickets.opened_28 - tickets.opened_prior_28).max(0))).min(0.30);
    Reading::of(
        1.0 - urgent - escalated - backlog - rise,
        format!(
            "{} open ({} of them P1), {} opened in four weeks after {}, {} escalated in 90 days",
            tickets.open,
            tickets.open_p1,
            tickets.opened_28,
            tickets.opened_prior_28,
            tickets.escalated_90,
        ),
    )
}

/// The mean of ticket satisfaction (1.5 → 0, 4.5 → 1) and the latest NPS answer of the last half
/// year (3 → 0, 9 → 1), whichever are known.
fn sentiment(snapshot: &Snapshot) -> Reading {
    let csat = snapshot.tickets.csat_90;
    let nps = snapshot.survey.nps;
    let recent = snapshot.survey.days_since_nps <= 183;
    let satisfied = (csat >= 1.0)
        .then(|| (((csat - 1.5) / 3.0).clamp(0.0, 1.0), format!("CSAT {csat:.1} of 5 in 90 days")));
    let loyal = (nps >= 0 && recent).then(|| {
        let words = format!("NPS answer {nps}, {}", ago(snapshot.survey.days_since_nps));
        (((float(nps) - 3.0) / 6.0).clamp(0.0, 1.0), words)
    });
    match (satisfied, loyal) {
        (Some((a, satisfied)), Some((b, loyal))) => {
            Reading::of(f64::midpoint(a, b), format!("{satisfied}; {loyal}"))
        }
        (Some((value, words)), None) | (None, Some((value, words))) => Reading::of(value, words),
        (None, None) => Reading::missing("no answer to a survey in half a year"),
    }
}

/// Whom we could write to: anybody at all 0.40, a champion or administrator 0.35, somebody who
/// decides over the money 0.25. An account without people scores 0: that is known, not missing.
fn people(snapshot: &Snapshot) -> Reading {
    let reachable: Vec<&Contact> =
        snapshot.contacts.iter().filter(|contact| is_reachable(contact)).collect();
    let has = |roles: &[ContactRole]| reachable.iter().any(|contact| roles.contains(&contact.role));
    let any = !reachable.is_empty();
    let champion = has(&[ContactRole::Champion, ContactRole::Admin]);
    let sponsor = has(&[ContactRole::ExecSponsor, ContactRole::EconomicBuyer]);
    let value = [(any, 0.40), (champion, 0.35), (sponsor, 0.25)]
        .into_iter()
        .filter_map(|(holds, worth)| holds.then_some(worth))
        .fold(0.0, |sum, worth| sum + worth);
    let who = match (any, champion, sponsor) {
        (false, ..) => "nobody we may write to".to_owned(),
        (true, true, true) => format!("{} reachable, champion and sponsor", reachable.len()),
        (true, true, false) => format!("{} reachable, no sponsor", reachable.len()),
        (true, false, true) => format!("{} reachable, no champion", reachable.len()),
        (true, false, false) => {
            format!("{} reachable, neither champion nor sponsor", reachable.len())
        }
    };
    Reading::of(value, who)
}

fn is_reachable(contact: &Contact) -> bool {
    contact.email.as_deref().is_some_and(is_address)
        && contact.bounced_at.is_none()
        && contact.opted_out_at.is_none()
        && contact.consent != Consent::OptedOut
}

/// Linear interpolation through points in rising order; flat outside them.
fn between(x: f64, points: &[(f64, f64)]) -> f64 {
    let after = points.iter().position(|(at, _)| x < *at);
    match after {
        Some(0) => points[0].1,
        Some(i) => {
            let ((x0, y0), (x1, y1)) = (points[i - 1], points[i]);
            y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        }
        None => points.last().map_or(0.0, |(_, y)| *y),
    }
}

fn ago(days: i64) -> String {
    match days {
        ..=0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        _ => format!("{days} days ago"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of days and tickets are far below 2^53")]
const fn float(n: i64) -> f64 {
    n as f64
}
