//! Collects what one turn decides, until it is committed.

use domain::{
    approval::Approval,
    content::{Sealed, SealedPseudonyms},
    event::{Event, NewEvent},
    message::Outgoing,
    run::{Claimed, DeadEnd, Progress, RunStatus},
    turn::{Effect, Turn},
    user::Actor,
};
use jiff::Timestamp;

/// A turn in the making.
#[derive(Debug)]
pub(crate) struct Draft {
    claimed: Claimed,
    /// How far the run has come; changed as the turn goes on.
    pub(crate) progress: Progress,
    now: Timestamp,
    events: Vec<NewEvent>,
    effects: Vec<Effect>,
    approvals: Vec<Approval>,
    contents: Vec<Sealed>,
    outbox: Vec<Outgoing>,
    pseudonyms: Option<SealedPseudonyms>,
}

impl Draft {
    /// Begins a turn on a claimed run.
    pub(crate) fn new(claimed: &Claimed, now: Timestamp) -> Self {
        Self {
            claimed: claimed.clone(),
            progress: Progress { held: None, ..claimed.run.progress.clone() },
            now,
            events: Vec::new(),
            effects: Vec::new(),
            approvals: Vec::new(),
            contents: Vec::new(),
            outbox: Vec::new(),
            pseudonyms: None,
        }
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Notes that something happened, in the engine's name.
    pub(crate) fn event(&mut self, event: Event) {
        self.event_by(Actor::Engine, event);
    }

    /// Notes that something happened, in somebody's name.
    pub(crate) fn event_by(&mut self, actor: Actor, event: Event) {
        self.events.push(NewEvent::of_run(self.claimed.run.id, self.now, actor, event));
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn approval(&mut self, approval: Approval) {
        self.approvals.push(approval);
    }

    pub(crate) fn content(&mut self, content: Sealed) {
        self.contents.push(content);
    }

    pub(crate) fn pseudonyms(&mut self, pseudonyms: SealedPseudonyms) {
        self.pseudonyms = Some(pseudonyms);
    }

    pub(crate) fn send(&mut self, message: Outgoing) {
        self.outbox.push(message);
    }

    /// Ends the turn: the run is due again at `wake_at`, or when something wakes it.
    pub(crate) fn rest(self, wake_at: Option<Timestamp>) -> Turn {
        self.close(RunStatus::Active, wake_at, false)
    }

    /// Ends the turn and keeps the lease: the same worker goes on at once. Should it die, the run
    /// is due and the next worker goes on from here.
    pub(crate) fn go_on(self) -> Turn {
        let now = self.now;
        self.close(RunStatus::Active, Some(now), true)
    }

    /// Ends the turn and the run.
    pub(crate) fn complete(mut self) -> Turn {
        self.event(Event::RunCompleted {});
        self.close(RunStatus::Completed, None, false)
    }

    /// Ends the turn in a dead end that a person has to look at.
    pub(crate) fn stuck(mut self, code: &str, why: String) -> Turn {
        let dead_end = DeadEnd { code: code.to_owned(), why };
        self.progress.dead_end = Some(dead_end.clone());
        let step = self.progress.step.clone();
        self.event(Event::RunStuck { step, dead_end });
        self.close(RunStatus::Stuck, None, false)
    }

    fn close(self, status: RunStatus, wake_at: Option<Timestamp>, keep: bool) -> Turn {
        Turn {
            lease: self.claimed.lease,
            progress: self.progress,
            status,
            wake_at,
            keep,
            events: self.events,
            effects: self.effects,
            approvals: self.approvals,
            contents: self.contents,
            outbox: self.outbox,
            pseudonyms: self.pseudonyms,
        }
    }
}
