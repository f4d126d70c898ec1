//! A command that starts many processes runs inside a process of its own, on a leash.
//!
//! Ctrl-C, a panic or a kill of the process a developer started must not leave servers behind. So
//! the work is done by a second process of the same program, in a process group of its own, which
//! watches a pipe from the first: when the pipe closes, it clears up and ends.

use std::{
    ffi::OsString,
    io::Read as _,
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::{Context, Result};

use crate::say;

/// Runs this program again with these arguments, on a leash, and hands on its exit code.
pub(crate) fn walk(arguments: impl IntoIterator<Item = OsString>) -> Result<ExitCode> {
    let mut inside = Command::new(std::env::current_exe()?);
    inside.args(arguments);
    lead(inside)
}

/// Runs a command that becomes this program again, on a leash, and hands on its exit code.
pub(crate) fn lead(mut inside: Command) -> Result<ExitCode> {
    let mut inside = inside
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("the second process cannot be started")?;
    // Waiting would close the pipe first.
    let leash = inside.stdin.take();
    let status = inside.wait()?;
    drop(leash);
    Ok(status.code().map_or(ExitCode::FAILURE, |code| {
        u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
    }))
}

/// Inside: tells whether whoever holds the leash has let go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leash(Arc<AtomicBool>);

impl Leash {
    /// Watches standard input from now on.
    pub(crate) fn watch() -> Self {
        let leash = Self::default();
        let let_go = Arc::clone(&leash.0);
        thread::spawn(move || {
            // Its end or an error: nobody is there any more.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            let_go.store(true, Ordering::SeqCst);
            say("\nxtask: stopped; clearing up");
        });
        leash
    }

    /// Whether it was let go.
    pub(crate) fn is_loose(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Fails once it was let go: everything built so far is cleared up on the way out.
    pub(crate) fn check(&self) -> Result<()> {
        anyhow::ensure!(!self.is_loose(), "stopped before it was done");
        Ok(())
    }
}
