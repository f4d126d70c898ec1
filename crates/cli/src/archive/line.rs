//! What an archive file says: a header, then one JSON object a line for each thing in it.

use std::collections::BTreeMap;

use base64::engine::general_purpose::STANDARD as BASE64;
use domain::{
    archive::{ArchiveKind, Exported, Rows, Stretch},
    chain,
    content::Sealed,
    event::StoredEvent,
    id::{AccountId, ContactId, ContentId, RunId},
    port::{Checkpoint, StreamHead},
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version of this format. A program reads its own and earlier ones.
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub playgate_archive: u32,
    /// What the lines hold.
    pub kind: ArchiveKind,
    /// How many lines were to follow; fewer do if something turned out not to verify.
    pub items: u64,
    /// What is in it ended before this time.
    pub before: Timestamp,
    /// When it was written.
    pub made_at: Timestamp,
    /// The version of the program that wrote it.
    pub program: String,
}

/// The end of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last event.
    pub seq: i64,
    /// Its hash.
    #[serde(with = "hex_bytes")]
    pub hash: Vec<u8>,
}

/// An event as it was stored. Its predecessor's hash is the one of the line's event before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLine {
    /// Its place in its stream.
    pub seq: i64,
    /// Microseconds since 1970.
    pub at: i64,
    /// In whose name, as JSON text.
    pub actor: String,
    /// What happened, as JSON text, byte for byte as it was hashed.
    pub data: String,
    /// Its hash.
    #[serde(with = "hex_bytes")]
    pub hash: Vec<u8>,
}

/// Ciphertext.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentLine {
    /// Its id.
    pub id: ContentId,
    /// Whose key opens it.
    pub subject: ContactId,
    /// Nonce and ciphertext.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

/// Rows that may hold anything, sealed under the key of each of these people in turn: erasing any
/// of them erases it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// The id it was sealed as.
    pub id: ContentId,
    /// Whose keys, from the innermost.
    pub subjects: Vec<ContactId>,
    /// Nonce and ciphertext.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

/// Everything of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunLine {
    /// The run.
    pub run: RunId,
    /// Its account.
    pub account: AccountId,
    /// When it began.
    pub started_at: Timestamp,
    /// The end of its stream.
    pub head: Head,
    /// Its events, from the first.
    pub events: Vec<EventLine>,
    /// Rows by table, without anything a person wrote.
    pub outline: BTreeMap<String, Rows>,
    /// The texts that were drafted, sealed as they were stored.
    pub contents: Vec<ContentLine>,
    /// The same rows whole, sealed; none if there was nobody to seal them for, or they were erased.
    pub private: Option<Private>,
}

/// A stretch of a stream that never ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StretchLine {
    /// The stream.
    pub stream: String,
    /// The event before the first; number 0 before there was any.
    pub from: Head,
    /// The last event.
    pub head: Head,
    /// The events.
    pub events: Vec<EventLine>,
}

/// A checkpoint with the heads it covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointLine {
    /// Its number.
    pub number: i64,
    /// When it was taken, microseconds since 1970.
    pub at: i64,
    /// Hash of the checkpoint before it.
    #[serde(with = "hex_bytes")]
    pub prev: Vec<u8>,
    /// Its hash.
    #[serde(with = "hex_bytes")]
    pub hash: Vec<u8>,
    /// Stream, number and hash of each head, by stream.
    pub heads: Vec<(String, Head)>,
}

fn event_lines(events: &[StoredEvent]) -> Vec<EventLine> {
    events
        .iter()
        .map(|event| EventLine {
            seq: event.seq,
            at: event.at,
            actor: event.actor.clone(),
            data: event.data.clone(),
            hash: event.hash.clone(),
        })
        .collect()
}

/// The events of a line as the ledger would give them, `prev` being the hash before the first.
pub fn stored_events(stream: &str, prev: &[u8], lines: &[EventLine]) -> Vec<StoredEvent> {
    let mut prev = prev.to_vec();
    lines
        .iter()
        .map(|line| StoredEvent {
            stream: stream.to_owned(),
            seq: line.seq,
            at: line.at,
            actor: line.actor.clone(),
            data: line.data.clone(),
            prev: std::mem::replace(&mut prev, line.hash.clone()),
            hash: line.hash.clone(),
        })
        .collect()
}

impl From<&StreamHead> for Head {
    fn from(head: &StreamHead) -> Self {
        Self { seq: head.seq, hash: head.hash.clone() }
    }
}

impl RunLine {
    /// A run with its whole rows sealed, if they could be.
    pub fn new(run: &Exported, private: Option<Private>) -> Self {
        Self {
            run: run.run,
            account: run.account,
            started_at: run.started_at,
            head: Head::from(&run.head),
            events: event_lines(&run.events),
            outline: run.outline.clone(),
            contents: run
                .contents
                .iter()
                .map(|sealed| ContentLine {
                    id: sealed.id,
                    subject: sealed.subject,
                    bytes: sealed.bytes.clone(),
                })
                .collect(),
            private,
        }
    }

    /// Its events, as the ledger gave them once.
    pub fn stored(&self) -> Vec<StoredEvent> {
        stored_events(&self.run.to_string(), &chain::GENESIS, &self.events)
    }
}

impl From<&ContentLine> for Sealed {
    fn from(line: &ContentLine) -> Self {
        Self { id: line.id, subject: line.subject, bytes: line.bytes.clone() }
    }
}

impl StretchLine {
    /// A stretch; none of a stretch without events.
    pub fn new(stretch: &Stretch) -> Option<Self> {
        let (first, last) = (stretch.events.first()?, stretch.events.last()?);
        Some(Self {
            stream: stretch.stream.clone(),
            from: Head { seq: first.seq - 1, hash: first.prev.clone() },
            head: Head { seq: last.seq, hash: last.hash.clone() },
            events: event_lines(&stretch.events),
        })
    }

    /// Its events, as the ledger gave them once.
    pub fn stored(&self) -> Vec<StoredEvent> {
        stored_events(&self.stream, &self.from.hash, &self.events)
    }
}

impl From<&Checkpoint> for CheckpointLine {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            number: checkpoint.number,
            at: checkpoint.at,
            prev: checkpoint.prev.clone(),
            hash: checkpoint.hash.clone(),
            heads: checkpoint
                .heads
                .iter()
                .map(|head| (head.stream.clone(), Head::from(head)))
                .collect(),
        }
    }
}

mod hex_bytes {
    //! Hashes, as people compare them.
    use super::{Deserialize, Deserializer, Serializer};
    use serde::de::Error as _;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

mod base64_bytes {
    //! Ciphertext, as short as text can be.
    use super::{BASE64, Deserialize, Deserializer, Serializer};
    use base64::Engine as _;
    use serde::de::Error as _;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        BASE64.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
