//! The writer behind redaction: from an assignment to a checked draft.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    clock::Clock,
    draft::{Author, Fact, Finding, Letter, MODEL_UNUSABLE},
    port::{Assignment, LetterTask, WriteError, Writer, WriterTask, Written},
    snapshot::Snapshot,
};
use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use jiff::{SignedDuration, tz::TimeZone};
use privacy::{Kind, Mapping, Rules, leak};

use crate::{
    answer, asset,
    block::Slot,
    check::{Support, finding},
    desk::{Desk, Outside, Reading},
    fact::Signs,
    model::{Call, Completion, Material, Model, estimate},
    offline::OfflineWriter,
    outside::{impersonal, known},
    prompt::{LetterVariables, Prompt, PromptError, Prompts, ReportVariables, Task, Text},
};

/// How hard the model may be worked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls per minute to this model, over all runs of this process; no limit if none.
    pub calls_per_minute: Option<NonZeroU32>,
    /// How long a call may wait for its turn before it is put off, with the time to wait.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls_per_minute: NonZeroU32::new(60), patience: Duration::from_secs(5) }
    }
}

/// Drafts and routes with one model.
pub struct Agent {
    model: Arc<dyn Model>,
    prompts: Prompts,
    limiter: Option<DefaultDirectRateLimiter>,
    patience: Duration,
    clock: Arc<dyn Clock>,
}

impl Agent {
    /// An agent that asks `model`, with the prompt files given as name and text.
    ///
    /// Ids of data blocks come from `clock`. Fails on a prompt file that cannot work.
    pub fn new(
        model: Arc<dyn Model>,
        prompts: Vec<(String, String)>,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PromptError> {
        Ok(Self {
            limiter: limits
                .calls_per_minute
                .filter(|_| !model.is_offline())
                .map(|calls| RateLimiter::direct(Quota::per_minute(calls))),
            patience: limits.patience,
            prompts: Prompts::read(prompts)?,
            model,
            clock,
        })
    }

    /// Redacts, renders, and lays everything out.
    fn prepare<'a>(
        &'a self,
        assignment: &'a Assignment,
        outside: Outside,
        mapping: Mapping,
    ) -> Result<(Desk<'a>, Call), WriteError> {
        let task = match assignment.task {
            WriterTask::Letter(_) => Task::Letter,
            WriterTask::Route => Task::Route,
            WriterTask::Summary => Task::Summary,
        };
        let prompt = self.prompt(&assignment.prompt, task)?;
        let mut desk =
            Desk::open(task, assignment, prompt, (outside, mapping), self.clock.as_ref())?;
        let ((system, user), material) = match &assignment.task {
            WriterTask::Letter(letter) => self.letter(&mut desk, letter)?,
            WriterTask::Route | WriterTask::Summary => self.report(&mut desk)?,
        };
        let call = Call {
            system: desk.redactor.assemble(&system),
            user: desk.enclose(&user, name(&assignment.prompt))?,
            schema: answer::schema(task),
            temperature: prompt.temperature,
            max_tokens: prompt.max_tokens,
            material,
        };
        desk.system = system;
        Ok((desk, call))
    }

    /// The prompt of a letter, and the same work in pieces.
    fn letter(
        &self,
        desk: &mut Desk<'_>,
        letter: &LetterTask,
    ) -> Result<((String, String), Material), WriteError> {
        let assignment = desk.assignment;
        let filled = asset::fill(letter, &assignment.snapshot, &assignment.results)?;
        desk.published.push(letter.template.clone());
        let subject = desk.vouched(&filled.subject);
        let body = desk.vouched(&filled.body);
        let previous = letter.previous.as_ref().map(|(subject, body)| {
            desk.published.extend([subject.clone(), body.clone()]);
            (desk.vouched(subject), desk.vouched(body))
        });
        let instruction = letter.instruction.as_ref().map(|instruction| {
            desk.published.push(instruction.clone());
            desk.vouched(instruction)
        });
        let variables = LetterVariables {
            objective: Slot::text(&desk.objective),
            today: &desk.today,
            marker: desk.marker.as_str(),
            recipient: desk.recipient.as_ref().map_or_else(|| Slot::ours(""), Slot::line),
            facts: desk.lines(),
            asset: Text { subject: Slot::line(&subject), body: Slot::text(&body) },
            instruction: instruction.as_ref().map(Slot::text),
            data: desk.data.as_ref(),
        };
        let rendered = self.prompts.render(name(&assignment.prompt), &variables)?;
        let facts = desk.given.clone();
        Ok((rendered, Material::Letter { subject, body, instruction, previous, facts }))
    }

