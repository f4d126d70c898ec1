//! `playgate config` and `playgate schema`: what files look like.

use std::path::Path;

use crate::{
    arguments::{Config as Arguments, ConfigCommand, SchemaOf},
    config::{Config, EXAMPLE},
    output::{Output, print},
};

/// Runs `playgate config`.
pub fn run(out: Output, config: &Arguments) -> anyhow::Result<()> {
    match &config.command {
        ConfigCommand::Print => print(EXAMPLE.trim_end()),
        ConfigCommand::Check { file } => check(out, file),
    }
}

fn check(out: Output, file: &Path) -> anyhow::Result<()> {
    Config::read(file)?;
    out.answer(&serde_json::json!({ "ok": true }), &format!("{} is in order.", file.display()))
}

/// Runs `playgate schema`.
pub fn schema(of: SchemaOf) -> anyhow::Result<()> {
    let schema = match of {
        SchemaOf::Playbook => playbook::json_schema(),
        SchemaOf::Policy => policy::json_schema(),
        SchemaOf::Openapi => server::openapi(),
    };
    print(&serde_json::to_string_pretty(&schema)?)
}
