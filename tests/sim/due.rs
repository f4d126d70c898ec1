//! What is due for a worker now, and when something will be: what its polling would come to find.

use rusqlite::Connection;

use super::book::Book;

/// What is due, for each machine by its own clock.
pub struct Due {
    version: i64,
    now: i64,
    /// When each is due, by machine: runs, messages, signals, schedules, the checkpoint.
    moments: Vec<[Vec<i64>; 5]>,
}

/// Rows of a time, and until when somebody holds it.
type Rows = Vec<(i64, Option<i64>)>;

impl Due {
    /// Reads it. `ahead` is how far each machine's clock is ahead.
    pub fn read(book: &mut Book, ahead: &[i64], checkpoint: i64) -> Self {
        let version = book.version();
        let found = rows(&book.eye);
        let (runs, messages, signals, schedules) = book.looked(found);
        let of = |rows: &Rows, ahead: i64| -> Vec<i64> {
            rows.iter()
                .map(|(at, held)| (at - ahead).max(held.map_or(i64::MIN, |held| held + 1)))
                .collect()
        };
        let moments = ahead
            .iter()
            .map(|ahead| {
                [
                    of(&runs, *ahead),
                    of(&messages, *ahead),
                    vec![i64::MIN; usize::try_from(signals).unwrap_or(0)],
                    of(&schedules, *ahead),
                    vec![checkpoint],
                ]
            })
            .collect();
        Self { version, now: book.time.micros(), moments }
    }

    /// The state of the database, and how much of a job there is for a machine now.
    pub fn seen(&self, slot: usize, job: &str) -> (i64, usize) {
        let place = super::world::JOBS.iter().position(|name| *name == job).unwrap_or(0);
        let due = self.moments[slot][place].iter().filter(|at| **at <= self.now).count();
        (self.version, due)
    }

    /// When something will be due for a machine.
    pub fn moments(&self, slot: usize) -> impl Iterator<Item = i64> {
        self.moments[slot].iter().flatten().copied().filter(|at| *at > self.now)
    }
}

fn rows(eye: &Connection) -> rusqlite::Result<(Rows, Rows, i64, Rows)> {
    let runs = pairs(
        eye,
        "SELECT wake_at, lease_until FROM runs WHERE status = 'active' AND wake_at IS NOT NULL",
    )?;
    let messages = pairs(
        eye,
        "SELECT next_at, CASE WHEN status = 'queued' THEN NULL ELSE lease_until END \
         FROM messages WHERE settled_at IS NULL",
    )?;
    let schedules = pairs(eye, "SELECT next_at, NULL FROM schedules")?;
    let mut signals = eye.prepare_cached("SELECT COUNT(*) FROM signals WHERE triggered = 0")?;
    let signals = signals.query_row([], |row| row.get(0))?;
    Ok((runs, messages, signals, schedules))
}

fn pairs(eye: &Connection, sql: &str) -> rusqlite::Result<Rows> {
    let mut statement = eye.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
