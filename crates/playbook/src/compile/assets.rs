//! The assets beside a playbook: which there are, which are used, and whether they render.

use std::{collections::BTreeMap, sync::Arc};

use notation::{Diagnostic, Level, Place, Spanned, suggest};

use super::{Lint, is_kebab};
use crate::{
    asset::{Asset, AssetKind},
    facts,
    plan::Step,
};

/// The assets of a playbook by name, with their files.
pub(super) struct Assets {
    known: BTreeMap<String, Known>,
    /// Assets whose files have errors: their use is no second error.
    broken: Vec<String>,
}

struct Known {
    asset: Arc<Asset>,
    file: String,
    used: bool,
}

pub(super) fn read(lint: &mut Lint<'_>, playbook: &str, files: &[(String, String)]) -> Assets {
    let mut assets = Assets { known: BTreeMap::new(), broken: Vec::new() };
    for (file, text) in files {
        let name = file
            .strip_suffix(".md")
            .and_then(|path| path.rsplit_once('/'))
            .filter(|(folder, _)| folder.rsplit('/').next() == Some(playbook))
            .map(|(_, name)| name);
        let Some(name) = name.filter(|name| is_kebab(name)) else {
            let message = "file is no asset of this playbook";
            let help = format!("assets are called `{playbook}/some-name.md`");
            let error = Diagnostic::error(file, text, Place::START, message).with_help(help);
            lint.found.push(error);
            continue;
        };
        match Asset::read(file, name, text, &mut lint.found) {
            Some(asset) => {
                let known = Known { asset: Arc::new(asset), file: file.clone(), used: false };
                assets.known.insert(name.to_owned(), known);
            }
            None => assets.broken.push(name.to_owned()),
        }
    }
    assets
}

impl Assets {
    /// The asset a step names, if there is one.
    pub(super) fn find(
        &mut self,
        lint: &mut Lint<'_>,
        name: &Spanned<String>,
    ) -> Option<Arc<Asset>> {
        if let Some(known) = self.known.get_mut(&name.value) {
            known.used = true;
            return Some(Arc::clone(&known.asset));
        }
        if !self.broken.contains(&name.value) {
            let help = suggest::help(name, self.known.keys().map(String::as_str));
            lint.error(name, format!("there is no asset `{}`", **name), help.as_deref());
        }
        None
    }

    /// The same, for a step that writes to a contact.
    pub(super) fn find_letter(&mut self, lint: &mut Lint<'_>, name: &Spanned<String>) {
        if let Some(asset) = self.find(lint, name)
            && asset.kind != AssetKind::EmailTemplate
        {
            let message = format!("`{}` is a {}, this step sends a letter", **name, asset.kind);
            lint.error(name, message, Some("name an asset of `kind: email_template`"));
        }
    }

    /// Renders every asset with samples, and names those no step uses.
    pub(super) fn check(&self, lint: &mut Lint<'_>, steps: &[Step]) {
        let results = facts::sample_results(steps);
        // A step that could not be read may have meant it.
        let all_read = lint.found.iter().all(|finding| finding.level != Level::Error);
        for known in self.known.values() {
            known.asset.check(&known.file, &results, &mut lint.found);
            if !known.used && all_read {
                let message = "no step uses this asset";
                let text = &known.asset.text;
                let warning = Diagnostic::warning(&known.file, text, Place::START, message);
                lint.found.push(warning);
            }
        }
    }

    pub(super) fn into_map(self) -> BTreeMap<String, Arc<Asset>> {
        self.known.into_iter().map(|(name, known)| (name, known.asset)).collect()
    }
}
