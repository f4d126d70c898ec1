//! Does history that is over leave the database whole, stay provable, and forget whom it has to?

use std::{path::PathBuf, time::Duration};

use cli::{
    archive::{
        check, content,
        file::{Draft, Reading},
        keeper,
        line::RunLine,
        pass::{Done, Manner},
    },
    audit,
};
use domain::{
    archive::Archive,
    event::{Event, NewEvent},
    id::{ContactId, RunId, SignalId},
    page::PageRequest,
    port::{Customers as _, Desk as _, Journal as _, Ledger as _, Ruling, StoreError, VaultError},
    run::{Cause, Intervened, Intervention, NewRun, Priority, Progress, RunStatus},
    turn::{Committed, Turn},
    user::Actor,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use server::AuditReport;
use tokio_util::sync::CancellationToken;
use world::{Database, World};

use crate::on_both;

on_both! {
    gv_01_a_changed_byte_in_an_archive_is_named_by_file_run_and_event,
    gv_28_erasing_a_person_reaches_the_archive_and_leaves_the_trail_true,
    gv_01_nothing_younger_than_half_a_year_leaves_and_a_second_pass_finds_nothing,
    retention_under_load_loses_no_live_run,
    a_pass_that_is_cut_off_anywhere_leaves_rows_or_a_file,
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn world(database: Database) -> World {
    World::with(database, |config| {
        config.retention.archive_dir = Some(config.data.join("archive"));
    })
    .await
}

fn folder(world: &World) -> PathBuf {
    cli::archive::folder(&world.app.config).expect("a folder was named")
}

fn manner(world: &World, before: Timestamp) -> Manner {
    Manner {
        before,
        usage_before: None,
        folder: folder(world),
        by: Actor::Engine,
        batch: 50,
        pause: Duration::from_millis(1),
        patient: false,
    }
}

async fn archive(world: &World, before: Timestamp) -> Done {
    let manner = manner(world, before);
    keeper::once(&world.app, &manner, &CancellationToken::new())
        .await
        .expect("a pass")
        .expect("nobody else archives")
}

/// Everything, with the files.
async fn verify(world: &World) -> AuditReport {
    let ledger = &*world.app.ledger;
    let mut report = audit::verify(ledger, &|_| {}).await.expect("the trail");
    check::files(ledger, &folder(world), &mut report, &|_| {}).await.expect("the files");
    report
}

/// A run whose letter was approved and delivered and which was cancelled then, its contact, and a
/// later run for the same account, so that the first may go. A year passes.
async fn a_letter_of_last_year(world: &World) -> (RunId, ContactId) {
    world
        .customer("Nordwind", |account, _| {
            account.renewal_date = "2026-04-20".parse().ok();
        })
        .await;
    world.app.triggers().tick_now("renewal").await.expect("the schedule ticks");
    world.settle().await;
    let by = world.actor().await;
    let letter = loop {
        if let Some(letter) = world.waiting().await.pop() {
            break letter;
        }
        for task in open_tasks(world).await {
            let now = world.app.clock.now();
            domain::port::Inbox::finish_task(&world.app.store, task, "done", &by, now)
                .await
                .expect("a task finishes");
        }
        world.days(1).await;
    };
    let item = world.app.desk.show(letter).await.expect("the approval").item;
    let (run, contact) = (item.approval.run, item.approval.contact);
    let seen = item.approval.version.binding;
    world.app.desk.rule(letter, &by, Ruling::Approve { seen }).await.expect("an approval");
    world.settle().await;
    assert_eq!(world.mail().len(), 1, "the letter left");
    cancel(world, run).await;
    world.days(90).await;
    let account = world.account("Nordwind").await.id;
    let later = world.app.triggers().start_by_hand("renewal", account, &by).await;
    let later = later.expect("a run by hand").expect("an account");
    cancel(world, later).await;
    world.days(400).await;
    (run, contact)
}

pub(crate) async fn open_tasks(world: &World) -> Vec<domain::id::TaskId> {
    let open = domain::port::TaskFilter {
        status: Some(domain::task::TaskStatus::Open),
        ..domain::port::TaskFilter::default()
    };
    let page = domain::port::Inbox::tasks(&world.app.store, &open, &PageRequest::default()).await;
    page.expect("tasks").items.into_iter().map(|task| task.id).collect()
}

async fn cancel(world: &World, run: RunId) {
    let (by, now) = (world.actor().await, world.app.clock.now());
    let cancel = Intervention::Cancel { reason: "not needed".to_owned() };
    let done = world.app.store.intervene(run, &cancel, &by, now).await.expect("a run");
    assert_eq!(done, Intervened::Done);
}

/// Half a year ago.
fn half_a_year(world: &World) -> Timestamp {
    world.app.clock.now() - DAY * 183
}

/// The file a run went to, its archive, and its line.
async fn line_of(world: &World, run: RunId) -> (Archive, RunLine) {
    let archive = cli::command::archive::of_run(&world.app, run).await.expect("the database");
    let archive = archive.expect("it was archived");
    let mut reading = Reading::open(&folder(world).join(&archive.name)).expect("a file");
    while let Some(line) = reading.line::<RunLine>().expect("a line") {
        if line.run == run {
            return (archive, line);
        }
    }
    panic!("`{}` does not hold {run}", archive.name);
}

/// Writes a file anew with one line changed, as somebody with the disk in hand could.
fn forge(path: &std::path::Path, change: impl Fn(&mut Value)) {
    let mut reading = Reading::open(path).expect("a file");
    let (folder, name) = (path.parent().expect("a folder"), path.file_name().expect("a name"));
    let header = reading.header.clone();
    let mut draft = Draft::begin(folder, &name.to_string_lossy(), &header).expect("a draft");
    while let Some(mut line) = reading.line::<Value>().expect("a line") {
        change(&mut line);
        draft.line(&line).expect("a line");
    }
    draft.finish().expect("a file");
}

async fn gv_01_a_changed_byte_in_an_archive_is_named_by_file_run_and_event(database: Database) {
    let world = world(database).await;
    let (run, _) = a_letter_of_last_year(&world).await;
    let before = world.trail(run).await;
    let done = archive(&world, half_a_year(&world)).await;
    assert_eq!(done.runs, 1, "{done:?}");
    assert!(world.trail(run).await.is_empty(), "its events left");
    let (kept, line) = line_of(&world, run).await;
    assert_eq!(line.stored(), before, "byte for byte as they were hashed");
    assert_eq!(line.outline["messages"][0]["status"], "delivered");

    let report = verify(&world).await;
    assert!(report.intact, "{:?}", report.faults);
    assert!(report.archived >= 1 && report.checkpoints > 0, "{report:?}");
    let without_files = audit::verify(&*world.app.ledger, &|_| {}).await.expect("the trail");
    assert!(without_files.intact, "{:?}", without_files.faults);

    let path = folder(&world).join(&kept.name);
    let original = std::fs::read(&path).expect("the file");
    let name = run.to_string();
    let says = |report: &AuditReport, parts: &[&str]| {
        assert!(!report.intact);
        assert!(
            report.faults.iter().any(|fault| parts.iter().all(|part| fault.contains(part))),
            "{parts:?}: {:?}",
            report.faults
        );
    };

    // One word of one event.
    forge(&path, |line| {
        if line["run"] == name {
            let data = line["events"][2]["data"].as_str().expect("an event").replacen('e', "E", 1);
            line["events"][2]["data"] = json!(data);
        }
    });
    let report = verify(&world).await;
    says(&report, &[&kept.name, "was changed after it was written"]);
    says(&report, &[&kept.name, "event 3", &name, "was changed"]);

    // An event left out at the end, and the hash of the head with it.
    forge(&path, |line| {
        if line["run"] == name {
            let events = line["events"].as_array_mut().expect("events");
            events.pop();
            let last = events.last().expect("events").clone();
            line["head"] = json!({ "seq": last["seq"], "hash": last["hash"] });
        }
    });
    let report = verify(&world).await;
    says(&report, &[&kept.name, &name]);

    // The letter's ciphertext.
    std::fs::write(&path, &original).expect("the file");
    forge(&path, |line| {
        if line["run"] == name {
            line["contents"][0]["bytes"] = json!("AAAA");
        }
    });
    says(&verify(&world).await, &[&kept.name, "content", &name]);

    // A bit of the packed file; then no file at all.
    let mut flipped = original.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&path, &flipped).expect("the file");
    says(&verify(&world).await, &[&kept.name]);
    std::fs::remove_file(&path).expect("the file");
    says(&verify(&world).await, &[&kept.name, "cannot be read"]);

    std::fs::write(&path, &original).expect("the file");
    let report = verify(&world).await;
    assert!(report.intact, "{:?}", report.faults);
}

async fn gv_28_erasing_a_person_reaches_the_archive_and_leaves_the_trail_true(database: Database) {
    let world = world(database).await;
    let (run, contact) = a_letter_of_last_year(&world).await;
    archive(&world, half_a_year(&world)).await;
    let (kept, line) = line_of(&world, run).await;
    let vault = world.app.vault();

    // Nothing anybody wrote or is called stands in the file in the clear.
    let shown = serde_json::to_string(&line).expect("JSON");
    for personal in ["Aylin", "Özdemir", "aylin.oezdemir", "5550 1234"] {
        assert!(!shown.contains(personal), "`{personal}` is in `{}`", kept.name);
    }
    let letter = &line.contents[0];
    let opened = vault.open_bytes(letter.id, letter.subject, &letter.bytes).await;
    let opened = String::from_utf8_lossy(&opened.expect("the key is there")).into_owned();
    assert!(opened.contains("aylin.oezdemir@customer.example"), "{opened}");
    let private = line.private.as_ref().expect("there was somebody to seal it for");
    assert_eq!(private.subjects, [contact]);
    let rows = content::open(vault, private).await.expect("the key is there");
    assert_eq!(rows["runs"][0]["id"], json!(run));
    assert_eq!(rows["messages"].len(), 1);

    let now = world.app.clock.now();
    assert!(world.app.store.destroy_subject_key(contact, now).await.expect("a key"));
    let (_, line) = line_of(&world, run).await;
    let letter = &line.contents[0];
    let gone = vault.open_bytes(letter.id, letter.subject, &letter.bytes).await;
    assert!(matches!(gone, Err(VaultError::Erased(_))), "{gone:?}");
    let private = line.private.as_ref().expect("the ciphertext stays");
    let gone = content::open(vault, private).await.expect_err("nobody can read it").to_string();
    assert!(gone.contains("erased"), "{gone}");
    let report = verify(&world).await;
    assert!(report.intact, "{:?}", report.faults);
}

async fn gv_01_nothing_younger_than_half_a_year_leaves_and_a_second_pass_finds_nothing(
    database: Database,
) {
    let world = world(database).await;
    let (run, _) = a_letter_of_last_year(&world).await;
    let recent = over(&world, 3).await;
    let before = half_a_year(&world);
    let done = archive(&world, before).await;
    assert_eq!(done.runs, 1);
    assert!(world.app.store.run(run).await.expect("the database").is_none());
    for run in &recent {
        assert!(world.app.store.run(*run).await.expect("the database").is_some());
    }
    let again = archive(&world, before).await;
    assert_eq!((again.runs, again.files, again.stretches), (0, 0, 0), "{again:?}");
    assert!(verify(&world).await.intact);

    // A patient pass waits until a file is worth it, but not for ever.
    world.clock.pass(DAY * 184);
    let patient = Manner { patient: true, ..manner(&world, half_a_year(&world)) };
    let stop = CancellationToken::new();
    let waits = keeper::once(&world.app, &patient, &stop).await.expect("a pass");
    assert_eq!(waits.expect("nobody else archives").runs, 0);
    world.clock.pass(DAY * 8);
    let patient = Manner { patient: true, ..manner(&world, half_a_year(&world)) };
    let goes = keeper::once(&world.app, &patient, &stop).await.expect("a pass");
    assert!(goes.expect("nobody else archives").runs > 0);
    assert!(verify(&world).await.intact);
}

/// Runs that are over, straight through the journal.
pub(crate) async fn over(world: &World, count: usize) -> Vec<RunId> {
    let store = &world.app.store;
    if store.find_account("Südwind").await.expect("accounts").is_empty() {
        world.customer("Südwind", |_, _| {}).await;
    }
    let account = world.account("Südwind").await.id;
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let now = world.app.clock.now();
        let runs: Vec<NewRun> = (0..(count - all.len()).min(200))
            .map(|_| {
                let id = RunId::new(&*world.app.clock);
                NewRun {
                    id,
                    playbook: "past".to_owned(),
                    version: "v1".to_owned(),
                    account,
                    cause: Cause {
                        trigger: "manual".to_owned(),
                        signal: SignalId::new(&*world.app.clock),
                        kind: "manual.requested".to_owned(),
                        data: json!({}),
                        at: now,
                        condition: String::new(),
                    },
                    progress: Progress::start("one"),
                    once_since: None,
                    key: id.to_string(),
                    priority: Priority::Normal,
                }
            })
            .collect();
        all.extend(runs.iter().map(|run| run.id));
        store.start(runs, now).await.expect("runs start");
        complete(world).await.expect("runs end");
    }
    all
}

