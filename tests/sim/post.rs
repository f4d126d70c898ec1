//! The other side: a post office that knows what arrived, and the way there.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use domain::{
    draft::Letter,
    id::MessageId,
    intent::Channel,
    message::{Cleared, DeliverError, Receipt},
    port::{Channels, Transmission},
};

use super::{
    doors::Doors,
    gate::{Fate, Kind},
};

/// What arrived.
#[derive(Clone, Debug, Default)]
pub struct Post {
    arrived: BTreeMap<MessageId, Vec<Letter>>,
}

impl Post {
    /// Takes a letter in. Its channel recognises one that it has already, or does not.
    pub fn take(&mut self, id: MessageId, letter: &Letter) {
        self.arrived.entry(id).or_default().push(letter.clone());
    }

    /// Everything that came under this id, repeats included.
    pub fn of(&self, id: MessageId) -> &[Letter] {
        self.arrived.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Ids of everything that came.
    pub fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.arrived.keys().copied()
    }

    /// How many letters came, repeats included.
    pub fn count(&self) -> usize {
        self.arrived.values().map(Vec::len).sum()
    }
}

/// Whether the other side recognises a repeated message.
pub const fn dedupes(channel: Channel) -> bool {
    matches!(channel, Channel::Webhook)
}

/// The ways out of one process.
pub struct Ways {
    /// The gate, and the book in which the post office keeps what arrived.
    pub doors: Doors,
}

#[async_trait]
impl Channels for Ways {
    fn dedupes(&self, channel: Channel) -> bool {
        dedupes(channel)
    }

    async fn deliver(
        &self,
        cleared: &Cleared<'_>,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError> {
        let (gate, id) = (Arc::clone(&self.doors.gate), cleared.message().id);
        match gate.pass("dial", Kind::Dial, id.to_string()).await {
            Fate::Fails(true) => return Err(DeliverError::Transient("nobody answers".to_owned())),
            Fate::Fails(false) => {
                return Err(DeliverError::Permanent("no such mailbox".to_owned()));
            }
            _ => {}
        }
        if !transmission.begin().await {
            return Err(DeliverError::Transient("told not to".to_owned()));
        }
        self.doors.book().begun(cleared.message(), cleared.letter());
        let fate = gate.pass("hand over", Kind::Wire, id.to_string()).await;
        let arrives = || self.doors.book().arrived(cleared.message(), cleared.letter());
        match fate {
            Fate::Go => {
                arrives();
                Ok(Receipt { note: "250 taken".to_owned() })
            }
            Fate::FailsAfter => {
                arrives();
                Err(DeliverError::Unknown("the line broke".to_owned()))
            }
            Fate::DiesAfter => {
                arrives();
                gate.die().await
            }
            Fate::Lost => Err(DeliverError::Unknown("the line broke".to_owned())),
            Fate::Fails(true) => Err(DeliverError::Transient("451 later".to_owned())),
            Fate::Fails(false) => Err(DeliverError::Permanent("550 never".to_owned())),
        }
    }
}
