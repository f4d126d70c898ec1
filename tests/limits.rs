//! Does one flood leave room for the rest, and does nothing go beyond its bounds, whoever works?

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cli::app::{App, Schema};
use cli::output::Output;
use domain::{
    action::ActionName,
    id::{AccountId, RunId, SignalId},
    killswitch::Scope,
    message::MessageStatus,
    page::PageRequest,
    port::{Catalogue as _, Desk as _, Journal as _, Outbox as _, Ruling},
    run::{Cause, NewRun, Priority, Progress, Run, RunStatus},
};
use jiff::SignedDuration;
use serde_json::json;
use world::{
    Database, World,
    model::{ModelEndpoint, Reply},
};

use crate::on_both;

on_both! {
    a_flood_of_triggers_does_not_starve_renewals,
    a_flood_of_signals_at_the_door_does_not_keep_renewals_from_beginning,
    an_account_is_worked_on_once_at_a_time_whoever_works,
    two_processes_share_the_rate_of_an_action,
    two_processes_share_the_rate_of_a_model,
    as_many_letters_leave_in_an_hour_as_may_and_a_person_restarts_them,
}

/// A playbook of this name that does this and nothing else.
fn playbook(name: &str, more: &str, step: &str) -> String {
    let trigger = if more.contains("trigger:") { "" } else { "trigger: { on: manual }\n" };
    format!(
        "playbook: {name}\ntitle: {name}\nowner: cs-ops@example.com\nstage: crawl\ngoal: adoption\n\
         kind: proactive\nobjective: It is done.\nduration: {{ weeks: [1, 1] }}\n\
         metrics: [adoption_rate]\npitfalls: [None known.]\n{trigger}{more}\
         steps:\n  - id: work\n    {step}\n"
    )
}

const TASK: &str = "create_task: { for: csm, title: \"Look at {{ account.name }}\", due: 1d }";
const ROUTE: &str = "route_risk: { prompt: route-risk }";
pub(crate) const LETTER: &str =
    "send_email: { to: [champion], class: relationship, asset: hello, prompt: outreach }";
const HELLO: &str = "---\nkind: email_template\nsubject: Hello from us\n---\n\
                     Dear {{ contact.first }},\n\nthis is a drill.\n\nYour team\n";

/// A world that knows these playbooks and nothing else.
pub(crate) async fn world(
    database: Database,
    playbooks: &[(&str, &str, &str)],
    change: impl FnOnce(&mut cli::config::Config),
) -> World {
    World::with(database, |config| {
        let custom = config.data.join("custom");
        for (name, more, step) in playbooks {
            let folder = custom.join("playbooks").join(name);
            std::fs::create_dir_all(&folder).expect("a folder");
            let file = folder.with_extension("yaml");
            std::fs::write(file, playbook(name, more, step)).expect("a playbook");
            if step.starts_with("send_email") {
                std::fs::write(folder.join("hello.md"), HELLO).expect("an asset");
            }
        }
        config.custom = Some(custom);
        change(config);
    })
    .await
}

/// The same product, opened once more on the same data, as another process would.
pub(crate) async fn another(world: &World) -> App {
    let clock = Arc::<world::ManualClock>::clone(&world.clock);
    App::open((*world.app.config).clone(), Output::new(false), clock, Schema::Migrate)
        .await
        .expect("it opens")
}

/// Customers, and the accounts they are.
pub(crate) async fn customers(world: &World, count: usize) -> Vec<AccountId> {
    let mut accounts = Vec::with_capacity(count);
    for n in 0..count {
        let name = format!("Customer {n}");
        world
            .customer(&name, |_, contacts| {
                contacts[0].email = Some(format!("aylin.{n}@customer.example"));
            })
            .await;
        accounts.push(world.account(&name).await.id);
    }
    accounts
}

