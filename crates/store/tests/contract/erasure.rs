//! Erasing people, handing out what there is of them, and what placeholders stood for.

use std::collections::BTreeSet;

use domain::{
    approval::{ApprovalState, ApprovalStatus, RejectReason},
    contact::Consent,
    content::SealedPseudonyms,
    erasure::{Destroyed, Erased},
    event::{Event, StoredEvent},
    id::{ContactId, ErasureId, RunId},
    message::MessageStatus,
    port::{Customers, Inbox, Intake, Journal, Ledger, Outbox},
    record::{Absorbed, EmailRow, Priority, Row, SurveyRow, TicketRow},
    run::Intervention,
    turn::{Committed, Settled, Settlement},
    user::Actor,
};
use jiff::SignedDuration;
use serde_json::Value;
use store::{SubjectKeyError, WrappedKind};

use crate::{
    backend::Backend,
    stage::{LONG, SOURCE, Stage, contact_row, record},
};

contract! {
    gv_28_an_erasure_cancels_what_waits_and_leaves_a_receipt_in_the_trail,
    gv_28_what_reviewers_wrote_of_drafts_to_a_person_goes_and_their_decisions_stay,
    gv_28_an_erasure_happens_once,
    gv_28_no_import_brings_an_erased_person_back,
    gv_28_a_message_that_was_granted_dies_with_its_recipient,
    gv_28_a_turn_in_flight_when_somebody_is_erased_is_lost,
    gv_28_drafts_and_messages_to_others_that_speak_of_a_person_are_ended,
    gv_27_a_dossier_has_everything_of_a_person_and_nothing_of_others,
    texts_of_an_account_are_changed_where_they_stand,
    placeholders_go_on_from_what_was_read_or_not_at_all,
    placeholders_are_forgotten_when_their_run_is_over_long_enough,
}

fn sealed(run: RunId, revision: i64, bytes: &[u8]) -> SealedPseudonyms {
    SealedPseudonyms {
        run,
        wrapped: vec![1, 0, 255],
        master: "m1".to_owned(),
        bytes: bytes.to_vec(),
        revision,
    }
}

fn ticket(contact: &str, words: &str) -> Row {
    Row::Ticket(TicketRow {
        account: "A-1".to_owned(),
        contact: Some(contact.to_owned()),
        subject: words.to_owned(),
        body: words.to_owned(),
        priority: Priority::P2,
        opened_at: "2026-01-05T10:00:00Z".parse().unwrap(),
        closed_at: None,
        first_response_minutes: Some(5),
        csat: Some(4),
        escalated: false,
    })
}

/// What the contact wrote and was written, beside another contact's ticket.
async fn words(stage: &Stage<'_>) {
    let at = "2026-01-05T10:00:00Z".parse().unwrap();
    let (account, contact) = ("A-1".to_owned(), Some("C-1".to_owned()));
    let records = vec![
        record("C-2", Row::Contact(contact_row("A-1", "bo@acme.test"))),
        record("T-1", ticket("C-1", "mine")),
        record("T-2", ticket("C-2", "Ann said so")),
        record(
            "S-1",
            Row::Survey(SurveyRow {
                account: account.clone(),
                contact: contact.clone(),
                kind: domain::record::SurveyKind::Nps,
                score: 9,
                comment: Some("mine too".to_owned()),
                at,
            }),
        ),
        record(
            "E-1",
            Row::Email(EmailRow {
                account,
                contact,
                thread: "x".to_owned(),
                direction: domain::record::Direction::Inbound,
                subject: "mine as well".to_owned(),
                body: "words".to_owned(),
                at,
            }),
        ),
    ];
    let done = stage.backend.store.absorb(SOURCE, records, stage.backend.now(), false).await;
    assert!(done.unwrap().iter().all(|one| *one == Absorbed::Inserted));
}

