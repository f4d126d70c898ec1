//! Runs playbooks so that a crash loses nothing: claim, advance, commit; drains the outbox.
