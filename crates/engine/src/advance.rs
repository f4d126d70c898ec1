//! Advances one claimed run until it blocks: on a model, a person, a message, a signal or time.

use std::sync::Arc;

use domain::{
    action::{Action, Audience, TaskSpec, Team},
    approval::{Approval, ApprovalState},
    event::Event,
    id::{ApprovalId, MessageId, TaskId},
    message::MessageStatus,
    port::{Answer, Assignment, LetterTask, StoreError, VaultError, WriteError, WriterTask, Written},
    run::{Claimed, Phase},
    snapshot::Snapshot,
    task::{Task, TaskKind, TaskStatus},
    turn::{Effect, Turn},
    verdict::{Occasion, Verdict},
};
use jiff::{SignedDuration, Timestamp};
use playbook::{Doing, Plan, Step};
use policy::Policy;
use serde_json::{Value, json};

use crate::{
    active::{Active, ActiveError},
    backoff,
    judge::judge,
    letter::{self, Commission},
    ports::Ports,
    turn::Draft,
};

/// Why a run could not be advanced at all. Nothing was changed; its lease ends and it is tried
/// again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdvanceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Active(#[from] ActiveError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("account `{0}` is gone")]
    NoAccount(domain::id::AccountId),
}

/// What a step needs to know about its surroundings.
struct Scene {
    plan: Arc<Plan>,
    policy: Arc<Policy>,
    snapshot: Snapshot,
}

/// Whether the turn goes on with the next step or ends here.
enum Next {
    Step,
    End(Ending),
}

enum Ending {
    /// Something else has to happen first; look again at this time at the latest.
    Rest(Option<Timestamp>),
    /// Commit, then go on at once.
    GoOn,
    /// A person has to look.
    Stuck(&'static str, String),
}

/// Advances runs.
#[derive(Clone)]
pub(crate) struct Advancer {
    pub(crate) ports: Ports,
    pub(crate) active: Active,
}

impl Advancer {
    /// One turn of a run: everything up to the next thing it has to wait for.
    pub(crate) async fn turn(&self, claimed: &Claimed) -> Result<Turn, AdvanceError> {
        let run = &claimed.run;
        let now = self.ports.clock.now();
        let mut turn = Draft::new(claimed, now);
        let plan = match self.active.plan(&run.version).await {
            Ok(plan) => plan,
            Err(ActiveError::Store(err)) => return Err(err.into()),
            Err(err) => return Ok(turn.stuck("playbook-unusable", err.to_string())),
        };
        let policy = match self.active.policy().await {
            Ok(policy) => policy,
            Err(ActiveError::Store(err)) => return Err(err.into()),
            Err(err) => return Ok(turn.stuck("policy-unusable", err.to_string())),
        };
        let snapshot = self
            .ports
            .customers
            .snapshots(&[run.account], now)
            .await?
            .into_iter()
            .next()
            .ok_or(AdvanceError::NoAccount(run.account))?;
        let scene = Scene { plan, policy, snapshot };
        loop {
            if turn.progress.step.is_empty() {
                return Ok(turn.complete());
            }
            let Some(step) = scene.plan.step(&turn.progress.step) else {
                let why = format!("playbook has no step `{}`", turn.progress.step);
                return Ok(turn.stuck("step-missing", why));
            };
            match self.phase(claimed, &scene, step, &mut turn).await? {
                Next::Step => {}
                Next::End(Ending::Rest(wake_at)) => return Ok(turn.rest(wake_at)),
                Next::End(Ending::GoOn) => return Ok(turn.go_on()),
                Next::End(Ending::Stuck(code, why)) => return Ok(turn.stuck(code, why)),
            }
        }
    }

    async fn phase(
        &self,
        claimed: &Claimed,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
    ) -> Result<Next, AdvanceError> {
        match turn.progress.phase.clone() {
            Phase::Ready => self.begin(claimed, scene, step, turn).await,
            Phase::Drafting { redraft } => self.write(claimed, scene, step, turn, redraft).await,
            Phase::AwaitingApproval { approval } => {
                self.look_at_approval(scene, step, turn, approval).await
            }
            Phase::AwaitingDelivery { message } => {
                self.look_at_message(scene, step, turn, message).await
            }
            Phase::AwaitingTask { task, until } => {
                self.look_at_task(scene, step, turn, task, until).await
            }
            Phase::AwaitingSignal { kind, since, until } => {
                let found = self
                    .ports
                    .journal
                    .awaited(claimed.run.account, claimed.run.id, &kind, since)
                    .await?;
                Ok(match found {
                    Some(signal) => {
                        turn.event(Event::SignalReceived { step: step.id.clone(), kind });
                        finish(scene, step, turn, "received", json!({ "data": signal.data }))
                    }
                    None if turn.now() >= until => {
                        finish(scene, step, turn, "timed_out", json!({}))
                    }
                    None => Next::End(Ending::Rest(Some(until))),
                })
            }
            Phase::Sleeping { until } if turn.now() >= until => {
                Ok(finish(scene, step, turn, "done", json!({})))
            }
            Phase::Sleeping { until } => Ok(Next::End(Ending::Rest(Some(until)))),
        }
    }

