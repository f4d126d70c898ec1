//! Both schemas are one schema, and a program refuses one it does not know.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use domain::clock::Clock;
use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection};
use store::{MigrateError, OpenError, Store};

use crate::backend::{self, Backend, Manual};

contract! {
    migrating_twice_changes_nothing,
    a_newer_schema_is_refused,
    a_changed_step_is_refused,
    several_processes_may_migrate_at_once,
    nothing_is_taken_away_from_a_database_that_has_all_steps,
    a_database_is_made_once_and_dropped_whoever_uses_it,
}

async fn open(backend: &Backend) -> Result<Store, OpenError> {
    let clock: Arc<dyn Clock> = Arc::<Manual>::clone(&backend.clock);
    Store::open(&backend.url, clock).await
}

async fn migrating_twice_changes_nothing(backend: &Backend) {
    assert_eq!(backend.store.pending().await.unwrap(), [""; 0]);
    assert_eq!(backend.store.migrate().await.unwrap(), [""; 0]);
    backend.store.ping().await.unwrap();
    let name = if backend.is_postgres() { "postgres" } else { "sqlite" };
    assert_eq!(backend.store.engine_name(), name);
}

async fn nothing_is_taken_away_from_a_database_that_has_all_steps(backend: &Backend) {
    assert_eq!(backend.store.pending_contracts().await.unwrap(), [""; 0]);
    assert_eq!(backend.store.migrate_even_if_busy().await.unwrap(), [""; 0]);
    // Nor from one that has none: there is nobody who could miss anything.
    backend.behind_the_back("ALTER TABLE migrations RENAME TO was").await.unwrap();
    assert_eq!(backend.store.pending_contracts().await.unwrap(), [""; 0]);
    assert_eq!(backend.store.pending().await.unwrap().len(), names("sqlite").len());
}

async fn a_database_is_made_once_and_dropped_whoever_uses_it(backend: &Backend) {
    if !backend.is_postgres() {
        // A file is made when it is opened, and nothing is dropped.
        assert!(store::drop_database(&backend.url).await.is_err());
        return;
    }
    let url = format!("{}_made", backend.url);
    assert!(store::create_database(&url).await.unwrap());
    assert!(!store::create_database(&url).await.unwrap(), "it is there");
    let clock: Arc<dyn Clock> = Arc::<Manual>::clone(&backend.clock);
    let made = Store::open(&url, clock).await.unwrap();
    made.migrate().await.unwrap();
    store::drop_database(&url).await.unwrap();
    assert!(made.ping().await.is_err());
    store::drop_database(&url).await.unwrap();
}

async fn a_newer_schema_is_refused(backend: &Backend) {
    let newer = "INSERT INTO migrations (name, checksum, applied_at, program) \
                 VALUES ('9999_future', 'x', 0, '7.8.9')";
    backend.behind_the_back(newer).await.unwrap();
    let refused = open(backend).await.err().unwrap();
    assert!(
        matches!(
            &refused,
            OpenError::Schema(MigrateError::Newer { name, .. }) if name == "9999_future"
        ),
        "{refused:?}"
    );
    let says = refused.to_string();
    assert!(says.contains("use playgate 7.8.9 or a newer version"), "{says}");
    assert!(matches!(backend.store.migrate().await, Err(MigrateError::Newer { .. })));
    // A program of before steps said who they are says nothing.
    let silent = "UPDATE migrations SET program = NULL WHERE name = '9999_future'";
    backend.behind_the_back(silent).await.unwrap();
    let says = open(backend).await.err().unwrap().to_string();
    assert!(says.ends_with("use a newer version"), "{says}");
}

async fn a_changed_step_is_refused(backend: &Backend) {
    backend.behind_the_back("UPDATE migrations SET checksum = 'x'").await.unwrap();
    let refused = open(backend).await.err().unwrap();
    assert!(matches!(refused, OpenError::Schema(MigrateError::Changed { .. })), "{refused:?}");
}

async fn several_processes_may_migrate_at_once(backend: &Backend) {
    let everything = if backend.is_postgres() {
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
    } else {
        // SQLite has no schema to drop: begin with a file of its own.
        ""
    };
    backend.behind_the_back(everything).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = if backend.is_postgres() {
        backend.url.clone()
    } else {
        folder.path().join("fresh.sqlite").display().to_string()
    };
    let mut starting = Vec::new();
    for _ in 0..4 {
        let clock: Arc<dyn Clock> = Arc::<Manual>::clone(&backend.clock);
        let url = url.clone();
        starting.push(tokio::spawn(async move {
            let store = Store::open(&url, clock).await.unwrap();
            let applied = store.migrate().await.unwrap().len();
            store.close().await;
            applied
        }));
    }
    let mut applied = Vec::new();
    for one in starting {
        applied.push(one.await.unwrap());
    }
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, names("sqlite").len()]);
}

fn names(folder: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(folder);
    std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn both_databases_have_the_same_steps() {
    assert_eq!(names("sqlite"), names("postgres"));
}

/// Table, column, type and whether it may be NULL, with SQLite's words for types.
type Column = (String, String, String, bool);

async fn sqlite_columns(url: &str) -> BTreeSet<Column> {
    let mut connection = SqliteConnection::connect(url).await.unwrap();
    let rows = sqlx::query(
        "SELECT m.name AS t, c.name AS c, c.type AS k, c.\"notnull\" = 0 AND c.pk = 0 AS n \
         FROM sqlite_schema m, pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    rows.iter()
        .map(|row| {
            let kind: String = row.get("k");
            let kind = if kind == "BIGINT" { "INTEGER".to_owned() } else { kind };
            (row.get("t"), row.get("c"), kind, row.get::<bool, _>("n"))
        })
        .collect()
}

async fn postgres_columns(url: &str) -> BTreeSet<Column> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let rows = sqlx::query(
        "SELECT table_name::text AS t, column_name::text AS c, data_type::text AS k, \
         is_nullable = 'YES' AS n FROM information_schema.columns WHERE table_schema = 'public'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    rows.iter()
        .map(|row| {
            let kind = match row.get::<&str, _>("k") {
                "text" => "TEXT",
                "bigint" => "INTEGER",
                "double precision" => "REAL",
                "bytea" => "BLOB",
                other => other,
            };
            (row.get("t"), row.get("c"), kind.to_owned(), row.get::<bool, _>("n"))
        })
        .collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let sqlite = backend::sqlite().await;
    let Some(postgres) = backend::postgres("both_databases_have_the_same_tables_and_columns").await
    else {
        return;
    };
    let (ours, theirs) = (sqlite_columns(&sqlite.url).await, postgres_columns(&postgres.url).await);
    postgres.discard().await;
    let apart: Vec<_> = ours.symmetric_difference(&theirs).collect();
    assert!(apart.is_empty(), "{apart:?}");
    assert!(ours.len() > 150, "{}", ours.len());
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_without_repeating_it() {
    let sqlite = backend::sqlite().await;
    for url in ["", "mysql://root:secret@host/db", "sqlite::memory:"] {
        let clock: Arc<dyn Clock> = Arc::<Manual>::clone(&sqlite.clock);
        let error = Store::open(url, clock).await.err().unwrap();
        assert!(matches!(error, OpenError::Url(_)), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    let clock: Arc<dyn Clock> = Arc::<Manual>::clone(&sqlite.clock);
    let missing = Store::open("/nowhere/at/all.sqlite", clock).await.err().unwrap();
    assert!(matches!(missing, OpenError::Connect(_)), "{missing:?}");
}
