//! The schema's versions: which there are, which a database has, and bringing it up to date.

use std::time::Duration;

use domain::port::StoreError;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};

use crate::{
    connection::Tx,
    fault::{is_locked_out, of_sqlx},
    lock,
    open::Store,
    sql::{Sql, Value, args, sql},
};

/// How long PostgreSQL may take for one step of the schema.
const STEP: Duration = Duration::from_hours(1);

/// The limits under which everybody else works would end a step that has much to do.
const PATIENTLY: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
    SET LOCAL idle_in_transaction_session_timeout = 0";

/// A step that waits for a table has everybody wait behind it who comes after. So it does not wait
/// long, and tries again instead.
const BRIEFLY: &str = "SET LOCAL lock_timeout = '2s'";

/// How often it is tried to get hold of the tables, and the time between.
const TRIES: u32 = 60;
const AGAIN: Duration = Duration::from_secs(3);

/// One step of the schema, in both dialects.
struct Migration {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// What a step does to those who still work with the schema of the day before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It only adds: they go on working beside it.
    Expand,
    /// It takes something away that they may need.
    Contract,
}

impl Migration {
    /// What the first line of a step's text says; the very first step has no such line.
    fn manner(name: &str, text: &str) -> Option<Manner> {
        if name == "0001_schema" {
            return Some(Manner::Expand);
        }
        let line = text.lines().next()?.strip_prefix("-- ")?;
        match line.split(|c: char| !c.is_ascii_lowercase()).next()? {
            "expand" => Some(Manner::Expand),
            "contract" => Some(Manner::Contract),
            _ => None,
        }
    }

    /// Whether it must wait until nobody else is at work. One that does not say is not trusted.
    fn contracts(&self) -> bool {
        Self::manner(self.name, self.sqlite) != Some(Manner::Expand)
            || Self::manner(self.name, self.postgres) != Some(Manner::Expand)
    }
}

macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
        }
    };
}

/// All steps, in order. Never change one that was released; add another.
const MIGRATIONS: &[Migration] = &[
    migration!("0001_schema"),
    migration!("0003_archive"),
    migration!("0004_steering"),
    migration!("0005_limits"),
    migration!("0008_lanes"),
    migration!("0009_event_times"),
    migration!("0010_queue"),
    migration!("0012_directory"),
    migration!("0013_vault"),
];

