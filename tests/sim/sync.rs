//! Runs asynchronous work to its end on the spot, so that nothing else happens meanwhile.

use tokio::runtime::{Builder, Runtime};

/// A runtime in which the store does its work, while nothing else goes on.
pub struct Backstage(Runtime);

impl Backstage {
    /// Makes one, on the thread that uses it.
    pub fn start() -> std::io::Result<Self> {
        Ok(Self(Builder::new_current_thread().enable_all().build()?))
    }

    /// Does the work to its end.
    pub fn wait<F: Future>(&self, work: F) -> F::Output {
        self.0.block_on(work)
    }
}
