//! Intent to draft: redact, prompt, model, check.
//!
//! [`Agent`] is the product's [`domain::port::Writer`]. It renders the playbook's asset, swaps every
//! personal datum for a placeholder, renders the prompt, asks a [`Model`], checks the answer against
//! its schema, puts the originals back and looks for leaks, invented numbers and forgotten
//! placeholders. [`OpenAiModel`] asks any OpenAI-compatible endpoint; [`OfflineWriter`] needs none.

mod agent;
mod answer;
mod asset;
mod block;
mod check;
mod desk;
mod fact;
mod model;
mod offline;
mod openai;
mod outside;
mod prompt;
mod transport;

pub use agent::{Agent, Limits};
pub use fact::Signs;
pub use model::{Call, Completion, Failure, Given, Material, Model, ModelError, Schema};
pub use offline::{OfflineWriter, RULES, Rule};
pub use openai::{Endpoint, EndpointError, OpenAiModel};
pub use prompt::{PromptError, Task};
