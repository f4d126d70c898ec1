//! Asks the product's servers all the time how they are, and writes down what they say.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use crate::ha::{host::is_well, outage::now, site::Address};

/// How often.
const BEAT: Duration = Duration::from_millis(500);

/// One answer of `/healthz`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beat {
    /// When it was asked.
    pub(crate) at: Timestamp,
    /// How long that took.
    pub(crate) took: Duration,
    /// Whether it said that all is well.
    pub(crate) well: bool,
}

/// The asking.
pub(crate) struct Pulse {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Beat>>>,
}

impl Pulse {
    /// Begins.
    pub(crate) fn of(servers: &[Address]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = servers
            .iter()
            .map(|server| {
                let (stop, server) = (Arc::clone(&stop), *server);
                thread::spawn(move || {
                    let mut beats = Vec::new();
                    while !stop.load(Ordering::SeqCst) {
                        let (at, begun) = (now(), Instant::now());
                        let well = is_well(server);
                        let took = begun.elapsed();
                        beats.push(Beat { at, took, well });
                        thread::sleep(BEAT.saturating_sub(took));
                    }
                    beats
                })
            })
            .collect();
        Self { stop, threads }
    }

    /// Ends; what each server said.
    pub(crate) fn end(mut self) -> Vec<Vec<Beat>> {
        self.stop.store(true, Ordering::SeqCst);
        // A thread that panicked has nothing to tell.
        self.threads.drain(..).filter_map(|thread| thread.join().ok()).collect()
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}
