//! The other doors of a process, each call through the gate: queue, outbox, customers, playbooks, texts.

use std::sync::Arc;

use async_trait::async_trait;
use cli::vault::KeyVault;
use domain::{
    account::Account,
    contact::Contact,
    content::{Pseudonyms, Sealed, SealedPseudonyms},
    draft::{Fact, Finding, Letter, Version},
    id::{AccountId, ApprovalId, ContactId, ContentId, MessageId, RunId, TaskId},
    killswitch::{Kill, Scope},
    limit::Limits,
    message::{Message, MessageStatus},
    page::{Page, PageRequest},
    port::{
        AccountFilter, Assignment, Backlog, Begun, Catalogue, Changed, Customers, Inbox,
        KnownVersion, Listing, Mark, Move, Outbox, Outcome, PlaybookVersion, PolicyVersion,
        QueueFilter, QueueItem, Rewind, Room, RunFilter, RunGroup, Schedule, Steering, StoreError,
        Tally, TaskFilter, Vault, VaultError, WriteError, Writer, Written,
    },
    run::{Intervention, Run},
    snapshot::Snapshot,
    task::Task,
    turn::{Settled, Settlement},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    doors::{Doors, pass},
    gate::{Fate, Gate, Kind},
};

#[async_trait]
impl Inbox for Doors {
    async fn approvals(
        &self,
        filter: &QueueFilter,
        page: &PageRequest,
    ) -> Result<Page<QueueItem>, StoreError> {
        pass!(self, "approvals", Read, "", [filter, page], doors => doors.store.approvals(&filter, &page))
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<QueueItem>, StoreError> {
        pass!(self, "approval", Read, id, [], doors => doors.store.approval(id))
    }

    async fn versions(&self, id: ApprovalId) -> Result<Vec<Version>, StoreError> {
        pass!(self, "versions", Read, id, [], doors => doors.store.versions(id))
    }

    async fn settle(&self, settlement: Settlement, now: Timestamp) -> Result<Settled, StoreError> {
        let about = format!("{} {}", settlement.approval.id, settlement.approval.state.status());
        pass!(self, "settle", Write, about, [], doors => doors.store.settle(settlement, now))
    }

    async fn tasks(
        &self,
        filter: &TaskFilter,
        page: &PageRequest,
    ) -> Result<Page<Task>, StoreError> {
        pass!(self, "tasks", Read, "", [filter, page], doors => doors.store.tasks(&filter, &page))
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        pass!(self, "task", Read, id, [], doors => doors.store.task(id))
    }

    async fn finish_task(
        &self,
        id: TaskId,
        outcome: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        pass!(self, "finish task", Write, id, [outcome, by], doors => doors.store.finish_task(id, &outcome, &by, now))
    }
}

#[async_trait]
impl Outbox for Doors {
    async fn claim_messages_within(
        &self,
        now: Timestamp,
        room: &Room,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Message>, StoreError> {
        pass!(self, "claim messages", Write, room.most(), [room, limits], doors => async {
            let before = doors.book().attempts();
            let claimed = doors.store.claim_messages_within(now, &room, ttl, &limits).await?;
            doors.book().taken(&before, &claimed);
            Ok(claimed)
        })
    }

    async fn renew_message(
        &self,
        message: &Message,
        ttl: SignedDuration,
    ) -> Result<bool, StoreError> {
        pass!(self, "renew message", Write, message.id, [message], doors => doors.store.renew_message(&message, ttl))
    }

    async fn begin(
        &self,
        message: &Message,
        letter: &Letter,
        ttl: SignedDuration,
        now: Timestamp,
        sends_per_hour: Option<u32>,
    ) -> Result<Begun, StoreError> {
        pass!(self, "begin", Write, message.id, [message, letter], doors => doors.store.begin(&message, &letter, ttl, now, sends_per_hour))
    }

    async fn record(
        &self,
        message: &Message,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let about = format!("{} {outcome:?}", message.id);
        pass!(self, "record", Write, about, [message, outcome], doors => doors.store.record(&message, &outcome, now))
    }

    async fn resolve(
        &self,
        id: MessageId,
        arrived: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let about = format!("{id} {}", if arrived { "arrived" } else { "send again" });
        pass!(self, "resolve", Write, about, [by], doors => async {
            let done = doors.store.resolve(id, arrived, &by, now).await?;
            if done {
                doors.book().resolved(id, arrived);
            }
            Ok(done)
        })
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        pass!(self, "message", Read, id, [], doors => doors.store.message(id))
    }

    async fn messages(
        &self,
        status: Option<MessageStatus>,
        page: &PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        pass!(self, "messages", Read, "", [page], doors => doors.store.messages(status, &page))
    }

    async fn kill(&self, kill: &Kill) -> Result<(), StoreError> {
        pass!(self, "kill", Write, &kill.scope, [kill], doors => doors.store.kill(&kill))
    }

    async fn unkill(&self, scope: &Scope, by: &Actor, now: Timestamp) -> Result<bool, StoreError> {
        pass!(self, "unkill", Write, scope, [scope, by], doors => doors.store.unkill(&scope, &by, now))
    }

    async fn kills(&self) -> Result<Vec<Kill>, StoreError> {
        pass!(self, "kills", Read, "", [], doors => doors.store.kills())
    }
}

#[async_trait]
impl Customers for Doors {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        pass!(self, "account", Read, id, [], doors => doors.store.account(id))
    }

