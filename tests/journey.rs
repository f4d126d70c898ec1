//! From a signal about an account to a delivered e-mail, as a transcript anybody can read.

use domain::{
    account::{AccountStatus, Lifecycle, Segment},
    approval::{ApprovalStatus, DecideError, RejectReason},
    contact::Consent,
    id::ApprovalId,
    killswitch::{Kill, Scope},
    message::MessageStatus,
    page::PageRequest,
    port::{
        Desk as _, DeskError, Exit as _, Inbox as _, Journal as _, Outbox as _, Ruling, TaskFilter,
    },
    run::{Phase, RunStatus},
    signal::{NewSignal, kind},
};
use jiff::SignedDuration;
use serde_json::json;
use world::{
    Database, World,
    model::{ModelEndpoint, Reply},
};

use crate::on_both;

on_both! {
    a_renewal_comes_round_and_an_approved_letter_arrives_once,
    ai_07_nothing_leaves_without_a_decision,
    an_edit_is_judged_again_and_binds_what_was_seen,
    two_deciders_race_to_one_decision,
    gv_29_an_opt_out_after_approval_keeps_the_letter_in,
    gv_04_the_kill_switch_holds_what_was_granted_until_it_is_released,
    accounts_without_a_contact_get_a_task_and_no_invented_address,
    tr_02_entering_onboarding_starts_the_playbook_of_the_segment,
    promise_3_a_model_sees_no_personal_data_and_the_customer_sees_the_real_thing,
    a_model_that_fails_for_good_leaves_a_visible_dead_end_and_a_retry_goes_on,
    a_playbook_is_at_work_on_an_account_once_at_a_time,
    a_cancelled_run_withdraws_what_waits,
    a_cancelled_run_sends_nothing_that_was_granted_before,
    a_redraft_keeps_every_version,
    an_undecided_letter_expires_closed,
    gv_14_a_letter_that_names_another_customers_person_stays_in_and_shows_where,
    gv_14_a_leak_that_appears_only_at_the_moment_of_sending_is_not_sent,
    gv_14_what_cannot_be_compared_with_other_customers_waits_for_a_person,
}

pub(crate) async fn renewal(world: &World) {
    world
        .customer("Nordwind", |account, _| {
            account.segment = Some(Segment::Smb);
            account.lifecycle = Some(Lifecycle::Adoption);
            account.renewal_date = "2026-04-20".parse().ok();
        })
        .await;
    world.app.triggers().tick_now("renewal").await.expect("the schedule ticks");
    world.settle().await;
}

/// Finishes every open task and lets time pass until something waits for a decision.
pub(crate) async fn until_a_letter_waits(world: &World) -> ApprovalId {
    for _ in 0..40 {
        if let Some(id) = world.waiting().await.first() {
            return *id;
        }
        finish_tasks(world).await;
        world.settle().await;
        if world.waiting().await.is_empty() {
            world.days(1).await;
        }
    }
    panic!("no letter ever waited: {:?}", world.runs().await);
}

async fn finish_tasks(world: &World) {
    let by = world.actor().await;
    let filter =
        TaskFilter { status: Some(domain::task::TaskStatus::Open), ..TaskFilter::default() };
    let tasks = world.app.store.tasks(&filter, &PageRequest::default()).await.expect("tasks");
    for task in tasks.items {
        let now = world.app.clock.now();
        world.app.store.finish_task(task.id, "done", &by, now).await.expect("a task finishes");
    }
}

pub(crate) async fn approve(world: &World, id: ApprovalId) -> Result<(), DeskError> {
    let by = world.actor().await;
    let seen = world.app.desk.show(id).await?.item.approval.version.binding;
    world.app.desk.rule(id, &by, Ruling::Approve { seen }).await.map(|_| ())
}

