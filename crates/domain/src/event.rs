//! What happened, in the past tense: the rows of the audit trail. Ids and hashes, no personal text.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    action::ActionName,
    approval::RejectReason,
    archive::ArchiveKind,
    draft::{Binding, Finding},
    id::{
        AccountId, ApprovalId, ContactId, ContentId, ErasureId, MessageId, RunId, TaskId, UserId,
    },
    run::{Cause, DeadEnd},
    user::Actor,
    verdict::Judgement,
};

/// A stream of events, each chained to its predecessor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Everything that happened to one run.
    Run(RunId),
    /// Policy versions.
    Policy,
    /// Playbook versions.
    Playbook,
    /// People and their access.
    User,
    /// The kill switch.
    Switch,
    /// Imports of customer data.
    Import,
    /// Signals that started nothing.
    Signal,
    /// Archives, backups and restores.
    History,
    /// Erasures, exports of personal data, and keys.
    Privacy,
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run(id) => write!(f, "{id}"),
            Self::Policy => f.write_str("policy"),
            Self::Playbook => f.write_str("playbook"),
            Self::User => f.write_str("user"),
            Self::Switch => f.write_str("switch"),
            Self::Import => f.write_str("import"),
            Self::Signal => f.write_str("signal"),
            Self::History => f.write_str("history"),
            Self::Privacy => f.write_str("privacy"),
        }
    }
}

/// An internal action as it was asked for, judged and carried out in one turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Taken {
    /// The action.
    pub action: ActionName,
    /// What policy said.
    pub judgement: Judgement,
    /// The field of the account that it set, where it set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<FieldSet>,
}

