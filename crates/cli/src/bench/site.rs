//! The place a benchmark works in: a fresh folder or database with accounts and a playbook, removed
//! afterwards. What was there before is never touched.

use std::{fs, os::unix::fs::DirBuilderExt as _, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use domain::{
    account::{AccountStatus, Lifecycle, Segment, Tier},
    clock::Clock,
    contact::{Consent, ContactRole},
    port::{Access as _, Intake as _},
    record::{AccountRow, ContactRow, Record, Row},
};
use jiff::SignedDuration;
use server::secret;
use url::Url;

use crate::{
    app::{App, Schema},
    arguments::{BenchPlace, GateKind},
    bad_input,
    bench::{
        gate,
        server::{SIGNAL_SECRET, Server},
    },
    command::serve,
    config::Config,
    output::Output,
    vault::random,
};

/// What the accounts' ids in their source begin with.
const SOURCE: &str = "bench";
/// Accounts read in at once.
const BATCH: u64 = 1000;

/// A place of its own for one benchmark.
pub struct Site {
    /// Where answers go.
    pub out: Output,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The folder everything lies in.
    pub folder: PathBuf,
    /// The PostgreSQL database made for it; none on SQLite.
    pub database: Option<String>,
    /// Secret of the signals' signature.
    pub signal_secret: String,
    keep: bool,
}

/// An account's id in its source.
pub fn account(number: u64) -> String {
    format!("{SOURCE}-{number}")
}

impl Site {
    /// Makes the folder, and on PostgreSQL the database.
    pub async fn make(
        place: &BenchPlace,
        database: Option<&str>,
        out: Output,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let name = format!("bench_{}", hex::encode(random::<6>()?));
        let database = database.map(|url| named(url, &name)).transpose()?;
        let parent = place.folder.clone().unwrap_or_else(std::env::temp_dir);
        if !parent.is_dir() {
            bad_input!("there is no folder `{}` to work in", parent.display());
        }
        let folder = parent
            .canonicalize()
            .with_context(|| format!("folder `{}` cannot be used", parent.display()))?
            .join(format!("playgate-{name}"));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("folder `{}` cannot be made", folder.display()))?;
        let signal_secret = format!("{}{}", hex::encode(random::<16>()?), "-bench");
        let mut site = Self { out, clock, folder, database: None, signal_secret, keep: place.keep };
        let made = site.furnish(database).await;
        match made {
            Ok(()) => Ok(site),
            Err(err) => {
                site.clear().await?;
                Err(err)
            }
        }
    }

    async fn furnish(&mut self, database: Option<String>) -> anyhow::Result<()> {
        for part in ["data", "custom/playbooks"] {
            fs::create_dir_all(self.folder.join(part))?;
        }
        fs::write(self.folder.join("master.key"), hex::encode(random::<32>()?))?;
        if let Some(url) = database {
            // A database that was there would have to have the same 48 random bits in its name.
            anyhow::ensure!(
                store::create_database(&url).await?,
                "the database exists already; try again"
            );
            self.database = Some(url);
        }
        let text = |path: &str| self.folder.join(path).display().to_string();
        // JSON is YAML, and quotes whatever the paths hold.
        let config = serde_json::json!({
            "data": text("data"),
            "database": self.database,
            "custom": text("custom"),
            // The offline writer asks nobody's permission; the default protects a paid endpoint.
            "model": { "requests_per_minute": 0 },
            // A benchmark means to send as much as it can.
            "limits": { "sends_per_hour": 0 },
            "keys": { "master_env": "PLAYGATE_BENCH_MASTER_KEY", "master_file": text("master.key") },
            "signals": { "secret_env": SIGNAL_SECRET },
            "log": { "filter": "warn" },
        });
        fs::write(self.config_file(), serde_json::to_string_pretty(&config)?)?;
        Ok(())
    }

    fn config_file(&self) -> PathBuf {
        self.folder.join("config.yaml")
    }

    /// Which database it is.
    pub const fn engine(&self) -> &'static str {
        if self.database.is_some() { "postgres" } else { "sqlite" }
    }

    /// Opens the product on this place, in this process.
    pub async fn open(&self) -> anyhow::Result<App> {
        let config = Config::read(&self.config_file())?;
        App::open(config, Output::new(true), Arc::clone(&self.clock), Schema::Migrate).await
    }

    /// Loads the playbook, the policy and the accounts, and answers with an API token of the
    /// administrator.
    pub async fn prepare(&self, gate: GateKind, accounts: u64) -> anyhow::Result<String> {
        for (name, text) in gate::playbook(gate) {
            let path = self.folder.join("custom/playbooks").join(name);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(path, text)?;
        }
        let app = self.open().await?;
        serve::prepare(&app).await?;
        let user = app.first_administrator().await?;
        let token = secret::fresh(secret::Kind::Token)?;
        let now = self.clock.now();
        let ends = now.checked_add(SignedDuration::from_hours(24))?;
        app.store.issue("token", &secret::hash(&token), user.id, None, ends, now).await?;
        let bar = self.out.progress("accounts", accounts);
        let mut first = 0;
        while first < accounts {
            let next = (first + BATCH).min(accounts);
            let records = (first..next).flat_map(records).collect();
            app.store.absorb(SOURCE, records, self.clock.now(), false).await?;
            first = next;
            bar.set_position(first);
        }
        bar.finish_and_clear();
        app.store.close().await;
        Ok(token)
    }

    /// Starts the server.
    pub async fn serve(&self) -> anyhow::Result<Server> {
        let log = self.folder.join("serve.log");
        Server::start(&self.config_file(), &log, &self.signal_secret).await
    }

    /// Bytes of the SQLite files, the write-ahead log included; none on PostgreSQL.
    pub fn file_bytes(&self) -> Option<u64> {
        if self.database.is_some() {
            return None;
        }
        let size = |name: &str| {
            fs::metadata(self.folder.join("data").join(name)).map_or(0, |about| about.len())
        };
        Some(size("playgate.sqlite") + size("playgate.sqlite-wal"))
    }

    /// Removes what was made, or says where it is.
    pub async fn clear(self) -> anyhow::Result<()> {
        if self.keep {
            let database = self.database.as_deref().map_or_else(String::new, |url| {
                format!(" and database `{}`", Url::parse(url).map_or("", |_| database_of(url)))
            });
            self.out.say(&format!("Kept folder `{}`{database}.", self.folder.display()));
            return Ok(());
        }
        let dropped = match &self.database {
            Some(url) => store::drop_database(url).await.context("the database is not removed"),
            None => Ok(()),
        };
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("folder `{}` is not removed", self.folder.display()))?;
        dropped
    }
}