    /// The prompt of a route or a summary, and the same work in pieces.
    fn report(&self, desk: &mut Desk<'_>) -> Result<((String, String), Material), WriteError> {
        let variables = ReportVariables {
            objective: Slot::text(&desk.objective),
            today: &desk.today,
            marker: desk.marker.as_str(),
            facts: desk.lines(),
            data: desk.data.as_ref(),
        };
        let rendered = self.prompts.render(name(&desk.assignment.prompt), &variables)?;
        let facts = desk.given.clone();
        let material = if desk.task == Task::Route {
            Material::Route { signs: Signs::of(&desk.assignment.snapshot), facts }
        } else {
            Material::Summary { facts }
        };
        Ok((rendered, material))
    }

    fn prompt(&self, wanted: &str, task: Task) -> Result<&Prompt, WriteError> {
        let wrong = |why: &str| WriteError::Template {
            what: "prompt",
            name: wanted.to_owned(),
            why: why.to_owned(),
        };
        let prompt =
            self.prompts.get(name(wanted)).ok_or_else(|| wrong("there is no such file"))?;
        if prompt.task != task {
            return Err(wrong(&format!(
                "it is for a {}, not for a {}",
                prompt.task.as_str(),
                task.as_str()
            )));
        }
        Ok(prompt)
    }

    /// Makes the call if the budget covers it and it is its turn.
    async fn ask(&self, call: &Call, left: u64) -> Result<Completion, WriteError> {
        let bytes = call.system.as_str().len() + call.user.as_str().len();
        let estimate = estimate(bytes);
        if !self.model.is_offline() {
            let needed = estimate + u64::from(call.max_tokens);
            if needed > left {
                return Err(WriteError::OverBudget { needed, left });
            }
            self.turn().await?;
        }
        let mut completion = match self.model.complete(call).await {
            Ok(completion) => completion,
            Err(err) => {
                tracing::warn!(model = self.model.name(), error = %err, "model call failed");
                if !err.failure.is_of_the_answer() {
                    return Err(err.into());
                }
                // The endpoint works; what it was asked is what fails. An answer without text is
                // one that cannot be used, and is dealt with as such.
                Completion { text: String::new(), tokens: None, calls: 1, notes: Vec::new() }
            }
        };
        let guess = || estimate + crate::model::estimate(completion.text.len());
        completion.tokens = Some(completion.tokens.unwrap_or_else(guess));
        Ok(completion)
    }

    /// An answer with its provenance.
    fn written(
        &self,
        desk: &mut Desk<'_>,
        (answer, mut findings, restored): Reading,
        is_offline: bool,
    ) -> Written {
        let pseudonyms = desk.redactor.mapping().to_bytes().to_vec();
        findings.append(&mut desk.findings);
        let prompt = name(&desk.assignment.prompt).to_owned();
        let prompt_hash = desk.prompt.hash.clone();
        Written {
            answer,
            author: if is_offline {
                Author::Offline { prompt, prompt_hash }
            } else {
                Author::Model { model: self.model.name().to_owned(), prompt, prompt_hash }
            },
            facts: std::mem::take(&mut desk.facts),
            findings,
            seen_by_model: String::new(),
            restored,
            pseudonyms: desk.assignment.pseudonyms.with(pseudonyms),
            tokens: 0,
            calls: 0,
        }
    }

    /// Waits for a turn, or says how long it would take.
    async fn turn(&self) -> Result<(), WriteError> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let mut patience = self.patience;
        while let Err(not_until) = limiter.check() {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            let Some(rest) = patience.checked_sub(wait) else {
                return Err(WriteError::Unavailable {
                    why: format!("our own limit of calls to `{}` is used up", self.model.name()),
                    retry_after: SignedDuration::try_from(wait).ok(),
                });
            };
            patience = rest;
            tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        }
        Ok(())
    }
}

#[async_trait]
impl Writer for Agent {
    fn prompt_hash(&self, prompt: &str) -> Option<String> {
        self.prompts.get(name(prompt)).map(|prompt| prompt.hash.clone())
    }

    fn inspect(&self, letter: &Letter, facts: &[Fact], snapshot: &Snapshot) -> Vec<Finding> {
        let whole = format!("{}\n{}", letter.subject, letter.body);
        let today = snapshot.at.to_zoned(TimeZone::UTC).date().to_string();
        let support = Support::of(facts, &today);
        let rules = Rules::default();
        let known = known(snapshot, Some(&letter.recipient));
        let mut findings: Vec<Finding> = support
            .unsupported(&impersonal(&whole, &rules, &known))
            .iter()
            .map(|number| {
                finding("unsupported-number", format!("`{number}` stands in no fact"), false)
            })
            .collect();
        // Our own people's addresses share the CSM's host.
        let ours = snapshot.csm.as_ref().and_then(|csm| csm.email.split_once('@'));
        let ours: Vec<&str> = whole
            .split_whitespace()
            .filter(|word| {
                ours.is_some_and(|(_, host)| {
                    word.to_lowercase().contains(&format!("@{}", host.to_lowercase()))
                })
            })
            .collect();
        for leak in leak::scan(&whole, &rules, &known, &ours) {
            // A person may give a number to call; a stranger's address is rather a slip.
            let blocking = leak.kind != Kind::Phone;
            let detail =
                format!("line {} holds a {} that is not this account's", leak.line, leak.kind);
            findings.push(finding("leak", detail, blocking));
        }
        findings
    }