/// Starts a run of the playbook for each of the accounts.
pub(crate) async fn start(world: &World, name: &str, accounts: &[AccountId]) {
    let app = &world.app;
    let active = app.store.active_playbooks().await.expect("playbooks");
    let version = active.iter().find(|version| version.name == name).expect("the playbook");
    let plan = playbook_of(version);
    let clock = &*app.clock;
    let runs = accounts
        .iter()
        .map(|account| NewRun {
            id: RunId::new(clock),
            playbook: name.to_owned(),
            version: version.version.clone(),
            account: *account,
            cause: Cause {
                trigger: "event".to_owned(),
                signal: SignalId::new(clock),
                kind: "drill.began".to_owned(),
                data: json!({}),
                at: clock.now(),
                condition: String::new(),
            },
            priority: plan,
            progress: Progress::start("work"),
            once_since: None,
            key: clock.uuid().to_string(),
        })
        .collect();
    app.store.start(runs, clock.now()).await.expect("runs");
}

/// The priority a playbook's text names.
fn playbook_of(version: &domain::port::PlaybookVersion) -> Priority {
    let (_, text) = &version.files[0];
    Priority::ALL
        .iter()
        .copied()
        .find(|priority| text.contains(&format!("priority: {priority}\n")))
        .unwrap_or(Priority::Normal)
}

async fn of_playbook(world: &World, name: &str) -> Vec<Run> {
    let filter = domain::port::RunFilter { playbook: Some(name.to_owned()), ..Default::default() };
    let request = PageRequest { cursor: None, limit: 200 };
    world.app.store.runs(&filter, &request).await.expect("runs").items
}

async fn a_flood_of_triggers_does_not_starve_renewals(database: Database) {
    let playbooks =
        [("flood", "priority: bulk\n", TASK), ("news", "", TASK), ("renewal", "", TASK)];
    let world = world(database, &playbooks, |config| config.limits.runs_per_account = 0).await;
    let accounts = customers(&world, 10).await;
    for _ in 0..200 {
        start(&world, "flood", &accounts).await;
    }
    for _ in 0..50 {
        start(&world, "news", &accounts).await;
    }
    world.clock.pass(SignedDuration::from_mins(5));
    start(&world, "renewal", &accounts).await;

    let done = world.app.worker().advance_due().await;
    assert!(done <= 256, "one batch");
    let renewals = of_playbook(&world, "renewal").await;
    assert_eq!(renewals.len(), 10);
    assert!(renewals.iter().all(|run| run.status == RunStatus::Completed), "all ten at once");
    let counts = world.app.store.counts().await.expect("counts");
    assert_eq!(counts.runs.get("completed"), Some(&256), "and the flood got the rest");
    world.settle().await;
    let counts = world.app.store.counts().await.expect("counts");
    assert_eq!(counts.runs.get("completed"), Some(&2510), "nobody is left behind");
}

/// Hands signals in at the door that `POST /v1/signals` opens, as many to a request as may be.
async fn knock(world: &World, kind: &str, accounts: usize, signals: std::ops::Range<usize>) {
    let door = cli::door::signals(&world.app);
    for batch in signals.collect::<Vec<_>>().chunks(100) {
        let events: Vec<_> = batch
            .iter()
            .map(|n| {
                json!({
                    "specversion": "1.0", "id": format!("{kind}-{n}"), "source": "drill",
                    "type": kind, "subject": format!("Customer {}", n % accounts),
                })
            })
            .collect();
        let body = serde_json::to_vec(&events).expect("JSON");
        let media = "application/cloudevents-batch+json";
        let accepted = door.accept(media, &body).await.expect("they are taken");
        assert_eq!(accepted.new.len(), batch.len());
    }
}

