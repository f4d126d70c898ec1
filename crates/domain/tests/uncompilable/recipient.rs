//! An address that no contact of the CRM has.

use domain::{contact::ContactRole, id::ContactId, intent::Recipient};

fn invent(contact: ContactId, address: String) -> Recipient {
    Recipient { contact, name: "Eve".to_owned(), address, role: ContactRole::Champion }
}

fn main() {}
