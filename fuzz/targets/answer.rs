//! Whatever a ticket says and a model answers, there is a draft or an error, the recipient is the
//! CRM's, and no address is in the prompt.
#![no_main]

use std::sync::LazyLock;

use domain::port::Writer as _;
use futures_util::FutureExt as _;
use fuzz::{Puppet, assignments};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    static PUPPET: LazyLock<Puppet> = LazyLock::new(Puppet::new);
    let (ticket, answer) = input;
    PUPPET.says(answer);
    for assignment in assignments(ticket) {
        // Nothing is waited for: the model answers at once.
        let written = PUPPET.agent().write(&assignment).now_or_never().expect("an answer at once");
        if let Ok(written) = written {
            assert!(!written.seen_by_model.contains("ann.lee@acme.example"));
        }
    }
});