async fn a_flood_of_signals_at_the_door_does_not_keep_renewals_from_beginning(database: Database) {
    let flood = ("flood", "priority: bulk\ntrigger: { on: event, signal: usage.dropped }\n", TASK);
    let renewal = ("renewal", "trigger: { on: event, signal: health.dropped }\n", TASK);
    let world =
        world(database, &[flood, renewal], |config| config.limits.runs_per_account = 0).await;
    let accounts = 10;
    customers(&world, accounts).await;
    knock(&world, "usage.dropped", accounts, 0..3000).await;
    world.clock.pass(SignedDuration::from_mins(5));
    knock(&world, "health.dropped", accounts, 0..10).await;

    // One look and one claim: no more than one worker does in a moment.
    assert_eq!(world.app.triggers().process_signals().await.expect("it looks"), 256);
    assert_eq!(of_playbook(&world, "renewal").await.len(), 10, "each has begun");
    world.app.worker().advance_due().await;
    let renewals = of_playbook(&world, "renewal").await;
    assert!(renewals.iter().all(|run| run.status == RunStatus::Completed), "{renewals:?}");
    assert!(of_playbook(&world, "flood").await.len() > 100, "and the flood got the rest");
    world.settle().await;
    let counts = world.app.store.counts().await.expect("counts");
    assert_eq!(counts.runs.get("completed"), Some(&3010), "nobody is left behind");
}

async fn an_account_is_worked_on_once_at_a_time_whoever_works(database: Database) {
    // It says nothing for a while: whoever asks it has a run in hand for as long.
    let silence = (0..20).map(|_| Reply::Silence(Duration::from_secs(5)));
    let endpoint = ModelEndpoint::start(silence).await.expect("an endpoint");
    let url = endpoint.url();
    let playbooks = [("one", "", ROUTE), ("two", "", ROUTE), ("three", "", ROUTE)];
    let world = world(database, &playbooks, |config| config.model.url = Some(url)).await;
    let accounts = customers(&world, 2).await;
    for name in ["one", "two", "three"] {
        start(&world, name, &accounts).await;
    }
    let second = another(&world).await;
    let workers = [world.app.worker(), second.worker()];
    let working: Vec<_> = workers
        .into_iter()
        .map(|worker| {
            tokio::spawn(async move {
                // What is held by the other must not be taken a little later either.
                for _ in 0..3 {
                    worker.advance_due().await;
                }
            })
        })
        .collect();
    let begun = Instant::now();
    while endpoint.requests().len() < 2 && begun.elapsed() < Duration::from_secs(4) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(endpoint.requests().len(), 2, "one run of each account is in hand");
    for working in working {
        working.await.expect("the worker works");
    }
    assert!(endpoint.requests().len() > 2, "then the others come");
    second.store.close().await;
}

/// Approves everything that waits.
pub(crate) async fn approve(world: &World) {
    let by = world.actor().await;
    for id in world.waiting().await {
        let seen = world.app.desk.show(id).await.expect("it").item.approval.version.binding;
        world.app.desk.rule(id, &by, Ruling::Approve { seen }).await.expect("approved");
    }
}

/// Letters that were approved and wait in the outbox.
async fn letters(world: &World, count: usize) {
    let accounts = customers(world, count).await;
    start(world, "write", &accounts).await;
    world.app.worker().settle_runs().await;
    assert_eq!(world.waiting().await.len(), count);
    approve(world).await;
}

/// Both work until nothing is due for either.
async fn together(world: &World, second: &App) {
    let (first, second) = (world.app.worker(), second.worker());
    tokio::join!(first.settle(), second.settle());
}

async fn queued(world: &World) -> Vec<domain::message::Message> {
    let status = Some(MessageStatus::Queued);
    world.app.store.messages(status, &PageRequest::default()).await.expect("messages").items
}

