//! Messages on their way out: the state machine, and what a crash leaves behind.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    approval::Approval,
    contact::Consent,
    draft::Letter,
    intent::MessageClass,
    message::{Message, MessageStatus, Receipt, id_of},
    page::PageRequest,
    port::{Begun, Inbox, Intake, Journal, Ledger, Outbox, Outcome, Work},
    record::{ContactRow, Row},
    run::{DeadEnd, Intervened, Intervention, Phase, RunStatus},
    turn::{Committed, Settled, Turn},
};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    stage::{LONG, SOURCE, Stage, contact_row, letter_to, minutes_after, record},
};

contract! {
    a_granted_message_is_delivered_once,
    a_second_grant_for_a_step_changes_nothing,
    an_attempt_that_died_before_handing_over_is_made_again,
    an_attempt_that_died_while_handing_over_shows_as_such,
    a_lost_attempt_records_nothing,
    what_was_held_back_is_not_counted,
    a_retry_waits_and_a_failure_settles,
    what_may_have_arrived_is_not_taken_for_unsent_while_it_waits,
    a_person_resolves_what_is_uncertain,
    two_drainers_never_share_a_message,
    messages_page_from_newest_to_oldest,
    a_failure_resolved_brings_back_the_run_that_is_stuck_on_it,
    a_failure_resolved_leaves_alone_a_run_stuck_on_something_else,
    a_failure_resolved_during_a_turn_is_not_lost,
    nothing_is_sent_again_for_a_cancelled_run,
    what_did_not_arrive_and_is_not_needed_any_more_is_settled,
    cancelling_refuses_what_is_still_queued,
    gv_29_what_the_contact_wants_is_looked_at_right_before_the_hand_over,
    a_paused_runs_message_stays_unclaimed_and_resuming_rings_for_it,
    what_died_on_the_wire_is_taken_though_its_run_is_paused,
}

const DIED: SignedDuration = SignedDuration::from_secs(-1);

pub(crate) async fn claim(backend: &Backend, ttl: SignedDuration) -> Message {
    let mut claimed = backend.store.claim_messages(backend.now(), 10, ttl).await.unwrap();
    assert_eq!(claimed.len(), 1, "one message is due");
    claimed.remove(0)
}

pub(crate) async fn stored(backend: &Backend, message: &Message) -> Message {
    backend.store.message(message.id).await.unwrap().unwrap()
}

/// Whether the message may be handed over, whatever was sent before.
pub(crate) async fn begin(backend: &Backend, message: &Message, ttl: SignedDuration) -> bool {
    backend
        .store
        .begin(message, &letter_to(message.contact), ttl, backend.now(), None)
        .await
        .unwrap()
        == Begun::Yes
}

pub(crate) fn receipt() -> Outcome {
    Outcome::Delivered(Receipt { note: "250 ok".to_owned() })
}

