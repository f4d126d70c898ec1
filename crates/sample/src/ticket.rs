//! Support cases: how many there are follows the decline, what they say follows life.

mod text;

use domain::{
    account::Segment,
    record::{Priority, Row, TicketRow},
};

use crate::{
    calendar::{Calendar, Day, FIRST, YESTERDAY},
    chance::{Chance, Topic},
    contact::People,
    destiny::{Cause, Decline},
    profile::{Profile, whole},
    sheet::Sheet,
    survey,
};

/// A case that still matters for signals: open and young.
pub(crate) struct Opened {
    pub(crate) id: String,
    pub(crate) day: Day,
    pub(crate) second: i64,
    pub(crate) priority: Priority,
    pub(crate) open: bool,
}

/// Writes the cases down and says which there were.
pub(crate) fn record(
    seed: u64,
    calendar: Calendar,
    profile: &Profile,
    people: &People,
    decline: Option<Decline>,
    sheet: &mut Sheet,
) -> Vec<Opened> {
    let mut chance = Chance::of(seed, profile.index, Topic::Ticket);
    let weekly = match profile.segment {
        Segment::Smb => 0.09,
        Segment::MidMarket => 0.18,
        Segment::Enterprise => 0.38,
    } * chance.quantile(&[0.5, 0.8, 1.0, 1.3, 2.0]);
    let mut opened = Vec::new();
    for day in FIRST.max(profile.starts)..=profile.last_day() {
        let heat = heat(decline, day);
        // Newcomers ask.
        let fresh = if day - profile.starts < 45 { 1.8 } else { 1.0 };
        let weekend = if calendar.is_weekend(day) { 0.15 } else { 1.34 };
        if chance.happens(weekly / 7.0 * heat.frequency * fresh * weekend) {
            let priority = priority(&mut chance, &heat);
            let mut row = ticket(&mut chance, profile, people, decline, day, priority);
            let second = chance.between(21_600, 68_000);
            let took = took(&mut chance, priority, &heat);
            let closed = day * 86_400 + second + took < 0;
            row.opened_at = calendar.moment(day, second);
            row.closed_at = closed.then(|| calendar.moment(day, second + took));
            row.first_response_minutes =
                closed.then(|| chance.between(8, (took / 240).clamp(20, 1_400)));
            row.csat = row.csat.filter(|_| closed);
            opened.push(file(profile, opened.len(), day, second, row, sheet));
        }
    }
    if is_on_fire(&mut chance, profile, decline) {
        let day = calendar.working_day(YESTERDAY - chance.between(0, 2));
        let second = chance.between(25_000, 60_000);
        let mut row = ticket(&mut chance, profile, people, decline, day, Priority::P1);
        row.opened_at = calendar.moment(day, second);
        row.csat = None;
        opened.push(file(profile, opened.len(), day, second, row, sheet));
    }
    opened
}

/// Whether a customer who is losing patience over quality has a fire burning today.
fn is_on_fire(chance: &mut Chance, profile: &Profile, decline: Option<Decline>) -> bool {
    let quality = decline.is_some_and(|decline| decline.cause == Cause::Quality);
    chance.happens(0.7) && profile.sliding && quality
}

/// Puts a case on the sheet under the next number.
fn file(
    profile: &Profile,
    before: usize,
    day: Day,
    second: i64,
    row: TicketRow,
    sheet: &mut Sheet,
) -> Opened {
    let id = format!("T-{:06}-{:03}", profile.index, before + 1);
    let opened = Opened {
        id: id.clone(),
        day,
        second,
        priority: row.priority,
        open: row.closed_at.is_none(),
    };
    sheet.push(id, Row::Ticket(row));
    opened
}

/// How much worse things are than usual.
struct Heat {
    /// Times as many cases.
    frequency: f64,
    /// Added to the probability that a case is urgent.
    urgency: f64,
    /// From 0 to 1.
    progress: f64,
}

fn heat(decline: Option<Decline>, day: Day) -> Heat {
    let Some(decline) = decline else {
        return Heat { frequency: 1.0, urgency: 0.0, progress: 0.0 };
    };
    let progress = decline.progress(day);
    let (frequency, urgency) = match decline.cause {
        Cause::Quality => (4.5, 0.25),
        Cause::Price => (1.8, 0.04),
        Cause::LowAdoption => (2.0, 0.02),
        Cause::SponsorLeft => (1.6, 0.03),
    };
    Heat { frequency: 1.0 + (frequency - 1.0) * progress, urgency: urgency * progress, progress }
}

/// Seconds until a case is closed.
fn took(chance: &mut Chance, priority: Priority, heat: &Heat) -> i64 {
    let hours = match priority {
        Priority::P1 => chance.quantile(&[2.0, 5.0, 9.0, 20.0, 60.0]),
        Priority::P2 => chance.quantile(&[4.0, 16.0, 30.0, 60.0, 160.0]),
        Priority::P3 => chance.quantile(&[6.0, 30.0, 70.0, 130.0, 400.0]),
        Priority::P4 => chance.quantile(&[8.0, 50.0, 120.0, 300.0, 900.0]),
    };
    whole(hours * (1.0 + 3.0 * heat.progress) * 3_600.0)
}

fn priority(chance: &mut Chance, heat: &Heat) -> Priority {
    if chance.happens(heat.urgency) {
        chance.weighted(&[(Priority::P1, 0.35), (Priority::P2, 0.65)])
    } else {
        chance.weighted(&[
            (Priority::P1, 0.015),
            (Priority::P2, 0.12),
            (Priority::P3, 0.55),
            (Priority::P4, 0.315),
        ])
    }
}

fn ticket(
    chance: &mut Chance,
    profile: &Profile,
    people: &People,
    decline: Option<Decline>,
    day: Day,
    priority: Priority,
) -> TicketRow {
    let heat = heat(decline, day);
    let escalated = chance.happens(match priority {
        Priority::P1 => 0.25 + 0.25 * heat.progress,
        _ => 0.01 + 0.12 * heat.progress,
    });
    let cause = decline.filter(|_| chance.happens(heat.progress * 0.6)).map(|d| d.cause);
    let urgent = matches!(priority, Priority::P1);
    let written = text::write(chance, profile, people, cause, urgent);
    let mood = survey::mood(profile, decline, day);
    let csat =
        chance.happens(0.38).then(|| survey::score(chance, 1.0 + 4.0 * mood + 0.2, 0.8, 1, 5));
    TicketRow {
        account: profile.id(),
        contact: written.contact,
        subject: written.subject,
        body: written.body,
        priority,
        opened_at: jiff::Timestamp::UNIX_EPOCH,
        closed_at: None,
        first_response_minutes: None,
        csat,
        escalated,
    }
}
