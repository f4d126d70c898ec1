//! What accounts are known by, in the order in which it changed.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    id::AccountId,
    port::{Listed, Listing, Mark, StoreError},
};

use crate::{
    connection::Tx,
    open::Store,
    sql::{Value, sql},
};

/// Marks accounts as changed, after everything that changed before. Whoever changes what an account
/// or its contacts are called calls this in the same unit of work.
pub(crate) async fn touch(tx: &mut Tx, accounts: &BTreeSet<AccountId>) -> Result<(), StoreError> {
    if accounts.is_empty() {
        return Ok(());
    }
    // Imports go one by one, so that marks appear in their order.
    tx.execute(
        sql!("UPDATE accounts SET revision = (SELECT MAX(revision) + 1 FROM accounts) WHERE id"
            {among "$1"}),
        vec![Value::json(&accounts)],
    )
    .await?;
    Ok(())
}

impl Store {
    pub(crate) async fn list_changed(
        &self,
        after: Option<Mark>,
        limit: u32,
    ) -> Result<Vec<Listing>, StoreError> {
        // Before the first revision, and before every id.
        let (revision, id) =
            after.map_or((-1, String::new()), |mark| (mark.revision, mark.account.to_string()));
        let args = vec![Value::from(revision), Value::from(id), Value::from(limit)];
        self.read(move |tx| {
            Box::pin(async move {
                let rows = tx
                    .fetch(
                        sql!("SELECT id, name, domain, revision FROM accounts "
                            "WHERE (revision, id) > ($1, $2) ORDER BY revision, id LIMIT +$3"),
                        args,
                    )
                    .await?;
                let mut listings = Vec::with_capacity(rows.len());
                for row in rows {
                    listings.push(Listing {
                        mark: Mark { revision: row.int("revision")?, account: row.word("id")? },
                        name: row.text("name")?,
                        domain: row.get("domain")?,
                        people: Vec::new(),
                    });
                }
                people(tx, &mut listings).await?;
                Ok(listings)
            })
        })
        .await
    }
}

async fn people(tx: &mut Tx, listings: &mut [Listing]) -> Result<(), StoreError> {
    if listings.is_empty() {
        return Ok(());
    }
    let places: BTreeMap<AccountId, usize> =
        listings.iter().enumerate().map(|(place, listing)| (listing.mark.account, place)).collect();
    let ids: Vec<AccountId> = places.keys().copied().collect();
    let rows = tx
        .fetch(
            sql!("SELECT account, given_name, family_name, email, phone FROM contacts "
                "WHERE account" {among "$1"} "ORDER BY account, id"),
            vec![Value::json(&ids)],
        )
        .await?;
    for row in rows {
        if let Some(place) = places.get(&row.word("account")?) {
            listings[*place].people.push(Listed {
                first: row.text("given_name")?,
                last: row.text("family_name")?,
                email: row.get("email")?,
                phone: row.get("phone")?,
            });
        }
    }
    Ok(())
}