async fn a_renewal_comes_round_and_an_approved_letter_arrives_once(database: Database) {
    let mut world = World::new(database).await;
    renewal(&world).await;
    let letter = until_a_letter_waits(&world).await;
    let run = world.runs().await[0].id;

    world.restart().await;
    approve(&world, letter).await.expect("an administrator may approve");
    world.settle().await;
    world.restart().await;
    world.settle().await;

    let mail = world.mail();
    assert_eq!(mail.len(), 1, "one letter, once");
    assert!(mail[0].contains("aylin.oezdemir@customer.example"), "{}", mail[0]);
    let reviewed = world.app.desk.show(letter).await.expect("the approval");
    let opened = reviewed.current().and_then(|version| version.manuscript.as_ref());
    let seen = &opened.expect("the text").seen_by_model;
    for personal in ["Aylin", "Özdemir", "aylin.oezdemir", "5550 1234", "Lindqvist"] {
        assert!(!seen.contains(personal), "`{personal}` reached the writer: {seen}");
    }

    world.clock.pass(SignedDuration::from_hours(1));
    let now = world.app.clock.now();
    let reply = NewSignal {
        source: "mail".to_owned(),
        event_id: "reply-1".to_owned(),
        kind: kind::EMAIL_REPLIED.to_owned(),
        account: world.account("Nordwind").await.id,
        at: now,
        data: json!({ "sentiment": "positive" }),
        run: Some(run),
    };
    world.app.store.signal(vec![reply], now).await.expect("the reply is taken in");
    world.settle().await;
    for _ in 0..40 {
        finish_tasks(&world).await;
        for id in world.waiting().await {
            approve(&world, id).await.expect("an administrator may approve");
        }
        world.days(3).await;
        if world.runs().await[0].status.is_over() {
            break;
        }
    }
    assert_eq!(world.runs().await[0].status, RunStatus::Completed);
    let transcript = world.transcript(run).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!("renewal", transcript);
    }
    let report = cli::audit::verify(&*world.app.ledger, &|_| {}).await.expect("the trail");
    assert!(report.intact, "{:?}", report.faults);
}

async fn ai_07_nothing_leaves_without_a_decision(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let letter = until_a_letter_waits(&world).await;
    world.days(2).await;
    assert!(world.mail().is_empty(), "undecided letters stay in");
    let by = world.actor().await;
    let ruling = Ruling::Reject { reason: RejectReason::NotNeeded, note: String::new() };
    world.app.desk.rule(letter, &by, ruling).await.expect("a rejection");
    world.settle().await;
    assert_eq!(world.status(letter).await, ApprovalStatus::Rejected);
    assert!(world.mail().is_empty(), "rejected letters stay in");
}

async fn an_edit_is_judged_again_and_binds_what_was_seen(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let by = world.actor().await;
    let before = world.app.desk.show(id).await.expect("the approval");
    let seen = before.item.approval.version.binding.clone();

    let edit = Ruling::Edit {
        seen: seen.clone(),
        subject: "A word about your renewal".to_owned(),
        body: "Dear Aylin,\n\nshall we talk about the renewal on Thursday?\n\nMara".to_owned(),
    };
    let after = world.app.desk.rule(id, &by, edit).await.expect("an edit");
    assert_eq!(after.versions.len(), 2);
    assert_ne!(after.item.approval.version.binding, seen, "an edit is another fingerprint");

    let stale = world.app.desk.rule(id, &by, Ruling::Approve { seen }).await;
    let stale = stale.expect_err("the draft changed");
    assert!(
        matches!(stale, DeskError::Decide(DecideError::Changed { version: 2, .. })),
        "the old fingerprint approves nothing: {stale}"
    );
    approve(&world, id).await.expect("the new one does");
    world.settle().await;
    assert!(world.mail()[0].contains("A word about your renewal"), "{}", world.mail()[0]);

    // AI-05: an edit that carries a secret is stopped by the check behind the policy.
    let key = format!("AKIA{}", "IOSFODNN7ABCDEFG");
    let secret = format!("Dear Aylin,\n\nyour key is {key}.\n\nMara");
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let by = world.actor().await;
    let seen = world.app.desk.show(id).await.expect("the approval").item.approval.version.binding;
    let edit = Ruling::Edit { seen, subject: "Your key".to_owned(), body: secret };
    world.app.desk.rule(id, &by, edit).await.expect("the edit is stored");
    let refused = approve(&world, id).await.expect_err("a secret blocks");
    assert!(matches!(refused, DeskError::Decide(DecideError::Forbidden { .. })), "{refused}");
    world.settle().await;
    assert!(world.mail().is_empty(), "a secret stays in");
}

