//! A run that ends every process that works on it: is it given up, and do the others go on?

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use cli::{
    app::{App, Schema},
    config::Config,
    output::Output,
};
use domain::{
    page::PageRequest,
    port::{Intake as _, Journal as _, RunFilter},
    run::RunStatus,
    user::Permission,
};
use serde_json::json;
use world::{
    Database,
    model::{ModelEndpoint, Reply},
};

use crate::on_both;

on_both! { ai_01_a_run_that_ends_its_workers_is_given_up_and_its_neighbours_get_through }

const HEAD: &str = "owner: cs-ops@example.com\nstage: crawl\ngoal: adoption\nkind: proactive\n\
                    duration: { weeks: [1, 1] }\nmetrics: [adoption_rate]\n\
                    pitfalls: [None known.]\ntrigger: { on: manual }\nsteps:\n";
const ASKS: &str = "  - id: work\n    route_risk: { prompt: route-risk }\n";
const HARMLESS: &str = "  - id: work\n    create_task: { for: csm, title: \"Look\", due: 1d }\n";

/// What a model says that asks for nothing.
const ROUTE: &str = r#"{"category":"none","severity":"low","owner":"csm","reasons":["health is good (f1)"],"confidence":1}"#;

fn is_poison(request: &serde_json::Value) -> bool {
    request.to_string().contains("A poison.")
}

/// Questions of the run that ends its workers, so far.
fn poisonous(endpoint: &ModelEndpoint) -> usize {
    endpoint.requests().iter().filter(|request| is_poison(request)).count()
}

async fn open(config: &Path) -> App {
    let config = Config::read(config).expect("the configuration");
    let clock = std::sync::Arc::new(cli::clock::SystemClock::default());
    App::open(config, Output::new(false), clock, Schema::Migrate).await.expect("it opens")
}

fn worker(config: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_victim"))
        .arg(config)
        .arg("0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the worker starts")
}

async fn ai_01_a_run_that_ends_its_workers_is_given_up_and_its_neighbours_get_through(
    database: Database,
) {
    let _set = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let lease = database.lease(folder.path()).await;
    // What the poison asks is never answered: there is time to kill whoever asks. Its neighbours
    // are, but not before.
    let endpoint = ModelEndpoint::answering(|request| {
        if is_poison(request) {
            Reply::Silence(Duration::from_mins(1))
        } else {
            Reply::SaysLater(Duration::from_secs(1), ROUTE.to_owned())
        }
    })
    .await
    .expect("an endpoint");
    let custom = folder.path().join("custom/playbooks");
    std::fs::create_dir_all(&custom).expect("a folder");
    for (name, steps) in [("poison", ASKS), ("neighbour", ASKS), ("harmless", HARMLESS)] {
        let text = format!("playbook: {name}\ntitle: {name}\nobjective: A {name}.\n{HEAD}{steps}");
        std::fs::write(custom.join(format!("{name}.yaml")), text).expect("a playbook");
    }
    std::fs::write(folder.path().join("master.key"), "42".repeat(32)).expect("a key");
    let config = folder.path().join("config.yaml");
    let text = format!(
        "data: {data}\ndatabase: {db}\ncustom: {data}/custom\n\
         keys: {{ master_file: {data}/master.key }}\nworker: {{ lease_seconds: 2 }}\n\
         model: {{ url: \"{model}\", requests_per_minute: 0, timeout_seconds: 60 }}\n",
        data = folder.path().display(),
        db = lease.url,
        model = endpoint.url(),
    );
    std::fs::write(&config, text).expect("a configuration");
    let app = open(&config).await;
    cli::command::serve::prepare(&app).await.expect("playbooks and policy load");
    let by = app.actor(Permission::Operate).await.expect("an administrator");
    for (playbook, customer) in [
        ("neighbour", "Birch"),
        ("poison", "Acme"),
        ("neighbour", "Cedar"),
        ("neighbour", "Dogwood"),
        ("harmless", "Elm"),
    ] {
        let row = json!({ "entity": "account", "name": customer });
        let row = world::record(customer, &serde_json::from_value(row).expect("a row"));
        app.store.absorb("test", vec![row], app.clock.now(), false).await.expect("a customer");
        let account = app.account(customer).await.expect("the account").id;
        app.triggers().start_by_hand(playbook, account, &by).await.expect("a run");
    }

    let (begun, mut deaths) = (Instant::now(), 0);
    let ended = loop {
        assert!(begun.elapsed() < Duration::from_mins(2), "{deaths} deaths and no end");
        let asked = poisonous(&endpoint);
        let mut child = worker(&config);
        let ended = loop {
            if let Some(status) = child.try_wait().expect("the worker's fate") {
                break Some(status);
            }
            if poisonous(&endpoint) > asked {
                child.kill().expect("SIGKILL");
                child.wait().expect("it ends");
                break None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        match ended {
            Some(status) => break status,
            None => deaths += 1,
        }
        assert!(deaths < 10, "it is claimed for ever");
    };
    assert!(ended.success(), "the last one finds nothing that ends it: {ended}");
    // The first of them got as far as announcing the call, which is progress.
    assert!((5..=6).contains(&deaths), "{deaths} deaths");

    let runs = app.store.runs(&RunFilter::default(), &PageRequest::default()).await.expect("runs");
    assert_eq!(runs.items.len(), 5);
    for run in runs.items.iter().filter(|run| run.playbook != "poison") {
        assert_eq!(run.status, RunStatus::Completed, "{}: {:?}", run.playbook, run.progress);
    }
    let poison = runs.items.iter().find(|run| run.playbook == "poison").expect("the run");
    assert_eq!(poison.status, RunStatus::Stuck);
    let dead_end = poison.progress.dead_end.clone().expect("a dead end");
    assert_eq!(dead_end.code, "worker-lost");
    assert!(dead_end.why.starts_with("5 workers that took this run were lost"), "{dead_end:?}");
    let trail = cli::audit::stream(&*app.ledger, &poison.id.to_string()).await.expect("the trail");
    let last = trail.last().expect("an event");
    assert!(last.data.contains("run_stuck") && last.data.contains("worker-lost"), "{last:?}");
    let report = cli::audit::verify(&*app.ledger, &|_| {}).await.expect("the trail");
    assert!(report.intact, "{:?}", report.faults);
    app.store.close().await;
}
