//! Events in plain words: what a CSM reads on a run's page, in the audit trail and in the terminal.

use std::collections::BTreeMap;

use domain::{
    action::ActionName,
    approval::RejectReason,
    draft::Finding,
    event::{Event, StoredEvent},
    id::{AccountId, UserId},
    run::{Cause, Phase},
    user::{Actor, User},
    verdict::{Judgement, Verdict},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Names to put in place of ids, where known.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// People who work with Playgate.
    pub users: BTreeMap<UserId, String>,
    /// Accounts.
    pub accounts: BTreeMap<AccountId, String>,
}

impl Names {
    /// The names of these people.
    pub fn of_users(users: &[User]) -> Self {
        let users = users.iter().map(|user| (user.id, user.name.clone())).collect();
        Self { users, accounts: BTreeMap::new() }
    }

    /// A person's name, or their id when they are not known.
    pub fn user(&self, id: UserId) -> String {
        self.users.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// An account's name, or its id when it is not known.
    pub fn account(&self, id: AccountId) -> String {
        self.accounts.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Who acted.
    pub fn actor(&self, actor: &Actor) -> String {
        match actor {
            Actor::User { id } => self.user(*id),
            Actor::Engine => "Playgate".to_owned(),
            Actor::Policy => "Policy".to_owned(),
            Actor::Connector { name } => format!("{name} (connector)"),
        }
    }
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Entry {
    /// The stream it belongs to.
    pub stream: String,
    /// Its place there, from 1.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, by name.
    pub who: String,
    /// What happened, in a sentence.
    pub says: String,
    /// How much it asks of a reader.
    pub tone: Tone,
    /// The event as it is stored.
    pub event: Value,
    /// Hash of this event, in hex.
    pub hash: String,
}

/// How much a line asks of its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Machinery.
    Quiet,
    /// Worth reading.
    Plain,
    /// Went well.
    Good,
    /// Somebody should look.
    Bad,
}

/// A stored event as a line. An event this version does not know is shown as it is stored.
pub fn entry(stored: &StoredEvent, names: &Names) -> Entry {
    let raw = serde_json::from_str(&stored.data).unwrap_or_else(|_| Value::from(&*stored.data));
    let (says, tone) = match serde_json::from_value::<Event>(raw.clone()) {
        Ok(event) => (sentence(&event, names), tone(&event)),
        Err(_) => (format!("Something this version cannot put in words: {raw}"), Tone::Plain),
    };
    Entry {
        stream: stored.stream.clone(),
        seq: stored.seq,
        at: Timestamp::from_microsecond(stored.at).unwrap_or_default(),
        who: serde_json::from_str::<Actor>(&stored.actor)
            .map_or_else(|_| stored.actor.clone(), |actor| names.actor(&actor)),
        says,
        tone,
        event: raw,
        hash: hex::encode(&stored.hash),
    }
}

/// An action as a person would call it.
pub const fn action(name: ActionName) -> &'static str {
    match name {
        ActionName::RouteRisk => "assess the risk",
        ActionName::SummarizeAccount => "sum the account up",
        ActionName::CreateTask => "create a task",
        ActionName::AssignOwner => "assign an owner",
        ActionName::UpdateField => "update a field",
        ActionName::NotifyTeam => "notify the team",
        ActionName::Escalate => "escalate",
        ActionName::SendEmail => "send an e-mail",
        ActionName::SendSurvey => "send a survey",
        ActionName::ProposeMeeting => "propose a meeting",
        ActionName::AnswerTicket => "answer a ticket",
    }
}

/// A rejection's reason as a person would say it.
pub const fn reason(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::WrongRecipient => "wrong recipient",
        RejectReason::WrongTiming => "wrong timing",
        RejectReason::Tone => "tone",
        RejectReason::FactError => "a fact is wrong",
        RejectReason::NotNeeded => "not needed",
        RejectReason::Policy => "against policy",
        RejectReason::Duplicate => "duplicate",
        RejectReason::Sensitive => "sensitive situation",
        RejectReason::Other => "other",
    }
}

