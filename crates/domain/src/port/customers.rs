//! Customer data: reading it in and reading it back.

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};

use super::StoreError;
use crate::{
    account::Account,
    contact::Contact,
    event::NewEvent,
    id::{AccountId, ContactId},
    page::{Page, PageRequest},
    record::{Absorbed, Record},
    snapshot::Snapshot,
};

/// Which accounts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Part of a name, domain or source id; any case.
    pub text: Option<String>,
}

/// Where in the order of changes an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// Counts up with every unit of work that changes accounts or contacts.
    pub revision: i64,
    /// The account.
    pub account: AccountId,
}

/// What an account is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The account, and when it changed.
    pub mark: Mark,
    /// The company's name.
    pub name: String,
    /// Its internet domain.
    pub domain: Option<String>,
    /// Its contacts.
    pub people: Vec<Listed>,
}

/// What a contact is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Given name.
    pub first: String,
    /// Family name.
    pub last: String,
    /// Mail address.
    pub email: Option<String>,
    /// Telephone number as the source wrote it.
    pub phone: Option<String>,
}

/// Reading customer data back.
#[async_trait]
pub trait Customers: Send + Sync {
    /// Reads an account.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// Finds accounts by exact id, source id or name (any case), at most two: more than one is
    /// ambiguous.
    async fn find_account(&self, text: &str) -> Result<Vec<Account>, StoreError>;

    /// Lists accounts by name.
    async fn accounts(
        &self,
        filter: &AccountFilter,
        page: &PageRequest,
    ) -> Result<Page<Account>, StoreError>;

    /// Reads a contact.
    async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError>;

    /// Everything known of some accounts at `now`, in no particular order; unknown ids are left
    /// out.
    async fn snapshots(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, StoreError>;

    /// Ids of all accounts that have not churned, in order, `limit` after `after`: how schedules
    /// walk the population.
    async fn population(
        &self,
        after: Option<AccountId>,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError>;

    /// What accounts are known by, `limit` of them after a mark, in the order in which it changed:
    /// how a directory of them is read, and kept up to date. An account that changes again comes
    /// again; what is listed is what holds when it is read.
    async fn listings(&self, after: Option<Mark>, limit: u32) -> Result<Vec<Listing>, StoreError>;

    /// Stores computed health scores, keeping the previous ones.
    async fn set_health(
        &self,
        scores: &[(AccountId, f64)],
        now: Timestamp,
    ) -> Result<(), StoreError>;
}

/// Reading customer data in.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Reads a batch of records of one source in, in one transaction; the answers are in the
    /// order of the records. Records of one batch may refer to accounts and contacts of earlier
    /// records of the same batch. An account whose lifecycle changed (or that is new, with
    /// `announce`) raises `lifecycle.entered`; a new open ticket raises `ticket.opened`, with
    /// `announce`.
    async fn absorb(
        &self,
        source: &str,
        records: Vec<Record>,
        as_of: Timestamp,
        announce: bool,
    ) -> Result<Vec<Absorbed>, StoreError>;

    /// First and last day of subscriptions by their ids in the source, for the data-quality
    /// report: `(id, account id in the source, start, end)`.
    async fn subscription_spans(
        &self,
        source: &str,
        ids: &[String],
    ) -> Result<Vec<(String, String, Date, Option<Date>)>, StoreError>;

    /// Whether anything was read in from a source before.
    async fn knows_source(&self, source: &str) -> Result<bool, StoreError>;

    /// Records that an import took place.
    async fn imported(&self, event: NewEvent) -> Result<(), StoreError>;
}
