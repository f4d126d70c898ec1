//! Does anything get lost or sent twice when the process dies? SIGKILL, everywhere it can hurt.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use cli::{
    app::{App, Schema},
    config::Config,
    output::Output,
};
use domain::{
    message::MessageStatus,
    page::PageRequest,
    port::{Journal as _, Outbox as _, RunFilter},
    run::{Run, RunStatus},
    user::Permission,
};
use world::{
    Database,
    smtp::{Act, SmtpSink, Stage},
};

use crate::on_both;

on_both! {
    ai_01_death_after_any_commit_of_a_playbook_loses_nothing_and_sends_once,
    ai_01_death_at_any_stage_of_a_delivery_sends_once_or_says_it_is_uncertain,
}

/// A playbook with every kind of step that commits something.
const PLAYBOOK: &str = r#"playbook: drill
title: Drill
type: playbook
owner: cs-ops@example.com
stage: crawl
goal: adoption
kind: proactive
objective: Every kind of step is taken once.
duration: { weeks: [1, 1] }
metrics: [adoption_rate]
pitfalls: [None known.]
trigger:
  on: manual
steps:
  - id: assess
    route_risk: { prompt: route-risk }
  - id: prepare
    create_task: { for: csm, title: "Prepare {{ account.name }}", due: 1d }
  - id: tell
    notify_team: { team: csm_manager, text: "Drill for {{ account.name }}" }
  - id: phase
    update_field: { lifecycle: growth }
  - id: write
    send_email: { to: [champion], class: relationship, asset: hello, prompt: outreach }
  - id: after
    if: steps.write.outcome == "sent"
    create_task: { for: csm, title: "Follow up with {{ account.name }}", due: 1d }
"#;

const ASSET: &str = "---\nkind: email_template\nsubject: Hello from us\n---\nDear {{ contact.first }},\n\nthis is a drill.\n\nYour team\n";

/// One set of data on which a process may die.
struct Scene {
    folder: tempfile::TempDir,
    config: PathBuf,
    _database: world::database::Lease,
}

