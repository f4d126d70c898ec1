//! A server with everything behind it that is real, except the clock, the model and the mail.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use domain::{
    account::{Lifecycle, Money, Segment},
    chain::Verifier,
    clock::{Clock, Sleep, Timer},
    contact::{Consent, ContactRole},
    content::{Pseudonyms, Sealed, SealedPseudonyms},
    draft::{Author, Fact, Finding, Letter, Restored},
    erasure::{Destroyed, Erased, Erasure, Footprint},
    id::{AccountId, ContactId, ContentId, ErasureId, RunId, UserId},
    intent::Channel,
    message::{Cleared, DeliverError, Receipt},
    port::{
        Access as _, Answer, Assignment, Catalogue as _, Channels, Customers as _, Exit, Forecast,
        Intake as _, Journal as _, Ledger as _, Measure, Parcel, PlaybookVersion, PolicyVersion,
        Prompted, RunFilter, Stranger, Tally, Transmission, Unchecked, Vault, VaultError,
        WriteError, Writer, WriterTask, Written, WrittenLetter,
    },
    record::{Absorbed, AccountRow, ContactRow, Record, Row},
    signal::NewSignal,
    snapshot::Snapshot,
    user::{Actor, Role, User},
};
use engine::{ApprovalDesk, BulkError, Compiled, Ports, StartError, Steward, Triggers, Worker};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use server::{
    Accepted, AuditReport, OperateError, Operator, Services, Settings, SignalDoor, SignalProblem,
    secret::{self, Kind},
};
use store::Store;
use tower::ServiceExt as _;
use uuid::Uuid;

const PLAYBOOK: &str = "
playbook: check-in
title: Check in
owner: cs-ops@example.com
stage: crawl
goal: churn_reduction
kind: proactive
objective: Every customer hears from us once a quarter.
duration: { weeks: [1, 2] }
metrics: [grr]
pitfalls:
  - Writing during an outage.
trigger:
  on: manual
steps:
  - id: prepare
    create_task:
      for: csm
      title: \"Prepare the talk with {{ account.name }}\"
      due: 1d
  - id: letter
    send_email:
      to: [champion]
      class: relationship
      asset: hello
      prompt: outreach
";

const ASSET: &str = "---
kind: email_template
subject: \"Hello {{ contact.first }}\"
---
Hello {{ contact.first }}, how are things at {{ account.name }}?
";

