//! Contacts as stored.

use domain::{contact::Contact, id::ContactId, port::StoreError};

use crate::{
    open::Store,
    row::Row,
    sql::{Value, sql},
};

/// A contact of a row with the columns of `contacts`.
pub(crate) fn read(row: &Row) -> Result<Contact, StoreError> {
    Ok(Contact {
        id: row.word("id")?,
        account: row.word("account")?,
        source: row.text("source")?,
        source_id: row.text("source_id")?,
        email: row.get("email")?,
        first: row.text("given_name")?,
        last: row.text("family_name")?,
        title: row.get("title")?,
        role: row.word("role")?,
        phone: row.get("phone")?,
        locale: row.get("locale")?,
        time_zone: row.get("time_zone")?,
        consent: row.word("consent")?,
        opted_out_at: row.maybe_at("opted_out_at")?,
        bounced_at: row.maybe_at("bounced_at")?,
    })
}

impl Store {
    pub(crate) async fn read_contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.one(sql!("SELECT * FROM contacts WHERE id = $1"), vec![Value::word(id)])
                    .await?
                    .as_ref()
                    .map(read)
                    .transpose()
            })
        })
        .await
    }
}
