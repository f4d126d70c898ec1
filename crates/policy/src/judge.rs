//! The verdict: every rule is asked, the strictest that matches wins.

use std::cmp::Reverse;

use domain::{
    action::Audience,
    draft::{INJECTION_SUSPECTED, MODEL_UNUSABLE, UNSUPPORTED_PROMISE},
    verdict::{Judgement, Matched, Verdict},
};

use notation::Facts;

use crate::{
    outgoing,
    policy::{Policy, Rule},
    question::Question,
};

/// The file named where the product itself, not a policy file, asks for something.
pub const BUILT_IN: &str = "built-in";
/// The rule named where no rule covers a customer-facing action.
pub const UNCOVERED: &str = "uncovered-is-reviewed";
/// The rule named where a draft must be read by a person, whatever the files allow.
pub const DOUBTED: &str = "doubted-drafts-are-reviewed";

/// Findings no policy file can wave through, and why. The files may be stricter.
const DOUBTS: [(&str, &str); 3] = [
    (INJECTION_SUSPECTED, "a text from outside may hold orders to the model"),
    (MODEL_UNUSABLE, "the model's answer could not be used"),
    (UNSUPPORTED_PROMISE, "the draft promises what its asset does not"),
];

impl Policy {
    /// Judges an intent, with or without its draft. Pure: the same question gets the same answer.
    ///
    /// A rule that cannot be evaluated counts as asking for review. A draft with a finding that
    /// doubts it is reviewed whatever the files say. A customer-facing action that
    /// no rule covers is reviewed; an internal one is allowed.
    pub fn judge(&self, question: &Question<'_>) -> Judgement {
        let mut matched = matching(self.rules_about(question), question);
        matched.extend(question.draft.and_then(|draft| outgoing::exit(draft.findings)));
        if matched.is_empty() && question.intent.action.name().audience() == Audience::Customer {
            matched.push(Matched {
                file: BUILT_IN.to_owned(),
                rule: UNCOVERED.to_owned(),
                verdict: Verdict::Review,
                reason: "no rule covers this customer-facing action".to_owned(),
                reviewer: None,
            });
        }
        if let Some(reason) = doubt(question) {
            matched.push(Matched {
                file: BUILT_IN.to_owned(),
                rule: DOUBTED.to_owned(),
                verdict: Verdict::Review,
                reason: reason.to_owned(),
                reviewer: None,
            });
        }
        // Equally strict rules come in a fixed order, whatever the order of files.
        matched.sort_by(|a, b| {
            (Reverse(a.verdict), &a.file, &a.rule).cmp(&(Reverse(b.verdict), &b.file, &b.rule))
        });
        Judgement {
            occasion: question.occasion,
            verdict: matched.first().map_or(Verdict::Allow, |strictest| strictest.verdict),
            policy: self.version().to_owned(),
            matched,
            evaluated: self.rules().len(),
        }
    }
}

/// What the rules say that match; no fact is looked up when there is nobody to ask for it.
fn matching<'a>(rules: impl Iterator<Item = &'a Rule>, question: &Question<'_>) -> Vec<Matched> {
    let mut rules = rules.peekable();
    if rules.peek().is_none() {
        return Vec::new();
    }
    let facts = question.facts();
    let facts = Facts::new(&facts);
    rules
        .filter_map(|rule| match rule.condition.holds_of(&facts) {
            Ok(true) => Some(rule.matched(rule.verdict, rule.reason.clone())),
            Ok(false) => None,
            Err(_) => {
                let reason = format!("rule {} could not be evaluated", rule.id);
                Some(rule.matched(Verdict::Review, reason))
            }
        })
        .collect()
}

/// Why a person has to read this draft, whatever the policy files allow.
fn doubt(question: &Question<'_>) -> Option<&'static str> {
    let findings = question.draft.as_ref()?.findings;
    let doubted = DOUBTS
        .iter()
        .find(|(code, _)| findings.iter().any(|finding| finding.code == *code))
        .map(|(_, reason)| *reason);
    let blocked = || findings.iter().any(|finding| finding.blocking);
    doubted.or_else(|| blocked().then_some("a check found something that must be put right"))
}

impl Rule {
    fn matched(&self, verdict: Verdict, reason: String) -> Matched {
        Matched {
            file: self.file.clone(),
            rule: self.id.clone(),
            verdict,
            reason,
            reviewer: self.reviewer,
        }
    }
}

#[cfg(test)]
impl Policy {
    /// As [`Policy::judge`] finds it, with every rule asked in full.
    pub(crate) fn matching_of_all(&self, question: &Question<'_>) -> Vec<Matched> {
        matching(self.rules().iter(), question)
    }
}
