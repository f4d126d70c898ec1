//! The playbooks the product ships with: in order, complete, and fit to be sent.

use std::{collections::BTreeSet, fs, path::Path};

use super::fixture;
use crate::{AssetKind, Doing, Plan, Runs, Stage, Trigger, act::Act, preview};

/// The files of the shipped playbooks, each with its assets.
pub(crate) fn files() -> Vec<Vec<(String, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../playbooks");
    let mut playbooks = Vec::new();
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names.iter().filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut files = vec![(name, fs::read_to_string(path).unwrap())];
        let beside = path.with_extension("");
        let stem = beside.file_name().unwrap().to_str().unwrap().to_owned();
        let mut assets: Vec<_> = fs::read_dir(&beside).unwrap().map(|e| e.unwrap().path()).collect();
        assets.sort();
        for asset in assets {
            let name = format!("{stem}/{}", asset.file_name().unwrap().to_str().unwrap());
            files.push((name, fs::read_to_string(&asset).unwrap()));
        }
        playbooks.push(files);
    }
    playbooks
}

pub(crate) fn plans() -> Vec<Plan> {
    files()
        .iter()
        .map(|files| Plan::compile(files).unwrap_or_else(|errors| panic!("\n{errors}\n")))
        .collect()
}

fn plan(name: &str) -> Plan {
    plans().into_iter().find(|plan| plan.name == name).unwrap()
}

#[test]
fn every_shipped_playbook_is_in_order_without_a_warning() {
    for plan in plans() {
        let warnings: Vec<String> = plan.warnings().iter().map(ToString::to_string).collect();
        assert!(warnings.is_empty(), "{}", warnings.join("\n"));
    }
}
