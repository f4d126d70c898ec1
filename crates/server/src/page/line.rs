//! One line of a list: a run, a task, a message.

use domain::{
    message::{Message, MessageStatus},
    run::{Run, RunStatus},
    task::Task,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    moment::Moment,
    timeline::{self, Names},
};

/// A run in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunLine {
    pub(crate) id: String,
    pub(crate) playbook: String,
    pub(crate) account: String,
    pub(crate) account_name: String,
    pub(crate) status: &'static str,
    pub(crate) step: String,
    pub(crate) doing: String,
    pub(crate) why: Option<String>,
    pub(crate) started: Moment,
    pub(crate) changed: Moment,
    pub(crate) wakes: Option<Moment>,
}

impl RunLine {
    pub(crate) fn new(run: &Run, names: &Names, now: Timestamp) -> Self {
        Self {
            id: run.id.to_string(),
            playbook: run.playbook.clone(),
            account: run.account.to_string(),
            account_name: names.account(run.account),
            status: run.status.as_str(),
            step: run.progress.step.clone(),
            doing: if run.status.is_over() {
                String::new()
            } else {
                timeline::phase(&run.progress.phase)
            },
            why: run.progress.dead_end.as_ref().map(|end| end.why.clone()),
            started: Moment::of(run.started_at, now),
            changed: Moment::of(run.changed_at, now),
            wakes: run
                .wake_at
                .filter(|at| run.status == RunStatus::Active && *at > now)
                .map(|at| Moment::of(at, now)),
        }
    }
}

/// A task in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TaskLine {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) account: String,
    pub(crate) account_name: String,
    pub(crate) run: String,
    pub(crate) team: String,
    pub(crate) assignee: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) open: bool,
    pub(crate) due: Moment,
    pub(crate) outcome: Option<String>,
}

impl TaskLine {
    pub(crate) fn new(task: &Task, names: &Names, now: Timestamp) -> Self {
        Self {
            id: task.id.to_string(),
            kind: task.kind.as_str(),
            title: task.title.clone(),
            body: task.body.clone(),
            account: task.account.to_string(),
            account_name: names.account(task.account),
            run: task.run.to_string(),
            team: task.team.as_str().replace('_', " "),
            assignee: task.assignee.map(|id| names.user(id)),
            status: task.status.as_str(),
            open: task.status == domain::task::TaskStatus::Open,
            due: Moment::of(task.due_at, now),
            outcome: task.outcome.clone().filter(|outcome| !outcome.is_empty()),
        }
    }
}

/// A message in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MessageLine {
    pub(crate) id: String,
    pub(crate) approval: String,
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) account: String,
    pub(crate) account_name: String,
    pub(crate) status: &'static str,
    pub(crate) attempts: i64,
    pub(crate) note: String,
    pub(crate) queued: Moment,
    pub(crate) settled: Option<Moment>,
    pub(crate) next: Option<Moment>,
    pub(crate) open: bool,
}

impl MessageLine {
    pub(crate) fn new(message: &Message, names: &Names, now: Timestamp) -> Self {
        let settled = message.status.is_settled();
        Self {
            id: message.id.to_string(),
            approval: message.approval.to_string(),
            run: message.run.to_string(),
            step: message.step.clone(),
            account: message.account.to_string(),
            account_name: names.account(message.account),
            status: message.status.as_str(),
            attempts: message.attempts,
            note: message.note.clone(),
            queued: Moment::of(message.queued_at, now),
            settled: message.settled_at.map(|at| Moment::of(at, now)),
            next: (!settled).then(|| Moment::of(message.next_at, now)),
            open: matches!(message.status, MessageStatus::Uncertain | MessageStatus::Failed),
        }
    }
}
