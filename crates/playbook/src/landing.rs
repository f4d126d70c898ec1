//! Where a run of one version of a playbook lands in another version, or why it cannot move.

use std::collections::BTreeMap;

use domain::run::{Phase, Progress};

use crate::{
    act::Act,
    plan::{Doing, Plan, Step},
};

/// What steps of the old version are called in the new one, where they have another name.
pub type Names = BTreeMap<String, String>;

/// A run's place in the new version.
#[derive(Clone, Debug, PartialEq)]
pub struct Landing {
    /// How far it has come, in the words of the new version. What it waits for and what it has
    /// used up are as they were.
    pub progress: Progress,
    /// The steps it has something of that have another name there: the old one, the new one.
    pub renamed: Vec<(String, String)>,
}

/// Why a run cannot move to another version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Misfit {
    /// Its step is not there.
    #[error("the new version has no step `{0}`; say what it is called there with --map {0}=NEW")]
    NoStep(String),
    /// What its step is mapped to is not there.
    #[error("the new version has no step `{to}`, which `{step}` is mapped to")]
    NoTarget {
        /// The step.
        step: String,
        /// What it is mapped to.
        to: String,
    },
    /// The run has something under the new name already.
    #[error("the run has a step `{to}` already, which `{step}` is mapped to")]
    Taken {
        /// The step.
        step: String,
        /// What it is mapped to.
        to: String,
    },
    /// The step there does something else.
    #[error("`{to}` is {is} in the new version; the run is at {was}{waiting}")]
    Kind {
        /// The step there.
        to: String,
        /// What it does there.
        is: String,
        /// What it does here.
        was: String,
        /// What of it the run waits for, as the end of the sentence.
        waiting: &'static str,
    },
    /// The message there is of another class, or travels another way.
    #[error("`{to}` sends another kind of message (class, channel or survey) in the new version")]
    Message {
        /// The step there.
        to: String,
    },
    /// What was done would be done again.
    #[error("the run has done `{done}`, which comes after `{to}` in the new version")]
    Again {
        /// The step that was done.
        done: String,
        /// Where the run would land.
        to: String,
    },
}

/// Why step names cannot be mapped like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// The new name is no step.
    #[error("the new version has no step `{0}`; it has {1}")]
    NoTarget(String, String),
    /// The old name is no step of any version that runs are moved from.
    #[error("no version that runs are moved from has a step `{0}`")]
    NoSource(String),
    /// A name stands on both sides.
    #[error("`{0}` is mapped and mapped to; rename in one direction at a time")]
    Both(String),
}

/// Checks a mapping as a whole, before any run is looked at.
pub fn check_names(from: &[&Plan], to: &Plan, names: &Names) -> Result<(), NamesError> {
    for (old, new) in names {
        if to.step(new).is_none() {
            let known: Vec<&str> = to.steps.iter().map(|step| step.id.as_str()).collect();
            return Err(NamesError::NoTarget(new.clone(), known.join(", ")));
        }
        if !from.iter().any(|plan| plan.step(old).is_some()) {
            return Err(NamesError::NoSource(old.clone()));
        }
        if old != new && names.contains_key(new) {
            return Err(NamesError::Both(new.clone()));
        }
    }
    Ok(())
}

