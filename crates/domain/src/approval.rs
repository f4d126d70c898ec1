//! An item of the approval queue: a customer-facing draft waiting for a person.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    account::words,
    action::{ActionName, Severity, Team},
    draft::{Binding, Finding, Version},
    id::{AccountId, ApprovalId, ContactId, MessageId, RunId, UserId},
    intent::Channel,
    user::Actor,
    verdict::{Judgement, Verdict},
};

words! {
    /// Why a draft was rejected; the codes of the learning loop.
    RejectReason {
        WrongRecipient = "wrong_recipient",
        WrongTiming = "wrong_timing",
        Tone = "tone",
        FactError = "fact_error",
        NotNeeded = "not_needed",
        Policy = "policy",
        Duplicate = "duplicate",
        Sensitive = "sensitive",
        Other = "other",
    }
}
words! {
    /// The state of an approval as one word, for filters and lists.
    ApprovalStatus {
        Waiting = "waiting",
        Redrafting = "redrafting",
        Approved = "approved",
        Rejected = "rejected",
        Expired = "expired",
        Withdrawn = "withdrawn",
    }
}

/// Where an approval stands. Data lives in the state it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ApprovalState {
    /// Somebody has to look at it.
    Waiting {
        /// Not shown before this time, if set.
        snoozed_until: Option<Timestamp>,
    },
    /// Another version is being written.
    Redrafting {
        /// What was asked for.
        instruction: String,
    },
    /// It may go, exactly as bound.
    Approved {
        /// Who said so.
        by: Actor,
        /// When.
        at: Timestamp,
        /// What they saw.
        binding: Binding,
        /// The message that was put in the outbox.
        message: MessageId,
    },
    /// It will not go.
    Rejected {
        /// Who said so.
        by: Actor,
        /// When.
        at: Timestamp,
        /// Why.
        reason: RejectReason,
        /// In their words.
        note: String,
    },
    /// Nobody decided in time; it will not go.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// Its run ended under it, or a person in it was erased; it will not go.
    Withdrawn {
        /// When.
        at: Timestamp,
    },
}

impl ApprovalState {
    /// The state as one word.
    pub const fn status(&self) -> ApprovalStatus {
        match self {
            Self::Waiting { .. } => ApprovalStatus::Waiting,
            Self::Redrafting { .. } => ApprovalStatus::Redrafting,
            Self::Approved { .. } => ApprovalStatus::Approved,
            Self::Rejected { .. } => ApprovalStatus::Rejected,
            Self::Expired { .. } => ApprovalStatus::Expired,
            Self::Withdrawn { .. } => ApprovalStatus::Withdrawn,
        }
    }
}

/// A customer-facing draft waiting for, or settled by, a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Our id.
    pub id: ApprovalId,
    /// The run that waits for it.
    pub run: RunId,
    /// The step of that run.
    pub step: String,
    /// The playbook's name.
    pub playbook: String,
    /// The account.
    pub account: AccountId,
    /// The contact it would reach.
    pub contact: ContactId,
    /// What would be done.
    pub action: ActionName,
    /// How it would travel.
    #[serde(default)]
    pub channel: Channel,
    /// How carefully to look.
    pub risk: Severity,
    /// The role policy asks to look.
    pub team: Team,
    /// Who is to decide; none when nobody owns the account.
    pub assignee: Option<UserId>,
    /// When it entered the queue.
    pub queued_at: Timestamp,
    /// When it expires undecided.
    pub due_at: Timestamp,
    /// Where it stands.
    pub state: ApprovalState,
    /// Counts its changes; a write must name the revision it saw.
    pub revision: i64,
    /// The latest version of the draft.
    pub version: Version,
}

