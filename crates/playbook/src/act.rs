//! A step that acts, and how it becomes an action with its texts filled in.

use std::sync::Arc;

use domain::{
    action::{Action, ActionName, FieldUpdate, OutOfBounds, Outreach, TaskSpec, Team},
    record::SurveyKind,
    snapshot::Snapshot,
};
use jiff::{SignedDuration, tz::TimeZone};
use serde_json::Value;

use crate::{
    asset::Asset,
    text::{self, TextError},
};

/// The longest title, in characters.
const TITLE: usize = 200;
/// The longest reason or notice, in characters.
const PARAGRAPH: usize = 2000;

/// Why a step's action cannot be made from these facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A text does not render with these facts.
    #[error("{what}: {why}")]
    Template {
        /// Which text.
        what: &'static str,
        /// Why, without any value of the facts.
        why: String,
    },
    /// A parameter is beyond its bounds.
    #[error(transparent)]
    OutOfBounds(#[from] OutOfBounds),
    /// The step answers an open ticket, and the account has none.
    #[error("account has no open ticket to answer; give the step `if: tickets.open > 0`")]
    NoOpenTicket,
}

fn template(what: &'static str, error: TextError) -> RenderError {
    RenderError::Template { what, why: error.message }
}

/// One bounded action of a playbook, before its texts are filled in.
#[derive(Clone, Debug)]
pub enum Act {
    /// Classify the account's risk.
    RouteRisk {
        /// Prompt to use.
        prompt: String,
    },
    /// Sum the account up.
    SummarizeAccount {
        /// Prompt to use.
        prompt: String,
    },
    /// Give a person work without waiting for it.
    CreateTask(Work),
    /// Put the account in a team role's hands.
    AssignOwner {
        /// Whose.
        to: Team,
        /// Template.
        reason: String,
    },
    /// Set a field of the account.
    UpdateField(FieldUpdate),
    /// Tell a team something.
    NotifyTeam {
        /// Whom.
        team: Team,
        /// Template.
        text: String,
    },
    /// Hand the account up.
    Escalate {
        /// Whom to.
        to: Team,
        /// Template.
        reason: String,
        /// Time until somebody must have acted.
        due: SignedDuration,
    },
    /// Write to a contact.
    SendEmail(Outreach),
    /// Ask a contact one survey question.
    SendSurvey {
        /// The message.
        outreach: Outreach,
        /// Which question.
        survey: SurveyKind,
    },
    /// Propose a meeting to a contact.
    ProposeMeeting {
        /// The message.
        outreach: Outreach,
        /// Length in minutes.
        minutes: u16,
        /// Not before this time has passed.
        after: SignedDuration,
    },
    /// Answer the newest open ticket.
    AnswerTicket {
        /// The message.
        outreach: Outreach,
    },
}

/// Work for a person, before its texts are filled in.
#[derive(Clone, Debug)]
pub struct Work {
    /// Whose work it is.
    pub team: Team,
    /// Template.
    pub title: String,
    /// Material shown with it.
    pub asset: Option<Arc<Asset>>,
    /// Time until it is due.
    pub due: SignedDuration,
}

impl Work {
    /// The work, with title and material filled in from a plan's facts.
    pub fn spec(&self, facts: &Value) -> Result<TaskSpec, RenderError> {
        let title = text::render_line(&self.title, facts, TITLE)
            .map_err(|error| template("title", error))?;
        let body = match &self.asset {
            Some(asset) => asset
                .render(facts.get("material").unwrap_or(&Value::Null))
                .map_err(|error| template("asset", error))?,
            None => String::new(),
        };
        let spec = TaskSpec { team: self.team, title, body, due: self.due };
        Action::CreateTask(spec.clone()).check()?;
        Ok(spec)
    }
}

/// Work a run waits for.
#[derive(Clone, Debug)]
pub struct HumanTask {
    /// The work.
    pub work: Work,
    /// How long the run waits; without end when none.
    pub up_to: Option<SignedDuration>,
}

