//! What starts a playbook, read and checked.

use domain::signal::kind;
use notation::{Spanned, suggest};

use super::Lint;
use crate::{
    facts,
    file::{self, On},
    trigger::{Rule, Schedule, ScheduleError, Trigger},
};

/// Signals the product raises itself.
const KNOWN: [&str; 5] = [
    kind::LIFECYCLE_ENTERED,
    kind::HEALTH_DROPPED,
    kind::TICKET_OPENED,
    kind::EMAIL_REPLIED,
    kind::MILESTONE_REACHED,
];

pub(super) fn read(
    lint: &mut Lint<'_>,
    trigger: Option<Spanned<file::Trigger>>,
    once_per: bool,
) -> Option<Rule> {
    let Some(trigger) = trigger else {
        lint.missing("trigger", "say what starts it: a phase, a signal, a schedule or a person");
        return None;
    };
    let Spanned { value: file::Trigger { on, enters, signal, cron, zone, when }, .. } = trigger;
    let place = on.place;
    for (key, given, belongs) in [
        ("enters", enters.as_ref().map(|key| key.place), on.value == On::Lifecycle),
        ("signal", signal.as_ref().map(|key| key.place), on.value == On::Event),
        ("cron", cron.as_ref().map(|key| key.place), on.value == On::Schedule),
        ("zone", zone.as_ref().map(|key| key.place), on.value == On::Schedule),
    ] {
        if let Some(place) = given.filter(|_| !belongs) {
            let at = Spanned { value: (), place };
            lint.error(&at, format!("`{key}` does not belong to this kind of trigger"), None);
        }
    }
    let mut needs = |key: &str, help: &str| {
        let at = Spanned { value: (), place };
        lint.error(&at, format!("this kind of trigger needs `{key}`"), Some(help));
        None
    };
    let on = match on.value {
        On::Lifecycle => match enters {
            Some(phase) => Some(Trigger::Lifecycle { enters: phase.value }),
            None => needs("enters", "name the phase, for example `enters: onboarding`"),
        },
        On::Event => match signal {
            Some(name) => {
                check_signal(lint, &name);
                Some(Trigger::Event { signal: name.value })
            }
            None => needs("signal", "name the signal, for example `signal: health.dropped`"),
        },
        On::Schedule => match cron {
            Some(cron) => {
                if !once_per {
                    let help = "say how often one account may be picked, for example \
                                `once_per: { account: 90d }`";
                    let message = "every tick starts a run for every account it applies to";
                    lint.warn(&cron, message, help);
                }
                schedule(lint, &cron, zone.as_ref()).map(Trigger::Schedule)
            }
            None => needs("cron", "name five fields, for example `cron: \"0 6 * * 1-5\"`"),
        },
        On::Manual => {
            if let Some(when) = &when {
                let help = "a person who starts it decides; remove `when`";
                lint.warn(when, "condition is never asked", help);
            }
            Some(Trigger::Manual)
        }
    };
    let when = when.and_then(|when| lint.condition(&when, &facts::trigger_schema()));
    on.map(|on| Rule { on, when })
}

fn schedule(
    lint: &mut Lint<'_>,
    cron: &Spanned<String>,
    zone: Option<&Spanned<String>>,
) -> Option<Schedule> {
    match (Schedule::parse(cron, zone.map(|zone| zone.value.as_str())), zone) {
        (Ok(schedule), _) => return Some(schedule),
        (Err(error @ ScheduleError::Zone(_)), Some(zone)) => {
            lint.error(zone, error.to_string(), Some("for example `zone: Europe/Berlin`"));
        }
        (Err(error), _) => lint.error(cron, error.to_string(), None),
    }
    None
}

/// A signal's kind is dotted; sources may send any, but a near miss of ours is a slip.
pub(super) fn check_signal(lint: &mut Lint<'_>, name: &Spanned<String>) {
    let word = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if !name.contains('.') || !name.split('.').all(word) || name.len() > 100 {
        let help = suggest::nearest(name, KNOWN)
            .map_or_else(|| KNOWN.join(", "), |near| format!("did you mean `{near}`?"));
        let message = format!("`{}` is no signal: dotted, past tense", name.escape_debug());
        lint.error(name, message.chars().take(200).collect::<String>(), Some(&help));
    } else if let Some(near) = suggest::nearest(name, KNOWN).filter(|near| **near != *name.value) {
        let message = format!("`{}` is no signal the product raises", **name);
        lint.warn(name, message, &format!("did you mean `{near}`?"));
    }
}
