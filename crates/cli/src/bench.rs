//! `playgate bench`: what this machine gets out of Playgate, measured through its front door.

pub mod approver;
pub mod door;
pub mod gate;
pub mod latency;
pub mod machine;
pub mod mold;
pub mod queue;
pub mod recover;
pub mod report;
pub mod server;
pub mod site;
pub mod trace;
pub mod usage;
pub mod w1;

use std::sync::Arc;

use domain::clock::Clock;

use crate::{
    arguments::{Bench, BenchCommand},
    bench::site::Site,
    command::serve::told_to_stop,
    config::Config,
    output::Output,
};

/// The person who asked stopped it.
#[derive(Debug, thiserror::Error)]
#[error("stopped; what the benchmark had made is removed again")]
pub struct Stopped;

/// Runs the command. Whatever happens, also on Ctrl-C, the server it started is ended and what it
/// made is removed.
pub async fn run(
    bench: &Bench,
    config: &Config,
    out: Output,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<()> {
    let site = Site::make(&bench.place, config.database.as_deref(), out, clock).await?;
    let done = tokio::select! {
        done = Box::pin(measure(&bench.command, &site)) => done,
        told = told_to_stop() => told.and(Err(Stopped.into())),
    };
    let cleared = site.clear().await;
    done.and(cleared)
}

async fn measure(command: &BenchCommand, site: &Site) -> anyhow::Result<()> {
    match command {
        BenchCommand::W1(w1) => w1::run(w1, site).await,
        BenchCommand::Recover(recover) => recover::run(recover, site).await,
        BenchCommand::Queue(queue) => queue::run(queue, site).await,
    }
}
