//! The kill switch: what it stops, up to the moment of hand-over (GV-04).

use domain::{
    action::ActionName,
    id::AccountId,
    killswitch::{Kill, Scope},
    message::MessageStatus,
    port::{Outbox, Outcome},
};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    outbox::{begin, claim, stored},
    stage::{LONG, Stage},
};

contract! {
    stopping_and_restarting_is_recorded_once,
    what_is_stopped_is_not_claimed_until_it_is_restarted,
    what_is_stopped_elsewhere_is_claimed,
    a_stop_holds_up_to_the_moment_of_hand_over,
    an_attempt_that_died_is_not_made_again_while_stopped,
}

fn stop(stage: &Stage<'_>, scope: Scope) -> Kill {
    Kill { scope, by: stage.by(), at: stage.backend.now(), reason: "bad template".to_owned() }
}

/// Every scope that covers what is on stage.
fn covering(stage: &Stage<'_>) -> [Scope; 4] {
    [
        Scope::All,
        Scope::Playbook("renewal".to_owned()),
        Scope::Action(ActionName::SendEmail),
        Scope::Account(stage.account),
    ]
}

async fn stopping_and_restarting_is_recorded_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let kill = |scope, reason: &str| Kill {
        scope,
        by: stage.by(),
        at: backend.now(),
        reason: reason.to_owned(),
    };
    let first = kill(Scope::All, "bad template");
    store.kill(&first).await.unwrap();
    store.kill(&kill(Scope::All, "me too")).await.unwrap();
    let action = kill(Scope::Action(ActionName::SendEmail), "bounces");
    store.kill(&action).await.unwrap();
    let kills = store.kills().await.unwrap();
    assert_eq!(kills.len(), 2);
    assert!(kills.contains(&first) && kills.contains(&action), "the first reason is kept");
    assert!(store.unkill(&Scope::All, &stage.by(), backend.now()).await.unwrap());
    assert!(!store.unkill(&Scope::All, &stage.by(), backend.now()).await.unwrap());
    assert_eq!(store.kills().await.unwrap(), [action]);
    assert_eq!(stage.events("switch").await, ["kill_engaged", "kill_engaged", "kill_released"]);
}

async fn what_is_stopped_is_not_claimed_until_it_is_restarted(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let store = &backend.store;
    let before = stage.events(approval.run).await;
    for scope in covering(&stage) {
        store.kill(&stop(&stage, scope)).await.unwrap();
    }
    for scope in covering(&stage) {
        assert_eq!(store.claim_messages(backend.now(), 10, LONG).await.unwrap(), [], "{scope}");
        assert!(store.unkill(&scope, &stage.by(), backend.now()).await.unwrap());
    }
    assert_eq!(stage.events(approval.run).await, before, "nothing was begun");
    let message = claim(backend, LONG).await;
    assert_eq!((message.status, message.attempts), (MessageStatus::Queued, 1));
}

async fn what_is_stopped_elsewhere_is_claimed(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.granted("k").await;
    let elsewhere = [
        Scope::Playbook("renewal-2".to_owned()),
        Scope::Playbook("all".to_owned()),
        Scope::Action(ActionName::CreateTask),
        Scope::Account(AccountId::new(&*backend.clock)),
    ];
    for scope in elsewhere {
        backend.store.kill(&stop(&stage, scope)).await.unwrap();
    }
    let message = claim(backend, LONG).await;
    assert!(begin(backend, &message, LONG).await);
}

async fn a_stop_holds_up_to_the_moment_of_hand_over(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.granted("k").await;
    let store = &backend.store;
    let message = claim(backend, LONG).await;
    for scope in covering(&stage) {
        store.kill(&stop(&stage, scope.clone())).await.unwrap();
        assert!(!begin(backend, &message, LONG).await, "{scope}");
        store.unkill(&scope, &stage.by(), backend.now()).await.unwrap();
    }
    assert_eq!(stored(backend, &message).await.status, MessageStatus::Sending);
    // Whoever was stopped still holds the message, and puts it back.
    store.kill(&stop(&stage, Scope::All)).await.unwrap();
    let held = Outcome::Held { why: "sending is stopped".to_owned(), until: backend.now() };
    assert!(store.record(&message, &held, backend.now()).await.unwrap());
    assert_eq!(store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
    store.unkill(&Scope::All, &stage.by(), backend.now()).await.unwrap();
    let message = claim(backend, LONG).await;
    assert_eq!(message.attempts, 1);
    assert!(begin(backend, &message, LONG).await);
}

async fn an_attempt_that_died_is_not_made_again_while_stopped(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.granted("k").await;
    let died = claim(backend, SignedDuration::from_secs(-1)).await;
    let scope = Scope::Account(stage.account);
    backend.store.kill(&stop(&stage, scope.clone())).await.unwrap();
    assert_eq!(backend.store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
    assert_eq!(stored(backend, &died).await.attempts, 1);
    backend.store.unkill(&scope, &stage.by(), backend.now()).await.unwrap();
    assert_eq!(claim(backend, LONG).await.attempts, 2);
}
