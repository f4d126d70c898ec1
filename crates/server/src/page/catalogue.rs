//! `/playbooks`: what is in force, word for word.

use axum::{extract::State, response::Html};
use domain::port::{PlaybookVersion, PolicyVersion};
use jiff::Timestamp;
use serde::Serialize;

use crate::{app::Reads, guard::Caller, moment::Moment, problem::Problem};

/// A file, word for word.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A playbook or policy in force.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct InForce {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) since: Moment,
    pub(crate) files: Vec<File>,
}

/// Everything on the page.
#[derive(Debug, Default, Serialize)]
pub(crate) struct View {
    pub(crate) playbooks: Vec<InForce>,
    pub(crate) policy: Option<InForce>,
}

fn in_force(
    name: String,
    version: &str,
    since: Timestamp,
    files: Vec<(String, String)>,
    now: Timestamp,
) -> InForce {
    InForce {
        name,
        version: version.chars().take(8).collect(),
        since: Moment::of(since, now),
        files: files.into_iter().map(|(name, text)| File { name, text }).collect(),
    }
}

/// The page of what is in force.
pub(crate) fn view(
    playbooks: Vec<PlaybookVersion>,
    policy: Option<PolicyVersion>,
    now: Timestamp,
) -> View {
    View {
        playbooks: playbooks
            .into_iter()
            .map(|each| in_force(each.name, &each.version, each.loaded_at, each.files, now))
            .collect(),
        policy: policy.map(|each| {
            in_force("policy".to_owned(), &each.version, each.activated_at, each.files, now)
        }),
    }
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    caller: Caller,
) -> Result<Html<String>, Problem> {
    let view = view(reads.playbooks().await?, reads.policy().await?, reads.now());
    let frame = reads.frame(&caller, "Playbooks and policy", "playbooks").await?;
    reads.screens().render("playbooks.html", &frame, &view)
}
