//! What people and sources do, each in the process that serves: one call after the other.

use domain::{
    approval::RejectReason,
    draft::Binding,
    id::{AccountId, ApprovalId, ContactId, MessageId, RunId, TaskId, UserId},
    killswitch::{Kill, Scope},
    port::{
        Catalogue as _, Desk as _, Inbox as _, Journal as _, Outbox as _, Reviewed, Ruling,
        RunFilter,
    },
    record::Record,
    run::Intervention,
    signal::NewSignal,
    user::Actor,
};
use domain::{
    clock::Clock as _,
    port::{PlaybookVersion, PolicyVersion},
};
use jiff::SignedDuration;

use super::{gate::Kind, process::Engine, stage::SOURCE};

/// What a person decides on an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Let it go as it stands.
    Approve,
    /// Let the first version go, which may not be the newest.
    ApproveFirst,
    /// Put another text in its place, and let that go.
    EditAndApprove,
    /// Put another text in its place.
    Edit,
    /// Keep it in.
    Reject,
    /// Have another one written.
    Redraft,
    /// Put it off.
    Snooze,
    /// Hand it to somebody else.
    Reassign,
}

/// Something somebody does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Decides.
    Decide(ApprovalId, UserId, Decision),
    /// Finishes a task.
    Finish(TaskId, UserId),
    /// Says what became of a message.
    Resolve(MessageId, bool, UserId),
    /// Stops sending.
    Stop(Scope, UserId),
    /// Restarts it.
    Restart(Scope, UserId),
    /// Steers one run.
    Steer(RunId, Intervention, UserId),
    /// Steers all runs of a playbook.
    SteerAll(String, Intervention, UserId),
    /// Takes a run back to a step.
    RetryFrom(RunId, String, UserId),
    /// Loads playbooks.
    Load(Vec<PlaybookVersion>, UserId),
    /// Moves runs of a playbook to the version in force; with steps that have another name there.
    Migrate(String, Vec<(String, String)>, UserId),
    /// Activates a policy.
    Activate(Box<PolicyVersion>, UserId),
    /// Starts a playbook by hand.
    Start(String, AccountId, UserId),
    /// Hands in signals.
    Signal(Vec<NewSignal>),
    /// Hands in customer data.
    Import(Vec<Record>),
    /// Erases a person.
    Erase(ContactId),
}

impl Act {
    /// In a few words, for the story.
    pub fn in_words(&self) -> String {
        match self {
            Self::Load(versions, _) => format!("load {} playbooks", versions.len()),
            Self::Activate(policy, _) => format!("activate policy {:.8}", policy.version),
            Self::Signal(signals) => {
                let of: Vec<_> = signals
                    .iter()
                    .map(|one| format!("{} {} {}", one.event_id, one.kind, one.account))
                    .collect();
                format!("signal {}", of.join(", "))
            }
            Self::Import(records) => format!("import {records:?}"),
            other => format!("{other:?}").to_lowercase(),
        }
    }
}

