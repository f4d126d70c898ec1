//! Opening a database, and the frame every unit of work runs in.

use std::{
    path::Path,
    str::FromStr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use domain::{clock::Clock, port::StoreError};
use futures_util::future::BoxFuture;
use sqlx::{
    Connection as _, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};

use crate::{
    bell::Bell,
    connection::{Begin, Connection, GREETING, Tx, within},
    fault::{Abandoned, of_sqlx, spoils},
    fold::Folder,
    gather::Gatherers,
    heart::Heart,
    migrate::MigrateError,
    statement,
};

/// SQLite versions before this one can lose commits when a write-ahead log is reset.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Pages kept in memory for the connection that writes: 16 MiB (negative counts KiB). The default of
/// two holds less than a batch of turns touches.
const WRITER_CACHE: &str = "-16384";

/// Pages of write-ahead log after which a commit folds it into the file: 16 MiB. A page that many
/// commits changed is then copied once; opening the file after a crash reads that much again.
const LOG_PAGES: &str = "4000";

/// Connections of SQLite's that read, at most.
const READERS: u32 = 4;

/// Statements kept prepared per connection; the store has fewer than this.
const STATEMENTS: usize = 400;

/// Everything the product keeps, in one database.
///
/// Cloning is cheap; clones share the connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) pools: Pools,
    pub(crate) clock: Arc<dyn Clock>,
    observer: Arc<OnceLock<Observer>>,
    pub(crate) bell: Arc<Bell>,
    heart: Arc<Heart>,
    gatherers: Arc<OnceLock<Gatherers>>,
    lease_clock: Option<Arc<dyn Clock>>,
}

/// Hears of every commit.
type Observer = Box<dyn Fn() + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool, folder: Arc<Folder> },
    Postgres(PgPool),
}

/// How a database is opened.
#[derive(Clone)]
pub struct Options {
    /// Connections to PostgreSQL at most. SQLite has one writer and so many readers, but no more
    /// than four.
    pub connections: u32,
    /// How long a caller waits for a connection.
    pub wait: Duration,
    /// Stands for the database's own clock, by which leases are kept. For simulations only: where
    /// processes share a database, its clock is the one they all agree on. SQLite's log is then
    /// folded in by commits alone: nothing goes on beside the calls.
    pub lease_clock: Option<Arc<dyn Clock>>,
    /// How long PostgreSQL may work on one statement, to the millisecond.
    pub statement: Duration,
    /// What PostgreSQL shows the connections as (`application_name`). Whoever works with the data
    /// is `playgate`; that is whom a migration that takes something away waits for.
    pub name: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        let wait = Duration::from_secs(30);
        let statement = Duration::from_mins(1);
        Self { connections: 10, wait, lease_clock: None, statement, name: "playgate" }
    }
}

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is neither.
    #[error("`{0}` is not a database URL; use `sqlite:///path/to/file` or `postgres://…`")]
    Url(String),
    /// It does not open.
    #[error("database does not open; check that it exists, runs and may be written to")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The SQLite library can lose data.
    #[error("SQLite {found} can lose data; 3.51.3 or later is needed")]
    OldSqlite {
        /// The version linked in.
        found: String,
    },
    /// The schema is newer than this program, or was changed.
    #[error(transparent)]
    Schema(#[from] MigrateError),
}

