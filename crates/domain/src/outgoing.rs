//! What a text is held to on its way out, and what a breach of it means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::words;

words! {
    /// What something that does not belong in a text means for it.
    Response {
        /// A person must have looked.
        Review = "review",
        /// It does not go out.
        Block = "block",
    }
}

/// What a text is held to on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standards {
    /// Names, addresses, numbers, companies and invoices of other customers.
    pub other_customers: Response,
    /// Secrets, card numbers, bank accounts, national ids.
    pub secrets: Response,
    /// Words that only we use, and playbooks' names.
    pub vocabulary: Response,
    /// Blanks and placeholders that were left over, marks of our prompts.
    pub leftovers: Response,
    /// Links to hosts that are not allowed.
    pub links: Response,
    /// Images.
    pub images: Response,
    /// Those words, in any case.
    pub words: Vec<String>,
    /// Texts that only our prompts have.
    pub canaries: Vec<String>,
    /// Hosts that links may lead to, beside those in the playbook's own text and the customer's.
    pub hosts: Vec<String>,
    /// Names that are public and no leak, whoever is called so.
    pub public: Vec<String>,
}

impl Default for Standards {
    /// What holds where no policy says anything.
    fn default() -> Self {
        Self {
            other_customers: Response::Block,
            secrets: Response::Block,
            vocabulary: Response::Review,
            leftovers: Response::Block,
            links: Response::Review,
            images: Response::Block,
            words: ["health score", "risk class", "churn", "churn risk", "playbook"]
                .map(str::to_owned)
                .to_vec(),
            canaries: Vec::new(),
            hosts: Vec::new(),
            public: Vec::new(),
        }
    }
}

/// Which part of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The subject line.
    Subject,
    /// The text.
    Body,
}

/// Where in a letter something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Which part of the letter.
    pub part: Part,
    /// First byte, in UTF-8.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
    /// What it is: `other_name`, `card`, `link`.
    pub kind: String,
    /// The rule that found it, in words.
    pub rule: String,
}
