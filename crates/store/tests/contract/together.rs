//! Deliveries that begin or end together: one commit for all of them, each fenced on its own.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use domain::{
    killswitch::{Kill, Scope},
    message::{Message, MessageStatus},
    page::PageRequest,
    port::{Begun, Inbox, Journal, Outbox, Outcome, TaskFilter},
    run::Intervention,
    user::Actor,
};
use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    limits::{granted, in_hand},
    outbox::{begin, claim, receipt, stored},
    stage::{LONG, Stage, letter_to, minutes_after},
};

contract! {
    what_begins_together_shares_a_commit_and_each_is_fenced_on_its_own,
    together_no_more_begin_than_may_and_the_stop_is_made_once,
    what_does_not_begin_counts_for_nothing,
    another_attempt_counts_once_also_among_others,
    what_ends_together_shares_a_commit_and_each_is_fenced_on_its_own,
    a_hold_that_is_prolonged_in_time_is_kept,
}

const DIED: SignedDuration = SignedDuration::from_secs(-1);

/// Counts commits from now on.
fn commits(backend: &Backend) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    backend.store.observe_commits(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    count
}

/// What those who begin all of them at the same moment are told.
async fn begun(backend: &Backend, messages: &[Message], most: Option<u32>) -> Vec<Begun> {
    let now = backend.now();
    let asking = messages.iter().map(|message| async move {
        let letter = letter_to(message.contact);
        backend.store.begin(message, &letter, LONG, now, most).await
    });
    join_all(asking).await.into_iter().map(Result::unwrap).collect()
}

async fn what_begins_together_shares_a_commit_and_each_is_fenced_on_its_own(backend: &Backend) {
    let stage = Stage::new(backend).await;
    granted(&stage, "renewal", "lost").await;
    let lost = claim(backend, DIED).await;
    let taken_over = claim(backend, LONG).await;
    let mut messages = in_hand(&stage, 4).await;
    let (store, by, now) = (&backend.store, stage.by(), backend.now());
    let cancel = Intervention::Cancel { reason: "wrong account".to_owned() };
    store.intervene(messages[0].run, &Intervention::Pause, &by, now).await.unwrap();
    store.intervene(messages[1].run, &cancel, &by, now).await.unwrap();
    messages.insert(0, lost);
    messages.push(taken_over);

    let commits = commits(backend);
    let answers = begun(backend, &messages, None).await;
    assert_eq!(
        answers,
        [
            Begun::Lost,
            Begun::Held("the run is paused".to_owned()),
            Begun::Refused("the run was cancelled".to_owned()),
            Begun::Yes,
            Begun::Yes,
            Begun::Yes,
        ]
    );
    assert!(commits.load(Ordering::SeqCst) <= 2, "{commits:?} commits for six");
    for (place, status) in
        [(1, "sending"), (2, "sending"), (3, "transmitting"), (5, "transmitting")]
    {
        assert_eq!(stored(backend, &messages[place]).await.status.as_str(), status, "{place}");
    }
}

async fn together_no_more_begin_than_may_and_the_stop_is_made_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut messages = in_hand(&stage, 6).await;
    granted(&stage, "reviews", "other").await;
    messages.push(claim(backend, LONG).await);
    let answers = begun(backend, &messages, Some(4)).await;
    let yes = answers.iter().filter(|answer| **answer == Begun::Yes).count();
    assert_eq!(yes, 5, "four of one playbook and the other's: {answers:?}");
    assert_eq!(answers[6], Begun::Yes);
    let held = |answer: &Begun| matches!(answer, Begun::Held(why) if why.contains("blast radius"));
    assert_eq!(answers.iter().filter(|answer| held(answer)).count(), 2, "{answers:?}");
    let kills = backend.store.kills().await.unwrap();
    let scopes: Vec<_> = kills.iter().map(|kill| kill.scope.to_string()).collect();
    assert_eq!(scopes, ["playbook:renewal"]);
    assert_eq!(stage.events("switch").await, ["kill_engaged"]);
    let tasks = backend.store.tasks(&TaskFilter::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(tasks.total, 1);
}

