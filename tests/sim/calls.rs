//! The other doors of a process, each call through the gate: queue, outbox, customers, playbooks, texts.

use std::sync::Arc;

use async_trait::async_trait;
use cli::vault::KeyVault;
use domain::{
    account::Account,
    contact::Contact,
    content::Sealed,
    draft::{Fact, Finding, Letter, Version},
    id::{AccountId, ApprovalId, ContactId, ContentId, MessageId, RunId, TaskId},
    killswitch::{Kill, Scope},
    limit::Limits,
    message::{Message, MessageStatus},
    page::{Page, PageRequest},
    port::{
        AccountFilter, Assignment, Backlog, Begun, Catalogue, Changed, Customers, Inbox,
        KnownVersion, Move, Outbox, Outcome, PlaybookVersion, PolicyVersion, QueueFilter,
        QueueItem, Rewind, RunFilter, RunGroup, Schedule, Steering, StoreError, Tally, TaskFilter,
        Vault, VaultError, WriteError, Writer, Written,
    },
    run::{Intervention, Run},
    snapshot::Snapshot,
    task::Task,
    turn::{Settled, Settlement},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    doors::Doors,
    gate::{Fate, Gate, Kind},
};

#[async_trait]
impl Inbox for Doors {
    async fn approvals(
        &self,
        filter: &QueueFilter,
        page: &PageRequest,
    ) -> Result<Page<QueueItem>, StoreError> {
        self.pass("approvals", Kind::Read, "", self.store.approvals(filter, page)).await
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<QueueItem>, StoreError> {
        self.pass("approval", Kind::Read, id, self.store.approval(id)).await
    }

    async fn versions(&self, id: ApprovalId) -> Result<Vec<Version>, StoreError> {
        self.pass("versions", Kind::Read, id, self.store.versions(id)).await
    }

    async fn settle(&self, settlement: Settlement, now: Timestamp) -> Result<Settled, StoreError> {
        let about = format!("{} {}", settlement.approval.id, settlement.approval.state.status());
        self.pass("settle", Kind::Write, about, self.store.settle(settlement, now)).await
    }

    async fn tasks(
        &self,
        filter: &TaskFilter,
        page: &PageRequest,
    ) -> Result<Page<Task>, StoreError> {
        self.pass("tasks", Kind::Read, "", self.store.tasks(filter, page)).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.pass("task", Kind::Read, id, self.store.task(id)).await
    }

    async fn finish_task(
        &self,
        id: TaskId,
        outcome: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let call = self.store.finish_task(id, outcome, by, now);
        self.pass("finish task", Kind::Write, id, call).await
    }
}

#[async_trait]
impl Outbox for Doors {
    async fn claim_messages_within(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Message>, StoreError> {
        let call = async {
            let before = self.book().attempts();
            let claimed = self.store.claim_messages_within(now, limit, ttl, limits).await?;
            self.book().taken(&before, &claimed);
            Ok(claimed)
        };
        self.pass("claim messages", Kind::Write, limit, call).await
    }

    async fn begin(
        &self,
        message: &Message,
        ttl: SignedDuration,
        now: Timestamp,
        sends_per_hour: Option<u32>,
    ) -> Result<Begun, StoreError> {
        let call = self.store.begin(message, ttl, now, sends_per_hour);
        self.pass("begin", Kind::Write, message.id, call).await
    }

    async fn record(
        &self,
        message: &Message,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let about = format!("{} {outcome:?}", message.id);
        self.pass("record", Kind::Write, about, self.store.record(message, outcome, now)).await
    }

    async fn resolve(
        &self,
        id: MessageId,
        arrived: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let about = format!("{id} {}", if arrived { "arrived" } else { "send again" });
        let call = async {
            let done = self.store.resolve(id, arrived, by, now).await?;
            if done {
                self.book().resolved(id, arrived);
            }
            Ok(done)
        };
        self.pass("resolve", Kind::Write, about, call).await
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.pass("message", Kind::Read, id, self.store.message(id)).await
    }

    async fn messages(
        &self,
        status: Option<MessageStatus>,
        page: &PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        self.pass("messages", Kind::Read, "", self.store.messages(status, page)).await
    }

    async fn kill(&self, kill: &Kill) -> Result<(), StoreError> {
        self.pass("kill", Kind::Write, &kill.scope, self.store.kill(kill)).await
    }

    async fn unkill(&self, scope: &Scope, by: &Actor, now: Timestamp) -> Result<bool, StoreError> {
        self.pass("unkill", Kind::Write, scope, self.store.unkill(scope, by, now)).await
    }

    async fn kills(&self) -> Result<Vec<Kill>, StoreError> {
        self.pass("kills", Kind::Read, "", self.store.kills()).await
    }
}

#[async_trait]
impl Customers for Doors {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.pass("account", Kind::Read, id, self.store.account(id)).await
    }

    async fn find_account(&self, text: &str) -> Result<Vec<Account>, StoreError> {
        self.pass("find account", Kind::Read, "", self.store.find_account(text)).await
    }

    async fn accounts(
        &self,
        filter: &AccountFilter,
        page: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        self.pass("accounts", Kind::Read, "", self.store.accounts(filter, page)).await
    }

    async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        self.pass("contact", Kind::Read, id, self.store.contact(id)).await
    }

