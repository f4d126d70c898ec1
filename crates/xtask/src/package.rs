//! Debian packages a command needs: found, or installed without any of their services starting.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{account::is_root, cargo::answers, say};

/// Debian asks this program whether a service may start.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// A package, the program we want of it, and the service it would start.
pub(crate) struct Package {
    /// Its name for apt-get.
    pub(crate) name: &'static str,
    /// The program whose presence tells that it is installed.
    pub(crate) program: &'static str,
    /// The service it brings along and we do not want.
    pub(crate) service: &'static str,
}

/// Whether packages can be installed here.
pub(crate) fn can_install() -> bool {
    let mut apt = Command::new("apt-get");
    apt.arg("--version");
    Path::new("/etc/debian_version").exists() && is_root() && answers(apt)
}

/// Runs apt-get.
pub(crate) fn apt(arguments: &[&str]) -> Result<()> {
    let line = format!("apt-get {}", arguments.join(" "));
    say(&format!("$ {line}"));
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("`{line}` cannot be run"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}; check the network, or install the packages yourself");
    }
    Ok(())
}

/// Installs those that are missing. Their services are neither started now nor at the next boot.
pub(crate) fn ensure(packages: &[Package]) -> Result<()> {
    let missing: Vec<&Package> =
        packages.iter().filter(|package| program(package.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|package| package.name).collect();
    let names = names.join(" ");
    if !can_install() {
        bail!(
            "these programs are missing, and only root on Debian or Ubuntu can install them here; \
             run `sudo apt-get install -y --no-install-recommends {names}`"
        );
    }
    say(&format!("Installing with apt-get: {names}. Their services are not started."));
    let quiet = Quiet::begin()?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(missing.iter().map(|package| package.name));
    let installed = apt(&["update"]).and_then(|()| apt(&arguments));
    drop(quiet);
    installed?;
    for package in missing {
        disable(package.service);
        if program(package.program).is_none() {
            bail!(
                "apt-get installed `{}`, and still there is no `{}`",
                package.name,
                package.program
            );
        }
    }
    Ok(())
}

/// Where a program is. Debian keeps servers out of the PATH of ordinary people.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Keeps a service we brought from starting with the machine.
fn disable(service: &str) {
    for (tool, arguments) in
        [("systemctl", ["disable", service]), ("update-rc.d", [service, "disable"])]
    {
        // A machine without the one has the other; without both, nothing starts services.
        let _ = Command::new(tool)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

/// While this lives, no installation starts a service. What was there before comes back.
struct Quiet {
    before: Option<(Vec<u8>, u32)>,
}

impl Quiet {
    fn begin() -> Result<Self> {
        let before = match fs::read(POLICY) {
            Ok(text) => Some((text, fs::metadata(POLICY)?.permissions().mode())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("`{POLICY}` cannot be read")),
        };
        let quiet = Self { before };
        put(b"#!/bin/sh\nexit 101\n", 0o755)
            .with_context(|| format!("`{POLICY}` cannot be written"))?;
        Ok(quiet)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let undone = match &self.before {
            Some((text, mode)) => put(text, *mode),
            None => fs::remove_file(POLICY),
        };
        if let Err(error) = undone {
            say(&format!("`{POLICY}` could not be put back as it was: {error}"));
        }
    }
}

fn put(text: &[u8], mode: u32) -> std::io::Result<()> {
    fs::write(POLICY, text)?;
    fs::set_permissions(POLICY, fs::Permissions::from_mode(mode))
}
