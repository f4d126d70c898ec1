//! Fuzzing: inputs nobody thought of, for whatever reads text from outside.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{answers, cargo, root},
    say,
};

/// The targets, each a file in `fuzz/targets` with its seeds in `fuzz/seeds`.
const TARGETS: [&str; 5] = ["normalise", "detect", "restore", "policy", "answer"];

/// Minutes each target gets unless said otherwise.
const MINUTES: u64 = 10;

/// What is to be fuzzed, and how long.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    targets: Vec<&'static str>,
    minutes: u64,
}

/// Fuzzes one target or all, each until its time is over or an input breaks it.
pub(crate) fn run(options: &[&str]) -> Result<ExitCode> {
    let plan = read(options)?;
    if !answers(cargo(["fuzz", "--version"])) {
        say("cargo-fuzz is missing; installing it");
        let installed = cargo(["install", "--locked", "cargo-fuzz"]).status();
        if !installed.context("cargo cannot be run")?.success() {
            bail!("cargo-fuzz could not be installed: `cargo install --locked cargo-fuzz`");
        }
    }
    for target in plan.targets {
        one(target, plan.minutes)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn one(target: &str, minutes: u64) -> Result<()> {
    // What it learns stays out of the tree; the seeds in the tree are only read.
    let learnt = root().join("target/fuzz-corpus").join(target);
    let broken = root().join("target/fuzz-broken").join(target);
    for folder in [&learnt, &broken] {
        fs::create_dir_all(folder)
            .with_context(|| format!("folder `{}` cannot be made", folder.display()))?;
    }
    say(&format!("{target}: {minutes} minutes"));
    let seconds = minutes * 60;
    let mut command = cargo(["fuzz", "run", "--release", "--debug-assertions"]);
    // Coverage passes are there in every toolchain. Sanitizers are not, and find faults of memory,
    // which code without `unsafe` does not have.
    command
        .args(["--sanitizer", "none", "--target-dir"])
        .arg(root().join("target/fuzz"))
        .arg(target)
        .arg(&learnt)
        .arg(Path::new("fuzz/seeds").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", broken.display()))
        .args(["-timeout=20", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"])
        .env("RUSTC_BOOTSTRAP", "1");
    if !command.status().context("cargo-fuzz cannot be run")?.success() {
        bail!("`{target}` broke; the input is in `{}`, and said above", broken.display());
    }
    Ok(())
}

fn read(options: &[&str]) -> Result<Plan> {
    let mut plan = Plan { targets: TARGETS.to_vec(), minutes: MINUTES };
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        if *option == "--minutes" {
            let minutes = rest.next().and_then(|minutes| minutes.parse().ok());
            plan.minutes = minutes
                .filter(|minutes| (1..=24 * 60).contains(minutes))
                .context("`--minutes` wants a whole number from 1 to 1440")?;
        } else if let Some(target) = TARGETS.iter().find(|target| *target == option) {
            plan.targets = vec![target];
        } else {
            bail!("`{option}` is no target; there are {}", TARGETS.join(", "));
        }
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_name_a_target_and_a_time_and_what_is_wrong_is_said() {
        let plan = read(&["restore", "--minutes", "3"]).unwrap();
        assert_eq!(plan, Plan { targets: vec!["restore"], minutes: 3 });
        assert_eq!(read(&[]).unwrap(), Plan { targets: TARGETS.to_vec(), minutes: 10 });
        for (options, why) in [
            (vec!["nothing"], "is no target; there are normalise"),
            (vec!["--minutes"], "whole number"),
            (vec!["--minutes", "0"], "from 1 to 1440"),
        ] {
            assert!(read(&options).unwrap_err().to_string().contains(why));
        }
    }

    #[test]
    fn every_target_has_its_file_and_seeds() {
        for target in TARGETS {
            assert!(root().join(format!("fuzz/targets/{target}.rs")).is_file(), "{target}");
            let seeds = fs::read_dir(root().join("fuzz/seeds").join(target)).unwrap();
            assert!(seeds.count() > 0, "{target}");
        }
        assert_eq!(fs::read_dir(root().join("fuzz/targets")).unwrap().count(), TARGETS.len());
    }
}
