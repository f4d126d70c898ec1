//! The order of a run's steps, as its trail tells it, held against its playbook.

use std::sync::Arc;

use domain::event::Event;
use playbook::{Doing, Plan};

use super::stage::Stage;

/// Where a run has come to, going by its events.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a thing of its own that happened to the run"
)]
pub struct Order {
    stage: Arc<Stage>,
    plan: Option<Arc<Plan>>,
    /// The step at hand; none when all are done.
    step: Option<String>,
    /// Whether it was begun.
    begun: bool,
    /// Whether it may be begun again.
    again: bool,
    /// Whether the writer is at work on its first draft.
    drafting: bool,
    /// Whether its first draft is there.
    drafted: bool,
    over: bool,
    /// Whether a person stopped it for a while.
    paused: bool,
}

impl Order {
    /// Before a run's first event.
    pub const fn new(stage: Arc<Stage>) -> Self {
        Self {
            stage,
            plan: None,
            step: None,
            begun: false,
            again: false,
            drafting: false,
            drafted: false,
            over: false,
            paused: false,
        }
    }

    /// Whether the trail says that the run is over.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// The step at hand, going by the trail.
    pub fn step(&self) -> &str {
        self.step.as_deref().unwrap_or_default()
    }

    /// Takes the next event; says what is out of order.
    pub fn next(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::RunStarted { version, .. } => {
                self.plan = self.stage.plan(version);
                let plan = self.plan.as_deref().ok_or("it runs an unknown version")?;
                self.step = plan.first().map(str::to_owned);
                Ok(())
            }
            Event::RunMigrated { to, step_to, .. } => {
                self.plan = self.stage.plan(to);
                // What the writer is at work on begins anew, as the other version has it.
                self.again |= self.begun && self.drafting;
                self.step = Some(step_to.clone()).filter(|step| !step.is_empty());
                Ok(())
            }
            Event::RunRewound { to, .. } => {
                self.go_to(Some(to.clone()));
                Ok(())
            }
            Event::RunRetried {} => {
                // The step goes on where it was, or begins again.
                self.again = self.begun;
                Ok(())
            }
            Event::StepStarted { step } => {
                self.at(step)?;
                if self.begun && !self.again {
                    return Err(format!("step `{step}` is begun twice"));
                }
                self.begun = true;
                self.again = false;
                self.drafting = false;
                Ok(())
            }
            Event::StepSkipped { step, .. } => {
                self.at(step)?;
                let next = self.after(step, None);
                self.go_to(next);
                Ok(())
            }
            Event::StepFinished { step, outcome, taken, .. } => {
                self.at(step)?;
                if self.begun == taken.is_some() && !self.again {
                    return Err(format!("step `{step}` is finished, and begun was {}", self.begun));
                }
                let next = self.after(step, Some(outcome));
                self.go_to(next);
                Ok(())
            }
            Event::RunPaused {} => {
                self.paused = true;
                Ok(())
            }
            Event::RunResumed {} => {
                self.paused = false;
                Ok(())
            }
            Event::DeliveryStarted { message, .. } if self.paused => {
                Err(format!("{message} is taken for delivery, and the run is paused"))
            }
            Event::TaskCreated { step, .. } if step.starts_with("sends-stopped-") => Ok(()),
            Event::ModelCalled { step, .. } => {
                self.drafting = !self.drafted;
                self.at(step)
            }
            Event::DraftWritten { step, .. } => {
                self.drafting = false;
                self.drafted = true;
                self.at(step)
            }
            Event::StepRetried { step, .. }
            | Event::IntentJudged { step, .. }
            | Event::RecipientMissing { step, .. }
            | Event::ModelAnswered { step, .. }
            | Event::ApprovalRequested { step, .. }
            | Event::TaskCreated { step, .. }
            | Event::OwnerAssigned { step, .. }
            | Event::FieldUpdated { step, .. }
            | Event::SignalReceived { step, .. }
            | Event::RunStuck { step, .. } => self.at(step),
            Event::RunCompleted {} => {
                self.over = true;
                match &self.step {
                    None => Ok(()),
                    Some(step) => Err(format!("it is completed, and step `{step}` is not done")),
                }
            }
            Event::RunCancelled { .. } => {
                self.over = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Another step is at hand, and not begun.
    fn go_to(&mut self, step: Option<String>) {
        self.step = step;
        self.begun = false;
        self.again = false;
        self.drafting = false;
        self.drafted = false;
    }

    fn at(&self, step: &str) -> Result<(), String> {
        if self.over {
            return Err(format!("something happens at step `{step}`, and the run is over"));
        }
        if self.step.as_deref() == Some(step) {
            return Ok(());
        }
        Err(format!("something happens at step `{step}`, and `{}` is at hand", self.step()))
    }

    fn after(&self, step: &str, outcome: Option<&str>) -> Option<String> {
        let plan = self.plan.as_deref()?;
        let branches = plan.step(step).is_some_and(|step| matches!(step.doing, Doing::Branch(_)));
        match outcome {
            Some("end") if branches => None,
            Some(outcome) if branches && outcome != "done" => Some(outcome.to_owned()),
            _ => plan.next_after(step),
        }
    }
}
