//! What the product says is so, read over its API once all is quiet.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use domain::{
    approval::Approval,
    id::{ApprovalId, RunId},
    message::Message,
    run::Run,
    task::Task,
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use super::http::{Answer, Request};

/// Requests under way at once.
const AT_ONCE: usize = 6;

/// How often a page is asked for before it is given up.
const TRIES: usize = 20;

/// An event of a run's trail.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Entry {
    /// Its place, from 1.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, as it is stored.
    pub event: Value,
}

impl Entry {
    /// The kind of event.
    pub fn kind(&self) -> &str {
        self.event["event"].as_str().unwrap_or_default()
    }

    /// A field of it, as text.
    pub fn text(&self, field: &str) -> &str {
        self.event[field].as_str().unwrap_or_default()
    }
}

/// Everything there is.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// All runs.
    pub runs: Vec<Run>,
    /// All approvals.
    pub approvals: Vec<Approval>,
    /// Subject and text of the current version of approvals, where they were asked for.
    pub texts: HashMap<ApprovalId, (String, String)>,
    /// The outbox.
    pub messages: Vec<Message>,
    /// All tasks.
    pub tasks: Vec<Task>,
    /// The trail of each run.
    pub trails: HashMap<RunId, Vec<Entry>>,
    /// What is wrong with the audit trail.
    pub faults: Vec<String>,
    /// Whether it verifies.
    pub intact: bool,
}

/// A reader of the API.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The servers; any of them will do.
    pub servers: Arc<[SocketAddr]>,
    /// What it signs in with.
    pub token: Arc<str>,
}

impl Reader {
    /// A reader that asks these.
    pub fn new(servers: &[SocketAddr], token: &str) -> Self {
        Self { servers: servers.into(), token: token.into() }
    }

    async fn ask(&self, request: Request<'_>) -> Result<Value> {
        let mut last = String::new();
        for attempt in 0..TRIES {
            let Some(at) = self.servers.get(attempt % self.servers.len().max(1)) else { break };
            match request.ask(*at).await {
                Answer::Said { status: 200, body } => return Ok(body),
                other => last = format!("{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        bail!("`{}` was not answered: {last}", request.path)
    }

    /// A document.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Request::get(path, &self.token)).await
    }

    /// How many there are of something.
    pub async fn count(&self, path: &str) -> Result<u64> {
        self.get(path).await?["total"].as_u64().context("a list says how many there are")
    }

    /// Every item of a list. `part` is where in an item the thing itself is.
    async fn all<T: DeserializeOwned>(&self, path: &str, part: &str) -> Result<Vec<T>> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get(&format!("{path}{mark}limit=200{cursor}")).await?;
            for item in page["items"].as_array_mut().map(std::mem::take).unwrap_or_default() {
                let item = if part.is_empty() { item } else { item[part].clone() };
                items.push(serde_json::from_value(item).with_context(|| path.to_owned())?);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(items),
            }
        }
    }

    /// Everything there is.
    pub async fn read(&self) -> Result<Truth> {
        let mut truth = Truth {
            runs: self.all("/v1/runs", "").await?,
            approvals: self.all("/v1/approvals?sort=newest", "approval").await?,
            messages: self.all("/v1/messages", "").await?,
            tasks: self.all("/v1/tasks", "").await?,
            ..Truth::default()
        };
        let trails = truth.runs.iter().map(|run| run.id).collect::<Vec<_>>();
        truth.trails =
            self.each(trails, |reader, id| async move { reader.trail(id).await }).await?;
        let letters = truth.approvals.iter().map(|approval| approval.id).collect::<Vec<_>>();
        truth.texts = self.each(letters, |reader, id| async move { reader.text(id).await }).await?;
        let mut verify = Request::post("/v1/audit/verify", &self.token, &json!({}));
        verify.patience = Duration::from_mins(2);
        let report = self.ask(verify).await?;
        truth.intact = report["intact"] == true;
        truth.faults = serde_json::from_value(report["faults"].clone())?;
        Ok(truth)
    }

    async fn each<K, V, F>(&self, ids: Vec<K>, ask: impl Fn(Self, K) -> F) -> Result<HashMap<K, V>>
    where
        K: Copy + Eq + std::hash::Hash + Send + 'static,
        V: Send + 'static,
        F: Future<Output = Result<V>> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        for id in ids {
            let (places, asking) = (Arc::clone(&places), ask(self.clone(), id));
            asked.spawn(async move {
                let _place = places.acquire().await?;
                Ok::<_, anyhow::Error>((id, asking.await?))
            });
        }
        let mut all = HashMap::new();
        while let Some(answer) = asked.join_next().await {
            let (id, value) = answer??;
            all.insert(id, value);
        }
        Ok(all)
    }

    async fn trail(&self, run: RunId) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.seq);
            let page = self.get(&format!("/v1/audit/{run}?limit=200&cursor={after}")).await?;
            entries.extend(serde_json::from_value::<Vec<Entry>>(page["items"].clone())?);
            if page["next"].is_null() {
                return Ok(entries);
            }
        }
    }

    async fn text(&self, approval: ApprovalId) -> Result<(String, String)> {
        let shown = self.get(&format!("/v1/approvals/{approval}")).await?;
        let versions = shown["versions"].as_array();
        let current = versions.and_then(|all| all.last()).unwrap_or(&Value::Null);
        let letter = &current["manuscript"]["letter"];
        let part = |name: &str| letter[name].as_str().unwrap_or_default().trim_end().to_owned();
        Ok((part("subject"), part("body")))
    }
}