impl HumanTask {
    /// The work, with title and material filled in from a plan's facts.
    pub fn spec(&self, facts: &Value) -> Result<TaskSpec, RenderError> {
        self.work.spec(facts)
    }
}

impl Act {
    /// The action, with its texts filled in from a plan's facts and every bound checked.
    pub fn action(&self, facts: &Value, snapshot: &Snapshot) -> Result<Action, RenderError> {
        let line = |what, text: &str, most| {
            text::render_line(text, facts, most).map_err(|error| template(what, error))
        };
        let action = match self {
            Self::RouteRisk { prompt } => Action::RouteRisk { prompt: prompt.clone() },
            Self::SummarizeAccount { prompt } => {
                Action::SummarizeAccount { prompt: prompt.clone() }
            }
            Self::CreateTask(work) => Action::CreateTask(work.spec(facts)?),
            Self::AssignOwner { to, reason } => {
                Action::AssignOwner { to: *to, reason: line("reason", reason, PARAGRAPH)? }
            }
            Self::UpdateField(update) => Action::UpdateField(update.clone()),
            Self::NotifyTeam { team, text } => {
                Action::NotifyTeam { team: *team, text: line("text", text, PARAGRAPH)? }
            }
            Self::Escalate { to, reason, due } => {
                Action::Escalate { to: *to, reason: line("reason", reason, PARAGRAPH)?, due: *due }
            }
            Self::SendEmail(outreach) => Action::SendEmail(outreach.clone()),
            Self::SendSurvey { outreach, survey } => {
                Action::SendSurvey { outreach: outreach.clone(), survey: *survey }
            }
            Self::ProposeMeeting { outreach, minutes, after } => {
                let earliest = snapshot.at.checked_add(*after).unwrap_or(snapshot.at);
                Action::ProposeMeeting {
                    outreach: outreach.clone(),
                    minutes: *minutes,
                    earliest: earliest.to_zoned(TimeZone::UTC).date(),
                }
            }
            Self::AnswerTicket { outreach } => {
                let open = snapshot.recent_tickets.iter().find(|ticket| ticket.open);
                let ticket = open.ok_or(RenderError::NoOpenTicket)?.source_id.clone();
                Action::AnswerTicket { outreach: outreach.clone(), ticket }
            }
        };
        action.check()?;
        Ok(action)
    }

    /// Whether a text of it is filled in with facts before policy is asked.
    pub(crate) const fn looks_at_facts(&self) -> bool {
        match self {
            Self::CreateTask(_)
            | Self::AssignOwner { .. }
            | Self::NotifyTeam { .. }
            | Self::Escalate { .. } => true,
            Self::RouteRisk { .. }
            | Self::SummarizeAccount { .. }
            | Self::UpdateField(_)
            | Self::SendEmail(_)
            | Self::SendSurvey { .. }
            | Self::ProposeMeeting { .. }
            | Self::AnswerTicket { .. } => false,
        }
    }

    /// Which entry of the catalogue it is.
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

    /// The message a contact would get.
    pub const fn outreach(&self) -> Option<&Outreach> {
        match self {
            Self::SendEmail(outreach)
            | Self::SendSurvey { outreach, .. }
            | Self::ProposeMeeting { outreach, .. }
            | Self::AnswerTicket { outreach } => Some(outreach),
            _ => None,
        }
    }

    /// Whether it reaches a contact.
    pub const fn is_message(&self) -> bool {
        self.outreach().is_some()
    }

    /// The prompt it works with, where a model has a part in it.
    pub fn prompt(&self) -> Option<&str> {
        match self {
            Self::RouteRisk { prompt } | Self::SummarizeAccount { prompt } => Some(prompt),
            other => other.outreach().map(|outreach| outreach.prompt.as_str()),
        }
    }
}
