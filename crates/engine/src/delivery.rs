//! Drains the outbox: the last check at the moment of sending, the hand-over, the receipt.

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    draft::Manuscript,
    killswitch::Scope,
    message::{Clearance, DeliverError, Message, MessageStatus, Refusal},
    port::{Outbox, Outcome, StoreError, Transmission, VaultError},
    verdict::Occasion,
};
use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use playbook::Doing;
use tracing::{Instrument, info_span, warn};

use crate::{
    active::{Active, ActiveError},
    backoff,
    judge::{Text, judge},
    letter,
    ports::Ports,
    settings::Settings,
};

/// How soon a message that a partial stop holds back is looked at again.
const HELD: SignedDuration = SignedDuration::from_secs(30);

/// Sends what was granted, and nothing else, whoever calls.
#[derive(Clone)]
pub struct Delivery {
    ports: Ports,
    active: Active,
    settings: Settings,
}

struct Beginning<'a> {
    outbox: &'a dyn Outbox,
    message: &'a Message,
    lease: SignedDuration,
}

#[async_trait]
impl Transmission for Beginning<'_> {
    async fn begin(&self) -> bool {
        self.outbox.transmitting(self.message, self.lease).await.unwrap_or(false)
    }
}

impl Delivery {
    /// A delivery over these doors.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let active = Active::new(std::sync::Arc::clone(&ports.catalogue));
        Self { ports, active, settings }
    }

    /// Delivers what is due now; tells how many messages were looked at.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        let kills = self.ports.outbox.kills().await?;
        if kills.iter().any(|kill| kill.scope == Scope::All) {
            // Everything stays where it is; looking at it would only fill the trail.
            return Ok(0);
        }
        let now = self.ports.clock.now();
        let limit = u32::try_from(self.settings.deliveries).unwrap_or(8);
        let messages =
            self.ports.outbox.claim_messages(now, limit, self.settings.delivery_lease).await?;
        let count = messages.len();
        stream::iter(messages)
            .for_each_concurrent(self.settings.deliveries, |message| {
                let span = info_span!("deliver", message.id = %message.id, run.id = %message.run);
                async move {
                    match self.attempt(&message).await {
                        Ok(outcome) => self.record(&message, &outcome).await,
                        // Nothing was handed over; the lease ends and it is tried again.
                        Err(err) => warn!(error = %err, "delivery could not be attempted"),
                    }
                }
                .instrument(span)
            })
            .await;
        Ok(count)
    }

    async fn attempt(&self, message: &Message) -> Result<Outcome, StoreError> {
        let ports = &self.ports;
        let now = ports.clock.now();
        let Some(item) = ports.inbox.approval(message.approval).await? else {
            return Ok(Outcome::Refused(
                Refusal::NoGrant("there is no approval".to_owned()).to_string(),
            ));
        };
        let approval = item.approval;
        let versions = ports.inbox.versions(approval.id).await?;
        let Some(version) = versions.iter().rev().find(|version| {
            version.content == message.content && version.binding == message.binding
        }) else {
            return Ok(Outcome::Refused(Refusal::Altered.to_string()));
        };
        let manuscript = match ports.vault.open(message.content).await {
            Ok(plain) => serde_json::from_slice::<Manuscript>(&plain).ok(),
            Err(VaultError::Store(err)) => return Err(err),
            Err(err) => return Ok(Outcome::Refused(err.to_string())),
        };
        let Some(manuscript) = manuscript else {
            return Ok(Outcome::Refused("stored text cannot be read".to_owned()));
        };
        let letter = &manuscript.letter;
        if message.status == MessageStatus::Transmitting && !ports.channels.dedupes(letter.channel)
        {
            return Ok(Outcome::Uncertain(
                "the process died while the message was being handed over; whether it arrived is \
                 not known"
                    .to_owned(),
            ));
        }
        let snapshot = ports.customers.snapshots(&[message.account], now).await?.into_iter().next();
        let Some(snapshot) = snapshot else {
            return Ok(Outcome::Refused("the account is gone".to_owned()));
        };
        let Some(contact) = snapshot.contacts.iter().find(|contact| contact.id == message.contact)
        else {
            return Ok(Outcome::Refused("the contact is gone".to_owned()));
        };
        let Some(run) = ports.journal.run(message.run).await? else {
            return Ok(Outcome::Refused("the run is gone".to_owned()));
        };
        let (plan, policy) =
            match (self.active.plan(&run.version).await, self.active.policy().await) {
                (Ok(plan), Ok(policy)) => (plan, policy),
                (Err(ActiveError::Store(err)), _) | (_, Err(ActiveError::Store(err))) => {
                    return Err(err);
                }
                (Err(err), _) | (_, Err(err)) => {
                    let until = now.checked_add(SignedDuration::from_mins(5)).unwrap_or(now);
                    return Ok(Outcome::Held { why: err.to_string(), until });
                }
            };
        let facts = plan.facts(&snapshot, &run.cause, &run.progress.results);
        let action = match plan.step(&message.step).map(|step| &step.doing) {
            Some(Doing::Act(act)) => match act.action(&facts, &snapshot) {
                Ok(action) => action,
                Err(err) => return Ok(Outcome::Refused(format!("no longer applies: {err}"))),
            },
            _ => return Ok(Outcome::Refused("the step it belongs to is gone".to_owned())),
        };
        let mut intent = letter::intent(&run, &message.step, action, &snapshot);
        intent.recipient = Some(letter.recipient.clone());
        let text = Text {
            letter,
            author: &version.author,
            findings: &version.findings,
            confidence: version.confidence,
        };
        let judgement = judge(&policy, Occasion::Send, &intent, &snapshot, Some(&text));
        // The kill switch is read last, right before the hand-over.
        let kills = ports.outbox.kills().await?;
        let clearance = Clearance {
            message,
            letter,
            approval: &approval,
            version,
            contact,
            kills: &kills,
            judgement: &judgement,
        };
        let cleared = match clearance.check() {
            Ok(cleared) => cleared,
            Err(refusal) if refusal.holds() => {
                let until = now.checked_add(HELD).unwrap_or(now);
                return Ok(Outcome::Held { why: refusal.to_string(), until });
            }
            Err(refusal) => return Ok(Outcome::Refused(refusal.to_string())),
        };
        let beginning =
            Beginning { outbox: &*ports.outbox, message, lease: self.settings.delivery_lease };
        let delivered = ports.channels.deliver(&cleared, &beginning).await;
        Ok(self.outcome(message, letter.channel, delivered))
    }

    fn outcome(
        &self,
        message: &Message,
        channel: domain::intent::Channel,
        delivered: Result<domain::message::Receipt, DeliverError>,
    ) -> Outcome {
        let retry = |why: String| {
            let attempts = message.attempts;
            if attempts >= self.settings.delivery_attempts {
                return Outcome::Failed(format!("{why}; gave up after {attempts} attempts"));
            }
            let attempt = u32::try_from(attempts).unwrap_or(1).max(1);
            let until = backoff::until(self.ports.clock.now(), attempt, message.id.uuid(), None);
            Outcome::Retry { why, until }
        };
        match delivered {
            Ok(receipt) => Outcome::Delivered(receipt),
            Err(DeliverError::Transient(why)) => retry(why),
            Err(DeliverError::Permanent(why)) => Outcome::Failed(why),
            Err(DeliverError::Unknown(why)) if self.ports.channels.dedupes(channel) => retry(why),
            Err(DeliverError::Unknown(why)) => Outcome::Uncertain(why),
        }
    }

    /// Records how an attempt ended. A message that was handed over must not be forgotten because
    /// the database is away for a moment, so this tries for as long as the lease lasts.
    async fn record(&self, message: &Message, outcome: &Outcome) {
        let deadline = self.settings.delivery_lease.as_secs().max(1);
        for _ in 0..deadline {
            match self.ports.outbox.record(message, outcome, self.ports.clock.now()).await {
                Ok(true) => return,
                Ok(false) => {
                    warn!("delivery's lease was lost before its outcome was recorded");
                    return;
                }
                Err(err) => {
                    warn!(error = %err, "outcome of a delivery could not be recorded yet");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}