    async fn begin(
        &self,
        claimed: &Claimed,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
    ) -> Result<Next, AdvanceError> {
        turn.progress.steps_begun += 1;
        if turn.progress.steps_begun > scene.policy.budgets().steps_per_run {
            return Ok(stuck("budget-spent", "the run has used up its budget of steps"));
        }
        let facts = scene.facts(claimed, turn);
        if let Some(condition) = &step.condition {
            match condition.holds(&facts) {
                Ok(true) => {}
                Ok(false) => {
                    turn.event(Event::StepSkipped {
                        step: step.id.clone(),
                        condition: condition.source().to_owned(),
                    });
                    return Ok(leave(scene, step, turn, json!({ "outcome": "skipped" })));
                }
                Err(err) => {
                    let why = format!("condition of step `{}` failed: {err}", step.id);
                    return Ok(stuck("condition-failed", why));
                }
            }
        }
        turn.event(Event::StepStarted { step: step.id.clone() });
        let now = turn.now();
        match &step.doing {
            Doing::Act(act) => match act.action(&facts, &scene.snapshot) {
                Ok(action) => self.act(claimed, scene, step, turn, action),
                Err(err) => Ok(stuck("action-invalid", format!("step `{}`: {err}", step.id))),
            },
            Doing::HumanTask(work) => {
                let spec = match work.spec(&facts) {
                    Ok(spec) => spec,
                    Err(err) => {
                        return Ok(stuck("action-invalid", format!("step `{}`: {err}", step.id)));
                    }
                };
                let until = work.up_to.map(|up_to| later(now, up_to));
                Ok(self.hand_over(claimed, step, turn, spec, until))
            }
            Doing::WaitFor { signal, up_to } => {
                let until = later(now, *up_to);
                turn.progress.phase = Phase::AwaitingSignal {
                    kind: signal.clone(),
                    since: last_sent(turn).unwrap_or(now),
                    until,
                };
                // A signal that came between the message and this step counts: look at once.
                Ok(Next::Step)
            }
            Doing::Wait(wait) => {
                let until = later(now, *wait);
                turn.progress.phase = Phase::Sleeping { until };
                Ok(Next::Step)
            }
            Doing::Branch(arms) => {
                for arm in arms {
                    let taken = match &arm.condition {
                        None => true,
                        Some(condition) => match condition.holds(&facts) {
                            Ok(holds) => holds,
                            Err(err) => {
                                let why = format!("branch of step `{}` failed: {err}", step.id);
                                return Ok(stuck("condition-failed", why));
                            }
                        },
                    };
                    if taken {
                        let outcome = arm.go_to.clone().unwrap_or_else(|| "end".to_owned());
                        record(step, turn, &outcome, &json!({}));
                        turn.progress.step = arm.go_to.clone().unwrap_or_default();
                        return Ok(Next::Step);
                    }
                }
                Ok(finish(scene, step, turn, "done", json!({})))
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
    ) -> Result<Next, AdvanceError> {
        let run = &claimed.run;
        let name = action.name();
        let intent = letter::intent(run, &step.id, action, &scene.snapshot);
        let customer = name.audience() == Audience::Customer;
        if customer && intent.recipient.is_none() {
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
            self.add_task(claimed, step, turn, spec, TaskKind::Work);
            return Ok(finish(scene, step, turn, "no_recipient", json!({})));
        }
        let judgement = judge(&scene.policy, Occasion::Intent, &intent, &scene.snapshot, None);
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
                Ok(finish(scene, step, turn, "forbidden", why))
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
                Ok(self.hand_over(claimed, step, turn, spec, None))
            }
            Verdict::Allow | Verdict::Review if name.uses_model() => {
                turn.progress.phase = Phase::Drafting { redraft: None };
                self.announce_call(step, turn, prompt_of(&intent.action));
                Ok(Next::End(Ending::GoOn))
            }
            Verdict::Allow | Verdict::Review => {
                self.carry_out(claimed, step, turn, &intent.action);
                Ok(finish(scene, step, turn, "done", json!({})))
            }
        }
    }