async fn two_deciders_race_to_one_decision(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let by = world.actor().await;
    let seen = world.app.desk.show(id).await.expect("the approval").item.approval.version.binding;
    let reject = Ruling::Reject { reason: RejectReason::Tone, note: String::new() };
    let (yes, no) = tokio::join!(
        world.app.desk.rule(id, &by, Ruling::Approve { seen }),
        world.app.desk.rule(id, &by, reject),
    );
    let ((Err(lost), Ok(_)) | (Ok(_), Err(lost))) = (yes, no) else { panic!("one wins") };
    let DeskError::Decide(DecideError::Settled { by: Some(winner), at: Some(_), .. }) = lost else {
        panic!("the loser is told who and when: {lost}");
    };
    assert_eq!(winner, by);
    world.settle().await;
    let sent = usize::from(world.status(id).await == ApprovalStatus::Approved);
    assert_eq!(world.mail().len(), sent);
}

async fn gv_29_an_opt_out_after_approval_keeps_the_letter_in(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    approve(&world, id).await.expect("an administrator may approve");
    opt_out(&world).await;
    world.settle().await;
    assert!(world.mail().is_empty(), "who opted out gets nothing");
    let messages = world.app.store.messages(None, &PageRequest::default()).await.expect("outbox");
    assert_eq!(messages.items[0].status, MessageStatus::Refused);
    assert!(messages.items[0].note.contains("opted_out"), "{}", messages.items[0].note);
}

async fn opt_out(world: &World) {
    use domain::{
        contact::ContactRole,
        port::Intake as _,
        record::{ContactRow, Row},
    };
    let contact = ContactRow {
        account: "Nordwind".to_owned(),
        email: Some("aylin.oezdemir@customer.example".to_owned()),
        first: "Aylin".to_owned(),
        last: "Özdemir".to_owned(),
        title: None,
        role: ContactRole::Champion,
        phone: None,
        locale: None,
        time_zone: None,
        consent: Consent::OptedOut,
        opted_out_at: Some(world.app.clock.now()),
    };
    let record = world::record("Nordwind/0", &Row::Contact(contact));
    let now = world.app.clock.now();
    world.app.store.absorb("test", vec![record], now, false).await.expect("the opt-out");
}

async fn gv_04_the_kill_switch_holds_what_was_granted_until_it_is_released(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let by = world.actor().await;
    let kill = Kill {
        scope: Scope::All,
        by: by.clone(),
        at: world.app.clock.now(),
        reason: "a drill".to_owned(),
    };
    world.app.store.kill(&kill).await.expect("the switch");
    approve(&world, id).await.expect("deciding goes on");
    world.days(1).await;
    assert!(world.mail().is_empty(), "nothing leaves while sending is stopped");
    let now = world.app.clock.now();
    assert!(world.app.store.unkill(&Scope::All, &by, now).await.expect("the switch"));
    world.clock.pass(SignedDuration::from_mins(1));
    world.settle().await;
    assert_eq!(world.mail().len(), 1, "and nothing is lost");
}

async fn accounts_without_a_contact_get_a_task_and_no_invented_address(database: Database) {
    let world = World::new(database).await;
    world
        .customer("Nobody There", |account, contacts| {
            account.renewal_date = "2026-04-20".parse().ok();
            contacts.clear();
        })
        .await;
    world.app.triggers().tick_now("renewal").await.expect("the schedule ticks");
    for _ in 0..30 {
        world.days(1).await;
    }
    let tasks = world
        .app
        .store
        .tasks(&TaskFilter::default(), &PageRequest::default())
        .await
        .expect("tasks");
    assert!(
        tasks.items.iter().any(|task| task.title == "Add a contact for Nobody There"),
        "{:?}",
        tasks.items
    );
    assert!(world.waiting().await.is_empty());
    assert!(world.mail().is_empty());
}

