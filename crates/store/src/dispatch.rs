//! Taking messages that are due into a worker's hands, fairly and within their rates.

use std::collections::BTreeMap;

use domain::{
    action::{ActionName, Audience},
    event::{Event, NewEvent},
    id::MessageId,
    intent::Channel,
    limit::{self, Limits},
    message::{Message, MessageStatus},
    port::{Outcome, Room, StoreError},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    claim::{LOST_WORKERS, draw, microseconds},
    connection::Tx,
    message,
    open::Store,
    rate::{self, every},
    sql::{Sql, Value, sql},
    trail,
};

/// A message that is due, and what its lane needs to know.
struct Due {
    message: Message,
    action: ActionName,
    /// Claims since the last outcome.
    claims: i64,
}

impl Due {
    /// Whether so many workers were lost on it that it is not tried again.
    const fn is_given_up(&self) -> bool {
        self.claims >= LOST_WORKERS
    }
}

impl Store {
    pub(crate) async fn claim_due_messages(
        &self,
        now: Timestamp,
        room: &Room,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Message>, StoreError> {
        if room.most() == 0 {
            return Ok(Vec::new());
        }
        let (room, limits) = (room.clone(), limits.clone());
        let (messages, given_up) = self
            .write(move |tx| Box::pin(async move { claim(tx, now, &room, ttl, &limits).await }))
            .await?;
        for message in given_up {
            let outcome = if message.status == MessageStatus::Transmitting {
                Outcome::Uncertain(format!(
                    "{LOST_WORKERS} workers were lost while they handed the message over; whether \
                     it arrived is not known"
                ))
            } else {
                Outcome::Failed(format!(
                    "{LOST_WORKERS} workers that took this message were lost before they handed \
                     it over; see the log of the last one"
                ))
            };
            self.record_outcome(message, outcome, now).await?;
        }
        Ok(messages)
    }
}

/// Every pair of a channel and an action that sends, with the action's rate and the channel's room.
/// What an older program put in the outbox has no channel and is taken for mail; what one before it
/// put there has no action either, and so no rate.
fn ways(room: &Room, limits: &Limits) -> Vec<serde_json::Value> {
    let channels = Channel::ALL.iter().map(|channel| (channel.as_str(), *channel));
    let channels: Vec<_> = channels.chain([("", Channel::default())]).collect();
    let names = ActionName::ALL.iter().filter(|name| name.audience() == Audience::Customer);
    let mut actions: Vec<_> = names
        .map(|name| {
            let rate = limits.actions.get(name);
            let (every, burst) = rate.map_or((0, 0), |rate| (every(*rate), rate.at_once()));
            (name.as_str(), every, burst)
        })
        .collect();
    actions.push(("", 0, 0));
    let mut ways = Vec::with_capacity(channels.len() * actions.len());
    for (channel, counts_as) in channels {
        for (action, every, burst) in &actions {
            ways.push(json!({
                "channel": channel,
                "counts_as": counts_as,
                "room": room.of(counts_as),
                "action": action,
                "every": every,
                "burst": burst,
            }));
        }
    }
    ways
}

/// Messages to be claimed: `$1` now, `$2` how many of a channel at most, `$3` the channels and actions
/// with room and rate, `$4` whose turn it is. What a stop covers stays where it is, as it is; so does
/// what has to wait for its action's rate, or for its channel's, and what belongs to a paused run. Only
/// what an attempt was handing over when it died is taken all the same: a person is to learn of it.
///
/// A lane is a channel, an action and a playbook. `found` hops from one to the next in the index,
/// `lane` leaves out those in which nothing may be sent now, and from each of the others `due` takes
/// who has been due the longest.
pub(crate) fn due() -> Sql {
    sql!("WITH RECURSIVE found (channel, counts_as, room, action, every, burst, playbook) AS (\
        SELECT r.channel, r.counts_as, r.room, r.action, r.every, r.burst, \
        (SELECT MIN(messages.playbook) FROM messages WHERE messages.settled_at IS NULL \
        AND messages.channel = r.channel AND messages.action = r.action) \
        FROM " {rows "$3" (
            channel TEXT, counts_as TEXT, room BIGINT, action TEXT, every BIGINT, burst BIGINT
        )}
        "WHERE r.room > 0 AND NOT EXISTS (SELECT 1 FROM kills \
        WHERE kills.scope IN ('all', 'action:' || r.action)) \
        AND NOT EXISTS (SELECT 1 FROM rates WHERE rates.key = 'action:' || r.action \
        AND rates.every = r.every AND rates.tat > $1 + (r.burst - 1) * r.every) \
        UNION ALL \
        SELECT found.channel, found.counts_as, found.room, found.action, found.every, found.burst, \
        (SELECT MIN(messages.playbook) FROM messages WHERE messages.settled_at IS NULL \
        AND messages.channel = found.channel AND messages.action = found.action \
        AND messages.playbook > found.playbook) FROM found WHERE found.playbook IS NOT NULL), \
        lane AS MATERIALIZED (\
        SELECT found.channel, found.counts_as, found.room, found.action, found.playbook, \
        (ROW_NUMBER() OVER (ORDER BY found.playbook, found.action, found.channel) + $4) \
        % COUNT(*) OVER () AS turn FROM found WHERE found.playbook IS NOT NULL \
        AND NOT EXISTS (SELECT 1 FROM kills WHERE kills.scope = 'playbook:' || found.playbook)), \
        due AS (\
        SELECT c.id, c.next_at, lane.turn, lane.counts_as, lane.room, ROW_NUMBER() OVER (\
        PARTITION BY lane.channel, lane.action, lane.playbook ORDER BY c.next_at, c.id) AS place \
        FROM lane "
        {either "JOIN messages AS c ON c.id IN (" "CROSS JOIN LATERAL ("}
        "SELECT messages.id" {either "" ", messages.next_at"} " FROM messages"
        {either " INDEXED BY messages_by_channel" ""}
        " WHERE messages.settled_at IS NULL AND messages.channel = lane.channel \
        AND messages.action = lane.action \
        AND messages.playbook = lane.playbook AND messages.next_at <= $1 \
        AND (messages.status = 'queued' OR messages.lease_until <" {now} ") AND" {not_stopped}
        // Dressed up, and behind an offset: looked up for each, by the run's key.
        "AND (messages.status = 'transmitting' OR NOT EXISTS (SELECT 1 FROM runs \
        WHERE runs.id = messages.run AND runs.status || '' = 'paused' LIMIT 1 OFFSET 0)) \
        ORDER BY messages.next_at, messages.id LIMIT +$2" {either ")" ") AS c"} "), \
        placed AS (\
        SELECT due.*, ROW_NUMBER() OVER (PARTITION BY due.counts_as \
        ORDER BY due.place, due.turn, due.next_at, due.id) AS of_channel FROM due), \
        chosen AS MATERIALIZED (\
        SELECT placed.id, ROW_NUMBER() OVER (ORDER BY placed.place, placed.turn, placed.next_at, \
        placed.id) AS place FROM placed WHERE placed.of_channel <= placed.room) \
        SELECT messages.id, messages.approval, messages.run, messages.step, messages.account, \
        messages.contact, messages.content, messages.binding, messages.status, \
        messages.attempts, messages.next_at, messages.note, messages.queued_at, \
        messages.settled_at, messages.token, messages.claims, messages.channel, \
        approvals.action AS of_action, \
        chosen.place AS place FROM chosen"
        // SQLite would go through all that is not settled.
        {either " CROSS" ""} " JOIN messages ON messages.id = chosen.id \
        JOIN approvals ON approvals.id = messages.approval \
        WHERE" {either "" " messages.id = ANY(ARRAY(SELECT chosen.id FROM chosen)) AND"}
        // Looked at once more under the lock.
        " messages.settled_at IS NULL AND messages.next_at + 0 <= $1 \
        AND (messages.status = 'queued' OR messages.lease_until <" {now} ")"
        {either "" " FOR NO KEY UPDATE OF messages SKIP LOCKED"})
}

/// The messages that were claimed, and those that were claimed once too often.
async fn claim(
    tx: &mut Tx,
    now: Timestamp,
    room: &Room,
    ttl: SignedDuration,
    limits: &Limits,
) -> Result<(Vec<Message>, Vec<Message>), StoreError> {
    // Compiling the statement would take a thousand times as long as running it.
    tx.raw("", "SET LOCAL jit = off").await.map_err(crate::fault::of_sqlx)?;
    let args = vec![
        Value::from(now),
        Value::from(room.most()),
        Value::json(&ways(room, limits)),
        Value::from(draw(now)),
    ];
    let mut rows = tx
        .fetch(due(), args)
        .await?
        .iter()
        .map(|row| {
            let due = Due {
                message: message::read(row)?,
                action: row.word("of_action")?,
                claims: row.int("claims")?,
            };
            Ok((row.int("place")?, due))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    rows.sort_by_key(|(place, _)| *place);
    let due: Vec<Due> = rows.into_iter().map(|(_, due)| due).collect();
    let mut due = ration(tx, due, limits, now).await?;
    if due.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let ids: Vec<MessageId> = due.iter().map(|due| due.message.id).collect();
    tx.execute(
        sql!("UPDATE messages SET token = token + 1, lease_until =" {now} "+ $2, "
            "attempts = attempts + CASE WHEN status = 'transmitting' OR claims >= $3 "
            "THEN 0 ELSE 1 END, claims = claims + 1, "
            "status = CASE WHEN status = 'transmitting' THEN status ELSE 'sending' END "
            "WHERE id" {among "$1"}),
        vec![Value::json(&ids), Value::from(microseconds(ttl)), Value::from(LOST_WORKERS)],
    )
    .await?;
    let mut events = Vec::with_capacity(due.len());
    for Due { message, .. } in &mut due {
        message.token += 1;
    }
    let (given_up, mut due): (Vec<_>, Vec<_>) = due.into_iter().partition(Due::is_given_up);
    for Due { message, .. } in &mut due {
        if message.status != MessageStatus::Transmitting {
            message.attempts += 1;
            let event = Event::DeliveryStarted { message: message.id, attempt: message.attempts };
            events.push(NewEvent::of_run(message.run, now, Actor::Engine, event));
        }
    }
    trail::append(tx, &events).await?;
    let messages = |due: Vec<Due>| due.into_iter().map(|due| due.message).collect();
    Ok((messages(due), messages(given_up)))
}

/// Those for which there are permits. The others get a note that says what they wait for.
async fn ration(
    tx: &mut Tx,
    due: Vec<Due>,
    limits: &Limits,
    now: Timestamp,
) -> Result<Vec<Due>, StoreError> {
    let mut wanted: BTreeMap<ActionName, u32> = BTreeMap::new();
    for due in due.iter().filter(|due| !due.is_given_up()) {
        if limits.actions.contains_key(&due.action) {
            *wanted.entry(due.action).or_default() += 1;
        }
    }
    let asks: Vec<_> = wanted
        .iter()
        .filter_map(|(action, wanted)| {
            Some((limit::action_key(*action), *limits.actions.get(action)?, *wanted))
        })
        .collect();
    let mut taken = rate::take(tx, &asks, now).await?;
    let mut kept = Vec::with_capacity(due.len());
    let mut notes = Vec::new();
    for due in due {
        let rate = limits.actions.get(&due.action).filter(|_| !due.is_given_up());
        match rate.and_then(|rate| Some((rate, taken.get_mut(&limit::action_key(due.action))?))) {
            Some((rate, taken)) if taken.granted == 0 => {
                let action = due.action;
                let next = second(taken.next);
                let note = format!("held: rate of {action} is {rate}, next at {next}");
                notes.push(json!({ "id": due.message.id, "note": note }));
            }
            Some((_, taken)) => {
                taken.granted -= 1;
                kept.push(due);
            }
            None => kept.push(due),
        }
    }
    if !notes.is_empty() {
        tx.execute(
            sql!("UPDATE messages SET note = r.note FROM " {rows "$1" (id TEXT, note TEXT)}
                "WHERE messages.id = r.id"),
            vec![Value::json(&notes)],
        )
        .await?;
    }
    Ok(kept)
}

/// A time to the second, rounded up.
fn second(at: Timestamp) -> Timestamp {
    let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
    if whole < at { Timestamp::from_second(at.as_second() + 1).unwrap_or(at) } else { whole }
}
