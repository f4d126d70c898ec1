//! Finds personal data and secrets, swaps them for placeholders, restores them, seals what is stored. Pure.
//!
//! The way of a text: [`Redactor::redact`] swaps what it finds in untrusted values for placeholders
//! such as `[EMAIL_1]`, [`Redactor::assemble`] does the same once more over the whole rendered
//! prompt and makes the [`Redacted`] that a model may see; [`Mapping::restore`] puts the originals
//! back into the answer, and [`leak::scan`] looks at what would go out.

mod base64;
mod checksum;
mod detect;
mod directory;
mod fold;
pub mod injection;
mod kind;
mod known;
pub mod leak;
mod lexicon;
mod mapping;
pub mod outgoing;
mod overlap;
mod placeholder;
mod redactor;
pub mod scrub;
pub mod seal;

pub use detect::{Finding, Pattern, PatternError, Rules, Validator};
pub use directory::{Directory, Entry, Exposure, Foreign};
pub use kind::{Kind, KindError};
pub use known::{Known, Person};
pub use mapping::{Destination, Mapping, MappingError, Release, Restored, Unrestored, Used};
pub use redactor::{Redacted, Redactor};
