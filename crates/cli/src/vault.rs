//! Sealed personal content: keys and ciphertext from the store, the cipher from `privacy`.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use domain::{
    content::{Pseudonyms, Sealed, SealedPseudonyms},
    id::{ContactId, ContentId, RunId},
    port::{StoreError, Vault, VaultError},
};
use privacy::{
    Mapping,
    seal::{MasterKey, OpenError, RunKey, SubjectKey},
};
use store::{Store, SubjectKeyError, Wrapped};
use tracing::{info, warn};

use crate::keyring::{Keyring, Source};

/// Where keys and nonces come from.
pub trait Entropy: Send + Sync {
    /// Fills it with bytes nobody can guess.
    fn fill(&self, bytes: &mut [u8]) -> anyhow::Result<()>;
}

/// The system's own randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> anyhow::Result<()> {
        getrandom::fill(bytes).map_err(|err| anyhow::anyhow!("no randomness: {err}"))
    }
}

/// Seals under a key per person and per run, each wrapped by a master key.
pub struct KeyVault {
    store: Store,
    keys: RwLock<Arc<Keyring>>,
    /// Where the master keys come from, to look again when another is in use.
    source: Option<Source>,
    entropy: Arc<dyn Entropy>,
}

impl KeyVault {
    /// A vault over this store and these master keys.
    pub fn new(store: Store, keys: Keyring, source: Option<Source>) -> Self {
        Self { store, keys: RwLock::new(Arc::new(keys)), source, entropy: Arc::new(SystemEntropy) }
    }

    /// The same, with keys and nonces from elsewhere: for simulations, whose bytes are the same each
    /// time.
    #[must_use]
    pub fn drawing_from(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }

    fn draw<const N: usize>(&self) -> Result<[u8; N], VaultError> {
        let mut bytes = [0; N];
        self.entropy
            .fill(&mut bytes)
            .map_err(|err| VaultError::Store(StoreError::new(true, err.to_string())))?;
        Ok(bytes)
    }

    /// The master keys this process has now.
    pub fn keys(&self) -> Arc<Keyring> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks for the master keys again: somebody has changed them. Whether they are others now.
    pub async fn look_again(&self) -> bool {
        let Some(source) = self.source.clone() else { return false };
        let read = tokio::task::spawn_blocking(move || source.read()).await;
        match read {
            Ok(Ok(Some(keys))) => {
                let mut mine = self.keys.write().unwrap_or_else(PoisonError::into_inner);
                if mine.ids() == keys.ids() {
                    return false;
                }
                info!(keys = keys.ids().join(", "), "master keys were read again");
                *mine = Arc::new(keys);
                true
            }
            Ok(Ok(None)) => false,
            Ok(Err(err)) => {
                warn!(error = format!("{err:#}"), "master keys cannot be read again");
                false
            }
            Err(err) => {
                warn!(error = %err, "master keys cannot be read again");
                false
            }
        }
    }

    /// Opens with the master key of this id, if need be after looking for it again.
    async fn with_master<T>(
        &self,
        master: &str,
        open: impl Fn(&MasterKey) -> Result<T, OpenError>,
    ) -> Option<T> {
        if let Some(opened) = self.keys().open(master, &open) {
            return opened.ok();
        }
        if self.look_again().await { self.keys().open(master, &open)?.ok() } else { None }
    }

    async fn subject_key(&self, of: ContactId, wrapped: &Wrapped) -> Option<SubjectKey> {
        let aad = of.to_string();
        self.with_master(&wrapped.master, |key| key.unwrap(&wrapped.bytes, aad.as_bytes())).await
    }

    /// A new key for somebody who has none; another's if another was faster.
    async fn new_subject_key(&self, id: ContentId, of: ContactId) -> Result<Wrapped, VaultError> {
        let key = SubjectKey::from_bytes(self.draw()?);
        // Twice: the master key may have been changed under us.
        for _ in 0..2 {
            let keys = self.keys();
            let wrapped = keys.first().wrap(&key, self.draw()?, of.to_string().as_bytes());
            let master = keys.first().id();
            let stored = self.store.insert_subject_key_if_absent(of, &wrapped, &master).await;
            match stored.map_err(|err| erased(id, err))? {
                Some(stored) => return Ok(stored),
                None => self.look_again().await,
            };
        }
        Err(VaultError::Sealed(id))
    }

