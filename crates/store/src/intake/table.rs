//! The tables whose rows are replaced whole: everything but accounts.

use std::collections::{BTreeMap, HashMap};

use domain::{
    id::{AccountId, ContactId},
    port::StoreError,
    record::{Absorbed, Entity, Record, Row},
};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{
    Frame, Item,
    reference::{Dangling, References},
};
use crate::{
    connection::Tx,
    sql::{Sql, Value, sql},
};

/// Stands for the hash of the row of a person who was erased.
pub(crate) const ERASED: &str = "erased";

/// Rows that go into one statement.
const CHUNK: usize = 5_000;

/// A row that was written.
pub(super) struct Change<'a> {
    pub(super) record: &'a Record,
    pub(super) account: AccountId,
    /// Whether it was not there before.
    pub(super) new: bool,
}

/// Reads records of one entity in; what was written.
pub(super) async fn absorb<'a>(
    tx: &mut Tx,
    frame: &Frame<'_>,
    entity: Entity,
    items: &'a [Item],
    references: &References,
    answers: &mut [Absorbed],
) -> Result<Vec<Change<'a>>, StoreError> {
    let mut written = Vec::new();
    for chunk in items.chunks(CHUNK) {
        chunk_of(tx, frame, entity, chunk, references, answers, &mut written).await?;
    }
    Ok(written)
}

/// Whom contacts belonged to before they are read in, by their ids in the source.
pub(super) async fn employers(
    tx: &mut Tx,
    frame: &Frame<'_>,
    items: &[Item],
) -> Result<HashMap<String, AccountId>, StoreError> {
    let mut employers = HashMap::new();
    for chunk in items.chunks(CHUNK) {
        let ids: Vec<&str> = chunk.iter().map(|item| item.record.source_id.as_str()).collect();
        let rows = tx
            .fetch(
                sql!("SELECT source_id, account FROM contacts WHERE source = $2 AND source_id"
                    {among "$1"}),
                vec![Value::json(&ids), Value::from(frame.source)],
            )
            .await?;
        for row in rows {
            employers.insert(row.text("source_id")?, row.word("account")?);
        }
    }
    Ok(employers)
}

async fn chunk_of<'a>(
    tx: &mut Tx,
    frame: &Frame<'_>,
    entity: Entity,
    items: &'a [Item],
    references: &References,
    answers: &mut [Absorbed],
    written: &mut Vec<Change<'a>>,
) -> Result<(), StoreError> {
    let ids: Vec<&str> = items.iter().map(|item| item.record.source_id.as_str()).collect();
    let mut hashes: HashMap<String, String> = tx
        .fetch(hashes_of(entity), vec![Value::json(&ids), Value::from(frame.source)])
        .await?
        .iter()
        .map(|row| Ok((row.text("source_id")?, row.text("row_hash")?)))
        .collect::<Result<_, StoreError>>()?;
    // By id, so that of two rows with one id in a batch the later is written.
    let mut rows: BTreeMap<&str, Json> = BTreeMap::new();
    let mut changes: BTreeMap<&str, Change<'a>> = BTreeMap::new();
    for Item { index, record } in items {
        let (account, mut row) = match columns(frame, &record.row, references) {
            Ok(row) => row,
            Err(Dangling { field, why }) => {
                answers[*index] = Absorbed::Rejected { field, why };
                continue;
            }
        };
        let id = record.source_id.as_str();
        let before = hashes.insert(id.to_owned(), record.row_hash.clone());
        // An import brings nobody back.
        let erased = entity == Entity::Contact && before.as_deref() == Some(ERASED);
        if erased {
            hashes.insert(id.to_owned(), ERASED.to_owned());
        }
        if erased || before.as_ref() == Some(&record.row_hash) {
            answers[*index] = Absorbed::Unchanged;
            continue;
        }
        let known = before.is_some();
        answers[*index] = if known { Absorbed::Updated } else { Absorbed::Inserted };
        row["source_id"] = json!(id);
        row["row_hash"] = json!(record.row_hash);
        rows.insert(id, row);
        let new = changes.get(id).map_or(!known, |earlier| earlier.new);
        changes.insert(id, Change { record, account, new });
    }
    if !rows.is_empty() {
        let rows: Vec<Json> = rows.into_values().collect();
        tx.execute(
            upsert(entity),
            vec![Value::rows(rows), Value::from(frame.source), Value::from(frame.as_of)],
        )
        .await?;
    }
    written.extend(changes.into_values());
    Ok(())
}

