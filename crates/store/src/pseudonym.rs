//! What placeholders of runs stand for, as stored: sealed, each run's under its own wrapped key.

use domain::{
    content::SealedPseudonyms,
    id::{AccountId, RunId},
    port::StoreError,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    open::Store,
    row::Row,
    sql::{Sql, Value, args, sql},
};

/// What a run's placeholders stand for, sealed, and whether it may go on under the same master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPseudonyms {
    /// What is stored; its revision counts how often it was.
    pub sealed: Option<SealedPseudonyms>,
    /// Whether the master key that was asked about no longer wraps.
    pub retired: bool,
}

fn read(row: &Row) -> Result<SealedPseudonyms, StoreError> {
    Ok(SealedPseudonyms {
        run: row.word("run")?,
        wrapped: row.get("wrapped")?,
        master: row.text("master")?,
        bytes: row.get("bytes")?,
        revision: row.int("revision")?,
    })
}

/// Stores what turns left, unless somebody changed what they went on from: an erasure must not be
/// undone by a turn that was in flight.
pub(crate) async fn put(
    tx: &mut Tx,
    pseudonyms: &[SealedPseudonyms],
    now: Timestamp,
) -> Result<(), StoreError> {
    if pseudonyms.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = pseudonyms
        .iter()
        .map(|sealed| {
            json!({
                "run": sealed.run,
                "wrapped": hex::encode(&sealed.wrapped),
                "master": sealed.master,
                "bytes": hex::encode(&sealed.bytes),
                "revision": sealed.revision + 1,
            })
        })
        .collect();
    tx.execute(
        sql!("INSERT INTO pseudonyms (run, wrapped, master, bytes, revision, changed_at) "
            "SELECT r.run, r.wrapped, r.master, r.bytes, r.revision, $2 FROM "
            {rows "$1" (run TEXT, wrapped BYTES, master TEXT, bytes BYTES, revision BIGINT)}
            "WHERE true ON CONFLICT (run) DO UPDATE SET bytes = excluded.bytes, "
            "revision = excluded.revision, changed_at = excluded.changed_at "
            "WHERE pseudonyms.revision = excluded.revision - 1"),
        vec![Value::rows(rows), Value::from(now)],
    )
    .await?;
    Ok(())
}

/// Runs that are over since before `$1`, after the run `$2`, whose placeholders can still be
/// opened: at most `$3`.
fn over() -> Sql {
    sql!("SELECT pseudonyms.run AS id FROM pseudonyms JOIN runs ON runs.id = pseudonyms.run "
        "WHERE pseudonyms.run > $2 AND runs.status || '' IN ('completed', 'cancelled') "
        "AND runs.changed_at < $1 ORDER BY pseudonyms.run LIMIT +$3")
}

impl Store {
    /// What a run's placeholders stand for, sealed; and whether a master key no longer wraps.
    pub async fn pseudonyms_of(
        &self,
        run: RunId,
        master: &str,
    ) -> Result<StoredPseudonyms, StoreError> {
        let args = vec![Value::word(run), Value::from(master)];
        self.read(move |tx| {
            Box::pin(async move {
                let row = tx
                    .one(
                        sql!("SELECT run, wrapped, pseudonyms.master AS master, bytes, revision, "
                            "retired_at FROM (SELECT 1 AS one) AS o "
                            "LEFT JOIN pseudonyms ON pseudonyms.run = $1 "
                            "LEFT JOIN master_keys ON master_keys.id = $2"),
                        args,
                    )
                    .await?;
                let Some(row) = row else {
                    return Ok(StoredPseudonyms { sealed: None, retired: false });
                };
                let stored = row.get::<Option<String>>("run")?.is_some();
                Ok(StoredPseudonyms {
                    sealed: stored.then(|| read(&row)).transpose()?,
                    retired: row.maybe_at("retired_at")?.is_some(),
                })
            })
        })
        .await
    }

    /// What the placeholders of an account's runs stand for, sealed: some, after a run.
    pub async fn pseudonyms_of_account(
        &self,
        account: AccountId,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<SealedPseudonyms>, StoreError> {
        let after = after.map_or_else(String::new, |run| run.to_string());
        let args = args![account.to_string(), after, limit];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT run, wrapped, master, bytes, revision FROM pseudonyms "
                        "JOIN runs ON runs.id = pseudonyms.run "
                        "WHERE runs.account = $1 AND run > $2 ORDER BY run LIMIT +$3"),
                    args,
                )
                .await?
                .iter()
                .map(read)
                .collect()
            })
        })
        .await
    }

    /// Puts others in place of what is stored of a run, if it is still what was read. False if a
    /// turn was faster: read it again.
    pub async fn replace_pseudonyms(
        &self,
        sealed: &SealedPseudonyms,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let args = vec![
            Value::word(sealed.run),
            Value::from(sealed.bytes.clone()),
            Value::from(sealed.revision),
            Value::from(now),
        ];
        self.write(move |tx| {
            Box::pin(async move {
                let changed = tx
                    .execute(
                        sql!("UPDATE pseudonyms SET bytes = $2, revision = revision + 1, "
                            "changed_at = $4 WHERE run = $1 AND revision = $3"),
                        args,
                    )
                    .await?;
                Ok(changed == 1)
            })
        })
        .await
    }

    /// Destroys the keys of what placeholders stood for in runs that are over since before a time,
    /// a few at a time: how many, and the last run looked at.
    pub async fn forget_pseudonyms(
        &self,
        before: Timestamp,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<(u64, Option<RunId>), StoreError> {
        let after = after.map_or_else(String::new, |run| run.to_string());
        self.write(move |tx| {
            Box::pin(async move {
                let runs: Vec<RunId> = tx
                    .fetch(over(), args![before, after, limit])
                    .await?
                    .iter()
                    .map(|row| row.word("id"))
                    .collect::<Result<_, _>>()?;
                if runs.is_empty() {
                    return Ok((0, None));
                }
                let gone = tx
                    .execute(
                        sql!("DELETE FROM pseudonyms WHERE run" {among "$1"}),
                        vec![Value::json(&runs)],
                    )
                    .await?;
                Ok((gone, runs.last().copied()))
            })
        })
        .await
    }
}