async fn tr_02_entering_onboarding_starts_the_playbook_of_the_segment(database: Database) {
    let world = World::new(database).await;
    for (name, segment) in [("Small", Segment::Smb), ("Large", Segment::Enterprise)] {
        world
            .customer(name, |account, _| {
                account.segment = Some(segment);
                account.lifecycle = Some(Lifecycle::Onboarding);
            })
            .await;
        let now = world.app.clock.now();
        let entered = NewSignal {
            source: "crm".to_owned(),
            event_id: format!("stage-{name}"),
            kind: kind::LIFECYCLE_ENTERED.to_owned(),
            account: world.account(name).await.id,
            at: now,
            data: json!({ "stage": "onboarding" }),
            run: None,
        };
        let first = world.app.store.signal(vec![entered.clone()], now).await.expect("a signal");
        let again = world.app.store.signal(vec![entered], now).await.expect("a signal");
        assert_eq!((first.len(), again.len()), (1, 0), "the same event is the same signal");
    }
    world.settle().await;
    let mut started: Vec<(String, String)> = Vec::new();
    for run in world.runs().await {
        let account = domain::port::Customers::account(&world.app.store, run.account).await;
        let account = account.expect("accounts").expect("the account");
        started.push((account.name, run.playbook));
    }
    started.sort();
    let expected = [("Large", "onboarding-enterprise"), ("Small", "onboarding-smb")]
        .map(|(account, playbook)| (account.to_owned(), playbook.to_owned()));
    assert_eq!(started, expected);
}

async fn promise_3_a_model_sees_no_personal_data_and_the_customer_sees_the_real_thing(
    database: Database,
) {
    let route = json!({
        "category": "commercial", "severity": "medium", "owner": "csm",
        "reasons": ["renewal is near (f1)"], "confidence": 0.8,
    });
    let letter = json!({
        "subject": "Your renewal",
        "body": "Dear [PERSON_1_FIRST],\n\nyour renewal is coming up. Shall we talk?\n\nBest regards",
        "used_facts": ["f1"], "confidence": 0.9,
    });
    let endpoint = ModelEndpoint::start([]).await.expect("an endpoint");
    let url = endpoint.url();
    let world = World::with(database, |config| config.model.url = Some(url)).await;
    // The renewal playbook routes the risk, then writes.
    endpoint.then(Reply::Says(route.to_string()));
    endpoint.then(Reply::Says(letter.to_string()));
    world
        .customer("Nordwind", |account, _| {
            account.renewal_date = "2026-04-20".parse().ok();
        })
        .await;
    world.app.triggers().tick_now("renewal").await.expect("the schedule ticks");
    world.settle().await;
    for request in endpoint.requests() {
        let text = request.to_string();
        for personal in ["Aylin", "Özdemir", "aylin.oezdemir", "customer.example", "5550 1234"] {
            assert!(!text.contains(personal), "`{personal}` was sent to the model");
        }
    }
    assert_eq!(endpoint.requests().len(), 2, "the model was asked to route and to write");
    let id = world.waiting().await[0];
    approve(&world, id).await.expect("an administrator may approve");
    world.settle().await;
    let mail = world.mail();
    assert!(mail[0].contains("Dear Aylin,"), "the customer sees her name: {}", mail[0]);
    assert!(mail[0].contains("drafted-by=") && !mail[0].contains("[PERSON"), "{}", mail[0]);
}

async fn a_model_that_fails_for_good_leaves_a_visible_dead_end_and_a_retry_goes_on(
    database: Database,
) {
    let endpoint = ModelEndpoint::start([]).await.expect("an endpoint");
    let url = endpoint.url();
    let world = World::with(database, |config| config.model.url = Some(url)).await;
    renewal(&world).await;
    for _ in 0..30 {
        world.clock.pass(SignedDuration::from_hours(1));
        world.settle().await;
    }
    let run = world.runs().await.remove(0);
    assert_eq!(run.status, RunStatus::Stuck);
    let dead_end = run.progress.dead_end.expect("it says why");
    assert_eq!(dead_end.code, "model-unavailable");
    let by = world.actor().await;
    let now = world.app.clock.now();
    let retried =
        world.app.store.intervene(run.id, &domain::run::Intervention::Retry, &by, now).await;
    assert_eq!(retried.expect("the retry"), domain::run::Intervened::Done);
    let run = world.runs().await.remove(0);
    assert_eq!((run.status, run.progress.dead_end), (RunStatus::Active, None));
}

