//! From files to a plan, or to everything that is wrong with them.

mod assets;
mod doing;
mod steps;
mod trigger;

use domain::{intent::is_address, run::Priority};
use notation::{Condition, Diagnostic, Diagnostics, Level, Place, Schema, Spanned, facts, yaml};
use sha2::{Digest, Sha256};

use crate::{
    act::Act,
    file,
    plan::{Doing, Plan, Step},
    word::Type,
};

/// A plan that is being read: its file, and what was found in it so far.
struct Lint<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<Diagnostic>,
}

impl Lint<'_> {
    fn error<T>(&mut self, at: &Spanned<T>, message: impl Into<String>, help: Option<&str>) {
        let error = at.error(self.file, self.text, message);
        self.found.push(error.with_help(help.map(str::to_owned)));
    }

    fn warn<T>(&mut self, at: &Spanned<T>, message: impl Into<String>, help: &str) {
        let warning = Diagnostic::warning(self.file, self.text, at.place, message);
        self.found.push(warning.with_help(help.to_owned()));
    }

    fn missing(&mut self, key: &str, help: &str) {
        let message = format!("missing key `{key}`");
        let error = Diagnostic::error(self.file, self.text, Place::START, message);
        self.found.push(error.with_help(help.to_owned()));
    }

    /// A text that must be there and say something.
    fn said(&mut self, key: &str, text: Option<Spanned<String>>, help: &str) -> String {
        match text {
            None => self.missing(key, help),
            Some(text) if text.trim().is_empty() => {
                self.error(&text, format!("`{key}` is empty"), Some(help));
            }
            Some(text) => return text.value,
        }
        String::new()
    }

    fn condition(&mut self, text: &Spanned<String>, schema: &Schema) -> Option<Condition> {
        match Condition::compile(text, schema) {
            Ok(condition) => Some(condition),
            Err(error) => {
                self.found.push(text.condition_error(self.file, self.text, &error));
                None
            }
        }
    }
}

