//! Where approved messages leave: a folder of mail, an SMTP server, a signed webhook.

mod folder;
mod letter;
mod smtp;
mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    clock::Clock,
    intent::Channel,
    message::{Cleared, DeliverError, Receipt},
    port::{Channels, Transmission},
};

pub use folder::MailFolder;
pub use letter::{Sender, SenderError};
pub use smtp::{Security, Smtp, SmtpError, SmtpSettings, Timeouts};
pub use webhook::{Webhook, WebhookError};

/// How e-mail leaves.
#[derive(Debug)]
pub enum Mail {
    /// As files in a folder.
    Folder(MailFolder),
    /// Through an SMTP server.
    Smtp(Smtp),
}

/// Every way out that is configured.
pub struct Outlets {
    mail: Mail,
    webhook: Option<Webhook>,
    clock: Arc<dyn Clock>,
}

impl Outlets {
    /// Composes the ways out. The clock dates messages and signatures.
    pub fn new(mail: Mail, webhook: Option<Webhook>, clock: Arc<dyn Clock>) -> Self {
        Self { mail, webhook, clock }
    }
}

impl std::fmt::Debug for Outlets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlets")
            .field("mail", &self.mail)
            .field("webhook", &self.webhook)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Channels for Outlets {
    fn dedupes(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => matches!(self.mail, Mail::Folder(_)),
            Channel::Webhook => true,
        }
    }

    async fn deliver(
        &self,
        cleared: &Cleared<'_>,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError> {
        // The letter names attachments by hash only; leaving them out unsaid would send something
        // else than was approved.
        if !cleared.letter().attachments.is_empty() {
            return Err(DeliverError::Permanent(
                "the message has attachments, which no outlet can send".to_owned(),
            ));
        }
        let now = self.clock.now();
        match (cleared.letter().channel, &self.mail, &self.webhook) {
            (Channel::Email, Mail::Folder(folder), _) => {
                folder.deliver(cleared, now, transmission).await
            }
            (Channel::Email, Mail::Smtp(smtp), _) => smtp.deliver(cleared, now, transmission).await,
            (Channel::Webhook, _, Some(webhook)) => {
                webhook.deliver(cleared, now, transmission).await
            }
            (Channel::Webhook, _, None) => {
                Err(DeliverError::Permanent("no webhook is configured to deliver to".to_owned()))
            }
        }
    }
}

/// What to say when the message was taken out of our hands just before the hand-over.
fn withheld() -> DeliverError {
    DeliverError::Transient("another process took the message over before it was sent".to_owned())
}
