//! Finds everything that is wrong with a set of policy files, and keeps what is right.

use std::collections::BTreeMap;

use domain::{
    intent::is_address,
    port::{Reader, Release},
    redaction::{ALWAYS, BUILT_IN, Pattern, Redaction, VALIDATORS},
    verdict::Verdict,
};
use jiff::SignedDuration;
use notation::{Condition, Diagnostic, Diagnostics, Place, Schema, Spanned, suggest, yaml};
use regex::RegexBuilder;

use crate::{
    file::{
        BudgetEntry, ModelEntry, PolicyFile, RedactEntry, RestoreEntry, RetentionEntry, RuleEntry,
    },
    outgoing::OutgoingEntry,
    policy::{About, Rule},
    question,
};

/// The longest pattern that is read, in bytes.
const MOST_PATTERN_BYTES: usize = 1000;
/// The most memory a compiled pattern may take, in bytes; the redactor keeps to the same bound.
const MOST_PATTERN_MEMORY: usize = 1 << 20;

/// The longest that placeholders may be kept after a run is over.
const LONGEST: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What sound files say.
#[derive(Debug, Default)]
pub(crate) struct Sound {
    pub(crate) files: Vec<About>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) redaction: Redaction,
    pub(crate) budgets: Vec<BudgetEntry>,
    pub(crate) models: Vec<Vec<String>>,
    pub(crate) outgoing: Vec<OutgoingEntry>,
    pub(crate) releases: Vec<Release>,
    pub(crate) placeholders: Vec<SignedDuration>,
}

/// What is wrong with a pattern, and what to do.
fn problem(pattern: &str) -> Option<(String, &'static str)> {
    if pattern.len() > MOST_PATTERN_BYTES {
        return Some((
            format!("pattern is longer than {MOST_PATTERN_BYTES} bytes"),
            "make several patterns of it; they may share a type",
        ));
    }
    match RegexBuilder::new(pattern).size_limit(MOST_PATTERN_MEMORY).build() {
        Ok(regex) if regex.is_match("") => Some((
            "pattern matches the empty text, so it would match everywhere".to_owned(),
            "let it ask for at least one character: `+` instead of `*`",
        )),
        Ok(_) => None,
        Err(regex::Error::CompiledTooBig(_)) => Some((
            "pattern takes too much memory".to_owned(),
            "write `[0-9]` for `\\d`, `[A-Za-z]` for `\\w`, and smaller numbers of repetitions",
        )),
        Err(error) => Some((
            format!("pattern is no regular expression: {}", last(&error)),
            "the syntax is that of the Rust crate `regex`: no look-around or back-reference",
        )),
    }
}

/// Reads files one by one; what it has seen in one it knows in the next.
pub(crate) struct Linter {
    schema: Schema,
    found: Vec<Diagnostic>,
    sound: Sound,
    /// Where each file name, and each rule id, was first seen.
    names: BTreeMap<String, String>,
    ids: BTreeMap<String, String>,
}

/// A file that is being read.
#[derive(Clone, Copy)]
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn error<T>(&self, at: &Spanned<T>, message: impl Into<String>, help: &str) -> Diagnostic {
        at.error(self.file, self.text, message).with_help(help.to_owned())
    }
}

impl Linter {
    pub(crate) fn new() -> Self {
        Self {
            schema: question::schema(),
            found: Vec::new(),
            sound: Sound::default(),
            names: BTreeMap::new(),
            ids: BTreeMap::new(),
        }
    }

    /// Reads a file.
    pub(crate) fn read(&mut self, file: &str, text: &str) {
        let source = Source { file, text };
        match yaml::read::<PolicyFile>(file, text) {
            Ok(read) => self.check(source, read),
            Err(errors) => self.found.extend(errors.into_vec().into_iter().map(no_keys_here)),
        }
    }

    /// What the files say, or everything that is wrong with them.
    pub(crate) fn finish(self) -> Result<Sound, Diagnostics> {
        Diagnostics::new(self.found).map_or(Ok(self.sound), Err)
    }

