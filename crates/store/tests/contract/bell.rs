//! News of work: heard in this process at once, and in others on the same PostgreSQL database.

use std::time::Duration;

use domain::port::{Journal, Work};

use crate::{
    backend::Backend,
    stage::{LONG, Stage},
};

contract! {
    whoever_waits_for_runs_hears_of_one,
    other_processes_hear_of_work_too,
}

/// Long enough for any machine, and far shorter than for ever.
const PATIENCE: Duration = Duration::from_secs(20);

async fn whoever_waits_for_runs_hears_of_one(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = backend.store.clone();
    let waiting = tokio::spawn(async move { store.stirred(Work::Runs).await });
    stage.run("k").await;
    tokio::time::timeout(PATIENCE, waiting).await.expect("it is told").unwrap();
    assert_eq!(stage.claim(LONG).await.run.playbook, "renewal");
}

async fn other_processes_hear_of_work_too(backend: &Backend) {
    if !backend.is_postgres() {
        // One process has a file; others that look at it poll.
        return;
    }
    let stage = Stage::new(backend).await;
    let other = backend.another().await;
    let hearing = other.clone();
    let waiting = tokio::spawn(async move { hearing.stirred(Work::Runs).await });
    let told = async {
        // It may not listen yet when the first is started.
        for n in 0.. {
            stage.run(&n.to_string()).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            if waiting.is_finished() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("the other process is told");
    other.close().await;
}
