//! Rates that all processes share, how much leaves within an hour, and what is given up.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    action::{ActionName, Team},
    approval::Approval,
    intent::Channel,
    killswitch::Scope,
    limit::Limits,
    message::{Message, MessageStatus},
    page::PageRequest,
    port::{Ask, Begun, Inbox, Journal, Outbox, Outcome, Rates, Room, TaskFilter},
    run::{Intervention, Phase},
    task::TaskKind,
    turn::Settled,
    user::Actor,
};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    outbox::{begin, claim, receipt, stored},
    stage::{LONG, Stage, letter_to},
};

contract! {
    permits_are_shared_and_come_back_with_time,
    another_rate_is_in_force_at_once,
    a_short_queue_does_not_wait_for_a_long_one,
    what_happened_without_a_permit_is_charged,
    a_rate_that_is_spent_says_until_when,
    messages_wait_for_the_rate_of_their_action_and_say_so,
    processes_share_the_rate_of_an_action,
    a_flood_of_one_playbook_leaves_turns_to_another,
    a_channel_without_room_keeps_no_other_waiting,
    no_more_leave_in_an_hour_than_may_and_somebody_is_told,
    after_a_person_restarted_it_a_playbook_may_send_as_much_again,
    the_hour_slides,
    another_attempt_at_a_message_counts_as_the_message,
    a_paused_or_cancelled_run_is_seen_before_the_hand_over,
    a_message_that_loses_its_workers_is_given_up,
}

const DIED: SignedDuration = SignedDuration::from_secs(-1);

fn ask(lane: &str, rate: &str, wanted: u32) -> Ask {
    Ask { key: "model:m".to_owned(), lane: lane.to_owned(), rate: rate.parse().unwrap(), wanted }
}

fn emails(rate: &str) -> Limits {
    let actions = BTreeMap::from([(ActionName::SendEmail, rate.parse().unwrap())]);
    Limits { actions, ..Limits::default() }
}

/// A granted message of another playbook.
pub(crate) async fn granted(stage: &Stage<'_>, playbook: &str, key: &str) -> Approval {
    granted_by(stage, Channel::Email, playbook, key).await
}

/// One that travels so.
async fn granted_by(stage: &Stage<'_>, channel: Channel, playbook: &str, key: &str) -> Approval {
    let run = stage.run(key).await;
    let claimed = stage.claim(LONG).await;
    let (mut approval, sealed) = stage.approval(run);
    approval.playbook = playbook.to_owned();
    approval.channel = channel;
    let mut turn = stage.turn(&claimed);
    turn.progress.phase = Phase::AwaitingApproval { approval: approval.id };
    turn.approvals.push(approval.clone());
    turn.contents.push(sealed);
    stage.commit(turn).await;
    let now = stage.backend.now();
    let settled = stage.backend.store.settle(stage.approve(&approval), now).await.unwrap();
    assert_eq!(settled, Settled::Applied);
    // The run is out of the way.
    stage.commit(stage.turn(&stage.claim(LONG).await)).await;
    approval
}

async fn permits_are_shared_and_come_back_with_time(backend: &Backend) {
    let (now, other) = (backend.now(), backend.another().await);
    // 60 a minute: three at once, then one a second.
    let grant = backend.store.take(&ask("a", "60/m", 2), now).await.unwrap();
    assert_eq!(grant.granted, 2);
    let grant = other.take(&ask("a", "60/m", 2), now).await.unwrap();
    assert_eq!((grant.granted, grant.next), (1, now + SignedDuration::from_secs(1)));
    let grant = backend.store.take(&ask("a", "60/m", 1), now).await.unwrap();
    assert_eq!(grant.granted, 0);
    backend.clock.advance(SignedDuration::from_millis(1_500));
    let mut takers = Vec::new();
    for _ in 0..6 {
        let (store, now) = (backend.another().await, backend.now());
        takers.push(tokio::spawn(async move {
            let grant = store.take(&ask("a", "60/m", 1), now).await.unwrap();
            store.close().await;
            grant.granted
        }));
    }
    let mut granted = 0;
    for taker in takers {
        granted += taker.await.unwrap();
    }
    assert_eq!(granted, 1, "of six who ask at once for the one there is, one gets it");
    backend.clock.advance(SignedDuration::from_hours(1));
    let grant = backend.store.take(&ask("a", "60/m", 9), backend.now()).await.unwrap();
    assert_eq!(grant.granted, 3, "what nobody took is not saved up");
    other.close().await;
}

