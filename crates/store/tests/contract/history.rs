//! What is over: it leaves whole, only after it was noted, and nothing else goes with it.

use domain::{
    action::Team,
    archive::{ArchiveKind, Exported, Finished, Holds, NewArchive, Recorded, root_of_heads},
    chain::{self, Verifier},
    event::{Event, NewEvent, Stream},
    id::RunId,
    message::Receipt,
    port::{Access, History, Inbox, Intake, Journal, Ledger, Outbox, Outcome, StreamHead},
    record::{Row, UsageRow},
    run::{Intervened, Intervention, RunStatus},
    turn::Effect,
    user::Actor,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::json;

use crate::{
    backend::Backend,
    effect, signal,
    stage::{LONG, SOURCE, Stage, record},
};

contract! {
    gv_01_a_run_may_go_when_it_is_over_long_enough_and_nothing_of_it_waits,
    the_latest_run_of_a_playbook_for_an_account_stays,
    gv_01_events_leave_through_one_gate_only,
    a_run_is_exported_whole,
    gv_01_pruning_takes_a_run_whole_and_nothing_else,
    what_went_on_meanwhile_is_neither_noted_nor_pruned,
    of_two_files_with_one_run_one_is_noted,
    a_growing_stream_loses_its_beginning_and_goes_on,
    a_checkpoint_gives_its_heads_away_when_nothing_needs_them,
    looked_at_signals_are_forgotten_unless_a_run_may_need_them,
    old_days_of_use_and_ended_secrets_are_forgotten,
    one_process_has_the_duty,
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Ends the one run that is due.
async fn end(stage: &Stage<'_>, run: RunId) {
    let claimed = stage.claim(LONG).await;
    assert_eq!(claimed.run.id, run);
    let mut turn = stage.turn(&claimed);
    turn.status = RunStatus::Completed;
    turn.events.push(stage.event(run, Event::RunCompleted {}));
    stage.commit(turn).await;
}

/// A run that is over.
async fn finished(stage: &Stage<'_>, key: &str) -> RunId {
    let run = stage.run(key).await;
    end(stage, run).await;
    run
}

/// A run that ended after a customer answered, its letter was delivered and its task was done.
async fn eventful(stage: &Stage<'_>, key: &str) -> RunId {
    let (backend, store) = (stage.backend, &stage.backend.store);
    let approval = stage.granted(key).await;
    let run = approval.run;
    let message = store.claim_messages(backend.now(), 10, LONG).await.unwrap().remove(0);
    let delivered = Outcome::Delivered(Receipt { note: "250 ok".to_owned() });
    assert!(store.record(&message, &delivered, backend.now()).await.unwrap());
    backend.clock.advance(SignedDuration::from_secs(60));
    let said = store.signal(vec![signal::reply(stage, key)], backend.now()).await.unwrap();
    signal::looked_at(backend, said[0].id).await;
    backend.clock.advance(SignedDuration::from_secs(60));
    let claimed = stage.claim(LONG).await;
    assert_eq!(claimed.run.id, run);
    let mut turn = stage.turn(&claimed);
    turn.status = RunStatus::Completed;
    let task = effect::task(stage, run, "review", Team::Csm);
    let id = task.id;
    turn.effects.push(Effect::Task(task));
    let received =
        Event::SignalReceived { step: "reply".to_owned(), kind: "email.replied".to_owned() };
    turn.events.push(stage.event(run, received));
    stage.commit(turn).await;
    assert!(store.finish_task(id, "done", &stage.by(), backend.now()).await.unwrap());
    run
}

/// Everything is covered by a checkpoint, and half a year passes.
async fn half_a_year(backend: &Backend) -> Timestamp {
    backend.store.checkpoint(backend.now()).await.unwrap();
    backend.clock.advance(SignedDuration::from_secs(1));
    let before = backend.now();
    backend.clock.advance(DAY * 183);
    before
}

async fn may_go(backend: &Backend, before: Timestamp) -> Vec<RunId> {
    let found = backend.store.finished(before, None, 100).await.unwrap();
    found.iter().map(|run| run.run).collect()
}

fn file(name: &str, holds: Holds) -> NewArchive {
    NewArchive {
        name: name.to_owned(),
        sha256: "00".repeat(32),
        bytes: 1,
        events: 1,
        first_at: Timestamp::UNIX_EPOCH,
        last_at: Timestamp::UNIX_EPOCH,
        holds,
    }
}

async fn note(backend: &Backend, name: &str, holds: Holds) -> Recorded {
    let by = Actor::Engine;
    backend.store.record_archive(file(name, holds), &by, backend.now()).await.unwrap()
}

/// Notes a file of these runs, as if one had been written; its number.
async fn note_runs(backend: &Backend, name: &str, runs: &[RunId]) -> i64 {
    let exported = backend.store.export(runs).await.unwrap();
    match note(backend, name, Holds::Runs(heads(&exported))).await {
        Recorded::Kept(archive) => archive.number,
        Recorded::Moved => panic!("it moved"),
    }
}

fn heads(exported: &[Exported]) -> Vec<StreamHead> {
    exported.iter().map(|run| run.head.clone()).collect()
}

async fn prune(backend: &Backend, archive: i64) -> u64 {
    let mut items = 0;
    loop {
        let pruned = backend.store.prune(archive, 1, backend.now()).await.unwrap();
        items += pruned.items;
        if pruned.done {
            return items;
        }
        assert!(items < 100, "it never ends");
    }
}

async fn gv_01_a_run_may_go_when_it_is_over_long_enough_and_nothing_of_it_waits(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let first = finished(&stage, "over").await;

    let cancelled = stage.run("cancelled").await;
    let cancel = Intervention::Cancel { reason: "x".to_owned() };
    let done = store.intervene(cancelled, &cancel, &stage.by(), backend.now()).await.unwrap();
    assert_eq!(done, Intervened::Done);

    let with_task = stage.run("an open task").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.status = RunStatus::Completed;
    turn.effects.push(Effect::Task(effect::task(&stage, with_task, "a", Team::Csm)));
    stage.commit(turn).await;

    let uncertain = stage.granted("an uncertain message").await;
    let message = store.claim_messages(backend.now(), 10, LONG).await.unwrap().remove(0);
    let unknown = Outcome::Uncertain("no answer".to_owned());
    assert!(store.record(&message, &unknown, backend.now()).await.unwrap());
    end(&stage, uncertain.run).await;

    let on_its_way = stage.granted("a message on its way").await;
    end(&stage, on_its_way.run).await;
    let live = stage.waiting("live").await;
    let uncovered = finished(&stage, "not covered").await;

    assert_eq!(may_go(backend, backend.now() + DAY).await, [], "nothing is covered yet");
    let before = half_a_year(backend).await;
    // Something happens to one of them after the checkpoint: its end is not covered any more.
    store.append(vec![stage.event(uncovered, Event::RunResumed {})]).await.unwrap();
    let too_young = finished(&stage, "young").await;
    assert_eq!(may_go(backend, before).await, [first, cancelled]);
    assert_eq!(may_go(backend, Timestamp::UNIX_EPOCH).await, []);
    let due = store.due(before).await.unwrap();
    assert_eq!((due.runs, due.run_events), (2, 3 + 2));
    assert_eq!(due.oldest, Some(store.run(first).await.unwrap().unwrap().started_at));

    // Page by page, in order.
    let page = store.finished(before, None, 1).await.unwrap();
    assert_eq!(page[0].run, first);
    let rest: Vec<Finished> = store.finished(before, Some(page[0]), 10).await.unwrap();
    assert_eq!(rest.iter().map(|run| run.run).collect::<Vec<_>>(), [cancelled]);
    assert!(rest[0].ended_at < before);

    store.checkpoint(backend.now()).await.unwrap();
    assert!(store.resolve(message.id, true, &stage.by(), backend.now()).await.unwrap());
    store.checkpoint(backend.now()).await.unwrap();
    let later = may_go(backend, backend.now() + DAY).await;
    assert!(later.contains(&uncertain.run), "somebody said what became of its message");
    assert!(later.contains(&uncovered), "and this one is covered again");
    for run in [with_task, on_its_way.run, live.run, too_young] {
        assert!(!later.contains(&run), "{run} waits for somebody or is the latest");
    }
}

async fn the_latest_run_of_a_playbook_for_an_account_stays(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let first = finished(&stage, "a").await;
    let latest = finished(&stage, "b").await;
    let before = half_a_year(backend).await;
    assert_eq!(may_go(backend, before).await, [first]);
    let archive = note_runs(backend, "f", &[first]).await;
    assert_eq!(prune(backend, archive).await, 1);
    // So that one per period is enough still holds, however long the period.
    let mut again = stage.new_run("c");
    again.once_since = Some(Timestamp::UNIX_EPOCH);
    let answer = backend.store.start(vec![again], backend.now()).await.unwrap();
    assert_eq!(answer, [domain::run::Started::Suppressed { by: latest }]);
}

async fn gv_01_events_leave_through_one_gate_only(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = finished(&stage, "a").await;
    finished(&stage, "b").await;
    half_a_year(backend).await;
    let refused = |sql: &'static str, says: &'static str| async move {
        let refused = backend.behind_the_back(sql).await.unwrap_err();
        assert!(refused.contains(says), "{sql}: {refused}");
    };
    refused("DELETE FROM events", "never deleted before they are archived").await;
    // Noting what is not so does not open the gate.
    let archives = "INSERT INTO archives (number, name, kind, sha256, bytes, items, events, root, \
                    first_at, last_at, archived_at) \
                    SELECT 9, 'x', 'runs', 'x', 1, 1, 1, hash, 1, 1, 1 FROM streams \
                    WHERE name = 'user'";
    backend.behind_the_back(archives).await.unwrap();
    for lie in [
        // An event in the middle, though it is there.
        "INSERT INTO archived SELECT stream, seq, hash, 9 FROM events \
         WHERE stream LIKE 'run_%' AND seq = 1",
        // The right number with another hash.
        "INSERT INTO archived SELECT name, seq, (SELECT hash FROM streams WHERE name = 'user'), 9 \
         FROM streams WHERE name LIKE 'run_%'",
        // A number that is not there.
        "INSERT INTO archived SELECT name, seq + 1, hash, 9 FROM streams WHERE name = 'user'",
    ] {
        refused(lie, "only the end of a stream that is there").await;
    }
    note_runs(backend, "f", &[run]).await;
    refused("UPDATE archived SET seq = seq + 1", "what is archived is never").await;
    refused("DELETE FROM archived", "what is archived is never").await;
    refused("DELETE FROM events", "never deleted before they are archived").await;
    refused("UPDATE events SET at = at + 1", "events are never").await;
    if backend.is_postgres() {
        refused("TRUNCATE archived", "what is archived is never").await;
    }
    let gone = "DELETE FROM events WHERE stream IN (SELECT stream FROM archived)";
    backend.behind_the_back(gone).await.unwrap();
    assert_eq!(backend.store.events(&run.to_string(), 0, 10).await.unwrap(), []);
}

async fn a_run_is_exported_whole(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = eventful(&stage, "a").await;
    let other = finished(&stage, "b").await;
    let gone = RunId::new(&*backend.clock);
    let exported = backend.store.export(&[other, gone, run]).await.unwrap();
    assert_eq!(exported.iter().map(|run| run.run).collect::<Vec<_>>(), [other, run]);
    let whole = &exported[1];
    assert_eq!(whole.account, stage.account);
    assert_eq!(whole.contacts, [stage.contact]);

    let mut verifier = Verifier::new(&run.to_string());
    whole.events.iter().try_for_each(|event| verifier.next(event)).unwrap();
    assert_eq!(verifier.head(), (whole.head.seq, &*whole.head.hash));

    let content = backend.store.content(whole.contents[0].id).await.unwrap().unwrap();
    assert_eq!(whole.contents, [content]);
    let tables: Vec<(&str, usize)> =
        whole.rows.iter().map(|(table, rows)| (table.as_str(), rows.len())).collect();
    let one_each = ["approvals", "messages", "runs", "signals", "tasks", "versions"];
    assert_eq!(tables, one_each.map(|table| (table, 1)));

    // Whole rows have every column with its value; outlines have nothing anybody wrote.
    let task = &whole.rows["tasks"][0];
    assert_eq!((&task["body"], &task["run"]), (&json!("Ask `how` it \u{1F600} goes"), &json!(run)));
    assert_eq!(whole.rows["messages"][0]["note"], "250 ok");
    assert_eq!(whole.rows["runs"][0]["request_key"], "a");
    assert!(whole.rows["runs"][0]["wake_at"].is_null(), "{}", whole.rows["runs"][0]["wake_at"]);
    let said = whole.rows["signals"][0]["data"].as_str().unwrap();
    assert!(said.contains("yes"), "{said}");
    let outline = serde_json::to_string(&whole.outline).unwrap();
    assert_eq!(whole.outline["messages"][0]["status"], "delivered");
    for word in ["yes", "Ask", "Call Ann", "250 ok"] {
        assert!(!outline.contains(word), "`{word}` is in {outline}");
    }
    assert!(exported[0].contents.is_empty() && exported[0].contacts.is_empty());
    assert_eq!(exported[0].rows.keys().collect::<Vec<_>>(), ["runs"]);
}

async fn gv_01_pruning_takes_a_run_whole_and_nothing_else(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let gone = [eventful(&stage, "a").await, eventful(&stage, "b").await];
    let kept = eventful(&stage, "c").await;
    half_a_year(backend).await;
    let before = store.counts().await.unwrap();
    let (content, lost) = {
        let exported = store.export(&[kept, gone[0]]).await.unwrap();
        (exported[0].contents[0].id, exported[1].contents[0].id)
    };
    let archive = note_runs(backend, "f", &gone).await;
    assert_eq!(store.unpruned().await.unwrap().len(), 1);
    assert!(store.run(gone[0]).await.unwrap().is_some(), "noting deletes nothing");
    assert_eq!(prune(backend, archive).await, 2);

    for run in gone {
        assert_eq!(store.run(run).await.unwrap(), None);
        assert_eq!(store.events(&run.to_string(), 0, 10).await.unwrap(), []);
        let archived = store.archived_of(&[&run.to_string()]).await.unwrap();
        assert_eq!(archived.len(), 1);
        assert_eq!(archived[0].archive, archive);
        let head = store.heads("", 100).await.unwrap();
        assert!(head.contains(&archived[0].head), "its head stays");
    }
    assert_eq!(store.content(lost).await.unwrap(), None);
    assert!(store.content(content).await.unwrap().is_some());
    let after = store.counts().await.unwrap();
    for (before, after) in [
        (&before.runs, &after.runs),
        (&before.approvals, &after.approvals),
        (&before.messages, &after.messages),
        (&before.tasks, &after.tasks),
    ] {
        let sums = (before.values().sum::<i64>(), after.values().sum::<i64>());
        assert_eq!(sums, (3, 1), "{before:?} {after:?}");
    }
    assert_eq!(store.unpruned().await.unwrap(), []);
    let all = store.archives(0, 10).await.unwrap();
    assert_eq!((all.len(), all[0].kind, all[0].items), (1, ArchiveKind::Runs, 2));
    assert_eq!(all[0].pruned_at, Some(backend.now()));
    let ends = store.archived_in(archive, "", 10).await.unwrap();
    let ends: Vec<StreamHead> = ends.into_iter().map(|end| end.head).collect();
    assert_eq!(hex::encode(root_of_heads(&ends)), all[0].root);
    assert_eq!(stage.events(Stream::History).await, ["history_archived"]);
    // References are checked again on the connection that pruned.
    let dangling = store.append(vec![stage.event(kept, Event::RunResumed {})]).await;
    dangling.unwrap();
    let orphan = effect::task(&stage, gone[0], "x", Team::Csm);
    let claimed = {
        stage.run("d").await;
        stage.claim(LONG).await
    };
    let mut turn = stage.turn(&claimed);
    turn.effects.push(Effect::Task(orphan));
    assert!(store.commit(vec![turn]).await.is_err(), "a task of a run that is not there");
}

async fn what_went_on_meanwhile_is_neither_noted_nor_pruned(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let run = finished(&stage, "a").await;
    let other = finished(&stage, "b").await;
    let exported = store.export(&[run, other]).await.unwrap();
    store.append(vec![stage.event(run, Event::RunResumed {})]).await.unwrap();
    assert_eq!(note(backend, "f", Holds::Runs(heads(&exported))).await, Recorded::Moved);
    assert_eq!(store.archives(0, 10).await.unwrap(), []);
    let live = stage.run("c").await;
    let exported = store.export(&[live]).await.unwrap();
    assert_eq!(note(backend, "g", Holds::Runs(heads(&exported))).await, Recorded::Moved);

    let archive = note_runs(backend, "h", &[run, other]).await;
    store.append(vec![stage.event(run, Event::RunResumed {})]).await.unwrap();
    assert_eq!(prune(backend, archive).await, 1);
    assert!(store.run(run).await.unwrap().is_some(), "it went on after it was noted");
    assert_eq!(store.run(other).await.unwrap(), None);
    // It can be archived again, with what came after.
    let again = note_runs(backend, "i", &[run]).await;
    assert_eq!(prune(backend, again).await, 1);
    let ends = store.archived_of(&[&run.to_string()]).await.unwrap();
    assert_eq!(ends.iter().map(|end| end.archive).collect::<Vec<_>>(), [archive, again]);
}

async fn of_two_files_with_one_run_one_is_noted(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = finished(&stage, "a").await;
    let exported = backend.store.export(&[run]).await.unwrap();
    let second = backend.another().await;
    let [one, two] = ["one", "two"].map(|name| file(name, Holds::Runs(heads(&exported))));
    let now = backend.now();
    let (one, two) = tokio::join!(
        backend.store.record_archive(one, &Actor::Engine, now),
        second.record_archive(two, &Actor::Engine, now)
    );
    let moved = [one.unwrap(), two.unwrap()].into_iter().filter(|one| *one == Recorded::Moved);
    assert_eq!(moved.count(), 1);
    second.close().await;
}

async fn a_growing_stream_loses_its_beginning_and_goes_on(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let said = |why: &str| NewEvent {
        stream: Stream::Signal,
        at: backend.now(),
        actor: Actor::Engine,
        event: Event::TriggerSuppressed {
            playbook: "renewal".to_owned(),
            account: stage.account,
            kind: "x".to_owned(),
            why: why.to_owned(),
        },
    };
    let in_force = NewEvent { stream: Stream::Policy, ..said("kept") };
    store.append(vec![said("1"), said("2"), said("3"), in_force]).await.unwrap();
    let before = half_a_year(backend).await;
    store.append(vec![said("4")]).await.unwrap();
    store.checkpoint(backend.now()).await.unwrap();

    let stretches = store.stretches(before, 2).await.unwrap();
    let names: Vec<_> = stretches.iter().map(|one| one.stream.as_str()).collect();
    assert_eq!(names, ["signal", "user"], "what says what was in force stays");
    assert_eq!(stretches[0].events.len(), 2, "no more than asked for");
    assert_eq!(store.due(before).await.unwrap().stream_events, 3 + 1);
    let end = |events: &[domain::event::StoredEvent]| {
        let last = events.last().unwrap();
        StreamHead { stream: last.stream.clone(), seq: last.seq, hash: last.hash.clone() }
    };
    let Recorded::Kept(archive) =
        note(backend, "f", Holds::Streams(vec![end(&stretches[0].events)])).await
    else {
        panic!("it moved")
    };
    assert_eq!(prune(backend, archive.number).await, 1);

    let rest = store.events("signal", 0, 10).await.unwrap();
    assert_eq!(rest.iter().map(|event| event.seq).collect::<Vec<_>>(), [3, 4]);
    let archived = store.archived_of(&["signal"]).await.unwrap().remove(0).head;
    let mut verifier = Verifier::after("signal", archived.seq, &archived.hash);
    rest.iter().try_for_each(|event| verifier.next(event)).unwrap();
    // The next stretch begins where this one ended, and the latest events are too young.
    let next = store.stretches(before, 10).await.unwrap();
    assert_eq!(next[0].events.iter().map(|event| event.seq).collect::<Vec<_>>(), [3]);
    store.append(vec![said("5")]).await.unwrap();
    assert_eq!(store.events("signal", 4, 10).await.unwrap()[0].seq, 5);
}

async fn a_checkpoint_gives_its_heads_away_when_nothing_needs_them(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let first = finished(&stage, "a").await;
    let one = store.checkpoint(backend.now()).await.unwrap().unwrap();
    let live = stage.waiting("b").await;
    let two = store.checkpoint(backend.now()).await.unwrap().unwrap();
    stage.add_user("new@example.com", domain::user::Role::Csm).await;
    let before = half_a_year(backend).await;

    // The first covers a run that is here: it is needed. So does the second.
    assert_eq!(store.spent_checkpoints(before, 10).await.unwrap(), []);
    let archive = note_runs(backend, "f", &[first]).await;
    prune(backend, archive).await;
    let spent = store.spent_checkpoints(before, 10).await.unwrap();
    assert_eq!(spent.iter().map(|c| c.number).collect::<Vec<_>>(), [one]);
    assert_eq!(spent[0].heads.len(), 2, "the run, and a stream a later one covers");
    assert_eq!(store.due(before).await.unwrap().checkpoints, 1);
    let holds = Holds::Checkpoints(vec![(one, spent[0].hash.clone())]);
    let Recorded::Kept(archive) = note(backend, "g", holds.clone()).await else {
        panic!("it moved")
    };
    assert_eq!(note(backend, "h", holds).await, Recorded::Moved, "once is enough");
    prune(backend, archive.number).await;

    let kept = store.checkpoint_at(one).await.unwrap().unwrap();
    assert_eq!((kept.heads.len(), kept.archive), (0, Some(archive.number)));
    let hash = chain::checkpoint(&kept.prev, one, kept.at, &kept.root);
    assert_eq!(kept.hash, hash, "the chain of checkpoints stays");
    assert_eq!(store.checkpoints_in(archive.number).await.unwrap(), [(one, kept.hash)]);
    let second = store.checkpoint_at(two).await.unwrap().unwrap();
    assert!(second.heads.iter().any(|head| head.stream == live.run.to_string()));
}

async fn looked_at_signals_are_forgotten_unless_a_run_may_need_them(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let store = &backend.store;
    let said = store
        .signal(
            vec![signal::reply(&stage, "old"), signal::reply(&stage, "not looked at")],
            backend.now(),
        )
        .await
        .unwrap();
    let looked_at = said.iter().find(|signal| signal.event_id == "old").unwrap().id;
    signal::looked_at(backend, looked_at).await;
    backend.clock.advance(DAY);
    let live = stage.waiting("live").await;
    backend.clock.advance(DAY);
    let needed = store.signal(vec![signal::reply(&stage, "needed")], backend.now()).await.unwrap();
    signal::looked_at(backend, needed[0].id).await;
    backend.clock.advance(SignedDuration::from_secs(1));
    let before = backend.now();
    let young = store.signal(vec![signal::reply(&stage, "young")], before).await.unwrap();
    signal::looked_at(backend, young[0].id).await;

    let left = |found: Vec<domain::signal::Signal>| -> Vec<String> {
        found.into_iter().rev().map(|signal| signal.event_id).collect()
    };
    assert_eq!(store.due(before).await.unwrap().signals, 1);
    assert_eq!(store.forget_signals(before, 10).await.unwrap(), 1);
    assert_eq!(store.forget_signals(before, 10).await.unwrap(), 0);
    let names = left(store.signals_of(stage.account, 10).await.unwrap());
    assert_eq!(names, ["not looked at", "needed", "young"]);
    // When the run is over and gone, nobody can need it any more.
    store
        .intervene(
            live.run,
            &Intervention::Cancel { reason: "x".to_owned() },
            &stage.by(),
            backend.now(),
        )
        .await
        .unwrap();
    assert_eq!(store.forget_signals(before, 10).await.unwrap(), 0, "it goes with its run first");
    let archive = note_runs(backend, "f", &[live.run]).await;
    prune(backend, archive).await;
    assert_eq!(store.forget_signals(before, 10).await.unwrap(), 1);
}

async fn old_days_of_use_and_ended_secrets_are_forgotten(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let (store, now) = (&backend.store, backend.now());
    let day = |n: i64| (now - DAY * i32::try_from(n).unwrap()).to_zoned(TimeZone::UTC).date();
    let used = |n: i64| {
        let row = UsageRow {
            account: "A-1".to_owned(),
            day: day(n),
            feature: String::new(),
            users: Some(1),
            events: 1,
            seconds: 1,
            errors: 0,
        };
        record(&format!("U-{n}"), Row::Usage(row))
    };
    store.absorb(SOURCE, vec![used(1), used(2), used(30)], now, false).await.unwrap();
    assert_eq!(store.forget_usage(day(2), 10).await.unwrap(), 1);
    assert_eq!(store.forget_usage(day(2), 10).await.unwrap(), 0);
    assert_eq!(store.counts().await.unwrap().usage_days, 2);

    for (hash, ends) in [("a", 1), ("b", 60)] {
        let ends = now + SignedDuration::from_mins(ends);
        store.issue("link", hash, stage.csm, None, ends, now).await.unwrap();
    }
    assert_eq!(store.forget_secrets(now + SignedDuration::from_mins(5)).await.unwrap(), 1);
    assert!(store.session("link", "b", now).await.unwrap().is_some());
    assert!(store.session("link", "a", now).await.unwrap().is_none());
}

async fn one_process_has_the_duty(backend: &Backend) {
    let second = backend.another().await;
    let duty = backend.store.take_duty().await.unwrap();
    assert!(duty.is_some());
    if backend.is_postgres() {
        assert!(second.take_duty().await.unwrap().is_none());
        drop(duty);
        for _ in 0..50 {
            // The server notices a moment later that the connection is gone.
            if second.take_duty().await.unwrap().is_some() {
                return second.close().await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("nobody can take it over");
    }
    second.close().await;
}
