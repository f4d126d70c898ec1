//! A playbook that was read and checked: what the engine runs and the library shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    run::{Cause, Priority},
    snapshot::Snapshot,
};
use jiff::SignedDuration;
use notation::{Condition, Diagnostic, Diagnostics};
use serde_json::Value;

use crate::{
    act::{Act, HumanTask},
    asset::Asset,
    compile, facts,
    metric::Metric,
    trigger::Rule,
    word::{Goal, Kind, Stage, Type},
};

/// One version of a playbook.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name in kebab-case.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Playbook or process reference.
    pub r#type: Type,
    /// Who answers for it.
    pub owner: String,
    /// How mature a team must be to run it.
    pub stage: Stage,
    /// What it is for.
    pub goal: Goal,
    /// How it comes about.
    pub kind: Kind,
    /// The motion it is a variant of.
    pub variant_of: Option<String>,
    /// What the customer and the company have when it worked.
    pub objective: String,
    /// Weeks it takes, from and to.
    pub weeks: (u16, u16),
    /// For which accounts.
    pub segment: Option<Condition>,
    /// The metrics that confirm it.
    pub metrics: Vec<Metric>,
    /// Principles it rests on.
    pub principles: Vec<String>,
    /// Domains it touches.
    pub domains: Vec<String>,
    /// What commonly goes wrong.
    pub pitfalls: Vec<String>,
    /// What starts it.
    pub trigger: Rule,
    /// The time in which it starts at most once for one account.
    pub once_per: Option<SignedDuration>,
    /// How soon its runs' turn comes.
    pub priority: Priority,
    /// Runs worked on at the same time, at most.
    pub concurrency: Option<u32>,
    /// Messages that may leave in any hour, where it says so itself.
    pub sends_per_hour: Option<u32>,
    /// What is done, in order; at least one step.
    pub steps: Vec<Step>,
    /// SHA-256 over the file and its assets, in hex.
    pub version: String,
    pub(crate) assets: BTreeMap<String, Arc<Asset>>,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name, unique in the plan.
    pub id: String,
    /// Its name for people, where it has one.
    pub title: Option<String>,
    /// The step is skipped when this does not hold.
    pub condition: Option<Condition>,
    /// Attempts before the run is stuck.
    pub retries: u32,
    /// How long an approval may wait.
    pub timeout: SignedDuration,
    /// What it does.
    pub doing: Doing,
    /// What conditions see of it before it ran.
    pub(crate) blank: Value,
}

impl Step {
    /// Whether it looks at any facts before it acts: in its condition, its branches or its texts.
    pub fn looks_at_facts(&self) -> bool {
        self.condition.is_some()
            || match &self.doing {
                Doing::Act(act) => act.looks_at_facts(),
                Doing::HumanTask(_) | Doing::Branch(_) => true,
                Doing::WaitFor { .. } | Doing::Wait(_) => false,
            }
    }
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Doing {
    /// A bounded action, which policy judges.
    Act(Act),
    /// Work for a person, for which the run waits.
    HumanTask(HumanTask),
    /// Wait for a signal.
    WaitFor {
        /// Of this kind.
        signal: String,
        /// This long at most.
        up_to: SignedDuration,
    },
    /// Let time pass.
    Wait(SignedDuration),
    /// Go on at the first arm whose condition holds; at the next step when none does.
    Branch(Vec<Arm>),
}

/// One way a branch may go.
#[derive(Clone, Debug)]
pub struct Arm {
    /// What must hold; an arm without a condition is always taken.
    pub condition: Option<Condition>,
    /// A later step, or none for the end.
    pub go_to: Option<String>,
}

impl Plan {
    /// Reads a playbook: its file first, then its assets, by name and text.
    ///
    /// The playbook's own name is taken from the file's (`renewal.yaml`), an asset's from its
    /// path (`renewal/recovery.md`). An error holds everything that was found, warnings included.
    pub fn compile(files: &[(String, String)]) -> Result<Self, Diagnostics> {
        compile::compile(files)
    }

    /// A step by its id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The id of the first step.
    pub fn first(&self) -> Option<&str> {
        self.steps.first().map(|step| step.id.as_str())
    }

    /// The id of the step after this one; none after the last.
    pub fn next_after(&self, id: &str) -> Option<String> {
        let at = self.steps.iter().position(|step| step.id == id)?;
        self.steps.get(at + 1).map(|step| step.id.clone())
    }

    /// An asset by its name.
    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.get(name).map(|asset| &**asset)
    }

    /// All assets, by name.
    pub fn assets(&self) -> impl Iterator<Item = &Asset> {
        self.assets.values().map(|asset| &**asset)
    }

    /// The prompts its steps use, each once, sorted.
    pub fn prompts(&self) -> impl Iterator<Item = &str> {
        let prompts: BTreeSet<&str> = self
            .steps
            .iter()
            .filter_map(|step| match &step.doing {
                Doing::Act(act) => act.prompt(),
                _ => None,
            })
            .collect();
        prompts.into_iter()
    }

    /// What deserves a look though the plan can be run.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// What the conditions and texts of a run see: the account, the signal that started it, and
    /// what finished steps left behind (`steps.<id>`; blank for steps that have not run).
    pub fn facts(
        &self,
        snapshot: &Snapshot,
        cause: &Cause,
        results: &BTreeMap<String, Value>,
    ) -> Value {
        facts::of(&self.steps, snapshot, Some(cause), results)
    }
}