async fn another_rate_is_in_force_at_once(backend: &Backend) {
    let now = backend.now();
    assert_eq!(backend.store.take(&ask("a", "1/d", 1), now).await.unwrap().granted, 1);
    assert_eq!(backend.store.take(&ask("a", "1/d", 1), now).await.unwrap().granted, 0);
    backend.clock.advance(SignedDuration::from_secs(10));
    let grant = backend.store.take(&ask("a", "60/m", 1), backend.now()).await.unwrap();
    assert_eq!(grant.granted, 0, "as if all there are at once had been taken");
    backend.clock.advance(SignedDuration::from_secs(1));
    let grant = backend.store.take(&ask("a", "60/m", 1), backend.now()).await.unwrap();
    assert_eq!(grant.granted, 1);
}

async fn a_short_queue_does_not_wait_for_a_long_one(backend: &Backend) {
    let now = backend.now();
    backend.store.take(&ask("flood", "60/m", 3), now).await.unwrap();
    let mut times = BTreeSet::new();
    for _ in 0..100 {
        times.insert(backend.store.take(&ask("flood", "60/m", 1), now).await.unwrap().next);
    }
    assert_eq!(times.len(), 100, "no two ask again at the same moment");
    let last = *times.last().unwrap();
    assert!(last >= now + SignedDuration::from_secs(100), "{last}");
    let first = backend.store.take(&ask("renewal", "60/m", 1), now).await.unwrap().next;
    let second = backend.store.take(&ask("renewal", "60/m", 1), now).await.unwrap().next;
    assert!(first <= now + SignedDuration::from_secs(2), "{first}");
    assert!(first < second && second <= now + SignedDuration::from_secs(4), "{second}");
}

async fn what_happened_without_a_permit_is_charged(backend: &Backend) {
    let now = backend.now();
    backend.store.charge(&ask("a", "60/m", 2), now).await.unwrap();
    backend.store.charge(&ask("a", "60/m", 3), now).await.unwrap();
    let grant = backend.store.take(&ask("a", "60/m", 1), now).await.unwrap();
    assert_eq!((grant.granted, grant.next), (0, now + SignedDuration::from_secs(3)));
}

async fn a_rate_that_is_spent_says_until_when(backend: &Backend) {
    let now = backend.now();
    let rates = [("model:m".to_owned(), "60/m".parse().unwrap())];
    assert_eq!(backend.store.spent(&rates, now).await.unwrap(), BTreeMap::new());
    backend.store.take(&ask("a", "60/m", 3), now).await.unwrap();
    let free = now + SignedDuration::from_secs(1);
    let spent = backend.store.spent(&rates, now).await.unwrap();
    assert_eq!(spent, BTreeMap::from([("model:m".to_owned(), free)]));
    assert_eq!(backend.store.spent(&rates, free).await.unwrap(), BTreeMap::new());
    let others = [("model:m".to_owned(), "1/m".parse().unwrap())];
    let spent = backend.store.spent(&others, now).await.unwrap();
    assert_eq!(spent, BTreeMap::new(), "another rate is not the one that is spent");
}

