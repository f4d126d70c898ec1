//! Messages on their way out: claimed, transmitted, recorded, each attempt fenced by its token.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use domain::{
    draft::Letter,
    event::{Event, NewEvent},
    id::{MessageId, RunId},
    killswitch::{Kill, Scope},
    limit::Limits,
    message::{Message, MessageStatus},
    page::{Page, PageRequest},
    port::{Begun, Outbox, Outcome, Room, StoreError},
    run::{Phase, RunStatus},
    user::Actor,
};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    claim::microseconds,
    commit,
    connection::Tx,
    intervene, message,
    open::Store,
    run,
    sql::{Value, sql},
    trail,
};

#[async_trait]
impl Outbox for Store {
    async fn claim_messages_within(
        &self,
        now: Timestamp,
        room: &Room,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Message>, StoreError> {
        self.claim_due_messages(now, room, ttl, limits).await
    }

    async fn renew_message(
        &self,
        message: &Message,
        ttl: SignedDuration,
    ) -> Result<bool, StoreError> {
        let hold = Hold { message: message.id, token: message.token, ttl };
        self.gatherers().holds.ask(self, hold).await
    }

    async fn begin(
        &self,
        message: &Message,
        letter: &Letter,
        ttl: SignedDuration,
        now: Timestamp,
        sends_per_hour: Option<u32>,
    ) -> Result<Begun, StoreError> {
        self.begin_message(message, letter, ttl, now, sends_per_hour).await
    }

    async fn record(
        &self,
        message: &Message,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.record_outcome(message.clone(), outcome.clone(), now).await
    }

    async fn resolve(
        &self,
        id: MessageId,
        arrived: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let by = by.clone();
        self.write(move |tx| Box::pin(resolve(tx, id, arrived, by, now))).await
    }

    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.gatherers().messages.ask(self, id).await
    }

    async fn messages(
        &self,
        status: Option<MessageStatus>,
        page: &PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        self.list_messages(status, page).await
    }

    async fn kill(&self, kill: &Kill) -> Result<(), StoreError> {
        self.engage(kill.clone()).await
    }

    async fn unkill(&self, scope: &Scope, by: &Actor, now: Timestamp) -> Result<bool, StoreError> {
        self.release(scope.clone(), by.clone(), now).await
    }

    async fn kills(&self) -> Result<Vec<Kill>, StoreError> {
        self.engaged().await
    }
}

/// What an outcome makes of a message.
struct Recorded {
    status: MessageStatus,
    note: String,
    /// When it is tried again, for a message that goes back to the queue.
    next_at: Option<Timestamp>,
    /// Attempts that are to be counted, beyond what the claim counted.
    counted: i64,
    /// None for a message that merely waits.
    event: Option<Event>,
}

impl Recorded {
    fn of(message: &Message, outcome: Outcome) -> Self {
        // The claim of one that may have been handed over counted nothing.
        let was_handed_over = message.status == MessageStatus::Transmitting;
        let message = message.id;
        let settled = |status, note: String, event| Self {
            status,
            note,
            next_at: None,
            counted: 0,
            event: Some(event),
        };
        let waits = |note: String, until, handed_over, counted, event| Self {
            status: if handed_over { MessageStatus::Transmitting } else { MessageStatus::Queued },
            note,
            next_at: Some(until),
            counted,
            event,
        };
        match outcome {
            Outcome::Delivered(receipt) => settled(
                MessageStatus::Delivered,
                receipt.note.clone(),
                Event::MessageDelivered { message, note: receipt.note },
            ),
            Outcome::Refused(why) => {
                settled(MessageStatus::Refused, why.clone(), Event::MessageRefused { message, why })
            }
            Outcome::Failed(why) => {
                settled(MessageStatus::Failed, why.clone(), Event::MessageFailed { message, why })
            }
            Outcome::Uncertain(why) => settled(
                MessageStatus::Uncertain,
                why.clone(),
                Event::MessageUncertain { message, why },
            ),
            Outcome::Held { why, until } => {
                waits(why, until, was_handed_over, i64::from(was_handed_over) - 1, None)
            }
            Outcome::Retry { why, until, handed_over } => {
                let event = Event::DeliveryRetried { message, why: why.clone(), until };
                let handed_over = handed_over || was_handed_over;
                waits(why, until, handed_over, i64::from(was_handed_over), Some(event))
            }
        }
    }
}

/// An attempt's hold on its message.
#[derive(Clone)]
pub(crate) struct Hold {
    message: MessageId,
    token: i64,
    ttl: SignedDuration,
}

