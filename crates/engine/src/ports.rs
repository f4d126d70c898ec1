//! The doors the engine needs, bundled so that every part gets the same ones.

use std::sync::Arc;

use domain::{
    clock::{Clock, Timer},
    port::{Catalogue, Channels, Customers, Exit, Inbox, Journal, Outbox, Rates, Vault, Writer},
};

use crate::active::Compiled;

/// The doors the engine needs. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// Runs and signals.
    pub journal: Arc<dyn Journal>,
    /// Approvals and tasks.
    pub inbox: Arc<dyn Inbox>,
    /// Messages and the kill switch.
    pub outbox: Arc<dyn Outbox>,
    /// Customer data.
    pub customers: Arc<dyn Customers>,
    /// Permits of rates that all processes share.
    pub rates: Arc<dyn Rates>,
    /// Playbook and policy versions.
    pub catalogue: Arc<dyn Catalogue>,
    /// Sealed content.
    pub vault: Arc<dyn Vault>,
    /// Who drafts and routes.
    pub writer: Arc<dyn Writer>,
    /// Who looks at letters before they are put forward and before they are sent.
    pub exit: Arc<dyn Exit>,
    /// Where messages go.
    pub channels: Arc<dyn Channels>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Waiting.
    pub timer: Arc<dyn Timer>,
    /// What was compiled already; every part adds to it.
    pub compiled: Compiled,
}
