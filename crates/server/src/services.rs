//! What the server is given: the ports it speaks to, and how it is set up.

use std::sync::Arc;

use domain::{
    clock::Clock,
    port::{Access, Catalogue, Customers, Desk, Inbox, Journal, Ledger, Outbox},
};
use prometheus_client::registry::Registry;
use url::Url;

use crate::{hook::SignalDoor, operator::Operator};

/// The doors the server knocks at. It owns no state of its own.
pub struct Services {
    /// Where people decide.
    pub desk: Arc<dyn Desk>,
    /// Runs and signals.
    pub journal: Arc<dyn Journal>,
    /// Approvals and tasks, as stored.
    pub inbox: Arc<dyn Inbox>,
    /// Messages on their way out, and the kill switch.
    pub outbox: Arc<dyn Outbox>,
    /// Customer data.
    pub customers: Arc<dyn Customers>,
    /// The audit trail.
    pub ledger: Arc<dyn Ledger>,
    /// People, sessions and tokens.
    pub access: Arc<dyn Access>,
    /// Playbooks and policies in force.
    pub catalogue: Arc<dyn Catalogue>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// Where signals come in.
    pub hooks: Arc<dyn SignalDoor>,
    /// What only the engine can do.
    pub operator: Arc<dyn Operator>,
    /// What `/metrics` shows; the server adds its own metrics to it.
    pub metrics: Registry,
}

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address people use to reach it, for example `https://playgate.example.com`.
    pub public_url: Url,
    /// Whether cookies are marked `Secure` and named `__Host-…`; needs https.
    pub secure_cookies: bool,
    /// Whether `/metrics` answers without signing in. Wise only on a private network.
    pub open_metrics: bool,
}

impl Settings {
    /// Sensible settings for an address: secure cookies exactly when it is https.
    pub fn at(public_url: Url) -> Self {
        let secure_cookies = public_url.scheme() == "https";
        Self { public_url, secure_cookies, open_metrics: true }
    }
}
