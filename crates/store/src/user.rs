//! People as stored.

use domain::{
    event::{Event, NewEvent, Stream},
    port::StoreError,
    user::{Actor, User},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    row::Row,
    sql::{Value, sql},
};

/// Addresses are the same whatever their case.
pub(crate) fn key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// A user of a row with the columns of `users`.
pub(crate) fn read(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.word("id")?,
        email: row.text("email")?,
        name: row.text("name")?,
        role: row.word("role")?,
        since: row.maybe_word("since")?,
        disabled_at: row.maybe_at("disabled_at")?,
    })
}

/// Adds people whose addresses are not taken; the events that say so.
pub(crate) async fn add(
    tx: &mut Tx,
    users: &[User],
    by: &Actor,
    now: Timestamp,
) -> Result<Vec<NewEvent>, StoreError> {
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            json!({
                "id": user.id,
                "email": user.email.trim(),
                "email_key": key(&user.email),
                "name": user.name,
                "role": user.role,
                "since": user.since,
                "disabled_at": user.disabled_at.map(Timestamp::as_microsecond),
            })
        })
        .collect();
    tx.fetch(
        sql!("INSERT INTO users (id, email, email_key, name, role, since, disabled_at, created_at) "
            "SELECT r.id, r.email, r.email_key, r.name, r.role, r.since, r.disabled_at, $2 FROM "
            {rows "$1" (
                id TEXT, email TEXT, email_key TEXT, name TEXT, role TEXT, since TEXT,
                disabled_at BIGINT
            )}
            "WHERE true ON CONFLICT (email_key) DO NOTHING RETURNING id, role"),
        vec![Value::rows(rows), Value::from(now)],
    )
    .await?
    .iter()
    .map(|row| {
        Ok(NewEvent {
            stream: Stream::User,
            at: now,
            actor: by.clone(),
            event: Event::UserAdded { user: row.word("id")?, role: row.text("role")? },
        })
    })
    .collect()
}