/// Where a run lands in `to`. It lands only where its step exists and is of the same kind, or is
/// mapped; where what it waits for still makes sense; and where nothing it has done lies ahead.
///
/// Without `from` (a version this program cannot read any more) nothing is known of the step the
/// run is at, and only a mapping says what it is.
pub fn land(
    from: Option<&Plan>,
    to: &Plan,
    names: &Names,
    run: &Progress,
) -> Result<Landing, Misfit> {
    let name = |step: &str| names.get(step).cloned().unwrap_or_else(|| step.to_owned());
    let mut progress = run.clone();
    let mut renamed = Vec::new();
    progress.results = BTreeMap::new();
    for (step, result) in &run.results {
        let new = name(step);
        let taken = progress.results.insert(new.clone(), result.clone()).is_some();
        if taken || (new != *step && (run.results.contains_key(&new) || run.step == new)) {
            return Err(Misfit::Taken { step: step.clone(), to: new });
        }
        if new != *step {
            renamed.push((step.clone(), new));
        }
    }
    if run.step.is_empty() {
        return Ok(Landing { progress, renamed });
    }

    let target = name(&run.step);
    let mapped = names.contains_key(&run.step);
    let Some(at) = to.steps.iter().position(|step| step.id == target) else {
        return Err(if mapped {
            Misfit::NoTarget { step: run.step.clone(), to: target }
        } else {
            Misfit::NoStep(run.step.clone())
        });
    };
    if progress.results.contains_key(&target) && target != run.step {
        return Err(Misfit::Taken { step: run.step.clone(), to: target });
    }
    fits(from.and_then(|from| from.step(&run.step)), &to.steps[at], &run.phase, mapped)?;
    let ahead = to.steps[at + 1..].iter().find(|step| {
        progress.results.get(&step.id).is_some_and(|result| result["outcome"] != "skipped")
    });
    if let Some(step) = ahead {
        return Err(Misfit::Again { done: step.id.clone(), to: target });
    }
    if target != run.step {
        renamed.push((run.step.clone(), target.clone()));
    }
    progress.step = target;
    if matches!(progress.phase, Phase::Drafting { redraft: None }) {
        // Nothing was kept of it: the step begins again, as the new version says.
        progress.phase = Phase::Ready;
    }
    Ok(Landing { progress, renamed })
}

/// Whether what a run waits for at a step makes sense at another.
fn fits(was: Option<&Step>, is: &Step, phase: &Phase, mapped: bool) -> Result<(), Misfit> {
    let (waiting, needed) = match phase {
        Phase::Ready | Phase::Drafting { redraft: None } => ("", !mapped),
        Phase::Drafting { redraft: Some(_) } | Phase::AwaitingApproval { .. } => {
            (", and a draft of it waits for a decision", true)
        }
        Phase::AwaitingDelivery { .. } => (", and a message of it is in the outbox", true),
        Phase::AwaitingTask { .. } => (", and a task of it waits for a person", true),
        Phase::AwaitingSignal { .. } => (", and waits for its signal", true),
        Phase::Sleeping { .. } => (", and waits for its time", true),
    };
    if !needed {
        return Ok(());
    }
    let before = match phase {
        Phase::AwaitingSignal { kind, .. } => Some(format!("wait_for {kind}")),
        // Of a step the old version does not have, what the run waits for tells what it was.
        _ => was.map_or_else(|| kind_of(phase), |step| Some(kind(&step.doing))),
    };
    let after = match (&is.doing, phase) {
        (Doing::WaitFor { signal, .. }, Phase::AwaitingSignal { .. }) => {
            format!("wait_for {signal}")
        }
        (doing, _) => kind(doing),
    };
    if before.as_deref() != Some(&*after) {
        return Err(Misfit::Kind {
            to: is.id.clone(),
            is: after,
            was: before.unwrap_or_else(|| "a step the old version does not have".to_owned()),
            waiting,
        });
    }
    let written = matches!(
        phase,
        Phase::Drafting { redraft: Some(_) }
            | Phase::AwaitingApproval { .. }
            | Phase::AwaitingDelivery { .. }
    );
    if written && was.is_none_or(|was| letter(&was.doing) != letter(&is.doing)) {
        return Err(Misfit::Message { to: is.id.clone() });
    }
    Ok(())
}

/// What a step does, as playbooks write it.
fn kind(doing: &Doing) -> String {
    match doing {
        Doing::Act(act) => act.name().to_string(),
        Doing::HumanTask(_) => "human_task".to_owned(),
        Doing::WaitFor { .. } => "wait_for".to_owned(),
        Doing::Wait(_) => "wait".to_owned(),
        Doing::Branch(_) => "branch".to_owned(),
    }
}

/// What a step that is not there any more must have done.
fn kind_of(phase: &Phase) -> Option<String> {
    match phase {
        Phase::AwaitingTask { .. } => Some("human_task".to_owned()),
        Phase::Sleeping { .. } => Some("wait".to_owned()),
        _ => None,
    }
}

/// What of a message must be the same for a draft of one step to stand for another.
fn letter(doing: &Doing) -> Option<(impl PartialEq, impl PartialEq, impl PartialEq)> {
    let Doing::Act(act) = doing else { return None };
    let survey = match act {
        Act::SendSurvey { survey, .. } => Some(*survey),
        _ => None,
    };
    act.outreach().map(|outreach| (outreach.class, outreach.channel, survey))
}