/// Ends every run of the playbook `past` that is due, with some events each.
async fn complete(world: &World) -> Result<(), StoreError> {
    let store = &world.app.store;
    loop {
        let now = world.app.clock.now();
        let claimed = store.claim(now, 200, SignedDuration::from_mins(1)).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        let turns = claimed
            .iter()
            .map(|claimed| {
                let run = claimed.run.id;
                let step = |n: usize| Event::StepSkipped {
                    step: format!("step-{n}"),
                    condition: "account.status == \"active\" && account.health < 60".to_owned(),
                };
                let events = (0..8)
                    .map(step)
                    .chain([Event::RunCompleted {}])
                    .map(|event| NewEvent::of_run(run, now, Actor::Engine, event))
                    .collect();
                Turn {
                    lease: claimed.lease,
                    progress: claimed.run.progress.clone(),
                    status: RunStatus::Completed,
                    wake_at: None,
                    keep: false,
                    events,
                    effects: Vec::new(),
                    approvals: Vec::new(),
                    contents: Vec::new(),
                    outbox: Vec::new(),
                    pseudonyms: None,
                }
            })
            .collect();
        let committed = store.commit(turns).await?;
        assert!(committed.iter().all(|one| *one == Committed::Applied), "{committed:?}");
    }
}

async fn retention_under_load_loses_no_live_run(database: Database) {
    let world = world(database).await;
    let old = over(&world, 401).await;
    world.clock.pass(DAY * 300);
    for n in 0..12 {
        world
            .customer(&format!("Kunde {n}"), |account, _| {
                let soon = world.app.clock.now() + DAY * 30;
                let day = soon.to_zoned(jiff::tz::TimeZone::UTC).date();
                account.renewal_date = Some(day);
            })
            .await;
    }
    world.app.triggers().tick_now("renewal").await.expect("the schedule ticks");
    let before = half_a_year(&world);
    let manner = Manner { batch: 20, ..manner(&world, before) };
    let stop = CancellationToken::new();
    let archiving = keeper::once(&world.app, &manner, &stop);
    let working = async {
        for _ in 0..5 {
            world.settle().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (done, ()) = tokio::join!(archiving, working);
    let done = done.expect("a pass").expect("nobody else archives");
    assert_eq!(done.runs, 400, "all but the latest");
    for run in &old[..400] {
        assert!(world.app.store.run(*run).await.expect("the database").is_none());
    }
    let live = world.runs().await;
    assert_eq!(live.len(), 12 + 1, "every live run and the latest that is over");
    for run in live.iter().filter(|run| run.playbook == "renewal") {
        let trail = world.trail(run.id).await;
        assert!(trail.len() > 2, "{} moved on: {trail:?}", run.id);
        assert_eq!(run.status, RunStatus::Active, "{run:?}");
    }
    let report = verify(&world).await;
    assert!(report.intact, "{:?}", report.faults);
    assert!(report.archived >= 400);
}

/// Each run is here whole, or in a file that was noted, or both.
pub(crate) async fn accounted_for(world: &World, runs: &[RunId]) {
    let store = &world.app.store;
    for run in runs {
        let name = run.to_string();
        let head = store.heads("", 10_000).await.expect("heads");
        let head = head.into_iter().find(|head| head.stream == name).expect("its head stays");
        let here = store.run(*run).await.expect("the database").is_some()
            && store.events(&name, 0, 100).await.expect("events").len()
                == usize::try_from(head.seq).expect("a number");
        let filed = store.archived_of(&[&name]).await.expect("the ledger").pop();
        let filed = filed.is_some_and(|filed| filed.head == head);
        assert!(here || filed, "{run} is nowhere");
    }
}

async fn a_pass_that_is_cut_off_anywhere_leaves_rows_or_a_file(database: Database) {
    let world = world(database).await;
    let runs = over(&world, 61).await;
    world.clock.pass(DAY * 300);
    let manner = Manner { batch: 7, ..manner(&world, half_a_year(&world)) };
    let mut cut = 0;
    for micros in (0..).map(|n: u64| 500 * n * n) {
        let stop = CancellationToken::new();
        let pass = keeper::once(&world.app, &manner, &stop);
        match tokio::time::timeout(Duration::from_micros(micros), pass).await {
            Ok(done) => {
                done.expect("a pass").expect("nobody else archives");
                break;
            }
            Err(_) => cut += 1,
        }
        accounted_for(&world, &runs[..60]).await;
        assert!(cut < 200, "it never ends");
    }
    assert!(cut > 3, "it was cut off {cut} times");
    for run in &runs[..60] {
        assert!(world.app.store.run(*run).await.expect("the database").is_none());
    }
    let report = verify(&world).await;
    assert!(report.intact, "{:?}", report.faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_shrinks() {
    let mut world = world(Database::Sqlite).await;
    over(&world, 1).await;
    world.restart().await;
    let size = |world: &World| {
        let file = world.folder().join("playgate.sqlite");
        std::fs::metadata(file).expect("the database").len()
    };
    let empty = size(&world);
    over(&world, 2_000).await;
    world.clock.pass(DAY * 300);
    world.app.store.checkpoint(world.app.clock.now()).await.expect("a checkpoint");
    world.restart().await;
    let before = size(&world);
    let begun = std::time::Instant::now();
    let done = archive(&world, half_a_year(&world)).await;
    let took = begun.elapsed();
    assert_eq!(done.runs, 2_000);
    let packed: u64 = std::fs::read_dir(folder(&world))
        .expect("the archive")
        .filter_map(Result::ok)
        .map(|entry| entry.metadata().expect("a file").len())
        .sum();
    world.restart().await;
    let after = size(&world);
    let kept = (after - empty) / 2_000;
    println!(
        "2,000 runs left in {took:?}: {before} bytes, then {after}; {kept} a run stay, and {} in \
         the archive",
        packed / 2_000
    );
    assert!(after * 3 < before, "{before} bytes, then {after}");
    assert!(kept < 600, "{kept} bytes of each run stay");
    assert!(packed * 3 < before - after, "{packed} bytes of archive");
    assert!(verify(&world).await.intact);
}
