//! Internal effects: rows a turn writes in its own transaction, and so exactly once.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    account::Lifecycle,
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
use serde::Serialize;
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
    let mut places = Places::read(tx, &effects).await?;
    let mut tasks: Vec<Task> = Vec::new();
    let mut signals = Vec::new();
    for effect in effects {
        match effect {
            Effect::Task(task) => tasks.push(task),
            Effect::AssignOwner { account, to } => {
                if let Some(user) = role_of(to).and_then(|role| places.first.get(&role)).copied() {
                    places.assign(account, user);
                    name_owner(events, account, user);
                }
            }
            Effect::SetField { account, update: FieldUpdate::Lifecycle(to) } => {
                if let Some(before) = places.enter(account, to) {
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
    places.write(tx).await?;
    put_tasks(tx, tasks, &places).await?;
    signal::take(tx, clock, signals, now).await?;
    Ok(())
}

/// Where the accounts of a batch of effects stand, and where the effects take them.
struct Places {
    /// The active user of each role who was added first.
    first: BTreeMap<Role, UserId>,
    accounts: BTreeMap<AccountId, Place>,
}

struct Place {
    csm: Option<UserId>,
    lifecycle: String,
    changed: bool,
}

#[derive(Serialize)]
struct Placed<'a> {
    id: AccountId,
    csm: Option<UserId>,
    lifecycle: &'a str,
}

impl Places {
    async fn read(tx: &mut Tx, effects: &[Effect]) -> Result<Self, StoreError> {
        let asked: BTreeSet<AccountId> = effects
            .iter()
            .map(|effect| match effect {
                Effect::Task(task) => task.account,
                Effect::AssignOwner { account, .. } | Effect::SetField { account, .. } => *account,
            })
            .collect();
        let accounts = tx
            .fetch(
                sql!("SELECT id, csm, lifecycle FROM accounts WHERE id" {among "$1"}),
                vec![Value::json(&asked)],
            )
            .await?
            .iter()
            .map(|row| {
                let place = Place {
                    csm: row.maybe_word("csm")?,
                    lifecycle: row.text("lifecycle")?,
                    changed: false,
                };
                Ok((row.word("id")?, place))
            })
            .collect::<Result<_, StoreError>>()?;
        let asks_for_a_role = effects.iter().any(|effect| match effect {
            Effect::Task(task) => task.assignee.is_none() && task.team != Team::Csm,
            Effect::AssignOwner { .. } => true,
            Effect::SetField { .. } => false,
        });
        let first = if asks_for_a_role { first_of_each_role(tx).await? } else { BTreeMap::new() };
        Ok(Self { first, accounts })
    }

    fn assign(&mut self, account: AccountId, user: UserId) {
        if let Some(place) = self.accounts.get_mut(&account) {
            place.changed |= place.csm != Some(user);
            place.csm = Some(user);
        }
    }

    /// Moves an account to a stage; the stage it comes from, if it is another.
    fn enter(&mut self, account: AccountId, to: Lifecycle) -> Option<String> {
        let place = self.accounts.get_mut(&account)?;
        if place.lifecycle == to.as_str() {
            return None;
        }
        place.changed = true;
        Some(std::mem::replace(&mut place.lifecycle, to.to_string()))
    }

    fn owner(&self, account: AccountId) -> Option<UserId> {
        self.accounts.get(&account)?.csm
    }

    async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let rows: Vec<Placed<'_>> = self
            .accounts
            .iter()
            .filter(|(_, place)| place.changed)
            .map(|(id, place)| Placed { id: *id, csm: place.csm, lifecycle: &place.lifecycle })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        tx.execute(
            sql!("UPDATE accounts SET csm = r.csm, lifecycle = r.lifecycle FROM "
                {rows "$1" (id TEXT, csm TEXT, lifecycle TEXT)}
                "WHERE accounts.id = r.id"),
            vec![Value::json(&rows)],
        )
        .await?;
        Ok(())
    }
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
async fn put_tasks(tx: &mut Tx, mut tasks: Vec<Task>, places: &Places) -> Result<(), StoreError> {
    if tasks.is_empty() {
        return Ok(());
    }
    for task in &mut tasks {
        let owner = places.owner(task.account);
        task.assignee = task.assignee.or_else(|| match task.team {
            Team::Csm => owner,
            team => role_of(team).and_then(|role| places.first.get(&role).copied()).or(owner),
        });
    }
    task::put(tx, &tasks).await
}