/// Why a decision was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecideError {
    /// Somebody was faster.
    #[error("approval `{id}` is {status} already{}", by_whom(by.as_ref(), *at))]
    Settled {
        /// Which.
        id: ApprovalId,
        /// How it was settled.
        status: ApprovalStatus,
        /// By whom.
        by: Option<Actor>,
        /// When.
        at: Option<Timestamp>,
    },
    /// A new version is being written; there is nothing to decide on.
    #[error("approval `{id}` is being redrafted; wait for the new version")]
    Redrafting {
        /// Which.
        id: ApprovalId,
    },
    /// The draft changed since the decider saw it.
    #[error("approval `{id}` changed since you saw it; look at version {version} and decide again")]
    Changed {
        /// Which.
        id: ApprovalId,
        /// The current version.
        version: i64,
    },
    /// Policy or a check does not let it go, whoever approves.
    #[error("approval `{id}` cannot be approved: {why}")]
    Forbidden {
        /// Which.
        id: ApprovalId,
        /// In words.
        why: String,
    },
}

fn by_whom(by: Option<&Actor>, at: Option<Timestamp>) -> String {
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
    by + &at
}

/// Proof that a message may go: made only by [`Approval::approve`] and
/// [`Approval::approve_by_policy`], and the only thing the outbox accepts.
#[derive(Debug)]
pub struct Approved {
    approval: ApprovalId,
    run: RunId,
    step: String,
    contact: ContactId,
    account: AccountId,
    channel: Channel,
    binding: Binding,
    content: crate::id::ContentId,
    message: MessageId,
}

impl Approved {
    /// The approval it comes from.
    pub const fn approval(&self) -> ApprovalId {
        self.approval
    }
    /// The run it belongs to.
    pub const fn run(&self) -> RunId {
        self.run
    }
    /// The step it belongs to.
    pub fn step(&self) -> &str {
        &self.step
    }
    /// The account it concerns.
    pub const fn account(&self) -> AccountId {
        self.account
    }
    /// The contact it reaches.
    pub const fn contact(&self) -> ContactId {
        self.contact
    }
    /// How it travels.
    pub const fn channel(&self) -> Channel {
        self.channel
    }
    /// What was seen.
    pub const fn binding(&self) -> &Binding {
        &self.binding
    }
    /// Where the sealed manuscript is.
    pub const fn content(&self) -> crate::id::ContentId {
        self.content
    }
    /// The message's id, and thereby its idempotency key: a function of run and step.
    pub const fn message(&self) -> MessageId {
        self.message
    }
}

impl Approval {
    /// Fails unless somebody can still decide.
    pub fn ensure_open(&self) -> Result<(), DecideError> {
        match &self.state {
            ApprovalState::Waiting { .. } => Ok(()),
            ApprovalState::Redrafting { .. } => Err(DecideError::Redrafting { id: self.id }),
            ApprovalState::Approved { by, at, .. } | ApprovalState::Rejected { by, at, .. } => {
                Err(self.settled(Some(by.clone()), Some(*at)))
            }
            ApprovalState::Expired { at } | ApprovalState::Withdrawn { at } => {
                Err(self.settled(None, Some(*at)))
            }
        }
    }

    fn settled(&self, by: Option<Actor>, at: Option<Timestamp>) -> DecideError {
        DecideError::Settled { id: self.id, status: self.state.status(), by, at }
    }

    /// Approves the version whose binding the decider saw. `judgement` is policy's answer at this
    /// moment; a forbidden intent or a blocking finding cannot be approved by anybody.
    pub fn approve(
        &mut self,
        by: Actor,
        at: Timestamp,
        seen: &Binding,
        judgement: &Judgement,
    ) -> Result<Approved, DecideError> {
        self.ensure_open()?;
        if *seen != self.version.binding {
            return Err(DecideError::Changed { id: self.id, version: self.version.number });
        }
        if judgement.verdict == Verdict::Forbid {
            return Err(DecideError::Forbidden { id: self.id, why: judgement.in_words() });
        }
        if let Some(Finding { detail, .. }) =
            self.version.findings.iter().find(|finding| finding.blocking)
        {
            return Err(DecideError::Forbidden { id: self.id, why: detail.clone() });
        }
        Ok(self.grant(by, at))
    }

