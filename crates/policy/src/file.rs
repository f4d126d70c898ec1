//! A policy file as people write it.

use domain::{action::Team, port::Reader, verdict::Verdict};
use jiff::civil::Date;
use notation::{Period, Spanned};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::outgoing::OutgoingEntry;

/// What may happen to the actions of playbooks, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Playgate policy")]
pub(crate) struct PolicyFile {
    /// The policy's name: the file's name without `.yaml`.
    pub(crate) policy: Spanned<String>,
    /// E-mail address of whoever answers for it.
    pub(crate) owner: Spanned<String>,
    /// What it is for, in a sentence.
    pub(crate) purpose: Spanned<String>,
    /// The day by which somebody must have looked at it again.
    pub(crate) review_by: Spanned<Date>,
    /// Personal data that the built-in detectors do not know.
    #[serde(default)]
    pub(crate) redact: Vec<RedactEntry>,
    /// Built-in types of personal data that models may see, such as `IP_ADDRESS`.
    #[serde(default)]
    pub(crate) unredacted: Vec<Spanned<String>>,
    /// The rules; all are asked, the strictest verdict wins.
    #[serde(default)]
    pub(crate) rules: Vec<RuleEntry>,
    /// What one run may use up. Over several files the smallest number holds.
    #[serde(default)]
    pub(crate) budgets: Option<BudgetEntry>,
    /// Which models may be used. Over several files a model needs the consent of each.
    #[serde(default)]
    pub(crate) models: Option<ModelEntry>,
    /// What outgoing texts are held to. Over several files the strictest answer holds.
    #[serde(default)]
    pub(crate) outgoing: Option<OutgoingEntry>,
    /// What may be put back for whom, beyond what always holds: secrets, cards and national ids
    /// never go to a customer.
    #[serde(default)]
    pub(crate) restore: Vec<RestoreEntry>,
    /// How long personal data is kept. Over several files the shortest time holds.
    #[serde(default)]
    pub(crate) retention: Option<RetentionEntry>,
}

/// Whether values of a type may be put back for whoever reads the text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreEntry {
    /// A type of placeholder: `IBAN`, or one of your own.
    #[serde(rename = "type")]
    pub(crate) kind: Spanned<String>,
    /// Who reads the text.
    pub(crate) to: Reader,
    /// Whether they may see the value. Of several entries that differ, `false` holds.
    pub(crate) allow: Spanned<bool>,
}

/// How long personal data is kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionEntry {
    /// How long after a run is over what its placeholders stood for can still be opened: `30d`.
    pub(crate) placeholders: Spanned<Period>,
}

/// A type of personal data: found by pattern or words, or both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedactEntry {
    /// What its placeholder is called: `CUSTOMER_NO` gives `[CUSTOMER_NO_1]`.
    #[serde(rename = "type")]
    pub(crate) kind: Spanned<String>,
    /// A regular expression in the syntax of the Rust crate `regex`.
    #[serde(default)]
    pub(crate) pattern: Option<Spanned<String>>,
    /// Words, in any case, that stand alone: names of projects or sites.
    #[serde(default)]
    pub(crate) words: Vec<Spanned<String>>,
    /// A check that a match must pass besides: `luhn`, `mod97` or `verhoeff`.
    #[serde(default)]
    pub(crate) validator: Option<Spanned<String>>,
}

/// A rule.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleEntry {
    /// Its name, unique over all policy files.
    pub(crate) id: Spanned<String>,
    /// When it applies: a CEL condition over the facts of the account and over `intent`, `draft`,
    /// `contact` and `occasion`.
    pub(crate) when: Spanned<String>,
    /// What it asks for.
    pub(crate) verdict: Verdict,
    /// Why, in words for the people who see the verdict.
    pub(crate) reason: Spanned<String>,
    /// Who must look, for a review.
    #[serde(default)]
    pub(crate) reviewer: Option<Spanned<Team>>,
}

/// What one run may use up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the keys say of what they are the budget")]
pub(crate) struct BudgetEntry {
    /// Calls to a model.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) model_calls_per_run: Option<Spanned<u32>>,
    /// Tokens read and written.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) tokens_per_run: Option<Spanned<u64>>,
    /// Steps begun.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) steps_per_run: Option<Spanned<u32>>,
}

/// Which models may be used.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelEntry {
    /// Names; `*` stands for any characters. The built-in writer is called `offline`.
    pub(crate) allow: Vec<Spanned<String>>,
}
