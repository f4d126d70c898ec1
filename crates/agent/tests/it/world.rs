//! A customer, a clock and a local endpoint that answers as it is told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use agent::{Agent, Endpoint, Limits, Model, OpenAiModel};
use domain::{
    account::{Account, AccountStatus, Lifecycle, Money, Segment, Tier},
    clock::Clock,
    contact::{Consent, Contact, ContactRole},
    id::{AccountId, ContactId, SignalId, UserId},
    intent::Recipient,
    port::{Assignment, LetterTask, WriterTask},
    record::Priority,
    run::Cause,
    snapshot::{ContractFacts, Snapshot, SurveyFacts, TicketBrief, TicketFacts, UsageFacts},
    user::{Role, User},
};
use jiff::Timestamp;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use uuid::Uuid;

/// Names, addresses and numbers the CRM knows: none may reach a model.
pub(crate) const CANARIES: [&str; 12] = [
    "Annika",
    "Leclair",
    "annika.leclair@acme.example",
    "212 555 0142",
    "2125550142",
    "José",
    "García",
    "jose@acme.example",
    "612 345 678",
    "4111",
    "sam@vendor.example",
    "hunter2",
];

pub(crate) const ASSET: &str = "---\nkind: email_template\nsubject: \"{{ account.name }}: your renewal on {{ account.renewal_date }}\"\n---\nHi {{ contact.first }},\n\nyour contract ends in {{ account.days_to_renewal }} days.\n\nShall we talk about {{ contract.seats }} seats?\n\nThe guide is at https://vendor.example/guide.\n\nBest regards\n{{ csm.name }}\nhelp@vendor.example\n";

/// Always the same moment, ever new ids.
#[derive(Default)]
pub(crate) struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(
            0x0198_0000_0000_7000_8000_0000_0000_0000
                + u128::from(self.0.fetch_add(1, Ordering::Relaxed)),
        )
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(Still::default())
}

pub(crate) fn contact(
    id: u128,
    first: &str,
    last: &str,
    email: &str,
    phone: &str,
    role: ContactRole,
) -> Contact {
    Contact {
        id: ContactId::from_uuid(Uuid::from_u128(id)),
        account: AccountId::from_uuid(Uuid::from_u128(1)),
        source: "test".into(),
        source_id: id.to_string(),
        email: Some(email.into()),
        first: first.into(),
        last: last.into(),
        title: Some("Head of Operations".into()),
        role,
        phone: Some(phone.into()),
        locale: None,
        time_zone: None,
        consent: Consent::Granted,
        opted_out_at: None,
        bounced_at: None,
    }
}

