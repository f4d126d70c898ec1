//! Sealing and opening personal content.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    content::{Pseudonyms, Sealed, SealedPseudonyms},
    id::{ContactId, ContentId, RunId},
};

/// Why content was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The subject's key was destroyed: the person was erased.
    #[error("content `{0}` was erased")]
    Erased(ContentId),
    /// There is no such content.
    #[error("there is no content `{0}`")]
    NotFound(ContentId),
    /// The ciphertext or its key does not fit: wrong master key, or tampering.
    #[error("content `{0}` does not open under the master key in use")]
    Sealed(ContentId),
    /// What a run's placeholders stand for does not open: wrong master key, or tampering.
    #[error("placeholders of `{0}` do not open under the master key in use")]
    Pseudonyms(RunId),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Personal content at rest.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Seals bytes under a subject's key, making the key if there is none.
    async fn seal(
        &self,
        id: ContentId,
        subject: ContactId,
        plain: &[u8],
    ) -> Result<Sealed, VaultError>;

    /// Opens stored content.
    async fn open(&self, id: ContentId) -> Result<Vec<u8>, VaultError>;

    /// What a run's placeholders stand for so far, under a key of the run's own.
    async fn pseudonyms(&self, run: RunId) -> Result<Pseudonyms, VaultError>;

    /// Seals what a run's placeholders stand for, to be stored with the turn.
    async fn seal_pseudonyms(
        &self,
        run: RunId,
        pseudonyms: &Pseudonyms,
    ) -> Result<SealedPseudonyms, VaultError>;
}