async fn messages_wait_for_the_rate_of_their_action_and_say_so(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for n in 0..4 {
        granted(&stage, "renewal", &n.to_string()).await;
    }
    // 40 an hour: two at once, then one every 90 seconds.
    let limits = emails("40/h");
    let store = &backend.store;
    let first =
        store.claim_messages_within(backend.now(), &Room::of_each(3), LONG, &limits).await.unwrap();
    assert_eq!(first.len(), 2);
    let queued =
        store.messages(Some(MessageStatus::Queued), &PageRequest::default()).await.unwrap();
    let notes: Vec<_> = queued.items.iter().map(|message| message.note.as_str()).collect();
    let free = backend.now() + SignedDuration::from_secs(90);
    let note = format!("held: rate of send_email is 40/h, next at {free}");
    assert_eq!(notes.iter().filter(|n| **n == note).count(), 1, "{notes:?}");
    assert_eq!(queued.items.len(), 2);
    for _ in 0..3 {
        let early = store
            .claim_messages_within(backend.now(), &Room::of_each(3), LONG, &limits)
            .await
            .unwrap();
        assert_eq!(early, [], "until there is a permit again");
    }
    let still = store.messages(Some(MessageStatus::Queued), &PageRequest::default()).await.unwrap();
    assert_eq!(still.items, queued.items, "what waits is left alone");
    backend.clock.advance(SignedDuration::from_secs(90));
    let next =
        store.claim_messages_within(backend.now(), &Room::of_each(3), LONG, &limits).await.unwrap();
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].attempts, 1, "waiting is no attempt");
    // Whoever has no such limit sends the rest.
    assert_eq!(store.claim_messages(backend.now(), 3, LONG).await.unwrap().len(), 1);
}

async fn processes_share_the_rate_of_an_action(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for n in 0..14 {
        granted(&stage, "renewal", &n.to_string()).await;
    }
    let mut drainers = Vec::new();
    for _ in 0..4 {
        let (store, now) = (backend.another().await, backend.now());
        drainers.push(tokio::spawn(async move {
            let mut mine = 0;
            for _ in 0..5 {
                let limits = emails("120/h");
                mine += store
                    .claim_messages_within(now, &Room::of_each(4), LONG, &limits)
                    .await
                    .unwrap()
                    .len();
            }
            store.close().await;
            mine
        }));
    }
    let mut all = 0;
    for drainer in drainers {
        all += drainer.await.unwrap();
    }
    assert_eq!(all, 6, "a twentieth of 120 at once, however many processes there are");
}

async fn a_flood_of_one_playbook_leaves_turns_to_another(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for n in 0..12 {
        granted(&stage, "flood", &format!("flood {n}")).await;
        backend.clock.advance(SignedDuration::from_secs(1));
    }
    let late = [granted(&stage, "renewal", "r1").await, granted(&stage, "renewal", "r2").await];
    let claimed = backend.store.claim_messages(backend.now(), 4, LONG).await.unwrap();
    let approvals: BTreeSet<_> = claimed.iter().map(|message| message.approval).collect();
    assert_eq!(claimed.len(), 4);
    assert!(late.iter().all(|approval| approvals.contains(&approval.id)), "{approvals:?}");
}

async fn a_channel_without_room_keeps_no_other_waiting(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    for n in 0..6 {
        granted(&stage, "renewal", &n.to_string()).await;
    }
    for n in 0..3 {
        granted_by(&stage, Channel::Webhook, "renewal", &format!("hook {n}")).await;
    }
    // What an older program put there does not say how it travels, and is taken for mail.
    granted(&stage, "renewal", "old").await;
    let old = "UPDATE messages SET channel = '' WHERE queued_at = (SELECT MAX(queued_at) \
               FROM messages) AND id = (SELECT MAX(id) FROM messages WHERE channel = 'email')";
    backend.behind_the_back(old).await.unwrap();
    let now = backend.now();
    let room = |email, webhook| -> Room {
        [(Channel::Email, email), (Channel::Webhook, webhook)].into_iter().collect()
    };
    let all = Limits::default();
    let taken = async |room: Room| {
        let mut taken = BTreeMap::new();
        for message in store.claim_messages_within(now, &room, LONG, &all).await.unwrap() {
            *taken.entry(message.channel.as_str()).or_insert(0) += 1;
        }
        taken
    };
    assert_eq!(taken(room(0, 0)).await, BTreeMap::new());
    assert_eq!(taken(room(0, 2)).await, BTreeMap::from([("webhook", 2)]));
    assert_eq!(taken(room(2, 0)).await, BTreeMap::from([("email", 2)]));
    assert_eq!(taken(room(4, 9)).await, BTreeMap::from([("email", 4), ("webhook", 1)]));
    assert_eq!(taken(room(9, 9)).await, BTreeMap::from([("email", 1)]));
}

