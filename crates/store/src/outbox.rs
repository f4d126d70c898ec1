//! Messages on their way out: claimed, transmitted, recorded, each attempt fenced by its token.

use async_trait::async_trait;
use domain::{
    event::{Event, NewEvent},
    id::MessageId,
    killswitch::{Kill, Scope},
    limit::Limits,
    message::{Message, MessageStatus},
    page::{Page, PageRequest},
    port::{Begun, Outbox, Outcome, StoreError},
    run::{Phase, RunStatus},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
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
        limit: u32,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Message>, StoreError> {
        self.claim_due_messages(now, limit, ttl, limits).await
    }

    async fn begin(
        &self,
        message: &Message,
        ttl: SignedDuration,
        now: Timestamp,
        sends_per_hour: Option<u32>,
    ) -> Result<Begun, StoreError> {
        self.begin_message(message, ttl, now, sends_per_hour).await
    }

    async fn record(
        &self,
        message: &Message,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (message, outcome) = (message.clone(), outcome.clone());
        self.write(move |tx| Box::pin(record(tx, message, outcome, now))).await
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

pub(crate) async fn record(
    tx: &mut Tx,
    message: Message,
    outcome: Outcome,
    now: Timestamp,
) -> Result<bool, StoreError> {
    run::lock(tx, message.run).await?;
    let recorded = Recorded::of(&message, outcome);
    let settled_at = recorded.status.is_settled().then_some(now);
    let changed = tx
        .execute(
            sql!("UPDATE messages SET status = $3, note = $4, next_at = COALESCE($5, next_at), "
                "attempts = attempts + $6, settled_at = $7, claims = 0, "
                // What stays `transmitting` is claimed like one whose attempt died.
                "lease_until = CASE WHEN $3 = 'transmitting' THEN 0 END "
                "WHERE id = $1 AND token = $2 AND status IN ('sending', 'transmitting')"),
            vec![
                Value::word(message.id),
                Value::from(message.token),
                Value::word(recorded.status),
                Value::from(recorded.note),
                Value::from(recorded.next_at),
                Value::from(recorded.counted),
                Value::from(settled_at),
            ],
        )
        .await?;
    if changed != 1 {
        return Ok(false);
    }
    if settled_at.is_some() {
        run::wake(tx, message.run, now).await?;
    }
    let event =
        recorded.event.map(|event| NewEvent::of_run(message.run, now, Actor::Engine, event));
    trail::append(tx, event.as_slice()).await?;
    Ok(true)
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
    if !arrived && run.status == RunStatus::Cancelled {
        return Ok(false);
    }
    let (status, settled_at, resolution) = if arrived {
        (MessageStatus::Delivered, Some(now), "arrived")
    } else {
        (MessageStatus::Queued, None, "send again")
    };
    // Sent again, it gets as many attempts as a new one.
    let changed = tx
        .execute(
            sql!("UPDATE messages SET status = $2, settled_at = $3, next_at = $4, note = $5, "
                "attempts = CASE WHEN $3 IS NULL THEN 0 ELSE attempts END, claims = 0 "
                "WHERE id = $1 AND status IN ('uncertain', 'failed')"),
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
