//! Is what people wrote and are called kept as promised: sealed, handed out, forgotten, erased?

use std::{sync::Arc, time::Duration};

use cli::{
    app::{App, Schema},
    output::Output,
    person, retention, rotation,
};
use domain::{
    approval::ApprovalStatus,
    content::Pseudonyms,
    erasure::Erased,
    event::Event,
    id::{ApprovalId, ContactId},
    message::MessageStatus,
    page::PageRequest,
    port::{Customers as _, Desk as _, Intake as _, Outbox as _, Ruling, VaultError},
    record::{Priority, Row, TicketRow},
    user::Actor,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use world::{
    Database, World,
    model::{ModelEndpoint, Reply},
    record,
};

use crate::{
    journey::{approve, renewal, until_a_letter_waits},
    on_both,
};

on_both! {
    a_value_keeps_its_number_from_step_to_step_and_when_the_process_dies_between,
    gv_28_erasing_a_person_ends_what_waits_and_leaves_the_trail_true,
    gv_28_a_letter_that_was_granted_does_not_leave_once_its_recipient_is_erased,
    gv_28_a_letter_to_somebody_else_that_speaks_of_an_erased_person_is_withdrawn,
    gv_28_what_reviewers_wrote_of_a_person_goes_with_them_and_was_never_in_the_trail,
    gv_28_the_program_erases_and_prints_the_receipt,
    gv_27_everything_of_a_person_is_handed_out_in_one_document,
    placeholders_are_forgotten_on_time_and_the_trail_says_so,
    the_master_key_changes_while_others_work,
    a_wrong_or_missing_master_key_is_refused_and_nothing_is_changed,
    who_may_see_what_the_model_saw_sees_it_beside_what_was_put_back,
}

/// The names and addresses of the person every world here has.
const PERSONAL: [&str; 4] = ["Aylin", "Özdemir", "aylin.oezdemir", "5550 1234"];

/// The placeholders in a text, in order.
fn placeholders(text: &str) -> Vec<String> {
    let placeholder = regex::Regex::new(r"\[[A-Z_]+_[0-9]+[A-Z0-9_]*\]").expect("a constant");
    placeholder.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

async fn letter(world: &World) -> (ApprovalId, ContactId) {
    renewal(world).await;
    let letter = until_a_letter_waits(world).await;
    let item = world.app.desk.show(letter).await.expect("the approval").item;
    (letter, item.approval.contact)
}

async fn intact(world: &World) -> bool {
    let report = cli::audit::verify(&*world.app.ledger, &|_| {}).await.expect("the trail");
    report.intact
}

async fn privacy_trail(world: &World) -> Vec<Event> {
    let events = cli::audit::stream(&*world.app.ledger, "privacy").await.expect("the trail");
    events.iter().map(|event| serde_json::from_str(&event.data).expect("an event")).collect()
}

async fn a_value_keeps_its_number_from_step_to_step_and_when_the_process_dies_between(
    database: Database,
) {
    let route = json!({
        "category": "commercial", "severity": "medium", "owner": "csm",
        "reasons": ["renewal is near (f1)"], "confidence": 0.8,
    });
    let endpoint = ModelEndpoint::start([]).await.expect("an endpoint");
    let url = endpoint.url();
    let mut world = World::with(database, |config| config.model.url = Some(url)).await;
    endpoint.then(Reply::Says(route.to_string()));
    endpoint.then(Reply::Silence(Duration::from_mins(2)));
    world
        .customer("Nordwind", |account, contacts| {
            account.renewal_date = "2026-04-20".parse().ok();
            let mut other = contacts[0].clone();
            "Zoe".clone_into(&mut other.first);
            "Adler".clone_into(&mut other.last);
            other.email = Some("zoe@customer.example".to_owned());
            other.phone = None;
            other.role = domain::contact::ContactRole::User;
            contacts.push(other);
        })
        .await;
    let ticket = TicketRow {
        account: "Nordwind".to_owned(),
        contact: None,
        subject: "Question".to_owned(),
        body: "Asked by Zoe Adler, answered by Aylin Özdemir.".to_owned(),
        priority: Priority::P3,
        opened_at: "2026-02-27T10:00:00Z".parse().expect("a constant"),
        closed_at: None,
        first_response_minutes: None,
        csat: None,
        escalated: false,
    };
    let records = vec![record("T-1", &Row::Ticket(ticket))];
    let now = world.app.clock.now();
    world.app.store.absorb("test", records, now, false).await.expect("a ticket");
    world.app.triggers().tick_now("renewal").await.expect("the schedule ticks");

    // The process dies while the model writes the letter.
    let worker = world.app.worker();
    let working = tokio::spawn(async move { worker.settle().await });
    for _ in 0..600 {
        if endpoint.requests().len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    working.abort();
    let _aborted = working.await;
    let asked = endpoint.requests();
    assert_eq!(asked.len(), 2, "the model was asked to route and to write");
    let routed = asked[0].to_string();
    let number = |who: &str| -> u32 {
        let at = routed.find(who).map(|at| at + who.len()).expect("the ticket");
        let digits: String = routed[at..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a placeholder")
    };
    let (zoe, aylin) = (number("Asked by [PERSON_"), number("answered by [PERSON_"));
    assert_ne!(aylin, zoe);
    assert_ne!(aylin, 1, "by herself she would be the first the letter's prompt speaks of");

    let answer = json!({
        "subject": "Your renewal",
        "body": format!("Dear [PERSON_{aylin}_FIRST],\n\nyour renewal is coming up. Shall we talk?\n\nBest regards"),
        "used_facts": ["f1"], "confidence": 0.9,
    });
    endpoint.then(Reply::Says(answer.to_string()));
    world.restart().await;
    world.clock.pass(SignedDuration::from_mins(10));
    // Leases are kept by the database's clock.
    for _ in 0..80 {
        world.settle().await;
        if !world.waiting().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let asked = endpoint.requests();
    let written = asked.last().expect("a request").to_string();
    assert_eq!(asked.len(), 3, "the letter was asked for again");
    assert_eq!(
        placeholders(&written),
        placeholders(&asked[1].to_string()),
        "the same values, the same numbers"
    );
    assert!(written.contains(&format!("[PERSON_{aylin}], champion")), "{written}");
    let id = world.waiting().await[0];
    let reviewed = world.app.desk.show(id).await.expect("the approval");
    let text = reviewed.current().and_then(|current| current.manuscript.clone()).expect("text");
    assert!(text.letter.body.starts_with("Dear Aylin,"), "{}", text.letter.body);
    let restored = &text.restored[0];
    assert_eq!(restored.placeholder, format!("[PERSON_{aylin}_FIRST]"));
    assert_eq!((restored.kind.as_deref(), restored.count), (Some("PERSON"), 1));
    assert_eq!(restored.value.as_deref(), Some("Aylin"));
    for personal in PERSONAL {
        assert!(!text.seen_by_model.contains(personal), "`{personal}` was seen");
    }
    // What is kept of it is sealed.
    let run = world.runs().await[0].id;
    let stored = world.app.store.pseudonyms_of(run, "").await.expect("the store").sealed;
    let bytes = stored.expect("placeholders").bytes;
    let shown = String::from_utf8_lossy(&bytes);
    assert!(shown.contains("PERSON_1") && !shown.contains("Aylin") && !shown.contains("zdemir"));
}

async fn gv_28_erasing_a_person_ends_what_waits_and_leaves_the_trail_true(database: Database) {
    let world = World::new(database).await;
    let (letter, contact) = letter(&world).await;
    let by = world.actor().await;
    let account = world.account("Nordwind").await.id;
    let run = world.runs().await[0].id;
    let before = world.app.ports().vault.pseudonyms(run).await.expect("placeholders");
    let known =
        |pseudonyms: &Pseudonyms| String::from_utf8_lossy(pseudonyms.bytes()).contains("zdemir");
    assert!(known(&before), "the run knows whom it wrote to");
    assert!(intact(&world).await);

    let (footprint, none) = person::look(&world.app, contact).await.expect("a look").expect("her");
    assert_eq!((footprint.drafts, footprint.letters, none), (1, 1, None));
    let erased = person::erase(&world.app, contact, &by).await.expect("an erasure");
    let Erased::Now(receipt) = erased else { panic!("she was not erased before: {erased:?}") };
    assert!(receipt.destroyed.key && receipt.destroyed.placeholders > 0, "{receipt:?}");
    assert_eq!((receipt.destroyed.drafts, receipt.destroyed.letters), (1, 1));
    let hash = receipt.hash();
    assert!(
        privacy_trail(&world)
            .await
            .iter()
            .any(|event| matches!(event, Event::PersonErased { receipt, .. } if *receipt == hash))
    );
    let again = person::erase(&world.app, contact, &by).await.expect("an answer");
    assert_eq!(again, Erased::Before(receipt), "once is enough");

    assert_eq!(world.status(letter).await, ApprovalStatus::Withdrawn);
    let reviewed = world.app.desk.show(letter).await.expect("the approval");
    assert!(reviewed.current().expect("a version").manuscript.is_none(), "nothing opens");
    let content = reviewed.item.approval.version.content;
    let gone = world.app.ports().vault.open(content).await;
    assert!(matches!(gone, Err(VaultError::Erased(_))), "{gone:?}");
    assert!(!known(&world.app.ports().vault.pseudonyms(run).await.expect("placeholders")));
    let snapshots = world.app.store.snapshots(&[account], world.app.clock.now()).await;
    assert!(snapshots.expect("a snapshot")[0].contacts.is_empty());

    // The run goes on to its end without her, and nothing is written to her.
    for _ in 0..20 {
        world.days(3).await;
    }
    let run = world.runs().await[0].clone();
    assert!(run.progress.dead_end.is_none(), "{:?}", run.progress.dead_end);
    assert!(world.mail().is_empty());
    let everything = format!("{:?} {:?}", world.runs().await, world.trail(run.id).await);
    for personal in PERSONAL {
        assert!(!everything.contains(personal), "`{personal}` is still there");
    }
    assert!(intact(&world).await);
}

async fn gv_28_a_letter_that_was_granted_does_not_leave_once_its_recipient_is_erased(
    database: Database,
) {
    let world = World::new(database).await;
    let (letter, contact) = letter(&world).await;
    approve(&world, letter).await.expect("an administrator may approve");
    let erased = person::erase(&world.app, contact, &Actor::Engine).await.expect("an erasure");
    let Erased::Now(receipt) = erased else { panic!("she was not erased before: {erased:?}") };
    assert_eq!((receipt.destroyed.drafts, receipt.destroyed.messages), (0, 1));
    world.settle().await;
    assert!(world.mail().is_empty());
    let messages = world.app.store.messages(None, &PageRequest::default()).await;
    assert_eq!(messages.expect("the outbox").items[0].status, MessageStatus::Refused);
    assert!(intact(&world).await);
}

async fn gv_28_a_letter_to_somebody_else_that_speaks_of_an_erased_person_is_withdrawn(
    database: Database,
) {
    let world = World::new(database).await;
    world
        .customer("Nordwind", |account, contacts| {
            account.segment = Some(domain::account::Segment::Smb);
            account.renewal_date = "2026-04-20".parse().ok();
            for (first, last) in [("Zoe", "Adler"), ("Rui", "Barbosa")] {
                let mut other = contacts[0].clone();
                first.clone_into(&mut other.first);
                last.clone_into(&mut other.last);
                other.email = Some(format!("{first}@customer.example").to_lowercase());
                other.phone = None;
                other.role = domain::contact::ContactRole::User;
                contacts.push(other);
            }
        })
        .await;
    world.app.triggers().tick_now("renewal").await.expect("the schedule ticks");
    let letter = until_a_letter_waits(&world).await;
    let by = world.actor().await;
    let reviewed = world.app.desk.show(letter).await.expect("the approval");
    let text = reviewed.current().and_then(|current| current.manuscript.clone()).expect("text");
    let ruling = Ruling::Edit {
        seen: reviewed.item.approval.version.binding,
        subject: text.letter.subject,
        body: format!("{}\n\nZoe Adler asked us to write.", text.letter.body),
    };
    world.app.desk.rule(letter, &by, ruling).await.expect("an edit");
    let contact = async |address| person::find(&world.app, address).await.expect("a search")[0];

    let rui = contact("rui@customer.example").await;
    person::erase(&world.app, rui, &by).await.expect("an erasure");
    assert_eq!(world.status(letter).await, ApprovalStatus::Waiting, "it does not speak of him");
    let zoe = contact("zoe@customer.example").await;
    let erased = person::erase(&world.app, zoe, &by).await.expect("an erasure");
    let Erased::Now(receipt) = erased else { panic!("she was not erased before: {erased:?}") };
    assert_eq!((receipt.destroyed.drafts, receipt.destroyed.key), (1, false));
    assert_eq!(world.status(letter).await, ApprovalStatus::Withdrawn);
    assert!(intact(&world).await);
}

async fn gv_28_what_reviewers_wrote_of_a_person_goes_with_them_and_was_never_in_the_trail(
    database: Database,
) {
    let world = World::new(database).await;
    let (letter, contact) = letter(&world).await;
    let (by, run) = (world.actor().await, world.runs().await[0].id);
    let instruction = "Do not mention the illness".to_owned();
    world.app.desk.rule(letter, &by, Ruling::Redraft { instruction }).await.expect("a request");
    world.settle().await;
    let reviewed = world.app.desk.show(letter).await.expect("the approval");
    let version = reviewed.current().expect("a version").version.clone();
    assert_eq!(version.instruction.as_deref(), Some("Do not mention the illness"));
    let note = "The illness again, and her address".to_owned();
    let reason = domain::approval::RejectReason::Sensitive;
    world.app.desk.rule(letter, &by, Ruling::Reject { reason, note }).await.expect("a decision");
    let before = person::export(&world.app, contact, &by).await.expect("an export").expect("her");
    assert!(before.to_string().contains("The illness again"), "what was said of her is hers");

    let erased = person::erase(&world.app, contact, &by).await.expect("an erasure");
    let Erased::Now(receipt) = erased else { panic!("she was not erased before: {erased:?}") };
    assert_eq!((receipt.destroyed.notes, receipt.destroyed.drafts), (1, 0));
    let reviewed = world.app.desk.show(letter).await.expect("the approval");
    let after = person::export(&world.app, contact, &by).await.expect("an export").expect("her id");
    let everything = format!("{reviewed:?} {after} {:?}", world.trail(run).await);
    assert!(!everything.contains("illness"), "{everything}");
    assert!(format!("{reviewed:?}").contains("Sensitive"), "that it was rejected, and why, stays");
    assert!(intact(&world).await);
}

async fn gv_28_the_program_erases_and_prints_the_receipt(database: Database) {
    let world = World::new(database).await;
    let (letter, contact) = letter(&world).await;
    let config = world.folder().join("config.yaml");
    let text = format!(
        "data: {0}\ndatabase: {1}\nkeys: {{ master_file: {0}/master.key }}\n",
        world.folder().display(),
        world.app.config.database_url(),
    );
    std::fs::write(&config, text).expect("a configuration");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::terminal::playgate());
        command.env_clear().arg("--config").arg(&config).args(arguments);
        let done = command.output().expect("the program starts");
        let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), told(&done.stdout), told(&done.stderr))
    };
    let verified = || {
        let (code, said, problems) = run(&["audit", "verify"]);
        assert_eq!(code, Some(0), "{said}{problems}");
    };
    let address = "Aylin.Oezdemir@customer.example";
    verified();

    let (code, _, problems) = run(&["privacy", "erase", "--contact", "nobody@customer.example"]);
    assert_eq!(code, Some(2), "{problems}");
    assert!(problems.contains("nobody@customer.example"), "{problems}");
    let (code, _, problems) = run(&["privacy", "erase", "--contact", address]);
    assert_eq!(code, Some(2), "nobody is there to be asked: {problems}");
    assert!(problems.contains("--yes"), "{problems}");
    let (code, said, _) = run(&["privacy", "erase", "--contact", address, "--preview"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("1 drafts to them that wait are cancelled"), "{said}");
    assert_eq!(world.status(letter).await, ApprovalStatus::Waiting, "a look changes nothing");

    let (code, said, problems) = run(&["privacy", "export", "--contact", address]);
    assert_eq!(code, Some(0), "{problems}");
    let document: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(document["people"][0]["profile"][0]["given_name"], "Aylin");

    let (code, said, problems) = run(&["privacy", "erase", "--contact", address, "--yes"]);
    assert_eq!(code, Some(0), "{problems}");
    let receipt = world.app.store.erasure_of(contact).await.expect("the store").expect("one");
    for part in [receipt.id.to_string(), receipt.hash(), "1 drafts cancelled".to_owned()] {
        assert!(said.contains(&part), "the receipt does not say `{part}`: {said}");
    }
    assert_eq!(world.status(letter).await, ApprovalStatus::Withdrawn);
    let id = contact.to_string();
    let (code, again, _) = run(&["--json", "privacy", "erase", "--contact", &id, "--yes"]);
    assert_eq!(code, Some(0));
    let again: Value = serde_json::from_str(&again).expect("JSON");
    assert_eq!(again["receipts"][0]["erased_now"], false);
    assert_eq!(again["receipts"][0]["sha256"], receipt.hash());
    verified();
}

async fn who_may_see_what_the_model_saw_sees_it_beside_what_was_put_back(database: Database) {
    let world = World::new(database).await;
    let (letter, _) = letter(&world).await;
    let reviewed = world.app.desk.show(letter).await.expect("the approval");
    let text = reviewed.current().and_then(|current| current.manuscript.clone()).expect("text");
    assert!(placeholders(&text.seen_by_model).contains(&"[PERSON_1]".to_owned()));
    for personal in PERSONAL {
        assert!(!text.seen_by_model.contains(personal), "`{personal}` was seen");
    }
    let person = text.restored.iter().find(|one| one.kind.as_deref() == Some("PERSON"));
    let person = person.expect("the letter names her");
    let value = person.value.as_deref().expect("it was put back");
    assert!(text.letter.body.contains(value) && "Aylin Özdemir".contains(value), "{value}");
    let mut concealed = reviewed;
    concealed.conceal();
    let hidden = concealed.current().and_then(|current| current.manuscript.clone()).expect("text");
    assert_eq!(hidden.letter, text.letter, "the letter itself is for everybody who may read");
    assert!(hidden.seen_by_model.is_empty() && hidden.restored.is_empty());
}

async fn gv_27_everything_of_a_person_is_handed_out_in_one_document(database: Database) {
    let world = World::new(database).await;
    let (letter, contact) = letter(&world).await;
    approve(&world, letter).await.expect("an administrator may approve");
    world.settle().await;
    let by = world.actor().await;
    let found = person::find(&world.app, "Aylin.Oezdemir@customer.example").await;
    assert_eq!(found.expect("a search"), [contact]);
    let document = person::export(&world.app, contact, &by).await.expect("an export");
    let document = document.expect("there is somebody");
    assert_eq!(document["profile"][0]["given_name"], "Aylin");
    assert_eq!(document["consent"]["now"], "granted");
    let draft = &document["drafts"][0];
    assert!(draft["letter"]["body"].as_str().is_some_and(|body| body.contains("Aylin")));
    assert!(draft["what_the_model_saw"].as_str().is_some_and(|seen| seen.contains("[PERSON_1]")));
    assert_eq!(document["messages"][0]["status"], "delivered");
    let placeholders = document["placeholders"].as_array().expect("placeholders");
    let stands = |value: &str| placeholders.iter().any(|one| one["value"] == value);
    assert!(stands("Aylin Özdemir") && stands("Aylin"), "{placeholders:?}");
    assert_eq!(document["decisions"][0]["state"]["status"], "approved");
    let events = document["events"].as_array().expect("events");
    let has = |word: &str| events.iter().any(|event| event["event"]["event"] == word);
    assert!(has("approval_granted") && has("message_delivered"), "{events:?}");
    assert!(
        privacy_trail(&world)
            .await
            .iter()
            .any(|event| matches!(event, Event::PersonExported { .. }))
    );

    person::erase(&world.app, contact, &by).await.expect("an erasure");
    let after = person::export(&world.app, contact, &by).await.expect("an export");
    let after = after.expect("the id stays");
    assert_eq!(
        (&after["drafts"][0]["text"], &after["drafts"][0]["letter"]),
        (&json!("erased"), &Value::Null)
    );
    let text = after.to_string();
    for personal in PERSONAL {
        assert!(!text.contains(personal), "`{personal}` is still there");
    }
}

async fn placeholders_are_forgotten_on_time_and_the_trail_says_so(database: Database) {
    let world = World::new(database).await;
    let (letter, _) = letter(&world).await;
    let by = world.actor().await;
    let note = String::new();
    let reason = domain::approval::RejectReason::NotNeeded;
    let ruling = Ruling::Reject { reason, note };
    world.app.desk.rule(letter, &by, ruling).await.expect("a decision");
    let run = world.runs().await[0].id;
    for _ in 0..20 {
        world.days(3).await;
        if world.runs().await[0].status.is_over() {
            break;
        }
        for task in crate::history::open_tasks(&world).await {
            let now = world.app.clock.now();
            domain::port::Inbox::finish_task(&world.app.store, task, "done", &by, now)
                .await
                .expect("a task finishes");
        }
    }
    assert!(world.runs().await[0].status.is_over(), "{:?}", world.runs().await[0]);
    let stop = CancellationToken::new();
    assert_eq!(retention::once(&world.app, &stop).await.expect("a pass"), 0, "it is too early");
    let stored = || async {
        world.app.store.pseudonyms_of(run, "").await.expect("the store").sealed.is_some()
    };
    assert!(stored().await);
    world.clock.pass(SignedDuration::from_hours(24 * 31));
    assert_eq!(retention::once(&world.app, &stop).await.expect("a pass"), 1);
    assert!(!stored().await);
    assert_eq!(retention::once(&world.app, &stop).await.expect("a pass"), 0);
    let trail = privacy_trail(&world).await;
    assert!(matches!(trail[..], [Event::PlaceholdersForgotten { runs: 1, .. }]), "{trail:?}");
    assert!(intact(&world).await);
}

/// Another process on the same data.
async fn another(world: &World) -> App {
    let config = (*world.app.config).clone();
    let clock = Arc::clone(&world.clock);
    App::open(config, Output::new(false), clock, Schema::Require).await.expect("it opens")
}

async fn the_master_key_changes_while_others_work(database: Database) {
    let world = World::new(database).await;
    let (letter, _) = letter(&world).await;
    let other = another(&world).await;
    let old = other.vault().keys().ids();
    // Somebody serves.
    let serving = world.app.take_over_or_refuse().expect("a lock");
    let done = rotation::rotate(&world.app, &Actor::Engine, Duration::ZERO).await.expect("a pass");
    assert!(done.made && done.rewrapped >= 2, "a person's and a run's: {done:?}");
    assert_eq!(done.kept, old, "others may still be at work under it");
    let content =
        world.app.desk.show(letter).await.expect("the approval").item.approval.version.content;
    let opened = other.ports().vault.open(content).await.expect("the other finds the new key");
    assert!(String::from_utf8_lossy(&opened).contains("Aylin"));
    let run = world.runs().await[0].id;
    let pseudonyms = other.ports().vault.pseudonyms(run).await.expect("placeholders");
    assert!(!pseudonyms.bytes().is_empty());
    assert_eq!(other.vault().keys().ids(), [done.key.clone(), old[0].clone()]);
    assert!(!rotation::finish(&world.app).await.expect("a look"), "it is too early");
    world.clock.pass(SignedDuration::from_mins(16));
    assert!(rotation::finish(&world.app).await.expect("a look"));
    drop(serving);
    assert_eq!(world.app.vault().keys().ids(), std::slice::from_ref(&done.key));
    let again = another(&world).await;
    assert!(again.ports().vault.open(content).await.is_ok());
    let trail = privacy_trail(&world).await;
    assert!(trail.iter().any(|event| matches!(event, Event::MasterKeyChanged { .. })));
    assert!(trail.iter().any(|event| matches!(event, Event::MasterKeyRotated { .. })));
    assert!(intact(&world).await);
    for app in [other, again] {
        app.store.close().await;
    }
}

async fn a_wrong_or_missing_master_key_is_refused_and_nothing_is_changed(database: Database) {
    let world = World::new(database).await;
    letter(&world).await;
    let keys = world.app.store.master_keys().await.expect("keys");
    let mut config = (*world.app.config).clone();
    let file = world.folder().join("other.key");
    std::fs::write(&file, "17".repeat(32)).expect("a key");
    config.keys.master_file = Some(file);
    let clock = Arc::clone(&world.clock);
    let refused = App::open(config.clone(), Output::new(false), clock, Schema::Require).await;
    let told = refused.err().expect("it must not open").to_string();
    assert!(told.contains(&keys.active[0]) && told.contains("other.key"), "{told}");
    assert_eq!(world.app.store.master_keys().await.expect("keys"), keys);

    // No key at all, and none is made that would only be in the way of the right one.
    let file = world.folder().join("gone.key");
    config.keys.master_file = Some(file.clone());
    let clock = Arc::clone(&world.clock);
    let refused = App::open(config.clone(), Output::new(false), clock, Schema::Require).await;
    let told = refused.err().expect("it must not open").to_string();
    assert!(told.contains(&keys.active[0]) && told.contains("gone.key"), "{told}");
    assert!(!file.exists());
    assert_eq!(world.app.store.master_keys().await.expect("keys"), keys);
    let letter = world.waiting().await[0];
    let reviewed = world.app.desk.show(letter).await.expect("the approval");
    assert!(reviewed.current().expect("a version").manuscript.is_some(), "nothing is lost");

    // A new key before the right one is the beginning of a change.
    let file = world.folder().join("both.key");
    std::fs::write(&file, format!("{}\n{}\n", "17".repeat(32), "42".repeat(32))).expect("keys");
    config.keys.master_file = Some(file);
    let clock = Arc::clone(&world.clock);
    let both =
        App::open(config, Output::new(false), clock, Schema::Require).await.expect("it opens");
    both.store.close().await;
}