async fn a_playbook_is_at_work_on_an_account_once_at_a_time(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let account = world.account("Nordwind").await.id;
    let by = world.actor().await;
    let again = world.app.triggers().start_by_hand("renewal", account, &by).await;
    let going = world.runs().await[0].id;
    let refused = again.expect_err("two runs would write the same letter twice").to_string();
    assert!(refused.contains(&going.to_string()), "it names the run: {refused}");
    let cancel = domain::run::Intervention::Cancel { reason: "start over".to_owned() };
    let now = world.app.clock.now();
    world.app.store.intervene(going, &cancel, &by, now).await.expect("the cancellation");
    let started = world.app.triggers().start_by_hand("renewal", account, &by).await;
    assert!(started.expect("nothing is in the way").is_some());
}

async fn a_cancelled_run_withdraws_what_waits(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let run = world.runs().await[0].id;
    let by = world.actor().await;
    let cancel = domain::run::Intervention::Cancel { reason: "customer called".to_owned() };
    let now = world.app.clock.now();
    world.app.store.intervene(run, &cancel, &by, now).await.expect("the cancellation");
    assert_eq!(world.status(id).await, ApprovalStatus::Withdrawn);
    assert!(approve(&world, id).await.is_err(), "a withdrawn letter cannot be approved");
    world.days(30).await;
    assert!(world.mail().is_empty());
    assert_eq!(world.runs().await[0].status, RunStatus::Cancelled);
}

async fn a_cancelled_run_sends_nothing_that_was_granted_before(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    approve(&world, id).await.expect("an administrator may approve");
    let run = world.runs().await[0].id;
    let by = world.actor().await;
    let cancel = domain::run::Intervention::Cancel { reason: "customer called".to_owned() };
    let now = world.app.clock.now();
    world.app.store.intervene(run, &cancel, &by, now).await.expect("the cancellation");
    world.days(1).await;
    assert!(world.mail().is_empty(), "the letter of a cancelled run stays in");
    let messages = world.app.store.messages(None, &PageRequest::default()).await.expect("outbox");
    assert_eq!(messages.items[0].status, MessageStatus::Refused);
}

async fn a_redraft_keeps_every_version(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let by = world.actor().await;
    let ruling = Ruling::Redraft { instruction: "shorter".to_owned() };
    world.app.desk.rule(id, &by, ruling).await.expect("a redraft is asked for");
    assert_eq!(world.status(id).await, ApprovalStatus::Redrafting);
    world.settle().await;
    let reviewed = world.app.desk.show(id).await.expect("the approval");
    assert_eq!(reviewed.item.approval.state.status(), ApprovalStatus::Waiting);
    assert_eq!(reviewed.versions.len(), 2);
    assert_eq!(reviewed.versions[1].version.instruction.as_deref(), Some("shorter"));
    assert!(reviewed.versions.iter().all(|version| version.manuscript.is_some()));
}

async fn an_undecided_letter_expires_closed(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    world.days(60).await;
    assert_eq!(world.status(id).await, ApprovalStatus::Expired);
    assert!(world.mail().is_empty());
    let run = world.runs().await.remove(0);
    assert!(!matches!(run.progress.phase, Phase::AwaitingApproval { .. }), "the run went on");
    assert_ne!(run.status, RunStatus::Stuck, "{:?}", run.progress.dead_end);
    let _status: AccountStatus = world.account("Nordwind").await.status;
}

/// Another customer, with a person of its own.
async fn zendrix(world: &World) {
    world
        .customer("Zendrix", |account, contacts| {
            account.segment = Some(Segment::Enterprise);
            "Jane".clone_into(&mut contacts[0].first);
            "Okonkwo".clone_into(&mut contacts[0].last);
            contacts[0].email = Some("jane.okonkwo@zendrix.example".to_owned());
            contacts[0].phone = Some("+1 212 555 0142".to_owned());
        })
        .await;
}

