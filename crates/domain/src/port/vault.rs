//! Sealing and opening personal content.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    content::Sealed,
    id::{ContactId, ContentId},
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
}
