//! What came in, held against what became of it: nothing is lost, and nothing starts twice.

use super::{outside::words, stage::STARTS, time::DAY, world::World};

/// The playbooks that signals start, with the days in which they start once for an account.
const ONCE: [(&str, &str, i64); 2] = [(STARTS[0], "sim-care", 20), (STARTS[1], "sim-alarm", 10)];

/// How far clocks are from each other at most, in days.
const APART: i64 = 3;

impl World {
    /// Every signal that was taken is there and was answered: with a run, or with a word why not.
    pub(super) fn reckon_intake(&self) {
        let mut book = self.book();
        let known: std::collections::BTreeSet<String> =
            words(&mut book, "SELECT source || ' ' || event_id FROM signals").into_iter().collect();
        let lost: Vec<String> = book.signals.difference(&known).cloned().collect();
        for signal in lost {
            book.broken(format!("signal {signal} was taken and is not there"));
        }
        for (kind, playbook, days) in ONCE {
            let unanswered = words::<String>(
                &mut book,
                &format!(
                    "SELECT signals.id FROM signals WHERE signals.kind = '{kind}' \
                     AND NOT EXISTS (SELECT 1 FROM runs \
                     WHERE runs.request_key = '{playbook}:' || signals.id) \
                     AND NOT EXISTS (SELECT 1 FROM events WHERE events.stream = 'signal' \
                     AND events.data LIKE '%\"{playbook}\"%' || signals.account || '%{kind}%')"
                ),
            );
            for signal in unanswered {
                book.broken(format!("{signal} started nothing, and nobody says why"));
            }
            // Which came first the rows say; clocks that are apart may not.
            let close = words::<String>(
                &mut book,
                &format!(
                    "SELECT a.id || ' and ' || b.id FROM runs AS a JOIN runs AS b \
                     ON a.playbook = b.playbook AND a.account = b.account \
                     AND a.rowid < b.rowid WHERE a.playbook = '{playbook}' \
                     AND b.cause NOT LIKE '%\"trigger\":\"manual\"%' \
                     AND ABS(b.started_at - a.started_at) < {}",
                    (days - APART) * DAY
                ),
            );
            for pair in close {
                book.broken(format!("{pair} started within {days} days"));
            }
        }
        let undone: Vec<String> = words(&mut book, "SELECT id FROM tasks WHERE status = 'open'");
        let finished: Vec<String> =
            undone.into_iter().filter(|task| book.finished.contains(task)).collect();
        for task in finished {
            book.broken(format!("{task} was finished and is open"));
        }
    }
}
