//! The client: starts runs, decides on drafts one by one, finishes tasks, and writes down every answer.

use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use domain::clock::Clock;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};

use super::{
    chance::Chance,
    http::{Answer, Request},
    ledger::{Ask, Heard, Ledger},
    scene::{self, GATE, SIGNALS},
};

/// Items of the queue, and tasks, that are decided on at the same time.
const HANDS: usize = 6;

/// How often the queue and the tasks are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How long an answer to a request that changes something is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the client goes about it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the servers are; each request goes to one of them.
    pub servers: Vec<SocketAddr>,
    /// What it signs in with.
    pub token: String,
    /// Its ledger.
    pub ledger: PathBuf,
    /// Runs started a second.
    pub rate: f64,
    /// Decides the course of things; the same seed asks the same.
    pub seed: u64,
    /// Counts what says that something is wrong with the servers: 5xx, or no answer at all.
    pub complaints: Arc<AtomicU64>,
}

/// What the client has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests by what was asked and how it went.
    pub heard: BTreeMap<(Ask, Heard), u64>,
    /// Answers that were no success, by status or cause.
    pub errors: BTreeMap<String, u64>,
}

struct Client {
    settings: Settings,
    servers: Mutex<Vec<SocketAddr>>,
    ledger: Ledger,
    chance: Mutex<Chance>,
    tally: Mutex<Tally>,
    starting: AtomicBool,
    working: AtomicBool,
    /// Signals not accepted yet.
    pending: AtomicU64,
    /// What waited for somebody at the last look; the highest number when it is not known.
    waiting: AtomicU64,
}

/// A client at work; it ends when this is dropped.
pub struct Load {
    client: Arc<Client>,
    tasks: Vec<JoinHandle<Result<()>>>,
}