impl Store {
    /// Opens a database: `sqlite:///path/to/file` (or just a path), or `postgres://…`. A SQLite
    /// file is made if there is none; its schema is not, see [`Store::migrate`].
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_with(url, clock, &Options::default()).await
    }

    /// As [`Store::open`], with options.
    pub async fn open_with(
        url: &str,
        clock: Arc<dyn Clock>,
        options: &Options,
    ) -> Result<Self, OpenError> {
        let pools = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Pools::Postgres(postgres(url, options).await?)
        } else {
            let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
            let path = path.unwrap_or(url);
            if path.is_empty() || path.contains("://") || path.contains(":memory:") {
                // The URL may hold a password: say no more of it than its scheme.
                let scheme = url.split_once("://").map_or(path, |(scheme, _)| scheme);
                return Err(OpenError::Url(scheme.to_owned()));
            }
            sqlite(Path::new(path), options).await?
        };
        let store = Self {
            pools,
            clock,
            observer: Arc::default(),
            bell: Arc::default(),
            heart: Arc::default(),
            gatherers: Arc::default(),
            lease_clock: options.lease_clock.clone(),
        };
        store.refuse_newer_schema().await?;
        Ok(store)
    }

    /// Which database it is: `sqlite` or `postgres`.
    pub const fn engine_name(&self) -> &'static str {
        match self.pools {
            Pools::Sqlite { .. } => "sqlite",
            Pools::Postgres(_) => "postgres",
        }
    }

    /// Whether the database answers and takes writes. On PostgreSQL a commit goes all the way: to
    /// the disk, and to the other machines that must have it.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let closed = match &self.pools {
            Pools::Sqlite { writer, .. } => writer.is_closed(),
            Pools::Postgres(pool) => pool.is_closed(),
        };
        if closed {
            return Err(of_sqlx(sqlx::Error::PoolClosed));
        }
        self.heart.beat(self).await
    }

    /// Calls this after every transaction that wrote, once it is durable and before its caller
    /// hears of it: for measuring, and for dying at the worst moment in recovery tests. The first
    /// observer stays.
    pub fn observe_commits(&self, observer: impl Fn() + Send + Sync + 'static) {
        // A second observer is turned away, as documented.
        let _first = self.observer.set(Box::new(observer));
    }

    /// Finishes what is under way and closes all connections. SQLite's write-ahead log is folded
    /// into its file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers, folder } => {
                tokio::join!(readers.close(), folder.close());
                if let Ok(mut connection) = writer.acquire().await {
                    statement::runs_here("sqlite");
                    let folded = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                        .execute(&mut *connection)
                        .await;
                    if let Err(error) = folded {
                        // Whoever opens the file next does it.
                        tracing::debug!(%error, "write-ahead log was not folded in");
                    }
                }
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// Runs a unit of work that writes, whole or not at all. It runs to its end even if the
    /// caller is dropped meanwhile.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        self.run(Begin::Write, work).await
    }

    /// Runs one reading statement.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        self.run(Begin::Single, work).await
    }

    /// Runs several reading statements that see the same state.
    pub(crate) async fn view<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        self.run(Begin::Snapshot, work).await
    }

    /// Runs a unit of work that is one statement that writes.
    pub(crate) async fn write_one<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        self.run(Begin::Statement, work).await
    }

    /// Runs a unit of work that deletes what belongs together, whole.
    pub(crate) async fn write_whole<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        self.run(Begin::Prune, work).await
    }

    /// The same database for a gatherer, which must not keep itself alive.
    pub(crate) fn for_gatherer(&self) -> Self {
        Self { gatherers: Arc::default(), ..self.clone() }
    }

    /// What many callers ask for at once.
    pub(crate) fn gatherers(&self) -> &Gatherers {
        self.gatherers.get_or_init(|| Gatherers::start(self))
    }

    /// The pool by which other processes are told, where that is possible.
    pub(crate) const fn others(&self) -> Option<&PgPool> {
        match &self.pools {
            Pools::Sqlite { .. } => None,
            Pools::Postgres(pool) => Some(pool),
        }
    }

    pub(crate) async fn run<T, F>(&self, how: Begin, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
    {
        let store = self.clone();
        // A task of its own: a caller who is dropped in the middle of `BEGIN` would otherwise
        // leave a connection with an open transaction in the pool.
        tokio::spawn(async move {
            let mut tx = store.begin(how).await.map_err(of_sqlx)?;
            tx.keep_leases_by(store.lease_clock.as_ref());
            match work(&mut tx).await {
                Ok(answer) => {
                    let chimes = tx.chimes();
                    tx.commit().await.map_err(of_sqlx)?;
                    store.bell.ring(chimes, store.others());
                    if matches!(how, Begin::Write | Begin::Statement | Begin::Prune) {
                        if let Pools::Sqlite { folder, .. } = &store.pools
                            && store.lease_clock.is_none()
                        {
                            folder.committed();
                        }
                        if let Some(observer) = store.observer.get() {
                            observer();
                        }
                    }
                    Ok(answer)
                }
                Err(error) => {
                    if tx.is_spoilt() {
                        store.forsake_idle();
                    }
                    tx.rollback().await;
                    Err(error)
                }
            }
        })
        .await
        .map_err(|error| StoreError::new(false, Abandoned(error)))?
    }

    /// Begins on a connection that works. After the database was away, every pooled connection
    /// is dead; nothing has been done on them yet, so the next one may be tried.
    async fn begin(&self, how: Begin) -> Result<Tx, sqlx::Error> {
        let mut dead = 0;
        loop {
            let connection = self.acquire(how).await?;
            match self.try_begin(connection, how).await {
                Err(error) if spoils(&error) && dead < self.size() => {
                    self.forsake_idle();
                    dead += 1;
                }
                begun => return begun,
            }
        }
    }

    /// Closes the connections nobody uses: where one led to a server that is gone, or is the
    /// primary no more, the others do too, and everybody would find that out for themselves.
    fn forsake_idle(&self) {
        if let Pools::Postgres(pool) = &self.pools {
            while let Some(connection) = pool.try_acquire() {
                drop(connection.detach());
            }
        }
    }

    async fn try_begin(&self, connection: Connection, how: Begin) -> Result<Tx, sqlx::Error> {
        match (connection, how) {
            (Connection::Postgres(mut connection), Begin::Single | Begin::Statement) => {
                if within(GREETING, connection.ping()).await.is_err() {
                    // Only a dead connection does not answer; the pool must not see it again.
                    drop(connection.detach());
                    return Err(sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into()));
                }
                Tx::begin(Connection::Postgres(connection), how).await
            }
            (connection, how) => Tx::begin(connection, how).await,
        }
    }

    async fn acquire(&self, how: Begin) -> Result<Connection, sqlx::Error> {
        Ok(match (&self.pools, how) {
            (Pools::Sqlite { writer, .. }, Begin::Write | Begin::Statement | Begin::Prune) => {
                Connection::Sqlite(writer.acquire().await?)
            }
            (Pools::Sqlite { readers, .. }, _) => Connection::Sqlite(readers.acquire().await?),
            (Pools::Postgres(pool), _) => Connection::Postgres(pool.acquire().await?),
        })
    }

    fn size(&self) -> u32 {
        match &self.pools {
            Pools::Sqlite { .. } => 0,
            Pools::Postgres(pool) => pool.options().get_max_connections(),
        }
    }
}

