//! Sealed content and the wrapped keys that open it. Opening is the vault's business, not ours.

use domain::{
    content::Sealed,
    id::{ContactId, ContentId},
    port::StoreError,
};
use jiff::Timestamp;

use crate::{
    connection::Tx,
    key::Wrapped,
    open::Store,
    sql::{Value, sql},
};

/// Why a subject's key was not stored or found.
#[derive(Debug, thiserror::Error)]
pub enum SubjectKeyError {
    /// The person was erased; nothing is sealed for them any more.
    #[error("key of `{0}` was destroyed")]
    Destroyed(ContactId),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Destroys a subject's key within a unit of work; whether there was one.
pub(crate) async fn destroy_key(
    tx: &mut Tx,
    contact: ContactId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let had = tx
        .count(
            sql!("SELECT COUNT(*) AS n FROM subject_keys WHERE contact = $1 "
                "AND wrapped IS NOT NULL"),
            vec![Value::word(contact)],
        )
        .await?;
    tx.execute(
        sql!("INSERT INTO subject_keys (contact, wrapped, made_at, destroyed_at) "
            "VALUES ($1, NULL, $2, $2) ON CONFLICT (contact) DO UPDATE "
            "SET wrapped = NULL, destroyed_at = excluded.destroyed_at "
            "WHERE subject_keys.wrapped IS NOT NULL"),
        vec![Value::word(contact), Value::from(now)],
    )
    .await?;
    Ok(had > 0)
}

async fn has_tombstone(tx: &mut Tx, contact: ContactId) -> Result<bool, StoreError> {
    let there = tx
        .count(
            sql!("SELECT COUNT(*) AS n FROM subject_keys WHERE contact = $1"),
            vec![Value::word(contact)],
        )
        .await?;
    Ok(there > 0)
}

impl Store {
    /// The wrapped key of a data subject; none if there never was one.
    pub async fn subject_key(
        &self,
        contact: ContactId,
    ) -> Result<Option<Wrapped>, SubjectKeyError> {
        let row = self
            .read(move |tx| {
                Box::pin(async move {
                    tx.one(
                        sql!("SELECT wrapped, master FROM subject_keys WHERE contact = $1"),
                        vec![Value::word(contact)],
                    )
                    .await?
                    .map(|row| {
                        let Some(bytes) = row.get::<Option<Vec<u8>>>("wrapped")? else {
                            return Ok(None);
                        };
                        let of = contact.to_string();
                        Ok(Some(Wrapped { of, bytes, master: row.text("master")? }))
                    })
                    .transpose()
                })
            })
            .await?;
        match row {
            None => Ok(None),
            Some(Some(wrapped)) => Ok(Some(wrapped)),
            Some(None) => Err(SubjectKeyError::Destroyed(contact)),
        }
    }

    /// Stores a subject's wrapped key if there is none; the one that is stored, which is another's
    /// if another was faster. None is stored if the master key no longer wraps.
    pub async fn insert_subject_key_if_absent(
        &self,
        contact: ContactId,
        wrapped: &[u8],
        master: &str,
    ) -> Result<Option<Wrapped>, SubjectKeyError> {
        let now = self.clock.now();
        let args = vec![
            Value::word(contact),
            Value::from(wrapped.to_vec()),
            Value::from(now),
            Value::from(master),
        ];
        self.write(move |tx| {
            Box::pin(async move {
                tx.execute(
                    sql!("INSERT INTO subject_keys (contact, wrapped, made_at, master) "
                        "SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM master_keys "
                        "WHERE id = $4 AND retired_at IS NOT NULL) ON CONFLICT (contact) DO NOTHING"),
                    args,
                )
                .await
            })
        })
        .await?;
        self.subject_key(contact).await
    }

    /// Destroys a subject's key for good: what was sealed under it is erased, the audit trail
    /// stays whole, and no key is made for the person again. False if it was destroyed before.
    pub async fn destroy_subject_key(
        &self,
        contact: ContactId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let before = has_tombstone(tx, contact).await?;
                Ok(destroy_key(tx, contact, now).await? || !before)
            })
        })
        .await
    }

    /// Reads sealed content.
    pub async fn content(&self, id: ContentId) -> Result<Option<Sealed>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.one(
                    sql!("SELECT id, subject, bytes FROM contents WHERE id = $1"),
                    vec![Value::word(id)],
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
}
