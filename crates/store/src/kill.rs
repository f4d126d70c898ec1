//! The kill switch as stored.

use domain::{
    event::{Event, NewEvent, Stream},
    killswitch::{Kill, Scope},
    port::{StoreError, Work},
    user::Actor,
};
use jiff::Timestamp;

use crate::{
    connection::Tx,
    open::Store,
    sql::{Value, args, sql},
    trail,
};

/// Stops sending within a scope, unless it is stopped already.
pub(crate) async fn engage(tx: &mut Tx, kill: Kill) -> Result<(), StoreError> {
    let engaged = tx
        .execute(
            sql!("INSERT INTO kills (scope, actor, engaged_at, reason) "
                "VALUES ($1, $2, $3, $4) ON CONFLICT (scope) DO NOTHING"),
            vec![
                Value::word(&kill.scope),
                Value::json(&kill.by),
                Value::from(kill.at),
                Value::from(kill.reason.as_str()),
            ],
        )
        .await?;
    if engaged == 1 {
        let event = Event::KillEngaged { scope: kill.scope.to_string(), reason: kill.reason };
        let event = NewEvent { stream: Stream::Switch, at: kill.at, actor: kill.by, event };
        trail::append(tx, &[event]).await?;
    }
    Ok(())
}

impl Store {
    pub(crate) async fn engage(&self, kill: Kill) -> Result<(), StoreError> {
        self.write(move |tx| Box::pin(engage(tx, kill))).await
    }

    pub(crate) async fn release(
        &self,
        scope: Scope,
        by: Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let released = tx
                    .execute(sql!("DELETE FROM kills WHERE scope = $1"), vec![Value::word(&scope)])
                    .await?;
                if released != 1 {
                    return Ok(false);
                }
                tx.stir(Work::Outbox);
                let event = Event::KillReleased { scope: scope.to_string() };
                let event = NewEvent { stream: Stream::Switch, at: now, actor: by, event };
                trail::append(tx, &[event]).await?;
                Ok(true)
            })
        })
        .await
    }

    pub(crate) async fn engaged(&self) -> Result<Vec<Kill>, StoreError> {
        self.read(|tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT scope, actor, engaged_at, reason FROM kills "
                        "ORDER BY engaged_at, scope"),
                    args![],
                )
                .await?
                .iter()
                .map(|row| {
                    Ok(Kill {
                        scope: row.word("scope")?,
                        by: row.json("actor")?,
                        at: row.at("engaged_at")?,
                        reason: row.text("reason")?,
                    })
                })
                .collect()
            })
        })
        .await
    }
}