/// Why a run was started, in a sentence.
pub fn cause(cause: &Cause) -> String {
    let began = match cause.trigger.as_str() {
        "lifecycle" => "The account entered a new phase".to_owned(),
        "schedule" => "The schedule came round".to_owned(),
        "manual" => "A person asked for it".to_owned(),
        "event" => format!("`{}` happened", cause.kind),
        other => format!("Trigger `{other}` fired on `{}`", cause.kind),
    };
    if cause.condition.is_empty() {
        format!("{began}.")
    } else {
        format!("{began}, and this held: {}", cause.condition)
    }
}

/// What a run waits for, in a phrase.
pub fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Ready => "about to begin".to_owned(),
        Phase::Drafting { redraft: None } => "being written".to_owned(),
        Phase::Drafting { redraft: Some(_) } => "being written again".to_owned(),
        Phase::AwaitingApproval { .. } => "waits for a decision".to_owned(),
        Phase::AwaitingDelivery { .. } => "waits for delivery".to_owned(),
        Phase::AwaitingTask { .. } => "waits for a task to be finished".to_owned(),
        Phase::AwaitingSignal { kind, .. } => format!("waits for `{kind}`"),
        Phase::Sleeping { .. } => "waits for its time".to_owned(),
    }
}

fn short(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

fn at(time: Timestamp) -> String {
    time.strftime("%-d %b %Y, %H:%M UTC").to_string()
}

fn because(why: &str) -> String {
    let why = why.trim().trim_end_matches('.');
    if why.is_empty() { ".".to_owned() } else { format!(": {why}.") }
}

fn found(findings: &[Finding]) -> String {
    let blocking = findings.iter().filter(|finding| finding.blocking).count();
    match (findings.len(), blocking) {
        (0, _) => String::new(),
        (1, 0) => " A check found one thing to look at.".to_owned(),
        (n, 0) => format!(" Checks found {n} things to look at."),
        (_, 1) => " A check found something that must be put right before it can go.".to_owned(),
        (_, n) => format!(" Checks found {n} things that must be put right before it can go."),
    }
}

fn verdict(judgement: &Judgement) -> String {
    format!("Policy {}: {}", short(&judgement.policy), judgement.in_words())
}

fn brief(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::Object(map) if map.is_empty() => return String::new(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match value {
                Value::String(text) => format!("{key}: {text}"),
                other => format!("{key}: {other}"),
            })
            .collect::<Vec<_>>()
            .join(", "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() > 200 {
        format!(" ({}…)", text.chars().take(199).collect::<String>())
    } else {
        format!(" ({text})")
    }
}

/// What happened, in one or two plain sentences. Covers every event, by the compiler's word.
#[expect(clippy::too_many_lines, reason = "one arm for each event; splitting it would hide gaps")]
pub fn sentence(event: &Event, names: &Names) -> String {
    match event {
        Event::RunStarted { playbook, version, account, cause: why } => format!(
            "`{playbook}` (version {}) began for {}. {}",
            short(version),
            names.account(*account),
            cause(why)
        ),
        Event::StepStarted { step } => format!("Step `{step}` began."),
        Event::StepSkipped { step, condition } => {
            format!("Step `{step}` was passed over, because this did not hold: {condition}")
        }
        Event::StepFinished { step, outcome, result, taken: None } => {
            format!("Step `{step}` ended: {outcome}{}.", brief(result))
        }
        Event::StepFinished { step, outcome, taken: Some(taken), .. } => format!(
            "Step `{step}` asked to {}: {outcome}.{} {}",
            action(taken.action),
            taken.set.as_ref().map_or_else(String::new, |set| {
                format!(" `{}` was set to `{}`.", set.field, set.value)
            }),
            verdict(&taken.judgement)
        ),
        Event::StepRetried { step, attempt, why, until } => format!(
            "Attempt {attempt} at step `{step}` did not work{} It is tried again at {}.",
            because(why),
            at(*until)
        ),
        Event::RunStuck { step, dead_end } => format!(
            "The run is stuck at step `{step}`{} Retry it or cancel it.",
            because(&dead_end.why)
        ),
        Event::RunCompleted {} => "All steps are done.".to_owned(),
        Event::RunPaused {} => "The run was paused.".to_owned(),
        Event::RunResumed {} => "The run was resumed.".to_owned(),
        Event::RunCancelled { reason } => format!("The run was cancelled{}", because(reason)),
        Event::RunRetried {} => "The run was told to try again.".to_owned(),
        Event::RunRewound { to, again, .. } => {
            format!("The run was taken back to step `{to}`; done again: {}.", again.join(", "))
        }
        Event::RunMigrated { from, to, step_from, step_to } => {
            let (from, to) = (short(from), short(to));
            if step_from == step_to {
                format!("The run was moved from playbook version {from} to {to}.")
            } else {
                format!(
                    "The run was moved from playbook version {from} to {to}; its step \
                     `{step_from}` is `{step_to}` there."
                )
            }
        }
        Event::IntentJudged { step, action: name, contact, judgement } => format!(
            "Step `{step}` asked to {}{}. {}",
            action(*name),
            if contact.is_some() { " to a contact" } else { "" },
            verdict(judgement)
        ),
        Event::RecipientMissing { step, action: name } => format!(
            "Step `{step}` asked to {}, and no contact of the right role has a working address. \
             Nothing was invented.",
            action(*name)
        ),
        Event::ModelCalled { step, prompt, prompt_hash } => format!(
            "The writer was asked, for step `{step}`, with prompt `{prompt}` ({}).",
            short(prompt_hash)
        ),
        Event::ModelAnswered { step, author, tokens, result, findings } => format!(
            "The writer ({author}) answered for step `{step}`{}, using {tokens} tokens.{}",
            brief(result),
            found(findings)
        ),
        Event::DraftWritten { step, version, author, judgement, findings, .. } => format!(
            "Version {version} of the draft for step `{step}` was written by {author}. {}{}",
            verdict(judgement),
            found(findings)
        ),
        Event::ApprovalRequested { step, assignee, due_at, .. } => format!(
            "The draft of step `{step}` entered the queue{}; it expires at {}.",
            assignee.map_or_else(String::new, |id| format!(" of {}", names.user(id))),
            at(*due_at)
        ),
        Event::ApprovalGranted { version, judgement, .. } => format!(
            "Version {version} was approved, exactly as shown, and put in the outbox. {}",
            verdict(judgement)
        ),
        Event::ApprovalEdited { version, judgement, .. } => {
            format!("The text was edited; it is version {version} now. {}", verdict(judgement))
        }
        Event::ApprovalRejected { reason: why, note, .. } => {
            format!("The draft was rejected: {}{}", reason(*why), because(note))
        }
        Event::RedraftRequested { instruction, .. } => {
            format!("Another version was asked for{}", because(instruction))
        }
        Event::ApprovalSnoozed { until, .. } => {
            format!("The item was put off until {}.", at(*until))
        }
        Event::ApprovalReassigned { to, .. } => {
            format!("The item was handed to {}.", names.user(*to))
        }
        Event::ApprovalExpired { .. } => {
            "Nobody decided in time; the draft expired and was not sent.".to_owned()
        }
        Event::ApprovalWithdrawn { .. } => {
            "The draft was withdrawn: its run ended, or a person in it was erased.".to_owned()
        }
        Event::DecisionRefused { why, .. } => format!("A decision was refused{}", because(why)),
        Event::TaskCreated { title, .. } => format!("A task was made{}", because(title)),
        Event::TaskFinished { outcome, .. } => format!("The task was finished{}", because(outcome)),
        Event::OwnerAssigned { account, to, reason, .. } => match to {
            Some(id) => format!(
                "{} was put in the hands of {}{}",
                names.account(*account),
                names.user(*id),
                because(reason)
            ),
            None => format!(
                "{} should have a new owner, and nobody has that role{}",
                names.account(*account),
                because(reason)
            ),
        },
        Event::FieldUpdated { account, field, value, .. } => {
            format!("`{field}` of {} was set to `{value}`.", names.account(*account))
        }
        Event::DeliveryStarted { attempt, .. } => format!("Delivery attempt {attempt} began."),
        Event::MessageDelivered { note, .. } => {
            format!("The message was delivered{}", because(note))
        }
        Event::MessageRefused { why, .. } => {
            format!("A last check kept the message in{}", because(why))
        }
        Event::MessageFailed { why, .. } => {
            format!("The message could not be delivered{}", because(why))
        }
        Event::MessageUncertain { why, .. } => format!(
            "The message may or may not have arrived{} It is not sent again until a person says so.",
            because(why)
        ),
        Event::DeliveryRetried { why, until, .. } => {
            format!("Delivery did not work{} It is tried again at {}.", because(why), at(*until))
        }
        Event::MessageResolved { resolution, .. } => {
            format!("It was settled what became of the message{}", because(resolution))
        }
        Event::SignalReceived { step, kind } => {
            format!("`{kind}` arrived, which step `{step}` waited for.")
        }
        Event::PlaybookLoaded { name, version } => {
            format!("Playbook `{name}` was loaded in version {}.", short(version))
        }
        Event::PolicyActivated { version, files } => {
            format!("Policy {} became active ({}).", short(version), files.join(", "))
        }
        Event::KillEngaged { scope, reason } => {
            format!("Sending was stopped for {scope}{}", because(reason))
        }
        Event::KillReleased { scope } => format!("Sending was started again for {scope}."),
        Event::DataImported { source, read, inserted, updated, unchanged, rejected } => format!(
            "{read} rows were read in from {source}: {inserted} new, {updated} changed, \
             {unchanged} unchanged, {rejected} rejected."
        ),
        Event::TriggerSuppressed { playbook, account, kind, why } => format!(
            "`{kind}` could have started `{playbook}` for {}, and did not{}",
            names.account(*account),
            because(why)
        ),
        Event::UserAdded { user, role } => {
            format!("{} was added as `{role}`.", names.user(*user))
        }
        Event::SignedIn { user } => format!("{} signed in.", names.user(*user)),
        Event::AccessIssued { user, what } => {
            format!("A {what} was made for {}.", names.user(*user))
        }
        Event::HistoryArchived { file, kind, items, events, .. } => {
            format!("{items} {kind} with {events} events went into the archive `{file}`.")
        }
        Event::BackupTaken { bytes, sha256 } => {
            format!("A backup of {bytes} bytes was made, SHA-256 {}.", short(sha256))
        }
        Event::DatabaseRestored { copied_at, held } => match copied_at {
            Some(copied_at) => format!(
                "The database was restored as of {}; {held} messages are held.",
                at(*copied_at)
            ),
            None => format!("The database was restored; {held} messages are held."),
        },
        Event::PersonErased { contact, account, receipt, .. } => format!(
            "Contact {contact} at {} was erased; SHA-256 of the receipt {}.",
            names.account(*account),
            short(receipt)
        ),
        Event::PersonExported { contact, .. } => {
            format!("Everything of contact {contact} was handed out.")
        }
        Event::PlaceholdersForgotten { runs, before } => format!(
            "What placeholders stood for in {runs} runs that were over before {} was forgotten.",
            at(*before)
        ),
        Event::MasterKeyChanged { from, to } => {
            format!("Master key {to} wraps from now on, in place of {}.", from.join(", "))
        }
        Event::MasterKeyRotated { key, rewrapped } => {
            format!("{rewrapped} keys were wrapped anew by master key {key}.")
        }
    }
}

/// How much an event asks of its reader.
pub const fn tone(event: &Event) -> Tone {
    match event {
        Event::StepStarted { .. }
        | Event::StepSkipped { .. }
        | Event::ModelCalled { .. }
        | Event::DeliveryStarted { .. }
        | Event::SignedIn { .. }
        | Event::PlaybookLoaded { .. } => Tone::Quiet,
        Event::RunCompleted {}
        | Event::ApprovalGranted { .. }
        | Event::MessageDelivered { .. }
        | Event::TaskFinished { .. } => Tone::Good,
        Event::RunStuck { .. }
        | Event::StepRetried { .. }
        | Event::RecipientMissing { .. }
        | Event::ApprovalExpired { .. }
        | Event::DecisionRefused { .. }
        | Event::MessageRefused { .. }
        | Event::MessageFailed { .. }
        | Event::MessageUncertain { .. }
        | Event::DeliveryRetried { .. }
        | Event::KillEngaged { .. }
        | Event::DatabaseRestored { .. } => Tone::Bad,
        Event::IntentJudged { judgement, .. } if matches!(judgement.verdict, Verdict::Forbid) => {
            Tone::Bad
        }
        _ => Tone::Plain,
    }
}
