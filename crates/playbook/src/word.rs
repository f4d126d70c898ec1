//! The words a playbook is sorted by: type, stage, goal and kind.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares an enum whose variants are words in playbook files.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            Serialize, Deserialize, JsonSchema,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for this value.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Whether a file is a playbook for a customer outcome or describes hand-offs (PB-15).
    Type {
        /// An operational guide for a customer outcome.
        Playbook = "playbook",
        /// A reference to a process between roles.
        ProcessRef = "process_ref",
    }
}
words! {
    /// How mature a team must be to run it (PB-10).
    Stage { Crawl = "crawl", Walk = "walk", Run = "run" }
}
words! {
    /// What it is for (PB-03).
    Goal {
        Adoption = "adoption",
        ChurnReduction = "churn_reduction",
        ConsistentOnboarding = "consistent_onboarding",
        BusinessReview = "business_review",
        Expansion = "expansion",
        Advocacy = "advocacy",
    }
}
words! {
    /// How it comes about (PB-04).
    Kind { Reactive = "reactive", Proactive = "proactive", BestPractice = "best_practice" }
}
