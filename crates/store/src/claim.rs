//! Claiming due runs under a lease, and prolonging leases.

use std::collections::HashSet;

use domain::{
    id::RunId,
    port::StoreError,
    run::{Claimed, Lease},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    open::Store,
    run,
    sql::{Sql, Value, args, sql},
};

/// A lease's length in microseconds.
pub(crate) fn microseconds(ttl: SignedDuration) -> i64 {
    i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX / 4)
}

impl Store {
    pub(crate) async fn claim_runs(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
    ) -> Result<Vec<Claimed>, StoreError> {
        let args = args![now, limit, microseconds(ttl)];
        let mut claimed = self
            .write(move |tx| {
                Box::pin(async move {
                    tx.fetch(claim(), args)
                        .await?
                        .iter()
                        .map(|row| {
                            let run = run::read(row)?;
                            let lease = Lease {
                                run: run.id,
                                token: row.int("lease_token")?,
                                wakes: row.int("wakes")?,
                            };
                            Ok(Claimed { run, lease })
                        })
                        .collect::<Result<Vec<_>, StoreError>>()
                })
            })
            .await?;
        // `RETURNING` answers in no particular order.
        claimed.sort_by_key(|claimed| (claimed.run.wake_at, claimed.run.id));
        Ok(claimed)
    }

    pub(crate) async fn renew_leases(
        &self,
        leases: &[Lease],
        ttl: SignedDuration,
    ) -> Result<Vec<bool>, StoreError> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<_> = leases
            .iter()
            .map(|lease| serde_json::json!({ "id": lease.run, "token": lease.token }))
            .collect();
        let args = vec![Value::json(&rows), Value::from(microseconds(ttl))];
        let held: HashSet<(RunId, i64)> = self
            .write(move |tx| {
                Box::pin(async move {
                    tx.fetch(
                        sql!("UPDATE runs SET lease_until =" {now} "+ $2 FROM "
                            {rows "$1" (id TEXT, token BIGINT)}
                            "WHERE runs.id = r.id AND runs.lease_token = r.token "
                            "AND runs.lease_until IS NOT NULL "
                            "RETURNING runs.id AS id, runs.lease_token AS token"),
                        args,
                    )
                    .await?
                    .iter()
                    .map(|row| Ok((row.word("id")?, row.int("token")?)))
                    .collect()
                })
            })
            .await?;
        Ok(leases.iter().map(|lease| held.contains(&(lease.run, lease.token))).collect())
    }
}

/// `$1` now, `$2` how many, `$3` for how long.
pub(crate) fn claim() -> Sql {
    // Materialised, because the planner may otherwise run the locking part more than once and
    // claim more than asked for.
    sql!("WITH due AS MATERIALIZED ("
        "SELECT id FROM runs WHERE status = 'active' AND wake_at <= $1 "
        "AND (lease_until IS NULL OR lease_until <" {now} ") "
        "ORDER BY wake_at, id LIMIT $2" {skip_locked} ") "
        "UPDATE runs SET lease_token = lease_token + 1, lease_until =" {now} "+ $3 "
        "WHERE id IN (SELECT id FROM due) "
        "RETURNING id, playbook, version, account, cause, status, progress, wake_at, started_at, "
        "changed_at, lease_token, wakes")
}
