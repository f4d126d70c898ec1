//! `playgate playbook`: check, list, plan, load, start.

use std::path::{Path, PathBuf};

use domain::{
    port::{Catalogue as _, Customers as _, PlaybookVersion},
    user::{Actor, Permission},
};
use notation::{Diagnostics, Level};
use playbook::Plan;
use serde_json::json;

use crate::{
    app::App,
    arguments::{Playbook, PlaybookCommand},
    assets::{self, Kind},
    bad_input,
    command::{policy::short, relocate},
    output::Output,
};

/// Files by name and text.
type Files = Vec<(String, String)>;

/// The files a lint was asked about: those given, or the shipped ones and the operator's own.
pub fn given(kind: Kind, custom: Option<&Path>, paths: &[PathBuf]) -> anyhow::Result<Files> {
    if paths.is_empty() {
        return assets::files(kind, custom);
    }
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(assets::folder_files(path)?);
            continue;
        }
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        files.push((name, assets::read_text(path)?));
        let beside = path.with_extension("");
        if kind == Kind::Playbooks && beside.is_dir() {
            let folder = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.extend(
                assets::folder_files(&beside)?
                    .into_iter()
                    .map(|(name, text)| (format!("{folder}/{name}"), text)),
            );
        }
    }
    Ok(files)
}

/// Checks files; needs no database.
pub fn lint(out: Output, custom: Option<&Path>, paths: &[PathBuf]) -> anyhow::Result<()> {
    let files = given(Kind::Playbooks, custom, paths)?;
    let groups = assets::playbooks(&files);
    if groups.is_empty() {
        bad_input!("no playbook (`*.yaml`) is among the files given");
    }
    let prompts = prompts(custom)?;
    let mut names = Vec::new();
    let mut problems = Vec::new();
    for group in &groups {
        match Plan::compile(group) {
            Ok(plan) => {
                for prompt in plan.prompts() {
                    if !prompts.iter().any(|known| known == prompt) {
                        problems.push(format!(
                            "error: {}: there is no prompt `{prompt}`; there are {}",
                            group[0].0,
                            prompts.join(", ")
                        ));
                    }
                }
                for warning in plan.warnings() {
                    out.say(&warning.to_string());
                }
                names.push(plan.name.clone());
            }
            Err(errors) => problems.push(errors.to_string()),
        }
    }
    if !problems.is_empty() {
        bad_input!("{}", problems.join("\n\n"));
    }
    out.answer(
        &json!({ "ok": true, "playbooks": names }),
        &format!("{} playbooks in order: {}.", names.len(), names.join(", ")),
    )
}

/// Names of the prompts in force.
fn prompts(custom: Option<&Path>) -> anyhow::Result<Vec<String>> {
    Ok(assets::files(Kind::Prompts, custom)?
        .into_iter()
        .map(|(name, _)| name.trim_end_matches(".md").to_owned())
        .collect())
}

/// Compiles everything in force; the errors of all files together.
pub fn compile(custom: Option<&Path>) -> anyhow::Result<Vec<(Plan, Files)>> {
    let files = assets::files(Kind::Playbooks, custom)?;
    let mut plans = Vec::new();
    let mut problems = Vec::new();
    for group in assets::playbooks(&files) {
        match Plan::compile(&group) {
            Ok(plan) => plans.push((plan, group)),
            Err(errors) => problems
                .extend(errors.into_vec().into_iter().filter(|error| error.level == Level::Error)),
        }
    }
    match Diagnostics::new(problems) {
        Some(problems) => Err(problems.into()),
        None => Ok(plans),
    }
}

/// Makes the files in force the active playbooks; tells the names of those that are new.
pub async fn load(app: &App, by: &Actor) -> anyhow::Result<Vec<String>> {
    let now = app.clock.now();
    let plans = compile(app.config.custom.as_deref())?;
    let prompts = prompts(app.config.custom.as_deref())?;
    for (plan, _) in &plans {
        if let Some(prompt) = plan.prompts().find(|name| !prompts.iter().any(|known| known == name))
        {
            bad_input!(
                "playbook `{}` uses the prompt `{prompt}`, which is not there; there are {}",
                plan.name,
                prompts.join(", ")
            );
        }
    }
    let versions: Vec<PlaybookVersion> = plans
        .into_iter()
        .map(|(plan, files)| PlaybookVersion {
            name: plan.name,
            version: plan.version,
            files,
            active: true,
            concurrency: plan.concurrency,
            loaded_at: now,
        })
        .collect();
    let new = app.store.load_playbooks(&versions, by, now).await?;
    app.triggers().sync_schedules().await?;
    Ok(new)
}

