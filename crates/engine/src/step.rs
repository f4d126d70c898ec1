//! Begins a step: asks its condition, has policy judge its action, does what needs no one else.

use domain::{
    action::{Action, Audience, TaskSpec, Team},
    event::{Event, FieldSet, Taken},
    id::TaskId,
    run::{Claimed, Phase},
    task::{Task, TaskKind, TaskStatus},
    turn::Effect,
    verdict::{Occasion, Verdict},
};
use jiff::{SignedDuration, Timestamp};
use playbook::{Doing, Step};
use serde_json::json;

use crate::{
    advance::Advancer,
    judge::judge,
    letter,
    outcome::{Ending, Next, Scene, finish, later, leave, record, stuck, take},
    turn::Draft,
};

impl Advancer {
    pub(crate) fn begin(
        &self,
        claimed: &Claimed,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
    ) -> Next {
        turn.progress.steps_begun += 1;
        if turn.progress.steps_begun > scene.policy.budgets().steps_per_run {
            return stuck("budget-spent", "the run has used up its budget of steps");
        }
        let facts = scene.facts_for(step, claimed, turn);
        if let Some(condition) = &step.condition {
            match condition.holds(&facts) {
                Ok(true) => {}
                Ok(false) => {
                    turn.event(Event::StepSkipped {
                        step: step.id.clone(),
                        condition: condition.source().to_owned(),
                    });
                    return leave(scene, step, turn, json!({ "outcome": "skipped" }));
                }
                Err(err) => {
                    let why = format!("condition of step `{}` failed: {err}", step.id);
                    return stuck("condition-failed", why);
                }
            }
        }
        let now = turn.now();
        if !matches!(step.doing, Doing::Act(_)) {
            turn.event(Event::StepStarted { step: step.id.clone() });
        }
        match &step.doing {
            Doing::Act(act) => match act.action(&facts, &scene.snapshot) {
                Ok(action) => self.act(claimed, scene, step, turn, action),
                Err(err) => stuck("action-invalid", format!("step `{}`: {err}", step.id)),
            },
            Doing::HumanTask(work) => {
                let spec = match work.spec(&facts) {
                    Ok(spec) => spec,
                    Err(err) => {
                        return stuck("action-invalid", format!("step `{}`: {err}", step.id));
                    }
                };
                let until = work.up_to.map(|up_to| later(now, up_to));
                self.hand_over(claimed, step, turn, spec, until)
            }
            Doing::WaitFor { signal, up_to } => {
                let until = later(now, *up_to);
                turn.progress.phase = Phase::AwaitingSignal {
                    kind: signal.clone(),
                    since: last_heard(turn).unwrap_or(now),
                    until,
                };
                // A signal that came between the message and this step counts: look at once.
                Next::Step
            }
            Doing::Wait(wait) => {
                let until = later(now, *wait);
                turn.progress.phase = Phase::Sleeping { until };
                Next::Step
            }
            Doing::Branch(arms) => {
                for arm in arms {
                    let taken = match &arm.condition {
                        None => true,
                        Some(condition) => match condition.holds(&facts) {
                            Ok(holds) => holds,
                            Err(err) => {
                                let why = format!("branch of step `{}` failed: {err}", step.id);
                                return stuck("condition-failed", why);
                            }
                        },
                    };
                    if taken {
                        let outcome = arm.go_to.clone().unwrap_or_else(|| "end".to_owned());
                        record(step, turn, &outcome, &json!({}));
                        turn.progress.step = arm.go_to.clone().unwrap_or_default();
                        return Next::Step;
                    }
                }
                finish(scene, step, turn, "done", json!({}))
            }
        }
    }

    /// Has policy judge an action, and does it or begins it.
    fn act(
        &self,
        claimed: &Claimed,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        action: Action,
    ) -> Next {
        let run = &claimed.run;
        let name = action.name();
        let intent = letter::intent(run, &step.id, action, &scene.snapshot);
        let customer = name.audience() == Audience::Customer;
        if customer && intent.recipient.is_none() {
            turn.event(Event::StepStarted { step: step.id.clone() });
            turn.event(Event::RecipientMissing { step: step.id.clone(), action: name });
            let roles = intent.action.outreach().map_or_else(String::new, |outreach| {
                outreach.to.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
            });
            let spec = TaskSpec {
                team: Team::Csm,
                title: format!("Add a contact for {}", scene.snapshot.account.name),
                body: format!(
                    "The playbook `{}` wanted to write to the account ({name}), and no contact \
                     with a usable address has one of the roles: {roles}. Nothing was sent. Add \
                     the contact in your CRM, then start the playbook again.",
                    run.playbook
                ),
                due: SignedDuration::from_hours(48),
            };
            // Once a run is enough: the later letters of the same run miss the same person.
            if !turn.progress.results.values().any(|result| result["outcome"] == "no_recipient") {
                self.add_task(claimed, step, turn, spec, TaskKind::Work);
            }
            return finish(scene, step, turn, "no_recipient", json!({}));
        }
        let judgement = judge(&scene.policy, Occasion::Intent, &intent, &scene.snapshot, None);
        if judgement.verdict == Verdict::Allow && !customer && !name.uses_model() {
            let set = self.carry_out(claimed, step, turn, &intent.action);
            return take(scene, step, turn, Taken { action: name, judgement, set });
        }
        turn.event(Event::StepStarted { step: step.id.clone() });
        turn.event(Event::IntentJudged {
            step: step.id.clone(),
            action: name,
            contact: intent.recipient.as_ref().map(|to| to.contact),
            judgement: judgement.clone(),
        });
        match judgement.verdict {
            Verdict::Forbid => {
                let spec = TaskSpec {
                    team: Team::Csm,
                    title: format!("Policy kept a step from {}", scene.snapshot.account.name),
                    body: format!(
                        "Step `{}` of `{}` ({name}) was not carried out. {}",
                        step.id,
                        run.playbook,
                        judgement.in_words()
                    ),
                    due: SignedDuration::from_hours(72),
                };
                self.add_task(claimed, step, turn, spec, TaskKind::Notice);
                let why = json!({ "why": judgement.in_words() });
                finish(scene, step, turn, "forbidden", why)
            }
            Verdict::Review if !customer => {
                let spec = TaskSpec {
                    team: judgement
                        .matched
                        .iter()
                        .find_map(|rule| rule.reviewer)
                        .unwrap_or(Team::Csm),
                    title: format!("Do by hand: {name} for {}", scene.snapshot.account.name),
                    body: format!(
                        "Policy wants a person to take this step. {}\n\n```json\n{}\n```",
                        judgement.in_words(),
                        serde_json::to_string_pretty(&intent.action).unwrap_or_default()
                    ),
                    due: SignedDuration::from_hours(24),
                };
                self.hand_over(claimed, step, turn, spec, None)
            }
            Verdict::Allow | Verdict::Review if name.uses_model() => {
                turn.progress.phase = Phase::Drafting { redraft: None };
                self.announce_call(step, turn, prompt_of(&intent.action));
                Next::End(Ending::GoOn)
            }
            // What reaches a customer is written first, and an internal action was taken above.
            Verdict::Allow | Verdict::Review => {
                stuck("action-invalid", format!("step `{}`: nobody carries out {name}", step.id))
            }
        }
    }

