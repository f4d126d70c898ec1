//! Master keys as the database knows them, by id only, and what they wrap.

use domain::{
    event::{Event, NewEvent, Stream},
    port::StoreError,
    user::Actor,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    open::Store,
    sql::{Sql, Value, args, sql},
    trail,
};

/// Whose key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrappedKind {
    /// A person's.
    Subject,
    /// A run's.
    Run,
}

/// A wrapped key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The contact or run whose key it is.
    pub of: String,
    /// The key, wrapped.
    pub bytes: Vec<u8>,
    /// The id of the master key that wraps it; empty in what was wrapped before ids were kept.
    pub master: String,
}

/// The master keys the database knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Those that wrap.
    pub active: Vec<String>,
    /// Those that no longer do, and since when.
    pub retired: Vec<(String, Timestamp)>,
}

fn page(kind: WrappedKind) -> Sql {
    match kind {
        WrappedKind::Subject => {
            sql!("SELECT contact AS whose, wrapped, master FROM subject_keys WHERE contact > $2 "
                "AND wrapped IS NOT NULL AND master <> $1 ORDER BY contact LIMIT +$3")
        }
        WrappedKind::Run => {
            sql!("SELECT run AS whose, wrapped, master FROM pseudonyms WHERE run > $2 "
                "AND master <> $1 ORDER BY run LIMIT +$3")
        }
    }
}

fn replace(kind: WrappedKind) -> Sql {
    match kind {
        // A key that was destroyed meanwhile stays destroyed.
        WrappedKind::Subject => {
            sql!("UPDATE subject_keys SET wrapped = r.wrapped, master = $2 FROM "
                {rows "$1" (whose TEXT, wrapped BYTES, was TEXT)}
                "WHERE subject_keys.contact = r.whose AND subject_keys.wrapped IS NOT NULL "
                "AND subject_keys.master = r.was")
        }
        WrappedKind::Run => {
            sql!("UPDATE pseudonyms SET wrapped = r.wrapped, master = $2 FROM "
                {rows "$1" (whose TEXT, wrapped BYTES, was TEXT)}
                "WHERE pseudonyms.run = r.whose AND pseudonyms.master = r.was")
        }
    }
}

async fn add(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        sql!("INSERT INTO master_keys (id, known_at) VALUES ($1, $2) "
            "ON CONFLICT (id) DO UPDATE SET retired_at = NULL"),
        args![id, now],
    )
    .await?;
    Ok(())
}

impl Store {
    /// The master keys the database knows of; none before the first was used.
    pub async fn master_keys(&self) -> Result<Keys, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                let mut keys = Keys::default();
                let rows = tx
                    .fetch(
                        sql!("SELECT id, retired_at FROM master_keys ORDER BY known_at, id"),
                        args![],
                    )
                    .await?;
                for row in rows {
                    match row.maybe_at("retired_at")? {
                        None => keys.active.push(row.text("id")?),
                        Some(at) => keys.retired.push((row.text("id")?, at)),
                    }
                }
                Ok(keys)
            })
        })
        .await
    }

    /// Gives up the master keys there were: what they wrap stays closed, and another may begin.
    pub async fn give_up_master_keys(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                tx.execute(
                    sql!("INSERT INTO master_keys (id, known_at) SELECT 'lost', $1 "
                        "WHERE NOT EXISTS (SELECT 1 FROM master_keys)"),
                    args![now],
                )
                .await?;
                tx.execute(
                    sql!("UPDATE master_keys SET retired_at = $1 WHERE retired_at IS NULL"),
                    args![now],
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Notes the first master key, if none wraps.
    pub async fn know_master_key(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let args = args![id, now];
        self.write(move |tx| {
            Box::pin(async move {
                tx.execute(
                    sql!("INSERT INTO master_keys (id, known_at) SELECT $1, $2 "
                        "WHERE NOT EXISTS (SELECT 1 FROM master_keys WHERE retired_at IS NULL) "
                        "ON CONFLICT (id) DO UPDATE SET retired_at = NULL"),
                    args,
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Lets one master key wrap from now on and no other, with its event; nothing if it is so
    /// already.
    pub async fn change_master_key(
        &self,
        to: &str,
        by: Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let to = to.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let from: Vec<String> = tx
                    .fetch(
                        sql!("SELECT id FROM master_keys WHERE retired_at IS NULL AND id <> $1 "
                            "ORDER BY id" {lock}),
                        args![to.as_str()],
                    )
                    .await?
                    .iter()
                    .map(|row| row.text("id"))
                    .collect::<Result<_, _>>()?;
                if from.is_empty() {
                    return Ok(false);
                }
                add(tx, &to, now).await?;
                tx.execute(
                    sql!("UPDATE master_keys SET retired_at = $2 WHERE id" {among "$1"}),
                    vec![Value::json(&from), Value::from(now)],
                )
                .await?;
                let event = Event::MasterKeyChanged { from, to };
                let event = NewEvent { stream: Stream::Privacy, at: now, actor: by, event };
                trail::append(tx, &[event]).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Keys that another master key than this wraps: some, after the one named.
    pub async fn wrapped_by_others(
        &self,
        kind: WrappedKind,
        master: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Wrapped>, StoreError> {
        let args = args![master, after, limit];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(page(kind), args)
                    .await?
                    .iter()
                    .map(|row| {
                        Ok(Wrapped {
                            of: row.text("whose")?,
                            bytes: row.get("wrapped")?,
                            master: row.text("master")?,
                        })
                    })
                    .collect()
            })
        })
        .await
    }

    /// Puts keys wrapped by this master key in place of the same wrapped by others: those that are
    /// still as they were read. How many that were.
    pub async fn rewrap(
        &self,
        kind: WrappedKind,
        master: &str,
        keys: &[Wrapped],
    ) -> Result<u64, StoreError> {
        if keys.is_empty() {
            return Ok(0);
        }
        let rows: Vec<_> = keys
            .iter()
            .map(|key| json!({ "whose": key.of, "wrapped": hex::encode(&key.bytes), "was": key.master }))
            .collect();
        let args = vec![Value::rows(rows), Value::from(master)];
        self.write(move |tx| Box::pin(async move { tx.execute(replace(kind), args).await })).await
    }

    /// Any wrapped key of a person, to try a master key on.
    pub async fn some_wrapped(&self) -> Result<Option<Wrapped>, StoreError> {
        Ok(self.wrapped_by_others(WrappedKind::Subject, "-", "", 1).await?.pop())
    }
}
