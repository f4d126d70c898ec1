//! The YAML a person writes, as types: what keys there are and what they hold.
//!
//! Keys that every playbook needs are optional here, so that the lint names all that are missing
//! and not the first.

use std::{borrow::Cow, fmt};

use domain::{
    account::Lifecycle,
    action::Team,
    contact::ContactRole,
    intent::{Channel, MessageClass},
    record::SurveyKind,
    run::Priority,
};
use notation::{Period, Spanned};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use crate::{
    metric::Metric,
    word::{Goal, Kind, Stage, Type},
};

/// A playbook: the trigger, the objective, the steps, the metrics and the pitfalls of one motion.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Playbook {
    /// Its name in kebab-case; equals the file's.
    #[serde(rename = "playbook")]
    #[schemars(required)]
    pub(crate) name: Option<Spanned<String>>,
    /// Its name for people.
    #[schemars(required)]
    pub(crate) title: Option<Spanned<String>>,
    /// A playbook for a customer outcome, or a reference to a process between roles.
    pub(crate) r#type: Option<Spanned<Type>>,
    /// Who answers for it, as a mail address.
    #[schemars(required)]
    pub(crate) owner: Option<Spanned<String>>,
    /// How mature a team must be to run it.
    #[schemars(required)]
    pub(crate) stage: Option<Spanned<Stage>>,
    /// What it is for.
    #[schemars(required)]
    pub(crate) goal: Option<Spanned<Goal>>,
    /// How it comes about.
    #[schemars(required)]
    pub(crate) kind: Option<Spanned<Kind>>,
    /// The motion this is a variant of.
    pub(crate) variant_of: Option<Spanned<String>>,
    /// What the customer and the company have when it worked.
    #[schemars(required)]
    pub(crate) objective: Option<Spanned<String>>,
    /// How long it takes.
    #[schemars(required)]
    pub(crate) duration: Option<Spanned<Duration>>,
    /// A condition (CEL) on the account: for whom it is.
    pub(crate) segment: Option<Spanned<String>>,
    /// The metrics that confirm it, by id.
    #[schemars(required)]
    pub(crate) metrics: Option<Spanned<Vec<Metric>>>,
    /// Principles it rests on.
    #[serde(default)]
    pub(crate) principles: Vec<String>,
    /// Domains it touches.
    #[serde(default)]
    pub(crate) domains: Vec<String>,
    /// What commonly goes wrong.
    #[schemars(required)]
    pub(crate) pitfalls: Option<Spanned<Vec<String>>>,
    /// What starts it.
    #[schemars(required)]
    pub(crate) trigger: Option<Spanned<Trigger>>,
    /// How often it may start for one account.
    pub(crate) once_per: Option<OncePer>,
    /// How soon its runs' turn comes while more is due than can be worked on; normal when absent.
    pub(crate) priority: Option<Spanned<Priority>>,
    /// Runs worked on at the same time, over all processes, 1 to 10000; no bound when absent.
    #[schemars(with = "Option<u32>", range(min = 1, max = 10_000))]
    pub(crate) concurrency: Option<Spanned<u32>>,
    /// Messages that may leave in any hour before sending of this playbook stops and a person has
    /// to look, 1 to 100000; as configured when absent.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100_000))]
    pub(crate) sends_per_hour: Option<Spanned<u32>>,
    /// What is done, in order.
    #[schemars(required)]
    pub(crate) steps: Option<Spanned<Vec<Spanned<Step>>>>,
}

/// How long a playbook takes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Duration {
    /// From, to.
    pub(crate) weeks: [u16; 2],
}

/// How often a playbook may start.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OncePer {
    /// At most once in this time for one account.
    pub(crate) account: Period,
}

/// What starts a playbook.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trigger {
    /// Which mechanism.
    pub(crate) on: Spanned<On>,
    /// The phase the account enters (`on: lifecycle`).
    pub(crate) enters: Option<Spanned<Lifecycle>>,
    /// The signal's kind, dotted and past tense (`on: event`).
    pub(crate) signal: Option<Spanned<String>>,
    /// Five cron fields (`on: schedule`).
    pub(crate) cron: Option<Spanned<String>>,
    /// IANA time zone of the schedule; UTC when absent.
    pub(crate) zone: Option<Spanned<String>>,
    /// A condition (CEL) on account, usage, tickets, survey, contract and signal.
    pub(crate) when: Option<Spanned<String>>,
}

/// The four mechanisms (TR-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum On {
    /// The account enters a phase of its journey.
    Lifecycle,
    /// Something happened at the customer's.
    Event,
    /// The clock.
    Schedule,
    /// A person.
    Manual,
}