/// Why the schema is not as this program needs it.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database was used by a newer program.
    #[error(
        "database has schema step `{name}`, which playgate {} does not know; use {}",
        env!("CARGO_PKG_VERSION"),
        program.as_ref().map_or_else(
            || "a newer version".to_owned(),
            |program| format!("playgate {program} or a newer version"),
        )
    )]
    Newer {
        /// The step.
        name: String,
        /// The program's version that applied it, where it said so.
        program: Option<String>,
    },
    /// A step takes away what other processes at work may need.
    #[error(
        "schema step `{name}` takes away what older programs need, and {sessions} sessions of \
         playgate use this database; stop `serve` and `worker` first, or say --even-if-busy"
    )]
    Busy {
        /// The step.
        name: &'static str,
        /// Connections of other processes.
        sessions: i64,
    },
    /// A step that was applied is not the one this program has.
    #[error("schema step `{name}` was changed after it was applied; restore the original")]
    Changed {
        /// The step.
        name: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of looking.
enum Found {
    Pending(Vec<&'static str>),
    Newer(String, Option<String>),
    Changed(String),
    Busy(&'static str, i64),
}

impl Found {
    fn pending(self) -> Result<Vec<&'static str>, MigrateError> {
        match self {
            Self::Pending(names) => Ok(names),
            Self::Newer(name, program) => Err(MigrateError::Newer { name, program }),
            Self::Changed(name) => Err(MigrateError::Changed { name }),
            Self::Busy(name, sessions) => Err(MigrateError::Busy { name, sessions }),
        }
    }
}

impl Store {
    /// Applies the steps this database does not have yet, all or none; their names. A step that
    /// takes something away is refused while other processes use a PostgreSQL database.
    pub async fn migrate(&self) -> Result<Vec<&'static str>, MigrateError> {
        self.apply(MIGRATIONS, false).await
    }

    /// As [`Store::migrate`], whoever is at work.
    pub async fn migrate_even_if_busy(&self) -> Result<Vec<&'static str>, MigrateError> {
        self.apply(MIGRATIONS, true).await
    }

    /// Those of the pending steps that take something away.
    pub async fn pending_contracts(&self) -> Result<Vec<&'static str>, MigrateError> {
        let pending = self.pending().await?;
        if pending.len() == MIGRATIONS.len() {
            // An empty database has nobody who could miss anything.
            return Ok(Vec::new());
        }
        let contracts =
            |name: &&str| MIGRATIONS.iter().any(|step| step.name == *name && step.contracts());
        Ok(pending.into_iter().filter(contracts).collect())
    }

    async fn apply(
        &self,
        steps: &'static [Migration],
        even_if_busy: bool,
    ) -> Result<Vec<&'static str>, MigrateError> {
        let mut tries = 1;
        loop {
            match self.apply_at_once(steps, even_if_busy).await {
                Err(MigrateError::Store(error)) if is_locked_out(&error) && tries < TRIES => {
                    tracing::info!(tries, "the schema waits for tables that are in use");
                    tries += 1;
                    tokio::time::sleep(AGAIN).await;
                }
                done => return done,
            }
        }
    }

    async fn apply_at_once(
        &self,
        steps: &'static [Migration],
        even_if_busy: bool,
    ) -> Result<Vec<&'static str>, MigrateError> {
        let now = self.clock.now();
        self.write(move |tx| {
            Box::pin(async move {
                tx.script(STEP, "", PATIENTLY).await.map_err(of_sqlx)?;
                // Several processes may start at once, and wait for the one that is at it.
                tx.script(STEP, "", lock::SCHEMA).await.map_err(of_sqlx)?;
                tx.raw("", BRIEFLY).await.map_err(of_sqlx)?;
                tx.execute(
                    sql!("CREATE TABLE IF NOT EXISTS migrations ("
                        "name TEXT PRIMARY KEY, checksum TEXT NOT NULL, "
                        "applied_at BIGINT NOT NULL)"),
                    args![],
                )
                .await?;
                let found = inspect(tx, steps).await?;
                let Found::Pending(names) = &found else { return Ok(found) };
                let pending: Vec<&Migration> =
                    steps.iter().filter(|step| names.contains(&step.name)).collect();
                // An empty database has nobody who could miss anything.
                let fresh = pending.len() == steps.len();
                if let Some(step) = pending.iter().find(|step| step.contracts())
                    && !(fresh || even_if_busy)
                {
                    let sessions = sessions_of_others(tx).await?;
                    if sessions > 0 {
                        return Ok(Found::Busy(step.name, sessions));
                    }
                }
                for step in &pending {
                    tx.script(STEP, step.sqlite, step.postgres).await.map_err(of_sqlx)?;
                    tx.execute(
                        sql!("INSERT INTO migrations (name, checksum, applied_at) "
                            "VALUES ($1, $2, $3)"),
                        args![step.name, checksum(tx, step), now],
                    )
                    .await?;
                }
                if !pending.is_empty() && is_known(tx, steps, PROGRAM_SINCE).await? {
                    tx.execute(
                        sql!("UPDATE migrations SET program = $2 WHERE name" {among "$1"}),
                        vec![Value::json(names), Value::from(env!("CARGO_PKG_VERSION"))],
                    )
                    .await?;
                }
                Ok(found)
            })
        })
        .await?
        .pending()
    }

    /// The steps this database does not have yet.
    pub async fn pending(&self) -> Result<Vec<&'static str>, MigrateError> {
        self.look().await?.pending()
    }

    /// Refuses a schema this program does not know.
    pub(crate) async fn refuse_newer_schema(&self) -> Result<(), MigrateError> {
        self.pending().await.map(drop)
    }

    async fn look(&self) -> Result<Found, StoreError> {
        self.view(|tx| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let known = tx
                    .count(
                        Sql::pair(
                            "SELECT COUNT(*) AS n FROM sqlite_schema \
                             WHERE type = 'table' AND name = 'migrations'",
                            "SELECT COUNT(*) AS n FROM pg_tables \
                             WHERE schemaname = current_schema() AND tablename = 'migrations'",
                        ),
                        args![],
                    )
                    .await?;
                if known == 0 {
                    return Ok(Found::Pending(MIGRATIONS.iter().map(|step| step.name).collect()));
                }
                inspect(tx, MIGRATIONS).await
            })
        })
        .await
    }
}

/// The step that made room for the version of the program that applied a step.
const PROGRAM_SINCE: &str = "0004_steering";

/// Whether a step is applied and one of ours.
async fn is_known(tx: &mut Tx, steps: &[Migration], name: &str) -> Result<bool, StoreError> {
    let known = sql!("SELECT COUNT(*) AS n FROM migrations WHERE name = $1");
    Ok(steps.iter().any(|step| step.name == name) && tx.count(known, args![name]).await? > 0)
}

