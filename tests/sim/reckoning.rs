//! The whole reckoning of a seed: everything the database says, held against what really happened.

use std::collections::BTreeMap;

use anyhow::Result;
use domain::{
    approval::ApprovalStatus,
    event::Event,
    id::{MessageId, RunId},
    message::MessageStatus,
    page::PageRequest,
    port::{Inbox as _, Journal as _, Outbox as _, QueueFilter, RunFilter, TaskFilter},
    run::{Intervention, RunStatus},
    task::TaskStatus,
};
use rusqlite::params;

use super::{
    office::{Act, Decision},
    outside::{resolve, restart, words},
    time::DAY,
    weather::Weather,
    world::{OFFICE, World},
};

/// Rounds in which people tidy up before what is left counts as lost.
const ROUNDS: usize = 400;

impl World {
    /// Faults end; everybody comes back; what is due is done.
    pub fn calm(&mut self) -> Result<()> {
        self.story.remark("-- the year is over, and nothing goes wrong any more");
        self.weather = Weather::CALM;
        self.over = true;
        for slot in 0..self.machines.len() {
            self.machines[slot].clock.set(0);
            self.frozen[slot] = 0;
            self.down[slot] = 0;
            if let Some(process) = &self.processes[slot] {
                process.gate.stall_nobody();
            }
        }
        self.rest()?;
        if self.is_broken() {
            return Ok(());
        }
        self.reckon_intake();
        let due = self.due();
        let stopped = !words::<String>(&mut self.book(), "SELECT scope FROM kills").is_empty();
        for (job, what) in [("advance", "runs"), ("deliver", "messages"), ("trigger", "signals")] {
            let (_, left) = due.seen(0, job);
            if left > 0 && !(stopped && job == "deliver") {
                self.book().broken(format!("{left} {what} are due, and nobody takes them"));
            }
        }
        Ok(())
    }

    /// Goes on until nothing more happens at this moment.
    fn rest(&mut self) -> Result<()> {
        loop {
            self.wake();
            if self.is_given_up() || !self.step()? {
                // Somebody may be waiting for milliseconds only.
                let soon = self.next_moment();
                if self.is_broken() || soon > self.now() + 2_000_000 {
                    return Ok(());
                }
                self.ground.time.reach(soon);
            }
        }
    }

    /// People do all that waits for them, and time passes, until every run is over.
    pub fn tidy(&mut self) -> Result<()> {
        self.story.remark("-- people tidy up");
        let user = self.stage.people[2];
        self.act(Act::Load(Vec::new(), user));
        self.rest()?;
        let mut tried: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..ROUNDS {
            if self.is_given_up() {
                return Ok(());
            }
            let acts = self.left_to_do(&mut tried);
            let any = !acts.is_empty();
            for act in acts {
                self.act(act);
                self.rest()?;
            }
            let open = words::<String>(
                &mut self.book(),
                "SELECT id FROM runs WHERE status NOT IN ('completed', 'cancelled') UNION ALL \
                 SELECT id FROM messages WHERE settled_at IS NULL",
            );
            if open.is_empty() {
                return Ok(());
            }
            if !any {
                let next = self.next_moment();
                if next == i64::MAX || next > self.now() + 400 * DAY {
                    break;
                }
                self.ground.time.reach(next);
                self.rest()?;
            }
        }
        let open = words::<String>(
            &mut self.book(),
            "SELECT id || ', ' || status || ' at ' || step FROM runs \
             WHERE status NOT IN ('completed', 'cancelled') UNION ALL \
             SELECT id || ', ' || status FROM messages WHERE settled_at IS NULL",
        );
        for what in open {
            self.book().broken(format!("{what}: it does not come to its end"));
        }
        Ok(())
    }