/// The name of the database an address ends with.
pub fn database_of(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

/// The address of a database of this name on the server an address names.
fn named(url: &str, name: &str) -> anyhow::Result<String> {
    let Ok(mut server) = Url::parse(url) else { bad_input!("{}", ONLY_SERVERS) };
    if !server.scheme().starts_with("postgres") {
        bad_input!("{}", ONLY_SERVERS);
    }
    server.set_path(name);
    Ok(server.into())
}

const ONLY_SERVERS: &str = "a benchmark makes a database of its own: leave `--db` (and PLAYGATE_DB) away for SQLite, or \
     name a PostgreSQL server, as in `--db postgres://user@host`";

fn records(number: u64) -> [Record; 2] {
    let id = account(number);
    let company = AccountRow {
        name: format!("Bench {number}"),
        domain: Some(format!("bench{number}.example")),
        industry: Some("retail".to_owned()),
        employees: Some(40),
        segment: Some(Segment::Smb),
        tier: Some(Tier::TechTouch),
        lifecycle: Some(Lifecycle::Adoption),
        status: Some(AccountStatus::Active),
        csm_email: Some("csm@bench.example".to_owned()),
        csm_name: Some("Sam Lee".to_owned()),
        csm_since: None,
        region: Some("DE".to_owned()),
        time_zone: Some("Europe/Berlin".to_owned()),
        arr: None,
        contract_start: None,
        renewal_date: None,
        health: None,
    };
    let contact = ContactRow {
        account: id.clone(),
        email: Some(format!("ada@bench{number}.example")),
        first: "Ada".to_owned(),
        last: "Byron".to_owned(),
        title: None,
        role: ContactRole::Champion,
        phone: None,
        locale: None,
        time_zone: None,
        consent: Consent::Granted,
        opted_out_at: None,
    };
    let row_hash = |what: &str| format!("{what}:{id}");
    [
        Record { source_id: id.clone(), row_hash: row_hash("a"), row: Row::Account(company) },
        Record {
            source_id: format!("{id}-ada"),
            row_hash: row_hash("c"),
            row: Row::Contact(contact),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_address_is_taken_and_its_database_left_alone() {
        let url = named("postgres://me:pw@db:5433/precious?sslmode=require", "bench_1").unwrap();
        assert_eq!(url, "postgres://me:pw@db:5433/bench_1?sslmode=require");
        assert_eq!(database_of(&url), "bench_1");
        assert_eq!(named("postgres://me@db", "bench_1").unwrap(), "postgres://me@db/bench_1");
        for other in ["sqlite:///precious.sqlite", "precious.sqlite", ""] {
            assert!(named(other, "bench_1").is_err(), "{other}");
        }
    }
}