/// Connections of other processes that are at work. Whoever migrates goes by another name.
async fn sessions_of_others(tx: &mut Tx) -> Result<i64, StoreError> {
    tx.count(
        Sql::pair(
            // Who serves a SQLite file holds the lock beside it; the program looks at that.
            "SELECT 0 AS n",
            "SELECT COUNT(*) AS n FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'playgate'",
        ),
        args![],
    )
    .await
}

async fn inspect(tx: &mut Tx, steps: &'static [Migration]) -> Result<Found, StoreError> {
    let rows =
        tx.fetch(sql!("SELECT name, checksum FROM migrations ORDER BY name"), args![]).await?;
    let mut pending: Vec<&'static str> = steps.iter().map(|step| step.name).collect();
    let mut newer = None;
    let mut has_programs = false;
    for row in rows {
        let name = row.text("name")?;
        has_programs |= name == PROGRAM_SINCE;
        let Some(step) = steps.iter().find(|step| step.name == name) else {
            // The last one is of the newest program.
            newer = Some(name);
            continue;
        };
        if row.text("checksum")? != checksum(tx, step) {
            return Ok(Found::Changed(name));
        }
        pending.retain(|pending| *pending != name);
    }
    let Some(name) = newer else { return Ok(Found::Pending(pending)) };
    let mut program = None;
    if has_programs {
        program = tx
            .one(sql!("SELECT program FROM migrations WHERE name = $1"), args![name.as_str()])
            .await?
            .map(|row| row.get("program"))
            .transpose()?
            .flatten();
    }
    Ok(Found::Newer(name, program))
}

