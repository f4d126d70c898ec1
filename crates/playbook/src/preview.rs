//! What a playbook would do for one account, without doing any of it.

use std::{collections::BTreeMap, fmt};

use domain::{
    action::{Action, FieldUpdate},
    intent::Recipient,
    snapshot::Snapshot,
};
use jiff::SignedDuration;
use notation::{Condition, Period};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    act::Act,
    facts,
    plan::{Doing, Plan, Step},
};

/// A playbook laid out for one account.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Preview {
    /// The playbook's name.
    pub playbook: String,
    /// The version.
    pub version: String,
    /// What would start it.
    pub trigger: String,
    /// Whether segment and trigger condition hold now, without a signal.
    pub applies: Runs,
    /// Its steps in order.
    pub steps: Vec<PreviewStep>,
}

/// Whether something would happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Runs {
    /// It would.
    Yes,
    /// It would not.
    No,
    /// It depends on what happens before.
    Depends,
}

/// One step laid out.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PreviewStep {
    /// The step's id.
    pub id: String,
    /// Its name for people, where it has one.
    pub title: Option<String>,
    /// Whether it would be carried out.
    pub runs: Runs,
    /// The condition that decides.
    pub condition: Option<String>,
    /// What it would do, in words.
    pub what: String,
    /// Whom it would reach.
    pub recipient: Option<String>,
}

/// Lays a playbook out for an account as it is now.
pub fn preview(plan: &Plan, snapshot: &Snapshot) -> Preview {
    let facts = facts::of(&plan.steps, snapshot, None, &BTreeMap::new());
    let mut applies = Runs::Yes;
    for condition in plan.segment.iter().chain(&plan.trigger.when) {
        applies = match (applies, ask(condition, &facts)) {
            (Runs::No, _) | (_, Runs::No) => Runs::No,
            (Runs::Depends, _) | (_, Runs::Depends) => Runs::Depends,
            (Runs::Yes, Runs::Yes) => Runs::Yes,
        };
    }
    Preview {
        playbook: plan.name.clone(),
        version: plan.version.clone(),
        trigger: plan.trigger.on.to_string(),
        applies,
        steps: plan.steps.iter().map(|step| lay_out(step, snapshot, &facts)).collect(),
    }
}

/// A condition that looks at the signal or at results cannot be answered before there are any.
fn ask(condition: &Condition, facts: &Value) -> Runs {
    if condition.roots().any(|root| root == "steps" || root == "signal") {
        return Runs::Depends;
    }
    match condition.holds(facts) {
        Ok(true) => Runs::Yes,
        Ok(false) => Runs::No,
        Err(_) => Runs::Depends,
    }
}

fn lay_out(step: &Step, snapshot: &Snapshot, facts: &Value) -> PreviewStep {
    let mut recipient = None;
    let what = match &step.doing {
        Doing::Act(act) => {
            recipient = whom(act, snapshot);
            match act.action(facts, snapshot) {
                Ok(action) => in_words(&action),
                Err(error) => format!("cannot be done now: {error}"),
            }
        }
        Doing::HumanTask(task) => match task.spec(facts) {
            Ok(spec) => {
                let wait = task
                    .up_to
                    .map_or_else(String::new, |up_to| format!(", waits up to {}", period(up_to)));
                let due = period(spec.due);
                format!("task for {}: {} (due in {due}{wait})", spec.team, spec.title)
            }
            Err(error) => format!("cannot be done now: {error}"),
        },
        Doing::WaitFor { signal, up_to } => {
            format!("wait for {signal}, up to {}", period(*up_to))
        }
        Doing::Wait(time) => format!("wait {}", period(*time)),
        Doing::Branch(arms) => arms
            .iter()
            .map(|arm| {
                let target = arm.go_to.as_deref().unwrap_or("end");
                match &arm.condition {
                    Some(condition) => format!("if {condition} go to {target}"),
                    None => format!("go to {target}"),
                }
            })
            .collect::<Vec<_>>()
            .join("; "),
    };
    PreviewStep {
        id: step.id.clone(),
        title: step.title.clone(),
        runs: step.condition.as_ref().map_or(Runs::Yes, |condition| ask(condition, facts)),
        condition: step.condition.as_ref().map(|condition| condition.source().to_owned()),
        what,
        recipient,
    }
}

/// Whom a message would reach, by name and role; no address is shown.
fn whom(act: &Act, snapshot: &Snapshot) -> Option<String> {
    let outreach = act.outreach()?;
    let recipient = Recipient::choose(&outreach.to, &snapshot.contacts);
    Some(recipient.map_or_else(
        || {
            let roles: Vec<&str> = outreach.to.iter().map(|role| role.as_str()).collect();
            format!("no contact with role {}", roles.join(" or "))
        },
        |recipient| format!("{} ({})", recipient.name, recipient.role),
    ))
}

fn in_words(action: &Action) -> String {
    match action {
        Action::RouteRisk { prompt } => format!("classify the risk with prompt {prompt}"),
        Action::SummarizeAccount { prompt } => format!("sum the account up with prompt {prompt}"),
        Action::CreateTask(task) => {
            format!("task for {}: {} (due in {})", task.team, task.title, period(task.due))
        }
        Action::AssignOwner { to, reason } => format!("assign to {to}: {reason}"),
        Action::UpdateField(FieldUpdate::Lifecycle(phase)) => format!("set lifecycle to {phase}"),
        Action::NotifyTeam { team, text } => format!("notify {team}: {text}"),
        Action::Escalate { to, reason, due } => {
            format!("escalate to {to} within {}: {reason}", period(*due))
        }
        Action::SendEmail(outreach) => {
            format!("{} {} from asset {}", outreach.class, outreach.channel, outreach.asset)
        }
        Action::SendSurvey { outreach, survey } => {
            format!("{survey} survey by {} from asset {}", outreach.channel, outreach.asset)
        }
        Action::ProposeMeeting { outreach, minutes, earliest } => format!(
            "propose {minutes} minutes, not before {earliest}, from asset {}",
            outreach.asset
        ),
        Action::AnswerTicket { outreach, ticket } => {
            format!("answer ticket {ticket} from asset {}", outreach.asset)
        }
    }
}

fn period(time: SignedDuration) -> String {
    Period::try_from(time).map_or_else(|_| time.to_string(), |period| period.to_string())
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let applies = match self.applies {
            Runs::Yes => "applies to this account",
            Runs::No => "does not apply to this account by itself; a person can start it",
            Runs::Depends => "may apply to this account, depending on the signal",
        };
        writeln!(f, "Starts on: {} — {applies}", self.trigger)?;
        for (index, step) in self.steps.iter().enumerate() {
            let mark = match step.runs {
                Runs::Yes => ' ',
                Runs::No => '-',
                Runs::Depends => '?',
            };
            write!(f, "\n{:>3}. {mark} {}: {}", index + 1, step.id, step.what)?;
            if let Some(recipient) = &step.recipient {
                write!(f, "\n       to {recipient}")?;
            }
            if let Some(condition) = &step.condition {
                let answer = match step.runs {
                    Runs::Yes => "holds",
                    Runs::No => "does not hold",
                    Runs::Depends => "not known yet",
                };
                write!(f, "\n       if {condition} — {answer}")?;
            }
        }
        Ok(())
    }
}
