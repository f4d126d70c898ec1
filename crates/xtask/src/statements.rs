//! Says which statements of the store the contract suite does not run, on which database.
//!
//! A statement, and each optional clause of one, is known by the line it is written on. The suite
//! notes the lines it runs (`TEST_STATEMENTS`); here the store's source is read for all there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

/// Where the store's statements are written.
const SOURCE: &str = "crates/store/src";

const SQLITE: &str = "sqlite";
const POSTGRES: &str = "postgres";

/// What a statement or a clause begins with.
const MARKS: [&str; 8] = [
    "sql!(",
    "Sql::pair(",
    "Assembled::new(",
    ".clause(",
    ".clause_with(",
    ".raw(",
    ".script(",
    "runs_here(",
];

/// Files that have no statement: what statements are made of, and what tells of them.
const MACHINERY: [&str; 2] = ["sql.rs", "statement.rs"];

/// What the suite need not run, and why.
struct Exception {
    /// Where the file's name ends.
    file: &'static str,
    /// Text near the statement.
    text: &'static str,
    /// On these.
    engines: &'static [&'static str],
    reason: &'static str,
}

const EXCEPTIONS: [Exception; 8] = [
    Exception {
        file: "open.rs",
        text: "sqlite_version()",
        engines: &[SQLITE],
        reason: "only of a library too old to go on with, and no build has one",
    },
    Exception {
        file: "migrate.rs",
        text: "pg_stat_activity",
        engines: &[SQLITE, POSTGRES],
        reason: "only before a step that takes something away; the tests beside it have one",
    },
    Exception {
        file: "measure.rs",
        text: "CHECKPOINT",
        engines: &[SQLITE],
        reason: "a file has nothing of the kind",
    },
    Exception {
        file: "measure.rs",
        text: "server_version_num",
        engines: &[SQLITE],
        reason: "a file has nothing of the kind",
    },
    Exception {
        file: "measure.rs",
        text: "pg_stat_io",
        engines: &[SQLITE, POSTGRES],
        reason: "of two statements one is for servers from version 18 on",
    },
    Exception {
        file: "measure.rs",
        text: "pg_stat_wal",
        engines: &[SQLITE, POSTGRES],
        reason: "of two statements one is for servers before version 18",
    },
    Exception {
        file: "measure.rs",
        text: "pg_current_wal_lsn",
        engines: &[SQLITE],
        reason: "a file has nothing of the kind",
    },
    Exception {
        file: "measure.rs",
        text: "pg_backend_pid",
        engines: &[SQLITE],
        reason: "a file has nothing of the kind",
    },
];

/// A place where a statement is written.
#[derive(Debug, PartialEq, Eq)]
struct Site {
    line: usize,
    engines: Vec<&'static str>,
    /// Its line and the next few.
    text: String,
}

/// An empty folder for what a test run notes.
pub(crate) fn folder() -> Result<PathBuf> {
    let folder = std::env::current_dir()?.join("target").join("statements");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("old notes of statements cannot be removed")?;
    }
    fs::create_dir_all(&folder).context("there is no room for notes of statements")?;
    Ok(folder)
}

/// Compares what was noted with what is written; a failure names what was not run.
pub(crate) fn check(folder: &Path) -> Result<String> {
    let noted = noted(folder)?;
    ensure!(!noted.is_empty(), "no statement was noted: was the contract suite run?");
    let (mut all, mut known) = (0, BTreeSet::new());
    let mut missing = Vec::new();
    for (file, text) in sources()? {
        for site in sites(&text) {
            for engine in &site.engines {
                let place = format!("{engine} {file}:{}", site.line);
                known.insert(format!("{file}:{}", site.line));
                all += 1;
                if !noted.contains(&place) && !is_excepted(&file, &site, engine) {
                    let begins = site.text.lines().next().unwrap_or_default().trim();
                    missing.push(format!("{place}  {begins}"));
                }
            }
        }
    }
    let unknown: Vec<&String> = noted
        .iter()
        .filter(|place| place.split_once(' ').is_none_or(|(_, site)| !known.contains(site)))
        .collect();
    if !missing.is_empty() || !unknown.is_empty() {
        bail!(
            "the contract suite does not run {} of {all} statements and clauses; write cases for \
             them in crates/store/tests/contract:\n  {}\nPlaces that were run and are not seen in \
             the source, so that others may be missed too: {unknown:?}",
            missing.len(),
            missing.join("\n  ")
        );
    }
    for exception in &EXCEPTIONS {
        let used = sources()?
            .iter()
            .any(|(file, text)| file.ends_with(exception.file) && text.contains(exception.text));
        ensure!(used, "nothing is left of the exception: {}", exception.reason);
    }
    Ok(format!("{all} statements and clauses, each on the databases it is for"))
}

fn is_excepted(file: &str, site: &Site, engine: &str) -> bool {
    EXCEPTIONS.iter().any(|exception| {
        file.ends_with(exception.file)
            && site.text.contains(exception.text)
            && exception.engines.contains(&engine)
    })
}

/// Lines such as `sqlite crates/store/src/run.rs:12`, of all processes of the suite.
fn noted(folder: &Path) -> Result<BTreeSet<String>> {
    let mut noted = BTreeSet::new();
    for file in fs::read_dir(folder).context("there are no notes of statements")? {
        let text = fs::read_to_string(file?.path())?;
        noted.extend(text.lines().map(str::to_owned));
    }
    Ok(noted)
}

