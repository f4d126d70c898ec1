//! Meetings with the customer, and what was noted in them.

use domain::{
    account::Segment,
    record::{MeetingKind, MeetingRow, Row},
};

use crate::{
    calendar::{Calendar, Day, FIRST},
    chance::{Chance, Topic},
    contact::People,
    destiny::{Cause, Decline},
    profile::Profile,
    sheet::Sheet,
    team::Member,
};

pub(crate) fn record(
    seed: u64,
    calendar: Calendar,
    profile: &Profile,
    people: &People,
    csm: &Member,
    decline: Option<Decline>,
    sheet: &mut Sheet,
) {
    let mut chance = Chance::of(seed, profile.index, Topic::Meeting);
    let mut held: Vec<(Day, MeetingKind)> = Vec::new();
    if profile.segment != Segment::Smb {
        held.push((profile.starts + chance.between(2, 9), MeetingKind::Kickoff));
    }
    let rhythm = match profile.segment {
        Segment::Smb => &[][..],
        Segment::MidMarket => &[(120, MeetingKind::Qbr)][..],
        Segment::Enterprise => &[(91, MeetingKind::Qbr), (35, MeetingKind::CheckIn)][..],
    };
    for (every, kind) in rhythm {
        let mut day = FIRST + chance.between(0, every - 1);
        while day <= profile.last_day() {
            // A customer in decline cancels, most of all one whose sponsor is gone.
            let cancels = decline.map_or(0.05, |decline| {
                let worst = if decline.cause == Cause::SponsorLeft { 0.9 } else { 0.5 };
                0.05 + (worst - 0.05) * decline.progress(day)
            });
            if day > profile.starts + 30 && !chance.happens(cancels) {
                held.push((day, *kind));
            }
            day += every;
        }
    }
    held.sort_unstable();
    let mut number = 0;
    for (day, kind) in held {
        let day = calendar.working_day(day);
        if !(FIRST..=profile.last_day()).contains(&day) || day < profile.starts {
            continue;
        }
        number += 1;
        let worried = decline.is_some_and(|decline| decline.progress(day) > 0.3);
        let attendees: Vec<String> =
            people.known.iter().take(3).map(|known| known.id.clone()).collect();
        let who = people.lead().map_or(&people.stranger, |known| &known.person);
        let (notes, next_steps) = words(&mut chance, kind, worried);
        let fill = |text: &str| {
            text.replace("{first}", &who.first)
                .replace("{name}", &who.full())
                .replace("{other}", &people.stranger.full())
                .replace("{csm}", &csm.name)
        };
        let row = MeetingRow {
            account: profile.id(),
            kind,
            at: calendar.moment(day, chance.between(28, 62) * 900),
            attendees,
            notes: fill(notes),
            next_steps: fill(next_steps),
        };
        sheet.push(format!("M-{:06}-{number}", profile.index), Row::Meeting(row));
    }
}

fn words(chance: &mut Chance, kind: MeetingKind, worried: bool) -> (&'static str, &'static str) {
    let pairs: &[(&str, &str)] = match (kind, worried) {
        (MeetingKind::Kickoff, _) => &[
            (
                "{name} wants the first report live within four weeks. Data sits in two warehouses. {other} signs off on security.",
                "{csm} sends the joint plan; {first} names an administrator by Friday.",
            ),
            (
                "Goal agreed with {name}: cut weekly reporting from two days to two hours. Rollout starts with one team.",
                "{first} invites the pilot users; {csm} books two trainings.",
            ),
        ],
        (MeetingKind::Qbr | MeetingKind::Ebr, false) => &[
            (
                "Adoption on plan, two teams to follow. {name} asked for a benchmark against similar companies.",
                "{csm} prepares the benchmark for the next review.",
            ),
            (
                "Reporting time is down by half since the start. {other} from finance joined for the first time.",
                "{first} introduces us to {other}; {csm} shares the value summary.",
            ),
        ],
        (MeetingKind::Qbr | MeetingKind::Ebr, true) => &[
            (
                "{name} is under pressure to justify the spend. Use in the second team has nearly stopped. {other} was mentioned as the new budget owner.",
                "{csm} brings a recovery plan within a week; {first} asks {other} for an hour.",
            ),
            (
                "Frank talk: too many open issues, and a competitor has been in the house. {name} wants dates, not promises.",
                "{csm} gets dates from engineering by Wednesday.",
            ),
        ],
        (_, false) => &[
            ("Short check-in with {name}. Nothing urgent; exports are popular.", "None."),
            ("{name} asked about automations. Showed two examples.", "{csm} sends the recording."),
        ],
        (_, true) => &[
            (
                "{name} joined late and left early. Few people log in, says the admin.",
                "{csm} calls {first} next week.",
            ),
            ("Only {other} came. Asked how to export all data.", "{csm} clarifies with {first}."),
        ],
    };
    chance.pick(pairs)
}
