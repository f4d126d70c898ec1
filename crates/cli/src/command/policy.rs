//! `playgate policy`: check, show, activate.

use std::path::PathBuf;

use domain::{
    port::{Catalogue as _, PolicyVersion},
    user::{Actor, Permission},
};
use policy::Policy as Compiled;
use serde_json::json;

use crate::{
    app::App,
    arguments::{Policy, PolicyCommand},
    assets::{self, Kind},
    bad_input,
    command::playbook::given,
    output::{Append as _, Output},
};

/// Checks files; needs no database.
pub fn lint(
    out: Output,
    custom: Option<&std::path::Path>,
    paths: &[PathBuf],
) -> anyhow::Result<()> {
    let files = given(Kind::Policies, custom, paths)?;
    let policy = Compiled::compile(&files)?;
    out.answer(
        &json!({ "ok": true, "files": files.len(), "version": policy.version() }),
        &format!("{} files in order; version {}.", files.len(), short(policy.version())),
    )
}

/// Runs the command.
pub async fn run(app: &App, policy: Policy) -> anyhow::Result<()> {
    match policy.command {
        PolicyCommand::Lint { paths } => lint(app.out, app.config.custom.as_deref(), &paths),
        PolicyCommand::Show => {
            app.require(Permission::Read).await?;
            let Some(active) = app.store.active_policy().await? else {
                bad_input!("no policy is active; run `playgate policy activate`");
            };
            let files: Vec<_> = active
                .files
                .iter()
                .map(|(name, text)| json!({ "name": name, "text": text }))
                .collect();
            let mut text = format!("version {}, since {}\n", active.version, active.activated_at);
            for (name, file) in &active.files {
                text.append(format_args!("\n--- {name}\n{}\n", file.trim_end()));
            }
            let value = json!({
                "version": active.version, "activated_at": active.activated_at, "files": files,
            });
            app.out.answer(&value, text.trim_end())
        }
        PolicyCommand::Activate => {
            let by = app.actor(Permission::Operate).await?;
            let (version, new) = activate(app, &by).await?;
            let text = if new {
                format!("Policy version {} is active.", short(&version))
            } else {
                format!("Policy version {} was active already.", short(&version))
            };
            app.out.answer(&json!({ "version": version, "new": new }), &text)
        }
    }
}

/// Makes the files in force the active policy; tells its version and whether it is new.
pub async fn activate(app: &App, by: &Actor) -> anyhow::Result<(String, bool)> {
    let files = assets::files(Kind::Policies, app.config.custom.as_deref())?;
    let compiled = Compiled::compile(&files)?;
    let now = app.clock.now();
    let version =
        PolicyVersion { version: compiled.version().to_owned(), files, activated_at: now };
    let new = app.store.activate_policy(&version, by, now).await?;
    Ok((version.version, new))
}

/// The first twelve digits of a content hash.
pub fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}