fn connect_error(error: sqlx::Error) -> OpenError {
    OpenError::Connect(Box::new(error))
}

/// Connects, and waits while another program switches a new file to its write-ahead log: SQLite
/// answers that one lock with "busy" at once, whatever the busy timeout.
async fn connect_patiently(
    pool: &SqlitePoolOptions,
    options: SqliteConnectOptions,
) -> Result<SqlitePool, OpenError> {
    let mut tries = 0;
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(sqlx::Error::Database(error))
                if tries < 200 && error.code().is_some_and(|code| code == "5" || code == "261") =>
            {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            connected => return connected.map_err(connect_error),
        }
    }
}

async fn sqlite(path: &Path, options: &Options) -> Result<Pools, OpenError> {
    let base = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(STATEMENTS);
    let write = base
        .clone()
        .create_if_missing(true)
        // So that a file can shrink by small steps; of one that is there this changes nothing.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        // An approval must survive a power cut.
        .synchronous(SqliteSynchronous::Full)
        // A destroyed key must not linger in free pages.
        .pragma("secure_delete", "ON")
        .pragma("cache_size", WRITER_CACHE)
        .pragma("wal_autocheckpoint", LOG_PAGES);
    // Connections to a file need no renewal, and reaping them stalls whoever waits for one.
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(options.wait)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false);
    let writer = connect_patiently(&pool.clone().max_connections(1), write).await?;
    if libsqlite3_version() < OLDEST_SQLITE {
        statement::runs_here("sqlite");
        let found: String = sqlx::query_scalar("SELECT sqlite_version()")
            .fetch_one(&writer)
            .await
            .map_err(connect_error)?;
        return Err(OpenError::OldSqlite { found });
    }
    let fold = base.clone().synchronous(SqliteSynchronous::Full);
    let folder = Arc::new(Folder::new(pool.clone().max_connections(1).connect_lazy_with(fold)));
    let readers = pool.max_connections(options.connections.clamp(1, READERS));
    let readers = readers.connect_lazy_with(base.read_only(true));
    Ok(Pools::Sqlite { writer, readers, folder })
}

/// The version of the SQLite library that was compiled in, as SQLite counts: 3.51.3 is 3051003.
const fn libsqlite3_version() -> i32 {
    libsqlite3_sys::SQLITE_VERSION_NUMBER
}

/// What PostgreSQL is told for planning the store's statements; whoever explains them asks under the
/// same settings.
pub const PLANNER: [(&str, &str); 2] = [
    // What is asked for is in memory or on a flash disk: a look at an index costs about what the
    // next page does. Left at 4, small tables are read whole for a few ids.
    ("random_page_cost", "1.1"),
    // Statements are many and short; compiling one to machine code takes longer than it.
    ("jit", "off"),
];

async fn postgres(url: &str, options: &Options) -> Result<PgPool, OpenError> {
    let statement = format!("{}ms", options.statement.as_millis());
    let connect = PgConnectOptions::from_str(url)
        .map_err(|_| OpenError::Url("postgres".to_owned()))?
        .application_name(options.name)
        .statement_cache_capacity(STATEMENTS)
        .options([
            ("synchronous_commit", "on"),
            ("statement_timeout", statement.as_str()),
            ("lock_timeout", "20s"),
            ("idle_in_transaction_session_timeout", "30s"),
            // Cursors and dates are compared as text; backslashes are themselves.
            ("standard_conforming_strings", "on"),
        ])
        .options(PLANNER);
    PgPoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(options.wait)
        // `begin` finds dead connections by itself, without a round trip for the live ones.
        .test_before_acquire(false)
        // Whatever stands before a cluster may lead us to a standby for a moment: not to be kept,
        // since it would answer every question and take no decision. The pool tries again.
        .after_connect(|connection, _| {
            Box::pin(async move {
                statement::runs_here("postgres");
                let standby = sqlx::query_scalar("SELECT pg_is_in_recovery()");
                if within(GREETING, standby.fetch_one(connection)).await? {
                    return Err(sqlx::Error::Protocol("this server is a standby".to_owned()));
                }
                Ok(())
            })
        })
        .connect_with(connect)
        .await
        .map_err(connect_error)
}