    /// Writes the rows of an internal action that needs no model; tells which field it set.
    fn carry_out(
        &self,
        claimed: &Claimed,
        step: &Step,
        turn: &mut Draft,
        action: &Action,
    ) -> Option<FieldSet> {
        let account = claimed.run.account;
        match action {
            Action::CreateTask(spec) => {
                self.add_task(claimed, step, turn, spec.clone(), TaskKind::Work);
            }
            Action::AssignOwner { to, reason } => {
                turn.event(Event::OwnerAssigned {
                    step: step.id.clone(),
                    account,
                    to: None,
                    reason: reason.clone(),
                });
                turn.effect(Effect::AssignOwner { account, to: *to });
            }
            Action::UpdateField(update) => {
                let domain::action::FieldUpdate::Lifecycle(stage) = update;
                turn.effect(Effect::SetField { account, update: update.clone() });
                return Some(FieldSet { field: "lifecycle".to_owned(), value: stage.to_string() });
            }
            Action::NotifyTeam { team, text } => {
                let spec = TaskSpec {
                    team: *team,
                    title: first_line(text),
                    body: text.clone(),
                    due: SignedDuration::from_hours(72),
                };
                self.add_task(claimed, step, turn, spec, TaskKind::Notice);
            }
            Action::Escalate { to, reason, due } => {
                let spec = TaskSpec {
                    team: *to,
                    title: first_line(reason),
                    body: reason.clone(),
                    due: *due,
                };
                self.add_task(claimed, step, turn, spec, TaskKind::Escalation);
            }
            Action::RouteRisk { .. }
            | Action::SummarizeAccount { .. }
            | Action::SendEmail(_)
            | Action::SendSurvey { .. }
            | Action::ProposeMeeting { .. }
            | Action::AnswerTicket { .. } => {}
        }
        None
    }

    fn add_task(
        &self,
        claimed: &Claimed,
        step: &Step,
        turn: &mut Draft,
        spec: TaskSpec,
        kind: TaskKind,
    ) -> TaskId {
        let now = turn.now();
        let id = TaskId::new(&*self.ports.clock);
        turn.event(Event::TaskCreated {
            step: step.id.clone(),
            task: id,
            title: spec.title.clone(),
        });
        turn.effect(Effect::Task(Task {
            id,
            kind,
            account: claimed.run.account,
            run: claimed.run.id,
            step: step.id.clone(),
            team: spec.team,
            assignee: None,
            title: spec.title,
            body: spec.body,
            created_at: now,
            due_at: later(now, spec.due),
            status: TaskStatus::Open,
            outcome: None,
        }));
        id
    }

    /// Makes a task and waits for it.
    fn hand_over(
        &self,
        claimed: &Claimed,
        step: &Step,
        turn: &mut Draft,
        spec: TaskSpec,
        until: Option<Timestamp>,
    ) -> Next {
        let task = self.add_task(claimed, step, turn, spec, TaskKind::Work);
        turn.progress.phase = Phase::AwaitingTask { task, until };
        Next::End(Ending::Rest(until))
    }

    pub(crate) fn announce_call(&self, step: &Step, turn: &mut Draft, prompt: &str) {
        turn.event(Event::ModelCalled {
            step: step.id.clone(),
            prompt: prompt.to_owned(),
            prompt_hash: self.ports.writer.prompt_hash(prompt).unwrap_or_default(),
        });
    }
}

pub(crate) fn prompt_of(action: &Action) -> &str {
    match action {
        Action::RouteRisk { prompt } | Action::SummarizeAccount { prompt } => prompt,
        _ => action.outreach().map_or("", |outreach| outreach.prompt.as_str()),
    }
}

/// When the run last had a message granted or received a signal: what is awaited counts from then.
fn last_heard(turn: &Draft) -> Option<Timestamp> {
    turn.progress
        .results
        .values()
        .filter_map(|result| result.get("at")?.as_str()?.parse::<Timestamp>().ok())
        .max()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
