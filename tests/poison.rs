//! A run that ends every process that works on it: is it given up, and do the others go on?

use std::{
    path::{Path, PathBuf},
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
use world::{
    Database,
    model::{ModelEndpoint, Reply},
};

use crate::on_both;

on_both! { ai_01_a_run_that_ends_its_workers_is_given_up_and_the_others_go_on }

const HEAD: &str = "owner: cs-ops@example.com\nstage: crawl\ngoal: adoption\nkind: proactive\n\
                    objective: It is done.\nduration: { weeks: [1, 1] }\nmetrics: [adoption_rate]\n\
                    pitfalls: [None known.]\ntrigger: { on: manual }\nsteps:\n";
const POISON: &str = "  - id: work\n    route_risk: { prompt: route-risk }\n";
const HARMLESS: &str = "  - id: work\n    create_task: { for: csm, title: \"Look\", due: 1d }\n";

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

async fn ai_01_a_run_that_ends_its_workers_is_given_up_and_the_others_go_on(database: Database) {
    let _set = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let lease = database.lease(folder.path()).await;
    // It answers nothing: there is time to kill whoever asks.
    let silence = (0..40).map(|_| Reply::Silence(Duration::from_mins(1)));
    let endpoint = ModelEndpoint::start(silence).await.expect("an endpoint");
    let custom = folder.path().join("custom/playbooks");
    std::fs::create_dir_all(&custom).expect("a folder");
    for (name, steps) in [("poison", POISON), ("harmless", HARMLESS)] {
        let text = format!("playbook: {name}\ntitle: {name}\n{HEAD}{steps}");
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
    let row = r#"{"entity":"account","name":"Acme"}"#;
    let row = world::record("acme", &serde_json::from_str(row).expect("a row"));
    let now = app.clock.now();
    app.store.absorb("test", vec![row], now, false).await.expect("a customer");
    let by = app.actor(Permission::Operate).await.expect("an administrator");
    let account = app.account("Acme").await.expect("the account").id;
    for name in ["poison", "harmless"] {
        app.triggers().start_by_hand(name, account, &by).await.expect("a run");
    }

    let (begun, mut deaths) = (Instant::now(), 0);
    let ended = loop {
        assert!(begun.elapsed() < Duration::from_mins(2), "{deaths} deaths and no end");
        let asked = endpoint.requests().len();
        let mut child = worker(&config);
        let ended = loop {
            if let Some(status) = child.try_wait().expect("the worker's fate") {
                break Some(status);
            }
            if endpoint.requests().len() > asked {
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
    let run = |name: &str| runs.items.iter().find(|run| run.playbook == name).expect("the run");
    assert_eq!(run("harmless").status, RunStatus::Completed);
    let poison = run("poison");
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