/// Runs the command.
pub async fn run(app: &App, playbook: Playbook) -> anyhow::Result<()> {
    match playbook.command {
        PlaybookCommand::Lint { paths } => lint(app.out, app.config.custom.as_deref(), &paths),
        PlaybookCommand::List => {
            app.require(Permission::Read).await?;
            let mut rows = Vec::new();
            let mut values = Vec::new();
            for version in app.store.active_playbooks().await? {
                let plan = Plan::compile(&version.files)?;
                rows.push(vec![
                    plan.name.clone(),
                    plan.stage.to_string(),
                    plan.title.clone(),
                    plan.owner.clone(),
                    short(&version.version).to_owned(),
                ]);
                values.push(json!({
                    "name": plan.name, "stage": plan.stage, "title": plan.title,
                    "owner": plan.owner, "version": version.version,
                }));
            }
            let columns = ["playbook", "stage", "title", "owner", "version"];
            app.out.list(&values, &columns, rows, "No playbooks; run `playgate playbook load`.")
        }
        PlaybookCommand::Show { name } => {
            app.require(Permission::Read).await?;
            let (version, _) = find(app, &name).await?;
            let text = version.files.first().map(|(_, text)| text.clone()).unwrap_or_default();
            let files: Vec<_> = version
                .files
                .iter()
                .map(|(name, text)| json!({ "name": name, "text": text }))
                .collect();
            let value = json!({ "name": version.name, "version": version.version, "files": files });
            app.out.answer(&value, text.trim_end())
        }
        PlaybookCommand::Plan { name, account } => {
            app.require(Permission::Read).await?;
            let (_, plan) = find(app, &name).await?;
            let account = app.account(&account).await?;
            let snapshots = app.store.snapshots(&[account.id], app.clock.now()).await?;
            let Some(snapshot) = snapshots.first() else {
                bad_input!("account `{}` is gone", account.name);
            };
            let preview = playbook::preview(&plan, snapshot);
            let text = format!(
                "{} for {} — a plan; nothing is done\n\n{preview}",
                plan.title, account.name
            );
            app.out.answer(&preview, text.trim_end())
        }
        PlaybookCommand::Load => {
            let by = app.actor(Permission::Operate).await?;
            let new = load(app, &by).await?;
            let text = if new.is_empty() {
                "All playbooks were active already.".to_owned()
            } else {
                format!("Now active: {}.", new.join(", "))
            };
            app.out.answer(&json!({ "new": new }), &text)
        }
        PlaybookCommand::Migrate { name, from, to, map, apply } => {
            relocate::run(app, &relocate::Asked { name, from, to, map, apply }).await
        }
        PlaybookCommand::Start { name, account } => {
            let by = app.actor(Permission::Operate).await?;
            let account = app.account(&account).await?;
            let run = app.triggers().start_by_hand(&name, account.id, &by).await?;
            let Some(run) = run else { bad_input!("account `{}` is gone", account.name) };
            app.run_if_embedded().await?;
            app.out.answer(
                &json!({ "run": run }),
                &format!("{run} started for {}; `playgate run show {run}`.", account.name),
            )
        }
        PlaybookCommand::Tick { name } => {
            app.require(Permission::Operate).await?;
            let begun = app.triggers().tick_now(&name).await?;
            app.run_if_embedded().await?;
            app.out.answer(&json!({ "runs": begun }), &format!("{begun} runs began."))
        }
    }
}

async fn find(app: &App, name: &str) -> anyhow::Result<(PlaybookVersion, Plan)> {
    let versions = app.store.active_playbooks().await?;
    let known: Vec<String> = versions.iter().map(|version| version.name.clone()).collect();
    let Some(version) = versions.into_iter().find(|version| version.name == name) else {
        bad_input!("there is no active playbook `{name}`; there are {}", known.join(", "));
    };
    let plan = Plan::compile(&version.files)?;
    Ok((version, plan))
}
