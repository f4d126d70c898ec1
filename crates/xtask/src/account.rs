//! Whom servers run as: the developer, or an unprivileged user where the developer is root.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result};

/// Whether we have the rights, and with PostgreSQL the trouble, of root.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Whom the server runs as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    /// The developer.
    Own,
    /// An unprivileged user and group, since PostgreSQL refuses to run as root.
    Other(u32, u32),
}

impl Account {
    /// Not root, whoever we are.
    pub(crate) fn choose() -> Result<Self> {
        if !is_root() {
            return Ok(Self::Own);
        }
        let users = fs::read_to_string("/etc/passwd").context("`/etc/passwd` cannot be read")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| {
                let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
                let mut ids = line.split(':').skip(2).map(str::parse);
                Some(Self::Other(ids.next()?.ok()?, ids.next()?.ok()?))
            })
            .context("neither a user `postgres` nor `nobody` exists, and PostgreSQL refuses root")
    }

    /// The user and group, where they are not our own.
    pub(crate) const fn ids(self) -> Option<(u32, u32)> {
        match self {
            Self::Own => None,
            Self::Other(user, group) => Some((user, group)),
        }
    }

    /// A command that runs as this account.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Self::Other(user, group) = self {
            // The standard library drops supplementary groups along with root.
            command.uid(user).gid(group);
        }
        command
    }

    /// Makes this account the owner of a file or folder.
    pub(crate) fn give(self, path: &Path) -> Result<()> {
        if let Self::Other(user, group) = self {
            chown(path, Some(user), Some(group))
                .with_context(|| format!("`{}` cannot be handed over", path.display()))?;
        }
        Ok(())
    }
}
