//! What we depend on: licences, bans, sources and advisories, judged by cargo-deny.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::cargo::{answers, cargo};

/// Runs every check of `.deny.toml`.
pub(crate) fn check() -> Result<ExitCode> {
    if !answers(cargo(["deny", "--version"])) {
        bail!(
            "cargo-deny is not installed; install it with `cargo install --locked cargo-deny` \
             (it needs the network, and so does reading the advisories)"
        );
    }
    let status = cargo(["deny", "--all-features", "check", "--config", ".deny.toml"])
        .status()
        .context("cargo-deny cannot be run")?;
    if !status.success() {
        bail!("cargo-deny found what is listed above; `.deny.toml` says what is agreed");
    }
    Ok(ExitCode::SUCCESS)
}
