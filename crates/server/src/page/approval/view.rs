//! One approval as its page shows it.

use std::collections::BTreeSet;

use domain::{
    action::Severity,
    approval::{ApprovalState, RejectReason},
    draft::{Author, INJECTION_SUSPECTED},
    outgoing::{Part, Place},
    port::{Opened, Reviewed},
    verdict::Verdict,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    moment::{self, Moment},
    page::{Choice, account::HealthView, today},
    timeline::{self, Names},
};

/// A label and its value.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) label: String,
    pub(crate) value: String,
}

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) blocking: bool,
    /// Where it is in the letter, what it is and which rule found it.
    pub(crate) place: Option<String>,
}

/// A fact the writer was given.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FactLine {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) source: String,
    pub(crate) used: bool,
}

/// A message, exactly as its recipient would get it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LetterView {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) role: String,
    pub(crate) channel: &'static str,
    pub(crate) class: &'static str,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) attachments: Vec<String>,
    /// Characters a reviewer cannot see, by their code points.
    pub(crate) unseen: Vec<String>,
}

/// A version of the draft.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct VersionView {
    pub(crate) number: i64,
    pub(crate) author: String,
    pub(crate) offline: bool,
    pub(crate) prompt: Option<String>,
    pub(crate) at: Moment,
    pub(crate) instruction: Option<String>,
    pub(crate) confidence: Option<String>,
    pub(crate) tokens: i64,
    pub(crate) binding: String,
    pub(crate) policy: String,
    /// Whether a text from outside may have steered the model.
    pub(crate) suspected: bool,
    pub(crate) findings: Vec<Found>,
    pub(crate) letter: Option<LetterView>,
    pub(crate) facts: Vec<FactLine>,
    pub(crate) seen: Option<String>,
    pub(crate) restored: Vec<RestoredLine>,
}

/// A placeholder in what the model wrote, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RestoredLine {
    pub(crate) placeholder: String,
    pub(crate) kind: String,
    pub(crate) count: u32,
    pub(crate) value: Option<String>,
    /// Why nothing was put back.
    pub(crate) kept: &'static str,
}

/// Everything on the page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct View {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) account_name: String,
    pub(crate) about: Vec<Pair>,
    pub(crate) health: Option<HealthView>,
    pub(crate) as_of: Moment,
    pub(crate) contact_name: String,
    pub(crate) action: &'static str,
    pub(crate) playbook: String,
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) risk: &'static str,
    pub(crate) careful: bool,
    pub(crate) team: String,
    pub(crate) assignee: Option<String>,
    pub(crate) queued: Moment,
    pub(crate) due: Moment,
    pub(crate) status: &'static str,
    pub(crate) open: bool,
    pub(crate) state: String,
    pub(crate) snoozed: Option<Moment>,
    pub(crate) cause: String,
    pub(crate) cause_at: Moment,
    pub(crate) evidence: Vec<Pair>,
    pub(crate) verdict: String,
    pub(crate) blocked: bool,
    pub(crate) current: Option<VersionView>,
    pub(crate) earlier: Vec<VersionView>,
    pub(crate) reasons: Vec<Choice>,
    pub(crate) people: Vec<Choice>,
    pub(crate) also: u64,
    /// What somebody typed into the edit form when saving it did not work.
    pub(crate) unsaved: Option<Unsaved>,
}

/// An edit that was not saved.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Unsaved {
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// Characters that cannot be seen or that turn text round, by their code points: a person must not
/// approve one reading and send another.
fn unseen(texts: [&str; 4]) -> Vec<String> {
    let odd = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(
                u32::from(*c),
                0xad | 0x61c | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfeff
                    | 0xe0000..=0xe007f
            )
    };
    let found: BTreeSet<char> = texts.iter().flat_map(|text| text.chars()).filter(odd).collect();
    found.into_iter().map(|c| format!("U+{:04X}", u32::from(c))).collect()
}

/// A place as reviewers read it: `body, bytes 10 to 22: other_name (full name)`.
fn in_words(place: &Place) -> String {
    let part = match place.part {
        Part::Subject => "subject",
        Part::Body => "body",
    };
    format!("{part}, bytes {} to {}: {} ({})", place.start, place.end, place.kind, place.rule)
}

fn version(opened: &Opened, now: Timestamp) -> VersionView {
    let Opened { version, manuscript } = opened;
    let prompt = match &version.author {
        Author::Model { prompt, prompt_hash, .. } | Author::Offline { prompt, prompt_hash } => {
            Some(format!("{prompt} ({})", prompt_hash.get(..8).unwrap_or(prompt_hash)))
        }
        Author::Person { .. } => None,
    };
    let letter = manuscript.as_ref().map(|manuscript| {
        let letter = &manuscript.letter;
        LetterView {
            name: letter.recipient.name.clone(),
            address: letter.recipient.address.clone(),
            role: letter.recipient.role.as_str().replace('_', " "),
            channel: letter.channel.as_str(),
            class: letter.class.as_str(),
            subject: letter.subject.clone(),
            body: letter.body.clone(),
            attachments: letter.attachments.iter().map(|file| file.name.clone()).collect(),
            unseen: unseen([
                &letter.recipient.name,
                &letter.recipient.address,
                &letter.subject,
                &letter.body,
            ]),
        }
    });
    let facts = manuscript.iter().flat_map(|manuscript| {
        manuscript.facts.iter().map(|fact| FactLine {
            id: fact.id.clone(),
            label: fact.label.clone(),
            value: fact.value.clone(),
            source: fact.source.clone(),
            used: manuscript.used.contains(&fact.id),
        })
    });
    VersionView {
        number: version.number,
        author: version.author.label().to_owned(),
        offline: matches!(version.author, Author::Offline { .. }),
        prompt,
        at: Moment::of(version.at, now),
        instruction: version.instruction.clone(),
        confidence: version.confidence.map(|confidence| format!("{:.0} %", confidence * 100.0)),
        tokens: version.tokens,
        binding: version.binding.to_string(),
        policy: version.judgement.policy.chars().take(8).collect(),
        suspected: version.findings.iter().any(|finding| finding.code == INJECTION_SUSPECTED),
        findings: version
            .findings
            .iter()
            .map(|finding| Found {
                code: finding.code.clone(),
                detail: finding.detail.clone(),
                blocking: finding.blocking,
                place: finding.place.as_ref().map(in_words),
            })
            .collect(),
        letter,
        facts: facts.collect(),
        seen: manuscript
            .as_ref()
            .map(|manuscript| manuscript.seen_by_model.clone())
            .filter(|seen| !seen.is_empty()),
        restored: manuscript
            .iter()
            .flat_map(|manuscript| &manuscript.restored)
            .map(|restored| RestoredLine {
                placeholder: restored.placeholder.clone(),
                kind: kind_in_words(restored.kind.as_deref()),
                count: restored.count,
                value: restored.value.clone(),
                kept: match restored.kind {
                    Some(_) => "kept back",
                    None => "stands for nothing",
                },
            })
            .collect(),
    }
}