async fn erase(stage: &Stage<'_>) -> Erased {
    let (backend, store) = (stage.backend, &stage.backend.store);
    let id = ErasureId::new(&*backend.clock);
    let before = Destroyed { mentions: 3, ..Destroyed::default() };
    store.erase(id, stage.contact, &stage.by(), before, backend.now()).await.unwrap()
}

async fn privacy_trail(backend: &Backend) -> Vec<StoredEvent> {
    backend.store.events("privacy", 0, 100).await.unwrap()
}

async fn gv_28_an_erasure_cancels_what_waits_and_leaves_a_receipt_in_the_trail(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    words(&stage).await;
    let waiting = stage.waiting("r").await;
    store.insert_subject_key_if_absent(stage.contact, b"key", "m1").await.unwrap();
    let before = store.footprint_of(stage.contact).await.unwrap().unwrap();
    assert!(before.key);
    assert_eq!(
        (
            before.letters,
            before.drafts,
            before.messages,
            before.tickets,
            before.surveys,
            before.emails
        ),
        (1, 1, 0, 1, 1, 1)
    );
    let nobody = ContactId::new(&*backend.clock);
    assert_eq!(store.footprint_of(nobody).await.unwrap(), None);
    assert_eq!(store.erasure_of(stage.contact).await.unwrap(), None);

    let Erased::Now(receipt) = erase(&stage).await else { panic!("it was not erased before") };
    assert!(receipt.destroyed.key && receipt.destroyed.profile);
    let key = store.subject_key(stage.contact).await;
    assert!(matches!(key, Err(SubjectKeyError::Destroyed(_))), "{key:?}");
    let destroyed = &receipt.destroyed;
    assert_eq!(
        (destroyed.letters, destroyed.drafts, destroyed.messages, destroyed.mentions),
        (1, 1, 0, 3)
    );
    assert_eq!((destroyed.tickets, destroyed.surveys, destroyed.emails), (1, 1, 1));
    let approval = store.approval(waiting.id).await.unwrap().unwrap().approval;
    assert_eq!(approval.state.status(), ApprovalStatus::Withdrawn);
    let claimed = stage.claim(LONG).await;
    assert_eq!(claimed.run.id, waiting.run, "the run has something to do");
    let contact = store.contact(stage.contact).await.unwrap().unwrap();
    assert_eq!((contact.email.as_deref(), contact.full_name()), (None, String::new()));
    assert_eq!(contact.consent, Consent::OptedOut);
    let snapshot = store.snapshots(&[stage.account], backend.now()).await.unwrap().remove(0);
    assert!(snapshot.contacts.iter().all(|one| one.id != stage.contact), "nobody writes to them");
    assert!(store.contacts_by_email("ANN@acme.test").await.unwrap().is_empty());
    assert_eq!(store.contacts_by_email(" BO@acme.test ").await.unwrap().len(), 1);

    let trail = privacy_trail(backend).await;
    let event: Event = serde_json::from_str(&trail[0].data).unwrap();
    let Event::PersonErased { erasure, contact, receipt: hash, .. } = event else { panic!() };
    assert_eq!((erasure, contact, hash), (receipt.id, stage.contact, receipt.hash()));
    assert_eq!(store.erasure_of(stage.contact).await.unwrap(), Some(receipt));
    assert_eq!(store.erasures().await.unwrap(), 1);
    assert!(store.truncate_log().await.unwrap());
}

