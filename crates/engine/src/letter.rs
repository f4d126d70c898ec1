//! Turns what the writer wrote into an item of the queue, or a new version of one.

use domain::{
    account::Band,
    action::{Action, Severity, Team},
    approval::{Approval, ApprovalState},
    draft::{Binding, Letter, Manuscript, Version},
    event::Event,
    id::{ApprovalId, ContentId},
    intent::{Intent, Recipient},
    message::Outgoing,
    port::{Parcel, VaultError, Written, WrittenLetter},
    run::Phase,
    snapshot::Snapshot,
    user::Actor,
    verdict::{Occasion, Verdict},
};
use jiff::{SignedDuration, Timestamp};
use policy::Policy;

use crate::{
    exit,
    judge::{Text, judge},
    ports::Ports,
    turn::Draft,
};

/// What the writer's letter is for.
pub(crate) struct Commission<'a> {
    pub(crate) intent: &'a Intent,
    pub(crate) recipient: &'a Recipient,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) policy: &'a Policy,
    /// The playbook's own text the letter was made of.
    pub(crate) asset: &'a str,
    /// How long the item may wait.
    pub(crate) timeout: SignedDuration,
    /// The approval this is another version of, with what was asked for.
    pub(crate) redraft: Option<(Approval, String)>,
}

/// Seals the letter, has it judged, and puts it in the queue, or in the outbox if policy allows it
/// alone. Sets the run's phase.
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
pub(crate) async fn propose(
    ports: &Ports,
    turn: &mut Draft,
    commission: Commission<'_>,
    mut written: Written,
    letter: WrittenLetter,
) -> Result<Option<Timestamp>, VaultError> {
    let Commission { intent, recipient, snapshot, policy, asset, timeout, redraft } = commission;
    let now = turn.now();
    let Some(outreach) = intent.action.outreach() else { return Ok(None) };
    let manuscript = Manuscript {
        letter: Letter {
            recipient: recipient.clone(),
            channel: outreach.channel,
            class: outreach.class,
            subject: letter.subject,
            body: letter.body,
            attachments: Vec::new(),
        },
        facts: written.facts,
        used: letter.used,
        seen_by_model: written.seen_by_model,
        restored: written.restored,
    };
    let parcel = Parcel {
        letter: &manuscript.letter,
        snapshot,
        asset,
        standards: policy.outgoing(),
        playbook: &intent.playbook,
    };
    written.findings.extend(exit::findings(ports, parcel).await);
    let content = ContentId::new(&*ports.clock);
    let plain = serde_json::to_vec(&manuscript).unwrap_or_default();
    let sealed = ports.vault.seal(content, recipient.contact, &plain).await?;
    let text = Text {
        letter: &manuscript.letter,
        author: &written.author,
        findings: &written.findings,
        confidence: letter.confidence,
    };
    let judgement = judge(policy, Occasion::Draft, intent, snapshot, Some(&text));
    let instruction = redraft.as_ref().map(|(_, instruction)| instruction.clone());
    let number = redraft.as_ref().map_or(1, |(approval, _)| approval.version.number + 1);
    let version = Version {
        number,
        author: written.author,
        content,
        binding: Binding::of(content, &manuscript.letter, &judgement.policy),
        judgement: judgement.clone(),
        findings: written.findings,
        confidence: letter.confidence,
        tokens: i64::try_from(written.tokens).unwrap_or(i64::MAX),
        instruction,
        at: now,
    };
    let mut approval = match redraft {
        Some((mut approval, _)) => {
            if approval.revise(version.clone()).is_err() {
                // Settled while the model wrote: the run reads the settled state next.
                turn.progress.phase = Phase::AwaitingApproval { approval: approval.id };
                return Ok(Some(now));
            }
            approval
        }
        None => new_item(ports, turn, (intent, recipient, snapshot), version.clone(), timeout),
    };
    turn.event(Event::DraftWritten {
        step: intent.step.clone(),
        approval: approval.id,
        version: number,
        author: version.author.label().to_owned(),
        content,
        content_hash: sealed.hash(),
        binding: version.binding.clone(),
        judgement: judgement.clone(),
        findings: version.findings.clone(),
        tokens: written.tokens,
    });
    turn.content(sealed);
    if judgement.verdict == Verdict::Allow
        && let Ok(approved) = approval.approve_by_policy(now)
    {
        turn.event_by(
            Actor::Policy,
            Event::ApprovalGranted {
                approval: approval.id,
                version: number,
                binding: version.binding,
                judgement,
                message: approved.message(),
            },
        );
        turn.progress.phase = Phase::AwaitingDelivery { message: approved.message() };
        turn.send(Outgoing::new(approved));
        turn.approval(approval);
        return Ok(None);
    }
    if number == 1 {
        turn.event(Event::ApprovalRequested {
            step: intent.step.clone(),
            approval: approval.id,
            assignee: approval.assignee,
            due_at: approval.due_at,
        });
    }
    turn.progress.phase = Phase::AwaitingApproval { approval: approval.id };
    let due = approval.due_at;
    turn.approval(approval);
    Ok(Some(due))
}

/// A new item of the queue.
fn new_item(
    ports: &Ports,
    turn: &Draft,
    about: (&Intent, &Recipient, &Snapshot),
    version: Version,
    timeout: SignedDuration,
) -> Approval {
    let (intent, recipient, snapshot) = about;
    let now = turn.now();
    let judgement = &version.judgement;
    Approval {
        id: ApprovalId::new(&*ports.clock),
        run: intent.run,
        step: intent.step.clone(),
        playbook: intent.playbook.clone(),
        account: intent.account,
        contact: recipient.contact,
        action: intent.action.name(),
        channel: intent.action.outreach().map(|outreach| outreach.channel).unwrap_or_default(),
        risk: risk(snapshot, &turn.progress.results),
        team: judgement
            .matched
            .iter()
            .find(|rule| rule.verdict == judgement.verdict)
            .and_then(|rule| rule.reviewer)
            .unwrap_or(Team::Csm),
        assignee: snapshot.csm.as_ref().map(|csm| csm.id),
        queued_at: now,
        due_at: now.checked_add(timeout).unwrap_or(Timestamp::MAX),
        state: ApprovalState::Waiting { snoozed_until: None },
        revision: 0,
        version,
    }
}

/// How carefully to look: the worst the run's own routing said, or else the account's health.
fn risk(
    snapshot: &Snapshot,
    results: &std::collections::BTreeMap<String, serde_json::Value>,
) -> Severity {
    let routed = results
        .values()
        .filter_map(|result| result.get("severity")?.as_str()?.parse::<Severity>().ok())
        .max();
    routed.unwrap_or_else(|| match snapshot.account.health.map(Band::of) {
        Some(Band::Red) => Severity::High,
        Some(Band::Yellow) => Severity::Medium,
        Some(Band::Green) | None => Severity::Low,
    })
}

/// The intent of a step, with its recipient where it has one.
pub(crate) fn intent(
    run: &domain::run::Run,
    step: &str,
    action: Action,
    snapshot: &Snapshot,
) -> Intent {
    let recipient =
        action.outreach().and_then(|outreach| Recipient::choose(&outreach.to, &snapshot.contacts));
    Intent {
        run: run.id,
        step: step.to_owned(),
        playbook: run.playbook.clone(),
        account: run.account,
        action,
        recipient,
    }
}
