//! The composition: opens the adapters the configuration names and hands them out as ports.

use std::{
    fs::{File, TryLockError},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use connectors::hook::Hooks;
use domain::{
    account::Account,
    clock::Clock,
    id::UserId,
    port::{Access as _, Customers as _, Ledger},
    user::{Actor, Permission, Role, User},
};
use engine::{ApprovalDesk, Compiled, Ports, Steward, Triggers, Worker};
use jiff::{SignedDuration, civil::Date, tz::TimeZone};
use store::Store;
use url::Url;

use crate::{
    adapters, bad_input,
    clock::SystemTimer,
    config::Config,
    exit::CustomerExit,
    keyring::{Source, keyring},
    meter::Meter,
    output::Output,
    vault::KeyVault,
};

/// Everything a command needs.
#[derive(Clone)]
pub struct App {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Where answers go.
    pub out: Output,
    /// Persistence.
    pub store: Store,
    /// The audit trail.
    pub ledger: Arc<dyn Ledger>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Where people decide.
    pub desk: Arc<ApprovalDesk>,
    /// Signatures of incoming signals.
    pub hooks: Arc<Hooks>,
    /// What `/metrics` says of drafts and deliveries.
    pub meter: Meter,
    /// Who looks at letters before they go out.
    pub exit: Arc<CustomerExit>,
    vault: Arc<KeyVault>,
    ports: Ports,
}

/// How an application is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Bring the database to this program's schema first.
    Migrate,
    /// The same, though others are at work with what may be taken away.
    MigrateEvenIfBusy,
    /// Refuse a database that is not at this program's schema.
    Require,
}

impl App {
    /// Opens everything.
    pub async fn open(
        config: Config,
        out: Output,
        clock: Arc<dyn Clock>,
        schema: Schema,
    ) -> anyhow::Result<Self> {
        if config.is_embedded() {
            std::fs::create_dir_all(&config.data).with_context(|| {
                format!("data folder `{}` cannot be made", config.data.display())
            })?;
        }
        if schema != Schema::Require && !config.is_embedded() {
            migrate_server(&config, &clock, schema == Schema::MigrateEvenIfBusy).await?;
        }
        let store = Store::open(&config.database_url(), Arc::clone(&clock)).await?;
        if config.is_embedded() {
            // The embedded database belongs to this program alone, so it is simply kept up to date.
            let contracts = store.pending_contracts().await?;
            if !contracts.is_empty()
                && schema != Schema::MigrateEvenIfBusy
                && !is_free(&config.data)?
            {
                bad_input!(
                    "schema step {} takes away what the playgate that serves the data in `{}` \
                     needs; stop it first, or say `playgate migrate --even-if-busy`",
                    contracts.join(", "),
                    config.data.display()
                );
            }
            store.migrate_even_if_busy().await?;
        } else {
            let pending = store.pending().await?;
            if !pending.is_empty() {
                bad_input!(
                    "the database lacks {}; run `playgate migrate` first",
                    pending.join(", ")
                );
            }
        }
        let keys = keyring(&config, &store, clock.now()).await?;
        let vault = Arc::new(KeyVault::new(store.clone(), keys, Some(Source::of(&config))));
        let shared = Arc::new(store.clone());
        let meter = Meter::default();
        // The later half of an id is random.
        let (_, seed) = clock.uuid().as_u64_pair();
        let exit = Arc::new(CustomerExit::new(Arc::<Store>::clone(&shared), seed));
        let ports = Ports {
            journal: meter.turns.journal(Arc::<Store>::clone(&shared), Arc::clone(&clock)),
            inbox: Arc::<Store>::clone(&shared),
            outbox: Arc::<Store>::clone(&shared),
            rates: Arc::<Store>::clone(&shared),
            customers: Arc::<Store>::clone(&shared),
            catalogue: Arc::<Store>::clone(&shared),
            vault: Arc::<KeyVault>::clone(&vault),
            writer: meter.writer(adapters::writer(&config, Arc::clone(&clock))?),
            exit: Arc::<CustomerExit>::clone(&exit),
            channels: meter.channels(Arc::new(adapters::outlets(&config, Arc::clone(&clock))?)),
            clock: Arc::clone(&clock),
            timer: Arc::new(SystemTimer),
            compiled: Compiled::default(),
        };
        Ok(Self {
            out,
            ledger: shared,
            desk: Arc::new(ApprovalDesk::new(ports.clone())),
            hooks: Arc::new(Hooks { secrets: adapters::secrets(&config)? }),
            config: Arc::new(config),
            vault,
            meter,
            store,
            clock,
            exit,
            ports,
        })
    }

