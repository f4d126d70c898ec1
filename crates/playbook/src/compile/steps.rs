//! The steps of a playbook, read in order: each sees what earlier ones leave behind.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use notation::{Condition, Period, Spanned, Type};
use serde_json::Value;

use super::{Lint, assets::Assets, doing};
use crate::{
    facts, file,
    plan::{Arm, Doing, Step},
};

/// Attempts before a run is stuck, where the step does not say.
const RETRIES: u32 = 5;
/// How long an approval waits, where the step does not say.
const TIMEOUT: SignedDuration = SignedDuration::from_hours(24 * 14);
/// More steps than anybody follows.
const MOST_STEPS: usize = 100;

/// What is known while one step is read.
pub(super) struct Earlier<'a> {
    /// Ids of all steps in order.
    ids: &'a [&'a str],
    /// What the steps before this one leave behind.
    results: Vec<(String, Type)>,
}

pub(super) fn read(
    lint: &mut Lint<'_>,
    steps: &Spanned<Vec<Spanned<file::Step>>>,
    assets: &mut Assets,
) -> Vec<Step> {
    if steps.is_empty() {
        lint.error(steps, "`steps` is empty", Some("say what is done, in order"));
    }
    if steps.len() > MOST_STEPS {
        lint.error(steps, format!("{} steps, at most {MOST_STEPS} are read", steps.len()), None);
        return Vec::new();
    }
    let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    let mut seen = BTreeSet::new();
    let mut earlier = Earlier { ids: &ids, results: Vec::new() };
    let mut read = Vec::new();
    for step in steps.iter() {
        check_id(lint, &step.id, &mut seen);
        let condition = step.r#if.as_ref().and_then(|text| condition(lint, text, &earlier));
        let retries = step.retries.as_ref().map_or(RETRIES, |retries| {
            if !(1..=20).contains(&retries.value) {
                lint.error(retries, "`retries` must be 1 to 20", None);
            }
            retries.value
        });
        let timeout = step.timeout.as_ref().map_or(TIMEOUT, |timeout| bounded(lint, timeout));
        let Some(doing) = doing::read(lint, step, &earlier, assets) else {
            // What refers to it later is no second error.
            earlier.results.push((step.id.value.clone(), Type::Dyn));
            continue;
        };
        let result = facts::result_type(&doing);
        read.push(Step {
            id: step.id.value.clone(),
            title: step.title.as_ref().map(|title| title.value.clone()),
            condition,
            retries,
            timeout,
            doing,
            blank: facts::blank(&result),
        });
        earlier.results.push((step.id.value.clone(), result));
    }
    check_texts(lint, steps, &read);
    read
}

fn check_id<'a>(lint: &mut Lint<'_>, id: &'a Spanned<String>, seen: &mut BTreeSet<&'a str>) {
    let proper = id.len() <= 60
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    if !proper {
        let help = "use lower case words with underscores, for example `first_touch`";
        lint.error(id, "id of the step is no name", Some(help));
    } else if id.value == "end" {
        lint.error(id, "`end` is where a branch goes to stop", Some("call the step otherwise"));
    } else if !seen.insert(id.as_str()) {
        lint.error(id, format!("there are two steps `{}`", **id), Some("rename one of them"));
    }
}

/// A time an approval or a task may take.
pub(super) fn bounded(lint: &mut Lint<'_>, period: &Spanned<Period>) -> SignedDuration {
    let time = period.get();
    if time < SignedDuration::from_mins(5) || time > SignedDuration::from_hours(24 * 180) {
        lint.error(period, "time must be 5m to 180d", None);
    }
    time
}

fn condition(
    lint: &mut Lint<'_>,
    text: &Spanned<String>,
    earlier: &Earlier<'_>,
) -> Option<Condition> {
    let results = earlier.results.iter().map(|(id, of)| (id.as_str(), of));
    let schema = facts::schema(results);
    match Condition::compile(text, &schema) {
        Ok(condition) => Some(condition),
        Err(mut error) => {
            if let Some(later) =
                earlier.ids.iter().find(|id| error.message == format!("there is no `{id}` here"))
            {
                error.message = format!("step `{later}` has not run yet here");
                error.help = Some("only earlier steps have left something behind".to_owned());
            }
            lint.found.push(text.condition_error(lint.file, lint.text, &error));
            None
        }
    }
}

pub(super) fn branch(
    lint: &mut Lint<'_>,
    id: &Spanned<String>,
    arms: &Spanned<Vec<Spanned<file::Arm>>>,
    earlier: &Earlier<'_>,
) -> Doing {
    if arms.is_empty() {
        lint.error(arms, "branch has no arms", Some("write `- { if: …, go_to: … }`"));
    }
    let here = earlier.results.len();
    let at = earlier.ids.iter().position(|other| *other == id.as_str()).unwrap_or(here);
    let mut always = false;
    let mut read = Vec::new();
    for arm in arms.iter() {
        if always {
            let help = "the arm above has no `if` and is always taken";
            lint.warn(&arm.go_to, "arm is never reached", help);
        }
        always |= arm.r#if.is_none();
        let target = arm.go_to.as_str();
        match earlier.ids.iter().position(|other| *other == target) {
            _ if target == "end" => {}
            Some(to) if to > at => {}
            Some(_) => {
                let help = "a branch only goes forward, so that every run ends";
                lint.error(&arm.go_to, format!("step `{target}` does not lie ahead"), Some(help));
            }
            None => {
                let known = earlier.ids.iter().skip(at + 1).copied().chain(["end"]);
                let help = notation::suggest::help(target, known);
                lint.error(&arm.go_to, format!("there is no step `{target}`"), help.as_deref());
            }
        }
        read.push(Arm {
            condition: arm.r#if.as_ref().and_then(|text| condition(lint, text, earlier)),
            go_to: (target != "end").then(|| target.to_owned()),
        });
    }
    Doing::Branch(read)
}

/// Renders the texts of all steps with samples: names must exist, and something must come out.
fn check_texts(lint: &mut Lint<'_>, steps: &[Spanned<file::Step>], read: &[Step]) {
    let samples = facts::samples(read);
    for template in steps.iter().flat_map(|step| texts(step)) {
        check_text(lint, template, &samples);
    }
}

fn check_text(lint: &mut Lint<'_>, text: &Spanned<String>, samples: &[Value; 2]) {
    for (sample, full) in samples.iter().zip([true, false]) {
        match crate::text::render_line(text, sample, usize::MAX) {
            Ok(shown) if shown.is_empty() && full => {
                lint.error(text, "text is empty", None);
                return;
            }
            Ok(_) => {}
            Err(error) => {
                let place = text.place_within(lint.text, error.offset, error.len);
                let at = Spanned { value: (), place };
                lint.error(&at, error.message, None);
                return;
            }
        }
    }
}

/// The templates of a step.
fn texts(step: &file::Step) -> Vec<&Spanned<String>> {
    let mut texts = Vec::new();
    texts.extend(step.create_task.as_ref().map(|task| &task.title));
    texts.extend(step.human_task.as_ref().map(|task| &task.title));
    texts.extend(step.assign_owner.as_ref().map(|assign| &assign.reason));
    texts.extend(step.notify_team.as_ref().map(|notify| &notify.text));
    texts.extend(step.escalate.as_ref().map(|escalate| &escalate.reason));
    texts
}