async fn a_granted_message_is_delivered_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let run = stage.claim(LONG).await;
    stage.commit(stage.turn(&run)).await;

    let message = claim(backend, LONG).await;
    assert_eq!(message.id, id_of(approval.run, "outreach"));
    assert_eq!((message.status, message.attempts), (MessageStatus::Queued, 1));
    assert_eq!(message.binding, approval.version.binding);
    assert_eq!(message.content, approval.version.content);
    assert_eq!(backend.store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
    assert_eq!(stored(backend, &message).await.status, MessageStatus::Sending);

    assert!(begin(backend, &message, LONG).await);
    assert_eq!(stored(backend, &message).await.status, MessageStatus::Transmitting);

    assert!(backend.store.record(&message, &receipt(), backend.now()).await.unwrap());
    assert!(!backend.store.record(&message, &receipt(), backend.now()).await.unwrap());
    let settled = stored(backend, &message).await;
    assert_eq!(settled.status, MessageStatus::Delivered);
    assert_eq!((settled.note.as_str(), settled.settled_at), ("250 ok", Some(backend.now())));
    assert_eq!(backend.store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
    assert_eq!(stage.claim(LONG).await.run.id, approval.run, "settling wakes the run");
    let events = stage.events(approval.run).await;
    assert_eq!(events[events.len() - 2..], ["delivery_started", "message_delivered"]);
}

async fn a_second_grant_for_a_step_changes_nothing(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let first = stage.granted("k").await;
    let run = stage.claim(LONG).await;
    let (again, sealed) = stage.approval(first.run);
    let mut turn = stage.turn(&run);
    turn.approvals.push(again.clone());
    turn.contents.push(sealed);
    stage.commit(turn).await;
    let settled = backend.store.settle(stage.approve(&again), backend.now()).await.unwrap();
    assert_eq!(settled, Settled::Applied);
    let messages = backend.store.messages(None, &PageRequest::default()).await.unwrap();
    assert_eq!(messages.total, 1);
    assert_eq!(messages.items[0].approval, first.id);
}

async fn an_attempt_that_died_before_handing_over_is_made_again(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let died = claim(backend, DIED).await;
    let next = claim(backend, LONG).await;
    assert_eq!(next.status, MessageStatus::Sending);
    assert_eq!((died.attempts, next.attempts), (1, 2));
    assert!(!begin(backend, &died, LONG).await, "the dead stay dead");
    assert!(begin(backend, &next, LONG).await);
    let events = stage.events(approval.run).await;
    assert_eq!(events.iter().filter(|event| *event == "delivery_started").count(), 2);
}

async fn an_attempt_that_died_while_handing_over_shows_as_such(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let died = claim(backend, LONG).await;
    assert!(begin(backend, &died, DIED).await);
    let found = claim(backend, LONG).await;
    assert_eq!((found.status, found.attempts), (MessageStatus::Transmitting, 1));
    assert_eq!(stored(backend, &found).await.status, MessageStatus::Transmitting);
    assert!(!begin(backend, &died, LONG).await, "the dead stay dead");
    // Where the channel dedupes, whoever found it may hand it over again.
    assert!(begin(backend, &found, LONG).await);
    assert_eq!(stored(backend, &found).await.attempts, 1);
    assert!(!backend.store.record(&died, &receipt(), backend.now()).await.unwrap());
    let unknown = Outcome::Uncertain("no answer".to_owned());
    assert!(backend.store.record(&found, &unknown, backend.now()).await.unwrap());
    let events = stage.events(approval.run).await;
    assert_eq!(events[events.len() - 2..], ["delivery_started", "message_uncertain"]);
}

async fn a_lost_attempt_records_nothing(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let lost = claim(backend, DIED).await;
    claim(backend, LONG).await;
    let before = stage.events(approval.run).await;
    assert!(!backend.store.record(&lost, &receipt(), backend.now()).await.unwrap());
    assert_eq!(stage.events(approval.run).await, before);
    assert_eq!(stored(backend, &lost).await.status, MessageStatus::Sending);
}

async fn what_was_held_back_is_not_counted(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let message = claim(backend, LONG).await;
    let until = minutes_after(backend.now(), 10);
    let held = Outcome::Held { why: "sending is stopped".to_owned(), until };
    assert!(backend.store.record(&message, &held, backend.now()).await.unwrap());
    let queued = stored(backend, &message).await;
    assert_eq!((queued.status, queued.attempts), (MessageStatus::Queued, 0));
    assert_eq!((queued.next_at, queued.settled_at), (until, None));
    let events = stage.events(approval.run).await;
    assert_eq!(events.last().unwrap(), "delivery_started", "waiting is nothing to write down");
    assert_eq!(backend.store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
    backend.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(claim(backend, LONG).await.attempts, 1);
}

async fn a_retry_waits_and_a_failure_settles(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let message = claim(backend, LONG).await;
    let until = minutes_after(backend.now(), 1);
    let retry = Outcome::Retry { why: "451 busy".to_owned(), until, handed_over: false };
    assert!(backend.store.record(&message, &retry, backend.now()).await.unwrap());
    backend.clock.advance(SignedDuration::from_mins(1));
    let message = claim(backend, LONG).await;
    assert_eq!(message.attempts, 2);
    let failed = Outcome::Failed("550 no such user".to_owned());
    assert!(backend.store.record(&message, &failed, backend.now()).await.unwrap());
    assert_eq!(stored(backend, &message).await.status, MessageStatus::Failed);
    let events = stage.events(approval.run).await;
    assert_eq!(
        events[events.len() - 4..],
        ["delivery_started", "delivery_retried", "delivery_started", "message_failed"]
    );
}

async fn what_may_have_arrived_is_not_taken_for_unsent_while_it_waits(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let store = &backend.store;
    let message = claim(backend, LONG).await;
    assert!(begin(backend, &message, LONG).await);
    let until = minutes_after(backend.now(), 1);
    let retry = Outcome::Retry { why: "no answer".to_owned(), until, handed_over: true };
    assert!(store.record(&message, &retry, backend.now()).await.unwrap());
    assert_eq!(store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
    assert_eq!(stored(backend, &message).await.status, MessageStatus::Transmitting);

    // The next attempt finds it so, and so does the one after something else held it back.
    backend.clock.advance(SignedDuration::from_mins(1));
    let message = claim(backend, LONG).await;
    assert_eq!((message.status, message.attempts), (MessageStatus::Transmitting, 1));
    let held = Outcome::Held { why: "the run is paused".to_owned(), until: backend.now() };
    assert!(store.record(&message, &held, backend.now()).await.unwrap());
    let message = claim(backend, LONG).await;
    assert_eq!((message.status, message.attempts), (MessageStatus::Transmitting, 1));
    let later = minutes_after(backend.now(), 1);
    let refused = Outcome::Retry { why: "451 busy".to_owned(), until: later, handed_over: false };
    assert!(store.record(&message, &refused, backend.now()).await.unwrap());
    let waiting = stored(backend, &message).await;
    assert_eq!((waiting.status, waiting.attempts), (MessageStatus::Transmitting, 2));

    // Nobody says of it that it was not sent.
    let cancel = Intervention::Cancel { reason: "not needed".to_owned() };
    let done = store.intervene(approval.run, &cancel, &stage.by(), backend.now()).await.unwrap();
    assert_eq!(done, Intervened::Done);
    assert_eq!(stored(backend, &message).await.status, MessageStatus::Transmitting);
}

async fn a_person_resolves_what_is_uncertain(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let (store, by, now) = (&backend.store, stage.by(), backend.now());
    let message = claim(backend, LONG).await;
    assert!(!store.resolve(message.id, true, &by, now).await.unwrap(), "it is on its way");
    let unknown = Outcome::Uncertain("no answer".to_owned());
    store.record(&message, &unknown, now).await.unwrap();
    assert!(store.resolve(message.id, false, &by, now).await.unwrap());
    let message = claim(backend, LONG).await;
    assert_eq!((message.status, message.attempts), (MessageStatus::Queued, 1));
    store.record(&message, &unknown, now).await.unwrap();
    assert!(store.resolve(message.id, true, &by, now).await.unwrap());
    assert!(!store.resolve(message.id, true, &by, now).await.unwrap());
    let settled = stored(backend, &message).await;
    assert_eq!((settled.status, settled.settled_at), (MessageStatus::Delivered, Some(now)));
    let events = stage.events(approval.run).await;
    assert_eq!(events.iter().filter(|event| *event == "message_resolved").count(), 2);
}

async fn two_drainers_never_share_a_message(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for n in 0..12 {
        stage.granted(&n.to_string()).await;
        let claimed = stage.claim(LONG).await;
        stage.commit(stage.turn(&claimed)).await;
    }
    let mut drainers = Vec::new();
    for _ in 0..4 {
        let (store, now) = (backend.another().await, backend.now());
        drainers.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim_messages(now, 2, LONG).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|message| message.id));
            }
        }));
    }
    let mut all = Vec::new();
    for drainer in drainers {
        all.extend(drainer.await.unwrap());
    }
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (12, 12));
}

