//! Taking a run back to an earlier step: what is done again, and what must not be.

use std::collections::BTreeMap;

use domain::{
    id::MessageId,
    run::{Phase, Progress},
};

use crate::plan::Plan;

/// A run's place before the steps that are done again.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewound {
    /// How far it has come then. What it has used up stays used up.
    pub progress: Progress,
    /// The steps that are done again, in order.
    pub again: Vec<String>,
}

/// Why a run cannot go back to a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewindError {
    /// The step is not there.
    #[error("the run's playbook version has no step `{step}`; it has {known}")]
    NoStep {
        /// The step.
        step: String,
        /// Those there are.
        known: String,
    },
    /// The run has not come to it.
    #[error("the run has not come to step `{step}`; it is at `{at}`")]
    NotReached {
        /// The step.
        step: String,
        /// Where it is.
        at: String,
    },
    /// A message would have to be sent twice.
    #[error(
        "step `{step}` has message {message} already, and nothing is sent twice: a message's id is \
         made of run and step; {}",
        next.as_ref().map_or_else(
            || "no step after it was begun, so start the playbook anew".to_owned(),
            |next| format!("retry from `{next}`, the step after it"),
        )
    )]
    Sent {
        /// The step.
        step: String,
        /// Its message.
        message: MessageId,
        /// The next step a run may go back to.
        next: Option<String>,
    },
}

impl RewindError {
    /// Why, in words that are the same for all runs alike.
    pub fn of_many(&self) -> String {
        match self {
            Self::NoStep { step, .. } => format!("their playbook version has no step `{step}`"),
            Self::NotReached { step, .. } => format!("they have not come to step `{step}`"),
            Self::Sent { step, .. } => {
                format!("step `{step}` has a message already, and nothing is sent twice")
            }
        }
    }
}

/// Takes a run back to a step it has come to. `sent` holds the messages of its steps, whatever
/// became of them.
pub fn rewind(
    plan: &Plan,
    run: &Progress,
    to: &str,
    sent: &BTreeMap<String, MessageId>,
) -> Result<Rewound, RewindError> {
    let Some(from) = plan.steps.iter().position(|step| step.id == to) else {
        let known: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        return Err(RewindError::NoStep { step: to.to_owned(), known: known.join(", ") });
    };
    let reached = |step: &str| run.step == step || run.results.contains_key(step);
    if !reached(to) {
        let at = if run.step.is_empty() { "the end" } else { &run.step };
        return Err(RewindError::NotReached { step: to.to_owned(), at: at.to_owned() });
    }
    let again: Vec<String> =
        plan.steps[from..].iter().map(|step| step.id.clone()).filter(|id| reached(id)).collect();
    if let Some(last) = again.iter().rposition(|step| sent.contains_key(step)) {
        let step = again[last].clone();
        let message = sent[&step];
        return Err(RewindError::Sent { step, message, next: again.get(last + 1).cloned() });
    }
    let mut progress = run.clone();
    progress.results.retain(|step, _| !again.contains(step));
    to.clone_into(&mut progress.step);
    progress.phase = Phase::Ready;
    progress.attempts = 0;
    progress.dead_end = None;
    Ok(Rewound { progress, again })
}
