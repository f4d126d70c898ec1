//! Messages as stored: reading and listing them.

use std::collections::HashMap;

use domain::{
    draft::Binding,
    id::MessageId,
    intent::Channel,
    message::{Message, MessageStatus},
    page::{Page, PageRequest},
    port::StoreError,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{
    connection::Tx,
    gather,
    open::Store,
    page,
    row::Row,
    sql::{Assembled, Value, sql},
};

/// A message of a row with the columns of `messages`.
pub(crate) fn read(row: &Row) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.word("id")?,
        approval: row.word("approval")?,
        run: row.word("run")?,
        step: row.text("step")?,
        account: row.word("account")?,
        contact: row.word("contact")?,
        channel: channel(row)?,
        content: row.word("content")?,
        binding: Binding::from_hex(&row.text("binding")?),
        status: row.word("status")?,
        attempts: row.int("attempts")?,
        next_at: row.at("next_at")?,
        note: row.text("note")?,
        queued_at: row.at("queued_at")?,
        settled_at: row.maybe_at("settled_at")?,
        token: row.int("token")?,
    })
}

/// How a message travels. What an older program put in the outbox does not say.
fn channel(row: &Row) -> Result<Channel, StoreError> {
    match row.text("channel")?.as_str() {
        "" => Ok(Channel::default()),
        _ => row.word("channel"),
    }
}

pub(crate) async fn find(tx: &mut Tx, id: MessageId) -> Result<Option<Message>, StoreError> {
    Ok(find_all(tx, &[id]).await?.remove(&id))
}

async fn find_all(
    tx: &mut Tx,
    ids: &[MessageId],
) -> Result<HashMap<MessageId, Message>, StoreError> {
    tx.fetch(
        sql!("SELECT id, approval, run, step, account, contact, content, binding, status, "
            "attempts, next_at, note, queued_at, settled_at, token, channel FROM messages WHERE id"
            {among "$1"}),
        vec![Value::json(&ids)],
    )
    .await?
    .iter()
    .map(|row| read(row).map(|message| (message.id, message)))
    .collect()
}

/// The messages of all who ask.
pub(crate) fn find_each(
    tx: &mut Tx,
    ids: Vec<MessageId>,
) -> BoxFuture<'_, Result<Vec<Option<Message>>, StoreError>> {
    Box::pin(async move { Ok(gather::in_order(&ids, &find_all(tx, &ids).await?)) })
}

impl Store {
    pub(crate) async fn list_messages(
        &self,
        status: Option<MessageStatus>,
        request: &PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        let after: Option<(Timestamp, MessageId)> = page::after(request)?;
        let narrow = |mut query: Assembled| {
            if let Some(status) = status {
                query.clause_with(" AND status = ?", [Value::word(status)]);
            }
            query
        };
        let mut count = narrow(Assembled::new(
            "SELECT COUNT(*) AS looked, COUNT(*) AS n FROM (SELECT 1 FROM messages WHERE 1 = 1",
        ));
        count.clause_with(
            " ORDER BY queued_at, id LIMIT +?) AS looked_at",
            [Value::from(page::LOOKED_AT)],
        );
        let mut list = narrow(Assembled::new(
            "SELECT id, approval, run, step, account, contact, content, binding, status, attempts, \
             next_at, note, queued_at, settled_at, token, channel FROM messages WHERE 1 = 1",
        ));
        if let Some((at, id)) = after {
            list.clause_with(" AND (queued_at, id) < (?, ?)", [Value::from(at), Value::word(id)]);
        }
        list.clause_with(
            " ORDER BY queued_at DESC, id DESC LIMIT +?",
            [Value::from(page::rows(request))],
        );
        let (messages, total) = self.list(list, count, read).await?;
        Ok(page::of(request, messages, total, |last| (last.queued_at, last.id)))
    }
}
