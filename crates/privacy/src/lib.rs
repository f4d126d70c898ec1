//! Finds personal data and secrets, swaps them for placeholders, restores them, seals what is stored. Pure.
