//! Reading customer data back.

use async_trait::async_trait;
use domain::{
    account::Account,
    contact::Contact,
    id::{AccountId, ContactId},
    page::{Page, PageRequest},
    port::{AccountFilter, Customers, Listing, Mark, StoreError},
    snapshot::Snapshot,
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    open::Store,
    sql::{Value, sql},
};

#[async_trait]
impl Customers for Store {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read_account(id).await
    }

    async fn find_account(&self, text: &str) -> Result<Vec<Account>, StoreError> {
        self.find_accounts(text).await
    }

    async fn accounts(
        &self,
        filter: &AccountFilter,
        page: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        self.list_accounts(filter, page).await
    }

    async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        self.read_contact(id).await
    }

    async fn snapshots(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, StoreError> {
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        let accounts = accounts.to_vec();
        self.gatherers().snapshots.ask(self, (accounts, now)).await
    }

    async fn population(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        // Every id is greater than the empty text.
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let args = vec![Value::from(after), Value::from(limit)];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT id FROM accounts WHERE id > $1 AND status <> 'churned' "
                        "ORDER BY id LIMIT +$2"),
                    args,
                )
                .await?
                .iter()
                .map(|row| row.word("id"))
                .collect()
            })
        })
        .await
    }

    async fn listings(&self, after: Option<Mark>, limit: u32) -> Result<Vec<Listing>, StoreError> {
        self.list_changed(after, limit).await
    }

    async fn set_health(
        &self,
        scores: &[(AccountId, f64)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if scores.is_empty() {
            return Ok(());
        }
        let mut rows: Vec<_> =
            scores.iter().map(|(id, health)| json!({ "id": id, "health": health })).collect();
        // Rows are locked in the order of ids, as everywhere.
        rows.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
        let accounts = scores.iter().map(|(id, _)| *id).collect();
        let args = vec![Value::rows(rows), Value::from(now)];
        self.write(move |tx| {
            Box::pin(async move {
                crate::account::lock(tx, &accounts).await?;
                tx.execute(
                    sql!("UPDATE accounts SET previous_health = accounts.health, "
                        "health = r.health, health_at = $2 FROM " {rows "$1" (id TEXT, health DOUBLE)}
                        "WHERE accounts.id = r.id "
                        "AND (accounts.health IS NULL OR accounts.health <> r.health)"),
                    args,
                )
                .await?;
                Ok(())
            })
        })
        .await
    }
}
