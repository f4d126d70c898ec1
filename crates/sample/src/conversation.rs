//! E-mail conversations between the CSM and the customer.

use domain::record::{Direction, EmailRow, Row};

use crate::{
    VENDOR_DOMAIN,
    calendar::{Calendar, Day, FIRST},
    chance::{Chance, Topic},
    contact::People,
    destiny::{Cause, Decline},
    place::Language,
    profile::Profile,
    sheet::Sheet,
    team::Member,
};

/// A subject and what is said in turn; odd lines are ours.
type Talk = (&'static str, &'static [&'static str]);

pub(crate) fn record(
    seed: u64,
    calendar: Calendar,
    profile: &Profile,
    people: &People,
    csm: &Member,
    decline: Option<Decline>,
    sheet: &mut Sheet,
) {
    let mut chance = Chance::of(seed, profile.index, Topic::Conversation);
    let Some(partner) = people.lead() else {
        return;
    };
    let earliest = FIRST.max(profile.starts);
    let latest = profile.last_day();
    let mut talks: Vec<(Day, Talk)> = Vec::new();
    if latest > earliest {
        for _ in 0..chance.between(1, 2) {
            let day = chance.between(earliest, latest);
            talks.push((day, chance.pick(ordinary(partner.language))));
        }
    }
    // The mail that tells it, for those who read it: shortly after the decline has begun.
    if let Some(decline) = decline {
        let day = decline.begins + chance.between(3, 12);
        if (earliest..=latest).contains(&day) && chance.happens(0.7) {
            talks.push((day, chance.pick(telling(partner.language, decline.cause))));
        }
    }
    talks.sort_unstable_by_key(|(day, _)| *day);
    for (number, (first_day, (subject, lines))) in talks.into_iter().enumerate() {
        let thread = format!("H-{:06}-{}", profile.index, number + 1);
        let most = i64::try_from(lines.len()).unwrap_or(2);
        let length = chance.between(2, most);
        let mut day = calendar.working_day(first_day);
        for (turn, line) in (1..=length).zip(lines) {
            if day > latest || day < earliest {
                break;
            }
            let outbound = turn % 2 == 1;
            let (greeting, farewell) = frame(partner.language);
            let (to, from) = if outbound {
                (partner.person.first.as_str(), csm.name.as_str())
            } else {
                (csm.name.split(' ').next().unwrap_or("all"), partner.person.first.as_str())
            };
            let address = partner.email.as_deref().unwrap_or(VENDOR_DOMAIN);
            let fill = |text: &str| {
                text.replace("{other}", &people.stranger.full())
                    .replace("{company}", &profile.name)
                    .replace("{renewal}", &calendar.date(profile.decides).to_string())
                    .replace("{phone}", partner.phone.as_deref().unwrap_or(address))
            };
            let said = fill(line);
            let prefix = if turn == 1 { "" } else { "Re: " };
            let row = EmailRow {
                account: profile.id(),
                contact: Some(partner.id.clone()),
                thread: thread.clone(),
                direction: if outbound { Direction::Outbound } else { Direction::Inbound },
                subject: format!("{prefix}{}", fill(subject)),
                body: format!("{greeting} {to},\n\n{said}\n\n{farewell}\n{from}"),
                at: calendar.moment(day, 26_000 + turn * 4_000 + chance.between(0, 3_000)),
            };
            let id = format!("E-{:06}-{}-{turn}", profile.index, number + 1);
            sheet.push(id, Row::Email(row));
            day = next_working_day(calendar, day + chance.between(0, 3));
        }
    }
}

const fn next_working_day(calendar: Calendar, day: Day) -> Day {
    match calendar.weekday(day) {
        5 => day + 2,
        6 => day + 1,
        _ => day,
    }
}

const fn frame(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::English => ("Hi", "Best,"),
        Language::German => ("Hallo", "Viele Grüße"),
        Language::French => ("Bonjour", "Cordialement,"),
        Language::Spanish => ("Hola", "Un saludo,"),
    }
}

const fn ordinary(language: Language) -> &'static [Talk] {
    match language {
        Language::English => &[
            (
                "Your quarterly review",
                &[
                    "It is time for our quarterly review. Would next Tuesday or Wednesday suit you? I will bring the adoption numbers and two ideas for the second team.",
                    "Wednesday after two works. Please invite {other} as well, who now looks after reporting.",
                    "Done, the invitation is out. Anything you want on the agenda?",
                    "The exports, please. And pricing for more seats, roughly.",
                    "Both are on it. See you Wednesday.",
                    "Perfect, thanks.",
                ],
            ),
            (
                "New: scheduled exports",
                &[
                    "You asked for scheduled exports in spring. They are live for {company} since yesterday; a short guide is attached.",
                    "Great, that was quick. {other} has set up the first one already.",
                    "Glad to hear. Tell me if the format needs anything.",
                ],
            ),
        ],
        Language::German => &[(
            "Termin für das Quartalsgespräch",
            &[
                "unser Quartalsgespräch steht an. Passt Dienstag oder Mittwoch kommender Woche? Ich bringe die Nutzungszahlen mit.",
                "Mittwoch ab 14 Uhr passt. Bitte auch {other} einladen.",
                "Einladung ist raus. Soll etwas Bestimmtes auf die Agenda?",
                "Der Export und die Kosten für weitere Plätze, danke.",
            ],
        )],
        Language::French => &[(
            "Notre point trimestriel",
            &[
                "notre point trimestriel approche. Mardi ou mercredi prochain vous conviendrait-il ?",
                "Mercredi après 14 h, merci d'inviter aussi {other}.",
                "C'est noté, l'invitation est partie.",
            ],
        )],
        Language::Spanish => &[(
            "Nuestra revisión trimestral",
            &[
                "se acerca nuestra revisión trimestral. ¿Te viene bien el martes o el miércoles?",
                "El miércoles a partir de las 14. Invita también a {other}, por favor.",
                "Hecho, ya tienes la invitación.",
            ],
        )],
    }
}

