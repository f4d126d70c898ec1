//! Looks at the database after every step: what changed since, and whether it may have.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    approval::ApprovalStatus,
    chain::Verifier,
    event::{Event, StoredEvent},
    id::{MessageId, RunId, TaskId},
    message::MessageStatus,
    run::{Phase, Progress, RunStatus},
    task::TaskStatus,
};
use rusqlite::{Connection, params};

use super::{book::Book, order::Order, stage::Stage};

/// A run as it was seen last.
pub struct RunSeen {
    status: RunStatus,
    token: i64,
    changed: i64,
    /// As it is written.
    text: String,
    /// As it was read; none when it cannot be.
    progress: Option<Arc<Progress>>,
}

/// What was seen up to the last step.
pub struct Watch {
    stage: Arc<Stage>,
    version: i64,
    /// The last event.
    row: i64,
    chains: BTreeMap<String, Verifier>,
    orders: BTreeMap<String, Order>,
    runs: BTreeMap<String, RunSeen>,
    approvals: BTreeMap<String, (ApprovalStatus, i64)>,
    messages: BTreeMap<String, (MessageStatus, i64)>,
    /// Events so far, by kind.
    pub seen: BTreeMap<String, u64>,
    /// Looks that found something new.
    pub looks: u64,
}

/// A run's row.
struct RunRow {
    id: String,
    status: RunStatus,
    wake_at: Option<i64>,
    token: i64,
    held: bool,
    changed: i64,
    progress: String,
}

impl Watch {
    /// Nothing was seen yet.
    pub const fn new(stage: Arc<Stage>) -> Self {
        Self {
            stage,
            version: -1,
            row: 0,
            chains: BTreeMap::new(),
            orders: BTreeMap::new(),
            runs: BTreeMap::new(),
            approvals: BTreeMap::new(),
            messages: BTreeMap::new(),
            seen: BTreeMap::new(),
            looks: 0,
        }
    }

    /// The ends of all streams, as the chain was checked so far.
    pub fn heads(&self) -> impl Iterator<Item = (&str, i64, &[u8])> {
        self.chains.iter().map(|(stream, chain)| {
            let (seq, hash) = chain.head();
            (stream.as_str(), seq, hash)
        })
    }
}

impl Book {
    /// Which state of the database is looked at; another number when anything changed.
    pub fn version(&mut self) -> i64 {
        let found = self.eye.prepare_cached("PRAGMA data_version");
        let found = found.and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        self.looked(found)
    }

    /// Looks at what changed since the last look.
    pub fn look(&mut self) {
        let version = self.version();
        if version == self.watch.version {
            return;
        }
        self.watch.version = version;
        self.watch.looks += 1;
        self.look_at_events();
        self.look_at_approvals();
        self.look_at_messages();
        self.look_at_runs();
    }

    fn look_at_events(&mut self) {
        let found = events_after(&self.eye, self.watch.row);
        for (row, stored) in self.looked(found) {
            if row != self.watch.row + 1 {
                self.broken(format!("event {row} follows event {}", self.watch.row));
            }
            self.watch.row = row;
            let chain = self
                .watch
                .chains
                .entry(stored.stream.clone())
                .or_insert_with(|| Verifier::new(&stored.stream));
            if let Err(broken) = chain.next(&stored) {
                self.broken(broken.to_string());
            }
            let Ok(event) = serde_json::from_str::<Event>(&stored.data) else {
                self.broken(format!("event {row} cannot be read: {}", stored.data));
                continue;
            };
            if let Some(kind) = stored.data.split('"').nth(3) {
                *self.watch.seen.entry(kind.to_owned()).or_default() += 1;
            }
            if stored.stream.parse::<RunId>().is_ok() {
                let stage = Arc::clone(&self.watch.stage);
                let order = self.watch.orders.entry(stored.stream.clone());
                let order = order.or_insert_with(|| Order::new(stage));
                if let Err(what) = order.next(&event) {
                    self.broken(format!("{}: {what}", stored.stream));
                }
            }
        }
    }

    fn look_at_approvals(&mut self) {
        let found = rows(&self.eye, "SELECT id, status, revision FROM approvals");
        for (id, status, revision) in self.looked(found) {
            let Ok(status) = status.parse::<ApprovalStatus>() else {
                self.broken(format!("{id} is `{status}`"));
                continue;
            };
            let now = (status, revision);
            let Some(before) = self.watch.approvals.insert(id.clone(), now) else { continue };
            let open = matches!(before.0, ApprovalStatus::Waiting | ApprovalStatus::Redrafting);
            if before != now && !open {
                self.broken(format!("{id} was {}, which is final, and is {status}", before.0));
            }
            if revision < before.1 || (revision == before.1 && status != before.0) {
                self.broken(format!("{id} changed from revision {} to {revision}", before.1));
            }
        }
    }

    fn look_at_messages(&mut self) {
        let found = rows(&self.eye, "SELECT id, status, token FROM messages");
        for (id, status, token) in self.looked(found) {
            let Ok(status) = status.parse::<MessageStatus>() else {
                self.broken(format!("{id} is `{status}`"));
                continue;
            };
            let before = self.watch.messages.insert(id.clone(), (status, token));
            let Some((was, had)) = before else { continue };
            if token < had {
                self.broken(format!("{id}: its fencing token fell from {had} to {token}"));
            }
            let is_final = matches!(was, MessageStatus::Delivered | MessageStatus::Refused);
            if is_final && status != was {
                self.broken(format!("{id} was {was}, which is final, and is {status}"));
            }
        }
    }