    /// Approves on policy's word alone, which must be `allow` and must be the judgement of the
    /// version that goes out.
    pub fn approve_by_policy(&mut self, at: Timestamp) -> Result<Approved, DecideError> {
        self.ensure_open()?;
        if self.version.judgement.verdict != Verdict::Allow
            || self.version.findings.iter().any(|finding| finding.blocking)
        {
            return Err(DecideError::Forbidden {
                id: self.id,
                why: self.version.judgement.in_words(),
            });
        }
        Ok(self.grant(Actor::Policy, at))
    }

    fn grant(&mut self, by: Actor, at: Timestamp) -> Approved {
        let message = crate::message::id_of(self.run, &self.step);
        let binding = self.version.binding.clone();
        self.state = ApprovalState::Approved { by, at, binding: binding.clone(), message };
        Approved {
            approval: self.id,
            run: self.run,
            step: self.step.clone(),
            contact: self.contact,
            account: self.account,
            channel: self.channel,
            binding,
            content: self.version.content,
            message,
        }
    }

    /// Rejects the draft for good.
    pub fn reject(
        &mut self,
        by: Actor,
        at: Timestamp,
        reason: RejectReason,
        note: String,
    ) -> Result<(), DecideError> {
        self.ensure_open()?;
        self.state = ApprovalState::Rejected { by, at, reason, note };
        Ok(())
    }

    /// Asks for another version.
    pub fn redraft(&mut self, instruction: String) -> Result<(), DecideError> {
        self.ensure_open()?;
        self.state = ApprovalState::Redrafting { instruction };
        Ok(())
    }

    /// Takes out what reviewers said of the draft in their own words, once the person it was written to
    /// is erased. What was decided, by whom, when and under which code stays. Whether there was any.
    pub fn forget_words(&mut self) -> bool {
        let said = match &mut self.state {
            ApprovalState::Redrafting { instruction: words }
            | ApprovalState::Rejected { note: words, .. } => !std::mem::take(words).is_empty(),
            _ => false,
        };
        self.version.instruction.take().is_some() | said
    }

    /// Puts a new version in place of the current one: an edit, or the redraft that was asked for.
    pub fn revise(&mut self, version: Version) -> Result<(), DecideError> {
        match self.state {
            ApprovalState::Redrafting { .. } => {}
            _ => self.ensure_open()?,
        }
        self.state = ApprovalState::Waiting { snoozed_until: None };
        self.version = version;
        Ok(())
    }

    /// The version that was asked for cannot be written: the one that is there stands.
    pub fn keep_version(&mut self) -> Result<(), DecideError> {
        match self.state {
            ApprovalState::Redrafting { .. } => {
                self.state = ApprovalState::Waiting { snoozed_until: None };
                Ok(())
            }
            _ => self.ensure_open(),
        }
    }

    /// Hides the item until a time.
    pub fn snooze(&mut self, until: Timestamp) -> Result<(), DecideError> {
        self.ensure_open()?;
        self.state = ApprovalState::Waiting { snoozed_until: Some(until) };
        Ok(())
    }

    /// Gives the item to somebody else.
    pub fn reassign(&mut self, to: UserId) -> Result<(), DecideError> {
        self.ensure_open()?;
        self.assignee = Some(to);
        Ok(())
    }

    /// Closes the item undecided.
    pub fn expire(&mut self, at: Timestamp) -> Result<(), DecideError> {
        if !matches!(self.state, ApprovalState::Redrafting { .. }) {
            self.ensure_open()?;
        }
        self.state = ApprovalState::Expired { at };
        Ok(())
    }

    /// Closes the item because its run ended, or a person in it was erased.
    pub fn withdraw(&mut self, at: Timestamp) -> Result<(), DecideError> {
        if !matches!(self.state, ApprovalState::Redrafting { .. }) {
            self.ensure_open()?;
        }
        self.state = ApprovalState::Withdrawn { at };
        Ok(())
    }
}

#[cfg(test)]
mod tests;