const fn telling(language: Language, cause: Cause) -> &'static [Talk] {
    match (language, cause) {
        (Language::English, Cause::SponsorLeft) => &[(
            "Introduction",
            &[
                "I heard from your colleagues that responsibilities have changed at {company}. Who should I talk to about the roadmap we agreed with {other}?",
                "{other} has left us. I am covering for now and nobody told me about a roadmap. Call me on {phone} next week, please.",
                "Thank you, I will. In the meantime here is a summary of what we agreed.",
            ],
        )],
        (Language::English, Cause::Price) => &[(
            "Renewal on {renewal}",
            &[
                "Your contract runs until {renewal}. Shall we plan the renewal together?",
                "To be frank, finance wants to cut tools. {other} is comparing prices. What can you do?",
                "I understand. Let me come back to you with options this week.",
                "Please do, before the end of the month.",
            ],
        )],
        (Language::English, Cause::Quality) => &[(
            "The open cases",
            &[
                "I saw that several cases are open at once. I am following them up with our engineers.",
                "Thank you, but that is what we heard last time. {other} now asks for a written plan.",
                "You will have it by Friday.",
            ],
        )],
        (Language::English, Cause::LowAdoption) => &[(
            "Getting your team started again",
            &[
                "Fewer of your colleagues log in than in spring. Is something in the way?",
                "We had no time for the rollout. Half the team never got an account, says {other}.",
                "Shall I run a session for them? Forty minutes are enough.",
            ],
        )],
        (Language::German, Cause::SponsorLeft) => &[(
            "Neue Ansprechperson?",
            &[
                "ich habe gehört, dass sich bei {company} die Zuständigkeiten geändert haben. Mit wem spreche ich künftig?",
                "{other} ist nicht mehr bei uns. Ich vertrete vorläufig, bitte nächste Woche anrufen: {phone}.",
            ],
        )],
        (Language::German, _) => &[(
            "Verlängerung zum {renewal}",
            &[
                "der Vertrag läuft bis {renewal}. Wollen wir die Verlängerung gemeinsam planen?",
                "Ehrlich gesagt prüfen wir Alternativen. {other} vergleicht gerade Angebote.",
                "Danke für die offenen Worte. Ich melde mich mit einem Vorschlag.",
            ],
        )],
        (Language::French, _) => &[(
            "Renouvellement au {renewal}",
            &[
                "votre contrat court jusqu'au {renewal}. Préparons-nous la suite ensemble ?",
                "Pour être franc, nous comparons d'autres solutions. {other} s'en occupe.",
            ],
        )],
        (Language::Spanish, _) => &[(
            "Renovación del {renewal}",
            &[
                "el contrato termina el {renewal}. ¿Preparamos juntos la renovación?",
                "La verdad es que estamos comparando otras opciones. {other} lleva el tema.",
            ],
        )],
    }
}