impl Scene {
    /// Makes the data: one customer, one run that is about to begin.
    async fn new(database: Database, smtp: Option<std::net::SocketAddr>) -> Self {
        let _set = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lease = database.lease(folder.path()).await;
        let custom = folder.path().join("custom");
        std::fs::create_dir_all(custom.join("playbooks/drill")).expect("a folder");
        std::fs::write(custom.join("playbooks/drill.yaml"), PLAYBOOK).expect("a playbook");
        std::fs::write(custom.join("playbooks/drill/hello.md"), ASSET).expect("an asset");
        std::fs::write(folder.path().join("master.key"), "42".repeat(32)).expect("a key");
        let relay = smtp.map_or_else(
            || "null".to_owned(),
            |at| {
                format!(
                    "{{ host: \"{}\", port: {}, security: plain, timeout_seconds: 20 }}",
                    at.ip(),
                    at.port()
                )
            },
        );
        let text = format!(
            "data: {data}\ndatabase: {db}\ncustom: {custom}\nkeys: {{ master_file: {data}/master.key }}\n\
             mail:\n  smtp: {relay}\nworker:\n  lease_seconds: 1\n  delivery_lease_seconds: 2\n",
            data = folder.path().display(),
            db = lease.url,
            custom = custom.display(),
        );
        let config = folder.path().join("config.yaml");
        std::fs::write(&config, text).expect("a configuration");
        let scene = Self { folder, config, _database: lease };
        let app = scene.open().await;
        cli::command::serve::prepare(&app).await.expect("playbooks and policy load");
        let rows = [
            ("acme", r#"{"entity":"account","name":"Acme","csm_email":"mara@vendor.example","csm_name":"Mara Lindqvist"}"#),
            ("acme/1", r#"{"entity":"contact","account":"acme","email":"aylin@customer.example","first":"Aylin","last":"Ozdemir","role":"champion","consent":"granted"}"#),
        ]
        .map(|(id, json)| world::record(id, &serde_json::from_str(json).expect("a row")));
        let now = app.clock.now();
        domain::port::Intake::absorb(&app.store, "test", rows.to_vec(), now, false)
            .await
            .expect("a customer");
        let by = app.actor(Permission::Operate).await.expect("an administrator");
        let account = app.account("Acme").await.expect("the account");
        app.triggers().start_by_hand("drill", account.id, &by).await.expect("a run");
        app.store.close().await;
        scene
    }

    async fn open(&self) -> App {
        let config = Config::read(&self.config).expect("the configuration");
        let clock = std::sync::Arc::new(cli::clock::SystemClock::default());
        App::open(config, Output::new(false), clock, Schema::Migrate).await.expect("it opens")
    }

    /// Starts the process that dies after its n-th commit (0: never).
    fn victim(&self, dies_after: u32) -> Child {
        let log = std::fs::File::create(self.folder.path().join("victim.log")).expect("a log");
        Command::new(env!("CARGO_BIN_EXE_victim"))
            .arg(&self.config)
            .arg(dies_after.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the victim starts")
    }

    async fn victim_ends(&self, dies_after: u32) -> ExitStatus {
        let mut child = self.victim(dies_after);
        tokio::task::spawn_blocking(move || child.wait().expect("the victim ends"))
            .await
            .expect("no panic")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("victim.log")).unwrap_or_default()
    }

    fn mail(&self) -> Vec<PathBuf> {
        files(&self.folder.path().join("mail"))
    }

    async fn run(app: &App) -> Run {
        let page = app.store.runs(&RunFilter::default(), &PageRequest::default()).await;
        page.expect("runs").items.remove(0)
    }

    /// What happened to the run, without what a crash may rightly repeat.
    async fn story(app: &App) -> Vec<String> {
        let run = Self::run(app).await;
        let events = cli::audit::stream(&*app.ledger, &run.id.to_string()).await.expect("trail");
        events
            .iter()
            .filter_map(|event| {
                let data: serde_json::Value = serde_json::from_str(&event.data).ok()?;
                let step = data["step"].as_str().unwrap_or_default();
                Some(format!("{} {step}", data["event"].as_str()?).trim().to_owned())
            })
            .filter(|line| line != "delivery_started")
            .collect()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .map(|entries| {
            entries
                .filter_map(Result::ok)
                .map(|entry| entry.path())
                .filter(|path| path.extension().is_some_and(|ext| ext == "eml"))
                .collect()
        })
        .unwrap_or_default()
}

async fn ai_01_death_after_any_commit_of_a_playbook_loses_nothing_and_sends_once(
    database: Database,
) {
    let untouched = Scene::new(database, None).await;
    let ended = untouched.victim_ends(0).await;
    assert!(ended.success(), "{ended}: {}", untouched.log());
    let app = untouched.open().await;
    let expected = Scene::story(&app).await;
    app.store.close().await;
    assert!(expected.contains(&"run_completed".to_owned()), "{expected:?}");

    let mut deaths = 0;
    for dies_after in 1..200 {
        let scene = Scene::new(database, None).await;
        if scene.victim_ends(dies_after).await.success() {
            break;
        }
        deaths += 1;
        let ended = scene.victim_ends(0).await;
        assert!(ended.success(), "after commit {dies_after}: {ended}: {}", scene.log());
        let app = scene.open().await;
        let run = Scene::run(&app).await;
        assert_eq!(run.status, RunStatus::Completed, "after commit {dies_after}");
        assert_eq!(scene.mail().len(), 1, "one letter, dying after commit {dies_after}");
        assert_eq!(Scene::story(&app).await, expected, "dying after commit {dies_after}");
        let report = cli::audit::verify(&*app.ledger, &|_| {}).await.expect("the trail");
        assert!(report.intact, "after commit {dies_after}: {:?}", report.faults);
        app.store.close().await;
    }
    assert!(deaths >= 8, "the process died only {deaths} times");
}

async fn ai_01_death_at_any_stage_of_a_delivery_sends_once_or_says_it_is_uncertain(
    database: Database,
) {
    use Stage::{Body, Data, Dot, Ehlo, Greeting, Mail, Rcpt, Taken};
    for stage in [Greeting, Ehlo, Mail, Rcpt, Data, Body, Dot, Taken] {
        let sink = SmtpSink::start().await.expect("a mail server");
        let scene = Scene::new(database, Some(sink.address())).await;
        sink.next([Some((stage, Act::Stall))]);
        let mut child = scene.victim(0);
        let reached = sink.reached(stage, Duration::from_secs(30)).await;
        child.kill().expect("SIGKILL");
        child.wait().expect("the victim ends");
        assert!(reached, "{stage:?} was never reached: {}", scene.log());

        let ended = scene.victim_ends(0).await;
        let app = scene.open().await;
        let page = app.store.messages(None, &PageRequest::default()).await.expect("the outbox");
        let [message] = page.items.as_slice() else { panic!("one message: {:?}", page.items) };
        let arrived = sink.received().len();
        match message.status {
            MessageStatus::Delivered => {
                assert_eq!(arrived, 1, "died at {stage:?}");
                assert_eq!(Scene::run(&app).await.status, RunStatus::Completed);
            }
            MessageStatus::Uncertain => {
                assert!(stage >= Body, "died at {stage:?}: nothing was handed over yet");
                assert!(arrived <= 1, "died at {stage:?}");
                assert_eq!(ended.code(), Some(7), "{}", scene.log());
                // A person says what became of it, and the run goes on.
                let by = app.actor(Permission::Operate).await.expect("an administrator");
                let now = app.clock.now();
                assert!(app.store.resolve(message.id, true, &by, now).await.expect("resolved"));
                app.worker().settle().await;
                assert_eq!(Scene::run(&app).await.status, RunStatus::Completed);
            }
            other => panic!("died at {stage:?}: the message is {other}: {}", scene.log()),
        }
        if stage < Body {
            assert_eq!(message.status, MessageStatus::Delivered, "died at {stage:?}");
        }
        app.store.close().await;
    }
}