impl Engine {
    /// Does it. Whatever is refused is refused: the watch sees what became of it.
    pub async fn act(self, act: Act) -> usize {
        let now = self.clock.now();
        let doors = &self.doors;
        let by = |user: UserId| Actor::User { id: user };
        match act {
            Act::Decide(id, user, decision) => {
                self.decide(id, user, decision).await;
            }
            Act::Finish(task, user) => {
                let done = doors.finish_task(task, "done", &by(user), now).await;
                if matches!(done, Ok(true)) {
                    doors.book().finished.insert(task.to_string());
                }
            }
            Act::Resolve(message, arrived, user) => {
                let _refused = doors.resolve(message, arrived, &by(user), now).await;
            }
            Act::Stop(scope, user) => {
                let kill = Kill { scope, by: by(user), at: now, reason: "to be safe".to_owned() };
                let _refused = doors.kill(&kill).await;
            }
            Act::Restart(scope, user) => {
                let _refused = doors.unkill(&scope, &by(user), now).await;
            }
            Act::Steer(run, what, user) => {
                let _refused = doors.intervene(run, &what, &by(user), now).await;
            }
            Act::SteerAll(playbook, what, user) => {
                let filter = RunFilter { playbook: Some(playbook), ..RunFilter::default() };
                let steward = &self.steward;
                let _refused =
                    steward.intervene_all(&filter, &what.into(), None, &by(user), &|_| {}).await;
            }
            Act::RetryFrom(run, step, user) => {
                let _refused = self.steward.retry_from(run, &step, &by(user)).await;
            }
            Act::Load(versions, user) => {
                let _refused = doors.load_playbooks(&versions, &by(user), now).await;
                let _refused = self.triggers.sync_schedules().await;
            }
            Act::Migrate(playbook, names, user) => {
                let names = names.into_iter().collect();
                if let Ok(of) = self.steward.migration(Some(&playbook), None, None, names).await {
                    let _refused = self.steward.migrate(&of, &by(user), &|_| {}).await;
                }
            }
            Act::Activate(policy, user) => {
                let _refused = doors.activate_policy(&policy, &by(user), now).await;
            }
            Act::Start(playbook, account, user) => {
                let _refused = self.triggers.start_by_hand(&playbook, account, &by(user)).await;
            }
            Act::Signal(signals) => {
                let known: Vec<_> = signals
                    .iter()
                    .map(|one| {
                        (format!("{} {}", one.source, one.event_id), one.at.as_microsecond())
                    })
                    .collect();
                if doors.signal(signals, now).await.is_ok() {
                    doors.book().heard(known);
                }
            }
            Act::Import(records) => self.import(records).await,
            Act::Erase(contact) => {
                let store = doors.store.clone();
                let call = async move { store.destroy_subject_key(contact, now).await };
                let _refused = doors.pass("erase", Kind::Write, contact.to_string(), call).await;
            }
        }
        1
    }

    async fn import(&self, records: Vec<Record>) {
        use domain::port::Intake as _;
        let now = self.clock.now();
        let store = self.doors.store.clone();
        let call = async move { store.absorb(SOURCE, records, now, true).await };
        let _refused = self.doors.pass("absorb", Kind::Write, String::new(), call).await;
    }

    async fn decide(&self, id: ApprovalId, user: UserId, decision: Decision) {
        let Ok(shown) = self.desk.show(id).await else { return };
        self.doors.book().shows(&shown);
        let Some(current) = shown.current() else { return };
        let seen = current.version.binding.clone();
        let by = Actor::User { id: user };
        match decision {
            Decision::Approve => self.approve(id, user, seen).await,
            Decision::ApproveFirst => {
                let first = shown.versions.first().map(|opened| opened.version.binding.clone());
                self.approve(id, user, first.unwrap_or(seen)).await;
            }
            Decision::Edit | Decision::EditAndApprove => {
                let Some(edited) = self.edit(&shown, user, seen).await else { return };
                self.doors.book().shows(&edited);
                if decision == Decision::EditAndApprove
                    && let Some(current) = edited.current()
                {
                    self.approve(id, user, current.version.binding.clone()).await;
                }
            }
            Decision::Reject => {
                let ruling =
                    Ruling::Reject { reason: RejectReason::NotNeeded, note: "no".to_owned() };
                let _refused = self.desk.rule(id, &by, ruling).await;
            }
            Decision::Redraft => {
                let ruling = Ruling::Redraft { instruction: "shorter, please".to_owned() };
                let _refused = self.desk.rule(id, &by, ruling).await;
            }
            Decision::Snooze => {
                let until = self.clock.now().checked_add(SignedDuration::from_hours(20));
                let ruling = Ruling::Snooze { until: until.unwrap_or_default() };
                let _refused = self.desk.rule(id, &by, ruling).await;
            }
            Decision::Reassign => {
                let _refused = self.desk.rule(id, &by, Ruling::Reassign { to: user }).await;
            }
        }
    }

    async fn approve(&self, id: ApprovalId, user: UserId, seen: Binding) {
        self.doors.book().asks(id, &seen, user);
        let ruling = Ruling::Approve { seen: seen.clone() };
        let ruled = self.desk.rule(id, &Actor::User { id: user }, ruling).await;
        if ruled.is_ok() {
            self.doors.book().accepts(id, &seen, user);
        }
    }

    async fn edit(&self, shown: &Reviewed, user: UserId, seen: Binding) -> Option<Reviewed> {
        let letter = &shown.current()?.manuscript.as_ref()?.letter;
        let ruling = Ruling::Edit {
            seen,
            subject: letter.subject.clone(),
            body: format!("{}\nP.S. See you soon.", letter.body),
        };
        let id = shown.item.approval.id;
        self.desk.rule(id, &Actor::User { id: user }, ruling).await.ok()
    }
}
