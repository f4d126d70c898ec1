//! Does the reconciliation notice what must not be?