    /// Everything that waits for a person.
    fn left_to_do(&mut self, tried: &mut BTreeMap<String, u32>) -> Vec<Act> {
        let user = self.stage.people[2];
        let mut chance = self.chance.clone();
        let mut book = self.book();
        let mut acts = restart(&mut book, user, &mut chance);
        acts.extend(resolve(&mut book, &mut chance, user));
        let of =
            |status: &str| format!("SELECT id FROM runs WHERE status = '{status}' ORDER BY id");
        for run in words::<RunId>(&mut book, &of("paused")) {
            acts.push(Act::Steer(run, Intervention::Resume, user));
        }
        let mut again = |what: String| {
            let count = tried.entry(what).or_default();
            *count += 1;
            *count
        };
        for run in words::<RunId>(&mut book, &of("stuck")) {
            let what = if again(run.to_string()) <= 3 {
                Intervention::Retry
            } else {
                Intervention::Cancel { reason: "it stays stuck".to_owned() }
            };
            acts.push(Act::Steer(run, what, user));
        }
        let waiting = words::<domain::id::ApprovalId>(
            &mut book,
            "SELECT id FROM approvals WHERE status = 'waiting' ORDER BY id",
        );
        for approval in waiting {
            let decision =
                if again(approval.to_string()) <= 2 { Decision::Approve } else { Decision::Reject };
            acts.push(Act::Decide(approval, user, decision));
        }
        let tasks = words::<domain::id::TaskId>(
            &mut book,
            "SELECT tasks.id FROM tasks JOIN runs ON runs.id = tasks.run \
             WHERE tasks.status = 'open' AND runs.status = 'active' ORDER BY tasks.id",
        );
        acts.extend(tasks.into_iter().map(|task| Act::Finish(task, user)));
        drop(book);
        self.chance = chance;
        acts
    }

    /// Holds everything against everything.
    pub fn reckon(&mut self) -> Result<()> {
        self.count("whole reckonings");
        self.reckon_trail()?;
        self.reckon_counts()?;
        self.reckon_messages();
        self.reckon_decisions();
        self.reckon_tasks();
        Ok(())
    }