/// A field of an account with its new value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldSet {
    /// Its name.
    pub field: String,
    /// Its value.
    pub value: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    // runs
    /// A trigger matched and a run began.
    RunStarted { playbook: String, version: String, account: AccountId, cause: Cause },
    /// A step began.
    StepStarted { step: String },
    /// A step was passed over because its condition did not hold.
    StepSkipped { step: String, condition: String },
    /// A step ended; `outcome` is what conditions see. `taken` is there when all the step did was an
    /// internal action that policy allowed: then this one event is the whole step.
    StepFinished {
        step: String,
        outcome: String,
        result: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken: Option<Taken>,
    },
    /// An attempt at a step failed and will be repeated.
    StepRetried { step: String, attempt: u32, why: String, until: Timestamp },
    /// The run cannot go on alone.
    RunStuck { step: String, dead_end: DeadEnd },
    /// All steps are done.
    RunCompleted {},
    /// A person stopped the run for a while.
    RunPaused {},
    /// A person let it go on.
    RunResumed {},
    /// A person ended it.
    RunCancelled { reason: String },
    /// A person had it try again.
    RunRetried {},
    /// A person took it back to an earlier step; these are done again.
    RunRewound { from: String, to: String, again: Vec<String> },
    /// A person moved it to another version of its playbook.
    RunMigrated { from: String, to: String, step_from: String, step_to: String },
    // intents and drafts
    /// Policy was asked.
    IntentJudged {
        step: String,
        action: ActionName,
        contact: Option<ContactId>,
        judgement: Judgement,
    },
    /// No contact with a usable address has the role the step asks for.
    RecipientMissing { step: String, action: ActionName },
    /// A model is about to be asked.
    ModelCalled { step: String, prompt: String, prompt_hash: String },
    /// A model (or the offline writer) answered an internal question.
    ModelAnswered {
        step: String,
        author: String,
        tokens: u64,
        result: Value,
        findings: Vec<Finding>,
    },
    /// A draft was written.
    DraftWritten {
        step: String,
        approval: ApprovalId,
        version: i64,
        author: String,
        content: ContentId,
        content_hash: String,
        binding: Binding,
        judgement: Judgement,
        findings: Vec<Finding>,
        tokens: u64,
    },
    // approvals
    /// A draft entered the queue.
    ApprovalRequested {
        step: String,
        approval: ApprovalId,
        assignee: Option<UserId>,
        due_at: Timestamp,
    },
    /// A person (or policy) let it go exactly as bound.
    ApprovalGranted {
        approval: ApprovalId,
        version: i64,
        binding: Binding,
        judgement: Judgement,
        message: MessageId,
    },
    /// A person edited the text.
    ApprovalEdited {
        approval: ApprovalId,
        version: i64,
        content: ContentId,
        content_hash: String,
        binding: Binding,
        judgement: Judgement,
    },
    /// A person rejected it.
    ApprovalRejected { approval: ApprovalId, reason: RejectReason, note: String },
    /// A person asked for another version.
    RedraftRequested { approval: ApprovalId, instruction: String },
    /// A person put it off.
    ApprovalSnoozed { approval: ApprovalId, until: Timestamp },
    /// A person gave it to somebody else.
    ApprovalReassigned { approval: ApprovalId, to: UserId },
    /// Nobody decided in time.
    ApprovalExpired { approval: ApprovalId },
    /// Its run ended first, or a person in it was erased.
    ApprovalWithdrawn { approval: ApprovalId },
    /// A decision was refused.
    DecisionRefused { approval: ApprovalId, why: String },
    // internal effects
    /// A task was made.
    TaskCreated { step: String, task: TaskId, title: String },
    /// A person finished a task.
    TaskFinished { task: TaskId, outcome: String },
    /// The account was put in other hands.
    OwnerAssigned { step: String, account: AccountId, to: Option<UserId>, reason: String },
    /// A field of the account was set, as trails say it whose steps were not yet told as [`Taken`].
    FieldUpdated { step: String, account: AccountId, field: String, value: String },
    // delivery
    /// A delivery attempt began.
    DeliveryStarted { message: MessageId, attempt: i64 },
    /// The message arrived, in the channel's words.
    MessageDelivered { message: MessageId, note: String },
    /// A last check kept the message in.
    MessageRefused { message: MessageId, why: String },
    /// The other side will not take it, or too many attempts failed.
    MessageFailed { message: MessageId, why: String },
    /// It may or may not have arrived.
    MessageUncertain { message: MessageId, why: String },
    /// An attempt failed before anything was handed over.
    DeliveryRetried { message: MessageId, why: String, until: Timestamp },
    /// A person said what became of an uncertain or failed message.
    MessageResolved { message: MessageId, resolution: String },
    /// A signal the run waited for arrived.
    SignalReceived { step: String, kind: String },
    // elsewhere
    /// A playbook version was loaded.
    PlaybookLoaded { name: String, version: String },
    /// A policy version became active.
    PolicyActivated { version: String, files: Vec<String> },
    /// Sending was stopped.
    KillEngaged { scope: String, reason: String },
    /// Sending was restarted.
    KillReleased { scope: String },
    /// Customer data was read in.
    DataImported {
        source: String,
        read: u64,
        inserted: u64,
        updated: u64,
        unchanged: u64,
        rejected: u64,
    },
    /// A trigger matched and no run began, and why.
    TriggerSuppressed { playbook: String, account: AccountId, kind: String, why: String },
    /// A person was added.
    UserAdded { user: UserId, role: String },
    /// A person signed in.
    SignedIn { user: UserId },
    /// A sign-in link or token was made.
    AccessIssued { user: UserId, what: String },
    // history
    /// What was over was written to a file; its rows may go.
    HistoryArchived {
        file: String,
        kind: ArchiveKind,
        sha256: String,
        items: i64,
        events: i64,
        root: String,
    },
    /// A copy of everything was made.
    BackupTaken { bytes: u64, sha256: String },
    /// The database was put back from a copy; what was on its way then was held.
    DatabaseRestored { copied_at: Option<Timestamp>, held: u64 },
    // privacy
    /// A person was erased; the receipt's hash.
    PersonErased { erasure: ErasureId, contact: ContactId, account: AccountId, receipt: String },
    /// Everything of a person was handed out.
    PersonExported { contact: ContactId, sha256: String },
    /// The keys of what placeholders stood for in runs that are over were destroyed.
    PlaceholdersForgotten { runs: u64, before: Timestamp },
    /// Another master key wraps from now on; the keys wrapped by the earlier one.
    MasterKeyChanged { from: Vec<String>, to: String },
    /// Everything is wrapped by the current master key.
    MasterKeyRotated { key: String, rewrapped: u64 },
}

/// An event with its place in its stream, not yet chained.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Where it belongs.
    pub stream: Stream,
    /// When it happened.
    pub at: Timestamp,
    /// In whose name.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}

impl NewEvent {
    /// An event of a run.
    pub const fn of_run(run: RunId, at: Timestamp, actor: Actor, event: Event) -> Self {
        Self { stream: Stream::Run(run), at, actor, event }
    }
}

/// An event as stored and chained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its stream.
    pub stream: String,
    /// Its place there, from 1.
    pub seq: i64,
    /// When it happened, microseconds since 1970.
    pub at: i64,
    /// In whose name, as JSON.
    pub actor: String,
    /// What happened, as JSON, byte for byte as it was hashed.
    pub data: String,
    /// Hash of the event before it; 32 zero bytes for the first.
    pub prev: Vec<u8>,
    /// Hash of this event.
    pub hash: Vec<u8>,
}
