//! `playgate playbook migrate`: moves runs of other versions to one, looked at first.

use domain::user::Permission;
use engine::MovedRuns;
use playbook::Names;

use crate::{
    app::App,
    bad_input,
    output::{Append as _, table},
};

/// What the command line asks for.
#[derive(Debug)]
pub struct Asked {
    /// The playbook; the one that has the versions without it.
    pub name: Option<String>,
    /// The version runs are moved from; all but the active one without it.
    pub from: Option<String>,
    /// The version they move to; the active one without it.
    pub to: Option<String>,
    /// `OLD=NEW`, for steps with another name.
    pub map: Vec<String>,
    /// Whether to do it.
    pub apply: bool,
}

/// Looks at what would move, or moves it.
pub async fn run(app: &App, asked: &Asked) -> anyhow::Result<()> {
    let by = app.actor(Permission::Operate).await?;
    let names = names(&asked.map)?;
    let steward = app.steward();
    let (name, from, to) = (asked.name.as_deref(), asked.from.as_deref(), asked.to.as_deref());
    let migration = steward.migration(name, from, to, names).await?;
    let name = migration.playbook();
    let seen = steward.look_at_migration(&migration).await?;
    if !asked.apply {
        return app.out.answer(&seen, &sheet(name, &seen, false));
    }
    let bar = app.out.progress("moved", seen.moved);
    let done = steward.migrate(&migration, &by, &|moved| bar.set_position(moved)).await;
    bar.finish_and_clear();
    let done = done?;
    app.out.answer(&done, &sheet(name, &done, true))
}

fn names(pairs: &[String]) -> anyhow::Result<Names> {
    let mut names = Names::new();
    for pair in pairs {
        let Some((old, new)) = pair.split_once('=') else {
            bad_input!("`--map {pair}` must be OLD=NEW: a step, and what it is called there");
        };
        let (old, new) = (old.trim().to_owned(), new.trim().to_owned());
        if names.insert(old.clone(), new).is_some() {
            bad_input!("`{old}` is mapped twice");
        }
    }
    Ok(names)
}

fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

/// What moves (or moved), what cannot, and why.
fn sheet(playbook: &str, seen: &MovedRuns, done: bool) -> String {
    let mut text = if done {
        format!("{} runs of {playbook} moved to version {}", seen.moved, short(&seen.to))
    } else {
        format!("{} runs of {playbook} can move to version {}", seen.moved, short(&seen.to))
    };
    text.append(format_args!(", {} cannot", seen.cannot));
    if seen.busy > 0 {
        text.append(format_args!(", {} were busy: say it again for those", seen.busy));
    }
    text.push('.');
    if seen.from.is_empty() {
        text.push_str(" No other version was ever loaded.");
    }
    if !seen.groups.is_empty() {
        let rows = seen
            .groups
            .iter()
            .map(|(group, count)| {
                let from = short(&group.from).to_owned();
                let lands = match (&group.lands_at, &group.why_not) {
                    (Some(step), _) if step.is_empty() => "the end".to_owned(),
                    (Some(step), _) => step.clone(),
                    (None, why) => format!("stays: {}", why.as_deref().unwrap_or_default()),
                };
                let status = group.status.to_string();
                let (step, waits) = (group.step.clone(), group.waits_for.to_owned());
                vec![from, step, status, waits, count.to_string(), lands]
            })
            .collect();
        let columns = ["version", "step", "state", "waits for", "runs", "lands at"];
        text.append(format_args!("\n\n{}", table(&columns, rows)));
    }
    if !done && seen.moved > 0 {
        text.push_str("\n\nNothing was changed; say --apply to move them.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_read_pair_by_pair() {
        let read = names(&["a = b".to_owned(), "c=d".to_owned()]).unwrap();
        assert_eq!(read.get("a").map(String::as_str), Some("b"));
        assert!(names(&["ab".to_owned()]).unwrap_err().to_string().contains("OLD=NEW"));
        assert!(names(&["a=b".to_owned(), "a=c".to_owned()]).is_err());
    }
}
