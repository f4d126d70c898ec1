//! Internal effects: rows a turn writes in its own transaction, and so exactly once.

use std::collections::BTreeMap;

use domain::{
    action::{FieldUpdate, Team},
    clock::Clock,
    event::{Event, NewEvent},
    id::{AccountId, UserId},
    port::StoreError,
    signal::{NewSignal, kind},
    task::Task,
    turn::{Effect, Turn},
    user::Role,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    signal,
    sql::{Value, args, sql},
    task,
};

/// The accounts a turn changes.
pub(crate) fn accounts(turn: &Turn) -> impl Iterator<Item = AccountId> {
    turn.effects.iter().filter_map(|effect| match effect {
        Effect::Task(_) => None,
        Effect::AssignOwner { account, .. } | Effect::SetField { account, .. } => Some(*account),
    })
}

/// Applies effects in order. Whom an account went to is known here only, so the events that say
/// so are completed before they are chained.
pub(crate) async fn apply(
    tx: &mut Tx,
    clock: &dyn Clock,
    effects: Vec<Effect>,
    now: Timestamp,
    events: &mut [NewEvent],
) -> Result<(), StoreError> {
    if effects.is_empty() {
        return Ok(());
    }
    let first = first_of_each_role(tx).await?;
    let mut tasks: Vec<Task> = Vec::new();
    let mut signals = Vec::new();
    for effect in effects {
        match effect {
            Effect::Task(task) => tasks.push(task),
            Effect::AssignOwner { account, to } => {
                if let Some(user) = role_of(to).and_then(|role| first.get(&role)) {
                    tx.execute(
                        sql!("UPDATE accounts SET csm = $2 WHERE id = $1"),
                        vec![Value::word(account), Value::word(user)],
                    )
                    .await?;
                    name_owner(events, account, *user);
                }
            }
            Effect::SetField { account, update: FieldUpdate::Lifecycle(to) } => {
                let before = tx
                    .one(
                        sql!("SELECT lifecycle FROM accounts WHERE id = $1"),
                        vec![Value::word(account)],
                    )
                    .await?
                    .map(|row| row.text("lifecycle"))
                    .transpose()?;
                if before.as_deref().is_some_and(|before| before != to.as_str()) {
                    tx.execute(
                        sql!("UPDATE accounts SET lifecycle = $2 WHERE id = $1"),
                        vec![Value::word(account), Value::word(to)],
                    )
                    .await?;
                    signals.push(NewSignal {
                        source: signal::OURS.to_owned(),
                        event_id: format!("lifecycle:{account}:{to}:{}", now.as_microsecond()),
                        kind: kind::LIFECYCLE_ENTERED.to_owned(),
                        account,
                        at: now,
                        data: json!({ "stage": to, "from": before }),
                        run: None,
                    });
                }
            }
        }
    }
    put_tasks(tx, tasks, &first).await?;
    signal::take(tx, clock, signals, now).await?;
    Ok(())
}

fn name_owner(events: &mut [NewEvent], assigned: AccountId, user: UserId) {
    for event in events {
        if let Event::OwnerAssigned { account, to: to @ None, .. } = &mut event.event
            && *account == assigned
        {
            *to = Some(user);
        }
    }
}

/// The role whose people do a team's work, where the product knows its people.
const fn role_of(team: Team) -> Option<Role> {
    match team {
        Team::Csm => Some(Role::Csm),
        Team::CsmManager => Some(Role::CsmManager),
        Team::CsOps => Some(Role::CsOps),
        Team::Leader => Some(Role::Leader),
        Team::Support | Team::Sales | Team::Product => None,
    }
}

/// The active user of each role who was added first.
async fn first_of_each_role(tx: &mut Tx) -> Result<BTreeMap<Role, UserId>, StoreError> {
    tx.fetch(
        sql!("SELECT role, MIN(id) AS id FROM users WHERE disabled_at IS NULL GROUP BY role"),
        args![],
    )
    .await?
    .iter()
    .map(|row| Ok((row.word("role")?, row.word("id")?)))
    .collect()
}

/// Stores tasks, leaving alone those of a run and step that has one, and gives each to a person.
async fn put_tasks(
    tx: &mut Tx,
    mut tasks: Vec<Task>,
    first: &BTreeMap<Role, UserId>,
) -> Result<(), StoreError> {
    if tasks.is_empty() {
        return Ok(());
    }
    let accounts: Vec<AccountId> = tasks.iter().map(|task| task.account).collect();
    let owners: BTreeMap<AccountId, UserId> = tx
        .fetch(
            sql!("SELECT id, csm FROM accounts WHERE csm IS NOT NULL AND id" {among "$1"}),
            vec![Value::json(&accounts)],
        )
        .await?
        .iter()
        .map(|row| Ok((row.word("id")?, row.word("csm")?)))
        .collect::<Result<_, StoreError>>()?;
    for task in &mut tasks {
        let owner = owners.get(&task.account).copied();
        task.assignee = task.assignee.or_else(|| match task.team {
            Team::Csm => owner,
            team => role_of(team).and_then(|role| first.get(&role).copied()).or(owner),
        });
    }
    task::put(tx, &tasks).await
}
