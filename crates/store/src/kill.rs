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
    row::Row,
    sql::{Value, args, sql},
    trail,
};

/// A kill of a row with the columns of `kills`.
pub(crate) fn read(row: &Row) -> Result<Kill, StoreError> {
    Ok(Kill {
        scope: row.word("scope")?,
        by: row.json("actor")?,
        at: row.at("engaged_at")?,
        reason: row.text("reason")?,
    })
}

/// Stops sending within a scope; false if it is stopped already. The event is the caller's.
pub(crate) async fn put(tx: &mut Tx, kill: &Kill) -> Result<bool, StoreError> {
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
    Ok(engaged == 1)
}

/// The event of a stop.
pub(crate) fn event(kill: Kill) -> NewEvent {
    let event = Event::KillEngaged { scope: kill.scope.to_string(), reason: kill.reason };
    NewEvent { stream: Stream::Switch, at: kill.at, actor: kill.by, event }
}

/// Stops sending within a scope, unless it is stopped already.
pub(crate) async fn engage(tx: &mut Tx, kill: Kill) -> Result<(), StoreError> {
    if put(tx, &kill).await? {
        trail::append(tx, &[event(kill)]).await?;
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
                if let Scope::Playbook(playbook) = &scope {
                    // A person looked: what went out before does not count any more.
                    tx.execute(
                        sql!("INSERT INTO blasts (playbook, since) VALUES ($1, $2) "
                            "ON CONFLICT (playbook) DO UPDATE SET since = excluded.since"),
                        args![playbook.as_str(), now],
                    )
                    .await?;
                }
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
                .map(read)
                .collect()
            })
        })
        .await
    }
}
