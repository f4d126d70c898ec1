//! Any text is disarmed for good, and looked at for orders without panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use privacy::injection::{disarm, suspicions};

fuzz_target!(|text: &str| {
    let _ = suspicions(text);
    let once = disarm(text);
    assert_eq!(disarm(&once), once);
    for token in [
        "<|im_start|>",
        "<|im_end|>",
        "[INST]",
        "<<SYS>>",
        "<start_of_turn>",
        "\u{200b}",
        "\u{202e}",
    ] {
        assert!(!once.contains(token), "{token}");
    }
});
