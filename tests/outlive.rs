//! Do runs outlive a change of their playbook, and can many be steered at once?

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use domain::{
    id::{AccountId, ApprovalId, RunId, SignalId},
    page::PageRequest,
    port::{
        Catalogue as _, Desk as _, Inbox as _, Journal as _, Measure, Ruling, RunFilter, TaskFilter,
    },
    run::{Cause, Intervention, NewRun, Phase, Priority, Progress, Run, RunStatus},
    task::TaskStatus,
};
use serde_json::json;
use world::{Database, World};

use crate::on_both;

on_both! {
    runs_move_to_a_new_version_where_they_fit_and_nothing_is_lost_or_sent_twice,
    a_run_that_is_stuck_in_an_old_version_goes_on_in_a_new_one,
    many_runs_are_steered_in_batches_with_one_event_each,
    many_runs_go_back_to_a_step_where_nothing_would_be_sent_twice,
    many_runs_go_back_in_batches_each_once,
}

/// What steps are called in the other version.
type Names = BTreeMap<String, String>;

const OLD: &str = r#"playbook: talk
title: Talk
owner: cs-ops@example.com
stage: crawl
goal: adoption
kind: proactive
objective: We talk.
duration: { weeks: [1, 2] }
metrics: [adoption_rate]
pitfalls: [None known.]
trigger: { on: manual }
steps:
  - id: letter
    send_email: { to: [champion], class: relationship, asset: hello, prompt: outreach }
  - id: reply
    wait_for: { signal: email.replied, up_to: 5d }
  - id: call
    human_task: { for: csm, title: "Call {{ account.name }}", due: 2d }
"#;
const HELLO: &str = "---\nkind: email_template\nsubject: Hello from us\n---\n\
                     Dear {{ contact.first }},\n\nlet us talk.\n\nYour team\n";

/// Puts a version of the playbook in force.
async fn load(world: &World, text: &str) {
    let folder = world.app.config.custom.clone().expect("a folder of our own").join("playbooks");
    std::fs::create_dir_all(folder.join("talk")).expect("a folder");
    std::fs::write(folder.join("talk.yaml"), text).expect("a playbook");
    std::fs::write(folder.join("talk/hello.md"), HELLO).expect("an asset");
    let by = world.actor().await;
    cli::command::playbook::load(&world.app, &by).await.expect("it loads");
}

async fn world(database: Database) -> World {
    let world =
        World::with(database, |config| config.custom = Some(config.data.join("custom"))).await;
    load(&world, OLD).await;
    world
}

/// Starts the playbook for a new customer and lets it write.
async fn talk(world: &World, name: &str) -> RunId {
    world
        .customer(name, |_, contacts| {
            contacts[0].email = Some(format!("{name}@customer.example"));
        })
        .await;
    let account = world.account(name).await.id;
    let by = world.actor().await;
    let run = world.app.triggers().start_by_hand("talk", account, &by).await.expect("it starts");
    world.settle().await;
    run.expect("the account is there")
}

async fn run(world: &World, id: RunId) -> Run {
    world.app.store.run(id).await.expect("the store answers").expect("the run")
}

/// The draft a run waits for.
async fn draft(world: &World, id: RunId) -> ApprovalId {
    match run(world, id).await.progress.phase {
        Phase::AwaitingApproval { approval } => approval,
        other => panic!("it waits for {other:?}"),
    }
}

async fn approve(world: &World, id: ApprovalId) {
    let shown = world.app.desk.show(id).await.expect("the draft");
    let seen = shown.item.approval.version.binding;
    let by = world.actor().await;
    world.app.desk.rule(id, &by, Ruling::Approve { seen }).await.expect("it is approved");
    world.settle().await;
}

fn names(pairs: &[(&str, &str)]) -> Names {
    pairs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned())).collect()
}