/// Messages of the playbook on stage, all in hand.
pub(crate) async fn in_hand(stage: &Stage<'_>, count: u32) -> Vec<Message> {
    for n in 0..count {
        let key = format!("{} {n}", stage.backend.now());
        granted(stage, "renewal", &key).await;
    }
    let claimed = stage.backend.store.claim_messages(stage.backend.now(), count, LONG).await;
    let claimed = claimed.unwrap();
    assert_eq!(claimed.len(), usize::try_from(count).unwrap());
    claimed
}

/// How many of these may be handed over, asked for by a process each.
async fn begun(backend: &Backend, messages: &[Message], most: u32) -> usize {
    let mut asking = Vec::new();
    for message in messages {
        let (store, now, message) = (backend.another().await, backend.now(), message.clone());
        asking.push(tokio::spawn(async move {
            let begun = store
                .begin(&message, &letter_to(message.contact), LONG, now, Some(most))
                .await
                .unwrap();
            store.close().await;
            begun
        }));
    }
    let mut yes = 0;
    for asking in asking {
        match asking.await.unwrap() {
            Begun::Yes => yes += 1,
            Begun::Held(why) => {
                assert!(why.starts_with("sending is stopped: playbook:renewal"), "{why}");
                assert!(why.contains("blast radius: "), "{why}");
            }
            other => panic!("{other:?}"),
        }
    }
    yes
}

async fn no_more_leave_in_an_hour_than_may_and_somebody_is_told(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let messages = in_hand(&stage, 10).await;
    assert_eq!(begun(backend, &messages, 4).await, 4, "exactly");
    let kills = backend.store.kills().await.unwrap();
    assert_eq!(kills.len(), 1);
    assert_eq!(kills[0].scope, Scope::Playbook("renewal".to_owned()));
    assert_eq!((&kills[0].by, kills[0].at), (&Actor::Engine, backend.now()));
    assert_eq!(kills[0].reason, "blast radius: 4 sends in an hour");
    assert_eq!(stage.events("switch").await, ["kill_engaged"], "once");
    let tasks = backend.store.tasks(&TaskFilter::default(), &PageRequest::default()).await.unwrap();
    let [task] = tasks.items.as_slice() else { panic!("one task: {:?}", tasks.items) };
    assert_eq!((task.kind, task.team), (TaskKind::Notice, Team::CsOps));
    assert!(task.body.contains("playgate unkill playbook:renewal"), "{}", task.body);
    assert_eq!(stage.events(task.run).await.last().unwrap(), "task_created");
    // Nothing of the playbook is claimed any more, though it waits.
    for message in &messages {
        let held = Outcome::Held { why: "stopped".to_owned(), until: backend.now() };
        backend.store.record(message, &held, backend.now()).await.unwrap();
    }
    assert_eq!(backend.store.claim_messages(backend.now(), 20, LONG).await.unwrap(), []);
    // Another playbook goes on.
    granted(&stage, "reviews", "other").await;
    let other = claim(backend, LONG).await;
    let begun = backend
        .store
        .begin(&other, &letter_to(other.contact), LONG, backend.now(), Some(4))
        .await
        .unwrap();
    assert_eq!(begun, Begun::Yes);
}

async fn after_a_person_restarted_it_a_playbook_may_send_as_much_again(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let messages = in_hand(&stage, 8).await;
    assert_eq!(begun(backend, &messages, 3).await, 3);
    backend.clock.advance(SignedDuration::from_mins(10));
    let scope = Scope::Playbook("renewal".to_owned());
    assert!(backend.store.unkill(&scope, &stage.by(), backend.now()).await.unwrap());
    backend.clock.advance(SignedDuration::from_secs(1));
    let mut waiting = Vec::new();
    for message in &messages {
        if stored(backend, message).await.status == MessageStatus::Sending {
            waiting.push(message.clone());
        }
    }
    assert_eq!(waiting.len(), 5);
    assert_eq!(begun(backend, &waiting, 3).await, 3, "and no more than that");
    assert_eq!(stage.events("switch").await, ["kill_engaged", "kill_released", "kill_engaged"]);
}

