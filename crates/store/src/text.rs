//! The free texts of an account, in which anybody may be mentioned.

use domain::{id::AccountId, port::StoreError};

use crate::{
    connection::Tx,
    open::Store,
    sql::{Sql, Value, args, sql},
};

/// A column that holds words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    table: &'static str,
    column: &'static str,
    /// Whether the words stand in the strings of JSON.
    pub json: bool,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

/// Words of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where they stand.
    pub place: Place,
    /// The row's key.
    key: (String, String),
    /// The words.
    pub words: String,
}

struct Column {
    place: Place,
    /// Keys and words of the account `$1`, after the key `$2`, `$3`: at most `$4`.
    read: fn() -> Sql,
    /// Puts `$3` in place of `$4` in the row `$1`, `$2`.
    write: fn() -> Sql,
}

macro_rules! sourced {
    ($table:literal, $column:literal) => {
        Column {
            place: Place { table: $table, column: $column, json: false },
            read: || {
                sql!("SELECT source AS k1, source_id AS k2, " $column " AS words FROM " $table
                    " WHERE account = $1 AND (source, source_id) > ($2, $3) AND " $column
                    " IS NOT NULL AND " $column " <> '' ORDER BY source, source_id LIMIT +$4")
            },
            write: || {
                sql!("UPDATE " $table " SET " $column " = $3 WHERE source = $1 AND source_id = $2 "
                    "AND " $column " = $4")
            },
        }
    };
}

macro_rules! owned {
    ($table:literal, $column:literal, $json:literal) => {
        Column {
            place: Place { table: $table, column: $column, json: $json },
            read: || {
                sql!("SELECT id AS k1, '' AS k2, " $column " AS words FROM " $table
                    " WHERE account = $1 AND (id, '') > ($2, $3) AND " $column
                    " IS NOT NULL AND " $column " <> '' ORDER BY id LIMIT +$4")
            },
            write: || {
                sql!("UPDATE " $table " SET " $column " = $3 WHERE id = $1 AND $2 = '' AND "
                    $column " = $4")
            },
        }
    };
}

fn columns() -> Vec<Column> {
    vec![
        sourced!("tickets", "subject"),
        sourced!("tickets", "body"),
        sourced!("surveys", "remark"),
        sourced!("meetings", "notes"),
        sourced!("meetings", "next_steps"),
        sourced!("emails", "subject"),
        sourced!("emails", "body"),
        sourced!("churns", "feedback"),
        owned!("signals", "data", true),
        owned!("runs", "cause", true),
        owned!("runs", "progress", true),
        owned!("tasks", "title", false),
        owned!("tasks", "body", false),
        owned!("tasks", "outcome", false),
        owned!("approvals", "data", true),
        Column {
            place: Place { table: "versions", column: "data", json: true },
            read: || {
                sql!("SELECT versions.approval AS k1, versions.content AS k2, "
                    "versions.data AS words FROM approvals "
                    "JOIN versions ON versions.approval = approvals.id "
                    "WHERE approvals.account = $1 AND (versions.approval, versions.content) > ($2, $3) "
                    "ORDER BY versions.approval, versions.content LIMIT +$4")
            },
            write: || {
                sql!("UPDATE versions SET data = $3 WHERE approval = $1 AND content = $2 "
                    "AND data = $4")
            },
        },
    ]
}

async fn read(tx: &mut Tx, column: &Column, args: Vec<Value>) -> Result<Vec<Text>, StoreError> {
    tx.fetch((column.read)(), args)
        .await?
        .iter()
        .map(|row| {
            Ok(Text {
                place: column.place,
                key: (row.text("k1")?, row.text("k2")?),
                words: row.text("words")?,
            })
        })
        .collect()
}

impl Store {
    /// Goes through all free texts of an account, some at a time, and puts what `change` answers in
    /// their place. A text that changed meanwhile is left: ask again. How many were changed.
    pub async fn change_texts(
        &self,
        account: AccountId,
        change: impl Fn(&Text) -> Option<String> + Send + Sync,
    ) -> Result<i64, StoreError> {
        const BATCH: u32 = 200;
        let mut changed = 0;
        for (index, column) in columns().iter().enumerate() {
            let mut after = (String::new(), String::new());
            loop {
                let args = args![account.to_string(), after.0.clone(), after.1.clone(), BATCH];
                let texts = self
                    .read(move |tx| {
                        Box::pin(async move {
                            let columns = columns();
                            match columns.get(index) {
                                Some(of) => read(tx, of, args).await,
                                None => Ok(Vec::new()),
                            }
                        })
                    })
                    .await?;
                let Some(last) = texts.last() else { break };
                after = last.key.clone();
                let edits: Vec<(Text, String)> = texts
                    .into_iter()
                    .filter_map(|text| change(&text).map(|words| (text, words)))
                    .collect();
                if edits.is_empty() {
                    continue;
                }
                let write = column.write;
                changed += self
                    .write(move |tx| {
                        Box::pin(async move {
                            let mut changed = 0;
                            for (text, words) in edits {
                                let (one, two) = text.key;
                                let done =
                                    tx.execute(write(), args![one, two, words, text.words]).await?;
                                changed += i64::try_from(done).unwrap_or(i64::MAX);
                            }
                            Ok(changed)
                        })
                    })
                    .await?;
            }
        }
        Ok(changed)
    }
}
