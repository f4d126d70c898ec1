//! The outbox and the channels that empty it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;
use crate::{
    draft::Letter,
    id::MessageId,
    intent::Channel,
    killswitch::{Kill, Scope},
    limit::Limits,
    message::{Cleared, DeliverError, Message, MessageStatus, Receipt},
    page::{Page, PageRequest},
    user::Actor,
};

/// How a delivery attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered(Receipt),
    /// A last check kept it in for good.
    Refused(String),
    /// A last check holds it back; tried again later, not counted as an attempt.
    Held {
        /// Why.
        why: String,
        /// Until then.
        until: Timestamp,
    },
    /// Tried again later.
    Retry {
        /// Why.
        why: String,
        /// Then.
        until: Timestamp,
        /// The text may have been handed over; the other side recognises a repeated message.
        handed_over: bool,
    },
    /// It will never be taken, or was tried too often.
    Failed(String),
    /// It may or may not have arrived.
    Uncertain(String),
}

/// Whether a text may be handed over now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It may, and that it is about to be is durable.
    Yes,
    /// The lease was lost; whoever has it now goes on.
    Lost,
    /// Not now: sending is stopped, or the run is paused. Why, in words.
    Held(String),
    /// Never: the run was cancelled, or the contact opted out or moved. Why, in words.
    Refused(String),
}

/// How many messages may be taken of each channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room(BTreeMap<Channel, u32>);

impl Room {
    /// As many of each.
    pub fn of_each(count: u32) -> Self {
        Channel::ALL.iter().map(|channel| (*channel, count)).collect()
    }

    /// How many of a channel.
    pub fn of(&self, channel: Channel) -> u32 {
        self.0.get(&channel).copied().unwrap_or(0)
    }

    /// How many of the one that has most.
    pub fn most(&self) -> u32 {
        self.0.values().copied().max().unwrap_or(0)
    }
}

impl FromIterator<(Channel, u32)> for Room {
    fn from_iter<I: IntoIterator<Item = (Channel, u32)>>(room: I) -> Self {
        Self(room.into_iter().collect())
    }
}

/// Messages on their way out.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Leases up to `limit` messages of each channel that are due, whatever the rates.
    async fn claim_messages(
        &self,
        now: Timestamp,
        limit: u32,
        ttl: SignedDuration,
    ) -> Result<Vec<Message>, StoreError> {
        self.claim_messages_within(now, &Room::of_each(limit), ttl, &Limits::default()).await
    }

    /// Leases as many messages that are due as there is room for: queued ones, and ones whose attempt died, unless
    /// that happened too often: then they settle as failed or uncertain. The answer's `status` is
    /// the one *before* the claim: a message found `sending` had not been handed over, one found
    /// `transmitting` may have been. Claimed messages become `sending`, except that `transmitting`
    /// ones stay so. A `DeliveryStarted` event is appended for each message that becomes
    /// `sending`.
    ///
    /// Playbooks take turns. An action whose rate is spent stays queued, with a note that says so,
    /// until there are permits again; what a stop covers stays as it is.
    async fn claim_messages_within(
        &self,
        now: Timestamp,
        room: &Room,
        ttl: SignedDuration,
        limits: &Limits,
    ) -> Result<Vec<Message>, StoreError>;

    /// Prolongs a delivery attempt's hold on its message by `ttl` from now; false if it was lost.
    async fn renew_message(
        &self,
        message: &Message,
        ttl: SignedDuration,
    ) -> Result<bool, StoreError>;

    /// Makes durable that the text is about to be handed over, or says why it must not be: looks
    /// at stops, at the run and at what the contact agreed to once more, and counts.
    ///
    /// `sends_per_hour` bounds the messages of the playbook that were begun in the hour before
    /// `now`, by whatever process, since a person last restarted its sending; another attempt at a
    /// message counts as the message. The one that would be too many stops the playbook in the
    /// engine's name, with a task for CS ops, and is held itself: the bound is exact as far as the
    /// processes' clocks agree.
    async fn begin(
        &self,
        message: &Message,
        letter: &Letter,
        ttl: SignedDuration,
        now: Timestamp,
        sends_per_hour: Option<u32>,
    ) -> Result<Begun, StoreError>;

    /// Records how an attempt ended, with its event, and wakes the run if the message settled.
    /// False if the lease was lost. A message that is tried again and may have been handed over
    /// stays `transmitting`, so that nobody takes it for one that was not.
    async fn record(
        &self,
        message: &Message,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// A person says what became of an uncertain or failed message: `true`: it arrived; `false`:
    /// it did not, and is sent again unless its run was cancelled. False if there is nothing to say.
    async fn resolve(
        &self,
        id: MessageId,
        arrived: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Reads one message.
    async fn message(&self, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// Lists messages, newest first.
    async fn messages(
        &self,
        status: Option<MessageStatus>,
        page: &PageRequest,
    ) -> Result<Page<Message>, StoreError>;

    /// Stops sending within a scope. Stopping it twice keeps the first.
    async fn kill(&self, kill: &Kill) -> Result<(), StoreError>;

    /// Restarts sending within a scope; false if it was not stopped.
    async fn unkill(&self, scope: &Scope, by: &Actor, now: Timestamp) -> Result<bool, StoreError>;

    /// The stops in force.
    async fn kills(&self) -> Result<Vec<Kill>, StoreError>;
}

/// Says, durably, that the text is about to be handed over. A channel must call it exactly once
/// and stop if it answers false.
#[async_trait]
pub trait Transmission: Send + Sync {
    /// See the trait.
    async fn begin(&self) -> bool;
}

/// Where messages go.
#[async_trait]
pub trait Channels: Send + Sync {
    /// Whether the other side recognises a repeated message, so that repeating after a crash in
    /// the middle of transmission does no harm.
    fn dedupes(&self, channel: Channel) -> bool;

    /// Hands a cleared letter over.
    async fn deliver(
        &self,
        cleared: &Cleared<'_>,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError>;
}
