//! What connectors promise, tried against real servers, files and a real database.
#![cfg(test)]

mod case;
mod export;
mod folder;
mod import;
mod relay;
mod tls;
mod webhook;

#[expect(
    unreachable_pub,
    dead_code,
    reason = "the file is a public module where other tests use it, and use more of it"
)]
#[path = "../../../../tests/world/smtp.rs"]
mod smtp;
