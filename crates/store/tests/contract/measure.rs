//! A database tells how much it holds, and a database that was made can be dropped.

use domain::{
    event::{Event, NewEvent, Stream},
    port::Journal as _,
    user::Actor,
};

use crate::backend::Backend;

contract! {
    what_is_written_can_be_measured,
    plain_rows_are_committed_whole_or_not_at_all,
    a_database_of_our_own_can_be_dropped,
}

async fn what_is_written_can_be_measured(backend: &Backend) {
    let before = backend.store.footprint().await.unwrap();
    let event = NewEvent {
        stream: Stream::Switch,
        at: backend.now(),
        actor: Actor::Engine,
        event: Event::KillReleased { scope: "x".repeat(4000) },
    };
    for _ in 0..4 {
        // Random enough not to be packed away.
        let mut events = vec![event.clone(); 50];
        for (place, event) in events.iter_mut().enumerate() {
            event.event = Event::KillReleased { scope: noise(place, 4000) };
        }
        backend.store.append(events).await.unwrap();
    }
    let after = backend.store.footprint().await.unwrap();
    assert!(after.bytes >= before.bytes + 200 * 2000, "{before:?} {after:?}");
    if backend.is_postgres() {
        assert!(after.process.is_some_and(|pid| pid > 0), "{after:?}");
        assert!(after.wal_bytes.unwrap() >= before.wal_bytes.unwrap() + 200 * 2000, "{after:?}");
        assert!(after.wal_syncs >= before.wal_syncs, "{after:?}");
    } else {
        assert_eq!((after.process, after.wal_bytes, after.wal_syncs), (None, None, None));
    }
}

async fn plain_rows_are_committed_whole_or_not_at_all(backend: &Backend) {
    let store = &backend.store;
    store.fill_scratch_table(0..1).await.unwrap_err();
    store.make_scratch_table().await.unwrap();
    store.make_scratch_table().await.unwrap_err();
    store.fill_scratch_table(0..100).await.unwrap();
    store.fill_scratch_table(90..190).await.unwrap_err();
    // Of those none was left behind.
    store.fill_scratch_table(100..200).await.unwrap();
    store.fill_scratch_table(199..200).await.unwrap_err();
}

/// Letters that do not repeat.
fn noise(seed: usize, length: usize) -> String {
    let mut state = seed as u64 + 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
        })
        .collect()
}

async fn a_database_of_our_own_can_be_dropped(backend: &Backend) {
    if !backend.is_postgres() {
        // A file is deleted, not dropped.
        assert!(store::drop_database(&backend.url).await.is_err());
        return;
    }
    let url = format!("{}_twin", backend.url);
    assert!(store::create_database(&url).await.unwrap());
    assert!(!store::create_database(&url).await.unwrap(), "it is there already");
    let clock: std::sync::Arc<dyn domain::clock::Clock> =
        std::sync::Arc::<crate::backend::Manual>::clone(&backend.clock);
    let open = store::Store::open(&url, clock).await.unwrap();
    open.migrate().await.unwrap();
    store::drop_database(&url).await.unwrap();
    assert!(open.pending().await.is_err(), "connections to it end");
    store::drop_database(&url).await.unwrap();
    assert!(store::create_database(&url).await.unwrap(), "it was gone");
    store::drop_database(&url).await.unwrap();
}
