//! Does the product still work?
