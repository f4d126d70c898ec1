//! Holds the client's ledger, the sink's count and the product's own account against each other.

mod letters;
mod runs;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use domain::{
    approval::Approval,
    id::{ApprovalId, MessageId},
    message::{Message, MessageStatus},
    run::RunStatus,
};

use super::{
    ledger::{Ask, Heard, Line},
    sink::Taken,
    truth::Truth,
};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Which promise was broken.
    pub rule: &'static str,
    /// Where: a run, an approval, a message, a signal.
    pub id: String,
    /// How.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.rule, self.id, self.detail)
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reckoning {
    /// Everything that must not be.
    pub violations: Vec<Violation>,
    /// How often what was there, for the report.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Reckoning {
    fn wrong(&mut self, rule: &'static str, id: impl fmt::Display, detail: impl Into<String>) {
        self.violations.push(Violation { rule, id: id.to_string(), detail: detail.into() });
    }

    fn count(&mut self, what: &'static str, how_many: usize) {
        *self.counts.entry(what).or_default() += u64::try_from(how_many).unwrap_or(u64::MAX);
    }
}

/// What is known, looked up by id.
struct Case<'a> {
    ledger: &'a [Line],
    truth: &'a Truth,
    mail: HashMap<&'a str, Vec<&'a Taken>>,
    approvals: HashMap<ApprovalId, &'a Approval>,
    messages: HashMap<MessageId, &'a Message>,
    /// What was asked about a thing, and how each attempt went.
    asked: HashMap<(Ask, String), Vec<&'a Line>>,
}

impl<'a> Case<'a> {
    /// How often the sink took a message.
    fn taken(&self, message: MessageId) -> usize {
        self.mail.get(message.to_string().as_str()).map_or(0, Vec::len)
    }

    fn asked(&self, ask: Ask, about: &str) -> &[&'a Line] {
        self.asked.get(&(ask, about.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Whether anything was answered like this.
    fn heard(&self, ask: Ask, about: &str, heard: Heard) -> bool {
        self.asked(ask, about).iter().any(|line| line.heard == heard)
    }
}

/// Reconciles. An empty list of violations means that every promise was kept.
pub fn reconcile(ledger: &[Line], mail: &[Taken], truth: &Truth) -> Reckoning {
    let mut case = Case {
        ledger,
        truth,
        mail: HashMap::new(),
        approvals: truth.approvals.iter().map(|approval| (approval.id, approval)).collect(),
        messages: truth.messages.iter().map(|message| (message.id, message)).collect(),
        asked: HashMap::new(),
    };
    for letter in mail {
        case.mail.entry(letter.key.as_str()).or_default().push(letter);
    }
    for line in ledger {
        case.asked.entry((line.ask, line.about.clone())).or_default().push(line);
    }
    let mut reckoning = Reckoning::default();
    letters::check(&case, &mut reckoning);
    runs::check(&case, &mut reckoning);
    if !truth.intact || !truth.faults.is_empty() {
        reckoning.wrong("the audit trail verifies", "audit", truth.faults.join("; "));
    }
    tell(&case, mail, &mut reckoning);
    reckoning.violations.sort();
    reckoning
}

fn tell(case: &Case<'_>, mail: &[Taken], reckoning: &mut Reckoning) {
    let truth = case.truth;
    let of = |status| truth.messages.iter().filter(|message| message.status == status).count();
    let over = truth.runs.iter().filter(|run| run.status == RunStatus::Completed).count();
    reckoning.count("runs started", truth.runs.len());
    reckoning.count("runs completed", over);
    reckoning.count("approvals in the queue's history", truth.approvals.len());
    reckoning.count("mails at the sink", mail.len());
    reckoning.count("messages delivered", of(MessageStatus::Delivered));
    reckoning.count("messages uncertain", of(MessageStatus::Uncertain));
    for line in case.ledger {
        let what = match (line.ask, line.heard) {
            (Ask::Approve, Heard::Accepted) => "approvals accepted",
            (Ask::Approve, Heard::Refused) => "approvals refused",
            (Ask::Approve, Heard::Unknown) => "approvals of unknown outcome",
            (Ask::Reject, Heard::Accepted) => "rejections accepted",
            (Ask::Edit, Heard::Accepted) => "edits accepted",
            (Ask::Finish, Heard::Accepted) => "tasks finished",
            (Ask::Signal, Heard::Accepted) => "signals accepted",
            (Ask::Signal, Heard::Unknown) => "signals of unknown outcome",
            (Ask::Resolve, Heard::Accepted) => "uncertain messages resolved",
            _ => continue,
        };
        reckoning.count(what, 1);
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::a_run;
