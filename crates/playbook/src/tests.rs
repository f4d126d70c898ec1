//! The crate through its public surface.
pub(crate) mod fixture;
mod shipped;
