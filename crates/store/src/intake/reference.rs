//! From a source's ids to ours.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    id::{AccountId, ContactId},
    port::StoreError,
    record::{Entity, Row},
};

use super::Item;
use crate::{
    connection::Tx,
    sql::{Value, sql},
};

/// A field that refers to nothing known.
pub(super) struct Dangling {
    pub(super) field: &'static str,
    pub(super) why: String,
}

/// The accounts and contacts that a batch refers to.
#[derive(Default)]
pub(super) struct References {
    accounts: HashMap<String, AccountId>,
    contacts: HashMap<String, ContactId>,
    /// Those of them who were erased: what is said of them is not written down again.
    erased: BTreeSet<ContactId>,
}

impl References {
    pub(super) fn account(&self, source_id: &str) -> Result<AccountId, Dangling> {
        self.accounts.get(source_id).copied().ok_or_else(|| Dangling {
            field: "account",
            why: format!("account `{source_id}` is not known; import accounts first"),
        })
    }

    pub(super) fn contact(&self, source_id: Option<&str>) -> Result<Option<ContactId>, Dangling> {
        source_id.map(|source_id| self.person("contact", source_id)).transpose()
    }

    /// Words about or from a person; none if they were erased.
    pub(super) fn words<'a>(&self, of: Option<ContactId>, words: &'a str) -> &'a str {
        if of.is_some_and(|contact| self.erased.contains(&contact)) { "" } else { words }
    }

    pub(super) fn attendees(&self, source_ids: &[String]) -> Result<Vec<ContactId>, Dangling> {
        source_ids.iter().map(|source_id| self.person("attendees", source_id)).collect()
    }

    fn person(&self, field: &'static str, source_id: &str) -> Result<ContactId, Dangling> {
        self.contacts.get(source_id).copied().ok_or_else(|| Dangling {
            field,
            why: format!("contact `{source_id}` is not known; import contacts first"),
        })
    }

    pub(super) async fn load_accounts(
        &mut self,
        tx: &mut Tx,
        source: &str,
        entities: &BTreeMap<Entity, Vec<Item>>,
    ) -> Result<(), StoreError> {
        let ids: BTreeSet<&str> =
            entities.values().flatten().filter_map(|item| account_of(&item.record.row)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let rows = tx
            .fetch(
                sql!("SELECT source_id, id FROM accounts WHERE source = $2 AND source_id"
                    {among "$1"}),
                vec![Value::json(&ids), Value::from(source)],
            )
            .await?;
        for row in rows {
            self.accounts.insert(row.text("source_id")?, row.word("id")?);
        }
        Ok(())
    }

    pub(super) async fn load_contacts(
        &mut self,
        tx: &mut Tx,
        source: &str,
        entities: &BTreeMap<Entity, Vec<Item>>,
    ) -> Result<(), StoreError> {
        let ids: BTreeSet<&str> =
            entities.values().flatten().flat_map(|item| contacts_of(&item.record.row)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let rows = tx
            .fetch(
                sql!("SELECT source_id, contacts.id AS id, erasures.id AS erased FROM contacts "
                    "LEFT JOIN erasures ON erasures.contact = contacts.id "
                    "WHERE source = $2 AND source_id" {among "$1"}),
                vec![Value::json(&ids), Value::from(source)],
            )
            .await?;
        for row in rows {
            if row.get::<Option<String>>("erased")?.is_some() {
                self.erased.insert(row.word("id")?);
            }
            self.contacts.insert(row.text("source_id")?, row.word("id")?);
        }
        Ok(())
    }
}

fn account_of(row: &Row) -> Option<&str> {
    Some(match row {
        Row::Account(_) => return None,
        Row::Contact(row) => &row.account,
        Row::Subscription(row) => &row.account,
        Row::Usage(row) => &row.account,
        Row::Ticket(row) => &row.account,
        Row::Survey(row) => &row.account,
        Row::Meeting(row) => &row.account,
        Row::Email(row) => &row.account,
        Row::Churn(row) => &row.account,
    })
}

fn contacts_of(row: &Row) -> Vec<&str> {
    match row {
        Row::Ticket(row) => row.contact.iter().map(String::as_str).collect(),
        Row::Survey(row) => row.contact.iter().map(String::as_str).collect(),
        Row::Email(row) => row.contact.iter().map(String::as_str).collect(),
        Row::Meeting(row) => row.attendees.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}
