//! What each metric means: one formula, one source, one version.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::Serialize;

/// The formula behind a metric, in words a reader can check a number against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// Which metric.
    pub metric: Metric,
    /// What it is called on screens.
    pub title: &'static str,
    /// Raised when the formula changes, so that old and new values are not compared.
    pub version: u32,
    /// How it is computed, with its edge rules.
    pub formula: &'static str,
    /// Where the formula comes from, and the requirement it serves.
    pub source: &'static str,
    /// Whether more of it is good news.
    pub higher_is_better: bool,
}

/// A name that is no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a metric; the metrics are {known}", known = names())]
pub struct UnknownMetric(pub String);

fn names() -> String {
    Metric::ALL.iter().map(|metric| metric.as_str()).collect::<Vec<_>>().join(", ")
}

/// Declares the metrics: the word, the title, the version, the formula, the source, the direction.
macro_rules! metrics {
    ($($variant:ident = $word:literal, $title:literal, v $version:literal, $up:literal,
        $formula:literal, $source:literal;)+) => {
        /// The metrics the product can compute.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema,
        )]
        pub enum Metric {
            $(#[doc = $formula] #[doc = ""] #[doc = $source] #[serde(rename = $word)] $variant,)+
        }

        impl Metric {
            /// Every metric.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for this metric in files, APIs and the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What it means.
            pub const fn definition(self) -> Definition {
                match self {
                    $(Self::$variant => Definition {
                        metric: self,
                        title: $title,
                        version: $version,
                        formula: $formula,
                        source: $source,
                        higher_is_better: $up,
                    },)+
                }
            }
        }
    };
}

metrics! {
    AiAssistedResolution = "ai_assisted_resolution_rate", "AI-Assisted Resolution Rate", v 1, true,
        "Interventions closed in the period with documented material AI involvement / all \
         interventions closed. A drafted text counts only when at most 60 % of its words were \
         changed. Read beside CSAT and GRR.",
        "ME-01; Distilled CS, AI-Assisted Resolution Rate.";
    CsmAiAdoption = "csm_ai_adoption_rate", "CSM AI Adoption Rate", v 1, true,
        "CSMs with at least 3 AI-assisted interactions in the ISO week / CSMs active that week.",
        "ME-02; Distilled CS, CSM AI Adoption Rate.";
    Health = "health_score", "Customer Health Score", v 1, true,
        "Weighted mean of normalised indicators, 0 to 100; green from 75, yellow from 50.",
        "ME-03, NP-04.";
    Grr = "grr", "Gross Revenue Retention", v 1, true,
        "Sum over accounts of the smaller of ARR at the start and ARR at the end / sum of ARR at \
         the start. Accounts without ARR at the start are left out; expansion never offsets loss.",
        "ME-04; SMSB metrics standards, Gross Revenue Retention.";
    Nrr = "nrr", "Net Revenue Retention", v 1, true,
        "Sum of ARR at the end / sum of ARR at the start, over accounts with ARR at the start. An \
         account that came back without ARR at the start is left out.",
        "ME-05; SMSB metrics standards, Net Revenue Retention.";
    LogoRetention = "logo_retention", "Logo retention", v 1, true,
        "Paying accounts at the start that still pay at the end / paying accounts at the start. \
         Trials are left out; an account is lost when all its subscriptions have ended.",
        "ME-06.";
    ChurnRate = "churn_rate", "Customer churn rate", v 1, false,
        "Paying accounts at the start that no longer pay at the end / paying accounts at the start.",
        "ME-07; 1 − logo retention.";
    EscalationRate = "escalation_rate", "Escalation rate", v 1, false,
        "Accounts with at least one escalation in the period / active accounts.",
        "ME-13; Distilled CS, Escalation Rate.";
    ProductAdoption = "product_adoption_rate", "Product adoption rate", v 1, true,
        "People who used the product in the period / seats bought.",
        "ME-09; Distilled CS, Adoption Rate.";
    AdoptionDepth = "product_adoption_depth", "Product adoption depth", v 1, true,
        "Features used in the period / features in the plan.",
        "ME-10; Distilled CS, Adoption Depth.";
    Csat = "csat", "CSAT", v 1, true,
        "Answers of 4 or 5 / all answers on the scale from 1 to 5.",
        "ME-14.";
    Nps = "nps", "Net Promoter Score", v 1, true,
        "(Answers of 9 or 10 − answers of 0 to 6) / all answers, from −1 to 1; shown times 100.",
        "ME-15; Reichheld 2003, Harvard Business Review 81(12):46–54.";
    Ces = "ces", "Customer Effort Score", v 1, true,
        "Mean answer on the scale from 1 (hard) to 7 (easy).",
        "ME-16; Dixon, Freeman, Toman 2010, Harvard Business Review 88(7/8):116–122.";
    ApprovalRate = "approval_rate", "Approval rate", v 1, true,
        "(Approved as drafted + approved after an edit) / decided.",
        "AI-09; autonomy tiers.";
    CleanApprovalRate = "clean_approval_rate", "Clean approval rate", v 1, true,
        "Approved as drafted / decided.",
        "AI-13; autonomy tiers.";
    LightApprovalRate = "light_approval_rate", "Approved clean or with a light edit", v 1, true,
        "(Approved as drafted + approved with at most 15 % of the words changed) / decided.",
        "AI-13; its one-sided 95 % lower bound is what a tier is earned by.";
    EditRate = "edit_rate", "Edit rate", v 1, false,
        "Approved after an edit / approved.",
        "AI-09.";
    OverrideRate = "override_rate", "Override rate", v 1, false,
        "Risks a person routed differently from the AI / risks routed by the AI.",
        "AI-04.";
    ExpiryRate = "expiry_rate", "Expiry rate", v 1, false,
        "Items that expired undecided / items queued.",
        "AI-09.";
    AutoApprovalShare = "auto_approval_share", "Sent without a person", v 1, true,
        "Messages sent under a tier grant / messages sent.",
        "AI-08.";
    PolicyBlockRate = "policy_block_rate", "Policy block rate", v 1, false,
        "Intents policy forbade / intents judged.",
        "AI-06.";
    SamplingDisagreement = "sampling_disagreement", "Sampling disagreement", v 1, false,
        "Messages sent without a person that a reviewer would not have approved / those sampled.",
        "AI-13; at most 2 % for the highest tier.";
    MissedSeedRate = "missed_seed_rate", "Missed seeds", v 1, false,
        "Deliberately bad drafts that were approved / deliberately bad drafts decided.",
        "AI-09.";
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|metric| metric.as_str() == text)
            .ok_or_else(|| UnknownMetric(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn me_21_a_metric_has_one_name_and_one_formula() {
        for metric in Metric::ALL {
            assert_eq!(metric.as_str().parse(), Ok(*metric));
            let definition = metric.definition();
            assert_eq!(definition.metric, *metric);
            assert!(definition.version >= 1);
            assert!(definition.formula.len() > 20, "{metric} needs a formula");
        }
        let error = "vibes".parse::<Metric>().unwrap_err();
        assert!(error.to_string().contains("`vibes`"));
        assert!(error.to_string().contains("logo_retention"));
    }
}