/// A type of placeholder as people read it: `credit card`.
fn kind_in_words(kind: Option<&str>) -> String {
    kind.map_or_else(|| "unknown".to_owned(), |kind| kind.replace('_', " ").to_lowercase())
}

fn state(state: &ApprovalState, names: &Names, now: Timestamp) -> String {
    let when = |at: Timestamp| Moment::of(at, now).text;
    match state {
        ApprovalState::Waiting { snoozed_until: None } => "Waits for a decision.".to_owned(),
        ApprovalState::Waiting { snoozed_until: Some(until) } => {
            format!("Waits for a decision; put off until {}.", when(*until))
        }
        ApprovalState::Redrafting { instruction } => {
            format!("Another version is being written: {instruction}")
        }
        ApprovalState::Approved { by, at, .. } => {
            format!("Approved by {} on {}.", names.actor(by), when(*at))
        }
        ApprovalState::Rejected { by, at, reason, note } => {
            let note = if note.is_empty() { String::new() } else { format!(" “{note}”") };
            let reason = timeline::reason(*reason);
            format!("Rejected by {} on {}: {reason}.{note}", names.actor(by), when(*at))
        }
        ApprovalState::Expired { at } => {
            format!("Expired undecided on {}. It was not sent.", when(*at))
        }
        ApprovalState::Withdrawn { at } => {
            format!(
                "Withdrawn on {}: its run ended, or a person in it was erased. It was not sent.",
                when(*at)
            )
        }
    }
}

/// What a signal said, a row for each part.
pub(crate) fn evidence(data: &Value) -> Vec<Pair> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match data {
        Value::Null => Vec::new(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| Pair { label: key.replace('_', " "), value: text(value) })
            .collect(),
        other => vec![Pair { label: "data".to_owned(), value: text(other) }],
    }
}

fn about(reviewed: &Reviewed) -> Vec<Pair> {
    let account = &reviewed.account;
    let pair = |label: &str, value: Option<String>| {
        value.map(|value| Pair { label: label.to_owned(), value })
    };
    [
        pair("Health", today::in_words(account.health, account.previous_health)),
        pair("Renewal", account.renewal_date.map(moment::day)),
        pair("ARR", Some(moment::money(&account.arr))),
        pair("Segment", Some(account.segment.as_str().replace('_', " "))),
        pair("Phase", Some(account.lifecycle.as_str().to_owned())),
        pair("Status", Some(account.status.as_str().to_owned())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The page of one approval, without what needs further reading.
pub(crate) fn view(reviewed: &Reviewed, names: &Names, now: Timestamp) -> View {
    let approval = &reviewed.item.approval;
    let mut versions: Vec<VersionView> =
        reviewed.versions.iter().map(|opened| version(opened, now)).collect();
    let current = versions.pop();
    versions.reverse();
    View {
        id: approval.id.to_string(),
        account: reviewed.account.id.to_string(),
        account_name: reviewed.item.account_name.clone(),
        about: about(reviewed),
        health: None,
        as_of: Moment::of(reviewed.account.as_of, now),
        contact_name: reviewed.item.contact_name.clone(),
        action: timeline::action(approval.action),
        playbook: approval.playbook.clone(),
        run: approval.run.to_string(),
        step: approval.step.clone(),
        risk: approval.risk.as_str(),
        careful: approval.risk == Severity::High,
        team: approval.team.as_str().replace('_', " "),
        assignee: reviewed.item.assignee_name.clone(),
        queued: Moment::of(approval.queued_at, now),
        due: Moment::of(approval.due_at, now),
        status: approval.state.status().as_str(),
        open: approval.ensure_open().is_ok(),
        state: state(&approval.state, names, now),
        snoozed: match approval.state {
            ApprovalState::Waiting { snoozed_until } => {
                snoozed_until.map(|until| Moment::of(until, now))
            }
            _ => None,
        },
        cause: timeline::cause(&reviewed.cause),
        cause_at: Moment::of(reviewed.cause.at, now),
        evidence: evidence(&reviewed.cause.data),
        verdict: reviewed.verdict.clone(),
        blocked: approval.version.judgement.verdict == Verdict::Forbid
            || approval.version.findings.iter().any(|finding| finding.blocking),
        current,
        earlier: versions,
        reasons: RejectReason::ALL
            .iter()
            .map(|reason| Choice::new(reason.as_str(), timeline::reason(*reason), None))
            .collect(),
        people: Vec::new(),
        also: 0,
        unsaved: None,
    }
}
