//! A real `playgate serve` as a child process: started, asked to stop, or killed.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

use crate::bench::{door::Door, usage};

/// Where the server finds the secret that signals are signed with.
pub const SIGNAL_SECRET: &str = "PLAYGATE_BENCH_SIGNAL_SECRET";
/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often something that is about to happen is looked for.
const LOOK: Duration = Duration::from_millis(2);

/// A running server. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
    /// Where it serves.
    pub address: SocketAddr,
    /// From the start of the process until it answered that it is healthy.
    pub ready_after: Duration,
}

/// A child that ends with its owner.
struct Guard(Option<Child>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ended = child.kill();
    let _reaped = child.wait();
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Server {
    /// Starts this very program with a configuration, and waits until it is healthy.
    pub async fn start(config: &Path, log: &Path, signal_secret: &str) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program does not know its own file")?;
        let words = fs::File::create(log)
            .with_context(|| format!("log `{}` cannot be made", log.display()))?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            // What is set for the person's own Playgate is not meant for this one.
            if name.to_string_lossy().starts_with("PLAYGATE_") {
                command.env_remove(name);
            }
        }
        let begun = Instant::now();
        let child = command
            .env(SIGNAL_SECRET, signal_secret)
            .arg("--config")
            .arg(config)
            .args(["--listen", "127.0.0.1:0", "serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(words)
            .spawn()
            .context("the server does not start")?;
        let mut guard = Guard(Some(child));
        let address = loop {
            if let Some(address) = address(&fs::read_to_string(log).unwrap_or_default()) {
                break address;
            }
            let Some(child) = &mut guard.0 else { bail!("the server is gone") };
            if let Some(status) = child.try_wait()? {
                bail!("the server ended with {status}: {}", last_words(log));
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server does not say where it serves: {}", last_words(log));
            }
            tokio::time::sleep(LOOK).await;
        };
        loop {
            let healthy = match Door::open(address, "").await {
                Ok(mut door) => door.get("/healthz").await.is_ok_and(|answer| answer.status == 200),
                Err(_) => false,
            };
            if healthy {
                break;
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server does not become healthy: {}", last_words(log));
            }
            tokio::time::sleep(LOOK).await;
        }
        let ready_after = begun.elapsed();
        let Some(child) = guard.0.take() else { bail!("the server is gone") };
        Ok(Self { child, log: log.to_path_buf(), address, ready_after })
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has nothing to do, for some seconds at most.
    pub async fn settle(&self) {
        let begun = Instant::now();
        let mut quiet = 0;
        let mut before = usage::cpu(self.pid());
        while quiet < 3 && begun.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let now = usage::cpu(self.pid());
            let idle = before.zip(now).is_none_or(|(before, now)| now - before < 0.015);
            quiet = if idle { quiet + 1 } else { 0 };
            before = now;
        }
    }

    /// Fails if it has ended by itself.
    pub fn alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the server ended with {status}: {}", last_words(&self.log)),
        }
    }

    /// Asks it to stop, and waits until it has finished what is in hand.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        let told = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &self.pid().to_string()])
            .stderr(Stdio::null())
            .status()
            .context("`sh` cannot be run")?;
        anyhow::ensure!(told.success(), "the server is gone: {}", last_words(&self.log));
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(
                    status.success(),
                    "the server ended with {status}: {}",
                    last_words(&self.log)
                );
                return Ok(status);
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server does not stop: {}", last_words(&self.log));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Kills it where it stands (SIGKILL), and waits until it is gone.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// Where a server says it serves.
fn address(words: &str) -> Option<SocketAddr> {
    words.split("Serving on http://").nth(1)?.split(". ").next()?.parse().ok()
}

fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_once_the_line_is_whole() {
        let line = "Serving on http://127.0.0.1:40123. Ctrl-C stops after what is in hand.";
        assert_eq!(address(line), Some("127.0.0.1:40123".parse().unwrap()));
        assert_eq!(address("Serving on http://127.0"), None);
        assert_eq!(address(""), None);
    }
}
