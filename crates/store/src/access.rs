//! People, their sessions and tokens.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use domain::{
    id::UserId,
    port::{Access, Session, StoreError},
    user::{Actor, User},
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{
    connection::Tx,
    fault::unreadable,
    open::Store,
    row::Row,
    sql::{Sql, Value, args, sql},
    trail, user,
};

fn session(row: &Row) -> Result<Session, StoreError> {
    let scope: Option<String> = row.get("scope")?;
    Ok(Session {
        user: user::read(row)?,
        scope: scope
            .map(|scope| serde_json::from_str(&scope).map_err(|error| unreadable("scope", error)))
            .transpose()?,
        expires_at: row.at("expires_at")?,
    })
}

/// What somebody showed to prove who they are, and when.
#[derive(Clone)]
pub(crate) struct Asked {
    kind: String,
    hash: String,
    now: Timestamp,
}

/// The sessions of all who ask.
pub(crate) fn sessions(
    tx: &mut Tx,
    asked: Vec<Asked>,
) -> BoxFuture<'_, Result<Vec<Option<Session>>, StoreError>> {
    Box::pin(async move {
        let hashes: BTreeSet<&str> = asked.iter().map(|asked| asked.hash.as_str()).collect();
        let found: HashMap<(String, String), Session> = tx
            .fetch(
                sql!("SELECT users.id AS id, email, name, role, since, disabled_at, scope, "
                    "expires_at, kind, hash FROM secrets "
                    "JOIN users ON users.id = secrets.user_id "
                    "WHERE disabled_at IS NULL AND hash" {among "$1"}),
                vec![Value::json(&hashes)],
            )
            .await?
            .iter()
            .map(|row| Ok(((row.text("kind")?, row.text("hash")?), session(row)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(asked
            .into_iter()
            .map(|Asked { kind, hash, now }| {
                found.get(&(kind, hash)).filter(|session| session.expires_at > now).cloned()
            })
            .collect())
    })
}

/// `$1` kind, `$2` hash, `$3` now.
fn find() -> Sql {
    sql!("SELECT users.id AS id, email, name, role, since, disabled_at, scope, expires_at "
        "FROM secrets JOIN users ON users.id = secrets.user_id "
        "WHERE hash = $2 AND kind = $1 AND expires_at > $3 AND disabled_at IS NULL")
}

#[async_trait]
impl Access for Store {
    async fn add_user(&self, user: &User, by: &Actor, now: Timestamp) -> Result<User, StoreError> {
        let (user, by) = (user.clone(), by.clone());
        self.write(move |tx| {
            Box::pin(async move {
                let events = user::add(tx, std::slice::from_ref(&user), &by, now).await?;
                trail::append(tx, &events).await?;
                by_email(tx, &user.email).await?.ok_or_else(|| unreadable("user", "it vanished"))
            })
        })
        .await
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT id, email, name, role, since, disabled_at FROM users "
                        "ORDER BY name, id"),
                    args![],
                )
                .await?
                .iter()
                .map(user::read)
                .collect()
            })
        })
        .await
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        let email = email.to_owned();
        self.read(move |tx| Box::pin(async move { by_email(tx, &email).await })).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.one(
                    sql!("SELECT id, email, name, role, since, disabled_at FROM users "
                        "WHERE id = $1"),
                    vec![Value::word(id)],
                )
                .await?
                .as_ref()
                .map(user::read)
                .transpose()
            })
        })
        .await
    }

    async fn issue(
        &self,
        kind: &str,
        hash: &str,
        user: UserId,
        scope: Option<&[String]>,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let scope = scope.map_or(Value::Text(None), |scope| Value::json(&scope));
        let args = vec![
            Value::from(hash),
            Value::from(kind),
            Value::word(user),
            scope,
            Value::from(now),
            Value::from(expires_at),
        ];
        self.write(move |tx| {
            Box::pin(async move {
                // What has ended is of no use to anybody; this keeps the table small.
                tx.execute(sql!("DELETE FROM secrets WHERE expires_at <= $1"), args![now]).await?;
                tx.execute(
                    sql!("INSERT INTO secrets (hash, kind, user_id, scope, issued_at, expires_at) "
                        "VALUES ($1, $2, $3, $4, $5, $6)"),
                    args,
                )
                .await?;
                Ok(())
            })
        })
        .await
    }

    async fn session(
        &self,
        kind: &str,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let asked = Asked { kind: kind.to_owned(), hash: hash.to_owned(), now };
        self.gatherers().sessions.ask(self, asked).await
    }

    async fn redeem(
        &self,
        kind: &str,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let (args, hash) = (args![kind, hash, now], hash.to_owned());
        self.write(move |tx| {
            Box::pin(async move {
                let Some(row) = tx.one(find(), args).await? else { return Ok(None) };
                // Of two who redeem at once, one deletes.
                let used =
                    tx.execute(sql!("DELETE FROM secrets WHERE hash = $1"), args![hash]).await?;
                if used == 1 { session(&row).map(Some) } else { Ok(None) }
            })
        })
        .await
    }

    async fn revoke(&self, hash: &str) -> Result<(), StoreError> {
        let args = args![hash];
        self.write(move |tx| {
            Box::pin(async move {
                tx.execute(sql!("DELETE FROM secrets WHERE hash = $1"), args).await?;
                Ok(())
            })
        })
        .await
    }
}

async fn by_email(tx: &mut Tx, email: &str) -> Result<Option<User>, StoreError> {
    tx.one(
        sql!("SELECT id, email, name, role, since, disabled_at FROM users WHERE email_key = $1"),
        vec![Value::from(user::key(email))],
    )
    .await?
    .as_ref()
    .map(user::read)
    .transpose()
}
