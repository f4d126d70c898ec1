//! Checks the plans PostgreSQL makes of the claims, with as many rows as make a difference.

use std::sync::Arc;

use domain::clock::Clock;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    claim, create_database, dispatch, drop_database,
    fault::of_sqlx,
    open::Store,
    signal,
    spread::{Bound, spread},
    sql::{Sql, Value, args},
};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn uuid(&self) -> Uuid {
        Uuid::nil()
    }
}

/// History, parked runs, a flood, a few others, some in hand; messages that left and some that wait.
const ROWS: &str = "SET session_replication_role = replica;
INSERT INTO runs (id, request_key, playbook, version, account, cause, status, step, progress,
wake_at, wakes, lease_token, lease_until, started_at, changed_at)
SELECT 'r' || n, 'k' || n, 'playbook-' || n % 12, 'v', 'a' || n % 5000, '{}',
CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'active' END, 's', '{}',
CASE WHEN n % 4 = 1 THEN 9000000000000000 + n END, 0, 0, NULL, n, n
FROM generate_series(1, 40000) AS n;
INSERT INTO runs (id, request_key, playbook, version, account, cause, status, step, progress,
wake_at, wakes, lease_token, lease_until, started_at, changed_at)
SELECT 'f' || n, 'f' || n, 'flood', 'v', 'a' || n % 5000, '{}', 'active', 's', '{}', n, 0, 0,
CASE WHEN n < 300 THEN 9000000000000000 END, n, n FROM generate_series(1, 20000) AS n;
INSERT INTO approvals (id, run, step, playbook, account, contact, action, risk_order, queued_at,
due_at, status, revision, data)
SELECT 'p' || n, 'r' || n, 's', 'playbook-' || n % 12, 'a', 'c', 'send_email', 1, n, n, 'approved',
1, '{}' FROM generate_series(1, 20000) AS n;
INSERT INTO messages (id, approval, run, step, account, contact, content, binding, status, attempts,
next_at, note, queued_at, settled_at, token, playbook, action, channel)
SELECT 'm' || n, 'p' || n, 'r' || n, 's', 'a', 'c', 'x', 'b',
CASE WHEN n % 20 = 0 THEN 'queued' ELSE 'delivered' END, 0, n, '', n,
CASE WHEN n % 20 = 0 THEN NULL ELSE n END, 0, 'playbook-' || n % 12, 'send_email', 'email'
FROM generate_series(1, 20000) AS n;
INSERT INTO signals (id, source, event_id, kind, account, happened_at, received_at, data, triggered,
lane) SELECT 's' || n, 's', 'e' || n, 'kind-' || n % 7, 'a' || n % 5000, n, n, '{}',
CASE WHEN n > 20000 THEN 0 ELSE 1 END, CASE WHEN n > 39900 THEN 'kind-' || n % 7 ELSE 'flood' END
FROM generate_series(1, 40000) AS n;
ANALYZE";

/// The plan of a statement, one line a step: made for these values, and for any.
async fn plans(store: &Store, sql: Sql, args: &[Value]) -> [String; 2] {
    let (text, bound) = spread(sql.postgres, args).unwrap();
    let types: Vec<_> = bound.iter().map(Bound::kind).collect();
    let values: Vec<_> = bound.iter().map(Bound::literal).collect();
    let (types, values) = (types.join(", "), values.join(", "));
    let prepare = format!("PREPARE asked ({types}) AS {}", text.as_str()).leak();
    let explain = format!("EXPLAIN EXECUTE asked ({values})").leak();
    store
        .write(move |tx| {
            Box::pin(async move {
                tx.raw("", prepare).await.map_err(of_sqlx)?;
                let mut plans = [String::new(), String::new()];
                let modes = ["force_custom_plan", "force_generic_plan"];
                for (plan, mode) in plans.iter_mut().zip(modes) {
                    let mode = format!("SET LOCAL plan_cache_mode = '{mode}'").leak();
                    tx.raw("", mode).await.map_err(of_sqlx)?;
                    let rows = tx.fetch(Sql::pair("", explain), args![]).await?;
                    let steps: Result<Vec<_>, _> =
                        rows.iter().map(|row| row.text("QUERY PLAN")).collect();
                    *plan = steps?.join("\n");
                }
                tx.raw("", "DEALLOCATE asked").await.map_err(of_sqlx)?;
                Ok(plans)
            })
        })
        .await
        .unwrap()
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tests are told of a cluster by the environment")]
async fn claims_walk_no_table_on_postgres() {
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        assert!(std::env::var("TEST_POSTGRES_REQUIRED").is_err(), "PostgreSQL is needed");
        return;
    };
    let (server, _) = url.rsplit_once('/').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().file_name().unwrap().to_string_lossy().replace('.', "");
    let url = format!("{server}/plans_{}_{}", std::process::id(), name.to_lowercase());
    create_database(&url).await.unwrap();
    let store = Store::open(&url, Arc::new(Still)).await.unwrap();
    store.migrate().await.unwrap();
    store.write(|tx| Box::pin(async { tx.raw("", ROWS).await.map_err(of_sqlx) })).await.unwrap();

    let lanes = Value::from(r#"[{"priority":"normal","stride":2,"bonus":0}]"#);
    let values = args![1_000_000_000_i64, 64_i64, 30_000_000_i64, lanes, 1_i64, 7_i64, 2_i64];
    for plan in plans(&store, claim::claim(), &values).await {
        assert!(!plan.contains("Seq Scan on runs"), "{plan}");
        assert!(!plan.contains("runs_by_status") && !plan.contains("runs_by_account"), "{plan}");
        for used in ["runs_by_lane", "runs_held", "runs_pkey", "LockRows"] {
            assert!(plan.contains(used), "{used}: {plan}");
        }
    }
    let actions = Value::from(
        r#"[{"channel":"email","counts_as":"email","room":8,"action":"send_email","every":0,"burst":0}]"#,
    );
    let values = args![1_000_000_000_i64, 8_i64, actions, 7_i64];
    for plan in plans(&store, dispatch::due(), &values).await {
        for table in ["messages", "approvals", "runs"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
        }
        for used in ["messages_by_channel", "messages_pkey", "LockRows"] {
            assert!(plan.contains(used), "{used}: {plan}");
        }
    }
    let values = args![256_i64, Value::from(r#"[{"lane":"kind-1","stride":2}]"#)];
    for plan in plans(&store, signal::untriggered(), &values).await {
        assert!(!plan.contains("Seq Scan on signals"), "{plan}");
        for used in ["signals_by_lane", "signals_pkey"] {
            assert!(plan.contains(used), "{used}: {plan}");
        }
    }
    store.close().await;
    drop_database(&url).await.unwrap();
}
