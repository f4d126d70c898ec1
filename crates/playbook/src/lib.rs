//! Reads playbook files into a typed plan; lints with file, line and caret. Pure.
//!
//! A playbook is one YAML file and a folder of assets beside it. [`Plan::compile`] reads both or
//! says everything that is wrong with them; what it returns can be run without further checks.

mod act;
mod asset;
mod compile;
mod facts;
mod file;
mod landing;
mod metric;
mod plan;
mod preview;
mod rewind;
mod text;
mod trigger;
mod word;

pub use act::{Act, HumanTask, RenderError, Work};
pub use asset::{Asset, AssetKind};
pub use landing::{Landing, Misfit, Names, NamesError, check_names, land};
pub use metric::Metric;
pub use plan::{Arm, Doing, Plan, Step};
pub use preview::{Preview, PreviewStep, Runs, preview};
pub use rewind::{RewindError, Rewound, rewind};
pub use trigger::{Rule, Schedule, Trigger};
pub use word::{Goal, Kind, Stage, Type};

/// The JSON Schema of a playbook file, for editors.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(file::Playbook).to_value()
}

#[cfg(test)]
mod tests;
