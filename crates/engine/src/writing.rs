//! Has the writer work on a step, and deals with what it wrote or why it did not.

use domain::{
    action::Action,
    approval::{Approval, ApprovalState},
    draft::{Finding, INJECTION_SUSPECTED, Letter, Manuscript, SUSPECTED},
    event::Event,
    id::ApprovalId,
    intent::{Intent, Recipient},
    port::{
        Answer, Assignment, LetterTask, Prompted, Stranger, Unchecked, VaultError, WriteError,
        WriterTask, Written, WrittenSummary,
    },
    run::{Cause, Claimed, Phase},
    untrusted::Untrusted,
};
use playbook::{Doing, Step};
use serde_json::{Value, json};

use crate::{
    advance::{AdvanceError, Advancer},
    backoff,
    letter::{self, Commission},
    outcome::{Ending, Next, Scene, finish, leave, record, stuck},
    step::prompt_of,
    turn::Draft,
};

impl Advancer {
    /// Calls the writer. The call was announced in an earlier turn, so a crash repeats at most it.
    pub(crate) async fn write(
        &self,
        claimed: &Claimed,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        redraft: Option<ApprovalId>,
    ) -> Result<Next, AdvanceError> {
        let budgets = scene.policy.budgets();
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
        let mut intent = letter::intent(&claimed.run, &step.id, action, &scene.snapshot);
        let revised = match redraft {
            None => None,
            Some(id) => match self.ports.inbox.approval(id).await?.map(|item| item.approval) {
                Some(approval) => {
                    let ApprovalState::Redrafting { instruction } = approval.state.clone() else {
                        turn.progress.phase = Phase::AwaitingApproval { approval: id };
                        return Ok(Next::Step);
                    };
                    Some((approval, instruction))
                }
                None => return Ok(stuck("approval-missing", "the approval is gone")),
            },
        };
        let previous = match &revised {
            None => None,
            Some((approval, _)) => match self.ports.vault.open(approval.version.content).await {
                Ok(plain) => {
                    serde_json::from_slice::<Manuscript>(&plain).ok().map(|text| text.letter)
                }
                Err(VaultError::Erased(_)) => {
                    return Ok(forgotten(scene, step, turn, &intent, Some(approval.clone())));
                }
                Err(err) => return Err(err.into()),
            },
        };
        if let Some(letter) = &previous {
            // Another version goes to the person the first one was for.
            intent.recipient = Some(letter.recipient.clone());
        }
        if turn.progress.model_calls >= budgets.model_calls_per_run {
            let why = "the run has used up its budget of model calls";
            return Ok(match revised {
                Some((approval, _)) => keep_version(turn, approval, why),
                None => stuck("budget-spent", why),
            });
        }
        if let Some(until) = self.model_turn(claimed, turn).await? {
            return Ok(Next::End(Ending::Rest(Some(until))));
        }
        let task = match (&intent.action, &intent.recipient) {
            (Action::RouteRisk { .. }, _) => WriterTask::Route,
            (Action::SummarizeAccount { .. }, _) => WriterTask::Summary,
            (action, Some(recipient)) if action.outreach().is_some() => {
                letter_task(scene, action, recipient, revised.as_ref(), previous)
            }
            _ => {
                turn.event(Event::RecipientMissing {
                    step: step.id.clone(),
                    action: intent.action.name(),
                });
                return Ok(finish(scene, step, turn, "no_recipient", json!({})));
            }
        };
        let results = json!(turn.progress.results);
        let strangers = match self.strangers(scene, &task, &results, &claimed.run.cause).await {
            Ok(strangers) => strangers,
            // What cannot be looked through is shown to no model.
            Err(Unchecked(why)) => {
                let err = WriteError::Unavailable { why, retry_after: None };
                return Ok(given_up(claimed, step, turn, revised, &err));
            }
        };
        let assignment = Assignment {
            task,
            prompt: prompt_of(&intent.action).to_owned(),
            snapshot: scene.snapshot.clone(),
            results,
            cause: claimed.run.cause.clone(),
            objective: scene.plan.objective.clone(),
            tokens_left: budgets.tokens_per_run.saturating_sub(turn.progress.tokens),
            redaction: scene.policy.redaction().clone(),
            releases: scene.policy.releases().to_vec(),
            pseudonyms: self.ports.vault.pseudonyms(claimed.run.id).await?,
            strangers,
        };
        let written = self.ports.writer.write(&assignment).await;
        turn.progress.model_calls += 1;
        if let Ok(written) = &written {
            self.charge_model(claimed, turn, written.calls.saturating_sub(1)).await?;
        }
        match written {
            Ok(written) => {
                let run = claimed.run.id;
                turn.pseudonyms(self.ports.vault.seal_pseudonyms(run, &written.pseudonyms).await?);
                self.written(scene, step, turn, &intent, revised, written).await
            }
            Err(err) => Ok(given_up(claimed, step, turn, revised, &err)),
        }
    }

    /// Whom and what of other customers the texts of a prompt speak of: what people asked for, what
    /// they edited, what came from outside, and what earlier steps made of it.
    async fn strangers(
        &self,
        scene: &Scene,
        task: &WriterTask,
        results: &Value,
        cause: &Cause,
    ) -> Result<Vec<Stranger>, Unchecked> {
        let mut ours = task.words();
        strings(results, &mut ours);
        let mut signal = Vec::new();
        strings(&cause.data, &mut signal);
        let signal: Vec<Untrusted> = signal.into_iter().map(Untrusted::from).collect();
        let tickets = scene.snapshot.recent_tickets.iter();
        let tickets = tickets.flat_map(|ticket| [&ticket.subject, &ticket.body]);
        self.ports
            .exit
            .strangers(Prompted {
                snapshot: &scene.snapshot,
                ours,
                outside: tickets.chain(&signal).collect(),
                standards: scene.policy.outgoing(),
            })
            .await
    }

