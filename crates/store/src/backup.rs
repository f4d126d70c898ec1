//! Copies of the database: taking one while it is in use, looking it over, and holding back what a
//! restored one would send twice.

use std::path::Path;

use domain::{
    content::Sealed,
    event::{Event, NewEvent, Stream},
    id::{MessageId, RunId},
    killswitch::{Kill, Scope},
    port::StoreError,
    user::Actor,
};
use jiff::Timestamp;

use crate::{
    connection::Tx,
    fault::of_sqlx,
    kill,
    open::Store,
    sql::{Sql, Value, args, sql},
    trail,
};

/// How much of a SQLite file is free pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slack {
    /// Bytes in all.
    pub bytes: i64,
    /// Bytes of pages nothing is in.
    pub free: i64,
    /// Whether free pages can be given back in small steps. A file that was made before this was
    /// the rule has to be rewritten once, see [`Store::rewrite`].
    pub by_steps: bool,
}

fn pages() -> Sql {
    Sql::pair(
        "SELECT page_size AS size, page_count AS pages, freelist_count AS free, \
         auto_vacuum AS mode FROM pragma_page_size(), pragma_page_count(), \
         pragma_freelist_count(), pragma_auto_vacuum()",
        "SELECT 0::BIGINT AS size, 0::BIGINT AS pages, 0::BIGINT AS free, 2::BIGINT AS mode",
    )
}

impl Store {
    /// Writes a copy of a SQLite database, as of one moment, into a file that is not there yet.
    /// Others go on reading and writing meanwhile. The file is not made durable here.
    pub async fn copy_into(&self, file: &Path) -> Result<(), StoreError> {
        let args = args![file.to_string_lossy().as_ref()];
        self.read(move |tx| {
            Box::pin(async move {
                tx.execute(Sql::pair("VACUUM INTO $1", "SELECT $1::TEXT"), args).await?;
                Ok(())
            })
        })
        .await
    }

    /// What SQLite finds wrong with the file, in its words; nothing when it is whole.
    pub async fn integrity(&self) -> Result<Vec<String>, StoreError> {
        let sql = Sql::pair("PRAGMA integrity_check(20)", "SELECT 'ok' AS integrity_check");
        let found: Vec<String> = self
            .read(move |tx| {
                Box::pin(async move {
                    tx.fetch(sql, args![])
                        .await?
                        .iter()
                        .map(|row| row.text("integrity_check"))
                        .collect()
                })
            })
            .await?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// Whether there is nothing of ours in the database, not even a schema.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let sql = Sql::pair(
            "SELECT COUNT(*) AS n FROM sqlite_schema WHERE name IN ('migrations', 'events')",
            "SELECT COUNT(*) AS n FROM pg_tables WHERE schemaname = current_schema() \
             AND tablename IN ('migrations', 'events')",
        );
        self.read(move |tx| Box::pin(async move { Ok(tx.count(sql, args![]).await? < 2) })).await
    }

    /// Any sealed content of somebody who was not erased, to try a master key on.
    pub async fn some_content(&self) -> Result<Option<Sealed>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                tx.one(
                    sql!("SELECT id, subject, bytes FROM contents WHERE EXISTS (SELECT 1 "
                        "FROM subject_keys WHERE contact = subject AND wrapped IS NOT NULL) "
                        "ORDER BY id DESC LIMIT 1"),
                    args![],
                )
                .await?
                .map(|row| {
                    Ok(Sealed {
                        id: row.word("id")?,
                        subject: row.word("subject")?,
                        bytes: row.get("bytes")?,
                    })
                })
                .transpose()
            })
        })
        .await
    }

    /// When the last event was written; none in an empty database.
    pub async fn last_event(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                tx.one(sql!("SELECT MAX(at) AS at FROM events"), args![])
                    .await?
                    .map_or(Ok(None), |row| row.maybe_at("at"))
            })
        })
        .await
    }

    /// After the database was put back from a copy: stops all sending, and settles everything that
    /// was on its way as uncertain, for it may have left after the copy was taken. How many
    /// messages that were. Nothing of it is sent until a person says so of each.
    pub async fn hold_unsettled(
        &self,
        copied_at: Option<Timestamp>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let by = by.clone();
        self.write(move |tx| Box::pin(hold(tx, copied_at, by, now))).await
    }

    /// How much of the file is free; nothing on PostgreSQL, whose autovacuum sees to that.
    pub async fn slack(&self) -> Result<Slack, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                let Some(row) = tx.one(pages(), args![]).await? else {
                    return Ok(Slack { bytes: 0, free: 0, by_steps: true });
                };
                let size = row.int("size")?;
                Ok(Slack {
                    bytes: size * row.int("pages")?,
                    free: size * row.int("free")?,
                    by_steps: row.int("mode")? == 2,
                })
            })
        })
        .await
    }

    /// Gives up to 512 KiB of free pages back to the file system; tells whether there are more.
    pub async fn shrink(&self) -> Result<bool, StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                tx.raw("PRAGMA incremental_vacuum(128)", "SELECT 1").await.map_err(of_sqlx)
            })
        })
        .await?;
        let slack = self.slack().await?;
        Ok(slack.by_steps && slack.free > 0)
    }

    /// Writes a SQLite file anew without its free pages, and so that it shrinks by steps from then
    /// on. Needs as much room again and nobody else at work.
    pub async fn rewrite(&self) -> Result<(), StoreError> {
        self.write_one(|tx| {
            Box::pin(async move {
                tx.raw("PRAGMA auto_vacuum = INCREMENTAL; VACUUM", "SELECT 1")
                    .await
                    .map_err(of_sqlx)
            })
        })
        .await
    }
}

async fn hold(
    tx: &mut Tx,
    copied_at: Option<Timestamp>,
    by: Actor,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let of = copied_at.map_or_else(String::new, |at| format!(" of {at}"));
    let stop = Kill {
        scope: Scope::All,
        by: by.clone(),
        at: now,
        reason: format!(
            "the database was restored from a copy{of}: what was sent after it was taken is not \
             known here"
        ),
    };
    kill::engage(tx, stop).await?;
    let why = format!(
        "the database was restored from a copy{of}, and the message may have left after it was \
         taken"
    );
    let unsettled = tx
        .fetch(
            sql!("SELECT id, run FROM messages WHERE settled_at IS NULL ORDER BY run, id" {lock}),
            args![],
        )
        .await?;
    let mut ids: Vec<MessageId> = Vec::with_capacity(unsettled.len());
    let mut events = Vec::with_capacity(unsettled.len() + 1);
    for row in &unsettled {
        let (message, run): (MessageId, RunId) = (row.word("id")?, row.word("run")?);
        ids.push(message);
        let event = Event::MessageUncertain { message, why: why.clone() };
        events.push(NewEvent::of_run(run, now, by.clone(), event));
    }
    tx.execute(
        // Whoever holds one by an attempt from before has lost it.
        sql!("UPDATE messages SET status = 'uncertain', note = $2, settled_at = $3, "
            "token = token + 1, lease_until = NULL WHERE id" {among "$1"}),
        vec![Value::json(&ids), Value::from(why), Value::from(now)],
    )
    .await?;
    let held = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    let event = Event::DatabaseRestored { copied_at, held };
    events.push(NewEvent { stream: Stream::History, at: now, actor: by, event });
    trail::append(tx, &events).await?;
    Ok(held)
}
