//! Reads policy files, judges intents and explains the verdict. Pure.
