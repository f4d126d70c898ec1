//! Checks that need to look inside: a full disk, and the plans SQLite makes of hot statements.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use domain::{
    clock::Clock,
    event::{Event, NewEvent, Stream},
    page::PageRequest,
    port::{Journal, Ledger, QueueFilter, StoreError},
    user::Actor,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    claim, dispatch,
    fault::of_sqlx,
    open::Store,
    queue, run, signal,
    sql::{Sql, Value, args, sql},
};

struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

pub(crate) async fn open() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let clock = Arc::new(Still(AtomicU64::new(1)));
    let store = Store::open(path.to_str().unwrap(), clock).await.unwrap();
    store.migrate().await.unwrap();
    (store, folder)
}

fn long_event(n: usize) -> NewEvent {
    NewEvent {
        stream: Stream::Switch,
        at: Timestamp::UNIX_EPOCH,
        actor: Actor::Engine,
        event: Event::KillReleased { scope: format!("{n} {}", "x".repeat(8_000)) },
    }
}

async fn pages(store: &Store, pragma: &'static str) -> Result<(), StoreError> {
    store.write(move |tx| Box::pin(async move { tx.raw(pragma, "").await.map_err(of_sqlx) })).await
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_half_applied_and_work_goes_on_when_there_is_room() {
    let (store, _folder) = open().await;
    store.append(vec![long_event(0)]).await.unwrap();
    // Nothing below the size the file has now is accepted, so this is "not one page more".
    pages(&store, "PRAGMA max_page_count = 1").await.unwrap();
    let mut written = 1;
    let full = loop {
        match store.append((0..5).map(long_event).collect()).await {
            Ok(()) => written += 5,
            Err(error) => break error,
        }
        assert!(written < 1000, "the disk never fills");
    };
    assert!(full.is_transient(), "somebody may make room");
    for _ in 0..3 {
        assert!(store.append((0..5).map(long_event).collect()).await.is_err());
    }
    let events = store.events("switch", 0, 10_000).await.unwrap();
    assert_eq!(events.len(), written);

    pages(&store, "PRAGMA max_page_count = 1000000").await.unwrap();
    store.append(vec![long_event(1)]).await.unwrap();
    let events = store.events("switch", 0, 10_000).await.unwrap();
    assert_eq!(events.len(), written + 1);
    let mut verifier = domain::chain::Verifier::new("switch");
    events.iter().try_for_each(|event| verifier.next(event)).unwrap();
}

#[tokio::test]
async fn a_unit_of_work_that_panics_takes_nothing_with_it() {
    let (store, _folder) = open().await;
    let broken: Result<(), _> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute(sql!("DELETE FROM migrations"), args![]).await?;
                panic!("on purpose")
            })
        })
        .await;
    assert!(!broken.unwrap_err().is_transient());
    store.append(vec![long_event(0)]).await.unwrap();
    assert_eq!(store.pending().await.unwrap(), [""; 0]);
}

