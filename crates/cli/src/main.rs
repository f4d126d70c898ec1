//! The `playgate` binary.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // One TLS implementation for mail, models and databases. Fails only if it was set before.
    let _first = rustls::crypto::ring::default_provider().install_default();
    ExitCode::from(cli::run().await)
}
