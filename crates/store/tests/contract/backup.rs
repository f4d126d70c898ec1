//! Copies: taken while others write, and holding back what may have left since.

use domain::{
    killswitch::Scope,
    message::{MessageStatus, id_of},
    port::{Journal, Ledger, Outbox},
    user::Actor,
};
use store::Store;

use crate::{
    backend::Backend,
    stage::{LONG, Stage},
};

contract! {
    a_copy_is_of_one_moment_and_whole,
    after_a_restore_nothing_leaves_by_itself,
    free_pages_are_given_back,
    an_empty_database_is_told_from_one_of_ours,
}

async fn a_copy_is_of_one_moment_and_whole(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.sqlite");
    if backend.is_postgres() {
        // PostgreSQL has its own, see the tests of the program.
        assert_eq!(backend.store.integrity().await.unwrap(), [""; 0]);
        backend.store.copy_into(&copy).await.unwrap();
        assert!(!copy.exists());
        assert_eq!(backend.store.last_event().await.unwrap(), Some(backend.now()));
        return;
    }
    stage.run("before").await;
    let writing = {
        let (store, runs) = (backend.store.clone(), stage.new_run("while"));
        let now = backend.now();
        tokio::spawn(async move { store.start(vec![runs], now).await.unwrap() })
    };
    backend.store.copy_into(&copy).await.unwrap();
    writing.await.unwrap();
    stage.run("after").await;
    assert!(backend.store.copy_into(&copy).await.is_err(), "what is there is not written over");

    let clock: std::sync::Arc<dyn domain::clock::Clock> =
        std::sync::Arc::<crate::backend::Manual>::clone(&backend.clock);
    let copied = Store::open(copy.to_str().unwrap(), clock).await.unwrap();
    assert_eq!(copied.integrity().await.unwrap(), [""; 0]);
    let runs: i64 = copied.counts().await.unwrap().runs.values().sum();
    assert!((1..=2).contains(&runs), "{runs}");
    assert_eq!(copied.last_event().await.unwrap(), Some(backend.now()));
    for head in copied.heads("", 100).await.unwrap() {
        let events = copied.events(&head.stream, 0, 100).await.unwrap();
        assert_eq!(
            events.last().map(|event| (event.seq, &event.hash)),
            Some((head.seq, &head.hash))
        );
    }
    copied.close().await;
}

async fn after_a_restore_nothing_leaves_by_itself(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let held = stage.granted("held").await;
    let attempt = store.claim_messages(backend.now(), 10, LONG).await.unwrap().remove(0);
    let parked = stage.claim(LONG).await;
    stage.commit(stage.turn(&parked)).await;
    let queued = stage.granted("queued").await;
    let copied_at = Some(backend.now());
    let count = store.hold_unsettled(copied_at, &Actor::Engine, backend.now()).await.unwrap();
    assert_eq!(count, 2);
    for approval in [&held, &queued] {
        let message = store.message(id_of(approval.run, "outreach")).await.unwrap().unwrap();
        assert_eq!(message.status, MessageStatus::Uncertain);
        assert!(message.note.contains("restored from a copy"), "{}", message.note);
        assert_eq!(stage.events(approval.run).await.last().unwrap(), "message_uncertain");
    }
    assert_eq!(store.kills().await.unwrap()[0].scope, Scope::All);
    assert_eq!(stage.events("switch").await, ["kill_engaged"]);
    assert_eq!(stage.events("history").await, ["database_restored"]);
    // An attempt from before has lost its right to say anything.
    let late = domain::port::Outcome::Refused("late".to_owned());
    assert!(!store.record(&attempt, &late, backend.now()).await.unwrap());
    assert_eq!(store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);

    // Holding twice holds nothing more. Restarting sends nothing of it, until a person says so.
    let again = store.hold_unsettled(None, &Actor::Engine, backend.now()).await.unwrap();
    assert_eq!(again, 0);
    assert_eq!(stage.events("switch").await, ["kill_engaged"]);
    store.unkill(&Scope::All, &stage.by(), backend.now()).await.unwrap();
    assert_eq!(store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
    let id = id_of(queued.run, "outreach");
    assert!(store.resolve(id, false, &stage.by(), backend.now()).await.unwrap());
    let next = store.claim_messages(backend.now(), 10, LONG).await.unwrap();
    assert_eq!(next.iter().map(|message| message.id).collect::<Vec<_>>(), [id]);
}

async fn free_pages_are_given_back(backend: &Backend) {
    let slack = backend.store.slack().await.unwrap();
    assert!(slack.by_steps, "a new file shrinks by steps");
    if backend.is_postgres() {
        assert!(!backend.store.shrink().await.unwrap());
        return backend.store.rewrite().await.unwrap();
    }
    let fill = "CREATE TABLE filler (x BLOB); \
                INSERT INTO filler SELECT zeroblob(4000) FROM (WITH RECURSIVE n(i) AS \
                (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i FROM n); \
                DELETE FROM filler";
    backend.behind_the_back(fill).await.unwrap();
    let before = backend.store.slack().await.unwrap();
    assert!(before.free > 4_000_000, "{before:?}");
    let mut steps = 0;
    while backend.store.shrink().await.unwrap() {
        steps += 1;
    }
    let after = backend.store.slack().await.unwrap();
    assert!(steps > 1 && after.free == 0, "{steps} {after:?}");
    assert!(after.bytes < before.bytes - 4_000_000, "{before:?} {after:?}");

    // A file from before this was the rule is written anew once, and follows it from then on.
    backend.behind_the_back("PRAGMA auto_vacuum = NONE; VACUUM").await.unwrap();
    assert!(!backend.store.slack().await.unwrap().by_steps);
    assert!(!backend.store.shrink().await.unwrap());
    backend.store.rewrite().await.unwrap();
    assert!(backend.store.slack().await.unwrap().by_steps);
}

async fn an_empty_database_is_told_from_one_of_ours(backend: &Backend) {
    assert!(!backend.store.is_empty().await.unwrap());
    assert_eq!(backend.store.some_content().await.unwrap(), None);
    let stage = Stage::new(backend).await;
    stage.waiting("k").await;
    // Nobody has a key yet, so there is nothing to try one on.
    assert_eq!(backend.store.some_content().await.unwrap(), None);
    backend.store.insert_subject_key_if_absent(stage.contact, &[7; 72], "m1").await.unwrap();
    let found = backend.store.some_content().await.unwrap().unwrap();
    assert_eq!(found.subject, stage.contact);
    backend.store.destroy_subject_key(stage.contact, backend.now()).await.unwrap();
    assert_eq!(backend.store.some_content().await.unwrap(), None);
}
