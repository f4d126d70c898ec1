//! The master keys: where they come from, and which of them wraps.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context as _;
use jiff::Timestamp;
use privacy::seal::{MasterKey, OpenError};
use store::{Store, Wrapped, WrappedKind};

use crate::{
    bad_input,
    config::{Config, environment},
    vault::random,
};

/// Master keys. The first wraps; the others open what they wrapped once.
#[derive(Debug)]
pub struct Keyring(Vec<MasterKey>);

impl From<MasterKey> for Keyring {
    fn from(key: MasterKey) -> Self {
        Self(vec![key])
    }
}

impl Keyring {
    /// Reads keys, one a line or with commas between.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut keys: Vec<MasterKey> = Vec::new();
        for word in words(text) {
            let key = MasterKey::parse(word)?;
            if keys.iter().all(|known| known.id() != key.id()) {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            bad_input!("it is empty");
        }
        Ok(Self(keys))
    }

    /// The key that wraps.
    pub fn first(&self) -> &MasterKey {
        &self.0[0]
    }

    /// The keys' ids, the one that wraps first.
    pub fn ids(&self) -> Vec<String> {
        self.0.iter().map(MasterKey::id).collect()
    }

    /// Opens with the key that is named, or, where none is, with whichever does. None if the key is
    /// not here.
    pub fn open<T>(
        &self,
        master: &str,
        open: impl Fn(&MasterKey) -> Result<T, OpenError>,
    ) -> Option<Result<T, OpenError>> {
        let mut tried = None;
        for key in self.0.iter().filter(|key| master.is_empty() || key.id() == master) {
            match open(key) {
                Ok(opened) => return Some(Ok(opened)),
                Err(err) => tried = Some(Err(err)),
            }
        }
        tried
    }
}

/// The keys in a text, as they are written: one a line, or with commas or blanks between.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '\n', '\r', ' ', '\t']).filter(|word| !word.is_empty())
}

/// Where the master keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable of the environment, which a process that runs cannot see change.
    Variable(String),
    /// A command's output.
    Command(String),
    /// A file.
    File(PathBuf),
}

impl Source {
    /// The source a configuration names: the variable if it is set, else the command, else the file.
    pub fn of(config: &Config) -> Self {
        let keys = &config.keys;
        match &keys.master_command {
            _ if environment(&keys.master_env).is_some() => Self::Variable(keys.master_env.clone()),
            Some(command) => Self::Command(command.clone()),
            None => Self::File(key_file(config)),
        }
    }

    /// The keys as they are there now; none if there is no file.
    pub fn read(&self) -> anyhow::Result<Option<Keyring>> {
        let text = match self {
            Self::Variable(name) => environment(name).unwrap_or_default(),
            Self::Command(command) => printed(command)?,
            Self::File(file) if !file.exists() => return Ok(None),
            Self::File(file) => std::fs::read_to_string(file)
                .with_context(|| format!("master key `{}` cannot be read", file.display()))?,
        };
        Keyring::parse(&text).map(Some).with_context(|| format!("{self} holds no master key"))
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable `{name}`"),
            Self::Command(_) => f.write_str("the command in `keys.master_command`"),
            Self::File(file) => write!(f, "the file `{}`", file.display()),
        }
    }
}

/// What the command for the key prints. Whatever it says otherwise may hold secrets, and is not
/// repeated.
fn printed(command: &str) -> anyhow::Result<String> {
    let done = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .context("the command in `keys.master_command` cannot be run")?;
    if !done.status.success() {
        bad_input!("the command in `keys.master_command` ended with {}", done.status);
    }
    String::from_utf8(done.stdout).context("what `keys.master_command` printed is no text")
}

/// Finds the master keys of this database, or makes one for the embedded default if it needs none
/// yet. Keys that do not open what is there are refused, and nothing is changed.
pub async fn keyring(config: &Config, store: &Store, now: Timestamp) -> anyhow::Result<Keyring> {
    let source = Source::of(config);
    let keys = match source.read()? {
        Some(keys) => keys,
        None => first_key(config, store, &source).await?,
    };
    check(store, &keys, &source.to_string(), now).await?;
    Ok(keys)
}

/// A key for a database that nothing was sealed in.
async fn first_key(config: &Config, store: &Store, source: &Source) -> anyhow::Result<Keyring> {
    let known = store.master_keys().await?;
    let needed = match known.active.first() {
        Some(id) => Some(format!(" `{id}`")),
        // Where the last keys were given up, another may begin.
        None if known.retired.is_empty() => store.some_wrapped().await?.map(|_| String::new()),
        None => None,
    };
    if let Some(id) = needed {
        bad_input!(
            "keys in the database are wrapped by the master key{id}, and {source} is not there: \
             put it back, or give this process the key in `{}`. Nothing was changed",
            config.keys.master_env
        );
    }
    if !config.is_embedded() {
        bad_input!(
            "no master key: set `{}` to 64 hexadecimal digits, the same in every process, or name \
             a command in `keys.master_command` or a file in `keys.master_file` (openssl rand -hex \
             32 makes one)",
            config.keys.master_env
        );
    }
    make_key(&key_file(config))
}

/// The file the master key is in, unless it comes from elsewhere.
pub fn key_file(config: &Config) -> PathBuf {
    config.keys.master_file.clone().unwrap_or_else(|| config.data.join("master.key"))
}

/// Where the master key comes from, in words.
pub fn key_place(config: &Config) -> String {
    Source::of(config).to_string()
}

/// The master keys, if there are any.
pub fn existing_keys(config: &Config) -> anyhow::Result<Option<Keyring>> {
    Source::of(config).read()
}