    async fn write(&self, assignment: &Assignment) -> Result<Written, WriteError> {
        let before = remembered(assignment)?;
        let (mut desk, mut call) = self.prepare(assignment, Outside::Shown, before)?;
        // A text that gives orders does not get to route an account or to sum it up: facts do, by
        // rules. A letter that answers it is drafted all the same, and a person reads it.
        if desk.task != Task::Letter && !desk.findings.is_empty() && !self.model.is_offline() {
            let reading = without_model(&desk, &call).await?;
            return Ok(self.written(&mut desk, reading, true));
        }
        let mut seen = whole(&call);
        let first = self.ask(&call, assignment.tokens_left).await?;
        let (mut tokens, mut calls) = (first.tokens.unwrap_or_default(), first.calls);
        let mut notes = first.notes;
        let mut outcome = desk.read(&first.text);
        let complaint = match &outcome {
            Err(why) => Some(why.clone()),
            Ok((_, findings, _)) => {
                let blocking: Vec<&str> = findings
                    .iter()
                    .filter(|finding| finding.blocking)
                    .map(|finding| finding.detail.as_str())
                    .collect();
                (!blocking.is_empty()).then(|| blocking.join("; "))
            }
        };
        if let Some(complaint) = complaint.filter(|_| !self.model.is_offline()) {
            // An answer of another form than the one asked for may be what a text from outside
            // ordered. Facts are enough for routes and summaries, so it is not shown again.
            if outcome.is_err() && desk.data.is_some() && desk.task != Task::Letter {
                let so_far = desk.redactor.mapping().to_bytes();
                let so_far = Mapping::from_bytes(&so_far)
                    .map_err(|err| WriteError::Refused(err.to_string()))?;
                (desk, call) = self.prepare(assignment, Outside::Withheld, so_far)?;
            }
            let again = desk.repair(&call, &complaint);
            match self.ask(&again, assignment.tokens_left.saturating_sub(tokens)).await {
                Ok(second) => {
                    tokens += second.tokens.unwrap_or_default();
                    calls += second.calls;
                    let repaired = desk.read(&second.text);
                    if repaired.is_ok() || outcome.is_err() {
                        outcome = repaired;
                        notes = second.notes;
                    }
                    let repeated = whole(&again);
                    // Mostly the second prompt is the first with a complaint at its end.
                    seen = match repeated.strip_prefix(&seen) {
                        Some(_) => repeated,
                        None => format!("{seen}\n\n{repeated}"),
                    };
                    call = again;
                }
                // A draft with findings is better than none: the reviewer sees them.
                Err(err) if outcome.is_err() => return Err(err),
                Err(_) => {}
            }
        }
        let mut is_offline = self.model.is_offline();
        let (answer, mut findings, restored) = match outcome {
            Ok(read) => read,
            Err(why) if is_offline => return Err(WriteError::Unusable(why)),
            Err(_) => {
                is_offline = true;
                let (answer, mut findings, restored) = without_model(&desk, &call).await?;
                let detail = "the model's answer could not be used, so this was made without it";
                findings.push(finding(MODEL_UNUSABLE, detail, false));
                (answer, findings, restored)
            }
        };
        findings.extend(notes);
        let written = self.written(&mut desk, (answer, findings, restored), is_offline);
        // Exactly what the model saw.
        Ok(Written { seen_by_model: seen, tokens, calls, ..written })
    }
}

/// A call's text as the model sees it.
fn whole(call: &Call) -> String {
    format!("{}\n\n{}", call.system.as_str(), call.user.as_str())
}

/// The same work by rules and asset alone, where a model answers in no form that can be used: the
/// run goes on as its playbook says, whatever made the model do so, and a person is told.
async fn without_model(desk: &Desk<'_>, call: &Call) -> Result<Reading, WriteError> {
    let written = OfflineWriter.complete(call).await.map_err(WriteError::from)?;
    let (answer, mut findings, restored) =
        desk.read(&written.text).map_err(WriteError::Unusable)?;
    findings.extend(written.notes);
    Ok((answer, findings, restored))
}

/// What the run's placeholders stand for so far.
fn remembered(assignment: &Assignment) -> Result<Mapping, WriteError> {
    match assignment.pseudonyms.bytes() {
        [] => Ok(Mapping::default()),
        bytes => Mapping::from_bytes(bytes).map_err(|err| WriteError::Refused(err.to_string())),
    }
}

/// A prompt's name without extension.
fn name(prompt: &str) -> &str {
    prompt.strip_suffix(".md").unwrap_or(prompt)
}
