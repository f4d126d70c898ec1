//! Approvals and their versions as stored.

use std::collections::HashMap;

use domain::{
    action::Severity,
    approval::{Approval, ApprovalState},
    content::Sealed,
    draft::Version,
    id::ApprovalId,
    message::Outgoing,
    port::{StoreError, Work},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    connection::Tx,
    sql::{Value, sql},
};

/// High risk first when sorted upwards.
const fn risk_order(risk: Severity) -> i64 {
    match risk {
        Severity::High => 0,
        Severity::Medium => 1,
        Severity::Low => 2,
    }
}

/// The sort key of the riskiest-first order.
pub(crate) fn risk_key(approval: &Approval) -> (i64, Timestamp, ApprovalId) {
    (risk_order(approval.risk), approval.due_at, approval.id)
}

/// The revisions of those approvals that are stored, locked.
pub(crate) async fn revisions(
    tx: &mut Tx,
    ids: &[ApprovalId],
) -> Result<HashMap<ApprovalId, i64>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    tx.fetch(
        sql!("SELECT id, revision FROM approvals WHERE id" {among "$1"} "ORDER BY id" {lock}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| Ok((row.word("id")?, row.int("revision")?)))
    .collect()
}

/// Stores approvals as they are, new or in place of the ones stored, with their latest versions.
/// The content of a new version must be stored already.
pub(crate) async fn put(tx: &mut Tx, approvals: &[Approval]) -> Result<(), StoreError> {
    if approvals.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = approvals
        .iter()
        .map(|approval| {
            let snoozed_until = match &approval.state {
                ApprovalState::Waiting { snoozed_until } => *snoozed_until,
                _ => None,
            };
            json!({
                "id": approval.id,
                "run": approval.run,
                "step": approval.step,
                "playbook": approval.playbook,
                "account": approval.account,
                "contact": approval.contact,
                "action": approval.action,
                "risk_order": risk_order(approval.risk),
                "assignee": approval.assignee,
                "queued_at": approval.queued_at.as_microsecond(),
                "due_at": approval.due_at.as_microsecond(),
                "status": approval.state.status(),
                "snoozed_until": snoozed_until.map(Timestamp::as_microsecond),
                "revision": approval.revision,
                "data": json!(approval).to_string(),
                "number": approval.version.number,
                "content": approval.version.content,
                "version": json!(approval.version).to_string(),
            })
        })
        .collect();
    let rows = Value::rows(rows);
    tx.execute(
        sql!("INSERT INTO approvals (id, run, step, playbook, account, contact, action, "
            "risk_order, assignee, queued_at, due_at, status, snoozed_until, revision, data) "
            "SELECT r.id, r.run, r.step, r.playbook, r.account, r.contact, r.action, "
            "r.risk_order, r.assignee, r.queued_at, r.due_at, r.status, r.snoozed_until, "
            "r.revision, r.data FROM "
            {rows "$1" (
                id TEXT, run TEXT, step TEXT, playbook TEXT, account TEXT, contact TEXT,
                action TEXT, risk_order BIGINT, assignee TEXT, queued_at BIGINT, due_at BIGINT,
                status TEXT, snoozed_until BIGINT, revision BIGINT, data TEXT
            )}
            "WHERE true ON CONFLICT (id) DO UPDATE SET risk_order = excluded.risk_order, "
            "assignee = excluded.assignee, due_at = excluded.due_at, status = excluded.status, "
            "snoozed_until = excluded.snoozed_until, revision = excluded.revision, "
            "data = excluded.data"),
        vec![rows.clone()],
    )
    .await?;
    tx.execute(
        sql!("INSERT INTO versions (approval, number, content, data) "
            "SELECT r.id, r.number, r.content, r.version FROM "
            {rows "$1" (id TEXT, number BIGINT, content TEXT, version TEXT)}
            "WHERE true ON CONFLICT (approval, number) DO NOTHING"),
        vec![rows],
    )
    .await?;
    Ok(())
}

/// All versions of an approval's draft, oldest first.
pub(crate) async fn versions(tx: &mut Tx, id: ApprovalId) -> Result<Vec<Version>, StoreError> {
    tx.fetch(
        sql!("SELECT data FROM versions WHERE approval = $1 ORDER BY number"),
        vec![Value::word(id)],
    )
    .await?
    .iter()
    .map(|row| row.json("data"))
    .collect()
}

/// Stores sealed content; what is stored already stays as it is.
pub(crate) async fn seal(tx: &mut Tx, contents: &[Sealed]) -> Result<(), StoreError> {
    if contents.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = contents
        .iter()
        .map(|content| {
            json!({
                "id": content.id,
                "subject": content.subject,
                "bytes": hex::encode(&content.bytes),
            })
        })
        .collect();
    tx.execute(
        sql!("INSERT INTO contents (id, subject, bytes) SELECT r.id, r.subject, r.bytes FROM "
            {rows "$1" (id TEXT, subject TEXT, bytes BYTES)}
            "WHERE true ON CONFLICT (id) DO NOTHING"),
        vec![Value::rows(rows)],
    )
    .await?;
    Ok(())
}

/// Puts granted messages in the outbox. A message's id is a function of run and step, so a second
/// grant for the same step changes nothing.
pub(crate) async fn enqueue(
    tx: &mut Tx,
    messages: &[Outgoing],
    now: Timestamp,
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    tx.stir(Work::Outbox);
    let rows: Vec<_> = messages
        .iter()
        .map(|message| {
            json!({
                "id": message.id(),
                "approval": message.approval(),
                "run": message.run(),
                "step": message.step(),
                "account": message.account(),
                "contact": message.contact(),
                "channel": message.channel(),
                "content": message.content(),
                "binding": message.binding(),
            })
        })
        .collect();
    tx.execute(
        sql!("INSERT INTO messages (id, approval, run, step, account, contact, content, binding, "
            "status, attempts, next_at, note, queued_at, token, playbook, action, channel) "
            "SELECT r.id, r.approval, r.run, r.step, r.account, r.contact, r.content, r.binding, "
            "'queued', 0, $2, '', $2, 0, a.playbook, a.action, "
            "r.channel FROM "
            {rows "$1" (
                id TEXT, approval TEXT, run TEXT, step TEXT, account TEXT, contact TEXT,
                content TEXT, binding TEXT, channel TEXT
            )}
            "JOIN approvals AS a ON a.id = r.approval WHERE true ON CONFLICT (id) DO NOTHING"),
        vec![Value::rows(rows), Value::from(now)],
    )
    .await?;
    Ok(())
}