fn make_key(file: &Path) -> anyhow::Result<Keyring> {
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
            return Keyring::parse(&std::fs::read_to_string(file)?);
        }
        Err(err) => {
            return Err(err).with_context(|| format!("key `{}` cannot be made", file.display()));
        }
    }
    Keyring::parse(&text)
}

/// Puts a new key before those in a file. Whoever reads the file sees the old ones or all.
pub fn add_key(file: &Path) -> anyhow::Result<()> {
    let old = std::fs::read_to_string(file)
        .with_context(|| format!("master key `{}` cannot be read", file.display()))?;
    replace(file, &format!("{}\n{}\n", hex::encode(random::<32>()?), old.trim()))
}

/// Leaves the first key of a file only.
pub fn drop_old_keys(file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("master key `{}` cannot be read", file.display()))?;
    let Some(first) = words(&text).next() else {
        bad_input!("master key `{}` is empty", file.display());
    };
    replace(file, &format!("{first}\n"))
}

fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let part = crate::command::backup::beside(file, ".new");
    let context = || format!("key file `{}` cannot be changed", file.display());
    let write = || -> std::io::Result<()> {
        let mut made = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)?;
        made.write_all(text.as_bytes())?;
        made.sync_all()?;
        std::fs::rename(&part, file)
    };
    write().with_context(context)?;
    crate::archive::file::sync_folder(file.parent().unwrap_or_else(|| Path::new(".")))
}

/// Refuses keys that are not those of the database, and notes the first that is.
pub async fn check(
    store: &Store,
    keys: &Keyring,
    place: &str,
    now: Timestamp,
) -> anyhow::Result<()> {
    let known = store.master_keys().await?;
    let ids = keys.ids();
    if known.active.iter().any(|id| ids.contains(id)) {
        return Ok(());
    }
    let mine = ids.join("`, `");
    if let Some(active) = known.active.first() {
        bad_input!(
            "keys in the database are wrapped by the master key `{active}`, and {place} holds \
             `{mine}`: give this process the right one. Nothing was changed"
        );
    }
    let mut first = keys.first().id();
    // Where the last keys were given up, others may begin.
    if known.retired.is_empty()
        && let Some(sample) = store.some_wrapped().await?
    {
        let opens =
            |key: &MasterKey| key.unwrap(&sample.bytes, sample.of.as_bytes()).map(|_| key.id());
        match keys.open(&sample.master, opens) {
            Some(Ok(id)) => first = id,
            _ => bad_input!(
                "keys in the database were wrapped by another master key than {place} holds \
                 (`{mine}`): give this process the right one. Nothing was changed"
            ),
        }
    }
    store.know_master_key(&first, now).await?;
    Ok(())
}

/// The same key wrapped by another master key; none if it does not open.
pub fn rewrapped(
    keys: &Keyring,
    kind: WrappedKind,
    key: &Wrapped,
) -> anyhow::Result<Option<Wrapped>> {
    let nonce = random()?;
    let bytes = match kind {
        WrappedKind::Subject => {
            let opened = keys.open(&key.master, |old| old.unwrap(&key.bytes, key.of.as_bytes()));
            opened.and_then(Result::ok).map(|own| keys.first().wrap(&own, nonce, key.of.as_bytes()))
        }
        WrappedKind::Run => {
            let opened = keys.open(&key.master, |old| old.unwrap_run(&key.bytes, &key.of));
            opened.and_then(Result::ok).map(|own| keys.first().wrap_run(&own, nonce, &key.of))
        }
    };
    Ok(bytes.map(|bytes| Wrapped { bytes, ..key.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_wraps_and_all_open() {
        let (one, two) = ("11".repeat(32), "22".repeat(32));
        for text in [
            format!("{two},{one}"),
            format!("{two}\n{one}\n"),
            format!(" {two}\r\n\r\n{one} {two}"),
        ] {
            let ring = Keyring::parse(&text).unwrap();
            assert_eq!(ring.0.len(), 2);
            assert_eq!(ring.first().id(), MasterKey::parse(&two).unwrap().id());
            let old = MasterKey::parse(&one).unwrap();
            let wrapped = old.seal([1; 24], b"x", b"y");
            assert!(ring.open(&old.id(), |key| key.open(b"x", &wrapped)).unwrap().is_ok());
            assert!(ring.open("", |key| key.open(b"x", &wrapped)).unwrap().is_ok());
            assert!(
                ring.open(&ring.first().id(), |key| key.open(b"x", &wrapped)).unwrap().is_err()
            );
            assert!(ring.open("0123456789abcdef", |key| key.open(b"x", &wrapped)).is_none());
        }
        assert!(Keyring::parse("\n").is_err());
        assert!(Keyring::parse("11").is_err());
    }

    #[test]
    fn a_command_prints_the_key_and_what_it_complains_is_not_repeated() {
        let key = "11".repeat(32);
        let source = Source::Command(format!("echo {key}"));
        assert_eq!(source.read().unwrap().unwrap().ids().len(), 1);
        let failed = Source::Command("echo hunter2 >&2; echo hunter2; exit 3".to_owned()).read();
        let told = format!("{:#}", failed.unwrap_err());
        assert!(told.contains("exit status: 3") && !told.contains("hunter2"), "{told}");
        let nonsense = Source::Command("echo hunter2".to_owned()).read();
        let told = format!("{:#}", nonsense.unwrap_err());
        assert!(told.contains("keys.master_command") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_key_file_changes_whole_and_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master.key");
        let source = Source::File(file.clone());
        assert!(source.read().unwrap().is_none());
        let old = make_key(&file).unwrap().ids();
        add_key(&file).unwrap();
        let both = source.read().unwrap().unwrap().ids();
        assert_eq!((both.len(), &both[1..]), (2, &old[..]));
        drop_old_keys(&file).unwrap();
        assert_eq!(source.read().unwrap().unwrap().ids(), both[..1]);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
