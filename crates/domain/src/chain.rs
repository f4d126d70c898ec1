//! The hash chain over events and the Merkle root over chain heads: how tampering shows.

use sha2::{Digest, Sha256};

use crate::event::StoredEvent;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// What the first event of a stream is chained to.
pub const GENESIS: Hash = [0; 32];

/// The hash of an event: SHA-256 over the predecessor's hash and each field with its length, so
/// that no two different events read the same.
pub fn link(prev: &[u8], stream: &str, seq: i64, at: i64, actor: &str, data: &str) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"playgate/event/1");
    for field in [
        prev,
        stream.as_bytes(),
        &seq.to_be_bytes(),
        &at.to_be_bytes(),
        actor.as_bytes(),
        data.as_bytes(),
    ] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

/// Why a chain does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} of stream `{stream}` {what}")]
pub struct Broken {
    /// The stream.
    pub stream: String,
    /// The event at fault.
    pub seq: i64,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Checks one stream event by event, in order.
#[derive(Clone, Debug)]
pub struct Verifier {
    stream: String,
    seq: i64,
    head: Vec<u8>,
}

impl Verifier {
    /// Begins at the start of a stream.
    pub fn new(stream: &str) -> Self {
        Self { stream: stream.to_owned(), seq: 0, head: GENESIS.to_vec() }
    }

    /// Goes on after an event that was checked elsewhere: in an archive file.
    pub fn after(stream: &str, seq: i64, hash: &[u8]) -> Self {
        Self { stream: stream.to_owned(), seq, head: hash.to_vec() }
    }

    /// Checks the next event.
    pub fn next(&mut self, event: &StoredEvent) -> Result<(), Broken> {
        let broken = |what| Broken { stream: self.stream.clone(), seq: event.seq, what };
        if event.seq != self.seq + 1 {
            return Err(broken("is out of sequence: an event before it is missing or repeated"));
        }
        if event.prev != self.head {
            return Err(broken("is not chained to the event before it"));
        }
        let hash = link(&event.prev, &event.stream, event.seq, event.at, &event.actor, &event.data);
        if event.hash != hash {
            return Err(broken("was changed after it was written"));
        }
        self.seq = event.seq;
        self.head.clone_from(&event.hash);
        Ok(())
    }

    /// Number and hash of the last event checked.
    pub fn head(&self) -> (i64, &[u8]) {
        (self.seq, &self.head)
    }
}

/// The Merkle root over chain heads, each a stream, its last number and its last hash. Leaves and
/// nodes are hashed under different prefixes (RFC 6962, section 2.1), an odd node is promoted.
pub fn root<'a>(heads: impl IntoIterator<Item = (&'a str, i64, &'a [u8])>) -> Hash {
    let mut level: Vec<Hash> = heads
        .into_iter()
        .map(|(stream, seq, hash)| {
            let mut leaf = Sha256::new();
            leaf.update([0]);
            leaf.update((stream.len() as u64).to_be_bytes());
            leaf.update(stream.as_bytes());
            leaf.update(seq.to_be_bytes());
            leaf.update(hash);
            leaf.finalize().into()
        })
        .collect();
    if level.is_empty() {
        return Sha256::digest([]).into();
    }
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => {
                    let mut node = Sha256::new();
                    node.update([1]);
                    node.update(left);
                    node.update(right);
                    node.finalize().into()
                }
                rest => rest[0],
            })
            .collect();
    }
    level[0]
}

/// The hash of a checkpoint: chains the Merkle root to the checkpoint before it.
pub fn checkpoint(prev: &[u8], number: i64, at: i64, root: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"playgate/checkpoint/1");
    hash.update(prev);
    hash.update(number.to_be_bytes());
    hash.update(at.to_be_bytes());
    hash.update(root);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(data: &[String]) -> Vec<StoredEvent> {
        let mut prev = GENESIS.to_vec();
        data.iter()
            .enumerate()
            .map(|(index, data)| {
                let seq = i64::try_from(index).unwrap() + 1;
                let hash = link(&prev, "run_1", seq, 7, "engine", data).to_vec();
                StoredEvent {
                    stream: "run_1".to_owned(),
                    seq,
                    at: 7,
                    actor: "engine".to_owned(),
                    data: data.clone(),
                    prev: std::mem::replace(&mut prev, hash.clone()),
                    hash,
                }
            })
            .collect()
    }

    fn verify(events: &[StoredEvent]) -> Result<(), Broken> {
        let mut verifier = Verifier::new("run_1");
        events.iter().try_for_each(|event| verifier.next(event))
    }

    proptest! {
        #[test]
        fn any_change_of_any_event_is_found_at_that_event(
            data in proptest::collection::vec("[a-z]{1,8}", 1..8),
            pick in any::<proptest::sample::Index>(),
        ) {
            let events = stream(&data);
            prop_assert_eq!(verify(&events), Ok(()));
            let at = pick.index(events.len());
            let mut changed = events;
            changed[at].data.push('!');
            prop_assert_eq!(verify(&changed).unwrap_err().seq, changed[at].seq);
        }
    }

    #[test]
    fn a_missing_event_is_found() {
        let mut events = stream(&["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        events.remove(1);
        assert_eq!(verify(&events).unwrap_err().seq, 3);
    }

    #[test]
    fn the_root_depends_on_every_head_and_on_order() {
        let a = ("a", 1, [1_u8; 32].as_slice());
        let b = ("b", 2, [2_u8; 32].as_slice());
        let c = ("c", 3, [3_u8; 32].as_slice());
        assert_ne!(root([a, b, c]), root([a, c, b]));
        assert_ne!(root([a, b]), root([a, b, c]));
    }
}
