//! Reads policy files, judges intents and explains the verdict. Pure.
//!
//! A policy is a set of files. Every rule of every file is asked, and the strictest verdict of
//! those that match wins, so a file can add strictness and never take away another's. What no rule
//! covers is reviewed when a customer would notice it; a rule that cannot be evaluated asks for a
//! review too. What the checks doubt is reviewed whatever the files
//! say.

mod asked;
mod budget;
mod file;
mod judge;
mod lint;
mod model;
mod outgoing;
mod policy;
mod question;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod shipped;
#[cfg(test)]
mod tests;

pub use budget::Budgets;
pub use judge::{BUILT_IN, DOUBTED, UNCOVERED};
pub use outgoing::EXIT;
pub use policy::{About, Policy};
pub use question::{DraftFacts, Question, schema};

/// The JSON Schema of a policy file, for editors.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(file::PolicyFile).to_value()
}
