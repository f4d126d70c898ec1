//! Accounts as stored: reading, finding, listing, locking.

use std::collections::BTreeSet;

use domain::{
    account::{Account, Money},
    id::AccountId,
    page::{Page, PageRequest},
    port::{AccountFilter, StoreError},
};

use crate::{
    connection::Tx,
    open::Store,
    page,
    row::Row,
    sql::{Assembled, Value, sql},
};

/// How names and ids are compared where case does not matter.
pub(crate) fn key(text: &str) -> String {
    text.trim().to_lowercase()
}

/// An account of a row with the columns of `accounts`.
pub(crate) fn read(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.word("id")?,
        source: row.text("source")?,
        source_id: row.text("source_id")?,
        name: row.text("name")?,
        domain: row.get("domain")?,
        industry: row.get("industry")?,
        employees: row.get("employees")?,
        segment: row.word("segment")?,
        tier: row.word("tier")?,
        lifecycle: row.word("lifecycle")?,
        status: row.word("status")?,
        csm: row.maybe_word("csm")?,
        region: row.get("region")?,
        time_zone: row.get("time_zone")?,
        arr: Money { minor: row.int("arr_minor")?, currency: row.text("arr_currency")? },
        contract_start: row.maybe_word("contract_start")?,
        renewal_date: row.maybe_word("renewal_date")?,
        health: row.get("health")?,
        previous_health: row.get("previous_health")?,
        as_of: row.at("as_of")?,
    })
}

/// Locks accounts, before anything else a unit of work locks.
pub(crate) async fn lock(tx: &mut Tx, accounts: &BTreeSet<AccountId>) -> Result<(), StoreError> {
    if tx.is_postgres() && !accounts.is_empty() {
        tx.fetch(
            sql!("SELECT id FROM accounts WHERE id" {among "$1"} "ORDER BY id" {lock}),
            vec![Value::json(&accounts)],
        )
        .await?;
    }
    Ok(())
}

impl Store {
    pub(crate) async fn read_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(move |tx| {
            Box::pin(async move {
                tx.one(sql!("SELECT * FROM accounts WHERE id = $1"), vec![Value::word(id)])
                    .await?
                    .as_ref()
                    .map(read)
                    .transpose()
            })
        })
        .await
    }

    pub(crate) async fn find_accounts(&self, text: &str) -> Result<Vec<Account>, StoreError> {
        let args = vec![Value::from(text.trim()), Value::from(key(text))];
        self.read(move |tx| {
            Box::pin(async move {
                tx.fetch(
                    sql!("SELECT * FROM accounts WHERE id = $1 OR source_id = $1 OR name_key = $2 "
                        "ORDER BY name_key, id LIMIT 2"),
                    args,
                )
                .await?
                .iter()
                .map(read)
                .collect()
            })
        })
        .await
    }

    pub(crate) async fn list_accounts(
        &self,
        filter: &AccountFilter,
        request: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        let after: Option<(String, AccountId)> = page::after(request)?;
        let text = filter.text.as_deref().map(key).filter(|text| !text.is_empty());
        let narrow = |mut query: Assembled| {
            if let Some(text) = &text {
                query.bind(" AND search_key LIKE ? ESCAPE '\\'", [Value::from(containing(text))]);
            }
            query
        };
        let count = narrow(Assembled::new("SELECT COUNT(*) AS n FROM accounts WHERE 1 = 1"));
        let mut list = narrow(Assembled::new("SELECT * FROM accounts WHERE 1 = 1"));
        if let Some((name, id)) = after {
            list.bind(" AND (name_key, id) > (?, ?)", [Value::from(name), Value::word(id)]);
        }
        list.bind(" ORDER BY name_key, id LIMIT ?", [Value::from(page::rows(request))]);
        let (accounts, total) = self.list(list, count, read).await?;
        Ok(page::of(request, accounts, total, |last| (key(&last.name), last.id)))
    }
}

/// A `LIKE` pattern for texts that contain this one, whatever characters it is made of.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    #[test]
    fn wildcards_in_what_people_type_are_plain_characters() {
        assert_eq!(super::containing(r"50%_a\"), r"%50\%\_a\\%");
    }
}
