//! What accounts are known by, read on from where somebody stopped reading.

use domain::{
    port::{Customers, Listing, Mark},
    record::{AccountRow, Record, Row},
};

use crate::{
    backend::Backend,
    intake::{absorb, ticket},
    stage::{account_row, contact_row, record},
};

contract! {
    gv_14_what_accounts_are_known_by_is_read_page_by_page_and_then_what_changed,
    gv_14_a_contact_that_changes_its_employer_is_listed_with_both,
}

fn account(id: &str, name: &str) -> Record {
    let row = AccountRow { domain: Some(format!("{id}.test")), ..account_row(name) };
    record(id, Row::Account(row))
}

fn contact(id: &str, account: &str, email: &str) -> Record {
    record(id, Row::Contact(contact_row(account, email)))
}

/// Everything after a mark, two at a time.
async fn after(backend: &Backend, mark: Option<Mark>) -> Vec<Listing> {
    let (mut mark, mut all) = (mark, Vec::new());
    loop {
        let page = backend.store.listings(mark, 2).await.unwrap();
        let Some(last) = page.last() else { return all };
        assert!(page.len() <= 2 && Some(last.mark) > mark);
        mark = Some(last.mark);
        all.extend(page);
    }
}

/// Names and addresses, in words.
fn words(listings: &[Listing]) -> Vec<String> {
    let mut words: Vec<String> = listings
        .iter()
        .map(|listing| {
            let people: Vec<&str> =
                listing.people.iter().filter_map(|person| person.email.as_deref()).collect();
            format!("{}: {}", listing.name, people.join(" "))
        })
        .collect();
    words.sort();
    words
}

async fn gv_14_what_accounts_are_known_by_is_read_page_by_page_and_then_what_changed(
    backend: &Backend,
) {
    assert_eq!(after(backend, None).await, []);
    absorb(
        backend,
        vec![
            account("A-1", "Acme"),
            account("A-2", "Birch"),
            account("A-3", "Cedar"),
            contact("C-1", "A-1", "ann@acme.test"),
        ],
    )
    .await;
    let all = after(backend, None).await;
    assert_eq!(words(&all), ["Acme: ann@acme.test", "Birch: ", "Cedar: "]);
    let acme = all.iter().find(|listing| listing.name == "Acme").unwrap();
    assert_eq!(acme.domain.as_deref(), Some("A-1.test"));
    let person = contact_row("A-1", "ann@acme.test");
    assert_eq!((&acme.people[0].first, &acme.people[0].last), (&person.first, &person.last));

    // What is read in again, and what is no name, is nothing new.
    let mark = all.last().map(|listing| listing.mark);
    absorb(backend, vec![account("A-1", "Acme"), contact("C-1", "A-1", "ann@acme.test")]).await;
    absorb(backend, vec![record("T-1", Row::Ticket(ticket(backend, "A-1")))]).await;
    assert_eq!(after(backend, mark).await, []);

    // Each change comes after all that came before it.
    absorb(backend, vec![account("A-2", "Beech")]).await;
    let beech = after(backend, mark).await;
    assert_eq!(words(&beech), ["Beech: "]);
    let mark = beech.last().map(|listing| listing.mark);
    absorb(backend, vec![contact("C-2", "A-1", "bob@acme.test")]).await;
    absorb(backend, vec![account("A-4", "Dogwood")]).await;
    let changed = after(backend, mark).await;
    assert_eq!(words(&changed), ["Acme: ann@acme.test bob@acme.test", "Dogwood: "]);
    assert_eq!(changed[0].name, "Acme", "in the order of the changes");
    assert_eq!(after(backend, None).await.len(), 4, "each account once");
}

async fn gv_14_a_contact_that_changes_its_employer_is_listed_with_both(backend: &Backend) {
    absorb(
        backend,
        vec![account("A-1", "Acme"), account("A-2", "Birch"), contact("C-1", "A-1", "ann@x.test")],
    )
    .await;
    let mark = after(backend, None).await.last().map(|listing| listing.mark);
    absorb(backend, vec![contact("C-1", "A-2", "ann@x.test")]).await;
    assert_eq!(words(&after(backend, mark).await), ["Acme: ", "Birch: ann@x.test"]);
}
