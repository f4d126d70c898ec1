//! How a step ends, and what it leaves behind for the ones after it.

use std::sync::Arc;

use domain::{
    event::{Event, Taken},
    run::{Claimed, Phase},
    snapshot::Snapshot,
};
use jiff::{SignedDuration, Timestamp};
use playbook::{Plan, Step};
use policy::Policy;
use serde_json::{Value, json};

use crate::turn::Draft;

/// What a step needs to know about its surroundings.
pub(crate) struct Scene {
    pub(crate) plan: Arc<Plan>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) snapshot: Snapshot,
}

/// Whether the turn goes on with the next step or ends here.
pub(crate) enum Next {
    Step,
    End(Ending),
}

pub(crate) enum Ending {
    /// Something else has to happen first; look again at this time at the latest.
    Rest(Option<Timestamp>),
    /// Commit, then go on at once.
    GoOn,
    /// A person has to look.
    Stuck(&'static str, String),
}

impl Scene {
    /// What a step may look at before it acts; nothing for one that does not look.
    pub(crate) fn facts_for(&self, step: &Step, claimed: &Claimed, turn: &Draft) -> Value {
        if step.looks_at_facts() { self.facts(claimed, turn) } else { Value::Null }
    }

    pub(crate) fn facts(&self, claimed: &Claimed, turn: &Draft) -> Value {
        self.plan.facts(&self.snapshot, &claimed.run.cause, &turn.progress.results)
    }
}

pub(crate) fn stuck(code: &'static str, why: impl Into<String>) -> Next {
    Next::End(Ending::Stuck(code, why.into()))
}

pub(crate) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Ends a step that was one internal action, judged and carried out.
pub(crate) fn take(scene: &Scene, step: &Step, turn: &mut Draft, taken: Taken) -> Next {
    turn.event(Event::StepFinished {
        step: step.id.clone(),
        outcome: "done".to_owned(),
        result: json!({}),
        taken: Some(taken),
    });
    leave(scene, step, turn, json!({ "outcome": "done" }))
}

pub(crate) fn record(step: &Step, turn: &mut Draft, outcome: &str, result: &Value) {
    turn.event(Event::StepFinished {
        step: step.id.clone(),
        outcome: outcome.to_owned(),
        result: result.clone(),
        taken: None,
    });
    let mut stored = result.clone();
    stored["outcome"] = json!(outcome);
    turn.progress.results.insert(step.id.clone(), stored);
    turn.progress.phase = Phase::Ready;
    turn.progress.attempts = 0;
}

/// Ends a step with an outcome and goes to the next one.
pub(crate) fn finish(
    scene: &Scene,
    step: &Step,
    turn: &mut Draft,
    outcome: &str,
    result: Value,
) -> Next {
    // What a signal carries is untrusted and may be personal: conditions see it, the trail does not.
    let mut public = result.clone();
    if let Some(fields) = public.as_object_mut() {
        fields.remove("data");
    }
    record(step, turn, outcome, &public);
    let mut stored = result;
    stored["outcome"] = json!(outcome);
    leave(scene, step, turn, stored)
}

/// Stores what a step left behind and goes to the next one, without an event.
pub(crate) fn leave(scene: &Scene, step: &Step, turn: &mut Draft, result: Value) -> Next {
    turn.progress.results.insert(step.id.clone(), result);
    turn.progress.phase = Phase::Ready;
    turn.progress.attempts = 0;
    turn.progress.step = scene.plan.next_after(&step.id).unwrap_or_default();
    Next::Step
}