    /// The doors the engine uses.
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// What opens and seals personal content.
    pub fn vault(&self) -> &KeyVault {
        &self.vault
    }

    /// What starts runs.
    pub fn triggers(&self) -> Triggers {
        Triggers::new(self.ports.clone())
    }

    /// What steers runs from outside.
    pub fn steward(&self) -> Steward {
        Steward::new(Arc::new(self.store.clone()), self.ports.clone())
    }

    /// What does the background work.
    pub fn worker(&self) -> Worker {
        Worker::new(self.ports.clone(), Arc::clone(&self.ledger), self.engine_settings())
    }

    fn engine_settings(&self) -> engine::Settings {
        let worker = &self.config.worker;
        engine::Settings {
            concurrency: worker.concurrency.max(1),
            lease: SignedDuration::from_secs(i64::from(worker.lease_seconds.max(2))),
            delivery_lease: SignedDuration::from_secs(i64::from(
                worker.delivery_lease_seconds.max(2),
            )),
            delivery_attempts: i64::from(worker.delivery_attempts.max(1)),
            limits: self.config.bounds(),
            ..engine::Settings::default()
        }
    }

    /// With the embedded database, and nobody serving it, lets triggers fire and drafts be written
    /// now, so that a command line session shows something. Nothing is sent: mail leaves through
    /// the process that serves, and its configuration.
    pub async fn run_if_embedded(&self) -> anyhow::Result<()> {
        if self.config.is_embedded()
            && let Some(_lock) = self.take_over()?
        {
            self.worker().settle_runs().await;
        }
        Ok(())
    }

    /// Takes the embedded database over for as long as the answer is held, or says who has it.
    pub fn take_over_or_refuse(&self) -> anyhow::Result<Option<File>> {
        if !self.config.is_embedded() {
            return Ok(None);
        }
        match self.take_over()? {
            Some(lock) => Ok(Some(lock)),
            None => bad_input!(
                "another playgate serves the data in `{}`; stop it first, or choose another folder \
                 with --data",
                self.config.data.display()
            ),
        }
    }

    /// The right to do the background work on the embedded database, held until dropped; none
    /// while another process has it.
    pub fn take_over(&self) -> anyhow::Result<Option<File>> {
        lock(&self.config.data)
    }

    /// The right to archive what is in the embedded database, held until dropped; none while
    /// another process has it.
    pub fn archive_lock(&self) -> anyhow::Result<Option<File>> {
        lock_file(&self.config.data.join("archiving.lock"))
    }

    /// Today, in UTC.
    pub fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    /// The first administrator, made if there is none.
    pub async fn first_administrator(&self) -> anyhow::Result<User> {
        let users = self.store.users().await?;
        if let Some(user) = users.into_iter().find(|user| user.role == Role::Admin) {
            return Ok(user);
        }
        let user = User {
            id: UserId::new(&*self.clock),
            email: "admin@localhost".to_owned(),
            name: "Administrator".to_owned(),
            role: Role::Admin,
            since: None,
            disabled_at: None,
        };
        Ok(self.store.add_user(&user, &Actor::Engine, self.clock.now()).await?)
    }

    /// The person this command acts as.
    pub async fn user(&self) -> anyhow::Result<User> {
        match &self.config.user {
            Some(email) => self.user_by_email(email).await,
            None => self.first_administrator().await,
        }
    }

    /// The person, if their role allows this.
    pub async fn require(&self, permission: Permission) -> anyhow::Result<User> {
        let user = self.user().await?;
        if user.disabled_at.is_some() {
            bad_input!("`{}` is switched off", user.email);
        }
        if !user.role.may(permission) {
            let word = serde_json::to_value(permission)?;
            bad_input!(
                "`{}` is {} and may not {}; act as somebody else with --as",
                user.email,
                user.role,
                word.as_str().unwrap_or_default()
            );
        }
        Ok(user)
    }