/// Prolongs the holds of all who ask.
pub(crate) fn renew_each(
    tx: &mut Tx,
    holds: Vec<Hold>,
) -> BoxFuture<'_, Result<Vec<bool>, StoreError>> {
    Box::pin(async move {
        let rows: Vec<_> = holds
            .iter()
            .map(|hold| {
                json!({ "id": hold.message, "token": hold.token, "ttl": microseconds(hold.ttl) })
            })
            .collect();
        let held: HashSet<(MessageId, i64)> = tx
            .fetch(
                sql!("UPDATE messages SET lease_until =" {now} "+ r.ttl FROM "
                    {rows "$1" (id TEXT, token BIGINT, ttl BIGINT)}
                    "WHERE messages.id = r.id AND messages.token = r.token "
                    "AND messages.status || '' IN ('sending', 'transmitting') "
                    "RETURNING messages.id AS id, messages.token AS token"),
                vec![Value::rows(rows)],
            )
            .await?
            .iter()
            .map(|row| Ok((row.word("id")?, row.int("token")?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(holds.iter().map(|hold| held.contains(&(hold.message, hold.token))).collect())
    })
}

impl Store {
    pub(crate) async fn record_outcome(
        &self,
        message: Message,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.gatherers().outcomes.ask(self, (message, outcome, now)).await
    }
}

/// The outcomes of all whose attempts ended.
pub(crate) fn record_each(
    tx: &mut Tx,
    ended: Vec<(Message, Outcome, Timestamp)>,
) -> BoxFuture<'_, Result<Vec<bool>, StoreError>> {
    Box::pin(record(tx, ended))
}

/// Records each outcome on its own: an attempt that lost its lease changes nothing and does not
/// hurt its neighbours. However many there are, each table is asked and changed a fixed number of
/// times.
async fn record(
    tx: &mut Tx,
    ended: Vec<(Message, Outcome, Timestamp)>,
) -> Result<Vec<bool>, StoreError> {
    let runs: BTreeSet<RunId> = ended.iter().map(|(message, ..)| message.run).collect();
    run::lock_all(tx, &runs).await?;
    let mut held = held(tx, &ended).await?;
    let mut answers = Vec::with_capacity(ended.len());
    let (mut rows, mut woken, mut events) = (Vec::new(), Vec::new(), Vec::new());
    let mut first = Timestamp::MAX;
    for (message, outcome, now) in ended {
        // Taken out, so that of two outcomes of one attempt the second is too late.
        let is_held = held.get(&message.id) == Some(&message.token);
        answers.push(is_held);
        if !is_held {
            continue;
        }
        held.remove(&message.id);
        let recorded = Recorded::of(&message, outcome);
        let settled_at = recorded.status.is_settled().then_some(now);
        rows.push(json!({
            "id": message.id,
            "status": recorded.status,
            "note": recorded.note,
            "next_at": recorded.next_at.map(Timestamp::as_microsecond),
            "counted": recorded.counted,
            "settled_at": settled_at.map(Timestamp::as_microsecond),
        }));
        if settled_at.is_some() {
            woken.push(message.run);
            first = first.min(now);
        }
        let event = recorded.event;
        events.extend(event.map(|event| NewEvent::of_run(message.run, now, Actor::Engine, event)));
    }
    if rows.is_empty() {
        return Ok(answers);
    }
    tx.execute(
        sql!("UPDATE messages SET status = r.status, note = r.note, "
            "next_at = COALESCE(r.next_at, messages.next_at), "
            "attempts = messages.attempts + r.counted, settled_at = r.settled_at, claims = 0, "
            // What stays `transmitting` is claimed like one whose attempt died.
            "lease_until = CASE WHEN r.status = 'transmitting' THEN 0 END FROM "
            {rows "$1" (
                id TEXT, status TEXT, note TEXT, next_at BIGINT, counted BIGINT, settled_at BIGINT
            )}
            "WHERE messages.id = r.id"),
        vec![Value::rows(rows)],
    )
    .await?;
    run::wake_all(tx, woken, &[], first).await?;
    trail::append(tx, &events).await?;
    Ok(answers)
}

/// The tokens of those messages that an attempt holds, locked in one order for everybody.
async fn held(
    tx: &mut Tx,
    ended: &[(Message, Outcome, Timestamp)],
) -> Result<HashMap<MessageId, i64>, StoreError> {
    let ids: BTreeSet<MessageId> = ended.iter().map(|(message, ..)| message.id).collect();
    tx.fetch(
        sql!("SELECT id, token FROM messages WHERE id" {among "$1"}
            // Dressed up: bare, it would tempt SQLite to walk all that are on their way.
            "AND status || '' IN ('sending', 'transmitting') ORDER BY id" {lock}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| Ok((row.word("id")?, row.int("token")?)))
    .collect()
}

async fn resolve(
    tx: &mut Tx,
    id: MessageId,
    arrived: bool,
    by: Actor,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(message) = message::find(tx, id).await? else { return Ok(false) };
    let Some(row) = run::lock(tx, message.run).await? else { return Ok(false) };
    let run = run::read(&row)?;
    let (status, settled_at, resolution) = if arrived {
        (MessageStatus::Delivered, Some(now), "arrived")
    } else if run.status == RunStatus::Cancelled {
        (MessageStatus::Failed, Some(now), "did not arrive; its run was cancelled")
    } else {
        (MessageStatus::Queued, None, "send again")
    };
    // Sent again, it gets as many attempts as a new one.
    let changed = tx
        .execute(
            sql!("UPDATE messages SET status = $2, settled_at = $3, next_at = $4, note = $5, "
                "attempts = CASE WHEN $3 IS NULL THEN 0 ELSE attempts END, claims = 0 "
                "WHERE id = $1 AND status IN ('uncertain', 'failed') AND status <> $2"),
            vec![
                Value::word(id),
                Value::word(status),
                Value::from(settled_at),
                Value::from(now),
                Value::from(format!("resolved by {by}: {resolution}")),
            ],
        )
        .await?;
    if changed != 1 {
        return Ok(false);
    }
    let event = Event::MessageResolved { message: id, resolution: resolution.to_owned() };
    let mut events = vec![NewEvent::of_run(run.id, now, by.clone(), event)];
    let waits = matches!(run.progress.phase, Phase::AwaitingDelivery { message } if message == id);
    if run.status == RunStatus::Stuck && waits {
        intervene::retry(tx, run.id, run.progress, now).await?;
        events.push(NewEvent::of_run(run.id, now, by, Event::RunRetried {}));
    } else {
        run::wake(tx, run.id, now).await?;
        // A turn in flight may have read the message before and be about to say that the run is
        // stuck on it, and nobody would resolve it a second time.
        commit::release(tx, &[run.id]).await?;
    }
    trail::append(tx, &events).await?;
    Ok(true)
}
