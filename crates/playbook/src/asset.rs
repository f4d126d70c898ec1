//! Material a step hands to a person or a writer: a Markdown file with front matter.

use notation::{Diagnostic, Place, Spanned, yaml};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

use crate::{
    facts,
    text::{self, TextError},
    word::words,
};

words! {
    /// What an asset is (AS-01).
    AssetKind {
        /// A letter to a contact.
        EmailTemplate = "email_template",
        /// What to say on the phone.
        CallScript = "call_script",
        /// What to go through in a meeting.
        MeetingAgenda = "meeting_agenda",
        /// What to show.
        Presentation = "presentation",
        /// How to do something.
        Guide = "guide",
        /// Answers to what customers ask.
        Faq = "faq",
    }
}

/// Material of a playbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Its file's name without folder and ending.
    pub name: String,
    /// What it is.
    pub kind: AssetKind,
    /// The subject line of an e-mail template, itself a template.
    pub subject: Option<Spanned<String>>,
    /// The file as it is, front matter included.
    pub text: String,
    /// Where the body begins in `text`.
    body: usize,
}

/// What an asset says of itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    kind: Spanned<AssetKind>,
    subject: Option<Spanned<String>>,
}

impl Asset {
    /// The template below the front matter.
    pub fn body(&self) -> &str {
        &self.text[self.body..]
    }

    /// The body, filled with the facts of `material`.
    pub(crate) fn render(&self, material: &Value) -> Result<String, TextError> {
        text::render(self.body(), material).map(|body| body.trim().to_owned())
    }

    /// Reads an asset; adds what is wrong to `found`.
    pub(crate) fn read(
        file: &str,
        name: &str,
        whole: &str,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let before = found.len();
        let Some((front_end, body)) = split(whole) else {
            let message = "asset does not begin with front matter";
            let help = "begin with `---`, `kind: …`, `---`".to_owned();
            found.push(Diagnostic::error(file, whole, Place::START, message).with_help(help));
            return None;
        };
        let front: Front = match yaml::read(file, &whole[..front_end]) {
            Ok(front) => front,
            Err(errors) => {
                found.extend(errors.into_vec());
                return None;
            }
        };
        let kind = front.kind.value;
        match (&front.subject, kind) {
            (None, AssetKind::EmailTemplate) => found.push(
                front
                    .kind
                    .error(file, whole, "an e-mail template needs a `subject`")
                    .with_help("add `subject: …` below `kind`".to_owned()),
            ),
            (Some(subject), kind) if kind != AssetKind::EmailTemplate => found.push(subject.error(
                file,
                whole,
                format!("a {kind} has no use for a `subject`"),
            )),
            _ => {}
        }
        if whole[body..].trim().is_empty() {
            found.push(Diagnostic::error(file, whole, Place::START, "asset has no text"));
        }
        (found.len() == before).then(|| Self {
            name: name.to_owned(),
            kind,
            subject: front.subject,
            text: whole.to_owned(),
            body,
        })
    }

    /// Renders the asset with samples; adds what is wrong to `found`.
    pub(crate) fn check(&self, file: &str, results: &Value, found: &mut Vec<Diagnostic>) {
        let letter = self.kind == AssetKind::EmailTemplate;
        for (material, full) in facts::sample_materials(letter, results).iter().zip([true, false]) {
            let problem = self.subject_problem(material).or_else(|| {
                let error = text::render(self.body(), material).err()?;
                let at = self.body + error.offset;
                Some((Place::of_offset(&self.text, at, error.len), error.message))
            });
            if let Some((place, message)) = problem {
                // With everything known it rendered, so what it lacks is only sometimes there.
                let help = (!full).then(|| {
                    "not always known; ask first: {% if csm.name %}{{ csm.name }}{% endif %}"
                        .to_owned()
                });
                found.push(Diagnostic::error(file, &self.text, place, message).with_help(help));
                return;
            }
        }
    }

    /// What is wrong with the subject line, and where.
    fn subject_problem(&self, material: &Value) -> Option<(Place, String)> {
        let subject = self.subject.as_ref()?;
        let line = self.text.lines().nth(subject.place.line - 1).unwrap_or_default();
        let last = subject.place_within(&self.text, subject.len().saturating_sub(1), 1);
        if !line.starts_with("subject") || last.line != subject.place.line {
            let message = "`subject` must stand on one line, bare or in quotes".to_owned();
            return Some((subject.place, message));
        }
        match text::render_line(subject, material, usize::MAX) {
            Ok(line) if line.is_empty() => Some((subject.place, "subject is empty".to_owned())),
            Ok(_) => None,
            Err(error) => {
                Some((subject.place_within(&self.text, error.offset, error.len), error.message))
            }
        }
    }
}

/// Where the front matter ends and where the body begins.
fn split(whole: &str) -> Option<(usize, usize)> {
    let mut lines = whole.split_inclusive('\n');
    let mut at = lines.next().filter(|line| line.trim_end() == "---")?.len();
    for line in lines {
        if line.trim_end() == "---" {
            return Some((at, at + line.len()));
        }
        at += line.len();
    }
    None
}