async fn messages_page_from_newest_to_oldest(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut queued = Vec::new();
    for n in 0..5 {
        let approval = stage.granted(&n.to_string()).await;
        queued.push((backend.now(), id_of(approval.run, "outreach")));
        let claimed = stage.claim(LONG).await;
        stage.commit(stage.turn(&claimed)).await;
        if n % 2 == 0 {
            backend.clock.advance(SignedDuration::from_secs(1));
        }
    }
    queued.sort_unstable();
    queued.reverse();
    let mut page = PageRequest { cursor: None, limit: 2 };
    let mut seen = Vec::new();
    loop {
        let status = Some(MessageStatus::Queued);
        let found = backend.store.messages(status, &page).await.unwrap();
        assert_eq!(found.total, 5);
        seen.extend(found.items.into_iter().map(|message| (message.queued_at, message.id)));
        let Some(next) = found.next else { break };
        page.cursor = Some(next);
    }
    assert_eq!(seen, queued);
    let counts = backend.store.counts().await.unwrap();
    assert_eq!(counts.messages.get("queued"), Some(&5));
    assert_eq!(counts.approvals.get("approved"), Some(&5));
    assert_eq!((counts.accounts, counts.contacts), (1, 1));
}

/// A turn of the run that waits for its message, before or after that failed.
async fn looking(stage: &Stage<'_>, message: &Message) -> Turn {
    let mut turn = stage.turn(&stage.claim(LONG).await);
    turn.progress.phase = Phase::AwaitingDelivery { message: message.id };
    turn
}

