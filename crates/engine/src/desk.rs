//! The desk: takes people's decisions on approvals, judged again at the moment they are taken.

use async_trait::async_trait;
use domain::{
    approval::{Approval, DecideError},
    content::Sealed,
    draft::{Author, Binding, Finding, Letter, Manuscript, Version},
    event::{Event, NewEvent},
    id::{ApprovalId, ContentId},
    intent::Intent,
    message::Outgoing,
    page::{Page, PageRequest},
    port::{Desk, DeskError, Opened, Parcel, QueueFilter, QueueItem, Reviewed, Ruling, VaultError},
    snapshot::Snapshot,
    turn::{Settled, Settlement},
    user::Actor,
    verdict::Occasion,
};
use jiff::Timestamp;
use playbook::Doing;

use crate::{
    active::{Active, ActiveError},
    exit,
    judge::{Text, judge},
    letter,
    ports::Ports,
};

const LONGEST_SUBJECT: usize = 300;
const LONGEST_BODY: usize = 20_000;
const LONGEST_NOTE: usize = 2_000;

/// Takes people's decisions.
#[derive(Clone)]
pub struct ApprovalDesk {
    ports: Ports,
    active: Active,
}

/// An approval with everything a ruling on it may need.
struct Case {
    approval: Approval,
    snapshot: Snapshot,
    manuscript: Manuscript,
    intent: Intent,
    /// The playbook's own text the letter was made of.
    asset: String,
}

/// What a ruling changes besides the approval itself.
#[derive(Default)]
struct Changes {
    events: Vec<Event>,
    contents: Vec<Sealed>,
    outbox: Option<Outgoing>,
    wake: bool,
    /// The decision was not taken, but what it found must be stored.
    refusal: Option<DecideError>,
}

impl ApprovalDesk {
    /// A desk over these doors.
    pub fn new(ports: Ports) -> Self {
        let active = Active::new(&ports);
        Self { ports, active }
    }

    async fn case(&self, approval: Approval) -> Result<Case, DeskError> {
        let run =
            self.ports.journal.run(approval.run).await?.ok_or(DeskError::NotFound(approval.id))?;
        let now = self.ports.clock.now();
        let snapshot = self
            .ports
            .customers
            .snapshots(&[approval.account], now)
            .await?
            .into_iter()
            .next()
            .ok_or(DeskError::NotFound(approval.id))?;
        let manuscript = self.manuscript(&approval.version).await?;
        let plan = self.active.plan(&run.version).await.map_err(unusable)?;
        let facts = plan.facts(&snapshot, &run.cause, &run.progress.results);
        let action = match plan.step(&approval.step).map(|step| &step.doing) {
            Some(Doing::Act(act)) => act
                .action(&facts, &snapshot)
                .map_err(|err| DeskError::Policy(format!("step `{}`: {err}", approval.step)))?,
            _ => return Err(DeskError::Policy(format!("step `{}` is gone", approval.step))),
        };
        let mut intent = letter::intent(&run, &approval.step, action, &snapshot);
        // The recipient is the one on the letter, not whoever the CRM would choose today.
        intent.recipient = Some(manuscript.letter.recipient.clone());
        let asset = intent.action.outreach().and_then(|outreach| plan.asset(&outreach.asset));
        let asset = asset.map(|asset| asset.text.clone()).unwrap_or_default();
        Ok(Case { approval, snapshot, manuscript, intent, asset })
    }

    async fn manuscript(&self, version: &Version) -> Result<Manuscript, VaultError> {
        let plain = self.ports.vault.open(version.content).await?;
        serde_json::from_slice(&plain).map_err(|_| VaultError::Sealed(version.content))
    }

