//! What runs wait for and why, in words: `approval apv_… of Jane, due in 2 d`.

use std::collections::BTreeMap;

use domain::{
    approval::ApprovalState,
    id::{ApprovalId, MessageId, TaskId},
    message::{Message, MessageStatus},
    port::{Inbox, Outbox, QueueItem, StoreError},
    run::{Phase, Run, RunStatus},
    task::{Task, TaskStatus},
};
use futures_util::future::try_join_all;
use jiff::Timestamp;

use crate::{moment::relative, timeline::Names};

/// What the runs of a list wait for, looked up once for all.
#[derive(Clone, Debug, Default)]
pub struct Awaited {
    approvals: BTreeMap<ApprovalId, QueueItem>,
    messages: BTreeMap<MessageId, Message>,
    tasks: BTreeMap<TaskId, Task>,
}

impl Awaited {
    /// Looks up what these runs wait for.
    pub async fn by(
        runs: &[Run],
        inbox: &dyn Inbox,
        outbox: &dyn Outbox,
    ) -> Result<Self, StoreError> {
        let (mut approvals, mut messages, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        for run in runs.iter().filter(|run| !run.status.is_over()) {
            match &run.progress.phase {
                Phase::AwaitingApproval { approval } => approvals.push(*approval),
                Phase::AwaitingDelivery { message } => messages.push(*message),
                Phase::AwaitingTask { task, .. } => tasks.push(*task),
                _ => {}
            }
        }
        let approvals = try_join_all(approvals.into_iter().map(|id| inbox.approval(id))).await?;
        let messages = try_join_all(messages.into_iter().map(|id| outbox.message(id))).await?;
        let tasks = try_join_all(tasks.into_iter().map(|id| inbox.task(id))).await?;
        Ok(Self {
            approvals: approvals.into_iter().flatten().map(|it| (it.approval.id, it)).collect(),
            messages: messages.into_iter().flatten().map(|it| (it.id, it)).collect(),
            tasks: tasks.into_iter().flatten().map(|it| (it.id, it)).collect(),
        })
    }

    /// What a run waits for, and until when, in a phrase.
    pub fn in_words(&self, run: &Run, names: &Names, now: Timestamp) -> String {
        if run.status.is_over() || run.progress.step.is_empty() {
            return "nothing".to_owned();
        }
        let step = format!("(step {})", run.progress.step);
        if let Some(end) = run.progress.dead_end.as_ref().filter(|_| run.status == RunStatus::Stuck)
        {
            return format!("a person: {} ({}) {step}", end.why, end.code);
        }
        let thing = self.thing(run, names, now);
        match run.status {
            RunStatus::Paused => format!("a person to resume it, then {thing} {step}"),
            _ => format!("{thing} {step}"),
        }
    }

    fn thing(&self, run: &Run, names: &Names, now: Timestamp) -> String {
        if let Some(held) = &run.progress.held {
            return held.clone();
        }
        match &run.progress.phase {
            Phase::Ready => match run.wake_at.filter(|at| *at > now) {
                Some(at) if run.progress.attempts > 0 => {
                    format!("another try {}, {} failed", relative(at, now), run.progress.attempts)
                }
                Some(at) => format!("its turn {}", relative(at, now)),
                None => "its turn".to_owned(),
            },
            Phase::Drafting { redraft: None } => "the writer".to_owned(),
            Phase::Drafting { redraft: Some(id) } => format!("another version of {id}"),
            Phase::AwaitingApproval { approval } => self.approval(*approval, names, now),
            Phase::AwaitingDelivery { message } => self.message(*message, now),
            Phase::AwaitingTask { task, until } => self.task(*task, *until, names, now),
            Phase::AwaitingSignal { kind, until, .. } => {
                format!("signal {kind} until {}", time(*until, now))
            }
            Phase::Sleeping { until } => format!("its time, {}", time(*until, now)),
        }
    }

    fn approval(&self, id: ApprovalId, names: &Names, now: Timestamp) -> String {
        let Some(item) = self.approvals.get(&id) else { return format!("approval {id}") };
        let approval = &item.approval;
        let whose = item
            .assignee_name
            .clone()
            .or_else(|| approval.assignee.map(|id| names.user(id)))
            .unwrap_or_else(|| format!("team {}", approval.team));
        match &approval.state {
            ApprovalState::Waiting { snoozed_until } => {
                let due = due(approval.due_at, now);
                let later =
                    snoozed_until.filter(|until| *until > now).map_or_else(String::new, |until| {
                        format!(", put off until {}", time(until, now))
                    });
                format!("approval {id} of {whose}, {due}{later}")
            }
            ApprovalState::Redrafting { .. } => format!("another version of {id}"),
            settled => format!("its turn; approval {id} is {}", settled.status()),
        }
    }

    fn message(&self, id: MessageId, now: Timestamp) -> String {
        let Some(message) = self.messages.get(&id) else { return format!("delivery of {id}") };
        let note =
            if message.note.is_empty() { String::new() } else { format!(": {}", message.note) };
        match message.status {
            MessageStatus::Queued if message.next_at > now => {
                format!("delivery of {id}, tried again {}{note}", relative(message.next_at, now))
            }
            MessageStatus::Queued => format!("delivery of {id}, which is queued{note}"),
            MessageStatus::Uncertain => format!("a person to say whether {id} arrived"),
            status if status.is_settled() => format!("its turn; {id} is {status}"),
            status => format!("delivery of {id}, which is {status}"),
        }
    }

    fn task(&self, id: TaskId, until: Option<Timestamp>, names: &Names, now: Timestamp) -> String {
        let longest = until
            .map_or_else(String::new, |until| format!("; without it {}", relative(until, now)));
        let Some(task) = self.tasks.get(&id) else { return format!("task {id}{longest}") };
        if task.status != TaskStatus::Open {
            return format!("its turn; task {id} is {}", task.status);
        }
        let whose =
            task.assignee.map_or_else(|| format!("team {}", task.team), |id| names.user(id));
        format!("task {id} of {whose}, {}{longest}", due(task.due_at, now))
    }
}

fn due(at: Timestamp, now: Timestamp) -> String {
    if at < now {
        format!("overdue since {}", relative(at, now))
    } else {
        format!("due {}", relative(at, now))
    }
}

fn time(at: Timestamp, now: Timestamp) -> String {
    format!("{} UTC ({})", at.strftime("%-d %b %H:%M"), relative(at, now))
}

#[cfg(test)]
mod tests {
    use domain::{run::DeadEnd, user::User};
    use jiff::SignedDuration;