async fn gv_28_what_reviewers_wrote_of_drafts_to_a_person_goes_and_their_decisions_stay(
    backend: &Backend,
) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let (run, by, now) = (stage.run("r").await, stage.by(), backend.now());
    let claimed = stage.claim(LONG).await;
    let (mut approval, sealed) = stage.approval(run);
    approval.version.instruction = Some("Do not mention the illness".to_owned());
    let mut turn = stage.turn(&claimed);
    turn.approvals.push(approval.clone());
    turn.contents.push(sealed);
    stage.commit(turn).await;
    let reason = RejectReason::Sensitive;
    approval.reject(by.clone(), now, reason, "The illness again".to_owned()).unwrap();
    let settlement = Settlement {
        approval: approval.clone(),
        events: Vec::new(),
        contents: Vec::new(),
        outbox: None,
        wake: true,
    };
    assert_eq!(store.settle(settlement, now).await.unwrap(), Settled::Applied);
    let Erased::Now(receipt) = erase(&stage).await else { panic!("it was not erased before") };
    assert_eq!((receipt.destroyed.drafts, receipt.destroyed.notes), (0, 1));
    let stored = store.approval(approval.id).await.unwrap().unwrap().approval;
    let versions = store.versions(approval.id).await.unwrap();
    let all = format!("{stored:?} {versions:?}");
    assert!(!all.contains("illness"), "{all}");
    let ApprovalState::Rejected { by: decided, reason: RejectReason::Sensitive, .. } = stored.state
    else {
        panic!("the decision stays: {:?}", stored.state)
    };
    assert_eq!((decided, versions.len()), (by, 1));
}

async fn gv_28_an_erasure_happens_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut racing = Vec::new();
    for _ in 0..4 {
        let (store, contact, by) = (backend.another().await, stage.contact, stage.by());
        let (id, now) = (ErasureId::new(&*backend.clock), backend.now());
        racing.push(tokio::spawn(async move {
            store.erase(id, contact, &by, Destroyed::default(), now).await.unwrap()
        }));
    }
    let mut receipts = Vec::new();
    let mut now = 0;
    for one in racing {
        match one.await.unwrap() {
            Erased::Now(receipt) => {
                now += 1;
                receipts.push(receipt);
            }
            Erased::Before(receipt) => receipts.push(receipt),
            Erased::NotFound => panic!("there is somebody"),
        }
    }
    assert_eq!(now, 1);
    assert!(receipts.iter().all(|one| *one == receipts[0]));
    assert_eq!(privacy_trail(backend).await.len(), 1);
    let nobody = ContactId::new(&*backend.clock);
    let id = ErasureId::new(&*backend.clock);
    let by = Actor::Engine;
    let none = backend.store.erase(id, nobody, &by, Destroyed::default(), backend.now()).await;
    assert_eq!(none.unwrap(), Erased::NotFound);
}

async fn gv_28_no_import_brings_an_erased_person_back(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    words(&stage).await;
    erase(&stage).await;
    let mut renamed = contact_row("A-1", "ann.new@acme.test");
    renamed.last = "Li".to_owned();
    let records = vec![
        record("C-1", Row::Contact(contact_row("A-1", "ann@acme.test"))),
        record("C-1", Row::Contact(renamed)),
        record("T-1", ticket("C-1", "mine, again")),
        record("T-3", ticket("C-1", "mine, anew")),
        record("T-2", ticket("C-2", "others go on")),
    ];
    let done = store.absorb(SOURCE, records, backend.now(), false).await.unwrap();
    assert_eq!(done[..2], [Absorbed::Unchanged, Absorbed::Unchanged]);
    assert_eq!(done[2..], [Absorbed::Updated, Absorbed::Inserted, Absorbed::Updated]);
    let contact = store.contact(stage.contact).await.unwrap().unwrap();
    assert_eq!((contact.email.as_deref(), contact.full_name()), (None, String::new()));
    let rows = store.dossier(stage.contact).await.unwrap().unwrap().rows;
    assert_eq!(rows["tickets"].len(), 2);
    assert!(rows["tickets"].iter().all(|row| row["body"] == "" && row["subject"] == ""));
    assert!(rows["tickets"].iter().all(|row| row["csat"] == 4), "scores stay");
}

async fn gv_28_a_message_that_was_granted_dies_with_its_recipient(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let approval = stage.waiting("r").await;
    store.settle(stage.approve(&approval), backend.now()).await.unwrap();
    let Erased::Now(receipt) = erase(&stage).await else { panic!("it was not erased before") };
    assert_eq!((receipt.destroyed.drafts, receipt.destroyed.messages), (0, 1));
    let page = domain::page::PageRequest::default();
    let messages = store.messages(None, &page).await.unwrap().items;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].status, MessageStatus::Refused);
    assert!(messages[0].note.contains("erased"), "{}", messages[0].note);
}