    async fn snapshots(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, StoreError> {
        self.pass("snapshots", Kind::Read, "", self.store.snapshots(accounts, now)).await
    }

    async fn population(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.pass("population", Kind::Read, "", self.store.population(after, limit)).await
    }

    async fn set_health(
        &self,
        scores: &[(AccountId, f64)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.pass("set health", Kind::Write, "", self.store.set_health(scores, now)).await
    }
}

#[async_trait]
impl Catalogue for Doors {
    async fn load_playbooks(
        &self,
        versions: &[PlaybookVersion],
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let call = self.store.load_playbooks(versions, by, now);
        self.pass("load playbooks", Kind::Write, versions.len(), call).await
    }

    async fn active_playbooks(&self) -> Result<Vec<PlaybookVersion>, StoreError> {
        self.pass("playbooks", Kind::Read, "", self.store.active_playbooks()).await
    }

    async fn playbook_version(&self, version: &str) -> Result<Option<PlaybookVersion>, StoreError> {
        self.pass("playbook", Kind::Read, "", self.store.playbook_version(version)).await
    }

    async fn activate_policy(
        &self,
        version: &PolicyVersion,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let call = self.store.activate_policy(version, by, now);
        self.pass("activate policy", Kind::Write, "", call).await
    }

    async fn active_policy_version(&self) -> Result<Option<String>, StoreError> {
        self.pass("policy version", Kind::Read, "", self.store.active_policy_version()).await
    }

    async fn active_policy(&self) -> Result<Option<PolicyVersion>, StoreError> {
        self.pass("policy", Kind::Read, "", self.store.active_policy()).await
    }

    async fn schedule(&self, playbook: &str, next: Option<Timestamp>) -> Result<(), StoreError> {
        self.pass("schedule", Kind::Write, playbook, self.store.schedule(playbook, next)).await
    }

    async fn due_schedules(&self, now: Timestamp) -> Result<Vec<Schedule>, StoreError> {
        self.pass("due schedules", Kind::Read, "", self.store.due_schedules(now)).await
    }

    async fn advance_schedule(&self, tick: &Schedule, next: Timestamp) -> Result<bool, StoreError> {
        let call = self.store.advance_schedule(tick, next);
        self.pass("advance schedule", Kind::Write, &tick.playbook, call).await
    }
}

#[async_trait]
impl Steering for Doors {
    async fn groups(&self, filter: &RunFilter) -> Result<Vec<RunGroup>, StoreError> {
        self.pass("groups", Kind::Read, "", self.store.groups(filter)).await
    }

    async fn longest_started(
        &self,
        filter: &RunFilter,
        after: Option<(Timestamp, RunId)>,
        limit: u32,
    ) -> Result<Vec<Run>, StoreError> {
        let call = self.store.longest_started(filter, after, limit);
        self.pass("longest started", Kind::Read, "", call).await
    }

    async fn intervene_all(
        &self,
        runs: &[RunId],
        filter: &RunFilter,
        what: &Intervention,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Tally, StoreError> {
        let about = format!("{} {} runs", what.done(), runs.len());
        let call = self.store.intervene_all(runs, filter, what, by, now);
        self.pass("intervene in all", Kind::Write, about, call).await
    }

    async fn migrate_runs(
        &self,
        moves: Vec<Move>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError> {
        let about = moves.len();
        let call = self.store.migrate_runs(moves, by, now);
        self.pass("migrate runs", Kind::Write, about, call).await
    }

    async fn rewind(
        &self,
        rewind: Rewind,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let about = format!("{} to {}", rewind.run.id, rewind.progress.step);
        self.pass("rewind", Kind::Write, about, self.store.rewind(rewind, by, now)).await
    }

    async fn messages_of(&self, run: RunId) -> Result<Vec<Message>, StoreError> {
        self.pass("messages of", Kind::Read, run, self.store.messages_of(run)).await
    }

    async fn versions_of(&self, playbook: &str) -> Result<Vec<KnownVersion>, StoreError> {
        self.pass("versions of", Kind::Read, playbook, self.store.versions_of(playbook)).await
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError> {
        self.pass("backlog", Kind::Read, "", self.store.backlog(now)).await
    }
}

/// The real vault, through the gate.
pub struct Safe {
    /// The gate.
    pub doors: Doors,
    /// The real thing.
    pub vault: KeyVault,
}

#[async_trait]
impl Vault for Safe {
    async fn seal(
        &self,
        id: ContentId,
        subject: ContactId,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        let call = self.vault.seal(id, subject, plain);
        self.doors.pass("seal", Kind::Write, id, call).await
    }

    async fn open(&self, id: ContentId) -> Result<Vec<u8>, VaultError> {
        self.doors.pass("open", Kind::Read, id, self.vault.open(id)).await
    }
}

/// The real writer, which needs no model, through the gate.
pub struct Scribe {
    /// The gate.
    pub gate: Arc<Gate>,
    /// The real thing.
    pub writer: Arc<dyn Writer>,
}

#[async_trait]
impl Writer for Scribe {
    fn prompt_hash(&self, prompt: &str) -> Option<String> {
        self.writer.prompt_hash(prompt)
    }

    fn inspect(&self, letter: &Letter, facts: &[Fact], snapshot: &Snapshot) -> Vec<Finding> {
        self.writer.inspect(letter, facts, snapshot)
    }

    async fn write(&self, assignment: &Assignment) -> Result<Written, WriteError> {
        let about = format!("{} for {}", assignment.prompt, assignment.snapshot.account.id);
        let away =
            || WriteError::Unavailable { why: "it was made so".to_owned(), retry_after: None };
        match self.gate.pass("write", Kind::Model, about).await {
            Fate::Go | Fate::Lost => self.writer.write(assignment).await,
            Fate::Fails(true) | Fate::FailsAfter => Err(away()),
            Fate::Fails(false) => Err(WriteError::Refused("it was made to".to_owned())),
            Fate::DiesAfter => self.gate.die().await,
        }
    }
}
