//! Callers who go away, databases that go away, and two programs on one database.

use domain::{
    event::{Event, NewEvent, Stream},
    port::{Customers, Journal, Ledger},
    user::Actor,
};
use sqlx::{Connection as _, PgConnection};

use crate::{
    backend::Backend,
    stage::{LONG, Stage},
};

contract! {
    a_caller_who_goes_away_leaves_nothing_half_done,
    two_programs_write_to_one_database,
    after_the_database_was_away_work_goes_on,
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
            tokio::time::sleep(std::time::Duration::from_micros(u64::from(n) * 10)).await;
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
