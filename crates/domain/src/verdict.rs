//! What policy says of an intent, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{account::words, action::Team};

words! {
    /// What may happen to an intent. Ordered by strictness, so verdicts combine with `max`.
    Verdict { Allow = "allow", Review = "review", Forbid = "forbid" }
}
words! {
    /// When policy was asked.
    Occasion { Intent = "intent", Draft = "draft", Edit = "edit", Decision = "decision", Send = "send" }
}

/// A rule that matched, with what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matched {
    /// The policy file's name.
    pub file: String,
    /// The rule's id.
    pub rule: String,
    /// What the rule asks for.
    pub verdict: Verdict,
    /// Why, in the words of the policy's owner.
    pub reason: String,
    /// Who must look, for a review.
    pub reviewer: Option<Team>,
}

/// The answer of the active policy to one intent, with everything needed to explain it later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// When policy was asked.
    pub occasion: Occasion,
    /// The strictest verdict of all rules that matched.
    pub verdict: Verdict,
    /// Content hash of the policy that judged, in hex.
    pub policy: String,
    /// Every rule that matched, strictest first.
    pub matched: Vec<Matched>,
    /// How many rules were evaluated.
    pub evaluated: usize,
}

impl Judgement {
    /// The verdict and its reasons in one plain sentence.
    pub fn in_words(&self) -> String {
        let says = match self.verdict {
            Verdict::Allow => "Allowed",
            Verdict::Review => "Needs review",
            Verdict::Forbid => "Forbidden",
        };
        let reasons: Vec<String> = self
            .matched
            .iter()
            .filter(|matched| matched.verdict == self.verdict)
            .map(|matched| format!("{} (rule {}/{})", matched.reason, matched.file, matched.rule))
            .collect();
        if reasons.is_empty() {
            format!("{says}: no rule asks for more.")
        } else {
            format!("{says}: {}.", reasons.join("; "))
        }
    }
}