async fn gv_28_a_turn_in_flight_when_somebody_is_erased_is_lost(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let run = stage.run("r").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.pseudonyms = Some(sealed(run, 0, b"stands for Ann"));
    erase(&stage).await;
    assert_eq!(store.commit(vec![turn]).await.unwrap(), [Committed::LostLease]);
    assert_eq!(store.pseudonyms_of(run, "").await.unwrap().sealed, None);
    let again = stage.claim(LONG).await;
    assert_eq!(again.run.id, run, "it is begun anew at once");
}

async fn gv_28_drafts_and_messages_to_others_that_speak_of_a_person_are_ended(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let waits = stage.waiting("waits").await;
    let other = stage.waiting("other").await;
    let granted = stage.granted("granted").await;
    let nobody = ContactId::new(&*backend.clock);
    let texts = store.waiting_texts(stage.account, nobody).await.unwrap();
    assert_eq!(
        texts.iter().map(|(approval, _)| *approval).collect::<BTreeSet<_>>(),
        BTreeSet::from([waits.id, granted.id, other.id])
    );
    assert!(texts.contains(&(waits.id, waits.version.content)));
    assert!(store.waiting_texts(stage.account, stage.contact).await.unwrap().is_empty());
    let about = BTreeSet::from([waits.id, granted.id]);
    let ended = store.cancel_texts(&about, &stage.by(), backend.now()).await.unwrap();
    assert_eq!(ended, (1, 1));
    let status = async |id| store.approval(id).await.unwrap().unwrap().approval.state.status();
    assert_eq!(status(waits.id).await, ApprovalStatus::Withdrawn);
    assert_eq!(status(other.id).await, ApprovalStatus::Waiting);
    let page = domain::page::PageRequest::default();
    let messages = store.messages(None, &page).await.unwrap().items;
    assert_eq!(messages[0].status, MessageStatus::Refused);
    assert!(stage.events(granted.run).await.contains(&"message_refused".to_owned()));
    assert!(stage.events(waits.run).await.contains(&"approval_withdrawn".to_owned()));
    let again = store.cancel_texts(&about, &stage.by(), backend.now()).await.unwrap();
    assert_eq!(again, (0, 0));
}

async fn gv_27_a_dossier_has_everything_of_a_person_and_nothing_of_others(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    words(&stage).await;
    let approval = stage.waiting("r").await;
    store.settle(stage.approve(&approval), backend.now()).await.unwrap();
    let dossier = store.dossier(stage.contact).await.unwrap().unwrap();
    assert_eq!(dossier.account, stage.account);
    for (table, rows) in [
        ("contacts", 1),
        ("tickets", 1),
        ("surveys", 1),
        ("emails", 1),
        ("meetings", 0),
        ("approvals", 1),
        ("versions", 1),
        ("messages", 1),
        ("runs", 1),
        ("erasures", 0),
    ] {
        assert_eq!(dossier.rows[table].len(), rows, "{table}");
    }
    assert_eq!(dossier.rows["contacts"][0]["email"], "ann@acme.test");
    assert_eq!(dossier.contents.len(), 1);
    assert!(dossier.events.iter().any(|event| event.data.contains("approval_granted")));
    let all = format!("{:?}", dossier.rows);
    assert!(!all.contains("bo@acme.test") && !all.contains("Ann said so"), "{all}");
    assert_eq!(store.dossier(ContactId::new(&*backend.clock)).await.unwrap(), None);
}