    fn check(&mut self, source: Source<'_>, read: PolicyFile) {
        self.check_name(source, &read.policy);
        if !is_address(&read.owner) {
            self.found.push(source.error(
                &read.owner,
                format!("`{}` is not an e-mail address", &*read.owner),
                "name whoever answers for this policy",
            ));
        }
        self.check_words(source, &read.purpose, "purpose", 500);
        let ids = read.rules.iter().map(|rule| rule.id.value.clone()).collect();
        for rule in read.rules {
            self.check_rule(source, &read.policy, rule);
        }
        for entry in read.redact {
            self.check_redaction(source, entry);
        }
        for kind in read.unredacted {
            self.check_unredacted(source, kind);
        }
        if let Some(budgets) = read.budgets {
            self.check_budgets(source, budgets);
        }
        if let Some(models) = read.models {
            self.check_models(source, models);
        }
        if let Some(outgoing) = read.outgoing {
            for (at, message, help) in outgoing.complaints() {
                self.found.push(source.error(at, message, help));
            }
            self.sound.outgoing.push(outgoing);
        }
        for entry in read.restore {
            self.check_restore(source, entry);
        }
        if let Some(retention) = read.retention {
            self.check_retention(source, &retention);
        }
        self.sound.files.push(About {
            name: read.policy.value,
            owner: read.owner.value,
            purpose: read.purpose.value,
            review_by: read.review_by.value,
            rules: ids,
        });
    }

    fn check_name(&mut self, source: Source<'_>, name: &Spanned<String>) {
        let base = source.file.rsplit('/').next().unwrap_or_default();
        match base.strip_suffix(".yaml") {
            Some(stem) if stem == name.as_str() => {}
            Some(stem) => self.found.push(source.error(
                name,
                format!("policy `{}` is in a file of another name", &**name),
                &format!("write `policy: {stem}`, or rename the file to `{}.yaml`", &**name),
            )),
            None => {
                let message = "the file's name does not end in `.yaml`";
                let help = format!("rename it to `{}.yaml`", &**name);
                self.found.push(
                    Diagnostic::error(source.file, source.text, Place::START, message)
                        .with_help(help),
                );
            }
        }
        self.check_id(source, name);
        if let Some(other) = self.names.insert(name.value.clone(), source.file.to_owned()) {
            self.found.push(source.error(
                name,
                format!("policy `{}` exists twice", &**name),
                &format!("the other is in `{other}`"),
            ));
        }
    }

    fn check_rule(&mut self, source: Source<'_>, policy: &str, rule: RuleEntry) {
        self.check_id(source, &rule.id);
        let here = format!("{}:{}", source.file, rule.id.place.line);
        if let Some(first) = self.ids.get(rule.id.as_str()) {
            self.found.push(source.error(
                &rule.id,
                format!("rule `{}` exists twice", &*rule.id),
                &format!("the other is at {first}; ids are unique over all policy files"),
            ));
        } else {
            self.ids.insert(rule.id.value.clone(), here);
        }
        self.check_words(source, &rule.reason, "reason", 300);
        if rule.verdict != Verdict::Review
            && let Some(reviewer) = &rule.reviewer
        {
            self.found.push(source.error(
                reviewer,
                format!("verdict `{}` has no reviewer", rule.verdict),
                "leave `reviewer` out, or make the verdict `review`",
            ));
        }
        match Condition::compile(&rule.when, &self.schema) {
            Ok(condition) => self.sound.rules.push(Rule {
                file: policy.to_owned(),
                id: rule.id.value,
                condition,
                verdict: rule.verdict,
                // Reasons are put into sentences.
                reason: rule.reason.trim().trim_end_matches('.').to_owned(),
                reviewer: rule.reviewer.map(|reviewer| reviewer.value),
            }),
            Err(why) => {
                self.found.push(rule.when.condition_error(source.file, source.text, &why));
            }
        }
    }

    fn check_redaction(&mut self, source: Source<'_>, entry: RedactEntry) {
        let RedactEntry { kind, pattern, words, validator } = entry;
        let mut sound_parts = self.check_kind(source, &kind);
        if let Some(pattern) = &pattern
            && let Some((message, help)) = problem(pattern)
        {
            sound_parts = false;
            self.found.push(source.error(pattern, message, help));
        }
        if pattern.is_none() && words.is_empty() {
            sound_parts = false;
            self.found.push(source.error(
                &kind,
                format!("nothing says how `{}` is recognised", &*kind),
                "give it a `pattern` or `words`",
            ));
        }
        for word in words.iter().filter(|word| word.trim().is_empty()) {
            sound_parts = false;
            self.found.push(source.error(word, "the word is empty", "take it out"));
        }
        if let Some(name) = validator.as_ref().filter(|name| !VALIDATORS.contains(&name.as_str())) {
            sound_parts = false;
            let help = suggest::help(name, VALIDATORS).unwrap_or_default();
            self.found.push(source.error(name, format!("`{}` is no validator", &**name), &help));
        }
        if sound_parts {
            self.sound.redaction.patterns.push(Pattern {
                kind: kind.value,
                expression: pattern.map(|pattern| pattern.value),
                words: words.into_iter().map(|word| word.value).collect(),
                validator: validator.map(|name| name.value),
            });
        }
    }

