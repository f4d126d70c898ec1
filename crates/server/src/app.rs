//! What handlers are given: [`App`] to those that change something, [`Reads`] to those that don't.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    account::Account,
    event::StoredEvent,
    id::{AccountId, ApprovalId, MessageId, RunId, UserId},
    killswitch::Kill,
    message::{Message, MessageStatus},
    page::{Page, PageRequest},
    port::{
        AccountFilter, DeskError, Forecast, Measure, PlaybookVersion, PolicyVersion, QueueFilter,
        QueueItem, Reviewed, RunFilter, StoreError, TaskFilter,
    },
    run::Run,
    signal::Signal,
    snapshot::Snapshot,
    task::Task,
    user::User,
};
use jiff::Timestamp;

use crate::{
    guard::Caller, limit::SignInLimit, metrics::Metrics, problem::Problem, screen::Screens,
    services::Services, services::Settings, timeline::Names, waits::Awaited,
};

/// Everything the server has; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) services: Services,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) screens: Screens,
    pub(crate) limit: SignInLimit,
    pub(crate) openapi: String,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// The same, with the means of change taken away.
    pub(crate) fn reads(&self) -> Reads {
        Reads { app: self.clone() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.services.clock.now()
    }
}

/// The state of every GET handler. It has no method that changes anything, and the ports behind
/// it are out of reach, so a GET cannot change state: it does not compile.
#[derive(Clone)]
pub(crate) struct Reads {
    app: App,
}

impl Reads {
    pub(crate) fn now(&self) -> Timestamp {
        self.app.now()
    }

    pub(crate) fn screens(&self) -> &Screens {
        &self.app.screens
    }

    pub(crate) fn openapi(&self) -> &str {
        &self.app.openapi
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.app.metrics
    }

    pub(crate) async fn queue(
        &self,
        filter: &QueueFilter,
        page: &PageRequest,
    ) -> Result<Page<QueueItem>, DeskError> {
        self.app.services.desk.list(filter, page).await
    }

    pub(crate) async fn review(&self, id: ApprovalId) -> Result<Reviewed, DeskError> {
        self.app.services.desk.show(id).await
    }

    pub(crate) async fn tasks(
        &self,
        filter: &TaskFilter,
        page: &PageRequest,
    ) -> Result<Page<Task>, StoreError> {
        self.app.services.inbox.tasks(filter, page).await
    }

    pub(crate) async fn run(&self, id: RunId) -> Result<Run, Problem> {
        let run = self.app.services.journal.run(id).await?;
        run.ok_or_else(|| Problem::missing("run", id))
    }

    pub(crate) async fn runs(
        &self,
        filter: &RunFilter,
        page: &PageRequest,
    ) -> Result<Page<Run>, StoreError> {
        self.app.services.journal.runs(filter, page).await
    }

    /// What a run waits for, in words.
    pub(crate) async fn waits_for(&self, run: &Run) -> Result<String, StoreError> {
        let services = &self.app.services;
        let runs = std::slice::from_ref(run);
        let awaited = Awaited::by(runs, &*services.inbox, &*services.outbox).await?;
        let names = self.names(Vec::new()).await?;
        Ok(awaited.in_words(run, &names, self.now()))
    }

    /// What would be done to all runs that match.
    pub(crate) async fn forecast(
        &self,
        filter: &RunFilter,
        what: &Measure,
    ) -> Result<Forecast, Problem> {
        Ok(self.app.services.operator.forecast(filter, what).await?)
    }

    pub(crate) async fn signals_of(&self, account: AccountId) -> Result<Vec<Signal>, StoreError> {
        self.app.services.journal.signals_of(account, 20).await
    }

    pub(crate) async fn accounts(
        &self,
        filter: &AccountFilter,
        page: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        self.app.services.customers.accounts(filter, page).await
    }

    pub(crate) async fn snapshot(&self, id: AccountId) -> Result<Snapshot, Problem> {
        let found = self.app.services.customers.snapshots(&[id], self.now()).await?;
        found.into_iter().next().ok_or_else(|| Problem::missing("account", id))
    }

    /// What is known of these accounts, by id; unknown ones are left out.
    pub(crate) async fn snapshots(
        &self,
        mut ids: Vec<AccountId>,
    ) -> Result<BTreeMap<AccountId, Snapshot>, StoreError> {
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.app.services.customers.snapshots(&ids, self.now()).await?;
        Ok(found.into_iter().map(|snapshot| (snapshot.account.id, snapshot)).collect())
    }

    /// Accounts by id; unknown ones are left out.
    pub(crate) async fn accounts_of(
        &self,
        ids: Vec<AccountId>,
    ) -> Result<BTreeMap<AccountId, Account>, StoreError> {
        let mut found = BTreeMap::new();
        for id in ids {
            if !found.contains_key(&id)
                && let Some(account) = self.app.services.customers.account(id).await?
            {
                found.insert(id, account);
            }
        }
        Ok(found)
    }

    pub(crate) async fn message(&self, id: MessageId) -> Result<Message, Problem> {
        let message = self.app.services.outbox.message(id).await?;
        message.ok_or_else(|| Problem::missing("message", id))
    }

    pub(crate) async fn messages(
        &self,
        status: Option<MessageStatus>,
        page: &PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        self.app.services.outbox.messages(status, page).await
    }

    pub(crate) async fn kills(&self) -> Result<Vec<Kill>, StoreError> {
        self.app.services.outbox.kills().await
    }

    pub(crate) async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.app.services.access.users().await
    }

    /// The names of everybody who works with Playgate, and of these accounts.
    pub(crate) async fn names(&self, accounts: Vec<AccountId>) -> Result<Names, StoreError> {
        let mut names = Names::of_users(&self.users().await?);
        let accounts = self.accounts_of(accounts).await?;
        names.accounts = accounts.into_iter().map(|(id, account)| (id, account.name)).collect();
        Ok(names)
    }

    pub(crate) async fn playbooks(&self) -> Result<Vec<PlaybookVersion>, StoreError> {
        self.app.services.catalogue.active_playbooks().await
    }

    pub(crate) async fn policy(&self) -> Result<Option<PolicyVersion>, StoreError> {
        self.app.services.catalogue.active_policy().await
    }

    pub(crate) async fn events(
        &self,
        stream: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.app.services.ledger.events(stream, after, limit).await
    }

    /// Whether what is decided now would be kept.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        self.app.services.ledger.ready().await
    }

    pub(crate) async fn recent_events(&self, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        self.app.services.ledger.recent(limit).await
    }
}

impl Reads {
    /// The person meant by `me`, an id or an address.
    pub(crate) async fn person(&self, text: &str, caller: &Caller) -> Result<UserId, Problem> {
        if text == "me" {
            return Ok(caller.user().id);
        }
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let found = self.app.services.access.user_by_email(text).await?;
        found.map(|user| user.id).ok_or_else(|| {
            Problem::invalid(
                "assignee",
                "is neither `me`, an id `usr_…` nor a known e-mail address",
            )
        })
    }
}
