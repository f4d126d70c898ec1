//! A text written for an intent, by a model, by the offline writer or by a person.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    id::{ContentId, UserId},
    intent::{Channel, MessageClass, Recipient},
    outgoing::Place,
    verdict::Judgement,
};

/// Who wrote a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "author", rename_all = "snake_case")]
pub enum Author {
    /// A language model.
    Model {
        /// The model's name.
        model: String,
        /// Name of the prompt file.
        prompt: String,
        /// SHA-256 of the prompt file, in hex.
        prompt_hash: String,
    },
    /// The built-in writer that fills assets from data, without a model.
    Offline {
        /// Name of the prompt file.
        prompt: String,
        /// SHA-256 of the prompt file, in hex.
        prompt_hash: String,
    },
    /// A person, by editing.
    Person {
        /// Who.
        user: UserId,
    },
}

impl Author {
    /// How drafts, screens and metrics label the author: a model's name, `offline` or `person`.
    pub fn label(&self) -> &str {
        match self {
            Self::Model { model, .. } => model,
            Self::Offline { .. } => "offline",
            Self::Person { .. } => "person",
        }
    }
}

/// A fact that was given to the writer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// Short id drafts cite it by: `f1`.
    pub id: String,
    /// What it is: `Renewal date`.
    pub label: String,
    /// Its value as text.
    pub value: String,
    /// Where it came from: `account`, `usage`, `ticket T-17`.
    pub source: String,
}

/// The finding that a text from outside seems to give orders to a model. A person must look.
pub const INJECTION_SUSPECTED: &str = "injection-suspected";
/// The finding that a model's answer could not be used and the draft was made without it. A person
/// must look.
pub const MODEL_UNUSABLE: &str = "model-unusable";
/// The finding that a draft promises what neither facts nor asset do. A person must look.
pub const UNSUPPORTED_PROMISE: &str = "unsupported-promise";
/// The key of a step's result that says, by `true`, that the step read such a text: what later
/// steps of the run write is looked at by a person too.
pub const SUSPECTED: &str = "suspected";

/// Something a check found in a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable code: `unsupported-number`, `leak`, `placeholder`, `injection-suspected`.
    pub code: String,
    /// What was found, in words, without repeating personal data.
    pub detail: String,
    /// Whether the draft must not go out as it is.
    pub blocking: bool,
    /// Where it is, if it is somewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Finding {
    /// The code of what the exit found in a letter.
    pub const LEAK: &str = "leak";
    /// The code of a letter that could not be compared with other customers' data.
    pub const UNCHECKED: &str = "leak-unchecked";
}

/// The message itself: exactly what the recipient would get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Letter {
    /// Whom it goes to.
    pub recipient: Recipient,
    /// How it travels.
    pub channel: Channel,
    /// What kind of message it is in law.
    pub class: MessageClass,
    /// Subject line.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// Files that go with it.
    pub attachments: Vec<Attachment>,
}

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// The fingerprint of exactly what a person saw when they decided: recipient, channel, class,
/// subject, body, attachments and policy version. Any later change gives another fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Binding(String);

impl Binding {
    /// Computes the fingerprint. The content's random id is hashed in, so that equal letters to
    /// guessable addresses do not share one.
    pub fn of(content: ContentId, letter: &Letter, policy: &str) -> Self {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        field(content.to_string().as_bytes());
        field(letter.recipient.contact.to_string().as_bytes());
        field(letter.recipient.name.as_bytes());
        field(letter.recipient.address.as_bytes());
        field(letter.channel.as_str().as_bytes());
        field(letter.class.as_str().as_bytes());
        field(letter.subject.as_bytes());
        field(letter.body.as_bytes());
        for attachment in &letter.attachments {
            field(attachment.name.as_bytes());
            field(attachment.sha256.as_bytes());
        }
        field(policy.as_bytes());
        Self(hex::encode(hash.finalize()))
    }

    /// The fingerprint in hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a fingerprint back from where it was stored or sent.
    pub fn from_hex(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Display for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One version of a draft, without its text, which is sealed under `content`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// Counts from 1 within an approval.
    pub number: i64,
    /// Who wrote it.
    pub author: Author,
    /// Where the sealed [`Manuscript`] is.
    pub content: ContentId,
    /// What an approval of this version binds to.
    pub binding: Binding,
    /// What policy said of it.
    pub judgement: Judgement,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// The writer's own confidence from 0 to 1, where it gave one. A hint, no evidence.
    pub confidence: Option<f64>,
    /// Tokens read and written for this version.
    pub tokens: i64,
    /// What a person asked for, if this is a redraft.
    pub instruction: Option<String>,
    /// When it was written.
    pub at: Timestamp,
}

/// The personal part of a version, sealed under the recipient's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manuscript {
    /// The message.
    pub letter: Letter,
    /// The facts it was written from.
    pub facts: Vec<Fact>,
    /// Ids of the facts the writer says it used.
    pub used: Vec<String>,
    /// What the model saw, redacted; empty for a person's edit.
    pub seen_by_model: String,
    /// What was put back for placeholders in its answer, and what was not.
    #[serde(default)]
    pub restored: Vec<Restored>,
}

/// A placeholder in what the model wrote, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restored {
    /// The placeholder: `[PERSON_1_FIRST]`.
    pub placeholder: String,
    /// The type of what it stands for; none if it stands for nothing.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How often it stood there.
    pub count: u32,
    /// What was put in its place; none if it may not be, or stands for nothing.
    pub value: Option<String>,
}