/// The store's files that are no tests, by path, with their text.
fn sources() -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut tests = BTreeSet::from(["tests.rs".to_owned()]);
    tests.extend(MACHINERY.map(str::to_owned));
    let lib = fs::read_to_string(Path::new(SOURCE).join("lib.rs")).context("run it at the root")?;
    let lines: Vec<&str> = lib.lines().collect();
    for pair in lines.windows(2) {
        if let [test, module] = pair
            && *test == "#[cfg(test)]"
            && let Some(name) = module.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
        {
            tests.insert(format!("{name}.rs"));
        }
    }
    let mut folders = vec![PathBuf::from(SOURCE)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !tests.contains(&name) {
                let text = fs::read_to_string(&path)?;
                found.insert(path.to_string_lossy().replace('\\', "/"), text);
            }
        }
    }
    Ok(found)
}

/// The part of a file before its tests.
fn without_tests(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines
        .windows(2)
        .position(|pair| {
            pair.first() == Some(&"#[cfg(test)]")
                && pair.last().is_some_and(|line| line.starts_with("mod tests {"))
        })
        .unwrap_or(lines.len());
    lines.into_iter().take(end).collect()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The line at which the block ends that begins on this one.
fn block_end(lines: &[&str], begin: usize) -> usize {
    let indent = lines.get(begin).map_or(0, |line| indentation(line));
    lines
        .iter()
        .enumerate()
        .skip(begin + 1)
        .find(|(_, line)| indentation(line) == indent && line.trim_start().starts_with('}'))
        .map_or(lines.len(), |(end, _)| end)
}

/// Where statements are written in a file.
fn sites(text: &str) -> Vec<Site> {
    let lines = without_tests(text);
    let marks = MARKS.map(str::to_owned);
    // A statement in a macro is written where the macro is used.
    let mut macros = Vec::new();
    let mut inside = vec![false; lines.len()];
    for (begin, line) in lines.iter().enumerate() {
        let Some(name) = line.trim_start().strip_prefix("macro_rules! ") else { continue };
        let end = block_end(&lines, begin);
        let body = lines.get(begin + 1..end).unwrap_or_default();
        if body.iter().any(|line| MARKS.iter().any(|mark| line.contains(mark))) {
            macros.push(format!("{}!(", name.trim_end_matches([' ', '{'])));
        }
        inside.iter_mut().take(end + 1).skip(begin).for_each(|inside| *inside = true);
    }
    let mut sites = Vec::new();
    let mut only_postgres_until = 0;
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        if code.starts_with("//") || inside.get(index) == Some(&true) {
            continue;
        }
        if code.starts_with("if tx.is_postgres()") && code.ends_with('{') {
            only_postgres_until = block_end(&lines, index);
        }
        if !marks.iter().chain(&macros).any(|mark| code.contains(mark.as_str())) {
            continue;
        }
        let text = lines.iter().skip(index).take(5).copied().collect::<Vec<_>>().join("\n");
        let engines = if index < only_postgres_until { vec![POSTGRES] } else { engines_of(&text) };
        sites.push(Site { line: index + 1, engines, text });
    }
    sites
}

/// The databases a statement has a text for.
fn engines_of(text: &str) -> Vec<&'static str> {
    let statement: String = text
        .split_inclusive([';', '\n'])
        .take(4)
        .flat_map(str::split_whitespace)
        .fold(String::new(), |mut joined, word| {
            joined.push_str(word);
            joined.push(' ');
            joined
        });
    let statement = statement.split_once(".await").map_or(&*statement, |(first, _)| first);
    let only = |engine| vec![engine];
    if statement.contains("runs_here(\"postgres\")") {
        only(POSTGRES)
    } else if statement.contains("runs_here(\"sqlite\")") {
        only(SQLITE)
    } else if [".raw(\"\", ", ".raw( \"\", ", ", \"\", "]
        .iter()
        .any(|empty| statement.contains(empty))
    {
        only(POSTGRES)
    } else if statement.contains(", \"\")") {
        only(SQLITE)
    } else {
        vec![SQLITE, POSTGRES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_a_statement_is_written_at_is_seen() {
        let text = r#"
fn one() -> Sql {
    // sql!("in a comment") is none.
    sql!("SELECT 1")
}
macro_rules! of {
    ($table:literal) => {
        sql!("SELECT 2 FROM " $table)
    };
}
fn two() {
    of!("runs");
    query.clause(" AND a");
    let rows = query.rows();
    tx.raw("", "LOCK").await?;
    tx.raw("PRAGMA x", "").await?;
    if tx.is_postgres() && !ids.is_empty() {
        tx.fetch(sql!("SELECT 3"), args![]).await?;
    }
    statement::runs_here("postgres");
    tx.fetch(
        Sql::pair("SELECT 4", "SELECT 4"),
    )
}
#[cfg(test)]
mod tests {
    fn three() { sql!("SELECT 5"); }
}
"#;
        let seen: Vec<_> = sites(text).into_iter().map(|site| (site.line, site.engines)).collect();
        let both = || vec![SQLITE, POSTGRES];
        assert_eq!(
            seen,
            [
                (4, both()),
                (12, both()),
                (13, both()),
                (15, vec![POSTGRES]),
                (16, vec![SQLITE]),
                (18, vec![POSTGRES]),
                (20, vec![POSTGRES]),
                (22, both()),
            ]
        );
    }
}