async fn runs_move_to_a_new_version_where_they_fit_and_nothing_is_lost_or_sent_twice(
    database: Database,
) {
    let world = world(database).await;
    let waiting = talk(&world, "anders").await;
    let replying = talk(&world, "berta").await;
    approve(&world, draft(&world, replying).await).await;
    let calling = talk(&world, "cilla").await;
    approve(&world, draft(&world, calling).await).await;
    world.days(6).await;
    let again = talk(&world, "dora").await;
    approve(&world, draft(&world, again).await).await;
    // Berta and Cilla did not reply: both are to be called. Dora may reply yet.
    let steps = |runs: &[Run]| {
        runs.iter().map(|run| run.progress.step.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(steps(&world.runs().await), "letter call call reply");
    let pause = Intervention::Pause;
    let (by, now) = (world.actor().await, world.app.clock.now());
    world.app.store.intervene(calling, &pause, &by, now).await.expect("it pauses");
    assert_eq!(world.mail().len(), 3);
    let old = run(&world, waiting).await.version;

    load(&world, &OLD.replace("id: letter", "id: note").replace("up_to: 5d", "up_to: 9d")).await;
    let steward = world.app.steward();
    let find = |map: Names| steward.migration(Some("talk"), None, None, map);
    let before = world.runs().await;
    let seen = steward
        .look_at_migration(&find(Names::new()).await.expect("it answers"))
        .await
        .expect("it answers");
    assert_eq!((seen.moved, seen.cannot), (3, 1), "{seen:?}");
    let why = seen.groups.keys().find_map(|group| group.why_not.clone()).expect("a reason");
    assert!(why.contains("--map letter=NEW"), "{why}");
    let mapped = find(names(&[("letter", "note")])).await.expect("it answers");
    let seen = steward.look_at_migration(&mapped).await.expect("it answers");
    assert_eq!((seen.moved, seen.cannot), (4, 0), "{seen:?}");
    assert_eq!(world.runs().await, before, "looking changes nothing");

    let told = AtomicU64::new(0);
    let tell = |moved| told.store(moved, Ordering::SeqCst);
    let moved = steward.migrate(&mapped, &by, &tell).await.expect("it answers");
    assert_eq!((moved.moved, moved.cannot, moved.busy), (4, 0, 0), "{moved:?}");
    assert_eq!(told.into_inner(), 4);
    let runs = world.runs().await;
    assert_eq!(steps(&runs), "note call call reply");
    assert!(runs.iter().all(|run| run.version == moved.to && run.version != old));
    assert_eq!(run(&world, calling).await.status, RunStatus::Paused, "paused runs move too");
    let words = world.transcript(waiting).await;
    assert!(words.contains("its step `letter` is `note` there"), "{words}");
    let none = steward.migrate(&mapped, &by, &|_| {}).await.expect("it answers");
    assert_eq!((none.moved, none.cannot), (0, 0));

    // Everybody goes on in the new version; one letter each, under whatever name.
    approve(&world, draft(&world, waiting).await).await;
    assert_eq!(world.mail().len(), 4);
    let twice =
        steward.retry_from(replying, "note", &by).await.expect_err("it is refused").to_string();
    assert!(twice.contains("nothing is sent twice") && twice.contains("`reply`"), "{twice}");
    let now = world.app.clock.now();
    world.app.store.intervene(calling, &Intervention::Resume, &by, now).await.expect("it goes on");
    world.days(10).await;
    assert_eq!(steps(&world.runs().await), "call call call call");
    let open = TaskFilter { status: Some(TaskStatus::Open), ..TaskFilter::default() };
    let tasks = world.app.store.tasks(&open, &PageRequest::default()).await.expect("tasks");
    assert_eq!(tasks.items.len(), 4, "each has one call to make");
    for task in tasks.items {
        world
            .app
            .store
            .finish_task(task.id, "done", &by, world.app.clock.now())
            .await
            .expect("it ends");
    }
    world.settle().await;
    assert!(world.runs().await.iter().all(|run| run.status == RunStatus::Completed));
    assert_eq!(world.mail().len(), 4);
    let report = cli::audit::verify(&*world.app.ledger, &|_| {}).await.expect("the trail");
    assert!(report.intact, "{report:?}");
}

async fn a_run_that_is_stuck_in_an_old_version_goes_on_in_a_new_one(database: Database) {
    let world = world(database).await;
    let broken = OLD.replace(
        "  - id: reply\n",
        "  - id: look\n    if: int(account.name) > 0\n    wait: 1d\n  - id: reply\n",
    );
    load(&world, &broken).await;
    let id = talk(&world, "anders").await;
    approve(&world, draft(&world, id).await).await;
    let stuck = run(&world, id).await;
    assert_eq!(stuck.status, RunStatus::Stuck, "{stuck:?}");
    let code = stuck.progress.dead_end.expect("a reason").code;
    assert_eq!(code, "condition-failed");

    load(&world, &broken.replace("int(account.name) > 0", "account.name != \"\"")).await;
    let steward = world.app.steward();
    let (by, short) = (world.actor().await, &stuck.version[..10]);
    let of =
        steward.migration(Some("talk"), Some(short), None, Names::new()).await.expect("it answers");
    assert_eq!(steward.migrate(&of, &by, &|_| {}).await.expect("it answers").moved, 1);
    let filter = RunFilter { code: Some(code), ..RunFilter::default() };
    let retry = Measure::from(Intervention::Retry);
    let seen = steward.forecast(&filter, &retry).await.expect("it answers");
    assert_eq!((seen.count, seen.first.len()), (1, 1));
    let done =
        steward.intervene_all(&filter, &retry, Some(1), &by, &|_| {}).await.expect("it answers");
    assert_eq!((done.done, done.not_possible, done.gone), (1, 0, 0));
    world.settle().await;
    assert_eq!(run(&world, id).await.progress.step, "look");
    world.days(2).await;
    assert_eq!(run(&world, id).await.progress.step, "reply");
    assert_eq!(world.mail().len(), 1);

    for (from, to, says) in [
        (Some("zz"), None, "has no version `zz`"),
        (None, Some(""), "has no version ``"),
        (Some(short), Some(short), "are the same version"),
    ] {
        let refused = steward.migration(Some("talk"), from, to, Names::new()).await;
        let refused = refused.err().expect("it is refused").to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

/// Starts runs of a playbook that were never begun.
async fn start(world: &World, account: AccountId, count: usize) -> Vec<RunId> {
    let app = &world.app;
    let active = app.store.active_playbooks().await.expect("playbooks");
    let talk = active.iter().find(|version| version.name == "talk").expect("the playbook");
    let runs: Vec<NewRun> = (0..count)
        .map(|_| NewRun {
            id: RunId::new(&*app.clock),
            playbook: "talk".to_owned(),
            version: talk.version.clone(),
            account,
            cause: Cause {
                trigger: "manual".to_owned(),
                signal: SignalId::new(&*app.clock),
                kind: "manual.requested".to_owned(),
                data: json!({}),
                at: app.clock.now(),
                condition: String::new(),
            },
            priority: Priority::Normal,
            progress: Progress::start("letter"),
            once_since: None,
            key: app.clock.uuid().to_string(),
        })
        .collect();
    let ids = runs.iter().map(|run| run.id).collect();
    app.store.start(runs, app.clock.now()).await.expect("they start");
    ids
}

async fn many_runs_are_steered_in_batches_with_one_event_each(database: Database) {
    let world = world(database).await;
    world.customer("anders", |_, _| {}).await;
    let account = world.account("anders").await.id;
    let runs = start(&world, account, 450).await;
    let steward = world.app.steward();
    let by = world.actor().await;
    let filter = RunFilter { step: Some("letter".to_owned()), ..RunFilter::default() };
    let pause = Measure::from(Intervention::Pause);
    let seen = steward.forecast(&filter, &pause).await.expect("it answers");
    assert_eq!((seen.count, seen.left_alone, seen.first.len()), (450, 0, 5));
    let refused = steward.intervene_all(&filter, &pause, Some(449), &by, &|_| {}).await;
    let refused = refused.expect_err("one more than was seen").to_string();
    assert_eq!(refused, "450 runs match now, not 449; nothing was changed, look again");

    let steps = Mutex::new(Vec::new());
    let tell = |tally: domain::port::Tally| steps.lock().expect("nobody panics").push(tally.done);
    let done =
        steward.intervene_all(&filter, &pause, Some(450), &by, &tell).await.expect("it answers");
    assert_eq!((done.done, done.not_possible, done.gone), (450, 0, 0));
    assert_eq!(steps.into_inner().expect("nobody panics"), [200, 400, 450]);
    for run in [runs[0], runs[200], runs[449]] {
        let events = world.trail(run).await;
        assert_eq!(events.len(), 2, "it began and was paused: {events:?}");
    }
    world.settle().await;
    assert!(world.waiting().await.is_empty(), "nobody writes");

    // Cancelled by hand meanwhile, one is not meant any more.
    let cancel = Intervention::Cancel { reason: "by hand".to_owned() };
    world.app.store.intervene(runs[7], &cancel, &by, world.app.clock.now()).await.expect("it ends");
    let all = RunFilter { playbook: Some("talk".to_owned()), ..RunFilter::default() };
    let cancel = Measure::from(cancel);
    let done = steward.intervene_all(&all, &cancel, None, &by, &|_| {}).await.expect("it answers");
    assert_eq!((done.done, done.not_possible, done.gone), (449, 0, 0));
    assert!(steward.forecast(&all, &cancel).await.expect("it answers").count == 0);
}

async fn many_runs_go_back_to_a_step_where_nothing_would_be_sent_twice(database: Database) {
    let world = world(database).await;
    let calling = talk(&world, "anders").await;
    approve(&world, draft(&world, calling).await).await;
    world.days(6).await;
    let replying = talk(&world, "berta").await;
    approve(&world, draft(&world, replying).await).await;
    let writing = talk(&world, "cilla").await;
    let (by, now) = (world.actor().await, world.app.clock.now());
    let paused = talk(&world, "dora").await;
    world.app.store.intervene(paused, &Intervention::Pause, &by, now).await.expect("it rests");
    assert_eq!(world.mail().len(), 2);

    let steward = world.app.steward();
    let talks = RunFilter { playbook: Some("talk".to_owned()), ..RunFilter::default() };
    let back = |step: &str| Measure::RetryFrom(step.to_owned());
    let why = |seen: &domain::port::Forecast| -> Vec<(String, u64)> {
        seen.hindered.iter().map(|group| (group.why.clone(), group.count)).collect()
    };
    let seen = steward.forecast(&talks, &back("letter")).await.expect("it answers");
    assert_eq!((seen.count, seen.left_alone), (1, 1));
    assert_eq!(seen.first[0].id, writing);
    let sent = "step `letter` has a message already, and nothing is sent twice";
    assert_eq!(why(&seen), [(sent.to_owned(), 1), (sent.to_owned(), 1)], "at two steps");
    let seen = steward.forecast(&talks, &back("lettre")).await.expect("it answers");
    let unknown = "their playbook version has no step `lettre`";
    assert_eq!((seen.count, &why(&seen)[0].0[..]), (0, unknown));

    let seen = steward.forecast(&talks, &back("reply")).await.expect("it answers");
    assert_eq!((seen.count, seen.left_alone), (2, 1));
    assert_eq!(why(&seen), [("they have not come to step `reply`".to_owned(), 1)]);
    let at: Vec<_> = seen.groups.iter().map(|group| (&*group.step, group.count)).collect();
    assert_eq!(at, [("call", 1), ("reply", 1)]);
    let quiet = |_| {};
    let refused = steward.intervene_all(&talks, &back("reply"), Some(3), &by, &quiet).await;
    let refused = refused.expect_err("one less than was seen").to_string();
    assert!(refused.contains("2 runs match now, not 3"), "{refused}");
    let done = steward.intervene_all(&talks, &back("reply"), Some(2), &by, &quiet).await;
    let done = done.expect("it answers");
    assert_eq!((done.done, done.not_possible, done.gone), (2, 1, 0));

    world.settle().await;
    for (id, step) in [(calling, "reply"), (replying, "reply"), (writing, "letter")] {
        assert_eq!(run(&world, id).await.progress.step, step);
        let events = world.trail(id).await;
        let back = events.iter().filter(|event| event.data.contains("run_rewound")).count();
        assert_eq!(back, usize::from(step == "reply"));
    }
    world.days(6).await;
    for id in [calling, replying] {
        assert_eq!(run(&world, id).await.progress.step, "call", "they waited anew");
    }
    assert_eq!(world.mail().len(), 2, "and wrote nothing");
}

async fn many_runs_go_back_in_batches_each_once(database: Database) {
    let world = world(database).await;
    world.customer("anders", |_, _| {}).await;
    let account = world.account("anders").await.id;
    let runs = start(&world, account, 450).await;
    let steward = world.app.steward();
    let by = world.actor().await;
    let filter = RunFilter { step: Some("letter".to_owned()), ..RunFilter::default() };
    let back = Measure::RetryFrom("letter".to_owned());
    let steps = Mutex::new(Vec::new());
    let tell = |tally: domain::port::Tally| steps.lock().expect("nobody panics").push(tally.done);
    let done = steward.intervene_all(&filter, &back, Some(450), &by, &tell).await;
    let done = done.expect("it answers");
    assert_eq!((done.done, done.not_possible, done.gone), (450, 0, 0));
    assert_eq!(steps.into_inner().expect("nobody panics"), [200, 400, 450]);
    for run in [runs[0], runs[200], runs[449]] {
        let events = world.trail(run).await;
        assert_eq!(events.len(), 2, "it began and went back: {events:?}");
    }
}
