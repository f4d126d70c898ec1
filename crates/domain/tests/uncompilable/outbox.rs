//! A message in the outbox that nobody granted.

use domain::{approval::Approval, message::Outgoing};

fn send(approval: Approval) -> Outgoing {
    Outgoing::new(approval)
}

fn main() {}
