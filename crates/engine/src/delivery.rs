//! Drains the outbox: the last check at the moment of sending, the hand-over, the receipt.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    clock::Clock,
    draft::{Letter, Manuscript},
    intent::Channel,
    message::{Clearance, Cleared, DeliverError, Message, MessageStatus, Refusal},
    port::{Begun, Outbox, Outcome, Parcel, Room, StoreError, Transmission, VaultError},
    run::{Run, RunStatus},
    verdict::Occasion,
};
use jiff::{SignedDuration, Timestamp};
use playbook::Doing;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, error, info_span, warn};

use crate::{
    active::{Active, ActiveError},
    backoff, exit,
    judge::{Text, judge},
    letter,
    ports::Ports,
    settings::Settings,
};

/// How soon a message that is held back for a reason its claim does not see is looked at again.
const HELD: SignedDuration = SignedDuration::from_secs(30);

/// What the state of its run says against sending a message.
fn barred(message: &Message, run: &Run, now: Timestamp) -> Option<Outcome> {
    match run.status {
        RunStatus::Cancelled => Some(Outcome::Refused("the run was cancelled".to_owned())),
        RunStatus::Paused => {
            // What may have been handed over is claimed whatever its run is; anything else is not
            // until the run is resumed, and is due at once then.
            let may_have_gone = message.status == MessageStatus::Transmitting;
            let until = if may_have_gone { hold(now) } else { now };
            Some(Outcome::Held { why: "the run is paused".to_owned(), until })
        }
        RunStatus::Active | RunStatus::Stuck | RunStatus::Completed => None,
    }
}

fn hold(now: Timestamp) -> Timestamp {
    now.checked_add(HELD).unwrap_or(now)
}

/// An outcome as it may be told of a message that an earlier attempt may have handed over: that
/// this one handed nothing over does not mean that it did not arrive.
fn truly(message: &Message, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused(why) | Outcome::Failed(why)
            if message.status == MessageStatus::Transmitting =>
        {
            Outcome::Uncertain(format!(
                "an earlier attempt may have handed it over, and it is not repeated: {why}"
            ))
        }
        outcome => outcome,
    }
}

/// Hand-overs that may be under way at the same time, so many of each channel: a relay that stalls
/// keeps no other channel waiting.
#[derive(Clone)]
struct Slots {
    free: BTreeMap<Channel, Arc<Semaphore>>,
    /// Told when one becomes free.
    freed: Arc<Notify>,
}

/// A hand-over's place.
struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    freed: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        drop(self.permit.take());
        self.freed.notify_one();
    }
}

impl Slots {
    fn new(count: usize) -> Self {
        let slots = |channel: &Channel| (*channel, Arc::new(Semaphore::new(count.max(1))));
        Self { free: Channel::ALL.iter().map(slots).collect(), freed: Arc::default() }
    }

    /// What is free.
    fn room(&self) -> Room {
        let room = |slots: &Semaphore| u32::try_from(slots.available_permits()).unwrap_or(u32::MAX);
        self.free.iter().map(|(channel, slots)| (*channel, room(slots))).collect()
    }

    fn is_any_full(&self) -> bool {
        self.free.values().any(|slots| slots.available_permits() == 0)
    }

    /// Takes a slot; there is one for whatever was claimed.
    async fn occupy(&self, channel: Channel) -> Slot {
        let permit = match self.free.get(&channel) {
            Some(slots) => Arc::clone(slots).acquire_owned().await.ok(),
            None => None,
        };
        Slot { permit, freed: Arc::clone(&self.freed) }
    }
}

/// Sends what was granted, and nothing else, whoever calls.
#[derive(Clone)]
pub struct Delivery {
    ports: Ports,
    active: Active,
    settings: Settings,
    slots: Slots,
}

struct Beginning<'a> {
    outbox: &'a dyn Outbox,
    message: &'a Message,
    letter: &'a Letter,
    clock: &'a dyn Clock,
    lease: SignedDuration,
    sends_per_hour: Option<u32>,
    /// What became of it instead, if it was kept back at the last moment.
    instead: Mutex<Option<Outcome>>,
}

