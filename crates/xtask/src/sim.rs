//! A year in a second, many times over: builds the simulation with optimisations and runs it.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, root};

/// Builds and runs it; its exit code is 1 when a promise was broken.
pub(crate) fn run(options: &[&str]) -> Result<ExitCode> {
    let mut build = cargo(["build", "--quiet", "--release", "-p", "tests", "--bin", "sim"]);
    if !build.status()?.success() {
        bail!("fix what the compiler says above");
    }
    let program = root().join("target/release/sim");
    let status = Command::new(&program)
        .args(options)
        .status()
        .with_context(|| format!("`{}` cannot be run", program.display()))?;
    Ok(status.code().map_or(ExitCode::FAILURE, |code| {
        u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
    }))
}
