//! The dialect seam: statements written once, and the values bound to them.

use std::{panic::Location, sync::Arc};

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::batch::{self, Batch, Fields};

/// The database's clock in microseconds since 1970, read once a statement: PostgreSQL calls a
/// function that changes for every row, unless it stands in a query of its own.
macro_rules! database_clock {
    (sqlite) => {
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
    };
    (postgres) => {
        "(SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT))"
    };
}

/// One statement in both dialects. Make it with [`sql!`].
#[derive(Clone)]
pub(crate) struct Sql {
    pub(crate) sqlite: SqlStr,
    pub(crate) postgres: SqlStr,
    /// Where it is written.
    site: &'static Location<'static>,
    /// Where its optional clauses are.
    clauses: Vec<&'static Location<'static>>,
}

impl Sql {
    #[track_caller]
    pub(crate) fn pair(sqlite: &'static str, postgres: &'static str) -> Self {
        Self {
            sqlite: sqlite.into_sql_str(),
            postgres: postgres.into_sql_str(),
            site: Location::caller(),
            clauses: Vec::new(),
        }
    }

    /// The same text for both databases, made by a test.
    #[cfg(test)]
    #[track_caller]
    pub(crate) fn of_test(text: String) -> Self {
        let text = AssertSqlSafe(text).into_sql_str();
        let (site, clauses) = (Location::caller(), Vec::new());
        Self { sqlite: text.clone(), postgres: text, site, clauses }
    }

    /// The places where it is written.
    pub(crate) fn sites(&self) -> impl Iterator<Item = &'static Location<'static>> {
        std::iter::once(self.site).chain(self.clauses.iter().copied())
    }

    /// The statement with one more value, this moment, in place of the database's clock, if it asks
    /// the clock.
    pub(crate) fn at(self, now: Timestamp, args: &mut Vec<Value>) -> Self {
        if !self.sqlite.as_str().contains(database_clock!(sqlite)) {
            return self;
        }
        args.push(Value::from(now));
        let value = format!("${}", args.len());
        let put = |text: &SqlStr, clock: &str| {
            // Safe: the number of a parameter takes the place of an expression.
            AssertSqlSafe(text.as_str().replace(clock, &value)).into_sql_str()
        };
        Self {
            sqlite: put(&self.sqlite, database_clock!(sqlite)),
            postgres: put(&self.postgres, database_clock!(postgres)),
            ..self
        }
    }
}

/// A statement assembled from static fragments, each with at most one value: for lists with
/// optional filters, where `($1 IS NULL OR …)` would keep the planner from using an index.
pub(crate) struct Assembled {
    text: String,
    args: Vec<Value>,
    site: &'static Location<'static>,
    clauses: Vec<&'static Location<'static>>,
}

impl Assembled {
    #[track_caller]
    pub(crate) fn new(select: &'static str) -> Self {
        let (text, site) = (select.to_owned(), Location::caller());
        Self { text, args: Vec::new(), site, clauses: Vec::new() }
    }

    /// Appends a fragment that binds nothing.
    #[track_caller]
    pub(crate) fn clause(&mut self, fragment: &'static str) {
        self.clauses.push(Location::caller());
        self.text.push_str(fragment);
    }

    /// Appends a fragment, each `?` of which stands for the next of `values`.
    #[track_caller]
    pub(crate) fn clause_with(
        &mut self,
        fragment: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) {
        self.clauses.push(Location::caller());
        let mut values = values.into_iter();
        for (index, part) in fragment.split('?').enumerate() {
            if index > 0 {
                self.args.extend(values.next());
                self.text.push('$');
                self.text.push_str(&self.args.len().to_string());
            }
            self.text.push_str(part);
        }
    }

    /// The statement and its values.
    pub(crate) fn build(self) -> (Sql, Vec<Value>) {
        // Safe: `text` is made of `&'static str` fragments and parameter numbers only.
        let text = AssertSqlSafe(self.text).into_sql_str();
        let (site, clauses) = (self.site, self.clauses);
        (Sql { sqlite: text.clone(), postgres: text, site, clauses }, self.args)
    }
}

/// A value bound to a statement. PostgreSQL wants to know the type even of NULL.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
    /// For the piece `rows` of [`sql!`].
    Rows(Arc<dyn Batch>),
}

impl Value {
    /// Anything that prints as what the column holds: an id or a word.
    #[expect(clippy::needless_pass_by_value, reason = "ids and words are copies")]
    pub(crate) fn word(value: impl ToString) -> Self {
        Self::Text(Some(value.to_string()))
    }

    /// As [`Value::word`], or NULL.
    pub(crate) fn maybe_word(value: Option<impl ToString>) -> Self {
        Self::Text(value.map(|value| value.to_string()))
    }

