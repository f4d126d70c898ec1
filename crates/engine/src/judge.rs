//! Asks policy about an intent, with or without a draft.

use domain::{
    draft::{Author, Finding, Letter},
    intent::Intent,
    snapshot::Snapshot,
    verdict::{Judgement, Occasion},
};
use policy::{DraftFacts, Policy, Question};

/// A text to be judged, with who wrote it and what the checks found.
pub(crate) struct Text<'a> {
    pub(crate) letter: &'a Letter,
    pub(crate) author: &'a Author,
    pub(crate) findings: &'a [Finding],
    pub(crate) confidence: Option<f64>,
}

/// Policy's answer.
pub(crate) fn judge(
    policy: &Policy,
    occasion: Occasion,
    intent: &Intent,
    snapshot: &Snapshot,
    text: Option<&Text<'_>>,
) -> Judgement {
    let contact = intent
        .recipient
        .as_ref()
        .and_then(|to| snapshot.contacts.iter().find(|contact| contact.id == to.contact));
    let draft = text.map(|text| DraftFacts {
        author: text.author.label(),
        subject: &text.letter.subject,
        body: &text.letter.body,
        findings: text.findings,
        confidence: text.confidence,
    });
    policy.judge(&Question { occasion, intent, snapshot, contact, draft })
}