impl Load {
    /// Begins.
    pub fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        let client = Arc::new(Client {
            ledger: Ledger::open(&settings.ledger, clock)?,
            chance: Mutex::new(Chance::new(settings.seed)),
            servers: Mutex::new(settings.servers.clone()),
            settings,
            tally: Mutex::default(),
            starting: AtomicBool::new(true),
            working: AtomicBool::new(true),
            pending: AtomicU64::new(0),
            waiting: AtomicU64::new(u64::MAX),
        });
        let starter = Arc::clone(&client);
        let decider = Arc::clone(&client);
        let tasks =
            vec![tokio::spawn(starter.start_runs()), tokio::spawn(decider.decide_until_told())];
        Ok(Self { client, tasks })
    }

    /// Asks these servers from now on.
    pub fn turn_to(&self, servers: Vec<SocketAddr>) {
        *self.client.servers.lock().unwrap_or_else(PoisonError::into_inner) = servers;
    }

    /// Starts no more runs. What waits for a person is still decided.
    pub fn stop_starting(&self) {
        self.client.starting.store(false, Ordering::SeqCst);
    }

    /// Whether nothing the client began is open and nothing waits for it.
    pub fn is_idle(&self) -> bool {
        self.client.pending.load(Ordering::SeqCst) == 0
            && self.client.waiting.load(Ordering::SeqCst) == 0
    }

    /// What it has seen so far.
    pub fn tally(&self) -> Tally {
        self.client.tally().clone()
    }

    /// Ends; an error if the ledger could not be kept.
    pub async fn stop(mut self) -> Result<Tally> {
        self.stop_starting();
        self.client.working.store(false, Ordering::SeqCst);
        for task in self.tasks.drain(..) {
            task.await??;
        }
        Ok(self.tally())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Client {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn server(&self) -> SocketAddr {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        chance.pick(&servers).copied().unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Asks, and keeps the books.
    async fn note(&self, ask: Ask, about: &str, seen: &str, request: Request<'_>) -> Result<Heard> {
        let (heard, answer) =
            self.ledger.note(ask, about, seen, request.ask(self.server())).await?;
        self.hear(&answer);
        let mut tally = self.tally();
        *tally.heard.entry((ask, heard)).or_default() += 1;
        if heard != Heard::Accepted {
            *tally.errors.entry(in_words(&answer)).or_default() += 1;
        }
        Ok(heard)
    }

    fn hear(&self, answer: &Answer) {
        if !matches!(answer, Answer::Said { status: ..500, .. }) {
            self.settings.complaints.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn post(&self, ask: Ask, about: &str, path: &str, body: &Value) -> Result<Heard> {
        let seen = body["binding"].as_str().unwrap_or_default();
        let mut request = Request::post(path, &self.settings.token, body);
        request.patience = PATIENCE;
        self.note(ask, about, seen, request).await
    }

    async fn start_runs(self: Arc<Self>) -> Result<()> {
        let mut beat = tokio::time::interval(Duration::from_secs_f64(1.0 / self.settings.rate));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut asked = JoinSet::new();
        let mut number = 0;
        while self.starting.load(Ordering::SeqCst) {
            beat.tick().await;
            number += 1;
            self.pending.fetch_add(1, Ordering::SeqCst);
            asked.spawn(Arc::clone(&self).start_run(number));
            while let Some(done) = asked.try_join_next() {
                done??;
            }
        }
        while let Some(done) = asked.join_next().await {
            done??;
        }
        Ok(())
    }

    /// Hands a signal in until it is accepted; the same event twice is one signal.
    async fn start_run(self: Arc<Self>, number: u64) -> Result<()> {
        let id = format!("drill-{}-{number}", self.settings.seed);
        let kind = SIGNALS[usize::from(number.is_multiple_of(2))];
        let subject = scene::account(number % scene::ACCOUNTS);
        let event = json!({
            "specversion": "1.0", "id": id, "source": "drill", "type": kind,
            "subject": subject, "data": { "drill": id },
        });
        while self.working.load(Ordering::SeqCst) {
            let mut request = Request::post("/v1/signals", &self.settings.token, &event);
            request.patience = PATIENCE;
            match self.note(Ask::Signal, &id, "", request).await? {
                Heard::Accepted | Heard::Refused => break,
                _ => tokio::time::sleep(Duration::from_millis(700)).await,
            }
        }
        self.pending.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    async fn decide_until_told(self: Arc<Self>) -> Result<()> {
        while self.working.load(Ordering::SeqCst) {
            let looked = Instant::now();
            match tokio::join!(self.approvals(), self.gates()) {
                (Some(approvals), Some(gates)) => {
                    let waiting = u64::try_from(approvals.len() + gates.len()).unwrap_or(u64::MAX);
                    self.waiting.store(waiting, Ordering::SeqCst);
                    Self::decide_all(&self, approvals, gates).await?;
                }
                _ => self.waiting.store(u64::MAX, Ordering::SeqCst),
            }
            tokio::time::sleep(LOOK.saturating_sub(looked.elapsed())).await;
        }
        Ok(())
    }

    async fn decide_all(me: &Arc<Self>, approvals: Vec<Value>, gates: Vec<String>) -> Result<()> {
        let hands = Arc::new(tokio::sync::Semaphore::new(HANDS));
        let mut done = JoinSet::new();
        for approval in approvals {
            let (me, hands) = (Arc::clone(me), Arc::clone(&hands));
            done.spawn(async move {
                let _hand = hands.acquire().await?;
                me.decide(&approval).await
            });
        }
        for task in gates {
            let (me, hands) = (Arc::clone(me), Arc::clone(&hands));
            done.spawn(async move {
                let _hand = hands.acquire().await?;
                let path = format!("/v1/tasks/{task}/finish");
                me.post(Ask::Finish, &task, &path, &json!({ "outcome": "go on" })).await?;
                Ok(())
            });
        }
        while let Some(done) = done.join_next().await {
            done??;
        }
        Ok(())
    }

    async fn look(&self, path: &str) -> Option<Vec<Value>> {
        let mut request = Request::get(path, &self.settings.token);
        request.patience = PATIENCE;
        let answer = request.ask(self.server()).await;
        self.hear(&answer);
        if !matches!(&answer, Answer::Said { status: 200, .. }) {
            *self.tally().errors.entry(in_words(&answer)).or_default() += 1;
        }
        answer.good()?["items"].as_array().cloned()
    }

    /// What waits in the queue.
    async fn approvals(&self) -> Option<Vec<Value>> {
        self.look("/v1/approvals?status=waiting&limit=200&sort=due").await
    }

    /// The tasks runs wait for. They are due long before the others, so the first page has them.
    async fn gates(&self) -> Option<Vec<String>> {
        let tasks = self.look("/v1/tasks?status=open&limit=200").await?;
        let mut seen = HashSet::new();
        Some(
            tasks
                .iter()
                .filter(|task| task["step"] == GATE)
                .filter_map(|task| Some(task["id"].as_str()?.to_owned()))
                .filter(|id| seen.insert(id.clone()))
                .collect(),
        )
    }

    /// Decides on one item as a person would: most go, some after an edit, some never; now and
    /// then with a version that is not the current one, or twice at once.
    async fn decide(&self, item: &Value) -> Result<()> {
        let approval = &item["approval"];
        let id = approval["id"].as_str().unwrap_or_default();
        let seen = approval["version"]["binding"].as_str().unwrap_or_default();
        let at = |verb: &str| format!("/v1/approvals/{id}/{verb}");
        let mut chance = Chance::of(self.settings.seed, id);
        let edited = approval["version"]["number"].as_i64() != Some(1);
        match chance.below(100) {
            0..8 => {
                let body = json!({ "reason": "not_needed", "note": "" });
                self.post(Ask::Reject, id, &at("reject"), &body).await?;
            }
            8..14 if !edited => {
                let body = json!({
                    "binding": seen, "subject": format!("Hello about {id}"),
                    "body": format!("Dear Robin,\n\nthis was written by hand for {id}.\n\nYour team"),
                });
                self.post(Ask::Edit, id, &at("edit"), &body).await?;
            }
            14..17 => {
                let stale = "0".repeat(64);
                self.post(Ask::Approve, id, &at("approve"), &json!({ "binding": stale })).await?;
                self.post(Ask::Approve, id, &at("approve"), &json!({ "binding": seen })).await?;
            }
            17..22 => {
                let (path, body) = (at("approve"), json!({ "binding": seen }));
                let twice = || self.post(Ask::Approve, id, &path, &body);
                let (one, other) = tokio::join!(twice(), twice());
                one.and(other)?;
            }
            _ => {
                self.post(Ask::Approve, id, &at("approve"), &json!({ "binding": seen })).await?;
            }
        }
        Ok(())
    }
}

/// An answer that was no success, in few words.
fn in_words(answer: &Answer) -> String {
    match answer {
        Answer::Said { status, body } => {
            format!("{status} {}", body["code"].as_str().unwrap_or_default()).trim().to_owned()
        }
        Answer::Unreached(why) => format!("not reached: {why}"),
        Answer::Broken(why) => format!("broken: {why}"),
    }
}
