//! Callers who go away, databases that go away, and two programs on one database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use domain::{
    event::{Event, NewEvent, Stream},
    port::{Customers, Journal, Ledger},
    user::Actor,
};
use sqlx::{Connection as _, PgConnection};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    backend::Backend,
    stage::{LONG, Stage},
};

contract! {
    a_caller_who_goes_away_leaves_nothing_half_done,
    two_programs_write_to_one_database,
    after_the_database_was_away_work_goes_on,
    sessions_that_take_no_writes_are_left_behind,
    a_server_that_falls_silent_is_left_behind,
    a_closed_store_can_be_opened_again,
}

fn released(backend: &Backend, scope: String) -> NewEvent {
    NewEvent {
        stream: Stream::Switch,
        at: backend.now(),
        actor: Actor::Engine,
        event: Event::KillReleased { scope },
    }
}

async fn a_caller_who_goes_away_leaves_nothing_half_done(backend: &Backend) {
    for n in 0..150_u32 {
        let store = backend.store.clone();
        let event = released(backend, n.to_string());
        let caller = tokio::spawn(async move { store.append(vec![event]).await });
        // At every stage of the work, from before it begins to after it is done.
        for _ in 0..n % 30 {
            tokio::task::yield_now().await;
        }
        if n % 3 == 0 {
            tokio::time::sleep(Duration::from_micros(u64::from(n) * 10)).await;
        }
        caller.abort();
    }
    // Whatever was written is a whole chain, and the connections are fit for work.
    for n in 0..20 {
        backend.store.append(vec![released(backend, format!("after {n}"))]).await.unwrap();
    }
    let mut verifier = domain::chain::Verifier::new("switch");
    let events = backend.store.events("switch", 0, 1000).await.unwrap();
    events.iter().try_for_each(|event| verifier.next(event)).unwrap();
    let head = backend.store.heads("", 10).await.unwrap().remove(0);
    assert_eq!(head.seq, i64::try_from(events.len()).unwrap());
    if backend.is_postgres() {
        let mut connection = PgConnection::connect(&backend.url).await.unwrap();
        let open: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND state LIKE 'idle in transaction%'",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        assert_eq!(open, 0);
    }
}