    async fn approve(
        &self,
        case: &mut Case,
        by: &Actor,
        seen: &Binding,
        now: Timestamp,
    ) -> Result<Changes, DeskError> {
        case.approval.ensure_open()?;
        if *seen != case.approval.version.binding {
            let version = case.approval.version.number;
            return Err(DecideError::Changed { id: case.approval.id, version }.into());
        }
        let policy = self.active.policy().await.map_err(unusable)?;
        let text = Text {
            letter: &case.manuscript.letter,
            author: &case.approval.version.author,
            findings: &case.approval.version.findings,
            confidence: case.approval.version.confidence,
        };
        let judgement =
            judge(&policy, Occasion::Decision, &case.intent, &case.snapshot, Some(&text));
        if judgement.policy != case.approval.version.judgement.policy {
            // The policy changed since the draft was judged: the person saw an old verdict.
            let mut version = case.approval.version.clone();
            version.number += 1;
            version.at = now;
            version.binding =
                Binding::of(version.content, &case.manuscript.letter, &judgement.policy);
            version.judgement = judgement;
            let refusal = DecideError::Changed { id: case.approval.id, version: version.number };
            let events = vec![Event::DecisionRefused {
                approval: case.approval.id,
                why: refusal.to_string(),
            }];
            case.approval.revise(version)?;
            return Ok(Changes { events, refusal: Some(refusal), ..Changes::default() });
        }
        let approval = case.approval.id;
        let granted = case.approval.approve(by.clone(), now, seen, &judgement);
        let approved = match granted {
            Ok(approved) => approved,
            Err(refusal @ DecideError::Forbidden { .. }) => {
                let events = vec![Event::DecisionRefused { approval, why: refusal.to_string() }];
                return Ok(Changes { events, refusal: Some(refusal), ..Changes::default() });
            }
            Err(err) => return Err(err.into()),
        };
        let events = vec![Event::ApprovalGranted {
            approval,
            version: case.approval.version.number,
            binding: approved.binding().clone(),
            judgement,
            message: approved.message(),
        }];
        Ok(Changes {
            events,
            outbox: Some(Outgoing::new(approved)),
            wake: true,
            ..Changes::default()
        })
    }

    async fn edit(
        &self,
        case: &mut Case,
        by: &Actor,
        edit: (Binding, String, String),
        now: Timestamp,
    ) -> Result<Changes, DeskError> {
        let (seen, subject, body) = edit;
        case.approval.ensure_open()?;
        if seen != case.approval.version.binding {
            let version = case.approval.version.number;
            return Err(DecideError::Changed { id: case.approval.id, version }.into());
        }
        let Actor::User { id: user } = by else {
            return Err(DeskError::Invalid {
                field: "by",
                why: "only a person can edit a draft".to_owned(),
            });
        };
        let subject = subject.trim().to_owned();
        within("subject", &subject, LONGEST_SUBJECT)?;
        within("body", body.trim(), LONGEST_BODY)?;
        if subject.contains(['\r', '\n']) {
            return Err(DeskError::Invalid {
                field: "subject",
                why: "must be one line".to_owned(),
            });
        }
        let policy = self.active.policy().await.map_err(unusable)?;
        let letter = Letter { subject, body, ..case.manuscript.letter.clone() };
        let mut findings: Vec<Finding> =
            self.ports.writer.inspect(&letter, &case.manuscript.facts, &case.snapshot);
        let parcel = Parcel {
            letter: &letter,
            snapshot: &case.snapshot,
            asset: &case.asset,
            standards: policy.outgoing(),
            playbook: &case.intent.playbook,
        };
        findings.extend(exit::findings(&self.ports, parcel).await);
        let author = Author::Person { user: *user };
        let text = Text { letter: &letter, author: &author, findings: &findings, confidence: None };
        let judgement = judge(&policy, Occasion::Edit, &case.intent, &case.snapshot, Some(&text));
        let content = ContentId::new(&*self.ports.clock);
        let binding = Binding::of(content, &letter, &judgement.policy);
        let manuscript = Manuscript {
            letter,
            facts: case.manuscript.facts.clone(),
            used: case.manuscript.used.clone(),
            seen_by_model: String::new(),
            restored: Vec::new(),
        };
        let plain = serde_json::to_vec(&manuscript).unwrap_or_default();
        let sealed = self.ports.vault.seal(content, case.approval.contact, &plain).await?;
        let version = Version {
            number: case.approval.version.number + 1,
            author,
            content,
            binding: binding.clone(),
            judgement: judgement.clone(),
            findings,
            confidence: None,
            tokens: 0,
            instruction: None,
            at: now,
        };
        let events = vec![Event::ApprovalEdited {
            approval: case.approval.id,
            version: version.number,
            content,
            content_hash: sealed.hash(),
            binding,
            judgement,
        }];
        case.approval.revise(version)?;
        Ok(Changes { events, contents: vec![sealed], ..Changes::default() })
    }

    async fn settle(
        &self,
        approval: Approval,
        by: &Actor,
        changes: Changes,
        now: Timestamp,
    ) -> Result<Option<DecideError>, DeskError> {
        let (id, run) = (approval.id, approval.run);
        let events = changes
            .events
            .into_iter()
            .map(|event| NewEvent::of_run(run, now, by.clone(), event))
            .collect();
        let settlement = Settlement {
            approval,
            events,
            contents: changes.contents,
            outbox: changes.outbox,
            wake: changes.wake,
        };
        match self.ports.inbox.settle(settlement, now).await? {
            Settled::Applied => Ok(changes.refusal),
            Settled::Conflict => {
                let current = self.item(id).await?.approval;
                current.ensure_open()?;
                Err(DecideError::Changed { id, version: current.version.number }.into())
            }
        }
    }

