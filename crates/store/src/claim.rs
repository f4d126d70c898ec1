//! Claiming due runs under a lease, fairly and within bounds, and prolonging leases.

use std::collections::HashSet;

use domain::{
    event::{Event, NewEvent},
    id::RunId,
    limit::Limits,
    port::{StoreError, Work},
    run::{Claimed, DeadEnd, Lease, Priority, RunStatus},
    turn::Turn,
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    connection::Tx,
    fault::of_sqlx,
    lock,
    open::Store,
    run,
    sql::{Sql, Value, sql},
};

/// Claims of one run without a turn that is committed. The next claim would be one too many: the
/// run, it seems, ends whoever works on it.
pub(crate) const LOST_WORKERS: i64 = 5;

/// A run that was lost so often is claimed alone, and while nobody has another such run in hand.
///
/// Whoever ends its worker ends it for all the others that are in hand there. From here on it takes
/// none of them along that was lost as often, so that each of those gets through by itself.
const SUSPECT: i64 = 2;

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
        limits: &Limits,
    ) -> Result<Vec<Claimed>, StoreError> {
        loop {
            let (lost, claimed) = self.claim_batch(now, limit, ttl, limits).await?;
            if lost.is_empty() {
                return Ok(claimed);
            }
            let stuck = lost.into_iter().map(|claimed| given_up(claimed, now)).collect();
            self.commit_turns(stuck).await?;
            if !claimed.is_empty() {
                return Ok(claimed);
            }
            // It was claimed alone, and others wait.
        }
    }

    /// Runs that are not tried again, and those that are.
    async fn claim_batch(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<(Vec<Claimed>, Vec<Claimed>), StoreError> {
        let args = vec![
            Value::from(now),
            Value::from(limit),
            Value::from(microseconds(ttl)),
            Value::json(&lanes(now)),
            Value::from(limits.runs_per_account.unwrap_or(0)),
            Value::from(draw(now)),
            Value::from(SUSPECT),
        ];
        let claimed = self
            .write(move |tx| {
                Box::pin(async move {
                    one_by_one(tx).await?;
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
                            Ok((Claimed { run, lease }, row.int("claims")?))
                        })
                        .collect::<Result<Vec<_>, StoreError>>()
                })
            })
            .await?;
        let (lost, claimed): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|(_, claims)| *claims > LOST_WORKERS);
        let runs = |claimed: Vec<(Claimed, i64)>| claimed.into_iter().map(|(claimed, _)| claimed);
        let mut claimed: Vec<Claimed> = runs(claimed).collect();
        // `RETURNING` answers in no particular order.
        claimed.sort_by_key(|claimed| (claimed.run.wake_at, claimed.run.id));
        Ok((runs(lost).collect(), claimed))
    }

    pub(crate) async fn give_back_runs(
        &self,
        leases: &[Lease],
        until: Timestamp,
    ) -> Result<(), StoreError> {
        if leases.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = leases
            .iter()
            .map(|lease| json!({ "id": lease.run, "token": lease.token, "wakes": lease.wakes }))
            .collect();
        let args = vec![Value::rows(rows), Value::from(until)];
        self.write(move |tx| {
            Box::pin(async move {
                tx.stir(Work::Runs);
                tx.execute(give_back(), args).await?;
                Ok(())
            })
        })
        .await
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
        let args = vec![Value::rows(rows), Value::from(microseconds(ttl))];
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

/// Lets one claim be made at a time, so that each sees what is in hand by the ones before it.
async fn one_by_one(tx: &mut Tx) -> Result<(), StoreError> {
    if tx.is_postgres() {
        tx.raw("", lock::CLAIM).await.map_err(of_sqlx)?;
    }
    Ok(())
}

/// The turn of a run that is not tried again, because those who tried were lost.
fn given_up(claimed: Claimed, now: Timestamp) -> Turn {
    let mut progress = claimed.run.progress;
    let dead_end = DeadEnd {
        code: "worker-lost".to_owned(),
        why: format!(
            "{LOST_WORKERS} workers that took this run were lost before they finished a turn; \
             see the log of the last one, then retry the run"
        ),
    };
    progress.dead_end = Some(dead_end.clone());
    let event = Event::RunStuck { step: progress.step.clone(), dead_end };
    Turn {
        lease: claimed.lease,
        progress,
        status: RunStatus::Stuck,
        wake_at: None,
        keep: false,
        events: vec![NewEvent::of_run(claimed.run.id, now, Actor::Engine, event)],
        effects: Vec::new(),
        approvals: Vec::new(),
        contents: Vec::new(),
        outbox: Vec::new(),
        pseudonyms: None,
    }
}

/// The lot drawn at a moment: no clock repeats itself to the microsecond.
pub(crate) fn draw(now: Timestamp) -> i64 {
    // Clocks may count in whole milliseconds; a prime keeps their lots from falling together.
    now.as_microsecond() / 7
}

/// What a run in hand costs in each priority, and who begins with one less.
///
/// Hands are shared by what is in them. Where there is one pair only it is empty at each claim, and
/// who comes first is drawn: each priority as often as it has shares.
fn lanes(now: Timestamp) -> Vec<serde_json::Value> {
    let most = Priority::ALL.iter().map(|priority| priority.shares()).max().unwrap_or(1);
    let shares: i64 = Priority::ALL.iter().map(|priority| priority.shares()).sum();
    let mut rest = draw(now).rem_euclid(shares);
    let mut first = None;
    for priority in Priority::ALL {
        if first.is_none() && rest < priority.shares() {
            first = Some(*priority);
        }
        rest -= priority.shares();
    }
    Priority::ALL
        .iter()
        .map(|priority| {
            let stride = most / priority.shares();
            let bonus = if first == Some(*priority) { stride } else { 0 };
            json!({ "priority": priority, "stride": stride, "bonus": bonus })
        })
        .collect()
}

/// Gives up leases, `$1`, of which nothing came and nobody is at fault: the runs are due again at
/// `$2`, or when they would be if somebody woke them meanwhile.
fn give_back() -> Sql {
    sql!("UPDATE runs SET lease_token = lease_token + 1, lease_until = NULL, "
        "claims = CASE WHEN claims > 0 THEN claims - 1 ELSE 0 END, "
        "wake_at = CASE WHEN runs.wakes <> r.wakes AND wake_at < $2 THEN wake_at ELSE $2 END FROM "
        {rows "$1" (id TEXT, token BIGINT, wakes BIGINT)}
        "WHERE runs.id = r.id AND runs.lease_token = r.token AND runs.lease_until IS NOT NULL")
}

/// `$1` now, `$2` how many, `$3` for how long, `$4` what a run in hand costs by priority, `$5` runs
/// of one account at most (0: no bound), `$6` whose turn it is, `$7` how often lost a run is claimed
/// alone.
///
/// A lane is a priority and a playbook. `found` hops from one to the next in the index; from each,
/// `due` takes who has been due the longest, and `chosen` the cheapest of all. Of one lane 10,000 are
/// looked at: an account that has more than that due in one playbook, and may have no more in hand,
/// keeps the rest of that lane waiting. The hops are in the order of that index to its end: for the
/// least playbook alone PostgreSQL may go through an index of all runs there ever were.
pub(crate) fn claim() -> Sql {
    sql!("WITH RECURSIVE held AS MATERIALIZED (\
        SELECT account, playbook, priority, claims FROM runs \
        WHERE lease_until IS NOT NULL AND lease_until >=" {now} "), \
        crowded AS MATERIALIZED (\
        SELECT account FROM held GROUP BY account HAVING $5 > 0 AND COUNT(*) >= $5), \
        found (priority, stride, bonus, playbook) AS (\
        SELECT r.priority, r.stride, r.bonus, (SELECT runs.playbook FROM runs \
        WHERE runs.status = 'active' AND runs.wake_at IS NOT NULL \
        AND runs.priority = r.priority \
        ORDER BY runs.playbook, runs.wake_at, runs.id LIMIT 1) \
        FROM " {rows "$4" (priority TEXT, stride BIGINT, bonus BIGINT)}
        // Most claims find nothing at all.
        "WHERE (SELECT MIN(runs.wake_at) FROM runs \
        WHERE runs.status = 'active' AND runs.wake_at IS NOT NULL) <= $1 \
        UNION ALL \
        SELECT found.priority, found.stride, found.bonus, (SELECT runs.playbook FROM runs \
        WHERE runs.status = 'active' AND runs.wake_at IS NOT NULL \
        AND runs.priority = found.priority AND runs.playbook > found.playbook \
        ORDER BY runs.playbook, runs.wake_at, runs.id LIMIT 1) \
        FROM found WHERE found.playbook IS NOT NULL), \
        lane AS MATERIALIZED (\
        SELECT found.priority, found.stride, found.bonus, found.playbook, \
        (ROW_NUMBER() OVER (ORDER BY found.playbook, found.priority) + $6) \
        % COUNT(*) OVER () AS turn, \
        (SELECT COUNT(*) FROM held WHERE held.playbook = found.playbook \
        AND held.priority = found.priority) AS in_hand, \
        (SELECT COUNT(*) FROM held WHERE held.playbook = found.playbook) AS busy, \
        (SELECT playbooks.concurrency FROM playbooks \
        WHERE playbooks.name = found.playbook AND playbooks.active = 1) AS most \
        FROM found WHERE found.playbook IS NOT NULL), \
        due AS (\
        SELECT" {either " c.rowid AS place," ""} " c.id, c.account, c.wake_at, c.claims, lane.playbook, lane.turn, lane.busy, lane.most, \
        (lane.in_hand + ROW_NUMBER() OVER (PARTITION BY lane.priority, lane.playbook \
        ORDER BY c.wake_at, c.id)) * lane.stride - lane.bonus AS cost FROM lane "
        {either "JOIN runs AS c ON c.rowid IN (SELECT w.place FROM (SELECT runs.rowid AS place, \
            runs.account FROM runs INDEXED BY runs_by_lane"
            "CROSS JOIN LATERAL (SELECT w.id, w.account, w.wake_at, w.claims FROM (SELECT runs.id, \
            runs.account, runs.wake_at, runs.claims FROM runs"}
        " WHERE runs.status = 'active' AND runs.priority = lane.priority \
        AND runs.playbook = lane.playbook AND runs.wake_at <= $1 \
        AND (runs.lease_until IS NULL OR runs.lease_until <" {now} ") \
        AND (runs.claims < $7 OR NOT EXISTS (SELECT 1 FROM held WHERE held.claims > $7)) \
        ORDER BY runs.wake_at, runs.id LIMIT 10000) AS w \
        WHERE w.account NOT IN (SELECT crowded.account FROM crowded) LIMIT +$2" {either ")" ") AS c"} "), \
        lone AS (\
        SELECT due.*, ROW_NUMBER() OVER (PARTITION BY due.account \
        ORDER BY due.cost, due.turn, due.wake_at, due.id) + CASE WHEN $5 < 2 THEN 0 ELSE \
        (SELECT COUNT(*) FROM held WHERE held.account = due.account) END AS of_account \
        FROM due), \
        bounded AS (\
        SELECT lone.*, lone.busy + ROW_NUMBER() OVER (PARTITION BY lone.playbook \
        ORDER BY lone.cost, lone.turn, lone.wake_at, lone.id) AS of_playbook \
        FROM lone WHERE $5 = 0 OR lone.of_account <= $5), \
        ranked AS (\
        SELECT bounded." {either "place" "id"} ", bounded.claims, \
        ROW_NUMBER() OVER fair AS rank, FIRST_VALUE(bounded.claims) OVER fair AS first \
        FROM bounded WHERE bounded.most IS NULL OR bounded.of_playbook <= bounded.most \
        WINDOW fair AS (ORDER BY bounded.cost, bounded.turn, bounded.wake_at, bounded.id)), \
        chosen AS MATERIALIZED (\
        SELECT ranked." {either "place" "id"} " FROM ranked WHERE ranked.rank = 1 \
        OR (ranked.claims < $7 AND ranked.first < $7) ORDER BY ranked.rank LIMIT +$2), "
        // Looked at once more under the lock: an older program claims without waiting its turn.
        "taken AS MATERIALIZED (\
        SELECT" {either " runs.rowid AS place FROM runs WHERE runs.rowid IN (SELECT chosen.place \
            FROM chosen)"
            " runs.id FROM runs WHERE runs.id = ANY(ARRAY(SELECT chosen.id FROM chosen))"}
        " AND runs.status || '' = 'active' AND +runs.wake_at <= $1 \
        AND (runs.lease_until IS NULL OR runs.lease_until <" {now} ")" {skip_locked} ") \
        UPDATE runs SET lease_token = lease_token + 1, lease_until =" {now} "+ $3, \
        claims = claims + 1 WHERE"
        {either " rowid IN (SELECT taken.place FROM taken)"
            " id = ANY(ARRAY(SELECT taken.id FROM taken))"}
        " RETURNING id, playbook, version, account, cause, status, progress, wake_at, \
        started_at, changed_at, lease_token, wakes, claims")
}
