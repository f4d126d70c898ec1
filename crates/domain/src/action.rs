//! The closed catalogue of bounded actions: what a playbook step may do, and within which bounds.

use jiff::{SignedDuration, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    account::{Lifecycle, words},
    contact::ContactRole,
    intent::{Channel, MessageClass},
    record::SurveyKind,
};

words! {
    /// The name of an action, as playbooks, policies and audit events write it (AI-02).
    ActionName {
        RouteRisk = "route_risk",
        SummarizeAccount = "summarize_account",
        CreateTask = "create_task",
        AssignOwner = "assign_owner",
        UpdateField = "update_field",
        NotifyTeam = "notify_team",
        Escalate = "escalate",
        SendEmail = "send_email",
        SendSurvey = "send_survey",
        ProposeMeeting = "propose_meeting",
        AnswerTicket = "answer_ticket",
    }
}
words! {
    /// Who notices the effect of an action.
    Audience { Internal = "internal", Customer = "customer" }
}
words! {
    /// Whom work inside the team goes to.
    Team {
        Csm = "csm",
        CsmManager = "csm_manager",
        CsOps = "cs_ops",
        Support = "support",
        Sales = "sales",
        Product = "product",
        Leader = "leader",
    }
}
words! {
    /// How bad a risk is.
    Severity { Low = "low", Medium = "medium", High = "high" }
}
words! {
    /// What a risk is about.
    RiskCategory {
        Adoption = "adoption",
        Support = "support",
        Sponsor = "sponsor",
        Commercial = "commercial",
        Sentiment = "sentiment",
        None = "none",
    }
}

impl ActionName {
    /// Who notices the effect. Everything a customer notices passes the approval queue.
    pub const fn audience(self) -> Audience {
        match self {
            Self::RouteRisk
            | Self::SummarizeAccount
            | Self::CreateTask
            | Self::AssignOwner
            | Self::UpdateField
            | Self::NotifyTeam
            | Self::Escalate => Audience::Internal,
            Self::SendEmail | Self::SendSurvey | Self::ProposeMeeting | Self::AnswerTicket => {
                Audience::Customer
            }
        }
    }

    /// Whether a model has a part in it.
    pub const fn uses_model(self) -> bool {
        matches!(
            self,
            Self::RouteRisk
                | Self::SummarizeAccount
                | Self::SendEmail
                | Self::SendSurvey
                | Self::ProposeMeeting
                | Self::AnswerTicket
        )
    }
}

/// A field of an account that a playbook may set, with the value it may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "field", content = "value", rename_all = "snake_case")]
pub enum FieldUpdate {
    /// Move the account on its journey.
    Lifecycle(Lifecycle),
}

/// An action with its parameters filled in: what an intent asks for.
///
/// Texts are rendered already; recipients, classes and channels come from the playbook and the
/// CRM, never from a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Let the model (or the offline rules) classify the account's risk.
    RouteRisk {
        /// Prompt to use.
        prompt: String,
    },
    /// Let the model sum the account up for colleagues.
    SummarizeAccount {
        /// Prompt to use.
        prompt: String,
    },
    /// Give a person work.
    CreateTask(TaskSpec),
    /// Put the account in a team role's hands.
    AssignOwner {
        /// Whose.
        to: Team,
        /// Why, for the record.
        reason: String,
    },
    /// Set one field of the account.
    UpdateField(FieldUpdate),
    /// Tell a team something.
    NotifyTeam {
        /// Whom.
        team: Team,
        /// What, at most 2,000 characters.
        text: String,
    },
    /// Hand the account up with a reason and a due time.
    Escalate {
        /// Whom to.
        to: Team,
        /// Why, at most 2,000 characters.
        reason: String,
        /// By when somebody must have acted.
        due: SignedDuration,
    },
    /// Write to a contact.
    SendEmail(Outreach),
    /// Ask a contact one survey question.
    SendSurvey {
        /// The message.
        #[serde(flatten)]
        outreach: Outreach,
        /// Which question.
        survey: SurveyKind,
    },
    /// Propose a meeting to a contact.
    ProposeMeeting {
        /// The message.
        #[serde(flatten)]
        outreach: Outreach,
        /// Length in minutes, 15 to 120.
        minutes: u16,
        /// Not before this day.
        earliest: Date,
    },
    /// Answer a contact's ticket.
    AnswerTicket {
        /// The message.
        #[serde(flatten)]
        outreach: Outreach,
        /// The ticket's id in its source.
        ticket: String,
    },
}

/// Work for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskSpec {
    /// Whose work it is.
    pub team: Team,
    /// One line, at most 200 characters.
    pub title: String,
    /// Material shown with the task, Markdown; may be empty.
    pub body: String,
    /// Time from creation until it is due.
    pub due: SignedDuration,
}