/// What the engine makes of a message that failed.
fn stuck(mut turn: Turn) -> Turn {
    turn.status = RunStatus::Stuck;
    turn.progress.attempts = 3;
    let why = "550 no such user".to_owned();
    turn.progress.dead_end = Some(DeadEnd { code: "delivery-failed".to_owned(), why });
    turn
}

async fn fail(backend: &Backend) -> Message {
    let message = claim(backend, LONG).await;
    let failed = Outcome::Failed("550 no such user".to_owned());
    assert!(backend.store.record(&message, &failed, backend.now()).await.unwrap());
    message
}

async fn a_failure_resolved_brings_back_the_run_that_is_stuck_on_it(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for (key, arrived, status) in
        [("arrived", true, MessageStatus::Delivered), ("again", false, MessageStatus::Queued)]
    {
        let approval = stage.granted(key).await;
        let message = fail(backend).await;
        stage.commit(stuck(looking(&stage, &message).await)).await;
        assert_eq!(backend.store.claim(backend.now(), 10, LONG).await.unwrap(), []);

        backend.clock.advance(SignedDuration::from_hours(1));
        let (by, now) = (stage.by(), backend.now());
        assert!(backend.store.resolve(message.id, arrived, &by, now).await.unwrap());
        let mut turn = stage.claim(LONG).await;
        assert_eq!((turn.run.id, turn.run.status), (approval.run, RunStatus::Active));
        assert_eq!((turn.run.wake_at, turn.run.changed_at), (Some(now), now));
        let progress = &mut turn.run.progress;
        assert_eq!(progress.phase, Phase::AwaitingDelivery { message: message.id });
        assert_eq!((progress.attempts, progress.dead_end.take()), (0, None));
        assert_eq!(stored(backend, &message).await.status, status);
        let events = stage.events(approval.run).await;
        assert_eq!(events[events.len() - 2..], ["message_resolved", "run_retried"]);
        let last = i64::try_from(events.len()).unwrap() - 1;
        let last = backend.store.events(&approval.run.to_string(), last, 1).await.unwrap();
        assert!(last[0].actor.contains(&stage.csm.to_string()), "in whose name: {:?}", last[0]);
        stage.commit(stage.turn(&turn)).await;
    }
    // What is sent again and arrives wakes the run, as the first time.
    let message = claim(backend, LONG).await;
    assert_eq!(message.attempts, 1);
    backend.store.record(&message, &receipt(), backend.now()).await.unwrap();
    assert_eq!(stage.claim(LONG).await.run.id, message.run);
}

