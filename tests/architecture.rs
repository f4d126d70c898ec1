//! Are the crates still arranged as `crates/README.md` says?

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Adapters to the outside; only `cli` puts them together.
const ADAPTERS: [&str; 4] = ["agent", "connectors", "server", "store"];

/// Who may depend on what touches a database, the network or a mail server.
const GUARDED: [(&str, &[&str]); 5] = [
    ("sqlx", &["store"]),
    ("libsqlite3-sys", &["store"]),
    ("reqwest", &["agent", "connectors", "cli"]),
    ("async-openai", &["agent"]),
    ("lettre", &["connectors"]),
];

/// Who may answer with errors that a caller cannot tell apart.
const ANYHOW: [&str; 3] = ["cli", "tests", "xtask"];

/// Which crates a crate may use.
#[derive(Debug, PartialEq, Eq)]
enum Arrows {
    /// Any of them.
    All,
    /// Exactly these.
    To(BTreeSet<String>),
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap_or_else(|err| panic!("`cargo metadata`: {err}"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|err| panic!("`{}`: {err}", path.display()))
}

/// The table under "Rooms" of `crates/README.md`: crate to arrows.
fn table() -> BTreeMap<String, Arrows> {
    let text = read(&root().join("crates/README.md"));
    let rooms = text
        .split("\n## ")
        .find(|section| section.starts_with("Rooms"))
        .unwrap_or_else(|| panic!("crates/README.md has no section `## Rooms`; write it again"));
    rooms
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, _, uses] = cells.as_slice() else {
                panic!("crates/README.md: a row of Rooms has three cells, not `{line}`");
            };
            let arrows = match *uses {
                "all" => Arrows::All,
                "–" => Arrows::To(BTreeSet::new()),
                list => Arrows::To(list.split(',').map(bare).collect()),
            };
            (bare(name), arrows)
        })
        .collect()
}

/// A word without its white space and backticks.
fn bare(cell: &str) -> String {
    cell.trim().trim_matches('`').to_owned()
}

/// Names of what a package depends on, for these kinds of dependency.
fn uses<'a>(package: &'a Package, kinds: &[DependencyKind]) -> BTreeSet<&'a str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| kinds.contains(&dependency.kind))
        .map(|dependency| dependency.name.as_str())
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|err| panic!("`{}`: {err}", folder.display()));
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn the_table_of_rooms_names_every_crate_and_no_other() {
    let metadata = metadata();
    let members: BTreeSet<String> =
        metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let rows: BTreeSet<String> = table().into_keys().collect();
    assert_eq!(
        rows, members,
        "the table `Rooms` of crates/README.md (left) and the workspace (right) name different \
         crates; add the missing row, with one sentence and its arrows, or remove the stale one"
    );
}