/// SHA-256 of the step's text, in hex.
fn checksum(tx: &Tx, step: &Migration) -> String {
    hex::encode(Sha256::digest(if tx.is_postgres() { step.postgres } else { step.sqlite }))
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use domain::clock::Clock;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn uuid(&self) -> Uuid {
            Uuid::nil()
        }
    }

    #[test]
    fn every_step_says_in_its_first_line_whether_it_expands_or_contracts() {
        for folder in ["sqlite", "postgres"] {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(folder);
            for file in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
                let name = file.file_stem().unwrap().to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&file).unwrap();
                assert!(
                    Migration::manner(&name, &text).is_some(),
                    "the first line of `{}` must begin with `-- expand` (it only adds) or \
                     `-- contract` (it takes something away)",
                    file.display()
                );
            }
        }
        for step in MIGRATIONS {
            let of = |text| Migration::manner(step.name, text);
            assert_eq!(of(step.sqlite), of(step.postgres), "{}", step.name);
        }
    }

    #[test]
    fn a_step_that_does_not_say_what_it_does_counts_as_one_that_takes_away() {
        let step = |text| Migration { name: "0009_x", sqlite: text, postgres: text };
        assert!(!step("-- expand: more\nSELECT 1").contracts());
        assert!(step("-- contract: less\nSELECT 1").contracts());
        assert!(step("-- expanded\nSELECT 1").contracts());
        assert!(step("SELECT 1").contracts());
        let apart = Migration { name: "0009_x", sqlite: "-- expand", postgres: "-- contract" };
        assert!(apart.contracts());
    }

    const TODAY: &[Migration] = &[migration!("0001_schema"), migration!("0004_steering")];
    const TOMORROW: &[Migration] = &[
        migration!("0001_schema"),
        migration!("0004_steering"),
        Migration {
            name: "0099_less",
            sqlite: "-- contract\nDROP INDEX playbooks_by_name",
            postgres: "-- contract\nDROP INDEX playbooks_by_name",
        },
    ];

    async fn open(url: &str, name: &'static str) -> Store {
        let options = crate::Options { name, ..crate::Options::default() };
        Store::open_with(url, Arc::new(Still), &options).await.unwrap()
    }

    #[tokio::test]
    async fn a_contracting_step_waits_for_other_sessions_of_postgres() {
        #[expect(clippy::disallowed_methods, reason = "tests are told of a cluster this way")]
        let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
            assert!(std::env::var("TEST_POSTGRES_REQUIRED").is_err(), "PostgreSQL is needed");
            return;
        };
        let (server, _) = url.rsplit_once('/').unwrap();
        let mine = format!("{server}/contract_{}", std::process::id());
        crate::create_database(&mine).await.unwrap();
        let migrating = open(&mine, "playgate migrate").await;
        migrating.apply(TODAY, false).await.unwrap();
        let working = open(&mine, "playgate").await;
        working.ping().await.unwrap();
        let refused = migrating.apply(TOMORROW, false).await.unwrap_err();
        assert!(matches!(refused, MigrateError::Busy { name: "0099_less", .. }), "{refused}");
        assert!(refused.to_string().contains("--even-if-busy"), "{refused}");
        working.close().await;
        // A session that was closed is seen for a moment yet.
        let mut tries = 0;
        while migrating.apply(TOMORROW, false).await.is_err() {
            tries += 1;
            assert!(tries < 200, "it is refused though nobody is there");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        migrating.close().await;
    }

    const LONG_STEP: &[Migration] = &[
        migration!("0001_schema"),
        Migration {
            name: "0098_long",
            sqlite: "-- expand",
            postgres: "-- expand\nSELECT pg_sleep(1)",
        },
    ];
    const ALTERS: &[Migration] = &[
        migration!("0001_schema"),
        Migration {
            name: "0098_alters",
            sqlite: "-- expand",
            postgres: "-- expand\nALTER TABLE runs ADD COLUMN more TEXT",
        },
    ];

    /// A database of its own with the first step, where there is a server.
    async fn on_postgres(name: &str, steps: &'static [Migration]) -> Option<(Store, String)> {
        #[expect(clippy::disallowed_methods, reason = "tests are told of a cluster this way")]
        let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
            assert!(std::env::var("TEST_POSTGRES_REQUIRED").is_err(), "PostgreSQL is needed");
            return None;
        };
        let (server, _) = url.rsplit_once('/').unwrap();
        let mine = format!("{server}/{name}_{}", std::process::id());
        crate::create_database(&mine).await.unwrap();
        let options =
            crate::Options { statement: Duration::from_millis(300), ..crate::Options::default() };
        let store = Store::open_with(&mine, Arc::new(Still), &options).await.unwrap();
        let first = &steps[..1];
        store.apply(first, false).await.unwrap();
        Some((store, mine))
    }

    #[tokio::test]
    async fn a_step_may_take_longer_than_a_statement() {
        let Some((store, url)) = on_postgres("long_step", LONG_STEP).await else { return };
        let slow = sql!("SELECT 1::BIGINT AS n FROM pg_sleep(1)");
        let ended = store
            .write(move |tx| Box::pin(async move { tx.count(slow, args![]).await }))
            .await
            .unwrap_err();
        assert!(ended.is_transient(), "the limit is in force for everybody else: {ended:?}");
        assert_eq!(store.apply(LONG_STEP, false).await.unwrap(), ["0098_long"]);
        store.close().await;
        crate::drop_database(&url).await.unwrap();
    }

    #[tokio::test]
    async fn a_step_that_waits_for_a_table_does_not_have_others_wait_behind_it() {
        let Some((store, url)) = on_postgres("patient_step", ALTERS).await else { return };
        let reading = open(&url, "playgate").await;
        let (begun, done) = (Arc::new(tokio::sync::Notify::new()), tokio::sync::oneshot::channel());
        let (release, released) = done;
        let tell = Arc::clone(&begun);
        let reader = tokio::spawn(async move {
            reading
                .view(move |tx| {
                    Box::pin(async move {
                        tx.count(sql!("SELECT COUNT(*) AS n FROM runs"), args![]).await?;
                        tell.notify_one();
                        released.await.unwrap();
                        Ok(())
                    })
                })
                .await
                .unwrap();
            reading.close().await;
        });
        begun.notified().await;
        let migrating = store.clone();
        let migrating = tokio::spawn(async move { migrating.apply(ALTERS, false).await });
        let other = open(&url, "playgate").await;
        let looked = std::time::Instant::now();
        let mut longest = Duration::ZERO;
        while looked.elapsed() < Duration::from_secs(4) {
            let one = std::time::Instant::now();
            other
                .read(|tx| {
                    Box::pin(async {
                        tx.count(sql!("SELECT COUNT(*) AS n FROM runs"), args![]).await
                    })
                })
                .await
                .unwrap();
            longest = longest.max(one.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(longest > Duration::from_millis(500), "the step does ask for the table");
        assert!(longest < Duration::from_secs(4), "{longest:?}");
        assert!(!migrating.is_finished());
        release.send(()).unwrap();
        reader.await.unwrap();
        assert_eq!(migrating.await.unwrap().unwrap(), ["0098_alters"]);
        other.close().await;
        store.close().await;
        crate::drop_database(&url).await.unwrap();
    }

    #[tokio::test]
    async fn even_if_busy_means_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let store = open(path.to_str().unwrap(), "playgate").await;
        store.apply(TODAY, false).await.unwrap();
        assert_eq!(store.apply(TOMORROW, true).await.unwrap(), ["0099_less"]);
        let newer = store.pending().await.unwrap_err().to_string();
        let version = env!("CARGO_PKG_VERSION");
        assert!(newer.contains(&format!("use playgate {version} or a newer version")), "{newer}");
    }
}