    /// Writes the rows of an internal action that needs no model.
    fn carry_out(&self, claimed: &Claimed, step: &Step, turn: &mut Draft, action: &Action) {
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
                turn.event(Event::FieldUpdated {
                    step: step.id.clone(),
                    account,
                    field: "lifecycle".to_owned(),
                    value: stage.to_string(),
                });
                turn.effect(Effect::SetField { account, update: update.clone() });
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

    fn announce_call(&self, step: &Step, turn: &mut Draft, prompt: &str) {
        turn.event(Event::ModelCalled {
            step: step.id.clone(),
            prompt: prompt.to_owned(),
            prompt_hash: self.ports.writer.prompt_hash(prompt).unwrap_or_default(),
        });
    }

    /// Calls the writer. The call was announced in an earlier turn, so a crash repeats at most it.
    async fn write(
        &self,
        claimed: &Claimed,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        redraft: Option<ApprovalId>,
    ) -> Result<Next, AdvanceError> {
        let budgets = scene.policy.budgets();
        if turn.progress.model_calls >= budgets.model_calls_per_run {
            return Ok(stuck("budget-spent", "the run has used up its budget of model calls"));
        }
        let facts = scene.facts(claimed, turn);
        let Doing::Act(act) = &step.doing else {
            return Ok(stuck("step-changed", "the step no longer calls a model"));
        };
        let action = match act.action(&facts, &scene.snapshot) {
            Ok(action) => action,
            Err(err) => {
                return Ok(stuck("action-invalid", format!("step `{}`: {err}", step.id)));
            }
        };
        let intent = letter::intent(&claimed.run, &step.id, action, &scene.snapshot);
        let revised = match redraft {
            None => None,
            Some(id) => match self.ports.inbox.approval(id).await?.map(|item| item.approval) {
                Some(approval) => match approval.state.clone() {
                    ApprovalState::Redrafting { instruction } => Some((approval, instruction)),
                    _ => {
                        turn.progress.phase = Phase::AwaitingApproval { approval: id };
                        return Ok(Next::Step);
                    }
                },
                None => return Ok(stuck("approval-missing", "the approval is gone")),
            },
        };
        let task = match (&intent.action, &intent.recipient) {
            (Action::RouteRisk { .. }, _) => WriterTask::Route,
            (Action::SummarizeAccount { .. }, _) => WriterTask::Summary,
            (action, Some(recipient)) if action.outreach().is_some() => {
                self.letter_task(scene, action, recipient, revised.as_ref()).await?
            }
            _ => {
                turn.event(Event::RecipientMissing {
                    step: step.id.clone(),
                    action: intent.action.name(),
                });
                return Ok(finish(scene, step, turn, "no_recipient", json!({})));
            }
        };
        let assignment = Assignment {
            task,
            prompt: prompt_of(&intent.action).to_owned(),
            snapshot: scene.snapshot.clone(),
            results: json!(turn.progress.results),
            cause: claimed.run.cause.clone(),
            objective: scene.plan.objective.clone(),
            tokens_left: budgets.tokens_per_run.saturating_sub(turn.progress.tokens),
            patterns: scene.policy.redactions().to_vec(),
        };
        let written = self.ports.writer.write(&assignment).await;
        turn.progress.model_calls += 1;
        match written {
            Ok(written) => self.written(scene, step, turn, &intent, revised, written).await,
            Err(err) => Ok(self.not_written(claimed, step, turn, &err)),
        }
    }

    async fn letter_task(
        &self,
        scene: &Scene,
        action: &Action,
        recipient: &domain::intent::Recipient,
        revised: Option<&(Approval, String)>,
    ) -> Result<WriterTask, AdvanceError> {
        let outreach = action.outreach();
        let asset = outreach.map_or("", |outreach| outreach.asset.as_str());
        let previous = match revised {
            None => None,
            Some((approval, _)) => {
                let plain = self.ports.vault.open(approval.version.content).await?;
                serde_json::from_slice::<domain::draft::Manuscript>(&plain)
                    .ok()
                    .map(|manuscript| (manuscript.letter.subject, manuscript.letter.body))
            }
        };
        Ok(WriterTask::Letter(Box::new(LetterTask {
            recipient: recipient.clone(),
            asset: asset.to_owned(),
            template: scene.plan.asset(asset).map(|asset| asset.text.clone()).unwrap_or_default(),
            instruction: revised.map(|(_, instruction)| instruction.clone()),
            previous,
            ticket: match action {
                Action::AnswerTicket { ticket, .. } => Some(ticket.clone()),
                _ => None,
            },
        })))
    }

    async fn written(
        &self,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        intent: &domain::intent::Intent,
        revised: Option<(Approval, String)>,
        mut written: Written,
    ) -> Result<Next, AdvanceError> {
        turn.progress.attempts = 0;
        turn.progress.tokens += written.tokens;
        turn.progress.model_calls += written.calls.saturating_sub(1);
        if !scene.policy.model_allowed(written.author.label()) {
            let why = format!("policy does not allow the model `{}`", written.author.label());
            return Ok(stuck("model-forbidden", why));
        }
        let author = written.author.label().to_owned();
        match std::mem::replace(
            &mut written.answer,
            Answer::Summary(domain::port::WrittenSummary { summary: String::new() }),
        ) {
            Answer::Letter(text) => {
                let Some(recipient) = &intent.recipient else {
                    return Ok(stuck("recipient-missing", "the recipient is gone"));
                };
                let commission = Commission {
                    intent,
                    recipient,
                    snapshot: &scene.snapshot,
                    policy: &scene.policy,
                    timeout: step.timeout,
                    redraft: revised,
                };
                let wake =
                    letter::propose(&self.ports, turn, commission, written, text).await?;
                Ok(Next::End(Ending::Rest(wake)))
            }
            Answer::Route(route) => {
                // The reasons may name people, so the trail keeps the classes only.
                let classes = json!({
                    "category": route.category,
                    "severity": route.severity,
                    "owner": route.owner,
                    "confidence": route.confidence,
                });
                turn.event(Event::ModelAnswered {
                    step: step.id.clone(),
                    author: author.clone(),
                    tokens: written.tokens,
                    result: classes.clone(),
                    findings: written.findings,
                });
                record(step, turn, "routed", &classes);
                let mut result = json!(route);
                result["outcome"] = json!("routed");
                result["author"] = json!(author);
                Ok(leave(scene, step, turn, result))
            }
            Answer::Summary(summary) => {
                turn.event(Event::ModelAnswered {
                    step: step.id.clone(),
                    author: author.clone(),
                    tokens: written.tokens,
                    result: json!({ "words": summary.summary.split_whitespace().count() }),
                    findings: written.findings,
                });
                record(step, turn, "summarized", &json!({}));
                let result = json!({
                    "outcome": "summarized", "summary": summary.summary, "author": author,
                });
                Ok(leave(scene, step, turn, result))
            }
        }
    }

    fn not_written(
        &self,
        claimed: &Claimed,
        step: &Step,
        turn: &mut Draft,
        err: &WriteError,
    ) -> Next {
        turn.progress.attempts += 1;
        let attempt = turn.progress.attempts;
        if !err.is_transient() {
            let code = match err {
                WriteError::OverBudget { .. } => "budget-spent",
                WriteError::Template { .. } => "template-invalid",
                _ => "model-refused",
            };
            return stuck(code, err.to_string());
        }
        if attempt >= step.retries {
            return stuck(
                "model-unavailable",
                format!("{err}; gave up after {attempt} attempts. Retry the run when it is back"),
            );
        }
        let asked = match err {
            WriteError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        };
        let until = backoff::until(turn.now(), attempt, claimed.run.id.uuid(), asked);
        turn.event(Event::StepRetried {
            step: step.id.clone(),
            attempt,
            why: err.to_string(),
            until,
        });
        Next::End(Ending::Rest(Some(until)))
    }

    async fn look_at_approval(
        &self,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        id: ApprovalId,
    ) -> Result<Next, AdvanceError> {
        let Some(item) = self.ports.inbox.approval(id).await? else {
            return Ok(stuck("approval-missing", "the approval is gone"));
        };
        let mut approval = item.approval;
        match approval.state.clone() {
            ApprovalState::Waiting { .. } if turn.now() >= approval.due_at => {
                if approval.expire(turn.now()).is_ok() {
                    turn.event(Event::ApprovalExpired { approval: id });
                    turn.approval(approval);
                }
                Ok(finish(scene, step, turn, "expired", json!({})))
            }
            ApprovalState::Waiting { .. } => Ok(Next::End(Ending::Rest(Some(approval.due_at)))),
            ApprovalState::Redrafting { .. } => {
                turn.progress.phase = Phase::Drafting { redraft: Some(id) };
                if let Doing::Act(act) = &step.doing {
                    self.announce_call(step, turn, act.prompt().unwrap_or_default());
                }
                Ok(Next::End(Ending::GoOn))
            }
            ApprovalState::Approved { message, .. } => {
                turn.progress.phase = Phase::AwaitingDelivery { message };
                Ok(Next::Step)
            }
            ApprovalState::Rejected { reason, .. } => {
                Ok(finish(scene, step, turn, "rejected", json!({ "reason": reason })))
            }
            ApprovalState::Expired { .. } | ApprovalState::Withdrawn { .. } => {
                Ok(finish(scene, step, turn, "expired", json!({})))
            }
        }
    }

    async fn look_at_message(
        &self,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        id: MessageId,
    ) -> Result<Next, AdvanceError> {
        let Some(message) = self.ports.outbox.message(id).await? else {
            return Ok(stuck("message-missing", "the message is gone"));
        };
        let sent = json!({ "message": id, "at": message.queued_at });
        Ok(match message.status {
            MessageStatus::Delivered => finish(scene, step, turn, "sent", sent),
            MessageStatus::Refused => finish(scene, step, turn, "refused", sent),
            MessageStatus::Failed => stuck(
                "delivery-failed",
                &format!(
                    "{}; say `playgate outbox resolve {id}` with --arrived or --resend",
                    message.note
                ),
            ),
            // A person says what became of it; that wakes the run.
            MessageStatus::Uncertain
            | MessageStatus::Queued
            | MessageStatus::Sending
            | MessageStatus::Transmitting => Next::End(Ending::Rest(None)),
        })
    }

    async fn look_at_task(
        &self,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        id: TaskId,
        until: Option<Timestamp>,
    ) -> Result<Next, AdvanceError> {
        let Some(task) = self.ports.inbox.task(id).await? else {
            return Ok(stuck("task-missing", "the task is gone"));
        };
        Ok(match task.status {
            TaskStatus::Done => {
                let note = task.outcome.unwrap_or_default();
                // What a person noted may be personal: it stays with the task and the run.
                record(step, turn, "done", &json!({}));
                leave(scene, step, turn, json!({ "outcome": "done", "note": note }))
            }
            TaskStatus::Cancelled => finish(scene, step, turn, "cancelled", json!({})),
            TaskStatus::Open => match until {
                Some(until) if turn.now() >= until => {
                    finish(scene, step, turn, "timed_out", json!({}))
                }
                until => Next::End(Ending::Rest(until)),
            },
        })
    }
}

impl Scene {
    fn facts(&self, claimed: &Claimed, turn: &Draft) -> Value {
        self.plan.facts(&self.snapshot, &claimed.run.cause, &turn.progress.results)
    }
}

fn stuck(code: &'static str, why: impl Into<String>) -> Next {
    Next::End(Ending::Stuck(code, why.into()))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

fn prompt_of(action: &Action) -> &str {
    match action {
        Action::RouteRisk { prompt } | Action::SummarizeAccount { prompt } => prompt,
        _ => action.outreach().map_or("", |outreach| outreach.prompt.as_str()),
    }
}

/// When the run last had a message granted: replies count from then.
fn last_sent(turn: &Draft) -> Option<Timestamp> {
    turn.progress
        .results
        .values()
        .filter_map(|result| result.get("at")?.as_str()?.parse::<Timestamp>().ok())
        .max()
}

fn record(step: &Step, turn: &mut Draft, outcome: &str, result: &Value) {
    turn.event(Event::StepFinished {
        step: step.id.clone(),
        outcome: outcome.to_owned(),
        result: result.clone(),
    });
    let mut stored = result.clone();
    stored["outcome"] = json!(outcome);
    turn.progress.results.insert(step.id.clone(), stored);
    turn.progress.phase = Phase::Ready;
    turn.progress.attempts = 0;
}

/// Ends a step with an outcome and goes to the next one.
fn finish(scene: &Scene, step: &Step, turn: &mut Draft, outcome: &str, result: Value) -> Next {
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
fn leave(scene: &Scene, step: &Step, turn: &mut Draft, result: Value) -> Next {
    turn.progress.results.insert(step.id.clone(), result);
    turn.progress.phase = Phase::Ready;
    turn.progress.attempts = 0;
    turn.progress.step = scene.plan.next_after(&step.id).unwrap_or_default();
    Next::Step
}
