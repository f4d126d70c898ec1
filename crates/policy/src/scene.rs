//! An account, a contact, an intent and a draft for tests to vary.

use domain::{
    account::{Account, AccountStatus, Lifecycle, Money, Segment, Tier},
    action::{Action, Outreach, Team},
    contact::{Consent, Contact, ContactRole},
    draft::Finding,
    intent::{Channel, Intent, MessageClass, Recipient},
    snapshot::{ContractFacts, Snapshot, SurveyFacts, TicketFacts, UsageFacts},
    verdict::{Judgement, Occasion, Verdict},
};

use crate::{DraftFacts, Policy, Question};

/// A draft that owns its texts.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) body: String,
    pub(crate) findings: Vec<Finding>,
    pub(crate) confidence: Option<f64>,
}

/// Everything a question is about. As made, it is a healthy account of middling size, a champion
/// who agreed to everything, and a relationship e-mail without a text yet.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) occasion: Occasion,
    pub(crate) intent: Intent,
    pub(crate) snapshot: Snapshot,
    pub(crate) contact: Option<Contact>,
    pub(crate) draft: Option<Text>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let account = Account {
            id: id("acc"),
            source: "sample".to_owned(),
            source_id: "A-1".to_owned(),
            name: "Acme".to_owned(),
            domain: None,
            industry: None,
            employees: None,
            segment: Segment::MidMarket,
            tier: Tier::MidTouch,
            lifecycle: Lifecycle::Adoption,
            status: AccountStatus::Active,
            csm: None,
            region: None,
            time_zone: None,
            arr: Money::from_major(20_000.0, "EUR"),
            contract_start: None,
            renewal_date: None,
            health: Some(80.0),
            previous_health: None,
            as_of: "2026-01-10T00:00:00Z".parse().unwrap(),
        };
        let contact = Contact {
            id: id("con"),
            account: account.id,
            source: "sample".to_owned(),
            source_id: "C-1".to_owned(),
            email: Some("ann@acme.test".to_owned()),
            first: "Ann".to_owned(),
            last: "Lee".to_owned(),
            title: None,
            role: ContactRole::Champion,
            phone: None,
            locale: Some("de-DE".to_owned()),
            time_zone: Some("Europe/Berlin".to_owned()),
            consent: Consent::Granted,
            opted_out_at: None,
            bounced_at: None,
        };
        let intent = Intent {
            run: id("run"),
            step: "outreach".to_owned(),
            playbook: "onboarding-smb".to_owned(),
            account: account.id,
            action: Action::SendEmail(Outreach {
                to: vec![ContactRole::Champion],
                class: MessageClass::Relationship,
                channel: Channel::Email,
                asset: "welcome".to_owned(),
                prompt: "outreach".to_owned(),
            }),
            recipient: Recipient::choose(&[ContactRole::Champion], std::slice::from_ref(&contact)),
        };
        let snapshot = Snapshot {
            account,
            csm: None,
            contacts: vec![contact.clone()],
            usage: UsageFacts::default(),
            tickets: TicketFacts::default(),
            survey: SurveyFacts::default(),
            contract: ContractFacts::default(),
            recent_tickets: Vec::new(),
            at: "2026-01-10T00:00:00Z".parse().unwrap(),
        };
        Self { occasion: Occasion::Intent, intent, snapshot, contact: Some(contact), draft: None }
    }

    /// The same for an action that no customer notices.
    pub(crate) fn internal() -> Self {
        let mut scene = Self::new();
        scene.intent.action = Action::NotifyTeam { team: Team::Csm, text: "look".to_owned() };
        scene.intent.recipient = None;
        scene.contact = None;
        scene
    }

    /// The same with something changed.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn class(self, class: MessageClass) -> Self {
        self.with(|scene| {
            if let Action::SendEmail(outreach) = &mut scene.intent.action {
                outreach.class = class;
            }
        })
    }

    pub(crate) fn consent(self, consent: Consent) -> Self {
        self.with(|scene| scene.contact.as_mut().unwrap().consent = consent)
    }

    pub(crate) fn role(self, role: ContactRole) -> Self {
        self.with(|scene| {
            scene.contact.as_mut().unwrap().role = role;
            scene.intent.recipient.as_mut().unwrap().role = role;
        })
    }

    pub(crate) fn draft(self, body: &str) -> Self {
        self.with(|scene| {
            scene.occasion = Occasion::Draft;
            scene.draft =
                Some(Text { body: body.to_owned(), findings: Vec::new(), confidence: None });
        })
    }

    pub(crate) fn finding(self, code: &str, blocking: bool) -> Self {
        let finding =
            Finding { code: code.to_owned(), detail: "found".to_owned(), blocking, place: None };
        self.draft("Hello").with(|scene| scene.draft.as_mut().unwrap().findings.push(finding))
    }

    pub(crate) fn judged_by(&self, policy: &Policy) -> Judgement {
        policy.judge(&self.question())
    }

    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            occasion: self.occasion,
            intent: &self.intent,
            snapshot: &self.snapshot,
            contact: self.contact.as_ref(),
            draft: self.draft.as_ref().map(|text| DraftFacts {
                author: "offline",
                subject: "Your project",
                body: &text.body,
                findings: &text.findings,
                confidence: text.confidence,
            }),
        }
    }

    pub(crate) fn verdict(&self, policy: &Policy) -> Verdict {
        self.judged_by(policy).verdict
    }
}

fn id<T: std::str::FromStr>(prefix: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("{prefix}_0198c0de000070008000000000000001").parse().unwrap()
}
