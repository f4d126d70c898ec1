//! Permits of rates that all processes on one database share.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::rate::Rate;

/// A request for permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// What is rationed: `model:gpt-4o-mini`.
    pub key: String,
    /// For whom. Those who have to wait are spread so that each of them that does gets its turn,
    /// however long the queue of another is.
    pub lane: String,
    /// How often.
    pub rate: Rate,
    /// How many permits.
    pub wanted: u32,
}

/// What came of a request for permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Permits that were given, as many as wanted at most.
    pub granted: u32,
    /// When it is worth asking again for the first of the others: later than now, and for each who
    /// asks a different time.
    pub next: Timestamp,
}

/// Permits of rates that all processes on one database share.
#[async_trait]
pub trait Rates: Send + Sync {
    /// Takes as many permits as there are, and wanted. What is not granted may be asked for again.
    async fn take(&self, ask: &Ask, now: Timestamp) -> Result<Grant, StoreError>;

    /// When there is a permit again for each of these rates that is spent at `now`, by key.
    async fn spent(
        &self,
        rates: &[(String, Rate)],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Timestamp>, StoreError>;

    /// Takes permits for what has happened already, whether there are any or not: whoever asks
    /// next waits the longer.
    async fn charge(&self, ask: &Ask, now: Timestamp) -> Result<(), StoreError>;
}