async fn two_processes_share_the_rate_of_an_action(database: Database) {
    let world = world(database, &[("write", "", LETTER)], |config| {
        let rate = "80/h".parse().expect("a rate");
        config.limits.actions.insert(ActionName::SendEmail, rate);
    })
    .await;
    letters(&world, 9).await;
    let second = another(&world).await;
    together(&world, &second).await;
    assert_eq!(world.mail().len(), 4, "a twentieth of 80 at once, for both together");
    let waiting = queued(&world).await;
    assert_eq!(waiting.len(), 5);
    assert!(
        waiting.iter().any(|message| {
            message
                .note
                .starts_with("held: rate of send_email is 80/h, next at 2026-03-02T08:00:45")
        }),
        "{waiting:?}"
    );
    assert!(waiting.iter().all(|message| message.attempts == 0), "waiting is no attempt");
    for mails in 5..=9 {
        world.clock.pass(SignedDuration::from_secs(45));
        together(&world, &second).await;
        assert_eq!(world.mail().len(), mails, "one every 45 seconds");
    }
    let runs = of_playbook(&world, "write").await;
    assert!(runs.iter().all(|run| run.status == RunStatus::Completed));
    second.store.close().await;
}

async fn two_processes_share_the_rate_of_a_model(database: Database) {
    let route = json!({
        "category": "commercial", "severity": "medium", "owner": "csm",
        "reasons": ["renewal is near (f1)"], "confidence": 0.8,
    });
    let replies = (0..20).map(|_| Reply::Says(route.to_string()));
    let endpoint = ModelEndpoint::start(replies).await.expect("an endpoint");
    let url = endpoint.url();
    let world = world(database, &[("assess", "", ROUTE)], |config| {
        config.model.url = Some(url);
        config.model.requests_per_minute = 20;
    })
    .await;
    let accounts = customers(&world, 6).await;
    start(&world, "assess", &accounts).await;
    let second = another(&world).await;
    together(&world, &second).await;
    assert_eq!(endpoint.requests().len(), 1, "a twentieth of 20 at once, for both together");
    let runs = of_playbook(&world, "assess").await;
    let held: Vec<_> = runs.iter().filter_map(|run| run.progress.held.as_deref()).collect();
    assert_eq!(held.len(), 5);
    assert!(held.iter().all(|held| held.contains("is 20/m, next at")), "{held:?}");
    assert!(runs.iter().all(|run| run.progress.attempts == 0), "waiting is no attempt");
    let times: std::collections::BTreeSet<_> = runs.iter().filter_map(|run| run.wake_at).collect();
    assert_eq!(times.len(), 5, "they do not all come back at once");
    for calls in 2..=6 {
        world.clock.pass(SignedDuration::from_secs(3));
        together(&world, &second).await;
        assert_eq!(endpoint.requests().len(), calls, "one every three seconds");
    }
    let runs = of_playbook(&world, "assess").await;
    assert!(runs.iter().all(|run| run.status == RunStatus::Completed), "{runs:?}");
    second.store.close().await;
}

async fn as_many_letters_leave_in_an_hour_as_may_and_a_person_restarts_them(database: Database) {
    let bound = "sends_per_hour: 3\n";
    let world = world(database, &[("write", bound, LETTER)], |_| {}).await;
    letters(&world, 8).await;
    let second = another(&world).await;
    together(&world, &second).await;
    assert_eq!(world.mail().len(), 3);
    let kills = world.app.store.kills().await.expect("stops");
    let words: Vec<_> = kills.iter().map(domain::killswitch::Kill::in_words).collect();
    assert_eq!(
        words,
        ["playbook:write stopped by engine at 2026-03-02T08:00:00Z: blast radius: 3 sends in an \
          hour"]
    );
    assert_eq!(queued(&world).await.len(), 5, "the others wait");
    // Time alone does not restart it: a person has to look.
    world.clock.pass(SignedDuration::from_hours(3));
    together(&world, &second).await;
    assert_eq!(world.mail().len(), 3);
    let by = world.actor().await;
    let scope = Scope::Playbook("write".to_owned());
    for (sent, more) in [(6, true), (8, false)] {
        let now = world.app.clock.now();
        assert!(world.app.store.unkill(&scope, &by, now).await.expect("released"));
        world.clock.pass(SignedDuration::from_secs(1));
        together(&world, &second).await;
        assert_eq!(world.mail().len(), sent);
        assert_eq!(world.app.store.kills().await.expect("stops").len(), usize::from(more));
    }
    second.store.close().await;
}