    /// The person as an actor, if their role allows this.
    pub async fn actor(&self, permission: Permission) -> anyhow::Result<Actor> {
        Ok(Actor::User { id: self.require(permission).await?.id })
    }

    /// A person by address.
    pub async fn user_by_email(&self, email: &str) -> anyhow::Result<User> {
        match self.store.user_by_email(email).await? {
            Some(user) => Ok(user),
            None => {
                bad_input!("nobody has the address `{email}`; `playgate access list` shows all")
            }
        }
    }

    /// An account by id, source id or name.
    pub async fn account(&self, text: &str) -> anyhow::Result<Account> {
        let mut found = self.store.find_account(text).await?;
        if found.len() > 1 {
            bad_input!("`{text}` is the name of several accounts; use the id (acc_…)");
        }
        match found.pop() {
            Some(account) => Ok(account),
            None => bad_input!("there is no account `{text}`; `playgate account list` shows them"),
        }
    }

    /// People's names, for timelines.
    pub async fn names(&self) -> anyhow::Result<server::timeline::Names> {
        Ok(server::timeline::Names::of_users(&self.store.users().await?))
    }

    /// Where the data is, without secrets.
    pub fn location(&self) -> String {
        match Url::parse(&self.config.database_url()) {
            Ok(mut url) if url.scheme().starts_with("postgres") => {
                // A URL with a host always takes a password.
                let _always = url.set_password(None);
                url.to_string()
            }
            _ => self.config.database_url(),
        }
    }

    /// Who drafts, in words.
    pub fn writer_name(&self) -> String {
        match &self.config.model.url {
            Some(url) => format!("{} at {url}", self.config.model.name),
            None => "offline (no model; assets filled from data)".to_owned(),
        }
    }

    /// Where mail goes, in words.
    pub fn mail_name(&self) -> String {
        match &self.config.mail.smtp {
            Some(smtp) => format!("SMTP {}:{}", smtp.host, smtp.port),
            None => format!(
                "folder {} (simulated: no mail leaves)",
                self.config.mail_folder().display()
            ),
        }
    }
}

/// A time as people write it: `4h`, `2d`.
pub fn duration(text: &str) -> anyhow::Result<SignedDuration> {
    match text.parse::<notation::Period>() {
        Ok(period) => Ok(period.get()),
        Err(err) => bad_input!("`{text}` is no length of time: {err}"),
    }
}

/// Brings a database on a server to this program's schema, under a name of its own: whoever goes by
/// the usual one is at work, and is waited for by what takes something away.
async fn migrate_server(
    config: &Config,
    clock: &Arc<dyn Clock>,
    even_if_busy: bool,
) -> anyhow::Result<()> {
    // Who may not make databases may still use one that is there: opening it tells.
    if let Err(err) = store::create_database(&config.database_url()).await {
        tracing::debug!(error = %err, "database was not made");
    }
    let options = store::Options { name: "playgate migrate", ..store::Options::default() };
    let store = Store::open_with(&config.database_url(), Arc::clone(clock), &options).await?;
    let done =
        if even_if_busy { store.migrate_even_if_busy().await } else { store.migrate().await };
    store.close().await;
    done?;
    Ok(())
}

/// Locks a data folder; none while another process has it.
fn lock(folder: &Path) -> anyhow::Result<Option<File>> {
    lock_file(&folder.join("serving.lock"))
}

fn lock_file(path: &Path) -> anyhow::Result<Option<File>> {
    let file =
        File::create(path).with_context(|| format!("lock `{}` cannot be made", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(err)) => {
            Err(err).with_context(|| format!("lock `{}` cannot be taken", path.display()))
        }
    }
}

/// Whether no process serves the data in a folder.
pub fn is_free(folder: &Path) -> anyhow::Result<bool> {
    Ok(lock(folder)?.is_some())
}

/// Whether a folder holds nothing but what the demo makes.
pub fn is_demo_folder(folder: &Path) -> bool {
    folder.join(DEMO_MARK).is_file()
}

/// The file that marks a folder as the demo's own.
pub const DEMO_MARK: &str = "demo.json";
