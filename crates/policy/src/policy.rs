//! A policy: all its files, compiled once and asked many times.

use domain::{
    action::Team,
    outgoing::Standards,
    port::{Reader, Release},
    redaction::Redaction,
    verdict::Verdict,
};
use jiff::{SignedDuration, civil::Date};
use notation::{Condition, Diagnostics};
use sha2::{Digest, Sha256};

use crate::{
    asked::Asked, budget::Budgets, lint::Linter, model::Models, outgoing, question::Question,
};

/// The rules in force, with everything else policy files say.
#[derive(Clone, Debug)]
pub struct Policy {
    version: String,
    files: Vec<About>,
    rules: Vec<Rule>,
    asked: Asked,
    redaction: Redaction,
    budgets: Budgets,
    models: Models,
    outgoing: Standards,
    releases: Vec<Release>,
    placeholders: SignedDuration,
}

/// How long placeholders can be opened after a run is over, where no policy says it.
const PLACEHOLDERS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Who answers for a policy file, for what, and until when (GV-10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The policy's name.
    pub name: String,
    /// E-mail address of whoever answers for it.
    pub owner: String,
    /// What it is for.
    pub purpose: String,
    /// The day by which somebody must have looked at it again.
    pub review_by: Date,
    /// The ids of its rules, in their order.
    pub rules: Vec<String>,
}

/// A rule, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) file: String,
    pub(crate) id: String,
    pub(crate) condition: Condition,
    pub(crate) verdict: Verdict,
    pub(crate) reason: String,
    pub(crate) reviewer: Option<Team>,
}

impl Policy {
    /// Compiles a policy from its files, given as name (`contact.yaml`, without folder) and text.
    ///
    /// The error lists everything that is wrong with all of them, each with line and caret; a
    /// policy with an error in any file is not used at all. Without any file every
    /// customer-facing action is reviewed.
    pub fn compile(files: &[(String, String)]) -> Result<Self, Diagnostics> {
        let mut sorted: Vec<&(String, String)> = files.iter().collect();
        sorted.sort();
        let mut linter = Linter::new();
        for (name, text) in &sorted {
            linter.read(name, text);
        }
        let sound = linter.finish()?;
        Ok(Self {
            version: version(&sorted),
            files: sound.files,
            asked: Asked::new(),
            rules: sound.rules,
            redaction: sound.redaction,
            budgets: Budgets::strictest(&sound.budgets),
            models: Models::new(sound.models),
            outgoing: outgoing::strictest(&sound.outgoing),
            releases: strictest(sound.releases),
            placeholders: sound.placeholders.into_iter().min().unwrap_or(PLACEHOLDERS),
        })
    }

    /// SHA-256 over the names and texts of all files, in hex. Their order does not matter.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The files, by name.
    pub fn files(&self) -> &[About] {
        &self.files
    }

    /// Files that nobody has looked at in time.
    pub fn overdue(&self, today: Date) -> impl Iterator<Item = &About> {
        self.files.iter().filter(move |file| file.review_by < today)
    }

    /// What it says of personal data; patterns and names are valid.
    pub const fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// What one run may use up.
    pub const fn budgets(&self) -> Budgets {
        self.budgets
    }

    /// What outgoing texts are held to.
    pub const fn outgoing(&self) -> &Standards {
        &self.outgoing
    }

    /// Whether a model may be used; the built-in writer is called `offline`.
    pub fn model_allowed(&self, name: &str) -> bool {
        self.models.allow(name)
    }

    /// What may be put back for whom, beyond what always holds: each type and reader once.
    pub fn releases(&self) -> &[Release] {
        &self.releases
    }

    /// How long after a run is over what its placeholders stood for can still be opened.
    pub const fn keeps_placeholders(&self) -> SignedDuration {
        self.placeholders
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that can match what is asked.
    pub(crate) fn rules_about(&self, question: &Question<'_>) -> impl Iterator<Item = &Rule> {
        let places = self.asked.about(&self.rules, question);
        places.into_iter().filter_map(|place| self.rules.get(place))
    }
}

/// Of entries for the same type and reader, the one that keeps back.
fn strictest(entries: Vec<Release>) -> Vec<Release> {
    let mut kept: Vec<Release> = Vec::new();
    for entry in entries {
        match kept.iter_mut().find(|one| one.kind == entry.kind && one.to == entry.to) {
            Some(one) => one.allow &= entry.allow,
            None => kept.push(entry),
        }
    }
    // Customers get what nothing keeps back; saying so changes nothing.
    kept.retain(|one| !(one.allow && one.to == Reader::Customer));
    kept
}

fn version(files: &[&(String, String)]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"playgate/policy/1");
    for (name, text) in files {
        for field in [name, text] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
    }
    hex::encode(hash.finalize())
}
