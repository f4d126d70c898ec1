//! `/v1/playbooks` and `/v1/policy`: what is in force.

use axum::{Json, extract::State};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{app::Reads, problem::Problem};

/// A file as it was loaded.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SourceFile {
    /// Its name.
    name: String,
    /// Its text.
    text: String,
}

fn files(files: Vec<(String, String)>) -> Vec<SourceFile> {
    files.into_iter().map(|(name, text)| SourceFile { name, text }).collect()
}

/// A playbook in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Playbook {
    /// Its name.
    name: String,
    /// Content hash over file and assets, in hex.
    version: String,
    /// When it was loaded.
    loaded_at: Timestamp,
    /// Its files, the playbook's own first.
    files: Vec<SourceFile>,
}

pub(crate) async fn playbooks(State(reads): State<Reads>) -> Result<Json<Vec<Playbook>>, Problem> {
    let playbooks = reads.playbooks().await?.into_iter().map(|playbook| Playbook {
        name: playbook.name,
        version: playbook.version,
        loaded_at: playbook.loaded_at,
        files: files(playbook.files),
    });
    Ok(Json(playbooks.collect()))
}

/// The policy in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Policy {
    /// Content hash over all files, in hex.
    version: String,
    /// When it became active.
    activated_at: Timestamp,
    /// Its files.
    files: Vec<SourceFile>,
}

pub(crate) async fn policy(State(reads): State<Reads>) -> Result<Json<Policy>, Problem> {
    let policy = reads.policy().await?.ok_or_else(|| Problem::missing("policy", "active"))?;
    Ok(Json(Policy {
        version: policy.version,
        activated_at: policy.activated_at,
        files: files(policy.files),
    }))
}