/// A message to a contact, before it is drafted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outreach {
    /// Roles to write to, first match wins.
    pub to: Vec<ContactRole>,
    /// What kind of message this is in law; never chosen by a model (GV-32).
    pub class: MessageClass,
    /// How it travels.
    pub channel: Channel,
    /// The playbook's asset to start from.
    pub asset: String,
    /// The prompt to draft with.
    pub prompt: String,
}

impl Action {
    /// Which entry of the catalogue this is.
    pub const fn name(&self) -> ActionName {
        match self {
            Self::RouteRisk { .. } => ActionName::RouteRisk,
            Self::SummarizeAccount { .. } => ActionName::SummarizeAccount,
            Self::CreateTask(_) => ActionName::CreateTask,
            Self::AssignOwner { .. } => ActionName::AssignOwner,
            Self::UpdateField(_) => ActionName::UpdateField,
            Self::NotifyTeam { .. } => ActionName::NotifyTeam,
            Self::Escalate { .. } => ActionName::Escalate,
            Self::SendEmail(_) => ActionName::SendEmail,
            Self::SendSurvey { .. } => ActionName::SendSurvey,
            Self::ProposeMeeting { .. } => ActionName::ProposeMeeting,
            Self::AnswerTicket { .. } => ActionName::AnswerTicket,
        }
    }

    /// The message a customer would get, for customer-facing actions.
    pub const fn outreach(&self) -> Option<&Outreach> {
        match self {
            Self::SendEmail(outreach)
            | Self::SendSurvey { outreach, .. }
            | Self::ProposeMeeting { outreach, .. }
            | Self::AnswerTicket { outreach, .. } => Some(outreach),
            _ => None,
        }
    }

    /// Checks every parameter against its bounds.
    pub fn check(&self) -> Result<(), OutOfBounds> {
        let limit = |field, text: &str, most: usize| match text.chars().count() {
            0 => Err(OutOfBounds { field, bound: "must not be empty".to_owned() }),
            n if n > most => {
                Err(OutOfBounds { field, bound: format!("is {n} characters long, at most {most}") })
            }
            _ => Ok(()),
        };
        let due = |due: &SignedDuration| {
            if (SignedDuration::from_mins(5)..=SignedDuration::from_hours(24 * 180)).contains(due) {
                Ok(())
            } else {
                Err(OutOfBounds { field: "due", bound: "must be 5 minutes to 180 days".to_owned() })
            }
        };
        if let Some(outreach) = self.outreach() {
            limit("asset", &outreach.asset, 100)?;
            limit("prompt", &outreach.prompt, 100)?;
            if outreach.to.is_empty() {
                return Err(OutOfBounds { field: "to", bound: "names no role".to_owned() });
            }
        }
        match self {
            Self::RouteRisk { prompt } | Self::SummarizeAccount { prompt } => {
                limit("prompt", prompt, 100)
            }
            Self::CreateTask(task) => {
                limit("title", &task.title, 200)?;
                if task.body.chars().count() > 20_000 {
                    return Err(OutOfBounds {
                        field: "body",
                        bound: "is longer than 20000 characters".to_owned(),
                    });
                }
                due(&task.due)
            }
            Self::AssignOwner { reason, .. } => limit("reason", reason, 2000),
            Self::NotifyTeam { text, .. } => limit("text", text, 2000),
            Self::Escalate { reason, due: by, .. } => {
                limit("reason", reason, 2000)?;
                due(by)
            }
            Self::ProposeMeeting { minutes, .. } if !(15..=120).contains(minutes) => {
                Err(OutOfBounds {
                    field: "minutes",
                    bound: format!("is {minutes}, must be 15 to 120"),
                })
            }
            Self::AnswerTicket { ticket, .. } => limit("ticket", ticket, 200),
            Self::UpdateField(_)
            | Self::SendEmail(_)
            | Self::SendSurvey { .. }
            | Self::ProposeMeeting { .. } => Ok(()),
        }
    }
}

/// A parameter beyond its bounds; the action cannot be scheduled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {bound}")]
pub struct OutOfBounds {
    /// The parameter.
    pub field: &'static str,
    /// What is wrong with it.
    pub bound: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ai_02_an_unknown_action_or_an_out_of_bounds_parameter_is_refused() {
        let unknown = serde_json::from_str::<Action>(r#"{"action":"run_shell","cmd":"rm"}"#);
        assert!(unknown.is_err());
        let long = Action::NotifyTeam { team: Team::Csm, text: "x".repeat(2001) };
        assert_eq!(long.check().unwrap_err().field, "text");
        let fine = Action::NotifyTeam { team: Team::Csm, text: "x".repeat(2000) };
        assert_eq!(fine.check(), Ok(()));
    }

    #[test]
    fn every_action_that_carries_a_message_is_customer_facing_and_no_other() {
        for name in ActionName::ALL {
            let customer = matches!(
                name,
                ActionName::SendEmail
                    | ActionName::SendSurvey
                    | ActionName::ProposeMeeting
                    | ActionName::AnswerTicket
            );
            assert_eq!(name.audience() == Audience::Customer, customer, "{name}");
        }
    }
}
