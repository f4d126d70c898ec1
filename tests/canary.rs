//! Does anything personal or secret show where nobody should see it? Marked values, everywhere.
//!
//! A binary of its own: it listens to every line any library logs, and one process has one listener.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use domain::{
    approval::RejectReason,
    port::{Access as _, Desk as _, Intake as _, Ruling},
    record::{Priority, Row, TicketRow},
    run::RunStatus,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};
use world::{
    Database, World,
    model::{ModelEndpoint, Reply},
};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("the log")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What only the two customers know, by customer.
const OF_FIRST: [&str; 8] = [
    "Quillwen",
    "Zorbathy",
    "quillwen.zorbathy@harbor-owl.example",
    "5550 7731",
    "55507731",
    "4556737586899855",
    "hunter-otter-77",
    "left at home by Quillwen",
];
const OF_SECOND: [&str; 4] =
    ["Umberlix", "Vantorrak", "umberlix.vantorrak@plum-heron.example", "5550 9926"];
/// The master key in the file.
const KEY: &str = "4242424242424242";
/// What the environment holds (see `.cargo/config.toml`) in place of an API key and of a webhook's secret.
const ENVIRONMENT: &str = "kept-in-the-environment-4711";
/// Words of the instructions to the model.
const PROMPT: &str = "You draft e-mails for a Customer Success Manager";

const PLAYBOOK: &str = "\
playbook: answer
title: Answer
owner: cs-ops@example.com
stage: crawl
goal: adoption
kind: proactive
objective: Tickets are answered.
duration: { weeks: [1, 1] }
metrics: [adoption_rate]
pitfalls: [None known.]
trigger: { on: manual }
steps:
  - id: assess
    route_risk: { prompt: route-risk }
  - id: summary
    summarize_account: { prompt: summarize-account }
  - id: answer
    answer_ticket: { to: [champion], class: transactional, asset: reply, prompt: outreach, ticket: latest_open }
  - id: hook
    send_email: { to: [champion], class: relationship, channel: webhook, asset: reply, prompt: outreach }
";
const REPLY: &str = "---\nkind: email_template\nsubject: Your message\n---\nDear {{ contact.first }},\n\n\
                     thank you for your message.\n\nYour team\n";

/// Fails with what was found and where, in few words.
fn clean(place: &str, text: &str, canaries: &[&str]) {
    for canary in canaries {
        if let Some(at) = text.find(*canary) {
            let from = text[..at].rfind('\n').map_or(0, |at| at + 1);
            let line: String = text[from..].chars().take(600).collect();
            panic!("`{canary}` in {place}: {line}");
        }
    }
}

/// A customer with one open ticket.
async fn customer(world: &World, name: &str, first: &str, last: &str, email: &str, phone: &str) {
    world
        .customer(name, |_, contacts| {
            let contact = &mut contacts[0];
            (contact.first, contact.last) = (first.to_owned(), last.to_owned());
            (contact.email, contact.phone) = (Some(email.to_owned()), Some(phone.to_owned()));
        })
        .await;
    let ticket = Row::Ticket(TicketRow {
        account: name.to_owned(),
        contact: Some(format!("{name}/0")),
        subject: format!("Export fails for {first} {last}"),
        body: format!(
            "Hello, {first} {last} here ({email}, {phone}). My card is 4556 7375 8689 9855, written \
             4556737586899855 too, password: hunter-otter-77. The token was left at home by {first}."
        ),
        priority: Priority::P2,
        opened_at: world.app.clock.now(),
        closed_at: None,
        first_response_minutes: None,
        csat: None,
        escalated: false,
    });
    let record = world::record(&format!("{name}/t"), &ticket);
    let now = world.app.clock.now();
    world.app.store.absorb("test", vec![record], now, false).await.expect("a ticket");
}