/// The text a statement answers with on the connection that writes.
async fn word(store: &Store, sql: Sql, column: &'static str) -> String {
    store
        .write(move |tx| {
            Box::pin(async move {
                let row = tx.one(sql, args![]).await?.expect("one row");
                row.text(column).or_else(|_| Ok(row.int(column)?.to_string()))
            })
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn what_sqlite_commits_is_on_the_disk() {
    let (store, _folder) = open().await;
    // 2 is FULL: each commit is synced, not only each checkpoint of the log.
    assert_eq!(word(&store, sql!("PRAGMA synchronous"), "synchronous").await, "2");
    assert_eq!(word(&store, sql!("PRAGMA journal_mode"), "journal_mode").await, "wal");
    // A connection that was lost is replaced by one that is no worse.
    store
        .write(|tx| {
            Box::pin(async move { tx.raw("PRAGMA synchronous = OFF", "").await.map_err(of_sqlx) })
        })
        .await
        .unwrap_err();
    assert_eq!(word(&store, sql!("PRAGMA synchronous"), "synchronous").await, "2");
}

#[tokio::test]
async fn what_postgres_commits_is_on_the_disk_whatever_its_default() {
    #[expect(clippy::disallowed_methods, reason = "tests are told of a cluster this way")]
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        assert!(std::env::var("TEST_POSTGRES_REQUIRED").is_err(), "PostgreSQL is needed");
        return;
    };
    let (server, _) = url.rsplit_once('/').unwrap();
    let url = format!("{server}/durable_{}", std::process::id());
    crate::create_database(&url).await.unwrap();
    let open = async || Store::open(&url, Arc::new(Still(AtomicU64::new(1)))).await.unwrap();
    let store = open().await;
    let name = url.rsplit_once('/').unwrap().1;
    let default = format!("ALTER DATABASE {name} SET synchronous_commit = off").leak();
    store
        .write(|tx| Box::pin(async move { tx.raw("", default).await.map_err(of_sqlx) }))
        .await
        .unwrap();
    store.close().await;
    let store = open().await;
    let reset = sql!("SELECT setting FROM pg_db_role_setting, unnest(setconfig) AS setting "
        "WHERE setting LIKE 'synchronous_commit=%'");
    assert_eq!(word(&store, reset, "setting").await, "synchronous_commit=off");
    for setting in ["synchronous_commit", "fsync", "full_page_writes"] {
        let show = Sql::of_test(format!("SHOW {setting}"));
        let word = word(&store, show, setting).await;
        // The other two are the server's; that of tests may do without.
        assert!(setting != "synchronous_commit" || word == "on", "{setting} is {word}");
    }
    store.close().await;
    crate::drop_database(&url).await.unwrap();
}

/// What SQLite would do, one line a step.
pub(crate) async fn plan(store: &Store, sql: Sql, args: Vec<Value>) -> String {
    let explain = format!("EXPLAIN QUERY PLAN {}", sql.sqlite.as_str());
    let sql = Sql::of_test(explain);
    let steps: Vec<String> = store
        .read(move |tx| {
            Box::pin(async move {
                tx.fetch(sql, args).await?.iter().map(|row| row.text("detail")).collect()
            })
        })
        .await
        .unwrap();
    steps.join("\n")
}

#[tokio::test]
async fn hot_statements_use_their_indexes() {
    let (store, _folder) = open().await;
    let none = || Value::json(&[""; 0]);
    let args_of_claim = args![0_i64, 1_i64, 1_i64, "[]", 1_i64, 0_i64, 2_i64];
    let due = plan(&store, claim::claim(), args_of_claim).await;
    for used in [
        "USING INDEX runs_held",
        "USING COVERING INDEX runs_by_lane (priority=?)",
        "USING COVERING INDEX runs_by_lane (priority=? AND playbook>?)",
        "USING INDEX runs_by_lane (priority=? AND playbook=? AND wake_at<?)",
        "USING INTEGER PRIMARY KEY (rowid=?)",
        "USING INDEX playbooks_active (name=?)",
    ] {
        assert!(due.contains(used), "{used}: {due}");
    }
    let scanned = due.lines().find(|step| step.contains("SCAN runs") && !step.contains("INDEX"));
    assert_eq!(scanned, None, "{due}");

    let update = sql!("UPDATE runs SET status = r.status FROM "
        {rows "$1" (id TEXT, status TEXT)} "WHERE runs.id = r.id");
    let update = plan(&store, update, vec![none()]).await;
    assert!(update.contains("sqlite_autoindex_runs_1 (id=?)"), "{update}");

    let renew = sql!("UPDATE runs SET lease_until = 1 FROM " {rows "$1" (id TEXT, token BIGINT)}
        "WHERE runs.id = r.id AND runs.lease_token = r.token AND runs.lease_until IS NOT NULL");
    let renew = plan(&store, renew, vec![none()]).await;
    assert!(renew.contains("sqlite_autoindex_runs_1 (id=?)"), "{renew}");

    let wake = plan(&store, run::active_of(), vec![none()]).await;
    assert!(wake.contains("runs_by_account (account=?)"), "{wake}");

    let messages = plan(&store, dispatch::due(), args![0_i64, 1_i64, "[]", 0_i64]).await;
    for used in [
        "USING INDEX messages_by_channel (channel=? AND action=?)",
        "USING INDEX messages_by_channel (channel=? AND action=? AND playbook>?)",
        "USING INDEX messages_by_channel (channel=? AND action=? AND playbook=? AND next_at<?)",
    ] {
        assert!(messages.contains(used), "{used}: {messages}");
    }
    assert!(!messages.contains("SCAN messages"), "{messages}");
    assert!(messages.contains("sqlite_autoindex_approvals_1 (id=?)"), "{messages}");

    let filter = QueueFilter::waiting(Timestamp::UNIX_EPOCH);
    let (queue, args) = queue::select(&filter, &PageRequest::default()).unwrap().build();
    let queue = plan(&store, queue, args).await;
    assert!(queue.contains("approvals_by_risk (status=?)"), "{queue}");
    assert!(!queue.contains("TEMP B-TREE"), "{queue}");

    let signals = plan(&store, signal::untriggered(), args![9_i64, "[]"]).await;
    for used in [
        "USING COVERING INDEX signals_by_lane",
        "USING COVERING INDEX signals_by_lane (lane>?)",
        "USING COVERING INDEX signals_by_lane (lane=?)",
        "sqlite_autoindex_signals_1 (id=?)",
    ] {
        assert!(signals.contains(used), "{used}: {signals}");
    }
    let walked = signals.lines().find(|step| step.contains("SCAN s") && !step.contains("INDEX"));
    assert_eq!(walked, None, "{signals}");
    let mark = plan(&store, signal::mark(), vec![none()]).await;
    assert!(mark.contains("sqlite_autoindex_signals_1 (id=?)"), "{mark}");

    let heads = sql!("SELECT name, seq, hash FROM streams WHERE name" {among "$1"} "ORDER BY name");
    let heads = plan(&store, heads, vec![none()]).await;
    assert!(heads.contains("sqlite_autoindex_streams_1 (name=?)"), "{heads}");
}
