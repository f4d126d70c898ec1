//! Playbooks, policies and prompts: shipped in the binary, shadowed file by file by the operator's.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use rust_embed::Embed;

use crate::bad_input;

/// A file larger than this is no playbook, policy or prompt.
const LARGEST: u64 = 1024 * 1024;

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../playbooks"]
struct Playbooks;

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../policies"]
struct Policies;

#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/../../prompts"]
struct Prompts;

/// Which files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `playbooks/*.yaml` and their assets.
    Playbooks,
    /// `policies/*.yaml`.
    Policies,
    /// `prompts/*.md`.
    Prompts,
}

impl Kind {
    const fn folder(self) -> &'static str {
        match self {
            Self::Playbooks => "playbooks",
            Self::Policies => "policies",
            Self::Prompts => "prompts",
        }
    }

    fn shipped(self) -> Vec<(String, Vec<u8>)> {
        fn all<E: Embed>() -> Vec<(String, Vec<u8>)> {
            E::iter()
                .filter_map(|name| Some((name.to_string(), E::get(&name)?.data.into_owned())))
                .collect()
        }
        match self {
            Self::Playbooks => all::<Playbooks>(),
            Self::Policies => all::<Policies>(),
            Self::Prompts => all::<Prompts>(),
        }
    }
}

/// All files of a kind by name, the operator's in place of the shipped ones of the same name.
pub fn files(kind: Kind, custom: Option<&Path>) -> anyhow::Result<Vec<(String, String)>> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (name, bytes) in kind.shipped() {
        let text = String::from_utf8(bytes).with_context(|| format!("shipped file `{name}`"))?;
        files.insert(name, text);
    }
    if let Some(custom) = custom {
        let folder = custom.join(kind.folder());
        if folder.is_dir() {
            files.extend(folder_files(&folder)?);
        }
    }
    Ok(files.into_iter().collect())
}

/// The text files of a folder, by their path below it, with `/` as separator.
pub fn folder_files(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        let entries = std::fs::read_dir(&current)
            .with_context(|| format!("folder `{}` cannot be read", current.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "tests") {
                    folders.push(path);
                }
                continue;
            }
            let known = path.extension().is_some_and(|ext| ext == "yaml" || ext == "md");
            if !known {
                continue;
            }
            let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
            found.push((name, read_text(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

/// Reads one text file, with a limit and a clear error.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let size = match std::fs::metadata(path) {
        Ok(about) => about.len(),
        Err(err) => bad_input!("file `{}` cannot be read: {err}", path.display()),
    };
    if size > LARGEST {
        bad_input!("file `{}` is {size} bytes long, at most {LARGEST} are read", path.display());
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(err) => bad_input!("file `{}` is no UTF-8 text: {err}", path.display()),
    }
}

/// Splits playbook files into one group per playbook: `name.yaml` first, then `name/*.md`.
pub fn playbooks(files: &[(String, String)]) -> Vec<Vec<(String, String)>> {
    files
        .iter()
        .filter(|(name, _)| {
            !name.contains('/') && Path::new(name).extension().is_some_and(|ext| ext == "yaml")
        })
        .map(|(name, text)| {
            let prefix = format!("{}/", name.trim_end_matches(".yaml"));
            let assets = files.iter().filter(|(other, _)| other.starts_with(&prefix)).cloned();
            std::iter::once((name.clone(), text.clone())).chain(assets).collect()
        })
        .collect()
}
