//! Permits of rates that all processes share: the generic cell rate algorithm, one row a rate.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use domain::{
    port::{Ask, Grant, Rates, StoreError},
    rate::Rate,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    open::Store,
    sql::{Sql, Value, args, pieces, sql},
};

/// Where a rate stands after permits were taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Permits that were given.
    pub(crate) granted: u32,
    /// When there is a permit again.
    pub(crate) next: Timestamp,
}

/// Microseconds between two permits.
pub(crate) fn every(rate: Rate) -> i64 {
    i64::try_from(rate.every().as_micros()).unwrap_or(i64::MAX / 4)
}

#[async_trait]
impl Rates for Store {
    async fn take(&self, ask: &Ask, now: Timestamp) -> Result<Grant, StoreError> {
        let ask = ask.clone();
        self.write(move |tx| {
            Box::pin(async move {
                let taken = take(tx, &[(ask.key.clone(), ask.rate, ask.wanted)], now).await?;
                let Some(taken) = taken.get(&ask.key).copied() else {
                    return Ok(Grant { granted: 0, next: now });
                };
                let refused = ask.wanted.saturating_sub(taken.granted);
                if refused == 0 {
                    return Ok(Grant { granted: taken.granted, next: taken.next });
                }
                let next = line_up(tx, &ask, refused, taken.next, now).await?;
                Ok(Grant { granted: taken.granted, next })
            })
        })
        .await
    }

    async fn spent(
        &self,
        rates: &[(String, Rate)],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        let rows: Vec<_> = rates
            .iter()
            .map(
                |(key, rate)| json!({ "key": key, "every": every(*rate), "burst": rate.at_once() }),
            )
            .collect();
        let args = vec![Value::rows(rows), Value::from(now)];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT rates.key AS key, rates.tat - (r.burst - 1) * r.every AS free "
                        "FROM " {rows "$1" (key TEXT, every BIGINT, burst BIGINT)}
                        "JOIN rates ON rates.key = r.key AND rates.every = r.every "
                        "WHERE rates.tat - (r.burst - 1) * r.every > $2"),
                    args,
                )
                .await?
                .iter()
                .map(|row| Ok((row.text("key")?, row.at("free")?)))
                .collect()
            })
        })
        .await
    }

    async fn charge(&self, ask: &Ask, now: Timestamp) -> Result<(), StoreError> {
        let args = args![
            ask.key.as_str(),
            every(ask.rate),
            ask.rate.at_once(),
            i64::from(ask.wanted),
            now
        ];
        self.write_one(move |tx| {
            Box::pin(async move {
                tx.execute(
                    sql!("INSERT INTO rates (key, every, burst, tat, wanted, granted) "
                        "VALUES ($1, $2, $3, $5 + $4 * $2, $4, $4) "
                        "ON CONFLICT (key) DO UPDATE SET tat = excluded.tat - $5 "
                        "+ CASE WHEN rates.tat > $5 THEN rates.tat ELSE $5 END"),
                    args,
                )
                .await?;
                Ok(())
            })
        })
        .await
    }
}

/// From when the next permit counts: never before now, and no further ahead than those at once
/// allow if another rate was in force before.
macro_rules! base {
    () => {
        "(CASE WHEN rates.tat < $2 THEN $2 WHEN rates.every <> excluded.every \
         AND rates.tat > $2 + excluded.burst * excluded.every \
         THEN $2 + excluded.burst * excluded.every ELSE rates.tat END)"
    };
}

/// How many there are, of those that are wanted.
macro_rules! given {
    () => {
        concat!(
            "(CASE WHEN $2 + excluded.burst * excluded.every - ",
            base!(),
            " < excluded.every THEN 0 WHEN ($2 + excluded.burst * excluded.every - ",
            base!(),
            ") / excluded.every < excluded.wanted THEN ($2 + excluded.burst * excluded.every - ",
            base!(),
            ") / excluded.every ELSE excluded.wanted END)"
        )
    };
}

macro_rules! take {
    ($db:ident) => {
        concat!(
            pieces!($db "INSERT INTO rates (key, every, burst, tat, wanted, granted) "
                "SELECT r.key, r.every, r.burst, $2 + r.granted * r.every, r.wanted, r.granted FROM "
                {rows "$1" (
                    key TEXT, every BIGINT, burst BIGINT, wanted BIGINT, granted BIGINT
                )}
                "WHERE true ORDER BY r.key ON CONFLICT (key) DO UPDATE SET "
                "every = excluded.every, burst = excluded.burst, wanted = excluded.wanted, "
                "granted = "),
            given!(),
            ", tat = ",
            base!(),
            " + ",
            given!(),
            " * excluded.every RETURNING key, every, burst, tat, granted"
        )
    };
}

/// Takes permits of several rates, each as many as there are, in one statement.
pub(crate) async fn take(
    tx: &mut Tx,
    wanted: &[(String, Rate, u32)],
    now: Timestamp,
) -> Result<HashMap<String, Taken>, StoreError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<_> = wanted
        .iter()
        .map(|(key, rate, wanted)| {
            json!({
                "key": key,
                "every": every(*rate),
                "burst": rate.at_once(),
                "wanted": wanted,
                "granted": rate.at_once().min(*wanted),
            })
        })
        .collect();
    tx.fetch(Sql::pair(take!(sqlite), take!(postgres)), vec![Value::rows(rows), Value::from(now)])
        .await?
        .iter()
        .map(|row| {
            let free = row.int("tat")? - (row.int("burst")? - 1) * row.int("every")?;
            let free = Timestamp::from_microsecond(free).unwrap_or(now);
            let granted = u32::try_from(row.int("granted")?).unwrap_or(0);
            Ok((row.text("key")?, Taken { granted, next: free.max(now) }))
        })
        .collect()
}

/// Gives those who are refused times to ask again: within a lane one after the other, each as far
/// apart as permits are, times the lanes that wait. So a short queue does not wait for a long one.
async fn line_up(
    tx: &mut Tx,
    ask: &Ask,
    refused: u32,
    free: Timestamp,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let lane = format!("{}|{}", ask.key, ask.lane);
    let others = tx
        .count(
            sql!("SELECT COUNT(*) AS n FROM rates "
                "WHERE key > $1 AND key < $2 AND key <> $3 AND tat > $4"),
            args![format!("{}|", ask.key), format!("{}}}", ask.key), lane.as_str(), now],
        )
        .await?;
    let apart = every(ask.rate) * (others + 1) * i64::from(refused);
    let end = tx
        .one(
            sql!("INSERT INTO rates (key, every, burst, tat, wanted, granted) "
                "VALUES ($1, $2, 1, $3 + $2, $4, 0) "
                "ON CONFLICT (key) DO UPDATE SET every = excluded.every, "
                "wanted = excluded.wanted, "
                "tat = CASE WHEN rates.tat > $3 THEN rates.tat ELSE $3 END + excluded.every "
                "RETURNING tat"),
            args![lane, apart, free, i64::from(refused)],
        )
        .await?
        .map_or(Ok(free), |row| row.at("tat"))?;
    let first = Timestamp::from_microsecond(end.as_microsecond() - apart).unwrap_or(free);
    Ok(first.max(free))
}