#[test]
fn crates_use_exactly_the_crates_the_table_says() {
    let metadata = metadata();
    let table = table();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let Some(Arrows::To(allowed)) = table.get(package.name.as_str()) else { continue };
        let used: BTreeSet<String> =
            uses(package, &[DependencyKind::Normal, DependencyKind::Build])
                .into_iter()
                .filter(|name| table.contains_key(*name))
                .map(str::to_owned)
                .collect();
        for extra in used.difference(allowed) {
            wrong.push(format!(
                "`{}` uses `{extra}`, which its row in crates/README.md does not allow: go \
                 through a port of `domain`, or argue for the arrow and add it to the table",
                package.name
            ));
        }
        for unused in allowed.difference(&used) {
            wrong.push(format!(
                "`{}` may use `{unused}` and does not: remove the arrow from crates/README.md",
                package.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn adapters_never_see_each_other() {
    use DependencyKind::{Build, Normal};
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.packages.iter().filter(|p| ADAPTERS.contains(&p.name.as_str())) {
        // A test may put real parts together, as `cli` does; the product's code may not.
        for other in uses(package, &[Normal, Build]) {
            if ADAPTERS.contains(&other) {
                wrong.push(format!(
                    "adapter `{}` uses adapter `{other}`: let both use a port of `domain`, and \
                     let `cli` put them together",
                    package.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn databases_and_networks_are_touched_where_they_belong() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata.packages.iter().filter(|package| package.name.as_str() != "tests") {
        let used = uses(package, &[DependencyKind::Normal, DependencyKind::Build]);
        for (library, owners) in GUARDED {
            if used.contains(library) && !owners.contains(&package.name.as_str()) {
                wrong.push(format!(
                    "`{}` depends on `{library}`, which belongs to {}: ask for what you need \
                     through a port of `domain`",
                    package.name,
                    owners.join(", ")
                ));
            }
        }
        if used.contains("anyhow") && !ANYHOW.contains(&package.name.as_str()) {
            wrong.push(format!(
                "library `{}` depends on `anyhow`: name its errors with `thiserror`",
                package.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who may take text from outside out of its type, and what for.
const EXITS: [(&str, &[&str]); 3] = [
    (
        "for_a_data_block()",
        &["crates/agent/src/block.rs", "crates/agent/src/desk.rs", "crates/agent/src/outside.rs"],
    ),
    ("for_a_person()", &["crates/server/src/page/account.rs"]),
    ("for_a_search()", &["crates/cli/src/exit.rs"]),
];

#[test]
fn gv_13_untrusted_text_is_taken_out_only_where_its_purpose_is() {
    let mut wrong = Vec::new();
    for file in sources(&root().join("crates")) {
        let name = file.strip_prefix(root()).expect("a file below the root").display().to_string();
        if name.contains("/tests/") || name == "crates/domain/src/untrusted.rs" {
            continue;
        }
        let text = read(&file);
        for (exit, owners) in EXITS {
            if text.contains(exit) && !owners.contains(&name.as_str()) {
                wrong.push(format!(
                    "`{name}` calls `{exit}`: text from outside is read where it is shown to a \
                     person or put into a data block; elsewhere it stays `Untrusted`"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_crate_lives_under_the_workspace_lints() {
    for package in metadata().packages {
        let manifest = package.manifest_path.as_std_path();
        let text = read(manifest);
        let lints = text.split("\n[").find(|section| section.starts_with("lints]"));
        assert!(
            lints.is_some_and(|section| section.lines().any(|line| line == "workspace = true")),
            "`{}` lacks `[lints]` with `workspace = true`; add it",
            manifest.display()
        );
    }
}

#[test]
fn every_file_opens_by_saying_what_it_is_for() {
    let mut silent = Vec::new();
    for package in metadata().packages {
        let folder = package.manifest_path.as_std_path().parent().expect("a manifest has a folder");
        // The tests' own package keeps its sources beside its manifest.
        let source = folder.join("src");
        for file in sources(if source.is_dir() { &source } else { folder }) {
            if !read(&file).starts_with("//! ") {
                silent.push(file.display().to_string());
            }
        }
    }
    assert!(
        silent.is_empty(),
        "these files do not open with one `//!` sentence that says what they are for; write it:\n{}",
        silent.join("\n")
    );
}

#[test]
fn what_decides_waits_and_tells_the_time_by_its_seams_only() {
    let clocks = ["tokio::time", "thread::sleep", "Instant::now", "SystemTime", "Timestamp::now"];
    let mut past = Vec::new();
    for name in ["domain", "notation", "playbook", "policy", "privacy", "engine", "insight"] {
        for file in sources(&root().join("crates").join(name).join("src")) {
            if file.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
            {
                continue;
            }
            let text = read(&file);
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let found = clocks.iter().filter(|clock| code.contains(**clock));
            past.extend(found.map(|clock| format!("{}: {clock}", file.display())));
        }
    }
    assert!(
        past.is_empty(),
        "time enters by `Clock` and `Timer` of `domain::clock`, so that a simulation owns it; these \
         go past them:\n{}",
        past.join("\n")
    );
}

#[test]
fn no_statement_is_compiled_anew_because_of_its_limit() {
    let bare = ["LIMIT $", "LIMIT ?"];
    for file in sources(&root().join("crates/store/src")) {
        let text = read(&file);
        let found: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .filter(|line| bare.iter().any(|bare| line.contains(bare)))
            .collect();
        assert!(
            found.is_empty(),
            "{}: write `LIMIT +$1`, so that SQLite keeps the statement prepared: {found:?}",
            file.display()
        );
    }
}

#[test]
fn folders_are_named_like_their_crates() {
    for package in metadata().packages {
        let folder = package.manifest_path.as_std_path().parent().expect("a manifest has a folder");
        let name = folder.file_name().expect("a folder has a name");
        assert_eq!(name, package.name.as_str(), "rename the folder or the crate");
    }
}
