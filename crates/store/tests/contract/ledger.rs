//! The audit trail: what was written stays, and what was changed shows.

use std::sync::Arc;

use domain::{
    action::Team,
    chain::{self, Verifier},
    event::{Event, NewEvent, Stream},
    id::TaskId,
    port::{Inbox, Journal, Ledger},
    run::Started,
    turn::Effect,
    user::Actor,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{
    backend::Backend,
    effect, signal,
    stage::{LONG, Stage},
};

contract! {
    events_cannot_be_changed,
    the_chain_verifies_and_one_changed_byte_is_found,
    a_checkpoint_finds_a_truncated_stream,
    a_checkpoint_covers_what_changed_since_the_last,
    however_much_changed_each_checkpoint_is_small,
    a_process_that_dies_between_two_checkpoints_leaves_the_rest_to_the_next,
    concurrent_appends_keep_every_chain_whole,
    recent_events_come_newest_first,
    what_customers_and_colleagues_wrote_stays_out_of_the_trail,
}

async fn verify(backend: &Backend, stream: &str) -> Result<i64, chain::Broken> {
    let mut verifier = Verifier::new(stream);
    let mut after = 0;
    loop {
        // Small pages, so that paging is walked too.
        let events = backend.store.events(stream, after, 2).await.unwrap();
        let Some(last) = events.last() else { return Ok(after) };
        after = last.seq;
        events.iter().try_for_each(|event| verifier.next(event))?;
    }
}

async fn events_cannot_be_changed(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.run("k").await;
    for sql in ["UPDATE events SET at = at + 1", "DELETE FROM events"] {
        let refused = backend.behind_the_back(sql).await.unwrap_err();
        assert!(refused.contains("events are never"), "{refused}");
    }
    if backend.is_postgres() {
        let refused = backend.behind_the_back("TRUNCATE events").await.unwrap_err();
        assert!(refused.contains("events are never"), "{refused}");
    }
}

/// What an attacker with the database's password would do first.
async fn without_triggers(backend: &Backend, sqlite: &'static str, postgres: &'static str) {
    if backend.is_postgres() {
        backend.behind_the_back("ALTER TABLE events DISABLE TRIGGER ALL").await.unwrap();
        backend.behind_the_back(postgres).await.unwrap();
    } else {
        backend.behind_the_back("DROP TRIGGER events_are_not_updated").await.unwrap();
        backend.behind_the_back("DROP TRIGGER events_are_not_deleted").await.unwrap();
        backend.behind_the_back(sqlite).await.unwrap();
    }
}

async fn the_chain_verifies_and_one_changed_byte_is_found(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    for step in ["a", "é \u{0} ' \" \\u0000 \u{1F600}", "c"] {
        turn.events.push(stage.event(run, Event::StepStarted { step: step.to_owned() }));
    }
    stage.commit(turn).await;
    assert_eq!(verify(backend, &run.to_string()).await, Ok(5));
    let change = "UPDATE events SET data = REPLACE(data, '\"c\"', '\"d\"') WHERE seq = 5";
    without_triggers(backend, change, change).await;
    let broken = verify(backend, &run.to_string()).await.unwrap_err();
    assert_eq!(broken.seq, 5);
}

async fn a_checkpoint_finds_a_truncated_stream(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    stage.commit(stage.turn(&claimed)).await;
    let number = backend.store.checkpoint(backend.now()).await.unwrap().unwrap();
    let cut = "DELETE FROM events WHERE stream LIKE 'run_%' AND seq = 2";
    without_triggers(backend, cut, cut).await;
    backend.behind_the_back("UPDATE streams SET seq = 1 WHERE name LIKE 'run_%'").await.unwrap();
    let name = run.to_string();
    assert_eq!(verify(backend, &name).await, Ok(1), "what is left is a whole chain");
    let checkpoint = backend.store.checkpoint_at(number).await.unwrap().unwrap();
    let head = checkpoint.heads.iter().find(|head| head.stream == name).unwrap();
    assert_eq!(head.seq, 2, "but the checkpoint knows of one event more");
}

async fn a_checkpoint_covers_what_changed_since_the_last(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let first = stage.run("a").await;
    let one = backend.store.checkpoint(backend.now()).await.unwrap().unwrap();
    assert_eq!(backend.store.checkpoint(backend.now()).await.unwrap(), None);
    backend.clock.advance(SignedDuration::from_secs(1));
    let second = stage.run("b").await;
    let two = backend.store.checkpoint(backend.now()).await.unwrap().unwrap();
    assert_eq!((one, two), (1, 2));
    assert_eq!(backend.store.checkpoint_at(3).await.unwrap(), None);

    let mut prev = chain::GENESIS.to_vec();
    for number in [one, two] {
        let checkpoint = backend.store.checkpoint_at(number).await.unwrap().unwrap();
        assert_eq!(checkpoint.prev, prev);
        let heads =
            checkpoint.heads.iter().map(|head| (head.stream.as_str(), head.seq, &*head.hash));
        assert_eq!(checkpoint.root, chain::root(heads));
        let hash = chain::checkpoint(&prev, number, checkpoint.at, &checkpoint.root);
        assert_eq!(checkpoint.hash, hash);
        prev = checkpoint.hash;
    }
    let streams = |heads: Vec<domain::port::StreamHead>| -> Vec<String> {
        heads.into_iter().map(|head| head.stream).collect()
    };
    let covered = backend.store.checkpoint_at(two).await.unwrap().unwrap().heads;
    assert_eq!(streams(covered), [second.to_string()]);
    // Adding the CSM left its mark too.
    let mut all = vec![first.to_string(), second.to_string(), "user".to_owned()];
    all.sort();
    assert_eq!(streams(backend.store.heads("", 10).await.unwrap()), all);
    assert_eq!(streams(backend.store.heads(&all[0], 1).await.unwrap()), all[1..2]);
}

/// Runs enough for several checkpoints.
async fn many_runs(stage: &Stage<'_>) {
    for batch in 0..9 {
        let runs = (0..500).map(|n| stage.new_run(&format!("{batch} {n}"))).collect();
        stage.backend.store.start(runs, stage.backend.now()).await.unwrap();
    }
}

/// The streams each checkpoint covers, whose chain is looked over on the way.
async fn checkpoints(backend: &Backend) -> Vec<Vec<String>> {
    let (mut prev, mut covered) = (chain::GENESIS.to_vec(), Vec::new());
    for number in 1.. {
        let Some(checkpoint) = backend.store.checkpoint_at(number).await.unwrap() else { break };
        let heads =
            checkpoint.heads.iter().map(|head| (head.stream.as_str(), head.seq, &*head.hash));
        assert_eq!(checkpoint.root, chain::root(heads));
        assert_eq!(checkpoint.prev, prev);
        let hash = chain::checkpoint(&prev, number, checkpoint.at, &checkpoint.root);
        assert_eq!(checkpoint.hash, hash);
        prev = checkpoint.hash;
        covered.push(checkpoint.heads.into_iter().map(|head| head.stream).collect());
    }
    covered
}

/// Every stream there is, by name.
async fn streams(backend: &Backend) -> Vec<String> {
    let heads = backend.store.heads("", 10_000).await.unwrap();
    heads.into_iter().map(|head| head.stream).collect()
}

async fn however_much_changed_each_checkpoint_is_small(backend: &Backend) {
    let stage = Stage::new(backend).await;
    many_runs(&stage).await;
    let last = backend.store.checkpoint(backend.now()).await.unwrap();
    let covered = checkpoints(backend).await;
    assert_eq!(last, i64::try_from(covered.len()).ok());
    let sizes: Vec<_> = covered.iter().map(Vec::len).collect();
    assert_eq!(sizes, [2_000, 2_000, 501]);
    assert_eq!(covered.concat(), streams(backend).await, "each stream once");
    assert_eq!(backend.store.checkpoint(backend.now()).await.unwrap(), None);
}

async fn a_process_that_dies_between_two_checkpoints_leaves_the_rest_to_the_next(
    backend: &Backend,
) {
    let stage = Stage::new(backend).await;
    many_runs(&stage).await;
    let dying = backend.another().await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    dying.observe_commits(move || {
        let _gone = tell.send(());
    });
    let now = backend.now();
    let checkpoint = tokio::spawn(async move { dying.checkpoint(now).await });
    told.recv().await.unwrap();
    checkpoint.abort();
    assert!(checkpoint.await.unwrap_err().is_cancelled());
    assert_eq!(checkpoints(backend).await[0].len(), 2_000);

    backend.store.checkpoint(backend.now()).await.unwrap().unwrap();
    let mut covered = checkpoints(backend).await.concat();
    covered.sort();
    assert_eq!(covered, streams(backend).await, "each stream once");
}

async fn concurrent_appends_keep_every_chain_whole(backend: &Backend) {
    let store = Arc::new(backend.another().await);
    let now = backend.now();
    let mut writers = Vec::new();
    for writer in 0..8 {
        let store = Arc::clone(&store);
        writers.push(tokio::spawn(async move {
            for n in 0..10 {
                let event = |stream| NewEvent {
                    stream,
                    at: now,
                    actor: Actor::Engine,
                    event: Event::KillReleased { scope: format!("{writer}/{n}") },
                };
                // In both orders, as two units of work that wait for each other would.
                let mut events = vec![event(Stream::Switch), event(Stream::Policy)];
                if writer % 2 == 0 {
                    events.reverse();
                }
                store.append(events).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(verify(backend, "switch").await, Ok(80));
    assert_eq!(verify(backend, "policy").await, Ok(80));
}

async fn recent_events_come_newest_first(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let first = stage.run("a").await;
    backend.clock.advance(SignedDuration::from_secs(1));
    let second = stage.run("b").await;
    let recent = backend.store.recent(2).await.unwrap();
    let streams: Vec<_> = recent.iter().map(|event| event.stream.clone()).collect();
    assert_eq!(streams[0], second.to_string());
    assert!(streams[1] == first.to_string() || streams[1] == "user");
}

/// Every event there is, stream by stream.
async fn everything(backend: &Backend) -> Vec<Value> {
    let mut all = Vec::new();
    for head in backend.store.heads("", 1000).await.unwrap() {
        let events = backend.store.events(&head.stream, 0, 1000).await.unwrap();
        assert_eq!(events.last().map(|event| event.seq), Some(head.seq), "{}", head.stream);
        all.extend(events.iter().map(|event| {
            let [actor, data] = [&event.actor, &event.data]
                .map(|text| serde_json::from_str::<Value>(text).unwrap());
            json!({ "stream": event.stream, "actor": actor, "data": data })
        }));
    }
    all
}

async fn what_customers_and_colleagues_wrote_stays_out_of_the_trail(backend: &Backend) {
    let canaries = ["Wilhelmina", "Oakhurst", "w.oakhurst@acme.test", "+49 170 5550142"];
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let mut said = signal::reply(&stage, "1");
    said.data = json!({
        "band": "red",
        "from": "w.oakhurst@acme.test",
        "to": "Wilhelmina Oakhurst",
        "text": "Call me: +49 170 5550142",
        "sender": { "name": "Wilhelmina Oakhurst", "phone": "+49 170 5550142" },
        "w.oakhurst@acme.test": true,
    });
    let said = store.signal(vec![said], backend.now()).await.unwrap().remove(0);
    let mut new = stage.new_run("k");
    new.cause.signal = said.id;
    new.cause.kind.clone_from(&said.kind);
    new.cause.data = said.data;
    let (run, cause) = (new.id, new.cause.clone());
    assert_eq!(store.start(vec![new], backend.now()).await.unwrap(), [Started::New(run)]);
    let full = store.run(run).await.unwrap().unwrap().cause;
    assert_eq!(full, cause, "the run itself knows all of it");

    let outcomes = [
        ("no_answer", "no_answer"),
        ("Wilhelmina", "noted"),
        ("wilhelmina oakhurst", "noted"),
        ("w.oakhurst@acme.test", "noted"),
        ("+49 170 5550142", "noted"),
        ("spoke to Wilhelmina Oakhurst, she will call from +49 170 5550142", "noted"),
        ("w_ilhelmina_oakhurst_", "noted"),
        ("", "noted"),
        ("wieß", "noted"),
    ];
    let tasks: Vec<_> = (0..outcomes.len())
        .map(|n| effect::task(&stage, run, &format!("s{n}"), Team::Csm))
        .collect();
    let mut turn = stage.turn(&stage.claim(LONG).await);
    turn.effects.extend(tasks.iter().cloned().map(Effect::Task));
    stage.commit(turn).await;
    let ids: Vec<TaskId> = tasks.iter().map(|task| task.id).collect();
    for (id, (outcome, _)) in ids.iter().zip(outcomes) {
        assert!(store.finish_task(*id, outcome, &stage.by(), backend.now()).await.unwrap());
        let task = store.task(*id).await.unwrap().unwrap();
        assert_eq!(task.outcome.as_deref(), Some(outcome), "the task keeps the whole text");
    }

    let events = everything(backend).await;
    for event in &events {
        let text = event.to_string().to_lowercase();
        for canary in canaries {
            assert!(!text.contains(&canary.to_lowercase()), "`{canary}` is in {text}");
        }
    }
    let started = events.iter().find(|event| event["data"]["event"] == "run_started").unwrap();
    assert_eq!(started["data"]["cause"]["data"], json!({ "band": "red" }));
    let noted: Vec<_> = events
        .iter()
        .filter(|event| event["data"]["event"] == "task_finished")
        .map(|event| event["data"]["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(noted, outcomes.map(|(_, kept)| kept));
}