async fn the_hour_slides(backend: &Backend) {
    let stage = Stage::new(backend).await;
    assert_eq!(begun(backend, &in_hand(&stage, 2).await, 3).await, 2);
    backend.clock.advance(SignedDuration::from_mins(40));
    assert_eq!(begun(backend, &in_hand(&stage, 1).await, 3).await, 1);
    // The first two are more than an hour ago, the third is not.
    backend.clock.advance(SignedDuration::from_mins(25));
    assert_eq!(begun(backend, &in_hand(&stage, 3).await, 3).await, 2);
    assert_eq!(backend.store.kills().await.unwrap().len(), 1);
}

async fn another_attempt_at_a_message_counts_as_the_message(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let messages = in_hand(&stage, 2).await;
    for message in &messages {
        for _ in 0..3 {
            let begun = backend
                .store
                .begin(message, &letter_to(message.contact), LONG, backend.now(), Some(2))
                .await
                .unwrap();
            assert_eq!(begun, Begun::Yes);
        }
    }
    assert_eq!(backend.store.kills().await.unwrap(), []);
}

async fn a_paused_or_cancelled_run_is_seen_before_the_hand_over(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let message = in_hand(&stage, 1).await.remove(0);
    let (store, by, now) = (&backend.store, stage.by(), backend.now());
    let intervene = async |what: Intervention| {
        store.intervene(message.run, &what, &by, now).await.unwrap();
    };
    intervene(Intervention::Pause).await;
    let held = store.begin(&message, &letter_to(message.contact), LONG, now, None).await.unwrap();
    assert_eq!(held, Begun::Held("the run is paused".to_owned()));
    intervene(Intervention::Resume).await;
    assert!(begin(backend, &message, LONG).await);
    intervene(Intervention::Cancel { reason: "wrong account".to_owned() }).await;
    let refused =
        store.begin(&message, &letter_to(message.contact), LONG, now, None).await.unwrap();
    assert_eq!(refused, Begun::Refused("the run was cancelled".to_owned()));
    assert!(store.record(&message, &receipt(), now).await.unwrap());
    assert_eq!(
        store.begin(&message, &letter_to(message.contact), LONG, now, None).await.unwrap(),
        Begun::Lost
    );
}

async fn a_message_that_loses_its_workers_is_given_up(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for (key, handed_over, becomes, event) in [
        ("before", false, MessageStatus::Failed, "message_failed"),
        ("while", true, MessageStatus::Uncertain, "message_uncertain"),
    ] {
        let approval = granted(&stage, "renewal", key).await;
        for _ in 0..5 {
            let message = claim(backend, DIED).await;
            if handed_over {
                assert!(begin(backend, &message, DIED).await);
            }
        }
        assert_eq!(backend.store.claim_messages(backend.now(), 9, LONG).await.unwrap(), []);
        let filter = backend.store.messages(Some(becomes), &PageRequest::default()).await.unwrap();
        let [message] = filter.items.as_slice() else { panic!("{becomes}: {:?}", filter.items) };
        assert!(message.note.starts_with("5 workers"), "{}", message.note);
        assert_eq!(stage.events(approval.run).await.last().unwrap(), event);
        // The run hears of it; a person may have it sent again, as often as at first.
        assert_eq!(stage.claim(LONG).await.run.id, approval.run);
        let (by, now) = (stage.by(), backend.now());
        assert!(backend.store.resolve(message.id, false, &by, now).await.unwrap());
        let again = claim(backend, LONG).await;
        assert_eq!((again.id, again.attempts), (message.id, 1));
        assert!(backend.store.record(&again, &receipt(), now).await.unwrap());
        stage.commit(stage.turn(&stage.claim(LONG).await)).await;
    }
}