    /// Opens bytes that were sealed as this content for this person, wherever they are kept.
    pub async fn open_bytes(
        &self,
        id: ContentId,
        subject: ContactId,
        bytes: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let wrapped = match self.store.subject_key(subject).await {
            Ok(Some(wrapped)) => wrapped,
            Ok(None) | Err(SubjectKeyError::Destroyed(_)) => return Err(VaultError::Erased(id)),
            Err(SubjectKeyError::Store(err)) => return Err(VaultError::Store(err)),
        };
        let key = self.subject_key(subject, &wrapped).await.ok_or(VaultError::Sealed(id))?;
        let plain =
            key.open(id.to_string().as_bytes(), bytes).map_err(|_| VaultError::Sealed(id))?;
        Ok(plain.to_vec())
    }

    /// Opens what the placeholders of a run stand for.
    pub async fn open_pseudonyms(&self, sealed: &SealedPseudonyms) -> Result<Mapping, VaultError> {
        let (run, wrapped) = (sealed.run, &sealed.wrapped);
        let name = run.to_string();
        let key = self
            .with_master(&sealed.master, |key| key.unwrap_run(wrapped, &name))
            .await
            .ok_or(VaultError::Pseudonyms(run))?;
        Mapping::open(key, &session(run), &sealed.bytes).map_err(|_| VaultError::Pseudonyms(run))
    }

    /// The bytes under which a run's placeholders are kept.
    pub fn seal_mapping(&self, run: RunId, mapping: &Mapping) -> Result<Vec<u8>, VaultError> {
        mapping.seal(&session(run), || self.draw())
    }
}

/// What the placeholders of a run are bound to.
fn session(run: RunId) -> String {
    format!("playgate/{run}")
}

fn erased(id: ContentId, err: SubjectKeyError) -> VaultError {
    match err {
        SubjectKeyError::Destroyed(_) => VaultError::Erased(id),
        SubjectKeyError::Store(err) => VaultError::Store(err),
    }
}

/// Bytes nobody can guess.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes)?;
    Ok(bytes)
}

#[async_trait]
impl Vault for KeyVault {
    async fn seal(
        &self,
        id: ContentId,
        subject: ContactId,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        let stored = self.store.subject_key(subject).await.map_err(|err| erased(id, err))?;
        let wrapped = match stored {
            Some(wrapped) => wrapped,
            None => self.new_subject_key(id, subject).await?,
        };
        let key = self.subject_key(subject, &wrapped).await.ok_or(VaultError::Sealed(id))?;
        let bytes = key.seal(self.draw()?, id.to_string().as_bytes(), plain);
        Ok(Sealed { id, subject, bytes })
    }

    async fn open(&self, id: ContentId) -> Result<Vec<u8>, VaultError> {
        let Some(sealed) = self.store.content(id).await? else {
            return Err(VaultError::NotFound(id));
        };
        self.open_bytes(id, sealed.subject, &sealed.bytes).await
    }

    async fn pseudonyms(&self, run: RunId) -> Result<Pseudonyms, VaultError> {
        let stored = self.store.pseudonyms_of(run, &self.keys().first().id()).await?;
        if stored.retired {
            self.look_again().await;
        }
        let (mapping, revision) = match &stored.sealed {
            Some(sealed) => (self.open_pseudonyms(sealed).await?, sealed.revision),
            None => (Mapping::under(RunKey::from_bytes(self.draw()?)), 0),
        };
        Ok(Pseudonyms::new(mapping.to_bytes().to_vec(), revision))
    }

    async fn seal_pseudonyms(
        &self,
        run: RunId,
        pseudonyms: &Pseudonyms,
    ) -> Result<SealedPseudonyms, VaultError> {
        let mapping =
            Mapping::from_bytes(pseudonyms.bytes()).map_err(|_| VaultError::Pseudonyms(run))?;
        let keys = self.keys();
        Ok(SealedPseudonyms {
            run,
            wrapped: keys.first().wrap_run(mapping.key(), self.draw()?, &run.to_string()),
            master: keys.first().id(),
            bytes: self.seal_mapping(run, &mapping)?,
            revision: pseudonyms.revision(),
        })
    }
}