pub(crate) fn snapshot() -> Snapshot {
    Snapshot {
        account: Account {
            id: AccountId::from_uuid(Uuid::from_u128(1)),
            source: "test".into(),
            source_id: "1".into(),
            name: "Acme".into(),
            domain: Some("acme.example".into()),
            industry: None,
            employees: None,
            segment: Segment::MidMarket,
            tier: Tier::HighTouch,
            lifecycle: Lifecycle::Renewal,
            status: AccountStatus::Active,
            csm: None,
            region: None,
            time_zone: None,
            arr: Money { minor: 1_200_000, currency: "EUR".into() },
            contract_start: None,
            renewal_date: Some("2027-01-21".parse().unwrap()),
            health: Some(44.0),
            previous_health: Some(71.0),
            as_of: "2026-11-22T06:00:00Z".parse().unwrap(),
        },
        csm: Some(User {
            id: UserId::from_uuid(Uuid::from_u128(9)),
            email: "sam@vendor.example".into(),
            name: "Sam Field".into(),
            role: Role::Csm,
            since: None,
            disabled_at: None,
        }),
        contacts: vec![
            contact(2, "Annika", "Leclair", "annika.leclair@acme.example", "+1 212 555 0142", ContactRole::Champion),
            contact(3, "José", "García", "jose@acme.example", "+34 612 345 678", ContactRole::User),
        ],
        usage: UsageFacts { active_days_28: 9, events_28: 68, events_prior_28: 100, trend_28: -0.32, peak_users_28: 7, features_28: 3, days_since_last: 2 },
        tickets: TicketFacts { open: 2, open_p1: 1, opened_28: 2, opened_prior_28: 1, escalated_90: 0, csat_90: 4.0 },
        survey: SurveyFacts { nps: 6, days_since_nps: 30 },
        contract: ContractFacts { seats: 40, open_lines: 1, plan: "Team".into(), auto_renew: false },
        recent_tickets: vec![TicketBrief {
            source_id: "T-17".into(),
            subject: "Export fails for José García".into(),
            body: "Hi, this is Annika Leclair (annika.leclair@acme.example, 212-555-0142). ERR_TIMEOUT_759 again.\nMy card is 4111 1111 1111 1111, password: hunter2\n".into(),
            priority: Priority::P1,
            opened_at: "2026-11-20T09:00:00Z".parse().unwrap(),
            open: true,
        }],
        at: "2026-11-22T12:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn letter() -> LetterTask {
    LetterTask {
        recipient: Recipient::choose(&[ContactRole::Champion], &snapshot().contacts).unwrap(),
        asset: "renewal".into(),
        template: ASSET.into(),
        instruction: None,
        previous: None,
        ticket: None,
    }
}

pub(crate) fn assignment(task: WriterTask) -> Assignment {
    let prompt = match task {
        WriterTask::Letter(_) => "outreach",
        WriterTask::Route => "route-risk",
        WriterTask::Summary => "summarize-account",
    };
    Assignment {
        task,
        prompt: prompt.into(),
        snapshot: snapshot(),
        results: json!({}),
        cause: Cause {
            trigger: "event".into(),
            signal: SignalId::from_uuid(Uuid::from_u128(5)),
            kind: "ticket.opened".into(),
            data: json!({ "ticket": "T-17", "by": "annika.leclair@acme.example" }),
            at: "2026-11-20T09:00:00Z".parse().unwrap(),
            condition: String::new(),
        },
        objective: "Renew Acme in good time, with Annika Leclair on our side.".into(),
        tokens_left: 50_000,
        redaction: domain::redaction::Redaction::default(),
        releases: vec![],
        strangers: vec![],
        pseudonyms: domain::content::Pseudonyms::default(),
    }
}

pub(crate) fn prompts() -> Vec<(String, String)> {
    [
        ("outreach", include_str!("../../../../prompts/outreach.md")),
        ("route-risk", include_str!("../../../../prompts/route-risk.md")),
        ("summarize-account", include_str!("../../../../prompts/summarize-account.md")),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .to_vec()
}

pub(crate) fn agent(model: Arc<dyn Model>) -> Agent {
    Agent::new(model, prompts(), Limits::default(), clock()).unwrap()
}

/// How the endpoint behaves on one connection.
#[derive(Clone, Debug)]
pub(crate) enum Play {
    /// Sends these bytes and closes.
    Raw(Vec<u8>),
    /// Sends nothing until the other side gives up.
    Silence,
}

/// A local HTTP endpoint that plays one answer after the other, the last one again and again.
pub(crate) struct Stage {
    pub(crate) url: String,
    hits: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    pub(crate) async fn new(plays: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let hits = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, log) = (Arc::clone(&hits), Arc::clone(&requests));
        tokio::spawn(async move {
            loop {
                let Ok((mut socket, _)) = listener.accept().await else { return };
                let index = count.fetch_add(1, Ordering::SeqCst);
                let play = plays[index.min(plays.len() - 1)].clone();
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    while !whole(&request) {
                        match socket.read(&mut buffer).await {
                            Ok(0) | Err(_) => return,
                            Ok(n) => request.extend_from_slice(&buffer[..n]),
                        }
                    }
                    log.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                    match play {
                        Play::Raw(bytes) => {
                            let _ = socket.write_all(&bytes).await;
                            let _ = socket.shutdown().await;
                        }
                        Play::Silence => {
                            let _ = socket.read(&mut buffer).await;
                        }
                    }
                });
            }
        });
        Self { url, hits, requests }
    }

    pub(crate) fn model(&self, timeout: Duration) -> OpenAiModel {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let endpoint = Endpoint {
            timeout,
            ..Endpoint::new(&self.url, "test-model", Some("sk-canary".into()))
        };
        OpenAiModel::new(endpoint, clock()).unwrap()
    }

    /// How many requests came.
    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// The requests as they came over the wire.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Whether a request is complete.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length:")
                .map(|n| n.trim().parse::<usize>().unwrap())
        })
        .unwrap_or(0);
    request.len() >= head.len() + 4 + length
}

/// An HTTP answer.
pub(crate) fn http(status: &str, headers: &[(&str, &str)], body: &str) -> Play {
    let mut answer =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        answer.extend([name, ": ", value, "\r\n"]);
    }
    Play::Raw(format!("{answer}\r\n{body}").into_bytes())
}

/// A chat completion with this text.
pub(crate) fn says(text: &str) -> Play {
    let body = json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "test-model",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 700, "completion_tokens": 80, "total_tokens": 780 },
    });
    http("200 OK", &[("Content-Type", "application/json")], &body.to_string())
}
