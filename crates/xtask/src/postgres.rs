//! A PostgreSQL server on this machine: found, or installed where that is possible.

use std::{
    cmp::Reverse,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    cluster,
    package::{apt, can_install},
    say,
};

/// The programs a throw-away cluster needs. Debian keeps them out of PATH.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

const ADVICE: &str = "\
no PostgreSQL server was found, and the tests need one. Install it and run this again:
  Debian, Ubuntu   sudo apt-get install -y --no-install-recommends postgresql
  Fedora, RHEL     sudo dnf install -y postgresql-server
  Arch             sudo pacman -S postgresql
  Alpine           sudo apk add postgresql
  macOS            brew install postgresql@17
It need not run: a cluster of our own is made and removed. Only `initdb`, `pg_ctl` and `postgres`
must be in one folder of PATH or where these packages put them. (As root on Debian or Ubuntu the
package is installed for you.)";

/// Where Debian looks for settings of clusters that packages create.
const DEBIAN_SETTINGS: &str = "/etc/postgresql-common/createcluster.d";

/// Fails when a server is neither there nor can be installed.
pub(crate) fn look() -> Result<()> {
    if find().is_none() && !can_install() {
        bail!("{ADVICE}");
    }
    Ok(())
}

/// The folder with the server's programs, installing them first if there is none.
pub(crate) fn find_or_install() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    if !can_install() {
        bail!("{ADVICE}");
    }
    install()?;
    find().with_context(|| format!("apt-get installed `postgresql`, and still {ADVICE}"))
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(versioned("/usr/lib/postgresql", "", "bin"))
        .chain(versioned("/usr", "pgsql-", "bin"))
        .chain(versioned("/opt/homebrew/opt", "postgresql", "bin"))
        .chain(versioned("/usr/local/opt", "postgresql", "bin"))
        .chain(versioned("/Applications/Postgres.app/Contents/Versions", "", "bin"))
        .chain(versioned("/usr/libexec", "postgresql", ""))
        .chain([PathBuf::from("/usr/local/pgsql/bin")])
        .find(|folder| PROGRAMS.iter().all(|program| folder.join(program).is_file()))
        .map(home)
}

/// Where the programs really are: links to some of them lie about without the others.
fn home(folder: PathBuf) -> PathBuf {
    let program = fs::canonicalize(folder.join("postgres"));
    program.ok().and_then(|program| Some(program.parent()?.to_owned())).unwrap_or(folder)
}

/// `PARENT/PREFIX…/CHILD`, the highest version first.
fn versioned(parent: &str, prefix: &str, child: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let digits: String = name
                .strip_prefix(prefix)?
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            Some((digits.parse().unwrap_or(0), entry.path().join(child)))
        })
        .collect();
    found.sort_by_key(|(version, _)| Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn install() -> Result<()> {
    say("No PostgreSQL server found; installing the package `postgresql` with apt-get.");
    // We want the programs, not the distribution's own cluster with its service.
    let settings = Path::new(DEBIAN_SETTINGS);
    let setting = settings.join("playgate-tests.conf");
    fs::create_dir_all(settings)
        .and_then(|()| fs::write(&setting, "create_main_cluster = false\n"))
        .with_context(|| format!("`{}` cannot be written", setting.display()))?;
    let installed = apt(&["update"])
        .and_then(|()| apt(&["install", "-y", "--no-install-recommends", "postgresql"]));
    fs::remove_file(&setting)
        .with_context(|| format!("`{}` cannot be removed again", setting.display()))?;
    installed
}

/// The version line of a server, for the record.
pub(crate) fn version(programs: &Path) -> String {
    Command::new(programs.join(cluster::SERVER)).arg("--version").output().map_or_else(
        |_| "postgres of unknown version".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_versions_the_highest_comes_first_by_number() {
        let parent = std::env::temp_dir().join(format!("xtask-versions-{}", std::process::id()));
        for version in ["pg-9.6", "pg-15", "pg-17", "other-99"] {
            fs::create_dir_all(parent.join(version)).unwrap();
        }
        let found = versioned(parent.to_str().unwrap(), "pg-", "bin");
        fs::remove_dir_all(&parent).unwrap();
        let expected = ["pg-17/bin", "pg-15/bin", "pg-9.6/bin"].map(|path| parent.join(path));
        assert_eq!(found, expected);
        assert_eq!(versioned("/nowhere", "", "bin"), Vec::<PathBuf>::new());
    }
}
