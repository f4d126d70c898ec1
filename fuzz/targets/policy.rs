//! Any policy file is compiled or refused, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::Policy;

fuzz_target!(|text: &str| {
    let files = [("fuzzed.yaml".to_owned(), text.to_owned())];
    match Policy::compile(&files) {
        Ok(policy) => assert!(!policy.version().is_empty()),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
});
