//! What the fuzz targets share: a customer somebody wrote to, and a writer whose model says anything.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use agent::{Agent, Call, Completion, Limits, Model, ModelError};
use async_trait::async_trait;
use domain::{
    clock::Clock,
    contact::ContactRole,
    content::Pseudonyms,
    intent::Recipient,
    port::{Assignment, LetterTask, WriterTask},
    redaction::Redaction,
    snapshot::Snapshot,
};
use jiff::Timestamp;
use privacy::{Known, Person, Redactor, Rules};
use serde_json::json;
use uuid::Uuid;

/// A redactor that knows two people.
pub fn redactor() -> Redactor {
    let person = |first: &str, last: &str, email: &str, phone: &str| Person {
        first: first.into(),
        last: last.into(),
        emails: vec![email.into()],
        phones: vec![phone.into()],
    };
    let known = Known::new(
        vec![
            person("Ann", "Lee", "ann.lee@acme.example", "+1 212 555 0142"),
            person("José", "García Pérez", "jose@acme.example", "+34 612 345 678"),
        ],
        &[],
    );
    Redactor::new(Rules::default(), known)
}

/// Always the same moment, ever new ids.
#[derive(Default)]
struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// A model that says what it is told.
#[derive(Default)]
struct Parrot(Mutex<String>);

#[async_trait]
impl Model for Parrot {
    fn name(&self) -> &str {
        "parrot"
    }

    async fn complete(&self, _call: &Call) -> Result<Completion, ModelError> {
        let text = self.0.lock().map(|text| text.clone()).unwrap_or_default();
        Ok(Completion { text, tokens: Some(1), calls: 1, notes: Vec::new() })
    }
}

/// A writer, and the means to put words into its model's mouth.
pub struct Puppet {
    parrot: Arc<Parrot>,
    agent: Agent,
}

impl Puppet {
    /// A writer with the prompts that ship.
    pub fn new() -> Self {
        let parrot = Arc::new(Parrot::default());
        let prompts = [
            ("outreach", include_str!("../prompts/outreach.md")),
            ("route-risk", include_str!("../prompts/route-risk.md")),
            ("summarize-account", include_str!("../prompts/summarize-account.md")),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
        let limits = Limits { calls_per_minute: None, ..Limits::default() };
        let clock = Arc::new(Still::default());
        let model: Arc<dyn Model> = Arc::<Parrot>::clone(&parrot);
        let agent = Agent::new(model, prompts.to_vec(), limits, clock).expect("prompts that work");
        Self { parrot, agent }
    }

    /// The writer.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// What the model says from now on.
    pub fn says(&self, text: &str) {
        if let Ok(mut said) = self.parrot.0.lock() {
            text.clone_into(&mut said);
        }
    }
}

impl Default for Puppet {
    fn default() -> Self {
        Self::new()
    }
}

/// Everything known of a customer whose ticket reads like this.
pub fn snapshot(ticket: &str) -> Snapshot {
    let id = |kind: &str, n: u8| format!("{kind}_{n:032}");
    serde_json::from_value(json!({
        "account": {
            "id": id("acc", 1), "source": "test", "source_id": "1", "name": "Acme",
            "domain": "acme.example", "industry": null, "employees": null,
            "segment": "mid_market", "tier": "high_touch", "lifecycle": "renewal",
            "status": "active", "csm": null, "region": null, "time_zone": null,
            "arr": { "minor": 1_200_000, "currency": "EUR" }, "contract_start": null,
            "renewal_date": "2027-01-21", "health": 44.0, "previous_health": 71.0,
            "as_of": "2026-11-22T06:00:00Z",
        },
        "csm": null,
        "contacts": [{
            "id": id("con", 2), "account": id("acc", 1), "source": "test", "source_id": "2",
            "email": "ann.lee@acme.example", "first": "Ann", "last": "Lee",
            "title": "Head of Operations", "role": "champion", "phone": "+1 212 555 0142",
            "locale": null, "time_zone": null, "consent": "granted", "opted_out_at": null,
            "bounced_at": null,
        }],
        "usage": {
            "active_days_28": 9, "events_28": 68, "events_prior_28": 100, "trend_28": -0.32,
            "peak_users_28": 7, "features_28": 3, "days_since_last": 2,
        },
        "tickets": {
            "open": 1, "open_p1": 0, "opened_28": 1, "opened_prior_28": 1, "escalated_90": 0,
            "csat_90": 4.0,
        },
        "survey": { "nps": 6, "days_since_nps": 30 },
        "contract": { "seats": 40, "open_lines": 1, "plan": "Team", "auto_renew": false },
        "recent_tickets": [{
            "source_id": "T-1", "subject": "Export fails", "body": ticket, "priority": "p3",
            "opened_at": "2026-11-20T09:00:00Z", "open": true,
        }],
        "at": "2026-11-22T12:00:00Z",
    }))
    .expect("a snapshot")
}

/// A letter, a route and a summary to be written about a customer.
pub fn assignments(ticket: &str) -> [Assignment; 3] {
    let snapshot = snapshot(ticket);
    let recipient = Recipient::choose(&[ContactRole::Champion], &snapshot.contacts);
    let letter = LetterTask {
        recipient: recipient.expect("a contact"),
        asset: "reply".to_owned(),
        template: "---\nsubject: Your message\n---\nDear {{ contact.first }},\n\nthank you.\n"
            .to_owned(),
        instruction: None,
        previous: None,
        ticket: Some("T-1".to_owned()),
    };
    [
        (WriterTask::Letter(Box::new(letter)), "outreach"),
        (WriterTask::Route, "route-risk"),
        (WriterTask::Summary, "summarize-account"),
    ]
    .map(|(task, prompt)| Assignment {
        task,
        prompt: prompt.to_owned(),
        snapshot: snapshot.clone(),
        results: json!({}),
        cause: serde_json::from_value(json!({
            "trigger": "manual", "signal": format!("sig_{:032}", 5), "kind": "manual.requested",
            "data": null, "at": "2026-11-20T09:00:00Z", "condition": "",
        }))
        .expect("a cause"),
        objective: "Renew in good time.".to_owned(),
        tokens_left: 1_000_000,
        redaction: Redaction::default(),
        releases: Vec::new(),
        strangers: Vec::new(),
        pseudonyms: Pseudonyms::default(),
    })
}
