//! By which indexes the statements that are run often find their rows, on both databases, with as
//! much history as makes a difference. What `crates/README.md` says of it is what is compared.
//!
//! Each call is made as the program makes it; what it runs is noted as it is run, and explained.

#[cfg(test)]
#[expect(dead_code, reason = "the contract suite uses the rest")]
#[path = "../contract/backend.rs"]
mod backend;
#[cfg(test)]
mod book;
#[cfg(test)]
mod history;
/// This suite has an observer of its own.
#[cfg(test)]
mod record {
    pub(crate) fn begin() {
        crate::book::begin();
    }
}
#[cfg(test)]
#[expect(dead_code, reason = "the contract suite uses the rest")]
#[path = "../contract/stage.rs"]
mod stage;

#[cfg(test)]
mod plans {
    use domain::{
        action::Team,
        content::SealedPseudonyms,
        id::{RunId, TaskId},
        limit::Limits,
        message::{MessageStatus, Receipt},
        page::PageRequest,
        port::{
            Access as _, Customers as _, Heard, Inbox as _, Journal as _, Ledger as _, Looked,
            Outbox as _, Outcome, QueueFilter, QueueOrder, Room, RunFilter, Steering as _,
            TaskFilter,
        },
        run::{Intervention, Priority, RunStatus},
        signal::NewSignal,
        task::{Task, TaskKind, TaskStatus},
        turn::Effect,
    };
    use jiff::SignedDuration;
    use serde_json::json;

    use crate::{
        backend::{self, Backend},
        book::Book,
        history,
        stage::{LONG, Stage},
    };

    fn signal(stage: &Stage<'_>, id: &str) -> NewSignal {
        NewSignal {
            source: "mailbox".to_owned(),
            event_id: id.to_owned(),
            kind: "email.replied".to_owned(),
            account: stage.account,
            at: stage.backend.now(),
            data: json!({}),
            run: None,
        }
    }

    fn task(stage: &Stage<'_>, run: RunId) -> Task {
        Task {
            id: TaskId::new(&*stage.backend.clock),
            kind: TaskKind::Notice,
            account: stage.account,
            run,
            step: "look".to_owned(),
            team: Team::Csm,
            assignee: None,
            title: "t".to_owned(),
            body: String::new(),
            created_at: stage.backend.now(),
            due_at: stage.backend.now(),
            status: TaskStatus::Open,
            outcome: None,
        }
    }