async fn edit(world: &World, id: ApprovalId, body: &str) -> domain::draft::Version {
    let by = world.actor().await;
    let seen = world.app.desk.show(id).await.expect("the approval").item.approval.version.binding;
    let ruling = Ruling::Edit {
        seen,
        subject: "A word about your renewal".to_owned(),
        body: body.to_owned(),
    };
    world.app.desk.rule(id, &by, ruling).await.expect("an edit").item.approval.version
}

const NAMES_JANE: &str =
    "Dear Aylin,\n\nas Okonkwo, J\u{200b}ane told us, it works well.\n\nMara Lindqvist";

async fn gv_14_a_letter_that_names_another_customers_person_stays_in_and_shows_where(
    database: Database,
) {
    let world = World::new(database).await;
    zendrix(&world).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let drafted = world.app.desk.show(id).await.expect("the approval").item.approval.version;
    assert_eq!(drafted.findings.iter().filter(|found| found.place.is_some()).count(), 0);

    let version = edit(&world, id, NAMES_JANE).await;
    let found = version.findings.iter().find_map(|found| found.place.as_ref()).expect("a place");
    assert_eq!(&NAMES_JANE[found.start..found.end], "Okonkwo, J\u{200b}ane");
    assert_eq!((&*found.kind, &*found.rule), ("other_name", "last name, first name"));
    let detail = &version.findings.iter().find(|found| found.place.is_some()).expect("it").detail;
    assert!(detail.contains("line 3") && !detail.contains("Okonkwo"), "{detail}");
    let refused = approve(&world, id).await;
    assert!(
        matches!(refused, Err(DeskError::Decide(DecideError::Forbidden { .. }))),
        "{refused:?}"
    );
    world.settle().await;
    assert!(world.mail().is_empty());

    // Words of ours ask for a look, and a person may let them go.
    let version = edit(&world, id, "Dear Aylin,\n\nyour health score fell.\n\nMara").await;
    let found = version.findings.iter().find(|found| found.place.is_some()).expect("a finding");
    assert!(!found.blocking, "{found:?}");
    approve(&world, id).await.expect("a person may");
    world.settle().await;
    assert_eq!(world.mail().len(), 1);
}

async fn gv_14_a_leak_that_appears_only_at_the_moment_of_sending_is_not_sent(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let version = edit(&world, id, NAMES_JANE).await;
    assert!(version.findings.iter().all(|found| found.place.is_none()), "nobody knows Jane yet");
    approve(&world, id).await.expect("nothing is against it yet");
    zendrix(&world).await;
    world.settle().await;
    assert!(world.mail().is_empty(), "Jane became somebody else's");
    let messages = world.app.store.messages(None, &PageRequest::default()).await.expect("outbox");
    assert_eq!(messages.items[0].status, MessageStatus::Refused);
    let note = &messages.items[0].note;
    assert!(note.contains("another customer's person") && !note.contains("Okonkwo"), "{note}");
}

async fn gv_14_what_cannot_be_compared_with_other_customers_waits_for_a_person(database: Database) {
    let world = World::new(database).await;
    renewal(&world).await;
    let id = until_a_letter_waits(&world).await;
    let item = world.app.desk.show(id).await.expect("the approval");
    let opened = item.current().and_then(|version| version.manuscript.as_ref()).expect("a text");
    let account = world.account("Nordwind").await;
    let now = world.app.clock.now();
    let snapshot = domain::port::Customers::snapshots(&world.app.store, &[account.id], now)
        .await
        .expect("a snapshot")
        .remove(0);
    let standards = domain::outgoing::Standards::default();
    let parcel = domain::port::Parcel {
        letter: &opened.letter,
        snapshot: &snapshot,
        asset: "",
        standards: &standards,
        playbook: "renewal",
    };
    world.app.exit.inspect(parcel).await.expect("the database is there");
    world.app.store.close().await;
    let unchecked = world.app.exit.inspect(parcel).await.expect_err("the database is away");
    assert!(unchecked.to_string().contains("could not be compared"), "{unchecked}");
}