    fn check_unredacted(&mut self, source: Source<'_>, kind: Spanned<String>) {
        if ALWAYS.contains(&kind.as_str()) {
            self.found.push(source.error(
                &kind,
                format!("`{}` is always redacted", &*kind),
                "no model may see secrets, cards and national ids",
            ));
        } else if !BUILT_IN.contains(&kind.as_str()) {
            let known = BUILT_IN.into_iter().filter(|name| !ALWAYS.contains(name));
            let help = suggest::help(&kind.to_uppercase(), known).unwrap_or_default();
            let message = format!("`{}` is no built-in type of personal data", &*kind);
            self.found.push(source.error(&kind, message, &help));
        } else if !self.sound.redaction.seen.contains(&kind.value) {
            self.sound.redaction.seen.push(kind.value);
        }
    }

    /// Whether a placeholder can have this type.
    fn check_kind(&mut self, source: Source<'_>, kind: &Spanned<String>) -> bool {
        let sound = kind.len() <= 32
            && kind
                .split('_')
                .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase()));
        if !sound {
            self.found.push(source.error(
                kind,
                format!("`{}` is not a name for placeholders", &**kind),
                "use up to 32 capital letters and single `_`, such as `CUSTOMER_NO`",
            ));
        }
        sound
    }

    fn check_restore(&mut self, source: Source<'_>, entry: RestoreEntry) {
        self.check_kind(source, &entry.kind);
        if *entry.allow && entry.to == Reader::Customer && ALWAYS.contains(&entry.kind.as_str()) {
            self.found.push(source.error(
                &entry.allow,
                format!("`{}` never goes to a customer", &*entry.kind),
                "leave the entry out; secrets, cards and national ids stay in whatever policy says",
            ));
        }
        self.sound.releases.push(Release {
            kind: entry.kind.value,
            to: entry.to,
            allow: entry.allow.value,
        });
    }

    fn check_retention(&mut self, source: Source<'_>, retention: &RetentionEntry) {
        let kept = retention.placeholders.value.get();
        if kept > LONGEST {
            self.found.push(source.error(
                &retention.placeholders,
                "placeholders are kept for longer than a year",
                "keep them for a year at most: `365d`; the letters themselves are kept apart",
            ));
        }
        self.sound.placeholders.push(kept);
    }

    fn check_budgets(&mut self, source: Source<'_>, budgets: BudgetEntry) {
        let nothing = [
            budgets.model_calls_per_run.as_ref().map(|n| n.clone().map(u64::from)),
            budgets.tokens_per_run.clone(),
            budgets.steps_per_run.as_ref().map(|n| n.clone().map(u64::from)),
        ];
        for number in nothing.into_iter().flatten().filter(|number| number.value == 0) {
            self.found.push(source.error(
                &number,
                "a budget of 0 stops every run",
                "write at least 1; to stop sending there is `playgate kill`",
            ));
        }
        self.sound.budgets.push(budgets);
    }

    fn check_models(&mut self, source: Source<'_>, models: ModelEntry) {
        for name in models.allow.iter().filter(|name| name.trim().is_empty()) {
            self.found.push(source.error(
                name,
                "the name of a model is empty",
                "write its name, or `*` for any",
            ));
        }
        self.sound.models.push(models.allow.into_iter().map(|name| name.value).collect());
    }

    /// Names of policies and rules appear in file names, events and addresses.
    fn check_id(&mut self, source: Source<'_>, id: &Spanned<String>) {
        let sound = (1..=80).contains(&id.len())
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !sound {
            self.found.push(source.error(
                id,
                format!("`{}` is not a name", &**id),
                "use up to 80 lower-case letters, digits and `-`, beginning with a letter",
            ));
        }
    }

    fn check_words(&mut self, source: Source<'_>, text: &Spanned<String>, key: &str, most: usize) {
        let length = text.trim().chars().count();
        if length == 0 {
            let help = "people read it to understand a verdict";
            self.found.push(source.error(text, format!("`{key}` is empty"), help));
        } else if length > most {
            let message = format!("`{key}` is {length} characters long, at most {most}");
            self.found.push(source.error(text, message, "say it in a sentence"));
        }
    }
}

/// A key written into a policy file would be read by everybody who may read policies.
fn no_keys_here(found: Diagnostic) -> Diagnostic {
    let asked = ["keys", "master_key", "master", "key"];
    if asked.iter().any(|key| found.message.starts_with(&format!("unknown key `{key}`"))) {
        return found.with_help(
            "keys never stand in a policy: name where the master key is in the configuration, by \
             `keys.master_env`, `keys.master_file` or `keys.master_command`"
                .to_owned(),
        );
    }
    found
}

/// The last line of a regular expression's error, which says what is wrong.
fn last(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