    fn look_at_runs(&mut self) {
        let found = run_rows(&self.eye);
        for run in self.looked(found) {
            let before = self.watch.runs.remove(&run.id);
            let same = before.as_ref().filter(|before| before.text == run.progress);
            let progress = match same {
                Some(before) => before.progress.clone(),
                None => serde_json::from_str(&run.progress).ok().map(Arc::new),
            };
            let seen = RunSeen {
                status: run.status,
                token: run.token,
                changed: run.changed,
                text: run.progress.clone(),
                progress: progress.clone(),
            };
            self.watch.runs.insert(run.id.clone(), seen);
            if let Some(before) = before {
                if run.token < before.token {
                    self.broken(format!("{}: its fencing token fell", run.id));
                }
                if before.status.is_over()
                    && (run.status, run.changed) != (before.status, before.changed)
                {
                    self.broken(format!("{} was over and changed", run.id));
                }
            }
            if run.status.is_over() {
                let said = self.watch.orders.get(&run.id).is_some_and(Order::is_over);
                if !said {
                    self.broken(format!("{} is over, and its trail does not say so", run.id));
                }
                continue;
            }
            let Some(progress) = progress else {
                self.broken(format!("{}: its progress cannot be read", run.id));
                continue;
            };
            let step = self.watch.orders.get(&run.id).map(|order| order.step().to_owned());
            if step.as_deref() != Some(progress.step.as_str()) {
                self.broken(format!(
                    "{} is at step `{}`, and its trail at `{}`",
                    run.id,
                    progress.step,
                    step.unwrap_or_default()
                ));
            }
            if let Some(why) = self.lost(&run, &progress) {
                self.broken(format!("{} is lost: {why}", run.id));
            }
        }
    }

    /// Why nothing would ever move a run again, if so.
    fn lost(&mut self, run: &RunRow, progress: &Progress) -> Option<String> {
        match run.status {
            RunStatus::Stuck if progress.dead_end.is_none() => {
                return Some("it is stuck and does not say why".to_owned());
            }
            RunStatus::Active if run.wake_at.is_none() && !run.held => {}
            _ => return None,
        }
        match &progress.phase {
            Phase::AwaitingDelivery { message } => self.no_message(*message),
            Phase::AwaitingTask { task, until: None } => self.no_task(*task),
            phase => Some(format!("nothing wakes it from {phase:?}")),
        }
    }

    fn no_message(&mut self, id: MessageId) -> Option<String> {
        let found = self.eye.prepare_cached("SELECT status FROM messages WHERE id = ?1");
        let found = found.and_then(|mut statement| {
            statement.query_row(params![id.to_string()], |row| row.get::<_, String>(0))
        });
        match self.looked(found).parse::<MessageStatus>() {
            // A person says what became of an uncertain one; that wakes the run.
            Ok(MessageStatus::Uncertain) => None,
            Ok(status) if !status.is_settled() => None,
            Ok(status) => Some(format!("it waits for {id}, which is {status}")),
            Err(_) => Some(format!("it waits for {id}, which is not there")),
        }
    }

    fn no_task(&mut self, id: TaskId) -> Option<String> {
        let found = self.eye.prepare_cached("SELECT status FROM tasks WHERE id = ?1");
        let found = found.and_then(|mut statement| {
            statement.query_row(params![id.to_string()], |row| row.get::<_, String>(0))
        });
        match self.looked(found).parse::<TaskStatus>() {
            Ok(TaskStatus::Open) => None,
            _ => Some(format!("it waits for {id}, which is not open")),
        }
    }
}

/// Rows of an id, a word and a number.
fn rows(eye: &Connection, sql: &str) -> rusqlite::Result<Vec<(String, String, i64)>> {
    let mut statement = eye.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

fn events_after(eye: &Connection, row: i64) -> rusqlite::Result<Vec<(i64, StoredEvent)>> {
    let mut statement = eye.prepare_cached(
        "SELECT rowid, stream, seq, at, actor, data, prev, hash FROM events WHERE rowid > ?1 \
         ORDER BY rowid",
    )?;
    let rows = statement.query_map(params![row], |row| {
        let event = StoredEvent {
            stream: row.get(1)?,
            seq: row.get(2)?,
            at: row.get(3)?,
            actor: row.get(4)?,
            data: row.get(5)?,
            prev: row.get(6)?,
            hash: row.get(7)?,
        };
        Ok((row.get(0)?, event))
    })?;
    rows.collect()
}

fn run_rows(eye: &Connection) -> rusqlite::Result<Vec<RunRow>> {
    let mut statement = eye.prepare_cached(
        "SELECT id, status, wake_at, lease_token, lease_until, changed_at, \
         CASE WHEN status IN ('completed', 'cancelled') THEN '' ELSE progress END FROM runs",
    )?;
    let rows = statement.query_map([], |row| {
        let status: String = row.get(1)?;
        Ok(RunRow {
            id: row.get(0)?,
            status: status.parse().unwrap_or(RunStatus::Stuck),
            wake_at: row.get(2)?,
            token: row.get(3)?,
            held: row.get::<_, Option<i64>>(4)?.is_some(),
            changed: row.get(5)?,
            progress: row.get(6)?,
        })
    })?;
    rows.collect()
}
