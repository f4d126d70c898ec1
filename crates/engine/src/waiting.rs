//! Looks at what a run waits for: a decision, a message, a task.

use domain::{
    approval::ApprovalState,
    event::Event,
    id::{ApprovalId, MessageId, TaskId},
    message::MessageStatus,
    run::Phase,
    task::TaskStatus,
};
use jiff::Timestamp;
use playbook::{Doing, Step};
use serde_json::json;

use crate::{
    advance::{AdvanceError, Advancer},
    outcome::{Ending, Next, Scene, finish, leave, record, stuck},
    turn::Draft,
};

impl Advancer {
    pub(crate) async fn look_at_approval(
        &self,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        id: ApprovalId,
    ) -> Result<Next, AdvanceError> {
        let Some(item) = self.ports.inbox.approval(id).await? else {
            return Ok(stuck("approval-missing", "the approval is gone"));
        };
        let mut approval = item.approval;
        match approval.state.clone() {
            ApprovalState::Waiting { .. } if turn.now() >= approval.due_at => {
                if approval.expire(turn.now()).is_ok() {
                    turn.event(Event::ApprovalExpired { approval: id });
                    turn.approval(approval);
                }
                Ok(finish(scene, step, turn, "expired", json!({})))
            }
            ApprovalState::Waiting { .. } => Ok(Next::End(Ending::Rest(Some(approval.due_at)))),
            ApprovalState::Redrafting { .. } => {
                turn.progress.phase = Phase::Drafting { redraft: Some(id) };
                if let Doing::Act(act) = &step.doing {
                    self.announce_call(step, turn, act.prompt().unwrap_or_default());
                }
                Ok(Next::End(Ending::GoOn))
            }
            ApprovalState::Approved { message, .. } => {
                turn.progress.phase = Phase::AwaitingDelivery { message };
                Ok(Next::Step)
            }
            ApprovalState::Rejected { reason, .. } => {
                Ok(finish(scene, step, turn, "rejected", json!({ "reason": reason })))
            }
            ApprovalState::Expired { .. } | ApprovalState::Withdrawn { .. } => {
                Ok(finish(scene, step, turn, "expired", json!({})))
            }
        }
    }

    pub(crate) async fn look_at_message(
        &self,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        id: MessageId,
    ) -> Result<Next, AdvanceError> {
        let Some(message) = self.ports.outbox.message(id).await? else {
            return Ok(stuck("message-missing", "the message is gone"));
        };
        let sent = json!({ "message": id, "at": message.queued_at });
        Ok(match message.status {
            MessageStatus::Delivered => finish(scene, step, turn, "sent", sent),
            MessageStatus::Refused => finish(scene, step, turn, "refused", sent),
            MessageStatus::Failed => stuck(
                "delivery-failed",
                format!(
                    "{}; say `playgate outbox resolve {id}` with --arrived or --resend",
                    message.note
                ),
            ),
            // A person says what became of it; that wakes the run.
            MessageStatus::Uncertain
            | MessageStatus::Queued
            | MessageStatus::Sending
            | MessageStatus::Transmitting => Next::End(Ending::Rest(None)),
        })
    }

    pub(crate) async fn look_at_task(
        &self,
        scene: &Scene,
        step: &Step,
        turn: &mut Draft,
        id: TaskId,
        until: Option<Timestamp>,
    ) -> Result<Next, AdvanceError> {
        let Some(task) = self.ports.inbox.task(id).await? else {
            return Ok(stuck("task-missing", "the task is gone"));
        };
        Ok(match task.status {
            TaskStatus::Done => {
                let note = task.outcome.unwrap_or_default();
                // What a person noted may be personal: it stays with the task and the run.
                record(step, turn, "done", &json!({}));
                leave(scene, step, turn, json!({ "outcome": "done", "note": note }))
            }
            TaskStatus::Cancelled => finish(scene, step, turn, "cancelled", json!({})),
            TaskStatus::Open => match until {
                Some(until) if turn.now() >= until => {
                    finish(scene, step, turn, "timed_out", json!({}))
                }
                until => Next::End(Ending::Rest(until)),
            },
        })
    }
}
