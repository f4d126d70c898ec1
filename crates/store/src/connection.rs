//! A connection on which one unit of work runs, and the transaction around it.

use std::{io::ErrorKind, panic::Location, sync::Arc, time::Duration};

use domain::{
    clock::Clock,
    port::{StoreError, Work},
};
use sqlx::{
    Postgres, Sqlite, pool::PoolConnection, postgres::PgArguments, query::Query,
    sqlite::SqliteArguments,
};

use crate::{
    bell::Chimes,
    fault::{of_sqlx, spoils},
    row::Row,
    spread::{Bound, spread},
    sql::{Sql, Value},
    statement,
};

/// How long PostgreSQL may take to begin. Nothing is done by then, so another connection may be
/// tried: a server that vanished without a word is noticed here.
pub(crate) const GREETING: Duration = Duration::from_secs(5);

/// How long a statement may go unanswered: longer than the server's own limit, which is the one
/// that ends statements. Only a server that vanished lets it come to this.
const STATEMENT: Duration = Duration::from_secs(65);

/// How long a commit may go unanswered. With synchronous replication it waits for a second machine,
/// and the cluster may take a while to agree on another one. Whoever asked for it does not know
/// then whether it was done; nobody may hold on to it for ever.
const COMMIT: Duration = Duration::from_secs(30);

/// Waits for an answer of PostgreSQL, not for ever.
pub(crate) async fn within<T>(
    patience: Duration,
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(patience, answer)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(ErrorKind::TimedOut.into())))
}

