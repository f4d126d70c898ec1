//! Reading customer data in: whole batches, each row once, however often it comes.

mod accounts;
mod consequence;
mod reference;
mod table;

pub(crate) use table::ERASED;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use domain::{
    clock::Clock,
    event::NewEvent,
    port::{Intake, StoreError},
    record::{Absorbed, Entity, Record},
    signal::NewSignal,
    user::Actor,
};
use jiff::{Timestamp, civil::Date};

use self::reference::References;
use crate::{
    connection::Tx,
    directory,
    fault::of_sqlx,
    lock,
    open::Store,
    signal,
    sql::{Value, args, sql},
    trail,
};

/// What a batch is read in under.
struct Frame<'a> {
    source: &'a str,
    as_of: Timestamp,
    announce: bool,
    clock: &'a dyn Clock,
    now: Timestamp,
}

impl Frame<'_> {
    /// In whose name the product does what a source's data asks for.
    fn actor(&self) -> Actor {
        Actor::Connector { name: self.source.to_owned() }
    }
}

/// A record with its place in the batch.
struct Item {
    index: usize,
    record: Record,
}

/// What a batch brings about beside its rows.
#[derive(Default)]
struct Raised {
    signals: Vec<NewSignal>,
    events: Vec<NewEvent>,
}

#[async_trait]
impl Intake for Store {
    async fn absorb(
        &self,
        source: &str,
        records: Vec<Record>,
        as_of: Timestamp,
        announce: bool,
    ) -> Result<Vec<Absorbed>, StoreError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let source = source.to_owned();
        let clock = Arc::clone(&self.clock);
        self.write(move |tx| {
            Box::pin(async move {
                let now = clock.now();
                let frame = Frame { source: &source, as_of, announce, clock: &*clock, now };
                absorb(tx, &frame, records).await
            })
        })
        .await
    }

    async fn subscription_spans(
        &self,
        source: &str,
        ids: &[String],
    ) -> Result<Vec<(String, String, Date, Option<Date>)>, StoreError> {
        let args = vec![Value::json(&ids), Value::from(source)];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT s.source_id AS id, a.source_id AS account, "
                        "s.starts_on AS starts_on, s.ends_on AS ends_on FROM subscriptions s "
                        "JOIN accounts a ON a.id = s.account "
                        "WHERE s.source = $2 AND s.source_id" {among "$1"} "ORDER BY s.source_id"),
                    args,
                )
                .await?
                .iter()
                .map(|row| {
                    Ok((
                        row.text("id")?,
                        row.text("account")?,
                        row.word("starts_on")?,
                        row.maybe_word("ends_on")?,
                    ))
                })
                .collect()
            })
        })
        .await
    }

    async fn knows_source(&self, source: &str) -> Result<bool, StoreError> {
        let args = args![source];
        self.read(move |tx| {
            Box::pin(async move {
                // Everything read in belongs to an account of its source.
                let known = tx
                    .one(sql!("SELECT 1 AS n FROM accounts WHERE source = $1 LIMIT 1"), args)
                    .await?;
                Ok(known.is_some())
            })
        })
        .await
    }

    async fn imported(&self, event: NewEvent) -> Result<(), StoreError> {
        self.write(move |tx| Box::pin(async move { trail::append(tx, &[event]).await })).await
    }
}

/// Accounts first, then contacts, then what refers to them.
async fn absorb(
    tx: &mut Tx,
    frame: &Frame<'_>,
    records: Vec<Record>,
) -> Result<Vec<Absorbed>, StoreError> {
    tx.raw("", lock::INTAKE).await.map_err(of_sqlx)?;
    let mut answers = vec![Absorbed::Unchanged; records.len()];
    let mut entities: BTreeMap<Entity, Vec<Item>> = BTreeMap::new();
    for (index, record) in records.into_iter().enumerate() {
        entities.entry(record.row.entity()).or_default().push(Item { index, record });
    }
    let mut raised = Raised::default();
    let mut touched = BTreeSet::new();
    if let Some(items) = entities.remove(&Entity::Account) {
        touched = accounts::absorb(tx, frame, &items, &mut answers, &mut raised).await?;
    }
    let mut references = References::default();
    references.load_accounts(tx, frame.source, &entities).await?;
    if let Some(items) = entities.remove(&Entity::Contact) {
        let before = table::employers(tx, frame, &items).await?;
        let changes =
            table::absorb(tx, frame, Entity::Contact, &items, &references, &mut answers).await?;
        for change in &changes {
            touched.insert(change.account);
            touched.extend(before.get(&change.record.source_id));
        }
    }
    directory::touch(tx, &touched).await?;
    references.load_contacts(tx, frame.source, &entities).await?;
    // Subscriptions come before departures, which look at them.
    for (entity, items) in &entities {
        let changes = table::absorb(tx, frame, *entity, items, &references, &mut answers).await?;
        match entity {
            Entity::Subscription => consequence::of_subscriptions(tx, frame, &changes).await?,
            Entity::Churn => consequence::of_churns(tx, frame, &changes).await?,
            Entity::Ticket => consequence::of_tickets(frame, &changes, &mut raised),
            _ => {}
        }
    }
    signal::take(tx, frame.clock, raised.signals, frame.now).await?;
    trail::append(tx, &raised.events).await?;
    Ok(answers)
}
