//! Checks that each part of a filter finds its index on both databases, and that nothing walks what
//! is over or what only waits.

use std::sync::Arc;

use domain::{clock::Clock, id::RunId, port::RunFilter, run::RunStatus};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    create_database, drop_database,
    fault::of_sqlx,
    inside, intervene,
    open::Store,
    relocate,
    sql::{Sql, Value, args},
    steering::backlog,
};

/// Every part of a filter, with the index that serves it in a batch and in the list.
fn parts() -> Vec<(&'static str, RunFilter, &'static str)> {
    let any = RunFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let at = Timestamp::from_microsecond(5_000).ok();
    vec![
        (
            "step",
            RunFilter { status: Some(RunStatus::Paused), step: text("s7"), ..any() },
            "runs_by_status",
        ),
        (
            "version",
            RunFilter { status: Some(RunStatus::Paused), version: text("v7"), ..any() },
            "runs_by_status",
        ),
        ("status", RunFilter { status: Some(RunStatus::Stuck), ..any() }, "runs_by_status"),
        (
            "code",
            RunFilter { status: Some(RunStatus::Stuck), code: text("c"), ..any() },
            "runs_by_status",
        ),
        (
            "account",
            RunFilter { account: "acc_00000000000000000000000000000007".parse().ok(), ..any() },
            "runs_by_account",
        ),
        (
            "age",
            RunFilter { status: Some(RunStatus::Paused), started_before: at, ..any() },
            "runs_by_status",
        ),
    ]
}

/// Lists that leave out what is over without naming a status.
fn of_what_is_live() -> [(&'static str, RunFilter); 2] {
    let text = |text: &str| Some(text.to_owned());
    [
        ("step", RunFilter { step: text("s7"), ..RunFilter::default() }),
        ("version", RunFilter { version: text("v7"), ..RunFilter::default() }),
    ]
}

#[tokio::test]
async fn every_part_of_a_filter_has_its_index_on_sqlite() {
    let (store, _folder) = inside::open().await;
    for (part, filter, index) in parts() {
        for query in [
            store.select_longest_started(&filter, Some((Timestamp::UNIX_EPOCH, run())), 200),
            store.select_groups(&filter),
        ] {
            let (sql, args) = query.build();
            let plan = inside::plan(&store, sql, args).await;
            assert!(plan.contains(index), "{part}: {plan}");
        }
        let (sql, args) = store.select_longest_started(&filter, None, 200).build();
        let plan = inside::plan(&store, sql, args).await;
        assert!(!plan.contains("TEMP B-TREE"), "a page costs what it reads: {part}: {plan}");
    }
    // Lists by step or version look at what is not over, and never walk all there ever were.
    for (part, filter) in of_what_is_live() {
        for query in [store.select_runs(&filter, None, 51), store.select_groups(&filter)] {
            let (sql, args) = query.build();
            let plan = inside::plan(&store, sql, args).await;
            assert!(plan.contains("runs_by_status (status=?)"), "{part}: {plan}");
        }
    }
    // What a batch closes is found by its runs, not among all that wait.
    let none = || Value::json(&[""; 0]);
    for (sql, args, index) in [
        (intervene::open_approvals(), vec![none()], "approvals_by_run (run=?)"),
        (
            intervene::refuse_messages(),
            vec![none(), Value::from(""), Value::from(0_i64)],
            "messages_by_run (run=?)",
        ),
        (intervene::cancel_tasks(), vec![none()], "sqlite_autoindex_tasks_2 (run=?)"),
        (relocate::unsettled(), vec![none()], "messages_by_run (run=?)"),
        (backlog(), args![0_i64], "runs_due (status=? AND wake_at<?)"),
    ] {
        let plan = inside::plan(&store, sql, args).await;
        assert!(plan.contains(index), "{index}: {plan}");
    }
}

fn run() -> RunId {
    RunId::from_uuid(Uuid::nil())
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn uuid(&self) -> Uuid {
        Uuid::nil()
    }
}

/// Much that is over, much that is parked, little that is stuck or paused.
const ROWS: &str = "SET session_replication_role = replica;
INSERT INTO runs (id, request_key, playbook, version, account, cause, status, step, progress,
wake_at, wakes, lease_token, lease_until, started_at, changed_at)
SELECT 'run_' || lpad(n::text, 32, '0'), 'k' || n, 'p' || n % 12, 'v' || n % 40,
'acc_' || lpad((n % 5000)::text, 32, '0'), '{}',
CASE WHEN n % 2 = 0 THEN 'completed' WHEN n % 501 = 0 THEN 'stuck' WHEN n % 701 = 0 THEN 'paused'
ELSE 'active' END, 's' || n % 60, '{}', CASE WHEN n % 1001 = 0 THEN n END, 0, 0, NULL, n, n
FROM generate_series(1, 40000) AS n;
ANALYZE";

/// The plan PostgreSQL makes, one line a step.
async fn explain(store: &Store, sql: &Sql, args: Vec<Value>) -> String {
    let explain = format!("EXPLAIN {}", sql.postgres.as_str());
    let sql = Sql::of_test(explain);
    let steps: Vec<String> = store
        .read(move |tx| {
            Box::pin(async move {
                tx.fetch(sql, args).await?.iter().map(|row| row.text("QUERY PLAN")).collect()
            })
        })
        .await
        .unwrap();
    steps.join("\n")
}

#[tokio::test]
async fn every_part_of_a_filter_has_its_index_on_postgres() {
    #[expect(clippy::disallowed_methods, reason = "tests are told of a cluster this way")]
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        assert!(std::env::var("TEST_POSTGRES_REQUIRED").is_err(), "PostgreSQL is needed");
        return;
    };
    let (server, _) = url.rsplit_once('/').unwrap();
    let url = format!("{server}/steering_{}", std::process::id());
    create_database(&url).await.unwrap();
    let store = Store::open(&url, Arc::new(Still)).await.unwrap();
    store.migrate().await.unwrap();
    store.write(|tx| Box::pin(async { tx.raw("", ROWS).await.map_err(of_sqlx) })).await.unwrap();
    for (part, filter, index) in parts() {
        let begin = Some((Timestamp::UNIX_EPOCH, run()));
        for query in
            [store.select_longest_started(&filter, begin, 200), store.select_groups(&filter)]
        {
            let (sql, args) = query.build();
            let plan = explain(&store, &sql, args).await;
            assert!(!plan.contains("Seq Scan on runs"), "{part}: {plan}");
            assert!(plan.contains(index), "{part}: {plan}");
        }
    }
    for (part, filter) in of_what_is_live() {
        let (sql, args) = store.select_runs(&filter, None, 51).build();
        let plan = explain(&store, &sql, args).await;
        assert!(!plan.contains("runs_by_start"), "{part}: {plan}");
    }
    let plan = explain(&store, &backlog(), args![1_000_i64]).await;
    assert!(!plan.contains("Seq Scan on runs"), "{plan}");
    store.close().await;
    drop_database(&url).await.unwrap();
}