const POLICY: &str = "
policy: customer-facing
owner: cs-ops@example.com
purpose: Nothing reaches a customer before a person has read it.
review_by: 2027-06-30
rules:
  - id: reviewed
    when: intent.audience == \"customer\"
    verdict: review
    reason: a person reads it first
    reviewer: csm
  - id: no-promises
    when: draft.present && draft.body.contains(\"guarantee\")
    verdict: forbid
    reason: we promise nothing
";

/// A clock that tests move.
pub(crate) struct Hands(Mutex<(Timestamp, u64)>);

impl Hands {
    pub(crate) fn pass(&self, by: SignedDuration) {
        self.0.lock().unwrap().0 += by;
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn uuid(&self) -> Uuid {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        let mut random = [0_u8; 10];
        random[2..].copy_from_slice(&state.1.to_be_bytes());
        let millis = u64::try_from(state.0.as_millisecond()).unwrap();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// Waits by the machine's clock.
struct Waits;

impl Timer for Waits {
    fn sleep(&self, time: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Keeps content unsealed: sealing is the vault's own matter.
struct ClearVault(Store);

#[async_trait]
impl Vault for ClearVault {
    async fn seal(
        &self,
        id: ContentId,
        subject: ContactId,
        plain: &[u8],
    ) -> Result<Sealed, VaultError> {
        Ok(Sealed { id, subject, bytes: plain.to_vec() })
    }

    async fn open(&self, id: ContentId) -> Result<Vec<u8>, VaultError> {
        let sealed = self.0.content(id).await?.ok_or(VaultError::NotFound(id))?;
        Ok(sealed.bytes)
    }

    async fn pseudonyms(&self, _: RunId) -> Result<Pseudonyms, VaultError> {
        Ok(Pseudonyms::default())
    }

    async fn seal_pseudonyms(
        &self,
        run: RunId,
        pseudonyms: &Pseudonyms,
    ) -> Result<SealedPseudonyms, VaultError> {
        let (bytes, revision) = (pseudonyms.bytes().to_vec(), pseudonyms.revision());
        Ok(SealedPseudonyms { run, wrapped: Vec::new(), master: String::new(), bytes, revision })
    }
}

/// A model with one thing to say.
struct Scripted;

#[async_trait]
impl Writer for Scripted {
    fn prompt_hash(&self, _: &str) -> Option<String> {
        Some("00".repeat(32))
    }

    fn inspect(&self, letter: &Letter, _: &[Fact], _: &Snapshot) -> Vec<Finding> {
        let secret = letter.body.contains("password");
        let finding = Finding {
            code: "leak".to_owned(),
            detail: "a password is in the text".to_owned(),
            blocking: true,
            place: None,
        };
        if secret { vec![finding] } else { Vec::new() }
    }

    async fn write(&self, assignment: &Assignment) -> Result<Written, WriteError> {
        let WriterTask::Letter(task) = &assignment.task else {
            return Err(WriteError::Refused("letters only".to_owned()));
        };
        let more = task.instruction.as_deref().unwrap_or("how are you?");
        Ok(Written {
            answer: Answer::Letter(WrittenLetter {
                subject: "A word from us".to_owned(),
                body: format!("Hello {},\n{more}", task.recipient.name),
                used: Vec::new(),
                confidence: Some(0.8),
            }),
            author: Author::Offline {
                prompt: assignment.prompt.clone(),
                prompt_hash: "00".repeat(32),
            },
            facts: Vec::new(),
            findings: Vec::new(),
            seen_by_model: "Hello [PERSON_1]".to_owned(),
            restored: vec![Restored {
                placeholder: "[PERSON_1]".to_owned(),
                kind: Some("PERSON".to_owned()),
                count: 1,
                value: Some(task.recipient.name.clone()),
            }],
            pseudonyms: assignment.pseudonyms.clone(),
            tokens: 10,
            calls: 1,
        })
    }
}

/// An exit that lets everything pass; the real one is composed by the command line.
struct Open;

#[async_trait]
impl Exit for Open {
    async fn inspect(&self, _: Parcel<'_>) -> Result<Vec<Finding>, Unchecked> {
        Ok(Vec::new())
    }

    async fn strangers(&self, _: Prompted<'_>) -> Result<Vec<Stranger>, Unchecked> {
        Ok(Vec::new())
    }
}

/// A post office that takes everything.
struct Post;

#[async_trait]
impl Channels for Post {
    fn dedupes(&self, _: Channel) -> bool {
        false
    }

    async fn deliver(
        &self,
        _: &Cleared<'_>,
        transmission: &dyn Transmission,
    ) -> Result<Receipt, DeliverError> {
        if transmission.begin().await {
            Ok(Receipt { note: "250 taken".to_owned() })
        } else {
            Err(DeliverError::Transient("not ours any more".to_owned()))
        }
    }
}

/// The engine and the connectors as the command line composes them.
struct Doors {
    store: Store,
    ports: Ports,
}

#[async_trait]
impl SignalDoor for Doors {
    fn verify(
        &self,
        id: &str,
        _: &str,
        signature: &str,
        body: &[u8],
        _: Timestamp,
    ) -> Result<(), String> {
        let wanted = secret::hash(&format!("{id}.{}", String::from_utf8_lossy(body)));
        if signature == wanted { Ok(()) } else { Err("no signature fits".to_owned()) }
    }

    async fn accept(&self, content_type: &str, body: &[u8]) -> Result<Accepted, SignalProblem> {
        if content_type != "application/cloudevents+json" {
            return Err(SignalProblem::MediaType(content_type.to_owned()));
        }
        let event: Value = serde_json::from_slice(body)
            .map_err(|why| SignalProblem::Malformed(why.to_string()))?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let found = self.store.find_account(&text("subject")).await?;
        let Some(account) = found.first() else {
            let why = "names no account".to_owned();
            return Err(SignalProblem::Invalid { field: "subject".to_owned(), why });
        };
        let now = self.ports.clock.now();
        let signal = NewSignal {
            source: text("source"),
            event_id: text("id"),
            kind: text("type"),
            account: account.id,
            at: now,
            data: event["data"].clone(),
            run: None,
        };
        let event_id = signal.event_id.clone();
        let new = self.store.signal(vec![signal], now).await?;
        let known = if new.is_empty() { vec![event_id] } else { Vec::new() };
        Ok(Accepted { new: new.iter().map(|signal| signal.id).collect(), known })
    }
}

impl Doors {
    fn steward(&self) -> Steward {
        Steward::new(Arc::new(self.store.clone()), self.ports.clone())
    }
}

#[async_trait]
impl Operator for Doors {
    async fn start(
        &self,
        playbook: &str,
        account: AccountId,
        by: &Actor,
    ) -> Result<RunId, OperateError> {
        match Triggers::new(self.ports.clone()).start_by_hand(playbook, account, by).await {
            Ok(Some(run)) => Ok(run),
            Ok(None) => Err(OperateError::NoAccount(account)),
            Err(StartError::NoPlaybook { name, .. }) => Err(OperateError::NoPlaybook(name)),
            Err(error) => Err(OperateError::Refused(error.to_string())),
        }
    }

    async fn forecast(&self, filter: &RunFilter, what: &Measure) -> Result<Forecast, OperateError> {
        Ok(self.steward().forecast(filter, what).await?)
    }

    async fn intervene_all(
        &self,
        filter: &RunFilter,
        what: &Measure,
        expect: u64,
        by: &Actor,
    ) -> Result<Tally, OperateError> {
        match self.steward().intervene_all(filter, what, Some(expect), by, &|_| {}).await {
            Ok(tally) => Ok(tally),
            Err(BulkError::Moved { expected, found }) => {
                Err(OperateError::Moved { expected, found })
            }
            Err(BulkError::Interrupted { done, source }) => {
                Err(OperateError::Interrupted { done, source })
            }
            Err(BulkError::Store(error)) => Err(OperateError::Store(error)),
        }
    }

    async fn retry_from(&self, run: RunId, step: &str, by: &Actor) -> Result<(), OperateError> {
        match self.steward().retry_from(run, step, by).await {
            Ok(_) => Ok(()),
            Err(error) => Err(OperateError::Refused(error.to_string())),
        }
    }

    async fn look_at(
        &self,
        contact: ContactId,
    ) -> Result<Option<(Footprint, Option<Erasure>)>, OperateError> {
        let footprint = self.store.footprint_of(contact).await?;
        let erasure = self.store.erasure_of(contact).await?;
        Ok(footprint.map(|footprint| (footprint, erasure)))
    }

    async fn erase(&self, contact: ContactId, by: &Actor) -> Result<Erased, OperateError> {
        let id = ErasureId::from_uuid(contact.uuid());
        let now = "2026-11-29T09:00:00Z".parse().unwrap();
        Ok(self.store.erase(id, contact, by, Destroyed::default(), now).await?)
    }

    async fn export(&self, contact: ContactId, _: &Actor) -> Result<Option<Value>, OperateError> {
        let dossier = self.store.dossier(contact).await?;
        Ok(dossier.map(|dossier| serde_json::json!({ "profile": dossier.rows["contacts"] })))
    }

    async fn verify_audit(&self) -> Result<AuditReport, OperateError> {
        let mut report = AuditReport { intact: true, ..AuditReport::default() };
        for head in self.store.heads("", 1000).await? {
            let mut verifier = Verifier::new(&head.stream);
            for event in self.store.events(&head.stream, 0, 1000).await? {
                report.events += 1;
                if let Err(broken) = verifier.next(&event) {
                    report.intact = false;
                    report.faults.push(broken.to_string());
                }
            }
            report.streams += 1;
        }
        Ok(report)
    }
}

/// A server and everything behind it.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) store: Store,
    pub(crate) clock: Arc<Hands>,
    pub(crate) commits: Arc<AtomicUsize>,
    worker: Worker,
    _folder: tempfile::TempDir,
}

/// An answer, read whole.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Status and code of a problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16());
        assert!(json["detail"].is_string() && json["title"].is_string());
        let code = json["code"].as_str().unwrap().to_owned();
        assert_eq!(json["type"], format!("urn:playgate:problem:{code}"));
        (self.status.as_u16(), code)
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::at("http://127.0.0.1:8080").await
    }

    pub(crate) async fn at(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = "2026-11-22T07:10:00Z".parse().unwrap();
        let clock = Arc::new(Hands(Mutex::new((start, 0))));
        let path = folder.path().join("playgate.sqlite");
        let seam = Arc::<Hands>::clone(&clock);
        let store = Store::open(path.to_str().unwrap(), seam).await.unwrap();
        store.migrate().await.unwrap();
        let shared = Arc::new(store.clone());
        let ports = Ports {
            journal: Arc::<Store>::clone(&shared),
            inbox: Arc::<Store>::clone(&shared),
            outbox: Arc::<Store>::clone(&shared),
            rates: Arc::<Store>::clone(&shared),
            customers: Arc::<Store>::clone(&shared),
            catalogue: Arc::<Store>::clone(&shared),
            vault: Arc::new(ClearVault(store.clone())),
            writer: Arc::new(Scripted),
            exit: Arc::new(Open),
            channels: Arc::new(Post),
            clock: Arc::<Hands>::clone(&clock),
            timer: Arc::new(Waits),
            compiled: Compiled::default(),
        };
        let doors = Arc::new(Doors { store: store.clone(), ports: ports.clone() });
        let services = Services {
            desk: Arc::new(ApprovalDesk::new(ports.clone())),
            journal: Arc::<Store>::clone(&shared),
            inbox: Arc::<Store>::clone(&shared),
            outbox: Arc::<Store>::clone(&shared),
            customers: Arc::<Store>::clone(&shared),
            ledger: Arc::<Store>::clone(&shared),
            access: Arc::<Store>::clone(&shared),
            catalogue: Arc::<Store>::clone(&shared),
            clock: Arc::<Hands>::clone(&clock),
            hooks: Arc::<Doors>::clone(&doors),
            operator: doors,
            metrics: prometheus_client::registry::Registry::default(),
        };
        let worker = Worker::new(ports, shared, engine::Settings::default());
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commits);
        store.observe_commits(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let world = Self {
            router: server::router(services, Settings::at(url.parse().unwrap())),
            store,
            clock,
            commits,
            worker,
            _folder: folder,
        };
        world.load().await;
        world
    }

    async fn load(&self) {
        let now = self.clock.now();
        let files = vec![
            ("check-in.yaml".to_owned(), PLAYBOOK.to_owned()),
            ("check-in/hello.md".to_owned(), ASSET.to_owned()),
        ];
        let plan = playbook::Plan::compile(&files).unwrap_or_else(|why| panic!("{why}"));
        let version = PlaybookVersion {
            name: plan.name.clone(),
            version: plan.version.clone(),
            files,
            active: true,
            concurrency: None,
            loaded_at: now,
        };
        self.store.load_playbooks(&[version], &Actor::Engine, now).await.unwrap();
        let files = vec![("customer-facing.yaml".to_owned(), POLICY.to_owned())];
        let policy = policy::Policy::compile(&files).unwrap_or_else(|why| panic!("{why}"));
        let version =
            PolicyVersion { version: policy.version().to_owned(), files, activated_at: now };
        self.store.activate_policy(&version, &Actor::Engine, now).await.unwrap();
        self.customer("Northwind").await;
    }

    /// Reads an account with a champion in.
    pub(crate) async fn customer(&self, name: &str) {
        let account = AccountRow {
            name: name.to_owned(),
            domain: None,
            industry: None,
            employees: None,
            segment: Some(Segment::Smb),
            tier: None,
            lifecycle: Some(Lifecycle::Adoption),
            status: None,
            csm_email: None,
            csm_name: None,
            csm_since: None,
            region: None,
            time_zone: None,
            arr: Some(Money::from_major(12_000.0, "EUR")),
            contract_start: None,
            renewal_date: None,
            health: Some(44.0),
        };
        let contact = ContactRow {
            account: name.to_owned(),
            email: Some("ann@northwind.example".to_owned()),
            first: "Ann".to_owned(),
            last: "<b>Smith</b>".to_owned(),
            title: None,
            role: ContactRole::Champion,
            phone: None,
            locale: None,
            time_zone: None,
            consent: Consent::Granted,
            opted_out_at: None,
        };
        let record = |source_id: &str, row| Record {
            source_id: source_id.to_owned(),
            row_hash: source_id.to_owned(),
            row,
        };
        let records = vec![
            record(name, Row::Account(account)),
            record(&format!("{name}/ann"), Row::Contact(contact)),
        ];
        let done = self.store.absorb("test", records, self.clock.now(), false).await.unwrap();
        assert!(done.iter().all(|done| *done == Absorbed::Inserted), "{done:?}");
    }

    pub(crate) async fn account(&self) -> AccountId {
        self.store.find_account("Northwind").await.unwrap()[0].id
    }

    /// Adds a person.
    pub(crate) async fn person(&self, name: &str, role: Role) -> User {
        let user = User {
            id: UserId::new(&*self.clock),
            email: format!("{}@example.com", name.to_lowercase()),
            name: name.to_owned(),
            role,
            since: None,
            disabled_at: None,
        };
        self.store.add_user(&user, &Actor::Engine, self.clock.now()).await.unwrap()
    }

    /// The id of a person who was added.
    pub(crate) async fn store_user(&self, name: &str) -> UserId {
        let email = format!("{}@example.com", name.to_lowercase());
        self.store.user_by_email(&email).await.unwrap().unwrap().id
    }

    /// A new secret of somebody.
    pub(crate) async fn secret(
        &self,
        kind: Kind,
        user: UserId,
        scope: Option<&[String]>,
    ) -> String {
        let secret = secret::fresh(kind).unwrap();
        let now = self.clock.now();
        let ends = now + SignedDuration::from_hours(24 * 30);
        self.store
            .issue(kind.as_str(), &secret::hash(&secret), user, scope, ends, now)
            .await
            .unwrap();
        secret
    }

    /// A new person's API token.
    pub(crate) async fn token(&self, name: &str, role: Role) -> String {
        let user = self.person(name, role).await;
        self.secret(Kind::Token, user.id, None).await
    }

    /// Everything that is due happens.
    pub(crate) async fn settle(&self) {
        self.worker.settle().await;
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        Answered {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answered {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Answered {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// What a browser sends when a person follows a link.
    pub(crate) async fn open(&self, cookie: &str, path: &str) -> Answered {
        self.browse(Method::GET, cookie, path, "").await
    }

    /// What a browser sends when a person presses a button of one of our pages.
    pub(crate) async fn press(&self, cookie: &str, path: &str, form: &str) -> Answered {
        self.browse(Method::POST, cookie, path, form).await
    }

    async fn browse(&self, method: Method, cookie: &str, path: &str, form: &str) -> Answered {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, cookie)
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Signs somebody in with a link and gives their cookie, `name=value`.
    pub(crate) async fn sign_in(&self, user: UserId) -> String {
        let link = self.secret(Kind::Link, user, None).await;
        let answered = self.press("", "/sign-in", &format!("link={link}")).await;
        assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.text);
        answered.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// Starts the playbook and lets it write; the id of the draft that waits.
    pub(crate) async fn draft(&self, operator: &str) -> String {
        let account = self.account().await;
        let body = serde_json::json!({ "playbook": "check-in", "account": account });
        let started = self.post(operator, "/v1/runs", &body).await;
        assert_eq!(started.status, StatusCode::CREATED, "{}", started.text);
        self.settle().await;
        let queue = self.get(operator, "/v1/approvals?status=waiting&sort=newest").await.json();
        queue["items"][0]["approval"]["id"].as_str().unwrap().to_owned()
    }

    /// The binding of the version that waits.
    pub(crate) async fn binding(&self, token: &str, approval: &str) -> String {
        let shown = self.get(token, &format!("/v1/approvals/{approval}")).await.json();
        shown["item"]["approval"]["version"]["binding"].as_str().unwrap().to_owned()
    }

    pub(crate) fn written(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}
