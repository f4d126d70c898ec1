//! Reads the YAML and CEL that people write: spans, carets, suggestions, type-checked conditions. Pure.