async fn a_failure_resolved_leaves_alone_a_run_stuck_on_something_else(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let message = fail(backend).await;
    let mut turn = stuck(looking(&stage, &message).await);
    turn.progress.phase = Phase::AwaitingDelivery { message: id_of(approval.run, "another") };
    stage.commit(turn).await;
    let before = backend.store.run(approval.run).await.unwrap();
    assert!(backend.store.resolve(message.id, true, &stage.by(), backend.now()).await.unwrap());
    assert_eq!(backend.store.run(approval.run).await.unwrap(), before);
    assert_eq!(stage.events(approval.run).await.last().unwrap(), "message_resolved");
}

async fn a_failure_resolved_during_a_turn_is_not_lost(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let message = fail(backend).await;
    let turn = stuck(looking(&stage, &message).await);
    assert!(backend.store.resolve(message.id, true, &stage.by(), backend.now()).await.unwrap());
    assert_eq!(backend.store.commit(vec![turn]).await.unwrap(), [Committed::LostLease]);
    assert_eq!(stage.claim(LONG).await.run.id, approval.run, "the next turn sees it arrived");
}

async fn cancel(stage: &Stage<'_>, approval: &Approval) {
    let cancel = Intervention::Cancel { reason: "wrong account".to_owned() };
    let (store, now) = (&stage.backend.store, stage.backend.now());
    let done = store.intervene(approval.run, &cancel, &stage.by(), now).await.unwrap();
    assert_eq!(done, Intervened::Done);
}

async fn nothing_is_sent_again_for_a_cancelled_run(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let message = fail(backend).await;
    cancel(&stage, &approval).await;
    let (store, by, now) = (&backend.store, stage.by(), backend.now());
    assert!(!store.resolve(message.id, false, &by, now).await.unwrap());
    assert_eq!(stored(backend, &message).await.status, MessageStatus::Failed);
    assert_eq!(store.claim_messages(now, 10, LONG).await.unwrap(), []);
    // That it had arrived after all may still be said.
    assert!(store.resolve(message.id, true, &by, now).await.unwrap());
    let run = store.run(approval.run).await.unwrap().unwrap();
    assert_eq!((run.status, run.wake_at), (RunStatus::Cancelled, None));
}

async fn what_did_not_arrive_and_is_not_needed_any_more_is_settled(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let message = claim(backend, LONG).await;
    let (store, by, now) = (&backend.store, stage.by(), backend.now());
    store.record(&message, &Outcome::Uncertain("no answer".to_owned()), now).await.unwrap();
    cancel(&stage, &approval).await;
    assert_eq!(stored(backend, &message).await.status, MessageStatus::Uncertain);
    assert!(store.resolve(message.id, false, &by, now).await.unwrap());
    let settled = stored(backend, &message).await;
    assert_eq!((settled.status, settled.settled_at), (MessageStatus::Failed, Some(now)));
    assert_eq!(store.claim_messages(now, 10, LONG).await.unwrap(), []);
    assert_eq!(stage.events(approval.run).await.last().unwrap(), "message_resolved");
    assert!(!store.resolve(message.id, false, &by, now).await.unwrap(), "it is said");
}

