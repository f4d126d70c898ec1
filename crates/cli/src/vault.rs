//! Sealed personal content: keys and ciphertext from the store, the cipher from `privacy`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use async_trait::async_trait;
use domain::{
    content::Sealed,
    id::{ContactId, ContentId},
    port::{StoreError, Vault, VaultError},
};
use privacy::seal::{MasterKey, SubjectKey};
use store::{Store, SubjectKeyError};

use crate::config::{Config, environment};

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

/// Seals under a key per person, wrapped by the master key.
pub struct KeyVault {
    store: Store,
    master: Arc<MasterKey>,
    entropy: Arc<dyn Entropy>,
}

impl KeyVault {
    /// A vault over this store and master key.
    pub fn new(store: Store, master: MasterKey) -> Self {
        Self::drawing_from(Arc::new(SystemEntropy), store, master)
    }

    /// As [`KeyVault::new`], with keys and nonces from elsewhere: for simulations, whose bytes are
    /// the same each time.
    pub fn drawing_from(entropy: Arc<dyn Entropy>, store: Store, master: MasterKey) -> Self {
        Self { store, master: Arc::new(master), entropy }
    }

    fn draw<const N: usize>(&self) -> Result<[u8; N], VaultError> {
        let mut bytes = [0; N];
        self.entropy
            .fill(&mut bytes)
            .map_err(|err| VaultError::Store(StoreError::new(true, err.to_string())))?;
        Ok(bytes)
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
        let aad = subject.to_string();
        let key =
            self.master.unwrap(&wrapped, aad.as_bytes()).map_err(|_| VaultError::Sealed(id))?;
        let plain =
            key.open(id.to_string().as_bytes(), bytes).map_err(|_| VaultError::Sealed(id))?;
        Ok(plain.to_vec())
    }
}

/// Finds the master key, or makes one for the embedded default.
pub fn master_key(config: &Config) -> anyhow::Result<MasterKey> {
    if let Some(key) = existing_key(config)? {
        return Ok(key);
    }
    if !config.is_embedded() {
        bail!(
            "no master key: set `{}` to 64 hexadecimal digits, the same in every process, or name \
             a file in `keys.master_file` (openssl rand -hex 32 makes one)",
            config.keys.master_env
        );
    }
    make_key(&key_file(config))
}

/// The file the master key is in, unless the environment holds it.
pub fn key_file(config: &Config) -> PathBuf {
    config.keys.master_file.clone().unwrap_or_else(|| config.data.join("master.key"))
}

/// Where the master key comes from, in words.
pub fn key_place(config: &Config) -> String {
    match environment(&config.keys.master_env) {
        Some(_) => format!("the variable `{}`", config.keys.master_env),
        None => format!("the file `{}`", key_file(config).display()),
    }
}

/// The master key, if there is one.
pub fn existing_key(config: &Config) -> anyhow::Result<Option<MasterKey>> {
    if let Some(text) = environment(&config.keys.master_env) {
        return MasterKey::parse(text.trim())
            .map(Some)
            .with_context(|| format!("variable `{}` holds no master key", config.keys.master_env));
    }
    let file = key_file(config);
    if !file.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("master key `{}` cannot be read", file.display()))?;
    MasterKey::parse(text.trim())
        .map(Some)
        .with_context(|| format!("file `{}` holds no master key", file.display()))
}

fn make_key(file: &Path) -> anyhow::Result<MasterKey> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("folder `{}` cannot be made", folder.display()))?;
    }
    let text = hex::encode(random::<32>()?);
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match made {
        Ok(mut made) => {
            writeln!(made, "{text}")?;
            made.sync_all()?;
        }
        // Another process was faster: use its key.
        Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => {
            let text = std::fs::read_to_string(file)?;
            return Ok(MasterKey::parse(text.trim())?);
        }
        Err(err) => {
            return Err(err).with_context(|| format!("key `{}` cannot be made", file.display()));
        }
    }
    Ok(MasterKey::parse(&text)?)
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
        let erased = |err| match err {
            SubjectKeyError::Destroyed(_) => VaultError::Erased(id),
            SubjectKeyError::Store(err) => VaultError::Store(err),
        };
        let aad = subject.to_string();
        let stored = self.store.subject_key(subject).await.map_err(erased)?;
        let wrapped = if let Some(wrapped) = stored {
            wrapped
        } else {
            let key = SubjectKey::from_bytes(self.draw()?);
            let wrapped = self.master.wrap(&key, self.draw()?, aad.as_bytes());
            self.store.insert_subject_key_if_absent(subject, &wrapped).await.map_err(erased)?
        };
        let key =
            self.master.unwrap(&wrapped, aad.as_bytes()).map_err(|_| VaultError::Sealed(id))?;
        let bytes = key.seal(self.draw()?, id.to_string().as_bytes(), plain);
        Ok(Sealed { id, subject, bytes })
    }

    async fn open(&self, id: ContentId) -> Result<Vec<u8>, VaultError> {
        let Some(sealed) = self.store.content(id).await? else {
            return Err(VaultError::NotFound(id));
        };
        self.open_bytes(id, sealed.subject, &sealed.bytes).await
    }
}
