//! Whatever a model answers, what may never go out does not come back outward.
#![no_main]

use fuzz::redactor;
use libfuzzer_sys::fuzz_target;
use privacy::Destination;

fuzz_target!(|answer: &str| {
    let mut redactor = redactor();
    let _ = redactor.redact(
        "Ann Lee, ann.lee@acme.example, 212 555 0142, card 4111 1111 1111 1111, password: hunter2otter",
    );
    let restored = redactor.restore(answer, Destination::Outward);
    for secret in ["4111 1111 1111 1111", "hunter2otter"] {
        assert!(answer.contains(secret) || !restored.text.contains(secret));
    }
    let _ = redactor.restore(answer, Destination::Inward);
});
