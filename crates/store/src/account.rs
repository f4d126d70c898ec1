//! Accounts as stored: reading, finding, listing, locking.

use std::collections::{BTreeSet, HashMap};

use domain::{
    account::{Account, Money},
    id::AccountId,
    page::{Page, PageRequest},
    port::{AccountFilter, StoreError},
};
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::{
    connection::Tx,
    open::Store,
    page,
    row::Row,
    sql::{Assembled, Sql, Value, sql},
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

/// The accounts that each of these texts names, at most two of each; see
/// [`domain::port::Customers::find_account`].
pub(crate) fn named_by_each(
    tx: &mut Tx,
    texts: Vec<String>,
) -> BoxFuture<'_, Result<Vec<Vec<Account>>, StoreError>> {
    Box::pin(async move {
        let asked: BTreeSet<&String> = texts.iter().collect();
        let rows: Vec<_> =
            asked.iter().map(|text| json!({ "text": text, "key": key(text) })).collect();
        let mut found: HashMap<String, Vec<Account>> = HashMap::new();
        for row in tx.fetch(named(), vec![Value::rows(rows)]).await? {
            let of_text = found.entry(row.text("asked")?).or_default();
            if of_text.len() < 2 {
                of_text.push(read(&row)?);
            }
        }
        Ok(texts.iter().map(|text| found.get(text).cloned().unwrap_or_default()).collect())
    })
}

/// `$1` texts, each with its key.
pub(crate) fn named() -> Sql {
    sql!("SELECT r.text AS asked, accounts.* FROM " {rows "$1" (text TEXT, key TEXT)}
        "JOIN accounts ON accounts.id = r.text UNION "
        "SELECT r.text AS asked, accounts.* FROM " {rows "$1" (text TEXT, key TEXT)}
        "JOIN accounts ON accounts.source_id = r.text UNION "
        "SELECT r.text AS asked, accounts.* FROM " {rows "$1" (text TEXT, key TEXT)}
        "JOIN accounts ON accounts.name_key = r.key ORDER BY asked, name_key, id")
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
        self.gatherers().accounts.ask(self, text.trim().to_owned()).await
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
                query.clause_with(
                    " AND search_key LIKE ? ESCAPE '\\'",
                    [Value::from(containing(text))],
                );
            }
            query
        };
        let mut count = narrow(Assembled::new(
            "SELECT COUNT(*) AS looked, COUNT(*) AS n FROM (SELECT 1 FROM accounts WHERE 1 = 1",
        ));
        count.clause_with(" LIMIT +?) AS looked_at", [Value::from(page::LOOKED_AT)]);
        let mut list = narrow(Assembled::new("SELECT * FROM accounts WHERE 1 = 1"));
        if let Some((name, id)) = after {
            list.clause_with(" AND (name_key, id) > (?, ?)", [Value::from(name), Value::word(id)]);
        }
        list.clause_with(" ORDER BY name_key, id LIMIT +?", [Value::from(page::rows(request))]);
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
