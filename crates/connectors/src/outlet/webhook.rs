//! A webhook that takes letters: a signed POST that repeats harmlessly under the same id.

use std::time::Duration;

use domain::{
    message::{Cleared, DeliverError, Receipt},
    port::Transmission,
};
use jiff::Timestamp;
use serde_json::json;
use url::Url;

use super::withheld;
use crate::signature::Secret;

/// Posts letters as JSON, signed after Standard Webhooks. The receiver is expected to treat
/// `webhook-id` as an idempotency key, as that standard asks.
#[derive(Debug)]
pub struct Webhook {
    url: Url,
    secret: Secret,
    client: reqwest::Client,
}

/// Why a webhook cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Letters are personal; they travel encrypted or not beyond this machine.
    #[error("webhook address must be `https://…`, or `http://` on loopback")]
    Insecure,
    /// The client could not be set up.
    #[error("webhook client cannot be set up")]
    Client(#[from] reqwest::Error),
}

impl Webhook {
    /// A webhook at an address. The process must have a rustls crypto provider installed.
    pub fn new(url: Url, secret: Secret, timeout: Duration) -> Result<Self, WebhookError> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => url.host_str().is_some_and(super::smtp::is_loopback),
            _ => false,
        };
        if !secure {
            return Err(WebhookError::Insecure);
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .timeout(timeout)
            .user_agent("playgate")
            .build()?;
        Ok(Self { url, secret, client })
    }

    pub(super) async fn deliver(
        &self,
        cleared: &Cleared<'_>,
        now: Timestamp,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError> {
        let (message, letter) = (cleared.message(), cleared.letter());
        let id = message.id.to_string();
        let body = json!({
            "type": "message.approved",
            "timestamp": now.to_string(),
            "data": {
                "message": id,
                "run": message.run,
                "step": message.step,
                "account": message.account,
                "class": letter.class,
                "recipient": {
                    "contact": letter.recipient.contact,
                    "name": letter.recipient.name,
                    "address": letter.recipient.address,
                },
                "subject": letter.subject,
                "body": letter.body,
                "drafted_by": cleared.author(),
                "human_reviewed": (cleared.reviewed_by() != "policy").then(|| cleared.reviewed_by()),
            },
        })
        .to_string();
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", self.secret.sign(&id, now, body.as_bytes()))
            .header("idempotency-key", &id)
            .body(body);
        if !transmission.begin().await {
            return Err(withheld());
        }
        match request.send().await {
            Ok(response) => outcome(response.status()),
            Err(err) if err.is_connect() => {
                Err(DeliverError::Transient("webhook cannot be reached".to_owned()))
            }
            Err(err) if err.is_timeout() => {
                Err(DeliverError::Unknown("webhook did not answer in time".to_owned()))
            }
            Err(_) => Err(DeliverError::Unknown("webhook broke the connection".to_owned())),
        }
    }
}

/// What a status means. Bodies are not kept: they may repeat personal data.
fn outcome(status: reqwest::StatusCode) -> Result<Receipt, DeliverError> {
    let note = format!("webhook answered {}", status.as_u16());
    match status.as_u16() {
        200..=299 => Ok(Receipt { note }),
        408 | 425 | 429 | 500..=599 => Err(DeliverError::Transient(note)),
        _ => Err(DeliverError::Permanent(note)),
    }
}