    async fn written(
        &self,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        intent: &Intent,
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
            Answer::Summary(WrittenSummary { summary: String::new() }),
        ) {
            Answer::Letter(text) => {
                let Some(recipient) = &intent.recipient else {
                    return Ok(stuck("recipient-missing", "the recipient is gone"));
                };
                let open = revised.as_ref().map(|(approval, _)| approval.clone());
                let commission = Commission {
                    intent,
                    recipient,
                    snapshot: &scene.snapshot,
                    policy: &scene.policy,
                    asset: asset_of(scene, &intent.action),
                    timeout: step.timeout,
                    redraft: revised,
                };
                match letter::propose(&self.ports, turn, commission, written, text).await {
                    Ok(wake) => Ok(Next::End(Ending::Rest(wake))),
                    Err(VaultError::Erased(_)) => Ok(forgotten(scene, step, turn, intent, open)),
                    Err(err) => Err(err.into()),
                }
            }
            Answer::Route(route) => {
                // The reasons may name people, so the trail keeps the classes only.
                let classes = json!({
                    "category": route.category,
                    "severity": route.severity,
                    "owner": route.owner,
                    "confidence": route.confidence,
                });
                let suspected = is_suspected(&written.findings);
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
                result[SUSPECTED] = json!(suspected);
                Ok(leave(scene, step, turn, result))
            }
            Answer::Summary(summary) => {
                let suspected = is_suspected(&written.findings);
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
                    SUSPECTED: suspected,
                });
                Ok(leave(scene, step, turn, result))
            }
        }
    }
}

/// Whether the text that was read may hold orders to the model.
fn is_suspected(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.code == INJECTION_SUSPECTED)
}

/// The text of the asset that an action's letter is made of.
fn asset_of<'a>(scene: &'a Scene, action: &Action) -> &'a str {
    let asset = action.outreach().map_or("", |outreach| outreach.asset.as_str());
    scene.plan.asset(asset).map_or("", |asset| asset.text.as_str())
}

fn letter_task(
    scene: &Scene,
    action: &Action,
    recipient: &Recipient,
    revised: Option<&(Approval, String)>,
    previous: Option<Letter>,
) -> WriterTask {
    let asset = action.outreach().map_or("", |outreach| outreach.asset.as_str());
    WriterTask::Letter(Box::new(LetterTask {
        recipient: recipient.clone(),
        asset: asset.to_owned(),
        template: scene.plan.asset(asset).map(|asset| asset.text.clone()).unwrap_or_default(),
        instruction: revised.map(|(_, instruction)| instruction.clone()),
        previous: previous.map(|letter| (letter.subject, letter.body)),
        ticket: match action {
            Action::AnswerTicket { ticket, .. } => Some(ticket.clone()),
            _ => None,
        },
    }))
}

/// Whether another attempt would not help, or there have been enough.
fn gives_up(err: &WriteError, turn: &Draft, step: &Step) -> bool {
    !err.is_transient() || turn.progress.attempts + 1 >= step.retries
}

/// Ends a step whose recipient was erased while it was at work: nothing is written to them again.
fn forgotten(
    scene: &Scene,
    step: &Step,
    turn: &mut Draft,
    intent: &Intent,
    open: Option<Approval>,
) -> Next {
    if let Some(mut approval) = open
        && approval.expire(turn.now()).is_ok()
    {
        turn.event(Event::ApprovalExpired { approval: approval.id });
        turn.approval(approval);
    }
    turn.event(Event::RecipientMissing { step: step.id.clone(), action: intent.action.name() });
    finish(scene, step, turn, "no_recipient", json!({}))
}

/// Puts an approval whose other version cannot be written back in the queue as it was.
fn keep_version(turn: &mut Draft, mut approval: Approval, why: &str) -> Next {
    turn.progress.attempts = 0;
    turn.progress.phase = Phase::AwaitingApproval { approval: approval.id };
    turn.event(Event::DecisionRefused {
        approval: approval.id,
        why: format!("another version could not be written: {why}"),
    });
    let due = approval.due_at;
    if approval.keep_version().is_ok() {
        turn.approval(approval);
    }
    Next::End(Ending::Rest(Some(due)))
}

/// Puts a draft back as it was when no other version can be written; else as [`not_written`].
fn given_up(
    claimed: &Claimed,
    step: &Step,
    turn: &mut Draft,
    revised: Option<(Approval, String)>,
    err: &WriteError,
) -> Next {
    match revised {
        Some((approval, _)) if gives_up(err, turn, step) => {
            keep_version(turn, approval, &err.to_string())
        }
        _ => not_written(claimed, step, turn, err),
    }
}

/// All strings of a JSON value.
fn strings<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| strings(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Repeats the call later, or ends in a dead end that says why.
fn not_written(claimed: &Claimed, step: &Step, turn: &mut Draft, err: &WriteError) -> Next {
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
    turn.event(Event::StepRetried { step: step.id.clone(), attempt, why: err.to_string(), until });
    Next::End(Ending::Rest(Some(until)))
}