/// The row as its table's columns, with the account it belongs to.
fn columns(
    frame: &Frame<'_>,
    row: &Row,
    references: &References,
) -> Result<(AccountId, Json), Dangling> {
    let micros = Timestamp::as_microsecond;
    let (account, columns) = match row {
        // Accounts keep what a row leaves out; see `accounts`.
        Row::Account(_) => {
            return Err(Dangling { field: "account", why: "is not read in here".to_owned() });
        }
        Row::Contact(row) => (
            references.account(&row.account)?,
            json!({
                "id": ContactId::new(frame.clock), "email": row.email, "given_name": row.first,
                "family_name": row.last, "title": row.title, "role": row.role, "phone": row.phone,
                "locale": row.locale, "time_zone": row.time_zone, "consent": row.consent,
                "opted_out_at": row.opted_out_at.map(micros),
            }),
        ),
        Row::Subscription(row) => (
            references.account(&row.account)?,
            json!({
                "product": row.product, "plan": row.plan, "starts_on": row.start,
                "ends_on": row.end, "seats": row.seats, "arr_minor": row.arr.minor,
                "arr_currency": row.arr.currency, "is_trial": i64::from(row.is_trial),
                "auto_renew": i64::from(row.auto_renew),
            }),
        ),
        Row::Usage(row) => (
            references.account(&row.account)?,
            json!({
                "day": row.day, "feature": row.feature, "users": row.users, "events": row.events,
                "seconds": row.seconds, "errors": row.errors,
            }),
        ),
        Row::Ticket(row) => {
            let contact = references.contact(row.contact.as_deref())?;
            let words = |words| references.words(contact, words);
            let columns = json!({
                "contact": contact, "subject": words(&row.subject),
                "body": words(&row.body), "priority": row.priority, "opened_at": micros(row.opened_at),
                "closed_at": row.closed_at.map(micros),
                "first_response_minutes": row.first_response_minutes, "csat": row.csat,
                "escalated": i64::from(row.escalated),
            });
            (references.account(&row.account)?, columns)
        }
        Row::Survey(row) => {
            let contact = references.contact(row.contact.as_deref())?;
            let remark = row.comment.as_deref().map(|words| references.words(contact, words));
            let columns = json!({
                "contact": contact, "kind": row.kind, "score": row.score, "remark": remark,
                "answered_at": micros(row.at),
            });
            (references.account(&row.account)?, columns)
        }
        Row::Meeting(row) => (
            references.account(&row.account)?,
            json!({
                "kind": row.kind, "held_at": micros(row.at),
                "attendees": json!(references.attendees(&row.attendees)?).to_string(),
                "notes": row.notes, "next_steps": row.next_steps,
            }),
        ),
        Row::Email(row) => {
            let contact = references.contact(row.contact.as_deref())?;
            let words = |words| references.words(contact, words);
            let columns = json!({
                "contact": contact, "thread": row.thread, "direction": row.direction,
                "subject": words(&row.subject), "body": words(&row.body),
                "sent_at": micros(row.at),
            });
            (references.account(&row.account)?, columns)
        }
        Row::Churn(row) => (
            references.account(&row.account)?,
            json!({
                "day": row.day, "reason": row.reason,
                "reactivation": i64::from(row.reactivation), "feedback": row.feedback,
            }),
        ),
    };
    let mut columns = columns;
    columns["account"] = json!(account);
    Ok((account, columns))
}