async fn two_programs_write_to_one_database(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let other = backend.another().await;
    let mut writers = Vec::new();
    for store in [backend.store.clone(), other] {
        for n in 0..25 {
            let store = store.clone();
            let event = released(backend, n.to_string());
            let account = stage.account;
            writers.push(tokio::spawn(async move {
                store.append(vec![event]).await.unwrap();
                store.account(account).await.unwrap().unwrap();
            }));
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(stage.events("switch").await.len(), 50);
}

async fn after_the_database_was_away_work_goes_on(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.run("k").await;
    // Several pooled connections, all of which die.
    let mut busy = Vec::new();
    for _ in 0..8 {
        let store = backend.store.clone();
        let (account, now) = (stage.account, backend.now());
        busy.push(tokio::spawn(async move { store.snapshots(&[account], now).await.unwrap() }));
    }
    for one in busy {
        one.await.unwrap();
    }
    if backend.is_postgres() {
        let mut admin = PgConnection::connect(&backend.url).await.unwrap();
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .execute(&mut admin)
        .await
        .unwrap();
    }
    assert!(backend.store.account(stage.account).await.unwrap().is_some());
    let claimed = stage.claim(LONG).await;
    stage.commit(stage.turn(&claimed)).await;
    backend.store.ping().await.unwrap();
}

/// Eight questions at once, so that there are eight sessions.
async fn eight_at_once(store: &store::Store, stage: &Stage<'_>, backend: &Backend) {
    let mut busy = Vec::new();
    for _ in 0..8 {
        let (store, account, now) = (store.clone(), stage.account, backend.now());
        busy.push(tokio::spawn(async move { store.snapshots(&[account], now).await.unwrap() }));
    }
    for one in busy {
        one.await.unwrap();
    }
}

/// What was the primary answers for a while, and takes no writes (SQLSTATE 25006).
async fn sessions_that_take_no_writes_are_left_behind(backend: &Backend) {
    let stage = Stage::new(backend).await;
    backend.store.ping().await.unwrap();
    if !backend.is_postgres() {
        return;
    }
    let mut admin = PgConnection::connect(&backend.url).await.unwrap();
    let name = backend.url.rsplit_once('/').unwrap().1;
    let alter = |what: &str| sqlx::AssertSqlSafe(format!("ALTER DATABASE \"{name}\" {what}"));
    sqlx::raw_sql(alter("SET default_transaction_read_only = on"))
        .execute(&mut admin)
        .await
        .unwrap();
    let store = backend.another().await;
    eight_at_once(&store, &stage, backend).await;
    let refused = store.append(vec![released(backend, "while read-only".to_owned())]).await;
    assert!(refused.unwrap_err().is_transient());
    assert!(store.ping().await.unwrap_err().is_transient(), "it takes no commits, and says so");
    eight_at_once(&store, &stage, backend).await;

    sqlx::raw_sql(alter("RESET default_transaction_read_only")).execute(&mut admin).await.unwrap();
    // One more is refused, on one of the old sessions; all of them go with it.
    let refused = store.append(vec![released(backend, "on an old session".to_owned())]).await;
    assert!(refused.unwrap_err().is_transient());
    for n in 0..10 {
        store.append(vec![released(backend, format!("after {n}"))]).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    store.ping().await.unwrap();
    assert_eq!(stage.events("switch").await.len(), 10);
}

/// Stands between a program and its database, and can stop passing on what it hears.
struct Silencer {
    url: String,
    /// Connections up to this one are silent: open, and nothing comes or goes.
    silent: Arc<AtomicU64>,
    opened: Arc<AtomicU64>,
}

impl Silencer {
    async fn before(url: &str) -> Self {
        let (head, name) = url.rsplit_once('/').unwrap();
        let (user, server) = head.rsplit_once('@').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (silent, opened) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (hush, count, server) = (Arc::clone(&silent), Arc::clone(&opened), server.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let server = TcpStream::connect(&server).await.unwrap();
                let (from, to) = (Arc::new(client), Arc::new(server));
                tokio::spawn(pass(Arc::clone(&from), Arc::clone(&to), number, Arc::clone(&hush)));
                tokio::spawn(pass(to, from, number, Arc::clone(&hush)));
            }
        });
        Self { url: format!("{user}@{at}/{name}"), silent, opened }
    }

    fn silence(&self) {
        self.silent.store(self.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn pass(from: Arc<TcpStream>, to: Arc<TcpStream>, number: u64, silent: Arc<AtomicU64>) {
    let mut bytes = [0; 4096];
    loop {
        from.readable().await.unwrap();
        let count = match from.try_read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        if number <= silent.load(Ordering::SeqCst) {
            // A machine that lost its power says nothing, not even that it is gone.
            return std::future::pending().await;
        }
        let mut rest = &bytes[..count];
        while !rest.is_empty() {
            to.writable().await.unwrap();
            if let Ok(written) = to.try_write(rest) {
                rest = &rest[written..];
            }
        }
    }
}

async fn a_server_that_falls_silent_is_left_behind(backend: &Backend) {
    if !backend.is_postgres() {
        return;
    }
    let stage = Stage::new(backend).await;
    let silencer = Silencer::before(&backend.url).await;
    let store = backend.another_at(&silencer.url).await;
    eight_at_once(&store, &stage, backend).await;
    silencer.silence();
    let begun = Instant::now();
    store.append(vec![released(backend, "after the silence".to_owned())]).await.unwrap();
    assert!(store.account(stage.account).await.unwrap().is_some());
    assert!(begun.elapsed() < Duration::from_secs(12), "it took {:?}", begun.elapsed());
    assert_eq!(stage.events("switch").await.len(), 1);
}

async fn a_closed_store_can_be_opened_again(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let another = backend.another().await;
    another.append(vec![released(backend, "x".to_owned())]).await.unwrap();
    another.close().await;
    assert!(another.ping().await.is_err());
    let again = backend.another().await;
    assert!(again.account(stage.account).await.unwrap().is_some());
    assert_eq!(stage.events("switch").await.len(), 1);
}