async fn cancelling_refuses_what_is_still_queued(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let on_its_way = stage.granted("sending").await;
    let claimed = stage.claim(LONG).await;
    stage.commit(stage.turn(&claimed)).await;
    let held = claim(backend, LONG).await;
    let queued = stage.granted("queued").await;
    cancel(&stage, &on_its_way).await;
    cancel(&stage, &queued).await;

    assert_eq!(stored(backend, &held).await.status, MessageStatus::Sending);
    assert_eq!(stage.events(on_its_way.run).await.last().unwrap(), "run_cancelled");
    // Whoever holds it is told before it is handed over.
    let begun = backend
        .store
        .begin(&held, &letter_to(held.contact), LONG, backend.now(), None)
        .await
        .unwrap();
    assert_eq!(begun, Begun::Refused("the run was cancelled".to_owned()));

    let id = id_of(queued.run, "outreach");
    let refused = backend.store.message(id).await.unwrap().unwrap();
    assert_eq!(refused.status, MessageStatus::Refused);
    assert_eq!(refused.note, "the run was cancelled");
    assert_eq!(refused.settled_at, Some(backend.now()));
    let events = stage.events(queued.run).await;
    assert_eq!(events[events.len() - 2..], ["run_cancelled", "message_refused"]);
    assert_eq!(backend.store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
}

async fn gv_29_what_the_contact_wants_is_looked_at_right_before_the_hand_over(backend: &Backend) {
    let row = || contact_row("A-1", "ann@acme.test");
    let opted_out = || ContactRow { opted_out_at: Some(backend.now()), ..row() };
    let moved = ContactRow { email: Some("ann@elsewhere.test".to_owned()), ..row() };
    let changes = [
        (opted_out(), "the contact's consent is `opted_out`"),
        (
            ContactRow { consent: Consent::OptedOut, ..row() },
            "the contact's consent is `opted_out`",
        ),
        (moved, "the contact's address has changed since approval"),
    ];
    let stage = Stage::new(backend).await;
    let import = async |row: ContactRow| {
        let record = record("C-1", Row::Contact(row));
        backend.store.absorb(SOURCE, vec![record], backend.now(), false).await.unwrap();
    };
    for (n, (change, why)) in changes.into_iter().enumerate() {
        import(row()).await;
        stage.granted(&n.to_string()).await;
        // Whoever has it has made all other checks.
        let message = claim(backend, LONG).await;
        import(change).await;
        let letter = stage.letter();
        let begun = backend.store.begin(&message, &letter, LONG, backend.now(), None).await;
        assert_eq!(begun.unwrap(), Begun::Refused(why.to_owned()));
        assert_eq!(stored(backend, &message).await.status, MessageStatus::Sending);
        let refused = Outcome::Refused(why.to_owned());
        backend.store.record(&message, &refused, backend.now()).await.unwrap();
        let claimed = stage.claim(LONG).await;
        stage.commit(stage.turn(&claimed)).await;
    }
    // An opt-out stops all but what is strictly transactional.
    import(row()).await;
    stage.granted("transactional").await;
    let message = claim(backend, LONG).await;
    import(opted_out()).await;
    let letter = Letter { class: MessageClass::Transactional, ..stage.letter() };
    let begun = backend.store.begin(&message, &letter, LONG, backend.now(), None).await;
    assert_eq!(begun.unwrap(), Begun::Yes);
}

async fn a_paused_runs_message_stays_unclaimed_and_resuming_rings_for_it(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let (store, by) = (&backend.store, stage.by());
    let steer = async |what: Intervention| {
        let done = store.intervene(approval.run, &what, &by, backend.now()).await.unwrap();
        assert_eq!(done, Intervened::Done);
    };
    steer(Intervention::Pause).await;
    for _ in 0..3 {
        assert_eq!(store.claim_messages(backend.now(), 10, LONG).await.unwrap(), []);
        backend.clock.advance(SignedDuration::from_mins(1));
    }
    let events = stage.events(approval.run).await;
    assert!(!events.contains(&"delivery_started".to_owned()), "{events:?}");

    // What rang before is heard first, if anything did.
    let rings = || tokio::time::timeout(Duration::from_millis(200), store.stirred(Work::Outbox));
    while rings().await.is_ok() {}
    steer(Intervention::Resume).await;
    let ring = tokio::time::timeout(Duration::from_secs(20), store.stirred(Work::Outbox)).await;
    assert!(ring.is_ok(), "whoever delivers hears of it");
    assert_eq!(claim(backend, LONG).await.attempts, 1);
}

async fn what_died_on_the_wire_is_taken_though_its_run_is_paused(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.granted("k").await;
    let died = claim(backend, DIED).await;
    assert!(begin(backend, &died, DIED).await);
    let (store, by) = (&backend.store, stage.by());
    let paused = store.intervene(approval.run, &Intervention::Pause, &by, backend.now()).await;
    assert_eq!(paused.unwrap(), Intervened::Done);
    assert_eq!(claim(backend, LONG).await.status, MessageStatus::Transmitting);
}