#[async_trait]
impl Transmission for Beginning<'_> {
    async fn begin(&self) -> bool {
        // A slow conversation may have begun before somebody stopped all sending or opted out.
        let now = self.clock.now();
        let begun = self
            .outbox
            .begin(self.message, self.letter, self.lease, now, self.sends_per_hour)
            .await;
        let instead = match begun {
            Ok(Begun::Yes) => return true,
            Ok(Begun::Held(why)) => Outcome::Held { why, until: now },
            Ok(Begun::Refused(why)) => Outcome::Refused(why),
            Ok(Begun::Lost) | Err(_) => return false,
        };
        *self.instead.lock().unwrap_or_else(PoisonError::into_inner) = Some(instead);
        false
    }
}

impl Delivery {
    /// A delivery over these doors.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let active = Active::new(&ports);
        Self { ports, active, slots: Slots::new(settings.deliveries), settings }
    }

    /// Delivers what is due until nothing is; tells how many messages were looked at. What somebody
    /// else holds is theirs.
    pub async fn drain(&self) -> Result<usize, StoreError> {
        let (mut count, tracker) = (0, TaskTracker::new());
        // Closed, it still takes tasks, and tells when there are none.
        tracker.close();
        let drained = loop {
            // Taken before the claim: what becomes free meanwhile is not missed.
            let freed = self.slots.freed.notified();
            match self.take(&tracker).await {
                Ok(0) if tracker.is_empty() => break Ok(()),
                // As soon as one is done there may be room, or its end made another one due.
                Ok(0) => tokio::select! {
                    biased;
                    () = freed => {}
                    () = tracker.wait() => {}
                },
                Ok(taken) => count += taken,
                Err(err) => break Err(err),
            }
        };
        tracker.wait().await;
        drained.map(|()| count)
    }

    /// Delivers what is due until told to stop; then takes nothing new and finishes what is in hand.
    /// Where nothing is due, `rest` tells when to look again.
    pub(crate) async fn run<R: Future<Output = ()>>(
        &self,
        stop: &CancellationToken,
        rest: impl Fn() -> R,
    ) {
        let tracker = TaskTracker::new();
        while !stop.is_cancelled() {
            let freed = self.slots.freed.notified();
            let batch = TaskTracker::new();
            match self.take_as(&tracker, &batch).await {
                Ok(0) => {
                    // What a channel without room keeps waiting is due the moment it has some.
                    let full = self.slots.is_any_full();
                    tokio::select! {
                        () = rest() => {}
                        () = freed, if full => {}
                    }
                }
                Ok(_) => {
                    batch.close();
                    // Claimed one by one as slots become free, messages would be written one by one.
                    tokio::select! {
                        () = batch.wait() => {}
                        () = self.ports.timer.sleep(self.settings.pace) => {}
                    }
                }
                Err(err) => {
                    warn!(error = %err, "outbox could not be drained");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = self.ports.timer.sleep(Duration::from_secs(1)) => {}
                    }
                }
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    /// Takes as many due messages as there are free slots, and sets out to deliver them.
    async fn take(&self, tracker: &TaskTracker) -> Result<usize, StoreError> {
        self.take_as(tracker, &TaskTracker::new()).await
    }

    async fn take_as(&self, all: &TaskTracker, batch: &TaskTracker) -> Result<usize, StoreError> {
        let room = self.slots.room();
        if room.most() == 0 {
            return Ok(0);
        }
        let now = self.ports.clock.now();
        let Settings { delivery_lease: lease, limits, .. } = &self.settings;
        let messages = self.ports.outbox.claim_messages_within(now, &room, *lease, limits).await?;
        let count = messages.len();
        for message in messages {
            let slot = self.slots.occupy(message.channel).await;
            let delivery = self.clone();
            let span = info_span!("deliver", message.id = %message.id, run.id = %message.run);
            all.spawn(
                batch.track_future(
                    async move {
                        delivery.deliver(&message).await;
                        drop(slot);
                    }
                    .instrument(span),
                ),
            );
        }
        Ok(count)
    }

    /// One attempt, with the lease renewed while it lasts: a relay may take minutes to answer.
    async fn deliver(&self, message: &Message) {
        let lease = self.settings.delivery_lease;
        let third = Duration::try_from(lease / 3).unwrap_or(Duration::from_secs(10));
        let third = third.max(Duration::from_millis(10));
        let mut beat = self.ports.timer.sleep(third);
        let mut held = true;
        let attempt = self.attempt(message);
        tokio::pin!(attempt);
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut attempt => break outcome,
                () = &mut beat, if held => {
                    beat = self.ports.timer.sleep(third);
                    match self.ports.outbox.renew_message(message, lease).await {
                        // What has not begun will not; what has is recorded by whoever has it now.
                        Ok(still) => held = still,
                        Err(err) => warn!(error = %err, "delivery's lease could not be renewed"),
                    }
                }
            }
        };
        match outcome {
            Ok(outcome) => self.record(message, &truly(message, outcome)).await,
            // Nothing was handed over; the lease ends and it is tried again.
            Err(err) => warn!(error = %err, "delivery could not be attempted"),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one story, told in its order")]
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
        let manuscript = match self.text_of(message, now).await? {
            Ok(manuscript) => manuscript,
            Err(outcome) => return Ok(outcome),
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
        if let Some(outcome) = barred(message, &run, now) {
            return Ok(outcome);
        }
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
        let asset = intent.action.outreach().and_then(|outreach| plan.asset(&outreach.asset));
        let parcel = Parcel {
            letter,
            snapshot: &snapshot,
            asset: asset.map_or("", |asset| &asset.text),
            standards: policy.outgoing(),
            playbook: &intent.playbook,
        };
        let findings = match exit::again(ports, parcel, &approval, version).await {
            Ok(findings) => findings,
            Err(why) => return Ok(Outcome::Held { why, until: hold(now) }),
        };
        let text = Text {
            letter,
            author: &version.author,
            findings: &findings,
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
                // What is stopped is not claimed; when it is restarted, it is due at once.
                return Ok(Outcome::Held { why: refusal.to_string(), until: now });
            }
            Err(refusal) => return Ok(Outcome::Refused(refusal.to_string())),
        };
        Ok(self.hand_over(message, &cleared, plan.sends_per_hour).await)
    }

    /// Has the channel take it, if nothing comes between at the last moment.
    async fn hand_over(
        &self,
        message: &Message,
        cleared: &Cleared<'_>,
        sends_per_hour: Option<u32>,
    ) -> Outcome {
        let ports = &self.ports;
        let beginning = Beginning {
            outbox: &*ports.outbox,
            message,
            letter: cleared.letter(),
            clock: &*ports.clock,
            lease: self.settings.delivery_lease,
            sends_per_hour: sends_per_hour.or(self.settings.limits.sends_per_hour),
            instead: Mutex::default(),
        };
        let delivered = ports.channels.deliver(cleared, &beginning).await;
        let instead = beginning.instead.into_inner().unwrap_or_else(PoisonError::into_inner);
        instead.unwrap_or_else(|| self.outcome(message, cleared.letter().channel, delivered))
    }

    /// The approved text, or why it cannot be sent (now).
    async fn text_of(
        &self,
        message: &Message,
        now: Timestamp,
    ) -> Result<Result<Manuscript, Outcome>, StoreError> {
        match self.ports.vault.open(message.content).await {
            Ok(plain) => Ok(serde_json::from_slice(&plain)
                .map_err(|_| Outcome::Refused("stored text cannot be read".to_owned()))),
            Err(VaultError::Store(err)) => Err(err),
            Err(err @ VaultError::Erased(_)) => Ok(Err(Outcome::Refused(err.to_string()))),
            // A process with another master key must not lose what one with the right key can send.
            Err(err) => {
                error!(error = %err, "approved text cannot be opened; is the master key right?");
                Ok(Err(Outcome::Held { why: err.to_string(), until: hold(now) }))
            }
        }
    }

    fn outcome(
        &self,
        message: &Message,
        channel: Channel,
        delivered: Result<domain::message::Receipt, DeliverError>,
    ) -> Outcome {
        let retry = |why: String, handed_over: bool| {
            let attempts = message.attempts;
            if attempts >= self.settings.delivery_attempts {
                let why = format!("{why}; gave up after {attempts} attempts");
                return if handed_over { Outcome::Uncertain(why) } else { Outcome::Failed(why) };
            }
            let attempt = u32::try_from(attempts).unwrap_or(1).max(1);
            let until = backoff::until(self.ports.clock.now(), attempt, message.id.uuid(), None);
            Outcome::Retry { why, until, handed_over }
        };
        match delivered {
            Ok(receipt) => Outcome::Delivered(receipt),
            Err(DeliverError::Transient(why)) => retry(why, false),
            Err(DeliverError::Permanent(why)) => Outcome::Failed(why),
            Err(DeliverError::Unknown(why)) if self.ports.channels.dedupes(channel) => {
                retry(why, true)
            }
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
                    self.ports.timer.sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}
