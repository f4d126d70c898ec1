//! The world the tests run the product in: a real database, a clock they can move, real mail.
#![expect(clippy::expect_used, reason = "test equipment: what fails here fails the test")]

#[path = "../chaos/lib.rs"]
pub mod chaos;
pub mod database;
pub mod model;
#[path = "../sim/lib.rs"]
pub mod sim;
pub mod smtp;
pub mod time;

use std::{path::PathBuf, sync::Arc};

use cli::{
    app::{App, Schema},
    config::Config,
    output::Output,
};
use domain::{
    approval::ApprovalStatus,
    event::StoredEvent,
    id::{ApprovalId, RunId},
    page::PageRequest,
    port::{Customers as _, Desk as _, Journal as _, QueueFilter, RunFilter},
    record::{AccountRow, ContactRow, Record, Row},
    run::Run,
    user::{Actor, Permission},
};
use jiff::{SignedDuration, Timestamp, civil::Date};

pub use crate::{database::Database, time::ManualClock};

/// The product with everything around it that is real, except the time.
pub struct World {
    /// The product.
    pub app: App,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
    _database: database::Lease,
}

/// When every world begins.
pub fn beginning() -> Timestamp {
    "2026-03-02T08:00:00Z".parse().expect("a constant")
}

impl World {
    /// A world on this database, with nothing in it but playbooks and policy.
    pub async fn new(database: Database) -> Self {
        Self::with(database, |_| {}).await
    }

    /// A world whose configuration is changed first.
    pub async fn with(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        // Set by the first of many tests.
        let _set = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lease = database.lease(folder.path()).await;
        let mut config = Config {
            data: folder.path().to_owned(),
            database: Some(lease.url.clone()),
            ..Config::default()
        };
        config.keys.master_file = Some(folder.path().join("master.key"));
        std::fs::write(folder.path().join("master.key"), "42".repeat(32)).expect("a key file");
        change(&mut config);
        let clock = Arc::new(ManualClock::at(beginning()));
        let app = open(config, Arc::clone(&clock)).await;
        cli::command::serve::prepare(&app).await.expect("playbooks and policy load");
        Self { app, clock, folder, _database: lease }
    }

    /// The process ends and another one opens the same data.
    pub async fn restart(&mut self) {
        let config = (*self.app.config).clone();
        self.app.store.close().await;
        self.app = open(config, Arc::clone(&self.clock)).await;
    }

    /// The folder of this world.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Everything that is due happens.
    pub async fn settle(&self) {
        self.app.worker().settle().await;
    }

    /// Time passes, then everything that is due happens.
    pub async fn days(&self, days: i64) {
        self.clock.pass(SignedDuration::from_hours(24 * days));
        self.settle().await;
    }

    /// The person who decides.
    pub async fn actor(&self) -> Actor {
        self.app.actor(Permission::Decide).await.expect("an administrator")
    }

    /// What waits for a decision.
    pub async fn waiting(&self) -> Vec<ApprovalId> {
        let filter = QueueFilter::waiting(self.app.clock.now());
        let page = self.app.desk.list(&filter, &PageRequest::default()).await.expect("the queue");
        page.items.iter().map(|item| item.approval.id).collect()
    }

    /// The state of an approval.
    pub async fn status(&self, id: ApprovalId) -> ApprovalStatus {
        self.app.desk.show(id).await.expect("the approval").item.approval.state.status()
    }

    /// All runs, oldest first.
    pub async fn runs(&self) -> Vec<Run> {
        let page = self
            .app
            .store
            .runs(&RunFilter::default(), &PageRequest { cursor: None, limit: 200 })
            .await
            .expect("the runs");
        let mut runs = page.items;
        runs.reverse();
        runs
    }

    /// The trail of a run.
    pub async fn trail(&self, run: RunId) -> Vec<StoredEvent> {
        cli::audit::stream(&*self.app.ledger, &run.to_string()).await.expect("the trail")
    }