async fn texts_of_an_account_are_changed_where_they_stand(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    words(&stage).await;
    stage.waiting("r").await;
    let changed = store
        .change_texts(stage.account, |text| {
            if text.place.to_string() == "versions.data" {
                return Some(format!("{} ", text.words));
            }
            if text.place.json {
                let value: Value = serde_json::from_str(&text.words).expect("JSON");
                return value
                    .get("kind")
                    .is_some()
                    .then(|| text.words.replace("manual", "by hand"));
            }
            text.words.contains("Ann").then(|| text.words.replace("Ann", "[erased]"))
        })
        .await
        .unwrap();
    assert_eq!(changed, 4, "subject and body of one ticket, why the run began, and a version");
    let again =
        store.change_texts(stage.account, |text| text.words.contains("Ann said").then(String::new));
    assert_eq!(again.await.unwrap(), 0);
    let (filter, page) = Default::default();
    let runs = store.runs(&filter, &page).await.unwrap();
    assert_eq!(runs.items[0].cause.trigger, "by hand");
}

async fn placeholders_go_on_from_what_was_read_or_not_at_all(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let run = stage.run("r").await;
    assert_eq!(store.pseudonyms_of(run, "m1").await.unwrap().sealed, None);
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.keep = true;
    turn.wake_at = Some(backend.now());
    turn.pseudonyms = Some(sealed(run, 0, &[0, 7, 255]));
    stage.commit(turn.clone()).await;
    let stored = store.pseudonyms_of(run, "m1").await.unwrap().sealed.unwrap();
    assert_eq!((stored.revision, stored.bytes.as_slice()), (1, [0, 7, 255].as_slice()));

    // Somebody is erased while the next turn is under way.
    let mut fewer = stored.clone();
    fewer.bytes = vec![1];
    assert!(store.replace_pseudonyms(&fewer, backend.now()).await.unwrap());
    assert!(!store.replace_pseudonyms(&fewer, backend.now()).await.unwrap(), "read it again");
    turn.pseudonyms = Some(sealed(run, 1, &[9, 9, 9]));
    stage.commit(turn).await;
    let stored = store.pseudonyms_of(run, "m1").await.unwrap().sealed.unwrap();
    assert_eq!((stored.revision, stored.bytes.as_slice()), (2, [1].as_slice()));
    let all = store.pseudonyms_of_account(stage.account, None, 10).await.unwrap();
    assert_eq!(all, [stored]);
    assert!(store.pseudonyms_of_account(stage.account, Some(run), 10).await.unwrap().is_empty());
    let wrapped = store.wrapped_by_others(WrappedKind::Run, "m2", "", 10).await.unwrap();
    assert_eq!((wrapped.len(), wrapped[0].of.clone()), (1, run.to_string()));
    assert_eq!(store.rewrap(WrappedKind::Run, "m2", &wrapped).await.unwrap(), 1);
    assert!(store.wrapped_by_others(WrappedKind::Run, "m2", "", 10).await.unwrap().is_empty());
}

async fn placeholders_are_forgotten_when_their_run_is_over_long_enough(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    for key in ["over", "going"] {
        let run = stage.run(key).await;
        let claimed = stage.claim(LONG).await;
        let mut turn = stage.turn(&claimed);
        turn.pseudonyms = Some(sealed(run, 0, &[1]));
        stage.commit(turn).await;
        if key == "over" {
            let why = Intervention::Cancel { reason: "done".to_owned() };
            store.intervene(run, &why, &stage.by(), backend.now()).await.unwrap();
        }
    }
    let soon = backend.now() + SignedDuration::from_hours(1);
    let none = store.forget_pseudonyms(backend.now() - SignedDuration::from_hours(1), None, 10);
    assert_eq!(none.await.unwrap(), (0, None));
    let (gone, last) = store.forget_pseudonyms(soon, None, 10).await.unwrap();
    assert_eq!(gone, 1);
    assert_eq!(store.forget_pseudonyms(soon, last, 10).await.unwrap(), (0, None));
    assert_eq!(store.pseudonyms_of_account(stage.account, None, 10).await.unwrap().len(), 1);
}
