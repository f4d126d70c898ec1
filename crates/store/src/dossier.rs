//! Everything there is of one person, for them to have (GV-27).

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    archive::Rows,
    content::Sealed,
    event::StoredEvent,
    id::{AccountId, ContactId},
    port::StoreError,
};
use serde_json::Value as Json;

use crate::{
    connection::Tx,
    ledger,
    open::Store,
    sql::{Sql, Value, sql},
};

/// Everything the database has of a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Dossier {
    /// Their account.
    pub account: AccountId,
    /// Rows by table, with all columns but those that are about others.
    pub rows: BTreeMap<String, Rows>,
    /// Texts that were written to them, sealed.
    pub contents: Vec<Sealed>,
    /// What happened that concerns them, in the order of its streams.
    pub events: Vec<StoredEvent>,
}

/// All columns of the rows of a table, whatever they are, so that none is forgotten that a later
/// schema step adds: `$1` the contact, `$2` the account.
macro_rules! whole {
    ($table:literal, $($rest:literal),+) => {
        ($table, || Sql::pair(
            concat!("SELECT ", $table, ".* FROM ", $table, $($rest),+),
            concat!("SELECT to_jsonb(", $table, ".*)::text AS whole FROM ", $table, $($rest),+),
        ))
    };
}

type Part = (&'static str, fn() -> Sql);

fn parts() -> [Part; 9] {
    [
        whole!("contacts", " WHERE contacts.id = $1 AND contacts.account = $2"),
        whole!("tickets", " WHERE account = $2 AND contact = $1 ORDER BY opened_at"),
        whole!("surveys", " WHERE account = $2 AND contact = $1 ORDER BY answered_at"),
        whole!("emails", " WHERE account = $2 AND contact = $1 ORDER BY sent_at"),
        whole!(
            "meetings",
            " WHERE account = $2 AND attendees LIKE '%' || $1 || '%' ORDER BY held_at"
        ),
        whole!("approvals", " WHERE account = $2 AND contact = $1 ORDER BY queued_at"),
        whole!(
            "versions",
            " JOIN approvals ON approvals.id = versions.approval WHERE approvals.account = $2 ",
            "AND approvals.contact = $1 ORDER BY versions.approval, versions.number"
        ),
        whole!(
            "messages",
            " JOIN approvals ON approvals.id = messages.approval WHERE approvals.account = $2 ",
            "AND approvals.contact = $1 ORDER BY messages.queued_at"
        ),
        whole!("erasures", " WHERE contact = $1 AND $2 <> ''"),
    ]
}

/// The ids by which events speak of the person, and the runs that wrote to them.
fn ids(rows: &BTreeMap<String, Rows>, contact: ContactId) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut known = BTreeSet::from([contact.to_string()]);
    let mut runs = BTreeSet::new();
    for table in ["approvals", "messages"] {
        for row in rows.get(table).into_iter().flatten() {
            known.extend(row.get("id").and_then(Json::as_str).map(str::to_owned));
            runs.extend(row.get("run").and_then(Json::as_str).map(str::to_owned));
        }
    }
    (known, runs)
}

async fn dossier(tx: &mut Tx, contact: ContactId) -> Result<Option<Dossier>, StoreError> {
    let person = vec![Value::word(contact)];
    let found = tx.one(sql!("SELECT account FROM contacts WHERE id = $1"), person.clone()).await?;
    let Some(found) = found else { return Ok(None) };
    let account: AccountId = found.word("account")?;
    let mut rows: BTreeMap<String, Rows> = BTreeMap::new();
    for (table, of) in parts() {
        let args = vec![Value::word(contact), Value::word(account)];
        let found = tx.fetch(of(), args).await?;
        let found = found.iter().map(crate::row::Row::whole).collect::<Result<_, _>>()?;
        rows.insert(table.to_owned(), found);
    }
    let (known, runs) = ids(&rows, contact);
    let of_runs = runs_of(tx, &runs).await?;
    rows.insert("runs".to_owned(), of_runs);
    let contents = tx
        .fetch(
            sql!("SELECT id, subject, bytes FROM contents WHERE subject = $1 ORDER BY id"),
            person,
        )
        .await?
        .iter()
        .map(|row| {
            Ok(Sealed {
                id: row.word("id")?,
                subject: row.word("subject")?,
                bytes: row.get("bytes")?,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    let streams: Vec<&str> = runs.iter().map(String::as_str).chain(["privacy"]).collect();
    let events = tx
        .fetch(
            sql!("SELECT stream, seq, at, actor, data, prev, hash FROM events "
                "WHERE stream" {among "$1"} "ORDER BY stream, seq"),
            vec![Value::json(&streams)],
        )
        .await?
        .iter()
        .map(ledger::event)
        .collect::<Result<Vec<StoredEvent>, _>>()?
        .into_iter()
        .filter(|event| known.iter().any(|id| event.data.contains(id.as_str())))
        .collect();
    Ok(Some(Dossier { account, rows, contents, events }))
}

/// The runs, by columns that say nothing of anybody else.
async fn runs_of(tx: &mut Tx, runs: &BTreeSet<String>) -> Result<Rows, StoreError> {
    tx.fetch(
        sql!("SELECT id, playbook, version, status, step, started_at, changed_at FROM runs "
            "WHERE id" {among "$1"} "ORDER BY id"),
        vec![Value::json(runs)],
    )
    .await?
    .iter()
    .map(|row| {
        let mut whole = serde_json::Map::new();
        for column in ["id", "playbook", "version", "status", "step"] {
            whole.insert(column.to_owned(), row.text(column)?.into());
        }
        for column in ["started_at", "changed_at"] {
            whole.insert(column.to_owned(), row.int(column)?.into());
        }
        Ok(whole)
    })
    .collect()
}

impl Store {
    /// Everything there is of a person; none if nobody has this id.
    pub async fn dossier(&self, contact: ContactId) -> Result<Option<Dossier>, StoreError> {
        self.view(move |tx| Box::pin(dossier(tx, contact))).await
    }
}