async fn what_does_not_begin_counts_for_nothing(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let messages = in_hand(&stage, 4).await;
    let (store, by, now) = (&backend.store, stage.by(), backend.now());
    for message in &messages[..2] {
        store.intervene(message.run, &Intervention::Pause, &by, now).await.unwrap();
    }
    let answers = begun(backend, &messages, Some(2)).await;
    assert_eq!(answers[2..], [Begun::Yes, Begun::Yes], "{answers:?}");
    assert_eq!(store.kills().await.unwrap(), [], "two may, and two do");

    // A stop of somebody else's keeps all of them, and says whose it is.
    let kill = Kill { scope: Scope::All, by: Actor::Engine, at: now, reason: "drill".to_owned() };
    store.kill(&kill).await.unwrap();
    let answers = begun(backend, &messages, Some(2)).await;
    for answer in &answers[2..] {
        assert!(matches!(answer, Begun::Held(why) if why.contains("drill")), "{answer:?}");
    }
    assert_eq!(store.kills().await.unwrap().len(), 1);
}

async fn another_attempt_counts_once_also_among_others(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let messages = in_hand(&stage, 3).await;
    assert_eq!(begun(backend, &messages[..2], Some(3)).await, [Begun::Yes, Begun::Yes]);
    let answers = begun(backend, &messages, Some(3)).await;
    assert_eq!(answers, [Begun::Yes, Begun::Yes, Begun::Yes]);
    assert_eq!(backend.store.kills().await.unwrap(), []);
}

async fn what_ends_together_shares_a_commit_and_each_is_fenced_on_its_own(backend: &Backend) {
    let stage = Stage::new(backend).await;
    granted(&stage, "renewal", "lost").await;
    let lost = claim(backend, DIED).await;
    let taken_over = claim(backend, LONG).await;
    let messages = in_hand(&stage, 3).await;
    for message in &messages {
        assert!(begin(backend, message, LONG).await);
    }
    let (store, now) = (&backend.store, backend.now());
    let until = minutes_after(now, 5);
    let retry = Outcome::Retry { why: "451 busy".to_owned(), until, handed_over: false };
    let ended = [
        (&lost, receipt()),
        (&messages[0], receipt()),
        (&messages[1], Outcome::Uncertain("no answer".to_owned())),
        (&messages[2], Outcome::Failed("550 no such user".to_owned())),
        (&taken_over, retry),
        (&messages[0], receipt()),
    ];
    let commits = commits(backend);
    let asking = ended.iter().map(|(message, outcome)| store.record(message, outcome, now));
    let answers: Vec<bool> = join_all(asking).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [false, true, true, true, true, false]);
    assert!(commits.load(Ordering::SeqCst) <= 2, "{commits:?} commits for six");

    for (message, status, event) in [
        (&messages[0], MessageStatus::Delivered, "message_delivered"),
        (&messages[1], MessageStatus::Uncertain, "message_uncertain"),
        (&messages[2], MessageStatus::Failed, "message_failed"),
        (&taken_over, MessageStatus::Queued, "delivery_retried"),
    ] {
        let message = stored(backend, message).await;
        assert_eq!(message.status, status);
        let settled = (status != MessageStatus::Queued).then_some(now);
        assert_eq!(message.settled_at, settled, "{event}");
        let events = stage.events(message.run).await;
        assert_eq!(events.last().unwrap(), event);
        assert_eq!(events.iter().filter(|known| *known == event).count(), 1);
    }
    assert_eq!(stored(backend, &taken_over).await.next_at, until);
    let woken = store.claim(now, 10, LONG).await.unwrap();
    assert_eq!(woken.len(), 3, "the runs of those that settled go on");
}

async fn a_hold_that_is_prolonged_in_time_is_kept(backend: &Backend) {
    let stage = Stage::new(backend).await;
    granted(&stage, "renewal", "k").await;
    let (store, now) = (&backend.store, backend.now());
    // It is past its end, and nobody has come yet.
    let message = claim(backend, DIED).await;
    assert!(store.renew_message(&message, LONG).await.unwrap());
    assert_eq!(store.claim_messages(now, 10, LONG).await.unwrap(), [], "it is in hand");
    assert!(begin(backend, &message, DIED).await);
    assert!(store.renew_message(&message, LONG).await.unwrap());
    assert_eq!(store.claim_messages(now, 10, LONG).await.unwrap(), [], "still");

    assert!(store.renew_message(&message, DIED).await.unwrap());
    let next = claim(backend, LONG).await;
    assert!(!store.renew_message(&message, LONG).await.unwrap(), "somebody has come");
    let both = [store.renew_message(&message, LONG), store.renew_message(&next, LONG)];
    let both: Vec<bool> = join_all(both).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(both, [false, true]);
    assert!(store.record(&next, &receipt(), now).await.unwrap());
    assert!(!store.renew_message(&next, LONG).await.unwrap(), "nothing is in hand any more");
}