    use super::*;
    use crate::tests::sample::{self, Words};

    fn run(phase: Phase) -> Run {
        let mut run = sample::run(&Words::plain(), false);
        run.status = RunStatus::Active;
        run.progress.dead_end = None;
        run.progress.attempts = 0;
        run.progress.step = "outreach".to_owned();
        run.progress.phase = phase;
        run.wake_at = None;
        run
    }

    #[test]
    fn a_person_sees_whom_a_run_waits_for_and_until_when() {
        let now = sample::now();
        let in_two_days = now + SignedDuration::from_hours(49);
        let user = User { name: "Jane".to_owned(), ..sample::user() };
        let names = Names::of_users(std::slice::from_ref(&user));
        let mut item = sample::reviewed(&Words::plain(), true).item;
        let approval = item.approval.id;
        item.approval.due_at = in_two_days;
        item.approval.state = ApprovalState::Waiting { snoozed_until: None };
        item.assignee_name = Some("Jane".to_owned());
        let mut awaited = Awaited::default();
        awaited.approvals.insert(approval, item.clone());

        let waits = run(Phase::AwaitingApproval { approval });
        let says = |awaited: &Awaited, run: &Run| awaited.in_words(run, &names, now);
        assert_eq!(
            says(&awaited, &waits),
            format!("approval {approval} of Jane, due in 2 d (step outreach)")
        );
        item.approval.due_at = now - SignedDuration::from_hours(3);
        awaited.approvals.insert(approval, item);
        assert_eq!(
            says(&awaited, &waits),
            format!("approval {approval} of Jane, overdue since 3 h ago (step outreach)")
        );
        // What was not found is named at least.
        let unknown = Awaited::default();
        assert_eq!(says(&unknown, &waits), format!("approval {approval} (step outreach)"));

        let signal = run(Phase::AwaitingSignal {
            kind: "email.replied".to_owned(),
            since: now,
            until: in_two_days,
        });
        let text = says(&unknown, &signal);
        assert!(text.starts_with("signal email.replied until "), "{text}");
        assert!(text.ends_with(" UTC (in 2 d) (step outreach)"), "{text}");

        let mut paused = run(Phase::Sleeping { until: in_two_days });
        paused.status = RunStatus::Paused;
        assert!(says(&unknown, &paused).starts_with("a person to resume it, then its time, "));
        let mut stuck = run(Phase::Ready);
        stuck.status = RunStatus::Stuck;
        stuck.progress.dead_end = Some(DeadEnd {
            code: "model-unreachable".to_owned(),
            why: "the model does not answer".to_owned(),
        });
        assert_eq!(
            says(&unknown, &stuck),
            "a person: the model does not answer (model-unreachable) (step outreach)"
        );
        let mut again = run(Phase::Ready);
        again.progress.attempts = 2;
        again.wake_at = Some(now + SignedDuration::from_mins(5));
        assert_eq!(says(&unknown, &again), "another try in 5 min, 2 failed (step outreach)");
    }
}