/// Hashes of stored rows: `$1` ids, `$2` source.
fn hashes_of(entity: Entity) -> Sql {
    macro_rules! hashes {
        ($table:literal) => {
            sql!("SELECT source_id, row_hash FROM " $table " WHERE source = $2 AND source_id"
                {among "$1"})
        };
    }
    match entity {
        // Accounts have a statement of their own.
        Entity::Account | Entity::Contact => hashes!("contacts"),
        Entity::Subscription => hashes!("subscriptions"),
        Entity::Usage => hashes!("usage_days"),
        Entity::Ticket => hashes!("tickets"),
        Entity::Survey => hashes!("surveys"),
        Entity::Meeting => hashes!("meetings"),
        Entity::Email => hashes!("emails"),
        Entity::Churn => hashes!("churns"),
    }
}

/// Writes rows, new or in place of older ones: `$1` rows, `$2` source, `$3` as of.
fn upsert(entity: Entity) -> Sql {
    /// Every table here has source, source id, hash, account and date, and columns of its own;
    /// `fixed` ones stay as they were first written.
    macro_rules! upsert {
        ($table:literal, fixed ($($fixed:ident $f:ident),*), $extra:literal,
            $($name:ident $kind:ident),+
        ) => {
            sql!("INSERT INTO " $table " (source, as_of, source_id, row_hash, account"
                {each ", " ($($fixed,)* $($name),+)} ") "
                "SELECT $2, $3, r.source_id, r.row_hash, r.account"
                {each ", r." ($($fixed,)* $($name),+)} " FROM "
                {rows "$1" (
                    source_id TEXT, row_hash TEXT, account TEXT $(, $fixed $f)* $(, $name $kind)+
                )}
                "WHERE true ON CONFLICT (source, source_id) DO UPDATE SET "
                "as_of = excluded.as_of, row_hash = excluded.row_hash, account = excluded.account"
                $extra {replace ($($name),+)})
        };
        ($table:literal, $($name:ident $kind:ident),+) => {
            upsert!($table, fixed (), "", $($name $kind),+)
        };
    }
    match entity {
        // Accounts have a statement of their own.
        Entity::Account | Entity::Contact => upsert!(
            "contacts",
            fixed (id TEXT),
            // A new address has not bounced yet.
            ", bounced_at = CASE WHEN contacts.email = excluded.email THEN contacts.bounced_at END",
            email TEXT, given_name TEXT, family_name TEXT, title TEXT, role TEXT, phone TEXT,
            locale TEXT, time_zone TEXT, consent TEXT, opted_out_at BIGINT
        ),
        Entity::Subscription => upsert!(
            "subscriptions",
            product TEXT, plan TEXT, starts_on TEXT, ends_on TEXT, seats BIGINT, arr_minor BIGINT,
            arr_currency TEXT, is_trial BIGINT, auto_renew BIGINT
        ),
        Entity::Usage => upsert!(
            "usage_days",
            day TEXT, feature TEXT, users BIGINT, events BIGINT, seconds BIGINT, errors BIGINT
        ),
        Entity::Ticket => upsert!(
            "tickets",
            contact TEXT, subject TEXT, body TEXT, priority TEXT, opened_at BIGINT,
            closed_at BIGINT, first_response_minutes BIGINT, csat BIGINT, escalated BIGINT
        ),
        Entity::Survey => upsert!(
            "surveys",
            contact TEXT, kind TEXT, score BIGINT, remark TEXT, answered_at BIGINT
        ),
        Entity::Meeting => upsert!(
            "meetings",
            kind TEXT, held_at BIGINT, attendees TEXT, notes TEXT, next_steps TEXT
        ),
        Entity::Email => upsert!(
            "emails",
            contact TEXT, thread TEXT, direction TEXT, subject TEXT, body TEXT, sent_at BIGINT
        ),
        Entity::Churn => upsert!(
            "churns",
            day TEXT, reason TEXT, reactivation BIGINT, feedback TEXT
        ),
    }
}
