//! The `playgate` binary.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // One TLS implementation for mail, models and databases. Fails only if it was set before.
    let _first = rustls::crypto::ring::default_provider().install_default();
    ExitCode::from(cli::run().await)
}