/// A pooled connection of either database.
pub(crate) enum Connection {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// A unit of work on a connection of its own.
///
/// The transaction is kept here and not by the driver: SQLite rolls back by itself when the disk
/// is full, which the driver does not notice, and its connection would never begin again. A
/// connection on which anything but success or a clean rollback happened is closed.
pub(crate) struct Tx {
    connection: Option<Connection>,
    open: bool,
    /// Whether nobody may be given the connection again.
    spoilt: bool,
    /// Whether references between tables are left unchecked (SQLite).
    unchecked: bool,
    /// Whom to tell once it is durable.
    chimes: Chimes,
    /// What stands for the database's clock, if anything does.
    lease_clock: Option<Arc<dyn Clock>>,
}

/// How a unit of work begins.
#[derive(Clone, Copy)]
pub(crate) enum Begin {
    /// One statement that only reads, without a transaction.
    Single,
    /// Several statements that see the same state.
    Snapshot,
    /// One statement that writes, its own transaction.
    Statement,
    /// Anything that writes.
    Write,
    /// Deleting what belongs together whole. SQLite does not check references: without an index
    /// that every run would pay for, it looks through whole tables for each row that goes.
    Prune,
}

impl Tx {
    /// Begins; on error the connection is closed.
    pub(crate) async fn begin(connection: Connection, how: Begin) -> Result<Self, sqlx::Error> {
        let mut tx = Self {
            connection: Some(connection),
            open: true,
            spoilt: false,
            unchecked: matches!(how, Begin::Prune),
            chimes: Chimes::default(),
            lease_clock: None,
        };
        let (sqlite, postgres) = match how {
            Begin::Single | Begin::Statement => {
                tx.open = false;
                return Ok(tx);
            }
            Begin::Snapshot => ("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
            // Takes the write lock first: a deferred transaction that reads and then writes fails
            // with SQLITE_BUSY at once, whatever the busy timeout.
            Begin::Write => ("BEGIN IMMEDIATE", "BEGIN"),
            Begin::Prune => ("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE", "BEGIN"),
        };
        tx.script(GREETING, sqlite, postgres).await?;
        Ok(tx)
    }

    /// Keeps lease times by this clock instead of the database's.
    pub(crate) fn keep_leases_by(&mut self, clock: Option<&Arc<dyn Clock>>) {
        self.lease_clock = clock.cloned();
    }

    fn timed(&self, sql: Sql, args: &mut Vec<Value>) -> Sql {
        match &self.lease_clock {
            None => sql,
            Some(clock) => sql.at(clock.now(), args),
        }
    }

    /// Runs a statement without preparing it; nothing where the text is empty.
    #[track_caller]
    pub(crate) fn raw(
        &mut self,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        self.script_at(Location::caller(), STATEMENT, sqlite, postgres)
    }

    /// Runs statements without preparing them; PostgreSQL may take so long for all of them.
    #[track_caller]
    pub(crate) fn script(
        &mut self,
        patience: Duration,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        self.script_at(Location::caller(), patience, sqlite, postgres)
    }

    async fn script_at(
        &mut self,
        site: &'static Location<'static>,
        patience: Duration,
        sqlite: &'static str,
        postgres: &'static str,
    ) -> Result<(), sqlx::Error> {
        if if self.is_postgres() { postgres } else { sqlite }.is_empty() {
            return Ok(());
        }
        statement::runs_at(self.engine(), site);
        let done = match &mut self.connection {
            Some(Connection::Sqlite(connection)) => {
                sqlx::raw_sql(sqlite).execute(&mut **connection).await.map(drop)
            }
            Some(Connection::Postgres(connection)) => {
                within(patience, sqlx::raw_sql(postgres).execute(&mut **connection)).await.map(drop)
            }
            None => Err(sqlx::Error::PoolClosed),
        };
        self.spoilt |= done.as_ref().is_err_and(spoils);
        done
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn execute(
        &mut self,
        sql: Sql,
        mut args: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let sql = self.timed(sql, &mut args);
        let done = match &mut self.connection {
            Some(Connection::Sqlite(connection)) => {
                sqlite(sql, args).execute(&mut **connection).await.map(|done| done.rows_affected())
            }
            Some(Connection::Postgres(connection)) => match postgres(&sql, &args) {
                Ok(query) => within(STATEMENT, query.execute(&mut **connection))
                    .await
                    .map(|done| done.rows_affected()),
                Err(error) => Err(error),
            },
            None => Err(sqlx::Error::PoolClosed),
        };
        self.judge(done)
    }

    /// Runs a statement; the rows it answers with.
    pub(crate) async fn fetch(
        &mut self,
        sql: Sql,
        mut args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = self.timed(sql, &mut args);
        let rows = match &mut self.connection {
            Some(Connection::Sqlite(connection)) => sqlite(sql, args)
                .fetch_all(&mut **connection)
                .await
                .map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Some(Connection::Postgres(connection)) => match postgres(&sql, &args) {
                Ok(query) => within(STATEMENT, query.fetch_all(&mut **connection))
                    .await
                    .map(|rows| rows.into_iter().map(Row::Postgres).collect()),
                Err(error) => Err(error),
            },
            None => Err(sqlx::Error::PoolClosed),
        };
        self.judge(rows)
    }

    const fn engine(&self) -> &'static str {
        if self.is_postgres() { "postgres" } else { "sqlite" }
    }

    fn judge<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            self.spoilt |= spoils(&error);
            of_sqlx(error)
        })
    }

    /// Whether the connection turned out to be broken, or to lead to a server that takes no writes.
    pub(crate) const fn is_spoilt(&self) -> bool {
        self.spoilt
    }

    /// Runs a statement that answers with one row at most.
    pub(crate) async fn one(
        &mut self,
        sql: Sql,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch(sql, args).await?.into_iter().next())
    }

    /// Runs a statement that answers with one whole number in column `n`.
    pub(crate) async fn count(&mut self, sql: Sql, args: Vec<Value>) -> Result<i64, StoreError> {
        self.one(sql, args).await?.map_or(Ok(0), |row| row.int("n"))
    }

    /// Notes that this unit of work makes something due.
    pub(crate) const fn stir(&mut self, work: Work) {
        self.chimes.add(work);
    }

    /// What it made due.
    pub(crate) const fn chimes(&self) -> Chimes {
        self.chimes
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.connection, Some(Connection::Postgres(_)))
    }

    /// Makes everything durable, or nothing.
    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        if self.open {
            self.script(COMMIT, "COMMIT", "COMMIT").await?;
            self.check_again().await?;
            self.open = false;
        }
        Ok(())
    }

    /// Undoes everything.
    pub(crate) async fn rollback(mut self) {
        if self.open
            && self.script(GREETING, "ROLLBACK", "ROLLBACK").await.is_ok()
            && self.check_again().await.is_ok()
        {
            self.open = false;
        }
    }

    /// The next unit of work on this connection has its references checked again.
    async fn check_again(&mut self) -> Result<(), sqlx::Error> {
        if self.unchecked && !self.is_postgres() {
            self.script(GREETING, "PRAGMA foreign_keys = ON", "").await?;
        }
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        // Given back to the pool, it would take an open transaction to whoever is next.
        if self.open || self.spoilt {
            match self.connection.take() {
                Some(Connection::Sqlite(connection)) => drop(connection.detach()),
                Some(Connection::Postgres(connection)) => drop(connection.detach()),
                None => {}
            }
        }
    }
}

fn sqlite(sql: Sql, args: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    let literals = |place: usize| args.get(place).map(Value::literal);
    statement::runs("sqlite", &sql, sql.sqlite.as_str(), &literals);
    args.into_iter().fold(sqlx::query(sql.sqlite), |query, value| match value {
        Value::Text(value) => query.bind(value),
        Value::Int(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Rows(batch) => query.bind(batch.json()),
    })
}

fn postgres(
    sql: &Sql,
    args: &[Value],
) -> Result<Query<'static, Postgres, PgArguments>, sqlx::Error> {
    let (text, bound) = spread(sql.postgres.clone(), args)?;
    let literals = |place: usize| bound.get(place).map(Bound::literal);
    statement::runs("postgres", sql, text.as_str(), &literals);
    Ok(bound.into_iter().fold(sqlx::query(text), |query, value| match value {
        Bound::Text(value) => query.bind(value),
        Bound::Int(value) => query.bind(value),
        Bound::Bytes(value) => query.bind(value),
        Bound::Texts(values) => query.bind(values),
        Bound::Ints(values) => query.bind(values),
        Bound::Doubles(values) => query.bind(values),
        Bound::Blobs(values) => query.bind(values),
    }))
}
