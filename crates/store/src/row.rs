//! A row of either database, read by column name into domain types.

use std::str::FromStr;

use domain::port::StoreError;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};

use crate::fault::{of_sqlx, unreadable};

/// A row.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What both drivers can read.
pub(crate) trait Column:
    Type<Sqlite> + Type<Postgres> + for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, Postgres>
{
}

impl<T> Column for T where
    T: Type<Sqlite> + Type<Postgres> + for<'r> Decode<'r, Sqlite> + for<'r> Decode<'r, Postgres>
{
}

impl Row {
    /// A value as the driver has it.
    pub(crate) fn get<T: Column>(&self, column: &str) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(of_sqlx)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// An id, a word of a closed vocabulary, or a day.
    pub(crate) fn word<T>(&self, column: &str) -> Result<T, StoreError>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        self.text(column)?.parse().map_err(|error: T::Err| unreadable(column, error))
    }

    /// As [`Row::word`], where the column may be NULL.
    pub(crate) fn maybe_word<T>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        self.get::<Option<String>>(column)?
            .map(|text| text.parse().map_err(|error: T::Err| unreadable(column, error)))
            .transpose()
    }

    pub(crate) fn at(&self, column: &str) -> Result<Timestamp, StoreError> {
        timestamp(column, self.int(column)?)
    }

    pub(crate) fn maybe_at(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        self.get::<Option<i64>>(column)?.map(|at| timestamp(column, at)).transpose()
    }

    /// A value stored as JSON text.
    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| unreadable(column, error))
    }
}

fn timestamp(column: &str, at: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(at).map_err(|error| unreadable(column, error))
}