    fn reckon_trail(&self) -> Result<()> {
        let store = &self.machines[OFFICE].store;
        let report = self.backstage.wait(cli::audit::verify(store, &|_| {}))?;
        let mut book = self.book();
        for fault in report.faults {
            book.broken(format!("audit: {fault}"));
        }
        // A chain that verifies may still be another one than was seen as it grew.
        let found = book.eye.prepare_cached("SELECT name, seq, hash FROM streams ORDER BY name");
        let found = found.and_then(|mut statement| {
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        let stored = book.looked(found);
        let seen: Vec<_> = book
            .watch
            .heads()
            .map(|(stream, seq, hash)| (stream.to_owned(), seq, hash.to_owned()))
            .collect();
        if stored != seen {
            book.broken("the ends of the streams are not those that were seen");
        }
        Ok(())
    }

    /// Counts equal lists, however they are asked for.
    fn reckon_counts(&self) -> Result<()> {
        let store = &self.machines[OFFICE].store;
        let page = PageRequest { cursor: None, limit: 1 };
        let backstage = &self.backstage;
        let counts = backstage.wait(store.counts())?;
        let mut wrong = Vec::new();
        for status in RunStatus::ALL {
            let filter = RunFilter { status: Some(*status), ..RunFilter::default() };
            let listed = backstage.wait(store.runs(&filter, &page))?.total;
            let counted = counts.runs.get(status.as_str()).copied().unwrap_or(0).unsigned_abs();
            wrong
                .extend((listed != counted).then(|| format!("{status} runs: {counted}, {listed}")));
        }
        for status in ApprovalStatus::ALL {
            let filter = QueueFilter { status: Some(*status), ..QueueFilter::all() };
            let listed = backstage.wait(store.approvals(&filter, &page))?.total;
            let counted =
                counts.approvals.get(status.as_str()).copied().unwrap_or(0).unsigned_abs();
            wrong.extend((listed != counted).then(|| format!("{status}: {counted}, {listed}")));
        }
        for status in MessageStatus::ALL {
            let listed = backstage.wait(store.messages(Some(*status), &page))?.total;
            let counted = counts.messages.get(status.as_str()).copied().unwrap_or(0).unsigned_abs();
            wrong.extend((listed != counted).then(|| format!("{status}: {counted}, {listed}")));
        }
        for status in TaskStatus::ALL {
            let filter = TaskFilter { status: Some(*status), ..TaskFilter::default() };
            let listed = backstage.wait(store.tasks(&filter, &page))?.total;
            let counted = counts.tasks.get(status.as_str()).copied().unwrap_or(0).unsigned_abs();
            wrong.extend((listed != counted).then(|| format!("{status}: {counted}, {listed}")));
        }
        for what in wrong {
            self.book().broken(format!("counted and listed: {what}"));
        }
        Ok(())
    }

    /// What is said of each message is what became of it.
    fn reckon_messages(&self) {
        let mut book = self.book();
        let found = book.eye.prepare_cached(
            "SELECT messages.id, messages.status, messages.note, approvals.status FROM messages \
             JOIN approvals ON approvals.id = messages.approval",
        );
        let found = found.and_then(|mut statement| {
            let rows = statement.query_map(params![], |row| {
                let row: (String, String, String, String) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(row)
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        let rows = book.looked(found);
        let mut known = std::collections::BTreeSet::new();
        for (id, status, note, approval) in rows {
            let (Ok(message), Ok(status)) = (id.parse::<MessageId>(), status.parse()) else {
                book.broken(format!("{id} is `{status}`"));
                continue;
            };
            known.insert(message);
            if approval != "approved" {
                book.broken(format!("{id} is in the outbox, and its approval is {approval}"));
            }
            let came = !book.post.of(message).is_empty();
            match status {
                MessageStatus::Delivered if !came && !book.vouched.contains(&message) => {
                    book.broken(format!("{id} counts as delivered and never arrived"));
                }
                MessageStatus::Refused | MessageStatus::Failed if came => {
                    book.broken(format!("{id} arrived and counts as {status}: {note}"));
                }
                MessageStatus::Refused | MessageStatus::Failed | MessageStatus::Uncertain
                    if note.is_empty() =>
                {
                    book.broken(format!("{id} is {status} and does not say why"));
                }
                MessageStatus::Queued if came => {
                    book.broken(format!("{id} arrived and counts as {status}"));
                }
                _ => {}
            }
        }
        let unknown: Vec<MessageId> = book.post.ids().filter(|id| !known.contains(id)).collect();
        for id in unknown {
            book.broken(format!("{id} arrived and is not in the outbox"));
        }
    }

    /// Every decision to let something go has its message.
    fn reckon_decisions(&self) {
        let mut book = self.book();
        let lone = words::<String>(
            &mut book,
            "SELECT approvals.id FROM approvals WHERE approvals.status = 'approved' \
             AND NOT EXISTS (SELECT 1 FROM messages WHERE messages.approval = approvals.id)",
        );
        for id in lone {
            book.broken(format!("{id} is approved, and there is no message"));
        }
        let accepted: Vec<_> = book.accepted.keys().copied().collect();
        for id in accepted {
            let status = super::book::read_approval(&book.eye, id);
            let status = book.looked(status).map(|approval| approval.state.status());
            if status != Some(ApprovalStatus::Approved) {
                book.broken(format!("{id} was accepted and is {status:?}"));
            }
        }
        let orphans = words::<String>(
            &mut book,
            "SELECT approvals.id || ' of ' || runs.id || ', ' || runs.status FROM approvals \
             JOIN runs ON runs.id = approvals.run WHERE approvals.status IN ('waiting', 'redrafting') \
             AND (runs.status IN ('completed', 'cancelled') OR runs.step <> approvals.step)",
        );
        for orphan in orphans {
            book.broken(format!("{orphan}: it is open, and its run is elsewhere"));
        }
    }

    /// Each task was made by one event, and each such event made a task.
    fn reckon_tasks(&self) {
        let mut book = self.book();
        let said = words::<String>(
            &mut book,
            "SELECT data FROM events WHERE data LIKE '{\"event\":\"task_created\"%'",
        );
        let mut made: BTreeMap<String, u32> = BTreeMap::new();
        for data in said {
            if let Ok(Event::TaskCreated { task, .. }) = serde_json::from_str(&data) {
                *made.entry(task.to_string()).or_default() += 1;
            }
        }
        let tasks = words::<String>(&mut book, "SELECT id FROM tasks");
        for task in tasks {
            let count = made.remove(&task).unwrap_or(0);
            if count != 1 {
                book.broken(format!("{task} was made {count} times, going by the trail"));
            }
        }
    }
}