/// One step. Exactly one key says what it does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Its name, unique in the playbook: `steps.<id>` is what it left behind.
    pub(crate) id: Spanned<String>,
    /// Its name for people.
    pub(crate) title: Option<Spanned<String>>,
    /// A condition (CEL); the step is skipped when it does not hold.
    pub(crate) r#if: Option<Spanned<String>>,
    /// Attempts before the run is stuck, 1 to 20; 5 when absent.
    pub(crate) retries: Option<Spanned<u32>>,
    /// How long an approval may wait; 14d when absent.
    pub(crate) timeout: Option<Spanned<Period>>,
    /// Have the account's risk classified.
    pub(crate) route_risk: Option<Spanned<Prompted>>,
    /// Have the account summed up for colleagues.
    pub(crate) summarize_account: Option<Spanned<Prompted>>,
    /// Give a person work, without waiting for it.
    pub(crate) create_task: Option<Spanned<CreateTask>>,
    /// Put the account in somebody's hands.
    pub(crate) assign_owner: Option<Spanned<AssignOwner>>,
    /// Set a field of the account.
    pub(crate) update_field: Option<Spanned<UpdateField>>,
    /// Tell a team something.
    pub(crate) notify_team: Option<Spanned<NotifyTeam>>,
    /// Hand the account up.
    pub(crate) escalate: Option<Spanned<Escalate>>,
    /// Write to a contact.
    pub(crate) send_email: Option<Spanned<SendEmail>>,
    /// Ask a contact one survey question.
    pub(crate) send_survey: Option<Spanned<SendSurvey>>,
    /// Propose a meeting to a contact.
    pub(crate) propose_meeting: Option<Spanned<ProposeMeeting>>,
    /// Answer a ticket.
    pub(crate) answer_ticket: Option<Spanned<AnswerTicket>>,
    /// Give a person work and wait for it.
    pub(crate) human_task: Option<Spanned<HumanTask>>,
    /// Wait for something to happen at the customer's.
    pub(crate) wait_for: Option<Spanned<WaitFor>>,
    /// Let time pass.
    pub(crate) wait: Option<Spanned<Period>>,
    /// Go on elsewhere: the first arm whose condition holds.
    pub(crate) branch: Option<Spanned<Vec<Spanned<Arm>>>>,
}

/// A step a model does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompted {
    /// Name of the prompt.
    pub(crate) prompt: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTask {
    /// Whose work it is.
    pub(crate) r#for: Team,
    /// One line; may hold `{{ account.name }}` and other facts.
    pub(crate) title: Spanned<String>,
    /// An asset shown with it.
    pub(crate) asset: Option<Spanned<String>>,
    /// Time until it is due.
    pub(crate) due: Spanned<Period>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HumanTask {
    /// Whose work it is.
    pub(crate) r#for: Team,
    /// One line; may hold `{{ account.name }}` and other facts.
    pub(crate) title: Spanned<String>,
    /// An asset shown with it.
    pub(crate) asset: Option<Spanned<String>>,
    /// Time until it is due.
    pub(crate) due: Spanned<Period>,
    /// How long the run waits for it; without end when absent.
    pub(crate) up_to: Option<Spanned<Period>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignOwner {
    /// Whose hands.
    pub(crate) to: Team,
    /// Why.
    pub(crate) reason: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateField {
    /// The phase to move the account to.
    pub(crate) lifecycle: Lifecycle,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotifyTeam {
    /// Whom.
    pub(crate) team: Team,
    /// What.
    pub(crate) text: Spanned<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Escalate {
    /// Whom to.
    pub(crate) to: Team,
    /// Why.
    pub(crate) reason: Spanned<String>,
    /// Time until somebody must have acted.
    pub(crate) due: Spanned<Period>,
}

/// Declares the keys of a message step: those all of them have, and its own.
macro_rules! message {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $of:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            /// Roles to write to; the first that has a contact is written to.
            pub(crate) to: Roles,
            /// What kind of message it is in law.
            pub(crate) class: MessageClass,
            /// How it travels; by e-mail when absent.
            pub(crate) channel: Option<Channel>,
            /// The asset to start from.
            pub(crate) asset: Spanned<String>,
            /// The prompt to draft with.
            pub(crate) prompt: Spanned<String>,
            $($(#[$field_doc])* pub(crate) $field: $of,)*
        }

        impl $name {
            /// The part all messages have.
            pub(crate) fn message(&self) -> Message<'_> {
                Message {
                    to: &self.to.0,
                    class: self.class,
                    channel: self.channel.unwrap_or(Channel::Email),
                    asset: &self.asset,
                    prompt: &self.prompt,
                }
            }
        }
    };
}

/// What every message step says.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) to: &'a [ContactRole],
    pub(crate) class: MessageClass,
    pub(crate) channel: Channel,
    pub(crate) asset: &'a Spanned<String>,
    pub(crate) prompt: &'a Spanned<String>,
}

message!(SendEmail {});
message!(SendSurvey {
    /// Which question.
    survey: SurveyKind,
});
message!(ProposeMeeting {
    /// Length, 15 to 120.
    minutes: Spanned<u16>,
    /// Not before this time has passed.
    r#in: Spanned<Period>,
});
message!(AnswerTicket {
    /// Which ticket.
    ticket: Ticket,
});

/// Which ticket to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ticket {
    /// The newest that is open.
    LatestOpen,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitFor {
    /// The signal's kind, dotted and past tense.
    pub(crate) signal: Spanned<String>,
    /// How long.
    pub(crate) up_to: Spanned<Period>,
}

/// One way a branch may go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arm {
    /// A condition (CEL); without one the arm is always taken.
    pub(crate) r#if: Option<Spanned<String>>,
    /// A later step, or `end`.
    pub(crate) go_to: Spanned<String>,
}

/// One contact role, or several in the order they are tried.
#[derive(Debug)]
pub(crate) struct Roles(pub(crate) Vec<ContactRole>);

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RolesVisitor;

        impl<'de> Visitor<'de> for RolesVisitor {
            type Value = Roles;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a contact role or a list of them")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Roles, E> {
                word.parse().map(|role| Roles(vec![role])).map_err(de::Error::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Roles, A::Error> {
                let mut roles = Vec::new();
                while let Some(role) = seq.next_element()? {
                    roles.push(role);
                }
                if roles.is_empty() {
                    return Err(de::Error::custom("names no contact role"));
                }
                Ok(Roles(roles))
            }
        }

        deserializer.deserialize_any(RolesVisitor)
    }
}

impl JsonSchema for Roles {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Roles")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let role = generator.subschema_for::<ContactRole>();
        json_schema!({
            "description": "One contact role, or several in the order they are tried.",
            "anyOf": [role, { "type": "array", "items": role, "minItems": 1 }],
        })
    }
}
