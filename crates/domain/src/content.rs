//! Personal content, sealed under the key of the person it is about.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use zeroize::Zeroizing;

use crate::id::{ContactId, ContentId, RunId};

/// Ciphertext with the subject whose key opens it. Destroying the key erases the content and
/// leaves the audit chain, which covers only the ciphertext's hash, intact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Our id.
    pub id: ContentId,
    /// The person it is about.
    pub subject: ContactId,
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// SHA-256 of the ciphertext, in hex: what events refer to.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.bytes))
    }
}

/// What a run's placeholders stand for, in the clear, on its way between the writer and the vault.
/// Bytes of the writer's own making; never stored, never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pseudonyms {
    bytes: Zeroizing<Vec<u8>>,
    revision: i64,
}

impl Pseudonyms {
    /// These bytes, as stored under this revision; 0 if they are not stored yet.
    pub fn new(bytes: Vec<u8>, revision: i64) -> Self {
        Self { bytes: Zeroizing::new(bytes), revision }
    }

    /// What the writer keeps in them; empty for a run that has none yet.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How often they were stored when they were read.
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// The same, gone on with.
    #[must_use]
    pub fn with(&self, bytes: Vec<u8>) -> Self {
        Self::new(bytes, self.revision)
    }
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pseudonyms({} bytes)", self.bytes.len())
    }
}

/// What a run's placeholders stand for, sealed under the run's own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPseudonyms {
    /// The run.
    pub run: RunId,
    /// Its key, wrapped by a master key.
    pub wrapped: Vec<u8>,
    /// Which master key that was.
    pub master: String,
    /// Placeholders, each with its sealed original.
    pub bytes: Vec<u8>,
    /// The revision they go on from: if another is stored, these are out of date.
    pub revision: i64,
}