    async fn find_account(&self, text: &str) -> Result<Vec<Account>, StoreError> {
        pass!(self, "find account", Read, "", [text], doors => doors.store.find_account(&text))
    }

    async fn accounts(
        &self,
        filter: &AccountFilter,
        page: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        pass!(self, "accounts", Read, "", [filter, page], doors => doors.store.accounts(&filter, &page))
    }

    async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        pass!(self, "contact", Read, id, [], doors => doors.store.contact(id))
    }

    async fn snapshots(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, StoreError> {
        pass!(self, "snapshots", Read, "", [accounts], doors => doors.store.snapshots(&accounts, now))
    }

    async fn population(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        pass!(self, "population", Read, "", [], doors => doors.store.population(after, limit))
    }

    async fn listings(&self, after: Option<Mark>, limit: u32) -> Result<Vec<Listing>, StoreError> {
        pass!(self, "listings", Read, "", [], doors => doors.store.listings(after, limit))
    }

    async fn set_health(
        &self,
        scores: &[(AccountId, f64)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        pass!(self, "set health", Write, "", [scores], doors => doors.store.set_health(&scores, now))
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
        pass!(self, "load playbooks", Write, versions.len(), [versions, by], doors => doors.store.load_playbooks(&versions, &by, now))
    }

    async fn active_playbooks(&self) -> Result<Vec<PlaybookVersion>, StoreError> {
        pass!(self, "playbooks", Read, "", [], doors => doors.store.active_playbooks())
    }

    async fn playbook_version(&self, version: &str) -> Result<Option<PlaybookVersion>, StoreError> {
        pass!(self, "playbook", Read, "", [version], doors => doors.store.playbook_version(&version))
    }

    async fn activate_policy(
        &self,
        version: &PolicyVersion,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        pass!(self, "activate policy", Write, "", [version, by], doors => doors.store.activate_policy(&version, &by, now))
    }

    async fn active_policy_version(&self) -> Result<Option<String>, StoreError> {
        pass!(self, "policy version", Read, "", [], doors => doors.store.active_policy_version())
    }

    async fn active_policy(&self) -> Result<Option<PolicyVersion>, StoreError> {
        pass!(self, "policy", Read, "", [], doors => doors.store.active_policy())
    }

    async fn schedule(&self, playbook: &str, next: Option<Timestamp>) -> Result<(), StoreError> {
        pass!(self, "schedule", Write, playbook, [playbook], doors => doors.store.schedule(&playbook, next))
    }

    async fn due_schedules(&self, now: Timestamp) -> Result<Vec<Schedule>, StoreError> {
        pass!(self, "due schedules", Read, "", [], doors => doors.store.due_schedules(now))
    }

    async fn advance_schedule(&self, tick: &Schedule, next: Timestamp) -> Result<bool, StoreError> {
        pass!(self, "advance schedule", Write, &tick.playbook, [tick], doors => doors.store.advance_schedule(&tick, next))
    }
}

#[async_trait]
impl Steering for Doors {
    async fn groups(&self, filter: &RunFilter) -> Result<Vec<RunGroup>, StoreError> {
        pass!(self, "groups", Read, "", [filter], doors => doors.store.groups(&filter))
    }

    async fn longest_started(
        &self,
        filter: &RunFilter,
        after: Option<(Timestamp, RunId)>,
        limit: u32,
    ) -> Result<Vec<Run>, StoreError> {
        pass!(self, "longest started", Read, "", [filter], doors => doors.store.longest_started(&filter, after, limit))
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
        pass!(self, "intervene in all", Write, about, [runs, filter, what, by], doors => doors.store.intervene_all(&runs, &filter, &what, &by, now))
    }

    async fn migrate_runs(
        &self,
        moves: Vec<Move>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError> {
        let about = moves.len();
        pass!(self, "migrate runs", Write, about, [by], doors => doors.store.migrate_runs(moves, &by, now))
    }

    async fn rewind(
        &self,
        rewind: Rewind,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let about = format!("{} to {}", rewind.run.id, rewind.progress.step);
        pass!(self, "rewind", Write, about, [by], doors => doors.store.rewind(rewind, &by, now))
    }

    async fn rewind_all(
        &self,
        rewinds: Vec<Rewind>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Changed>, StoreError> {
        let about = rewinds.len();
        pass!(self, "rewind all", Write, about, [by], doors => doors.store.rewind_all(rewinds, &by, now))
    }

    async fn sent_by(&self, runs: &[RunId]) -> Result<Vec<(RunId, String, MessageId)>, StoreError> {
        pass!(self, "sent by", Read, runs.len(), [runs], doors => doors.store.sent_by(&runs))
    }

    async fn playbooks_with(&self, beginning: &str) -> Result<Vec<String>, StoreError> {
        pass!(self, "playbooks with", Read, beginning, [beginning], doors => doors.store.playbooks_with(&beginning))
    }

    async fn messages_of(&self, run: RunId) -> Result<Vec<Message>, StoreError> {
        pass!(self, "messages of", Read, run, [], doors => doors.store.messages_of(run))
    }

    async fn versions_of(&self, playbook: &str) -> Result<Vec<KnownVersion>, StoreError> {
        pass!(self, "versions of", Read, playbook, [playbook], doors => doors.store.versions_of(&playbook))
    }

    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError> {
        pass!(self, "backlog", Read, "", [], doors => doors.store.backlog(now))
    }
}

/// The real vault, through the gate.
pub struct Safe {
    /// The gate.
    pub doors: Doors,
    /// The real thing.
    pub vault: Arc<KeyVault>,
}

#[async_trait]
impl Vault for Safe {
    async fn seal(
        &self,
        id: ContentId,
        subject: ContactId,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        let (vault, plain) = (Arc::clone(&self.vault), plain.to_owned());
        let call = async move { vault.seal(id, subject, &plain).await };
        self.doors.pass("seal", Kind::Write, id.to_string(), call).await
    }

    async fn open(&self, id: ContentId) -> Result<Vec<u8>, VaultError> {
        let vault = Arc::clone(&self.vault);
        let call = async move { vault.open(id).await };
        self.doors.pass("open", Kind::Read, id.to_string(), call).await
    }

    async fn pseudonyms(&self, run: RunId) -> Result<Pseudonyms, VaultError> {
        let vault = Arc::clone(&self.vault);
        let call = async move { vault.pseudonyms(run).await };
        self.doors.pass("pseudonyms", Kind::Read, run.to_string(), call).await
    }

    async fn seal_pseudonyms(
        &self,
        run: RunId,
        pseudonyms: &Pseudonyms,
    ) -> Result<SealedPseudonyms, VaultError> {
        // No call to anywhere: the turn stores them.
        self.vault.seal_pseudonyms(run, pseudonyms).await
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