    /// The value as it is written in a statement for SQLite.
    pub(crate) fn literal(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        match self {
            Self::Text(None) | Self::Int(None) | Self::Bytes(None) => "NULL".to_owned(),
            Self::Text(Some(text)) => quoted(text),
            Self::Int(Some(number)) => number.to_string(),
            Self::Bytes(Some(bytes)) => format!("x'{}'", hex::encode(bytes)),
            Self::Rows(batch) => quoted(&batch.json()),
        }
    }

    /// Rows or ids as one JSON array, for the pieces `rows` and `among` of [`sql!`].
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::Text(Some(batch::json(value)))
    }

    /// Many rows, for the piece `rows` of [`sql!`]: what [`Value::json`] takes, at less cost.
    pub(crate) fn rows(rows: Vec<impl Fields + 'static>) -> Self {
        Self::Rows(Arc::new(rows))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.replace('\0', "")))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Text(None), Self::from)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Int(Some(at.as_microsecond()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Int(at.map(Timestamp::as_microsecond))
    }
}

impl From<Date> for Value {
    fn from(day: Date) -> Self {
        Self::word(day)
    }
}

impl From<Option<Date>> for Value {
    fn from(day: Option<Date>) -> Self {
        Self::maybe_word(day)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

/// Writes a statement for both databases from literals and the few pieces that differ:
///
/// - `{among "$1"}`: equality with one of the texts in the JSON array `$1`;
/// - `{rows "$1" (a TEXT, b BIGINT, c DOUBLE, d BYTES)}`: the objects of the JSON array `$1` as a
///   table `r`; bytes are written in hex. PostgreSQL is handed an array for each column;
/// - `{each ", r." (a, b)}`: the text before each of the names;
/// - `{replace (a, b)}`: assignments that put the row that was to be inserted in place of another;
/// - `{either "a" "b"}`: `a` on SQLite, `b` on PostgreSQL;
/// - `{lock}`: row locks until the end of the transaction, where writers run side by side;
/// - `{skip_locked}`: the same, passing over rows others hold;
/// - `{now}`: the database's clock in microseconds since 1970;
/// - `{not_stopped}`: no kill in force covers the message a row of `messages` is.
///
/// A limit is written `LIMIT +$1`. Of a bare parameter SQLite reads the value while it compiles, and so
/// it compiles the statement anew whenever the parameter is bound, prepared or not.
macro_rules! sql {
    ($($piece:tt)+) => {
        $crate::sql::Sql::pair(
            $crate::sql::pieces!(sqlite $($piece)+),
            $crate::sql::pieces!(postgres $($piece)+),
        )
    };
}

macro_rules! pieces {
    ($db:ident) => { "" };
    ($db:ident $text:literal $($rest:tt)*) => {
        concat!($text, $crate::sql::pieces!($db $($rest)*))
    };
    ($db:ident {each $before:literal ($($name:ident),+)} $($rest:tt)*) => {
        concat!($($before, stringify!($name),)+ $crate::sql::pieces!($db $($rest)*))
    };
    ($db:ident {replace ($($name:ident),+)} $($rest:tt)*) => {
        concat!(
            $(", ", stringify!($name), " = excluded.", stringify!($name),)+
            $crate::sql::pieces!($db $($rest)*)
        )
    };
    (sqlite {either $sqlite:literal $postgres:literal} $($rest:tt)*) => {
        concat!($sqlite, $crate::sql::pieces!(sqlite $($rest)*))
    };
    (postgres {either $sqlite:literal $postgres:literal} $($rest:tt)*) => {
        concat!($postgres, $crate::sql::pieces!(postgres $($rest)*))
    };
    (sqlite {among $param:literal} $($rest:tt)*) => {
        concat!(
            " IN (SELECT value FROM json_each(", $param, ")) ",
            $crate::sql::pieces!(sqlite $($rest)*)
        )
    };
    (postgres {among $param:literal} $($rest:tt)*) => {
        concat!(
            " = ANY(", $param, "[]) ",
            $crate::sql::pieces!(postgres $($rest)*)
        )
    };
    (sqlite {rows $param:literal ($first:ident $kind:ident $(, $name:ident $k:ident)* $(,)?)}
        $($rest:tt)*
    ) => {
        concat!(
            "(SELECT ",
            $crate::sql::column!($first $kind)
            $(, ", ", $crate::sql::column!($name $k))*,
            " FROM jsonb_each(", $param, ")) AS r ",
            $crate::sql::pieces!(sqlite $($rest)*)
        )
    };
    (postgres {rows $param:literal ($first:ident $kind:ident $(, $name:ident $k:ident)* $(,)?)}
        $($rest:tt)*
    ) => {
        concat!(
            "unnest(", $param, "{", stringify!($first), " ", stringify!($kind)
            $(, ",", stringify!($name), " ", stringify!($k))*,
            "}) AS r(", stringify!($first) $(, ", ", stringify!($name))*, ") ",
            $crate::sql::pieces!(postgres $($rest)*)
        )
    };
    (sqlite {lock} $($rest:tt)*) => { $crate::sql::pieces!(sqlite $($rest)*) };
    (postgres {lock} $($rest:tt)*) => {
        concat!(" FOR NO KEY UPDATE ", $crate::sql::pieces!(postgres $($rest)*))
    };
    (sqlite {skip_locked} $($rest:tt)*) => { $crate::sql::pieces!(sqlite $($rest)*) };
    (postgres {skip_locked} $($rest:tt)*) => {
        concat!(" FOR NO KEY UPDATE SKIP LOCKED ", $crate::sql::pieces!(postgres $($rest)*))
    };
    ($db:ident {now} $($rest:tt)*) => {
        concat!(
            " ", $crate::sql::database_clock!($db), " ", $crate::sql::pieces!($db $($rest)*)
        )
    };
    // Scopes are stored as they print; what a kill covers, `Kill::covers` says of an approval. A
    // stop of everything is looked up once a statement. `OFFSET` keeps PostgreSQL from joining all
    // approvals there ever were instead of looking up those of the messages it comes to.
    ($db:ident {not_stopped} $($rest:tt)*) => {
        concat!(
            " NOT EXISTS (SELECT 1 FROM kills WHERE scope = 'all') ",
            "AND NOT EXISTS (SELECT 1 FROM approvals JOIN kills ON kills.scope IN (",
            "'playbook:' || approvals.playbook, 'action:' || approvals.action, ",
            "'account:' || approvals.account) WHERE approvals.id = messages.approval ",
            "LIMIT 1 OFFSET 0) ",
            $crate::sql::pieces!($db $($rest)*)
        )
    };
}

/// How SQLite reads one field of a JSON object.
macro_rules! column {
    ($name:ident BYTES) => {
        concat!("unhex(value ->> '$.", stringify!($name), "') AS ", stringify!($name))
    };
    ($name:ident $kind:ident) => {
        concat!("value ->> '$.", stringify!($name), "' AS ", stringify!($name))
    };
}

/// The values of a statement, in the order of their numbers.
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::sql::Value::from($value)),*]
    };
}

