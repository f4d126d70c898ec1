//! What customers say when asked.

use domain::record::{Row, SurveyKind, SurveyRow};

use crate::{
    calendar::{Calendar, Day, FIRST},
    chance::{Chance, Topic},
    contact::{Known, People},
    destiny::{Decline, Fate},
    place::Language,
    profile::{Profile, float},
    sheet::Sheet,
};

/// Days from one question about loyalty to the next.
const ROUND: i64 = 91;

pub(crate) fn record(
    seed: u64,
    calendar: Calendar,
    profile: &Profile,
    people: &People,
    decline: Option<Decline>,
    sheet: &mut Sheet,
) {
    let mut chance = Chance::of(seed, profile.index, Topic::Survey);
    let mut number = 0;
    let mut ask = |chance: &mut Chance, kind: SurveyKind, day: Day, score: i64, mood: f64| {
        number += 1;
        let who = people.any(chance);
        let comment = chance.happens(0.55).then(|| comment(chance, who, mood));
        let row = SurveyRow {
            account: profile.id(),
            contact: who.map(|known| known.id.clone()),
            kind,
            score,
            comment,
            at: calendar.moment(day, chance.between(25_000, 64_000)),
        };
        sheet.push(format!("V-{:06}-{number}", profile.index), Row::Survey(row));
    };
    let settled_in = profile.starts + profile.onboarding_days();
    if (FIRST..=profile.last_day()).contains(&settled_in) && chance.happens(0.5) {
        let score = score(&mut chance, 5.6, 1.0, 1, 7);
        ask(&mut chance, SurveyKind::Ces, settled_in, score, float(score) / 7.0);
    }
    let mut day = FIRST + chance.between(0, ROUND - 1);
    while day <= profile.last_day() {
        if day >= settled_in && chance.happens(0.55) {
            let mood = mood(profile, decline, day);
            let nps = score(&mut chance, 10.0 * mood, 1.3, 0, 10);
            ask(&mut chance, SurveyKind::Nps, day, nps, float(nps) / 10.0);
            if chance.happens(0.3) {
                let csat = score(&mut chance, 1.0 + 4.0 * mood, 0.7, 1, 5);
                ask(&mut chance, SurveyKind::Csat, day, csat, float(csat) / 5.0);
            }
        }
        day += ROUND;
    }
}

/// How content a customer is, from 0 to 1.
pub(crate) fn mood(profile: &Profile, decline: Option<Decline>, day: Day) -> f64 {
    let base = match profile.fate {
        Fate::Thriving => 0.90,
        Fate::Steady => 0.78,
        Fate::Declining | Fate::Churned => 0.76,
    };
    base - decline.map_or(0.0, |decline| decline.progress(day) * (0.25 + 0.25 * decline.severity))
}

/// A whole score around a mean.
pub(crate) fn score(chance: &mut Chance, mean: f64, spread: f64, low: i64, high: i64) -> i64 {
    let drawn = mean + spread * chance.bell();
    chance.round(drawn).clamp(low, high)
}

fn comment(chance: &mut Chance, who: Option<&Known>, mood: f64) -> String {
    let language = who.map_or(Language::English, |known| known.language);
    let texts: &[&str] = match (language, mood) {
        (Language::English, 0.85..) => &[
            "Does what it says. The team here would not want to go back to spreadsheets.",
            "Your CSM is brilliant, thank you!",
            "Love the new exports. More of that, please.",
        ],
        (Language::English, 0.65..) => &[
            "Fine overall. Search could be faster.",
            "Good product, but the mobile app lags behind.",
            "We only use half of what we pay for.",
        ],
        (Language::English, _) => &[
            "Third outage this quarter. We are looking at alternatives.",
            "Nobody answers my tickets. Please call me.",
            "Too expensive for what we use it for.",
        ],
        (Language::German, 0.85..) => &["Läuft zuverlässig, das Team ist sehr zufrieden."],
        (Language::German, 0.65..) => &["Insgesamt gut, die Suche ist aber recht langsam."],
        (Language::German, _) => &["Die Ausfälle kosten uns Zeit. So können wir nicht planen."],
        (Language::French, 0.85..) => &["Très bon outil, l'équipe l'utilise tous les jours."],
        (Language::French, 0.65..) => &["Correct, mais l'export pourrait être plus simple."],
        (Language::French, _) => {
            &["Trop de pannes ce trimestre, nous étudions d'autres solutions."]
        }
        (Language::Spanish, 0.85..) => &["Muy útil, nos ahorra horas cada semana."],
        (Language::Spanish, 0.65..) => &["Está bien, aunque faltan informes a medida."],
        (Language::Spanish, _) => &["Demasiados errores, el equipo ha dejado de usarlo."],
    };
    chance.pick(texts).to_owned()
}
