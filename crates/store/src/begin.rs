//! The moment before a message is handed over: stops, its run, and how many went before it.

use domain::{
    action::Team,
    clock::Clock,
    event::{Event, NewEvent},
    id::TaskId,
    killswitch::{Kill, Scope},
    message::{Message, Refusal},
    port::{Begun, StoreError},
    run::RunStatus,
    task::{Task, TaskKind, TaskStatus},
    turn::Effect,
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    claim::microseconds,
    connection::Tx,
    effect, kill,
    open::Store,
    sql::{Value, args, sql},
    trail,
};

/// What sends are counted over.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    pub(crate) async fn begin_message(
        &self,
        message: &Message,
        ttl: SignedDuration,
        now: Timestamp,
        sends_per_hour: Option<u32>,
    ) -> Result<Begun, StoreError> {
        let message = message.clone();
        let clock = std::sync::Arc::clone(&self.clock);
        self.write(move |tx| {
            Box::pin(async move {
                if let Some(most) = sends_per_hour
                    && let Some(kill) = blast(tx, &message, most, now).await?
                {
                    let why = Refusal::Killed(kill.in_words()).to_string();
                    stop(tx, &*clock, &message, kill, most).await?;
                    return Ok(Begun::Held(why));
                }
                begin(tx, &message, ttl, now).await
            })
        })
        .await
    }
}

/// The stop this message would be one too many for, if it is. Until the transaction ends, no other
/// message of the playbook is counted.
async fn blast(
    tx: &mut Tx,
    message: &Message,
    most: u32,
    now: Timestamp,
) -> Result<Option<Kill>, StoreError> {
    let counted = tx
        .one(
            sql!("INSERT INTO blasts (playbook, since) SELECT approvals.playbook, 0 "
                "FROM messages JOIN approvals ON approvals.id = messages.approval "
                "WHERE messages.id = $1 AND messages.token = $2 "
                "ON CONFLICT (playbook) DO UPDATE SET since = blasts.since "
                "RETURNING playbook, since"),
            vec![Value::word(message.id), Value::from(message.token)],
        )
        .await?;
    let Some(counted) = counted else { return Ok(None) };
    let playbook = counted.text("playbook")?;
    let hour_ago = now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
    let since = counted.at("since")?.max(hour_ago);
    let sent = tx
        .count(
            sql!("SELECT COUNT(*) AS n FROM (SELECT 1 FROM messages WHERE playbook = $1 "
                "AND begun_at > $2 AND id <> $3 LIMIT $4) AS counted"),
            vec![
                Value::from(playbook.as_str()),
                Value::from(since),
                Value::word(message.id),
                Value::from(most),
            ],
        )
        .await?;
    Ok((sent >= i64::from(most)).then(|| Kill {
        scope: Scope::Playbook(playbook),
        by: Actor::Engine,
        at: now,
        reason: format!("blast radius: {most} sends in an hour"),
    }))
}

/// Stops the playbook's sending and tells CS ops.
async fn stop(
    tx: &mut Tx,
    clock: &dyn Clock,
    message: &Message,
    kill: Kill,
    most: u32,
) -> Result<(), StoreError> {
    let Scope::Playbook(playbook) = &kill.scope else { return Ok(()) };
    let (scope, now) = (kill.scope.to_string(), kill.at);
    let task = Task {
        id: TaskId::new(clock),
        kind: TaskKind::Notice,
        account: message.account,
        run: message.run,
        // A step of its own, so that it is not taken for the one the letter's step may have made.
        step: format!("sends-stopped-{}", now.as_second()),
        team: Team::CsOps,
        assignee: None,
        title: format!("Sending of {playbook} was stopped"),
        body: format!(
            "{most} messages of the playbook `{playbook}` went out within an hour, which is as many \
             as may. The others wait in the outbox. See whether the playbook started for the right \
             accounts and writes what it should; then restart it on the page Stop sending, or with \
             `playgate unkill {scope}`. How many may go is set by `sends_per_hour` in the playbook \
             and in the configuration."
        ),
        created_at: now,
        due_at: now.checked_add(SignedDuration::from_hours(4)).unwrap_or(now),
        status: TaskStatus::Open,
        outcome: None,
    };
    if !kill::put(tx, &kill).await? {
        return Ok(());
    }
    let event =
        Event::TaskCreated { step: task.step.clone(), task: task.id, title: task.title.clone() };
    let event = NewEvent::of_run(message.run, now, Actor::Engine, event);
    effect::apply(tx, clock, vec![Effect::Task(task)], now, &mut []).await?;
    trail::append(tx, &[event, kill::event(kill)]).await
}

async fn begin(
    tx: &mut Tx,
    message: &Message,
    ttl: SignedDuration,
    now: Timestamp,
) -> Result<Begun, StoreError> {
    let changed = tx
        .execute(
            // Whoever finds it `transmitting` may repeat it where the channel dedupes. After this
            // nothing holds it back, so stops and the run are looked at once more.
            sql!("UPDATE messages SET status = 'transmitting', lease_until =" {now} "+ $3, "
                "begun_at = $4, playbook = CASE WHEN playbook <> '' THEN playbook ELSE "
                "(SELECT approvals.playbook FROM approvals "
                "WHERE approvals.id = messages.approval) END WHERE id = $1 AND token = $2 "
                "AND status IN ('sending', 'transmitting') "
                "AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = messages.run "
                "AND runs.status IN ('cancelled', 'paused')) AND" {not_stopped}),
            vec![
                Value::word(message.id),
                Value::from(message.token),
                Value::from(microseconds(ttl)),
                Value::from(now),
            ],
        )
        .await?;
    if changed == 1 { Ok(Begun::Yes) } else { hindrance(tx, message).await }
}

/// Why a message could not be begun.
async fn hindrance(tx: &mut Tx, message: &Message) -> Result<Begun, StoreError> {
    let held = tx
        .one(
            sql!("SELECT runs.status AS status FROM messages JOIN runs ON runs.id = messages.run "
                "WHERE messages.id = $1 AND messages.token = $2 "
                "AND messages.status IN ('sending', 'transmitting')"),
            vec![Value::word(message.id), Value::from(message.token)],
        )
        .await?;
    let Some(held) = held else { return Ok(Begun::Lost) };
    match held.word("status")? {
        RunStatus::Cancelled => return Ok(Begun::Refused("the run was cancelled".to_owned())),
        RunStatus::Paused => return Ok(Begun::Held("the run is paused".to_owned())),
        RunStatus::Active | RunStatus::Stuck | RunStatus::Completed => {}
    }
    let kill = tx
        .one(
            sql!("SELECT kills.scope AS scope, kills.actor AS actor, kills.engaged_at AS "
                "engaged_at, kills.reason AS reason FROM messages "
                "JOIN approvals ON approvals.id = messages.approval "
                "JOIN kills ON kills.scope IN ('all', 'playbook:' || approvals.playbook, "
                "'action:' || approvals.action, 'account:' || approvals.account) "
                "WHERE messages.id = $1 ORDER BY kills.scope LIMIT 1"),
            args![Value::word(message.id)],
        )
        .await?;
    Ok(match kill {
        Some(row) => Begun::Held(Refusal::Killed(kill::read(&row)?.in_words()).to_string()),
        // What was in the way a moment ago is gone.
        None => Begun::Held("sending was stopped for a moment".to_owned()),
    })
}
