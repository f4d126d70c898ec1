//! Much that is over, much that waits, and little that is due.

use std::fmt::Write as _;

use crate::backend::Backend;

/// Rows of every table that grows, without the checks of references.
const ROWS: &str = "
INSERT INTO accounts (id, source, source_id, row_hash, name, name_key, search_key, segment, tier,
lifecycle, status, arr_minor, arr_currency, arr_given, renewal_given, as_of)
SELECT 'acc_' || ID, 'x', n, '', 'x', 'x', 'x', 'smb', 'core', 'adoption', 'active', 0, 'EUR', 0, 0, n
FROM n;
INSERT INTO contacts (id, account, source, source_id, row_hash, given_name, family_name, role,
consent, as_of) SELECT 'con_' || ID, 'acc_' || ID, 'x', n, '', 'x', 'x', 'champion', 'contractual', n
FROM n;
INSERT INTO runs (id, request_key, playbook, version, account, cause, status, step, progress,
wake_at, wakes, lease_token, lease_until, started_at, changed_at)
SELECT 'run_' || ID, 'k' || n, 'playbook-' || n % 12, 'v', 'acc_' || ID, '{}',
CASE WHEN n % 2 = 0 THEN 'completed' WHEN n % 501 = 0 THEN 'stuck' ELSE 'active' END, 's', '{}',
CASE WHEN n % 4 = 1 AND n % 501 > 0 THEN 9000000000000000 + n END, 0, 0, NULL, n, n FROM n;
INSERT INTO streams (name, seq, hash, covered) SELECT 'run_' || ID, 2, 'HASH', 2 FROM n;
INSERT INTO events (stream, seq, at, actor, data, prev, hash)
SELECT 'run_' || ID, 1, n, '{}', '{}', 'HASH', 'HASH' FROM n;
INSERT INTO events (stream, seq, at, actor, data, prev, hash)
SELECT 'run_' || ID, 2, n, '{}', '{}', 'HASH', 'HASH' FROM n;
INSERT INTO contents (id, subject, bytes) SELECT 'cnt_' || ID, 'con_' || ID, 'HASH' FROM n;
INSERT INTO approvals (id, run, step, playbook, account, contact, action, risk_order, assignee,
queued_at, due_at, status, revision, data)
SELECT 'apv_' || ID, 'run_' || ID, 's', 'playbook-' || n % 12, 'acc_' || ID, 'con_' || ID,
'send_email', n % 3, CASE WHEN n % 9 = 0 THEN (SELECT MIN(id) FROM users) END, n, n * 7 % 90000,
CASE WHEN n % 3 = 0 THEN 'waiting' ELSE 'approved' END, 1, BULK FROM n;
INSERT INTO versions (approval, number, content, data)
SELECT 'apv_' || ID, 1, 'cnt_' || ID, '{}' FROM n;
INSERT INTO messages (id, approval, run, step, account, contact, content, binding, status, attempts,
next_at, note, queued_at, settled_at, token, playbook, action, begun_at)
SELECT 'msg_' || ID, 'apv_' || ID, 'run_' || ID, 's', 'acc_' || ID, 'con_' || ID, 'cnt_' || ID, 'b',
'delivered', 1, n, '', n, n, 1, 'playbook-' || n % 12, 'send_email', n FROM n;
INSERT INTO tasks (id, kind, account, run, step, team, title, body, created_at, due_at, status)
SELECT 'tsk_' || ID, 'notice', 'acc_' || ID, 'run_' || ID, 's', 'csm', 't', '', n, n,
CASE WHEN n % 20 = 0 THEN 'open' ELSE 'done' END FROM n;
INSERT INTO signals (id, source, event_id, kind, account, happened_at, received_at, data, triggered)
SELECT 'sig_' || ID, 'x', n, 'usage.dropped', 'acc_' || ID, n, n, '{}', 1 FROM n;
INSERT INTO secrets (hash, kind, user_id, issued_at, expires_at)
SELECT 'h' || n, 'session', (SELECT MIN(id) FROM users), n, 9000000000000000 FROM n;
INSERT INTO usage_days (source, source_id, row_hash, account, day, feature, events, seconds, errors,
as_of) SELECT 'x', n, '', 'acc_' || ID, '2026-04-01', 'core', 1, 1, 0, n FROM n;
INSERT INTO tickets (source, source_id, row_hash, account, subject, body, priority, opened_at,
escalated, as_of) SELECT 'x', n, '', 'acc_' || ID, 's', '', 'normal', n, 0, n FROM n;
INSERT INTO subscriptions (source, source_id, row_hash, account, product, starts_on, arr_minor,
arr_currency, is_trial, auto_renew, as_of)
SELECT 'x', n, '', 'acc_' || ID, 'core', '2026-01-01', 1, 'EUR', 0, 1, n FROM n;
INSERT INTO surveys (source, source_id, row_hash, account, kind, score, answered_at, as_of)
SELECT 'x', n, '', 'acc_' || ID, 'nps', 9, n, n FROM n;
INSERT INTO meetings (source, source_id, row_hash, account, kind, held_at, attendees, notes,
next_steps, as_of) SELECT 'x', n, '', 'acc_' || ID, 'qbr', n, '[]', '', '', n FROM n;
INSERT INTO emails (source, source_id, row_hash, account, thread, direction, subject, body, sent_at,
as_of) SELECT 'x', n, '', 'acc_' || ID, 't', 'in', 's', '', n, n FROM n;
INSERT INTO churns (source, source_id, row_hash, account, day, reason, reactivation, as_of)
SELECT 'x', n, '', 'acc_' || ID, '2026-01-01', 'price', 0, n FROM n WHERE n % 10 = 0;
INSERT INTO subject_keys (contact, wrapped, made_at, master) SELECT 'con_' || ID, 'HASH', n, 'm' FROM n;
INSERT INTO pseudonyms (run, wrapped, master, bytes, revision, changed_at)
SELECT 'run_' || ID, 'HASH', 'm', 'HASH', 1, n FROM n;
INSERT INTO erasures (id, contact, at, hash, data) SELECT 'ers_' || ID, 'con_' || ID, n, 'h', '{}'
FROM n WHERE n % 10 = 0;
INSERT INTO checkpoints (number, at, root, prev, hash)
SELECT n, n, 'HASH', 'HASH', 'HASH' FROM n WHERE n % 10 = 0;
INSERT INTO checkpoint_heads (number, stream, seq, hash)
SELECT n, 'run_' || ID, 2, 'HASH' FROM n WHERE n % 10 = 0;
";

/// Fills the tables. PostgreSQL decides by how much there is of what; SQLite by indexes alone.
pub(crate) async fn fill(backend: &Backend) {
    let (count, hash, bulk) = if backend.is_postgres() {
        (50_000, "'\\x00'::bytea", "repeat('x', 500)")
    } else {
        (400, "x'00'", "hex(zeroblob(250))")
    };
    // 32 digits in all, as ids have. An approval has a draft in it: that is what makes walking many
    // dear.
    let rows = ROWS
        .replace("'HASH'", hash)
        .replace("BULK", bulk)
        .replace("ID", "'0000000000000000000000000' || (1000000 + n)");
    let mut script = String::new();
    for statement in rows.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        writeln!(
            script,
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) \
             {statement};"
        )
        .expect("memory takes it");
    }
    let script = if backend.is_postgres() {
        format!("SET session_replication_role = replica;\n{script}")
    } else {
        format!("PRAGMA foreign_keys = OFF;\n{script}")
    };
    backend.behind_the_back(script.leak()).await.unwrap();
    if backend.is_postgres() {
        // As autovacuum leaves them: with statistics, and with pages known to be visible to all.
        backend.behind_the_back("VACUUM ANALYZE").await.unwrap();
    }
}