    async fn item(&self, id: ApprovalId) -> Result<QueueItem, DeskError> {
        self.ports.inbox.approval(id).await?.ok_or(DeskError::NotFound(id))
    }
}

#[async_trait]
impl Desk for ApprovalDesk {
    async fn list(
        &self,
        filter: &QueueFilter,
        page: &PageRequest,
    ) -> Result<Page<QueueItem>, DeskError> {
        Ok(self.ports.inbox.approvals(filter, page).await?)
    }

    async fn show(&self, id: ApprovalId) -> Result<Reviewed, DeskError> {
        let item = self.item(id).await?;
        let account = self
            .ports
            .customers
            .account(item.approval.account)
            .await?
            .ok_or(DeskError::NotFound(id))?;
        let run =
            self.ports.journal.run(item.approval.run).await?.ok_or(DeskError::NotFound(id))?;
        let mut versions = Vec::new();
        for version in self.ports.inbox.versions(id).await? {
            let manuscript = match self.manuscript(&version).await {
                Ok(manuscript) => Some(manuscript),
                Err(VaultError::Erased(_) | VaultError::NotFound(_)) => None,
                Err(err) => return Err(err.into()),
            };
            versions.push(Opened { version, manuscript });
        }
        let verdict = item.approval.version.judgement.in_words();
        Ok(Reviewed { item, account, cause: run.cause, versions, verdict })
    }

    async fn rule(
        &self,
        id: ApprovalId,
        by: &Actor,
        ruling: Ruling,
    ) -> Result<Reviewed, DeskError> {
        let now = self.ports.clock.now();
        let mut approval = self.item(id).await?.approval;
        approval.ensure_open()?;
        let (approval, changes) = match ruling {
            Ruling::Approve { seen } => {
                let mut case = self.case(approval).await?;
                let changes = self.approve(&mut case, by, &seen, now).await?;
                (case.approval, changes)
            }
            Ruling::Edit { seen, subject, body } => {
                let mut case = self.case(approval).await?;
                let changes = self.edit(&mut case, by, (seen, subject, body), now).await?;
                (case.approval, changes)
            }
            Ruling::Reject { reason, note } => {
                at_most("note", &note, LONGEST_NOTE)?;
                approval.reject(by.clone(), now, reason, note)?;
                // The note may name people: it stays with the approval, out of the trail.
                let event = Event::ApprovalRejected { approval: id, reason, note: String::new() };
                (approval, Changes { events: vec![event], wake: true, ..Changes::default() })
            }
            Ruling::Redraft { instruction } => {
                within("instruction", instruction.trim(), LONGEST_NOTE)?;
                approval.redraft(instruction)?;
                let event = Event::RedraftRequested { approval: id, instruction: String::new() };
                (approval, Changes { events: vec![event], wake: true, ..Changes::default() })
            }
            Ruling::Reassign { to } => {
                approval.reassign(to)?;
                let event = Event::ApprovalReassigned { approval: id, to };
                (approval, Changes { events: vec![event], ..Changes::default() })
            }
            Ruling::Snooze { until } => {
                if until <= now || until >= approval.due_at {
                    return Err(DeskError::Invalid {
                        field: "until",
                        why: format!(
                            "must lie between now and {}, when the item expires",
                            approval.due_at
                        ),
                    });
                }
                approval.snooze(until)?;
                let event = Event::ApprovalSnoozed { approval: id, until };
                (approval, Changes { events: vec![event], ..Changes::default() })
            }
        };
        if let Some(refusal) = self.settle(approval, by, changes, now).await? {
            return Err(refusal.into());
        }
        self.show(id).await
    }
}

fn unusable(err: ActiveError) -> DeskError {
    match err {
        ActiveError::Store(err) => DeskError::Store(err),
        err => DeskError::Policy(err.to_string()),
    }
}

fn at_most(field: &'static str, text: &str, most: usize) -> Result<(), DeskError> {
    match text.chars().count() {
        n if n > most => Err(DeskError::Invalid {
            field,
            why: format!("is {n} characters long, at most {most}"),
        }),
        _ => Ok(()),
    }
}

fn within(field: &'static str, text: &str, most: usize) -> Result<(), DeskError> {
    if text.is_empty() {
        return Err(DeskError::Invalid { field, why: "must not be empty".to_owned() });
    }
    at_most(field, text, most)
}