pub(crate) use {args, column, database_clock, pieces, sql};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_differs_only_where_the_databases_do() {
        let sql = sql!("SELECT id FROM runs WHERE id" {among "$1"} "ORDER BY id" {lock});
        assert_eq!(
            sql.sqlite.as_str(),
            "SELECT id FROM runs WHERE id IN (SELECT value FROM json_each($1)) ORDER BY id"
        );
        assert_eq!(
            sql.postgres.as_str(),
            "SELECT id FROM runs WHERE id = ANY($1[]) ORDER BY id FOR NO KEY UPDATE "
        );
        let sql = sql!("SELECT * FROM " {rows "$1" (a TEXT, b BYTES)});
        assert_eq!(
            sql.sqlite.as_str(),
            "SELECT * FROM (SELECT value ->> '$.a' AS a, unhex(value ->> '$.b') AS b \
             FROM jsonb_each($1)) AS r "
        );
        assert_eq!(sql.postgres.as_str(), "SELECT * FROM unnest($1{a TEXT,b BYTES}) AS r(a, b) ");
    }

    #[test]
    fn a_moment_takes_the_place_of_the_databases_clock_on_both() {
        let mut args = args![1_i64];
        let sql = sql!("SELECT" {now} "+ $1").at(Timestamp::UNIX_EPOCH, &mut args);
        assert_eq!(sql.sqlite.as_str(), "SELECT $2 + $1");
        assert_eq!(sql.postgres.as_str(), "SELECT $2 + $1");
        assert!(matches!(args.as_slice(), [_, Value::Int(Some(0))]), "{args:?}");
    }

    #[test]
    fn assembled_fragments_number_their_values() {
        let mut query = Assembled::new("SELECT 1 WHERE 1 = 1");
        query.clause_with(" AND a = ?", [Value::from("x")]);
        query.clause_with(" AND (b, c) > (?, ?)", [Value::from(1_i64), Value::from(2_i64)]);
        let (sql, args) = query.build();
        assert_eq!(sql.sqlite.as_str(), "SELECT 1 WHERE 1 = 1 AND a = $1 AND (b, c) > ($2, $3)");
        assert_eq!(args.len(), 3);
    }
}
