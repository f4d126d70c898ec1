//! What was approved left once; what was not approved did not leave.

use std::collections::HashMap;

use domain::{
    approval::{Approval, ApprovalState},
    id::MessageId,
    message::MessageStatus,
};

use super::{Case, Reckoning};
use crate::chaos::{
    ledger::{Ask, Heard},
    sink::Taken,
};

const ONCE: &str = "what was approved is carried out exactly once";
const NOTHING_ELSE: &str = "nothing leaves that nobody approved";
const AS_HEARD: &str = "what the client heard is so";
const AS_SEEN: &str = "what leaves is what was seen";

pub(super) fn check(case: &Case<'_>, reckoning: &mut Reckoning) {
    for approval in &case.truth.approvals {
        decision(case, approval, reckoning);
        carried_out(case, approval, reckoning);
    }
    for line in case.ledger {
        let decided = matches!(line.ask, Ask::Approve | Ask::Reject | Ask::Edit);
        let known = line.about.parse().is_ok_and(|id| case.approvals.contains_key(&id));
        if decided && line.heard == Heard::Accepted && !known {
            reckoning.wrong(AS_HEARD, &line.about, "was decided on and is gone");
        }
    }
    one_for_each_step(case, reckoning);
    for (key, letters) in &case.mail {
        left(case, key, letters, reckoning);
    }
}

/// The state of an approval is what the client was told.
fn decision(case: &Case<'_>, approval: &Approval, reckoning: &mut Reckoning) {
    let id = approval.id.to_string();
    let status = approval.state.status();
    let accepted = case
        .asked(Ask::Approve, &id)
        .iter()
        .filter(|line| line.heard == Heard::Accepted)
        .collect::<Vec<_>>();
    if accepted.len() > 1 {
        let detail = format!("{} approvals were accepted", accepted.len());
        reckoning.wrong(AS_HEARD, &id, detail);
    }
    if case.heard(Ask::Reject, &id, Heard::Accepted)
        && !matches!(approval.state, ApprovalState::Rejected { .. })
    {
        reckoning.wrong(AS_HEARD, &id, format!("its rejection was accepted, and it is {status}"));
    }
    match &approval.state {
        ApprovalState::Approved { binding, .. } => {
            let binding = binding.to_string();
            if accepted.iter().any(|line| line.seen != binding) {
                reckoning.wrong(AS_SEEN, &id, "another version was granted than the one seen");
            }
            let asked = case.asked(Ask::Approve, &id);
            if !asked.iter().any(|line| line.seen == binding && line.heard != Heard::Refused) {
                reckoning.wrong(NOTHING_ELSE, &id, "it is approved, and nobody asked for that");
            }
        }
        ApprovalState::Rejected { .. } if case.asked(Ask::Reject, &id).is_empty() => {
            reckoning.wrong(AS_HEARD, &id, "it is rejected, and nobody asked for that");
        }
        ApprovalState::Expired { .. } | ApprovalState::Withdrawn { .. } => {
            reckoning.wrong(AS_HEARD, &id, format!("it is {status}, and nobody asked for that"));
        }
        _ if !accepted.is_empty() => {
            reckoning.wrong(ONCE, &id, format!("it was accepted, and it is {status}"));
        }
        _ => {}
    }
}

/// What was approved is delivered once, or visibly uncertain; what was not has no message.
fn carried_out(case: &Case<'_>, approval: &Approval, reckoning: &mut Reckoning) {
    let id = approval.id;
    let messages: Vec<_> =
        case.truth.messages.iter().filter(|message| message.approval == id).collect();
    let ApprovalState::Approved { binding, message: granted, .. } = &approval.state else {
        for message in messages {
            let detail = format!("it is {}, with message {}", approval.state.status(), message.id);
            reckoning.wrong(NOTHING_ELSE, id, detail);
        }
        return;
    };
    let [message] = messages.as_slice() else {
        let detail = format!("it is approved, with {} messages", messages.len());
        return reckoning.wrong(ONCE, id, detail);
    };
    if message.id != *granted || message.binding != *binding {
        reckoning.wrong(AS_SEEN, id, format!("message {} is not what was granted", message.id));
    }
    let taken = case.taken(message.id);
    let fine = match message.status {
        MessageStatus::Delivered => taken == 1,
        MessageStatus::Uncertain => taken <= 1,
        _ => false,
    };
    if !fine {
        let detail = format!(
            "message {} of it is {} after {} attempts ({}), and the sink took it {taken} times",
            message.id, message.status, message.attempts, message.note
        );
        reckoning.wrong(ONCE, id, detail);
    }
}

fn one_for_each_step(case: &Case<'_>, reckoning: &mut Reckoning) {
    let mut steps: HashMap<_, Vec<_>> = HashMap::new();
    for approval in &case.truth.approvals {
        steps.entry((approval.run, approval.step.as_str())).or_default().push(approval.id);
    }
    for ((run, step), approvals) in steps {
        if approvals.len() > 1 {
            let detail = format!("step `{step}` asked for {} approvals", approvals.len());
            reckoning.wrong("no step is taken twice", run, detail);
        }
    }
}

/// Mail at the sink has a grant, and is the text that was granted.
fn left(case: &Case<'_>, key: &str, letters: &[&Taken], reckoning: &mut Reckoning) {
    let known = key.parse::<MessageId>().ok().and_then(|id| case.messages.get(&id));
    let Some(message) = known else {
        return reckoning.wrong(NOTHING_ELSE, key, "the sink took it, and no such message exists");
    };
    let approval = case.approvals.get(&message.approval);
    let Some(approval) = approval else {
        return reckoning.wrong(NOTHING_ELSE, key, "the sink took it, and it has no approval");
    };
    match &approval.state {
        ApprovalState::Approved { binding, message: granted, .. }
            if *granted == message.id && *binding == message.binding => {}
        state => {
            let detail = format!("the sink took it, and {} is {}", approval.id, state.status());
            reckoning.wrong(NOTHING_ELSE, key, detail);
        }
    }
    if letters.len() > 1 {
        reckoning.wrong(ONCE, key, format!("the sink took it {} times", letters.len()));
    }
    let Some((subject, body)) = case.truth.texts.get(&approval.id) else {
        return reckoning.wrong(AS_SEEN, key, "the text that was approved is not known");
    };
    for letter in letters {
        if letter.subject != *subject || letter.body != *body {
            reckoning.wrong(AS_SEEN, key, "the text at the sink is not the one approved");
        }
        if !letter.message_id.contains(key) {
            reckoning.wrong(ONCE, key, format!("its Message-ID is `{}`", letter.message_id));
        }
    }
}
