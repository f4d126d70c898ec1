//! Intent to draft: redact, prompt, model, check.
