//! What is due for a worker now, and when something will be: what its polling would come to find.

use std::sync::Arc;

use rusqlite::Connection;

use super::{book::Book, world::JOBS};

/// What is due, for each machine by its own clock.
pub struct Due {
    version: i64,
    now: i64,
    /// How far each machine's clock is ahead.
    ahead: Vec<i64>,
    checkpoint: i64,
    rows: Arc<Rows>,
}

/// When each is due by a clock that is right, and until when somebody holds it.
type Moments = Vec<(i64, Option<i64>)>;

/// What one state of the database has to do.
#[derive(Default)]
pub struct Rows {
    runs: Moments,
    messages: Moments,
    /// Signals nobody looked at.
    signals: usize,
    schedules: Moments,
}

impl Due {
    /// Reads it. `ahead` is how far each machine's clock is ahead.
    pub fn read(book: &mut Book, ahead: Vec<i64>, checkpoint: i64) -> Self {
        let version = book.version();
        let known = book.due.as_ref().filter(|(of, _)| *of == version);
        let rows = if let Some((_, rows)) = known {
            Arc::clone(rows)
        } else {
            let found = rows(&book.eye);
            let rows = Arc::new(book.looked(found));
            book.due = Some((version, Arc::clone(&rows)));
            rows
        };
        Self { version, now: book.time.micros(), ahead, checkpoint, rows }
    }

    /// The state of the database, and how much of a job there is for a machine now.
    pub fn seen(&self, slot: usize, job: &str) -> (i64, usize) {
        let due = match JOBS.iter().position(|name| *name == job) {
            Some(2) => self.rows.signals,
            Some(4) => usize::from(self.checkpoint <= self.now),
            Some(1) => self.count(&self.rows.messages, slot),
            Some(3) => self.count(&self.rows.schedules, slot),
            _ => self.count(&self.rows.runs, slot),
        };
        (self.version, due)
    }

    /// When something will be due for a machine.
    pub fn moments(&self, slot: usize) -> impl Iterator<Item = i64> {
        let Rows { runs, messages, schedules, .. } = &*self.rows;
        let all = runs.iter().chain(messages).chain(schedules);
        let all = all.map(move |row| self.at(row, slot));
        all.chain([self.checkpoint]).filter(|at| *at > self.now)
    }

    fn at(&self, (at, held): &(i64, Option<i64>), slot: usize) -> i64 {
        (at - self.ahead[slot]).max(held.map_or(i64::MIN, |held| held + 1))
    }

    fn count(&self, rows: &Moments, slot: usize) -> usize {
        rows.iter().filter(|row| self.at(row, slot) <= self.now).count()
    }
}

fn rows(eye: &Connection) -> rusqlite::Result<Rows> {
    let runs = moments(
        eye,
        "SELECT wake_at, lease_until FROM runs WHERE status = 'active' AND wake_at IS NOT NULL",
    )?;
    let messages = moments(
        eye,
        "SELECT next_at, CASE WHEN messages.status = 'queued' THEN NULL \
         ELSE messages.lease_until END FROM messages JOIN runs ON runs.id = messages.run \
         WHERE settled_at IS NULL AND (messages.status = 'transmitting' OR runs.status <> 'paused')",
    )?;
    let schedules = moments(eye, "SELECT next_at, NULL FROM schedules")?;
    let mut signals = eye.prepare_cached("SELECT COUNT(*) FROM signals WHERE triggered = 0")?;
    let signals: i64 = signals.query_row([], |row| row.get(0))?;
    Ok(Rows { runs, messages, signals: usize::try_from(signals).unwrap_or(0), schedules })
}

fn moments(eye: &Connection, sql: &str) -> rusqlite::Result<Moments> {
    let mut statement = eye.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
