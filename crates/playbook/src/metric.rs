//! The closed registry of metrics a playbook may say it moves (PB-08, ME-21).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::word::words;

words! {
    /// A metric by its id; its formula is the product's, never a playbook's own.
    Metric {
        /// Customer health score.
        HealthScore = "health_score",
        /// Gross revenue retention.
        Grr = "grr",
        /// Net revenue retention.
        Nrr = "nrr",
        /// Share of customers kept.
        LogoRetention = "logo_retention",
        /// Share of customers lost.
        ChurnRate = "churn_rate",
        /// Time to value.
        Ttv = "ttv",
        /// Share of people who use the product.
        AdoptionRate = "adoption_rate",
        /// How many features they use.
        AdoptionDepth = "adoption_depth",
        /// Daily over monthly active people.
        DauMau = "dau_mau",
        /// Revenue grown with existing customers.
        ExpansionRevenue = "expansion_revenue",
        /// Share of accounts handed up.
        EscalationRate = "escalation_rate",
        /// Customer satisfaction.
        Csat = "csat",
        /// Net promoter score.
        Nps = "nps",
        /// Customer effort score.
        Ces = "ces",
        /// Customer lifetime value.
        Cltv = "cltv",
        /// AI-assisted resolution rate.
        Aiarr = "aiarr",
        /// Share of CSMs who work with drafts.
        CsmAiAdoption = "csm_ai_adoption",
    }
}