    /// Everything that is called often, each under its name in `crates/README.md`.
    async fn calls(backend: &Backend) -> Book {
        let stage = Stage::new(backend).await;
        let (store, now) = (&backend.store, backend.now());
        history::fill(backend).await;
        let mut book = Book::default();
        let one = PageRequest { cursor: None, limit: 1 };

        // Runs.
        let mut new = stage.new_run("k");
        new.once_since = Some(now - SignedDuration::from_hours(1));
        book.note("start runs", store.start(vec![new], now)).await.unwrap();
        let limits = Limits { runs_per_account: Some(1), ..Limits::default() };
        let claimed = book.note("claim", store.claim_within(now, 64, LONG, &limits)).await.unwrap();
        let claimed = claimed.into_iter().next().unwrap();
        book.note("renew", store.renew(&[claimed.lease], LONG)).await.unwrap();
        let (approval, sealed) = stage.approval(claimed.run.id);
        let mut turn = stage.turn(&claimed);
        turn.approvals.push(approval.clone());
        turn.contents.push(sealed);
        turn.effects.push(Effect::Task(task(&stage, claimed.run.id)));
        turn.pseudonyms = Some(SealedPseudonyms {
            run: claimed.run.id,
            wrapped: vec![0],
            master: "m".to_owned(),
            bytes: vec![0],
            revision: 0,
        });
        book.note("commit turns", store.commit(vec![turn])).await.unwrap();
        let run = claimed.run.id;
        book.note("placeholders of a run", store.pseudonyms_of(run, "m")).await.unwrap();
        book.note("a person's key", store.subject_key(stage.contact)).await.unwrap();
        let waits = book.note("next wake", store.next_wake()).await.unwrap();
        assert!(waits.is_some());
        book.note("due runs, counted", store.backlog(now)).await.unwrap();

        // Signals.
        book.note("take signals", store.signal(vec![signal(&stage, "1")], now)).await.unwrap();
        let heard = [Heard { lane: "email.replied".to_owned(), priority: Priority::Urgent }];
        let signals = book.note("untriggered signals", store.untriggered_of(&heard, 64));
        let looked: Vec<_> = signals
            .await
            .unwrap()
            .iter()
            .map(|signal| Looked {
                signal: signal.id,
                runs: vec![stage.new_run(&signal.event_id)],
                events: Vec::new(),
            })
            .collect();
        assert_eq!(looked.len(), 1);
        book.note("trigger runs", store.trigger(looked, now)).await.unwrap();
        let awaited = store.awaited(stage.account, claimed.run.id, "email.replied", now);
        book.note("awaited signal", awaited).await.unwrap();

        // The queue.
        let waiting = QueueFilter::waiting(now);
        for (name, filter) in [
            ("queue page, by risk", waiting.clone()),
            ("queue page, by due time", QueueFilter { order: QueueOrder::Due, ..waiting.clone() }),
            ("queue page, newest", QueueFilter { order: QueueOrder::Newest, ..waiting.clone() }),
            (
                "queue page of one person",
                QueueFilter { assignee: Some(stage.csm), ..waiting.clone() },
            ),
        ] {
            // What fills the table cannot be read as approvals.
            let _unreadable = book.note(name, store.approvals(&filter, &one)).await;
        }
        book.note("one approval", store.approval(approval.id)).await.unwrap().unwrap();
        book.note("session", store.session("session", "h", now)).await.unwrap();
        book.note("snapshots", store.snapshots(&[stage.account], now)).await.unwrap();
        let settlement = stage.approve(&approval);
        book.note("decide", store.settle(settlement, now)).await.unwrap();

        // The outbox.
        let (limits, room) = (Limits::default(), Room::of_each(8));
        let messages = store.claim_messages_within(now, &room, LONG, &limits);
        let message = book.note("claim messages", messages).await.unwrap().remove(0);
        let letter = stage.letter();
        let begun = store.begin(&message, &letter, LONG, now, Some(9));
        book.note("begin a message", begun).await.unwrap();
        let outcome = Outcome::Delivered(Receipt { note: "250 ok".to_owned() });
        book.note("record a message", store.record(&message, &outcome, now)).await.unwrap();

        // Status and lists.
        let stuck = RunFilter { status: Some(RunStatus::Stuck), ..RunFilter::default() };
        let _unreadable = book.note("stuck runs", store.runs(&stuck, &one)).await;
        let _unreadable = book.note("all runs", store.runs(&RunFilter::default(), &one)).await;
        let queued = Some(MessageStatus::Queued);
        let _unreadable = book.note("queued messages", store.messages(queued, &one)).await;
        let open = TaskFilter { status: Some(TaskStatus::Open), ..TaskFilter::default() };
        let _unreadable = book.note("open tasks", store.tasks(&open, &one)).await;
        book.note("counts", store.counts()).await.unwrap();
        book.note("checkpoint", store.checkpoint(now)).await.unwrap();
        let pause = Intervention::Pause;
        let by = stage.by();
        book.note("pause", store.intervene(claimed.run.id, &pause, &by, now)).await.unwrap();
        book
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_run_often_finds_its_rows_by_the_indexes_the_readme_names() {
        // One after the other: what is run is noted whoever runs it.
        let sqlite = backend::sqlite().await;
        let book = calls(&sqlite).await;
        let mut wrong = book.compare(&sqlite).await;
        let case = "what_is_run_often_finds_its_rows_by_the_indexes_the_readme_names";
        if let Some(postgres) = backend::postgres(case).await {
            let book = calls(&postgres).await;
            wrong.extend(book.compare(&postgres).await);
            postgres.discard().await;
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
