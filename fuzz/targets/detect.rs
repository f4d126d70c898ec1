//! Any text is redacted, stays so, and comes back byte for byte.
#![no_main]

use fuzz::redactor;
use libfuzzer_sys::fuzz_target;
use privacy::Destination;

fuzz_target!(|text: &str| {
    let mut redactor = redactor();
    let redacted = redactor.redact(text);
    assert_eq!(redactor.assemble(redacted.as_str()), redacted);
    let restored = redactor.restore(redacted.as_str(), Destination::Inward);
    assert_eq!(restored.text, text);
    assert!(restored.unrestored.is_empty());
});
