//! Old and new side by side: builds the program of an earlier commit apart, gives both a database, and has
//! the tormentor replace one by the other under load.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};

use crate::{
    account::Account,
    cargo::{cargo, root},
    chaos,
    cluster::{self, Cluster},
    leash::{self, Leash},
    postgres, say,
};

/// The hidden command under which this program does the work, on a leash.
pub(crate) const INSIDE: &str = "__upgrade";

/// Builds both programs, and runs on a leash.
pub(crate) fn outside(options: &[&str]) -> Result<ExitCode> {
    let (from, rest) = parted(options)?;
    postgres::look()?;
    let commit = git(&["rev-parse", "--verify", "--end-of-options", &format!("{from}^{{commit}}")])
        .with_context(|| format!("`{from}` is no commit here"))?;
    let old = build(&commit)?;
    for package in [&["-p", "cli"][..], &["-p", "tests", "--bin", "chaos"]] {
        let mut build = cargo(["build", "--quiet"]);
        if !build.args(package).status()?.success() {
            bail!("fix what the compiler says above");
        }
    }
    let mut inside = Command::new(std::env::current_exe()?);
    inside.arg(INSIDE).arg("--old").arg(old);
    inside.args(["--named", &format!("{} to this tree", short(&commit))]).args(rest);
    leash::lead(inside)
}

/// The whole story, with both programs there.
pub(crate) fn inside(options: &[&str]) -> Result<ExitCode> {
    let leash = Leash::watch();
    let programs = postgres::find_or_install()?;
    let cluster = Cluster::start(&programs)?;
    let mut chaos = Command::new(root().join("target/debug/chaos"));
    chaos.arg("upgrade").args(options);
    chaos.arg("--postgres-programs").arg(&programs);
    chaos.arg("--postgres-data").arg(cluster.data());
    chaos.args(["--postgres-user", cluster::SUPERUSER]);
    chaos.arg("--postgres-address").arg(format!("127.0.0.1:{}", cluster.port()));
    if let Some((user, group)) = Account::choose()?.ids() {
        chaos.arg("--postgres-account").arg(format!("{user}:{group}"));
    }
    let code = chaos::watch(chaos, &leash);
    drop(cluster);
    code
}

/// The commit that is named, and the other options.
fn parted<'a>(options: &[&'a str]) -> Result<(&'a str, Vec<&'a str>)> {
    let mut from = None;
    let mut rest = Vec::new();
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match word.split_once('=') {
            Some(("--from", named)) => from = Some(named),
            None if *word == "--from" => from = words.next().copied(),
            _ => rest.push(*word),
        }
    }
    match from {
        Some(from) if !from.is_empty() => Ok((from, rest)),
        _ => bail!("say which commit is upgraded: `cargo xtask upgrade --from REV`"),
    }
}

/// The program of a commit, built in a tree and a target folder of its own, which stay for the next
/// time; the tree does not.
fn build(commit: &str) -> Result<PathBuf> {
    let place = root().join("target/upgrade").join(short(commit));
    let (tree, target) = (place.join("tree"), place.join("target"));
    let program = target.join("debug/playgate");
    if program.exists() {
        return Ok(program);
    }
    say(&format!("Building the program of {} in `{}`.", short(commit), place.display()));
    let tree_name = tree.to_str().context("the path of this workspace is no text")?;
    let _tree = Tree::check_out(tree_name, commit)?;
    let mut build = cargo(["build", "--quiet", "--locked", "-p", "cli"]);
    build.current_dir(&tree).env("CARGO_TARGET_DIR", &target);
    if !build.status()?.success() || !program.exists() {
        bail!("the program of {} does not build; see above", short(commit));
    }
    Ok(program)
}

/// A tree beside this one; it is removed when this is dropped.
struct Tree<'a>(&'a str);

impl<'a> Tree<'a> {
    fn check_out(place: &'a str, commit: &str) -> Result<Self> {
        // What an earlier call left behind when it was killed.
        if Path::new(place).exists() {
            git(&["worktree", "remove", "--force", place])?;
        }
        git(&["worktree", "prune"])?;
        git(&["worktree", "add", "--quiet", "--detach", place, commit])?;
        Ok(Self(place))
    }
}

impl Drop for Tree<'_> {
    fn drop(&mut self) {
        if let Err(error) = git(&["worktree", "remove", "--force", self.0]) {
            say(&format!("`{}` is left behind: {error:#}", self.0));
        }
    }
}

/// What git answers, in one line.
fn git(arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    let output = git.arg("-C").arg(root()).args(arguments).output();
    let output = output.context("`git` cannot be run")?;
    if !output.status.success() {
        bail!("git: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_is_told_apart_from_what_is_handed_on() {
        let (from, rest) = parted(&["--minutes", "1", "--from", "abc", "--seed", "2"]).unwrap();
        assert_eq!((from, rest), ("abc", vec!["--minutes", "1", "--seed", "2"]));
        assert_eq!(parted(&["--from=HEAD~3"]).unwrap().0, "HEAD~3");
        for nothing in [&[][..], &["--from"], &["--from="], &["--minutes", "2"]] {
            assert!(parted(nothing).is_err(), "{nothing:?}");
        }
    }
}
