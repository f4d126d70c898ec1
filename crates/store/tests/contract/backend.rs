//! A database of its own for every case, and a clock that stands still.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use domain::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use store::{Options, Store};
use uuid::Uuid;

/// A clock that moves only when it is told to.
pub(crate) struct Manual {
    now: AtomicI64,
    ids: AtomicU64,
}

impl Manual {
    pub(crate) fn advance(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.now.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for Manual {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now.load(Ordering::SeqCst)).unwrap()
    }

    fn uuid(&self) -> Uuid {
        let millis = u128::try_from(self.now.load(Ordering::SeqCst) / 1000).unwrap();
        let count = u128::from(self.ids.fetch_add(1, Ordering::SeqCst));
        Uuid::from_u128((millis << 80) | count)
    }
}

/// A migrated, empty database.
pub(crate) struct Backend {
    pub(crate) store: Store,
    pub(crate) clock: Arc<Manual>,
    pub(crate) url: String,
    folder: Option<tempfile::TempDir>,
}

impl Backend {
    async fn open(url: String, folder: Option<tempfile::TempDir>) -> Self {
        crate::record::begin();
        let at: Timestamp = "2026-05-04T09:00:00Z".parse().unwrap();
        let clock =
            Arc::new(Manual { now: AtomicI64::new(at.as_microsecond()), ids: AtomicU64::new(1) });
        let shared: Arc<dyn Clock> = Arc::<Manual>::clone(&clock);
        let store = Store::open(&url, shared).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, clock, url, folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.folder.is_none()
    }

    /// The same database, opened once more as another process would.
    pub(crate) async fn another(&self) -> Store {
        self.another_at(&self.url).await
    }

    /// The same database by another way.
    pub(crate) async fn another_at(&self, url: &str) -> Store {
        let shared: Arc<dyn Clock> = Arc::<Manual>::clone(&self.clock);
        Store::open(url, shared).await.unwrap()
    }

    /// The same database, its leases kept by our clock instead of its own.
    pub(crate) async fn keeping_leases_by_our_clock(&self) -> Store {
        let shared: Arc<dyn Clock> = Arc::<Manual>::clone(&self.clock);
        let options = Options { lease_clock: Some(Arc::clone(&shared)), ..Options::default() };
        Store::open_with(&self.url, shared, &options).await.unwrap()
    }

    /// Runs statements behind the store's back; the error's text if they are refused.
    pub(crate) async fn behind_the_back(&self, sql: &'static str) -> Result<(), String> {
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.map(drop)
        }
        .map_err(|error| error.to_string())
    }

    /// Gets rid of a PostgreSQL database.
    pub(crate) async fn discard(self) {
        self.store.close().await;
        let (server, name) = self.url.rsplit_once('/').unwrap();
        let mut admin = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
        let drop = format!("DROP DATABASE \"{name}\" WITH (FORCE)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
    }
}

pub(crate) async fn sqlite() -> Backend {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("store.sqlite").display());
    Backend::open(url, Some(folder)).await
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where to run")]
pub(crate) async fn postgres(case: &str) -> Option<Backend> {
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        assert!(
            std::env::var("TEST_POSTGRES_REQUIRED").is_err(),
            "`{case}` needs PostgreSQL: set TEST_POSTGRES_URL or run `cargo xtask test`"
        );
        eprintln!("`{case}` did not run on PostgreSQL: run `cargo xtask test`");
        return None;
    };
    let name = format!("t_{}", unique());
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let create = format!("CREATE DATABASE \"{name}\"");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    Some(Backend::open(format!("{server}/{name}"), None).await)
}

/// A name no other test has: the process and a counter.
fn unique() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let folder = tempfile::tempdir().unwrap();
    let random = folder.path().file_name().unwrap().to_string_lossy().to_lowercase();
    let random: String = random.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{}_{random}_{}", std::process::id(), COUNTER.fetch_add(1, Ordering::SeqCst))
}
