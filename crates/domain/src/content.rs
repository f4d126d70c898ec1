//! Personal content, sealed under the key of the person it is about.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{ContactId, ContentId};

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