    /// The trail of a run in words, with ids, hashes and times left out: byte for byte the same
    /// whenever the same things happen.
    pub async fn transcript(&self, run: RunId) -> String {
        let names = self.app.names().await.expect("people");
        let ids = regex::Regex::new(r"\b(acc|apv|cnt|con|msg|run|sig|tsk|usr)_[0-9a-f]{32}\b|\b[0-9a-f]{8,64}\b|\b\d{4}-\d\d-\d\dT[0-9:.]+Z|\b\d{4}-\d\d-\d\d \d\d:\d\d( UTC)?")
            .expect("a constant");
        self.trail(run)
            .await
            .iter()
            .map(|event| server::timeline::entry(event, &names))
            .map(|entry| format!("{:<14} {}", entry.who, ids.replace_all(&entry.says, "…")))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The `.eml` files that were delivered, as text.
    pub fn mail(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.app.config.mail_folder())
            .map(|entries| {
                entries
                    .filter_map(Result::ok)
                    .map(|entry| entry.path())
                    .filter(|path| path.extension().is_some_and(|ext| ext == "eml"))
                    .collect()
            })
            .unwrap_or_default();
        files.sort();
        files.iter().map(|file| std::fs::read_to_string(file).expect("mail")).collect()
    }

    /// Reads an account with one contact in, unannounced.
    pub async fn customer(
        &self,
        name: &str,
        shape: impl FnOnce(&mut AccountRow, &mut Vec<ContactRow>),
    ) {
        use domain::port::Intake as _;
        let (account, contacts) = customer_rows(name, shape);
        let mut records = vec![record(name, &Row::Account(account))];
        for (index, contact) in contacts.into_iter().enumerate() {
            records.push(record(&format!("{name}/{index}"), &Row::Contact(contact)));
        }
        let done = self
            .app
            .store
            .absorb("test", records, self.app.clock.now(), false)
            .await
            .expect("customer data");
        assert!(
            done.iter().all(|done| *done == domain::record::Absorbed::Inserted),
            "every row is new: {done:?}"
        );
    }

    /// An account by name.
    pub async fn account(&self, name: &str) -> domain::account::Account {
        let found = self.app.store.find_account(name).await.expect("accounts");
        found.into_iter().next().expect("the account")
    }
}

async fn open(config: Config, clock: Arc<ManualClock>) -> App {
    App::open(config, Output::new(false), clock, Schema::Migrate).await.expect("the product opens")
}

/// A record as a source would hand it in.
pub fn record(source_id: &str, row: &Row) -> Record {
    Record {
        source_id: source_id.to_owned(),
        row_hash: format!("{:x}", fingerprint(&serde_json::to_string(row).unwrap_or_default())),
        row: row.clone(),
    }
}

fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn customer_rows(
    name: &str,
    shape: impl FnOnce(&mut AccountRow, &mut Vec<ContactRow>),
) -> (AccountRow, Vec<ContactRow>) {
    let day = |text: &str| -> Option<Date> { text.parse().ok() };
    let mut account = AccountRow {
        name: name.to_owned(),
        domain: Some(format!("{}.example", name.to_lowercase().replace(' ', "-"))),
        industry: Some("logistics".to_owned()),
        employees: Some(40),
        segment: Some(domain::account::Segment::Smb),
        tier: Some(domain::account::Tier::TechTouch),
        lifecycle: Some(domain::account::Lifecycle::Adoption),
        status: Some(domain::account::AccountStatus::Active),
        csm_email: Some("mara@vendor.example".to_owned()),
        csm_name: Some("Mara Lindqvist".to_owned()),
        csm_since: day("2024-01-08"),
        region: Some("DE".to_owned()),
        time_zone: Some("Europe/Berlin".to_owned()),
        arr: Some(domain::account::Money::from_major(12_000.0, "EUR")),
        contract_start: day("2025-04-20"),
        renewal_date: day("2026-12-20"),
        health: None,
    };
    let mut contacts = vec![ContactRow {
        account: name.to_owned(),
        email: Some("aylin.oezdemir@customer.example".to_owned()),
        first: "Aylin".to_owned(),
        last: "Özdemir".to_owned(),
        title: Some("Head of Operations".to_owned()),
        role: domain::contact::ContactRole::Champion,
        phone: Some("+49 30 5550 1234".to_owned()),
        locale: Some("de-DE".to_owned()),
        time_zone: Some("Europe/Berlin".to_owned()),
        consent: domain::contact::Consent::Granted,
        opted_out_at: None,
    }];
    shape(&mut account, &mut contacts);
    (account, contacts)
}