/// Whether a text is a name such as `churn-risk-response`.
fn is_kebab(name: &str) -> bool {
    name.len() <= 60
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

pub(crate) fn compile(files: &[(String, String)]) -> Result<Plan, Diagnostics> {
    let Some(((file, text), others)) = files.split_first() else {
        return Err(Diagnostic::error("", "", Place::START, "no playbook file is given").into());
    };
    let read: file::Playbook = yaml::read(file, text)?;
    let mut lint = Lint { file, text, found: Vec::new() };
    let name = name(&mut lint, read.name);
    let mut assets = assets::read(&mut lint, &name, others);
    let of = read.r#type.as_ref().map_or(Type::Playbook, |of| of.value);
    let weeks = weeks(&mut lint, read.duration.as_ref());
    let metrics = metrics(&mut lint, of, read.metrics.as_ref());
    let pitfalls = pitfalls(&mut lint, read.pitfalls);
    let trigger = trigger::read(&mut lint, read.trigger, read.once_per.is_some());
    let steps = if let Some(steps) = &read.steps {
        steps::read(&mut lint, steps, &mut assets)
    } else {
        lint.missing("steps", "say what is done, in order");
        Vec::new()
    };
    assets.check(&mut lint, &steps);
    let title = lint.said("title", read.title, "name it for people");
    let owner = owner(&mut lint, read.owner);
    let objective =
        lint.said("objective", read.objective, "say what the customer has when it worked");
    for (key, given, help) in [
        ("stage", read.stage.is_some(), "one of crawl, walk, run"),
        ("goal", read.goal.is_some(), "for example adoption or churn_reduction"),
        ("kind", read.kind.is_some(), "one of reactive, proactive, best_practice"),
    ] {
        if !given {
            lint.missing(key, help);
        }
    }
    let concurrency = within(&mut lint, "concurrency", read.concurrency, 10_000);
    let sends_per_hour = within(&mut lint, "sends_per_hour", read.sends_per_hour, 100_000);
    let segment = read.segment.as_ref().and_then(|text| lint.condition(text, &facts::schema()));
    if of == Type::Playbook && !steps.is_empty() && !reaches_somebody(&steps) {
        let message = "no step reaches the customer or a person";
        let warning = Diagnostic::warning(file, text, Place::START, message);
        let help = "if it only describes hand-offs, say `type: process_ref`";
        lint.found.push(warning.with_help(help.to_owned()));
    }
    let (Some(stage), Some(goal), Some(kind), Some(weeks), Some(trigger)) =
        (read.stage, read.goal, read.kind, weeks, trigger)
    else {
        return Err(all(lint.found));
    };
    if lint.found.iter().any(|finding| finding.level == Level::Error) {
        return Err(all(lint.found));
    }
    Ok(Plan {
        name,
        title,
        r#type: of,
        owner,
        stage: stage.value,
        goal: goal.value,
        kind: kind.value,
        variant_of: read.variant_of.map(|of| of.value),
        objective,
        weeks,
        segment,
        metrics,
        principles: read.principles,
        domains: read.domains,
        pitfalls,
        trigger,
        once_per: read.once_per.map(|once_per| once_per.account.get()),
        priority: read.priority.map_or(Priority::Normal, |priority| priority.value),
        concurrency,
        sends_per_hour,
        steps,
        version: version(files),
        assets: assets.into_map(),
        warnings: lint.found,
    })
}

/// Never empty: there is always a reason to come here.
fn all(found: Vec<Diagnostic>) -> Diagnostics {
    Diagnostics::new(found).unwrap_or_else(|| {
        Diagnostic::error("", "", Place::START, "playbook cannot be read").into()
    })
}

fn name(lint: &mut Lint<'_>, name: Option<Spanned<String>>) -> String {
    let stem = lint.file.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = stem.strip_suffix(".yaml").or_else(|| stem.strip_suffix(".yml")).unwrap_or(stem);
    let Some(name) = name else {
        lint.missing("playbook", "give it its file's name, without the ending");
        return stem.to_owned();
    };
    if !is_kebab(&name) {
        let help = "use lower case words with hyphens, for example `churn-risk-response`";
        lint.error(&name, "name of the playbook is not in kebab-case", Some(help));
    } else if *name != stem {
        let message = format!("playbook is called `{}`, its file `{stem}`", *name);
        lint.error(&name, message, Some("call both the same"));
    }
    name.value
}

fn owner(lint: &mut Lint<'_>, owner: Option<Spanned<String>>) -> String {
    let place = owner.as_ref().map(|owner| owner.place);
    let owner = lint.said("owner", owner, "name who answers for it, as a mail address");
    if let Some(place) = place
        && !owner.is_empty()
        && !is_address(&owner)
    {
        let at = Spanned { value: (), place };
        lint.warn(&at, "owner is not a mail address", "name a person or a team who can be asked");
    }
    owner
}

fn weeks(lint: &mut Lint<'_>, duration: Option<&Spanned<file::Duration>>) -> Option<(u16, u16)> {
    let Some(duration) = duration else {
        lint.missing("duration", "say how long it takes, for example `{ weeks: [4, 6] }`");
        return None;
    };
    let [from, to] = duration.weeks;
    if from == 0 || to < from || to > 104 {
        let help = "write `{ weeks: [from, to] }`, 1 to 104";
        lint.error(duration, format!("{from} to {to} weeks is no duration"), Some(help));
        return None;
    }
    Some((from, to))
}

/// A bound of one at least.
fn within(lint: &mut Lint<'_>, key: &str, given: Option<Spanned<u32>>, most: u32) -> Option<u32> {
    let given = given?;
    if !(1..=most).contains(&given.value) {
        let help = (given.value == 0).then_some("to stop a playbook, load the others without it");
        lint.error(&given, format!("`{key}` must be 1 to {most}"), help);
        return None;
    }
    Some(given.value)
}

fn metrics(
    lint: &mut Lint<'_>,
    of: Type,
    metrics: Option<&Spanned<Vec<crate::metric::Metric>>>,
) -> Vec<crate::metric::Metric> {
    let help = "name what it moves, for example `[ttv, adoption_rate]`";
    match metrics {
        Some(metrics) if !metrics.is_empty() => return metrics.value.clone(),
        // PB-15: what has no outcome to measure is no playbook; a reference is only told so.
        Some(metrics) if of == Type::ProcessRef => {
            lint.warn(metrics, "process reference names no metric", help);
        }
        None if of == Type::ProcessRef => {
            let at = Spanned { value: (), place: Place::START };
            lint.warn(&at, "process reference names no metric", help);
        }
        Some(metrics) => lint.error(metrics, "`metrics` is empty", Some(help)),
        None => lint.missing("metrics", help),
    }
    Vec::new()
}

fn pitfalls(lint: &mut Lint<'_>, pitfalls: Option<Spanned<Vec<String>>>) -> Vec<String> {
    let help = "name what commonly goes wrong, at least one thing";
    match pitfalls {
        None => lint.missing("pitfalls", help),
        Some(pitfalls) if pitfalls.iter().all(|pitfall| pitfall.trim().is_empty()) => {
            lint.error(&pitfalls, "`pitfalls` is empty", Some(help));
        }
        Some(pitfalls) => return pitfalls.value,
    }
    Vec::new()
}

fn reaches_somebody(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.doing {
        Doing::HumanTask(_) => true,
        Doing::Act(act) => {
            act.is_message() || matches!(act, Act::CreateTask(_) | Act::Escalate { .. })
        }
        Doing::WaitFor { .. } | Doing::Wait(_) | Doing::Branch(_) => false,
    })
}

/// The hash runs are pinned to. Each part is preceded by its length, so that no two sets of files
/// run together into the same bytes; assets count in the order of their names.
fn version(files: &[(String, String)]) -> String {
    let mut hash = Sha256::new();
    let mut field = |bytes: &str| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes.as_bytes());
    };
    let (playbook, assets) = files.split_at(1.min(files.len()));
    let mut assets: Vec<_> = assets.iter().collect();
    assets.sort();
    for (name, text) in playbook.iter().chain(assets) {
        field(name);
        field(text);
    }
    hex::encode(hash.finalize())
}