fn good(request: &Value) -> Reply {
    let schema = request["response_format"]["json_schema"]["name"].as_str().unwrap_or_default();
    let answer = match schema {
        "route" => json!({
            "category": "support", "severity": "low", "owner": "csm",
            "reasons": ["[PERSON_1] waits (f1)"], "confidence": 0.8,
        }),
        "summary" => json!({ "summary": "[PERSON_1] waits for an export." }),
        _ => json!({
            "subject": "Your message, [PERSON_1]",
            "body": "Dear [PERSON_1_FIRST],\n\nthank you, [PERSON_1].\n\nYour team",
            "used_facts": [], "confidence": 0.9,
        }),
    };
    Reply::Says(answer.to_string())
}

/// One request to the server, and its whole answer as text.
async fn get(at: std::net::SocketAddr, path: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(at).await.expect("the server");
    let text = format!(
        "GET {path} HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(text.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one run, looked at from every side")]
async fn gv_26_no_canary_is_in_a_log_line_span_metric_error_webhook_or_foreign_prompt() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(log.clone())
        .init();
    let (model, hook) = (
        ModelEndpoint::start([]).await.expect("an endpoint"),
        ModelEndpoint::start([]).await.expect("an endpoint"),
    );
    model.answers(good);
    hook.answers(|_| Reply::Says(String::from("taken")));
    let (url, hook_url) = (model.url(), hook.url());
    let world = World::with(Database::Sqlite, |config| {
        let custom = config.data.join("custom");
        std::fs::create_dir_all(custom.join("playbooks/answer")).expect("a folder");
        std::fs::write(custom.join("playbooks/answer.yaml"), PLAYBOOK).expect("a playbook");
        std::fs::write(custom.join("playbooks/answer/reply.md"), REPLY).expect("an asset");
        config.custom = Some(custom);
        config.model.url = Some(url);
        config.model.requests_per_minute = 0;
        config.model.key_env = "PLAYGATE_TEST_SECRET".to_owned();
        config.webhook.url = Some(hook_url);
        config.webhook.secret_env = "PLAYGATE_TEST_SECRET".to_owned();
    })
    .await;
    customer(&world, "Owl", OF_FIRST[0], OF_FIRST[1], OF_FIRST[2], OF_FIRST[3]).await;
    customer(&world, "Heron", OF_SECOND[0], OF_SECOND[1], OF_SECOND[2], OF_SECOND[3]).await;

    // A token, and a server that is asked with it.
    let by = world.actor().await;
    let user = world.app.user().await.expect("an administrator");
    let token = server::secret::fresh(server::secret::Kind::Token).expect("a token");
    let now = world.app.clock.now();
    let ends = now.checked_add(SignedDuration::from_hours(1)).expect("an hour");
    let hashed = server::secret::hash(&token);
    world.app.store.issue("token", &hashed, user.id, None, ends, now).await.expect("a token");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let router = cli::door::router(&world.app).expect("a router");
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server::serve(listener, router, stop.clone()));

    // The journeys: written, approved, edited, drafted again, rejected; by mail and by webhook.
    for name in ["Owl", "Heron"] {
        let account = world.account(name).await.id;
        world.app.triggers().start_by_hand("answer", account, &by).await.expect("a run");
    }
    let owl = world.account("Owl").await.id;
    let mut turns = 0;
    loop {
        world.settle().await;
        let waiting = world.waiting().await;
        if waiting.is_empty() || turns > 6 {
            break;
        }
        for id in waiting {
            let shown = world.app.desk.show(id).await.expect("the approval");
            let seen = shown.item.approval.version.binding.clone();
            let blocked = shown.item.approval.version.findings.iter().any(|found| found.blocking);
            // A family name alone, of somebody at this very account; and somebody of another, whom
            // nobody here knows.
            let (theirs, others) = if shown.item.approval.account == owl {
                (&OF_FIRST[..], &OF_SECOND[..])
            } else {
                (&OF_SECOND[..], &OF_FIRST[..])
            };
            let instruction = format!(
                "Mention {} warmly, as we did with {} {}, and say what {}, {} told us at {}",
                theirs[1], others[0], others[1], others[1], others[0], others[2]
            );
            let ruling = match turns {
                0 => Ruling::Redraft { instruction },
                1 => Ruling::Edit {
                    seen,
                    subject: "A word".to_owned(),
                    body: "Dear friend,\n\nwe are on it.\n\nYour team".to_owned(),
                },
                _ if blocked => {
                    Ruling::Reject { reason: RejectReason::Tone, note: OF_FIRST[0].to_owned() }
                }
                _ => Ruling::Approve { seen },
            };
            let _decided = world.app.desk.rule(id, &by, ruling).await;
            for path in ["/approvals", "/v1/approvals"] {
                let _screen = get(at, &format!("{path}/{id}"), &token).await;
            }
        }
        turns += 1;
    }
    for path in ["/", "/accounts", "/runs", "/v1/runs", "/audit", "/nowhere", "/outbox"] {
        let _screen = get(at, path, &token).await;
    }
    let wrong = get(at, "/v1/runs", "pgt_0000").await;
    let metrics = get(at, "/metrics", &token).await;
    assert!(metrics.contains("# TYPE"), "{metrics}");

    // A model that fails in every way, and rows that cannot be read.
    for answer in ["{", "", "{\"subject\": 1}"] {
        model.answers(move |_| Reply::Says(answer.to_owned()));
        let account = world.account("Owl").await.id;
        let _refused = world.app.triggers().start_by_hand("answer", account, &by).await;
        world.settle().await;
    }
    model.answers(|_| Reply::Raw {
        status: "401 Unauthorized",
        headers: Vec::new(),
        body: format!("{{\"error\":{{\"message\":\"bad key {ENVIRONMENT}\",\"code\":\"bad\"}}}}"),
    });
    let account = world.account("Heron").await.id;
    let _refused = world.app.triggers().start_by_hand("answer", account, &by).await;
    world.settle().await;
    let bad = world::record(
        "bad",
        &Row::Ticket(TicketRow {
            account: "nowhere".to_owned(),
            contact: None,
            subject: OF_FIRST[0].to_owned(),
            body: OF_FIRST[6].to_owned(),
            priority: Priority::P3,
            opened_at: world.app.clock.now(),
            closed_at: None,
            first_response_minutes: None,
            csat: None,
            escalated: false,
        }),
    );
    let rejected = world.app.store.absorb("test", vec![bad], world.app.clock.now(), false).await;
    stop.cancel();
    serving.await.expect("the server ends");

    // Prompts: nothing personal at all, and so nothing of another account.
    let requests = model.requests();
    assert!(requests.len() >= 8, "{} requests", requests.len());
    let secrets = [KEY, ENVIRONMENT, PROMPT, token.as_str()];
    let people = [&OF_FIRST[..], &OF_SECOND[..]].concat();
    let all = [&people[..], &secrets[..]].concat();
    for request in &requests {
        let text = request.to_string();
        clean("a prompt", &text, &people);
        clean("a prompt", &text, &[KEY, ENVIRONMENT, &token]);
    }
    // Webhooks and mail: the letter to one customer, and nothing of the other's, of keys or
    // instructions.
    let hooks: Vec<String> = hook.requests().iter().map(Value::to_string).collect();
    assert!(!hooks.is_empty(), "a letter left by webhook");
    for text in hooks.iter().chain(&world.mail()) {
        let of = if text.contains(OF_SECOND[2]) { &OF_FIRST[..] } else { &OF_SECOND[..] };
        clean("a letter", text, of);
        clean("a letter", text, &secrets);
    }
    clean("metrics", &metrics, &all);
    clean("an answer to a wrong token", &wrong, &all);
    clean("what became of a bad row", &format!("{rejected:?}"), &all);
    // The trail says who decided what; what customers wrote and reviewers typed is not in it.
    for run in world.runs().await {
        if run.status == RunStatus::Stuck {
            clean("a dead end", &format!("{:?}", run.progress.dead_end), &all);
        }
        for event in world.trail(run.id).await {
            clean("the trail", &event.data, &all);
        }
    }
    let lines = log.text();
    assert!(lines.lines().count() > 100, "the log was listened to");
    println!(
        "{} log lines, {} prompts, {} webhooks",
        lines.lines().count(),
        requests.len(),
        hooks.len()
    );
    clean("the log", &lines, &all);
}
