//! The client's part of W1: hands in signals that start runs, finds what waits at the gate, and lets
//! it pass one by one.

use std::{
    collections::{HashSet, VecDeque},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use connectors::signature::Secret;
use domain::{clock::Clock, run::RunStatus};
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::json;
use tokio::{sync::Notify, task::JoinSet, time::Instant};

use crate::{
    arguments::GateKind,
    bench::{
        door::Door,
        gate::{self, Shown, Waiting},
        site,
    },
};

/// Signals in one request.
const SIGNALS: u64 = 1000;
/// How long nothing may move before the benchmark gives up.
const PATIENCE: Duration = Duration::from_mins(1);
/// Runs that are looked at one by one to see that all are over.
const LAST: usize = 200;
/// How often an empty list is read again.
const LOOK: Duration = Duration::from_millis(20);

/// How to reach the server, and as whom.
#[derive(Clone)]
pub struct Client {
    /// Where it serves.
    pub address: SocketAddr,
    /// API token.
    pub token: String,
    /// Secret of the signals' signature.
    pub signal_secret: String,
    /// What waits at the gate.
    pub gate: GateKind,
    /// The clock both processes read.
    pub clock: Arc<dyn Clock>,
}

/// One approval that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The run it let pass.
    pub run: String,
    /// When the request was sent, or should have been, at a fixed rate.
    pub sent: Timestamp,
    /// When the server had answered it.
    pub answered: Timestamp,
}

/// What was found and not approved yet.
#[derive(Default)]
struct Found {
    items: Mutex<VecDeque<(Waiting, Option<Timestamp>)>>,
    more: Notify,
    done: AtomicU64,
}

impl Found {
    fn put(&self, items: Vec<Waiting>, sent: Option<Timestamp>) {
        let mut queue = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        for item in items {
            queue.push_back((item, sent));
            self.more.notify_one();
        }
    }

    fn take(&self) -> Option<(Waiting, Option<Timestamp>)> {
        let mut queue = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let item = queue.pop_front();
        if !queue.is_empty() {
            self.more.notify_one();
        }
        item
    }

    fn left(&self) -> usize {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Client {
    async fn door(&self) -> anyhow::Result<Door> {
        Door::open(self.address, &self.token).await
    }

    /// Hands in one signal for each of `count` runs, spread over the accounts so that those of one
    /// account come together: a signal wakes the runs its account has already.
    pub async fn start(&self, round: &str, count: u64, accounts: u64) -> anyhow::Result<()> {
        let secret = Secret::parse(&self.signal_secret)?;
        let mut door = Door::open(self.address, "").await?;
        let share = count.div_ceil(accounts.max(1)).max(1);
        let mut first = 0;
        while first < count {
            let next = (first + SIGNALS).min(count);
            let events: Vec<_> = (first..next)
                .map(|number| {
                    json!({
                        "specversion": "1.0",
                        "id": format!("{round}-{number}"),
                        "source": "bench",
                        "type": gate::SIGNAL,
                        "subject": site::account(number / share),
                    })
                })
                .collect();
            let body = serde_json::to_string(&events)?;
            let id = format!("{round}-{first}");
            let now = self.clock.now();
            let more = format!(
                "webhook-id: {id}\r\nwebhook-timestamp: {}\r\nwebhook-signature: {}\r\n",
                now.as_second(),
                secret.sign(&id, now, body.as_bytes())
            );
            let media = "application/cloudevents-batch+json";
            door.post_as("/v1/signals", media, &more, &body).await?.granted("signals")?;
            first = next;
        }
        Ok(())
    }

    async fn look(&self, door: &mut Door, cursor: Option<&str>) -> anyhow::Result<Shown> {
        let body = door.get(&gate::list(self.gate, cursor)).await?.granted("the list")?;
        gate::read(self.gate, &body).context("the list is not as expected")
    }

    /// Waits until `count` runs stand at the gate and says which.
    pub async fn parked(&self, count: usize) -> anyhow::Result<Vec<Waiting>> {
        let mut door = self.door().await?;
        let mut known = HashSet::new();
        let mut all = Vec::new();
        let mut moved = Instant::now();
        while all.len() < count {
            let before = all.len();
            let mut cursor: Option<String> = None;
            loop {
                let shown = self.look(&mut door, cursor.as_deref()).await?;
                let new = shown.items.into_iter().filter(|item| known.insert(item.id.clone()));
                all.extend(new);
                cursor = shown.next;
                if cursor.is_none() || all.len() >= count {
                    break;
                }
            }
            if all.len() > before {
                moved = Instant::now();
            } else if moved.elapsed() > PATIENCE {
                bail!("only {} of {count} runs reached the gate", all.len());
            }
            tokio::time::sleep(LOOK).await;
        }
        all.truncate(count);
        Ok(all)
    }

    /// Approves `count` items as they come to the gate, over `concurrency` connections.
    pub async fn approve_all(
        &self,
        count: u64,
        concurrency: usize,
        bar: &ProgressBar,
    ) -> anyhow::Result<Vec<Approved>> {
        let found = Arc::new(Found::default());
        let mut crowd = self.crowd(&found, concurrency).await?;
        let fed = {
            let (client, found, bar) = (self.clone(), Arc::clone(&found), bar.clone());
            async move { client.feed(&found, count, concurrency, &bar).await }
        };
        let approved = tokio::select! {
            fed = fed => { fed?; None }
            failed = crowd.join_next() => Some(failed),
        };
        if let Some(Some(failed)) = approved {
            failed??;
            bail!("a connection stopped approving");
        }
        found.finish(crowd).await
    }

    /// Approves these items at a fixed rate, whatever the server takes for each.
    pub async fn approve_at(
        &self,
        items: Vec<Waiting>,
        rate: f64,
        bar: &ProgressBar,
    ) -> anyhow::Result<Vec<Approved>> {
        let found = Arc::new(Found::default());
        let count = items.len() as u64;
        let crowd = self.crowd(&found, 16).await?;
        let mut tick = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
        for item in items {
            tick.tick().await;
            found.put(vec![item], Some(self.clock.now()));
            bar.inc(1);
        }
        let begun = Instant::now();
        while found.done.load(Ordering::Relaxed) < count {
            if begun.elapsed() > PATIENCE {
                bail!("approvals are not answered");
            }
            tokio::time::sleep(LOOK).await;
        }
        found.finish(crowd).await
    }

    /// Connections that approve what is found, until told that there is no more.
    async fn crowd(
        &self,
        found: &Arc<Found>,
        concurrency: usize,
    ) -> anyhow::Result<JoinSet<anyhow::Result<Vec<Approved>>>> {
        let mut crowd = JoinSet::new();
        for _ in 0..concurrency {
            let door = self.door().await?;
            let (client, found) = (self.clone(), Arc::clone(found));
            crowd.spawn(async move { client.approver(door, &found).await });
        }
        Ok(crowd)
    }

    async fn approver(&self, mut door: Door, found: &Found) -> anyhow::Result<Vec<Approved>> {
        let mut approved = Vec::new();
        loop {
            let Some((item, sent)) = found.take() else {
                if found.done.load(Ordering::Relaxed) == OVER {
                    return Ok(approved);
                }
                found.more.notified().await;
                continue;
            };
            let (path, body) = gate::approval(self.gate, &item)?;
            let sent = sent.unwrap_or_else(|| self.clock.now());
            door.post(&path, &body).await?.granted("an approval")?;
            let answered = self.clock.now();
            approved.push(Approved { run: item.run, sent, answered });
            found.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads what waits, as far ahead of the approvers as they need, until all are approved.
    async fn feed(
        &self,
        found: &Found,
        count: u64,
        concurrency: usize,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let mut door = self.door().await?;
        let mut known = HashSet::new();
        let mut taken = 0;
        let mut cursor: Option<String> = None;
        let mut moved = (0, Instant::now());
        loop {
            let done = found.done.load(Ordering::Relaxed);
            bar.set_position(done);
            if done >= count {
                return Ok(());
            }
            if done > moved.0 {
                moved = (done, Instant::now());
            } else if moved.1.elapsed() > PATIENCE {
                bail!("only {done} of {count} runs could be approved; nothing moves any more");
            }
            if taken >= count || found.left() > 2 * concurrency {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            // Page after page, and from the front again after the last one: what came to the gate
            // meanwhile may stand anywhere.
            let shown = self.look(&mut door, cursor.as_deref()).await?;
            let ended = shown.next.is_none();
            cursor = shown.next;
            let mut new: Vec<Waiting> =
                shown.items.into_iter().filter(|item| known.insert(item.id.clone())).collect();
            let wanted = count.saturating_sub(taken);
            new.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
            taken += new.len() as u64;
            let nothing = new.is_empty();
            found.put(new, None);
            if nothing && ended {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Waits until no run is going any more.
    pub async fn completed(&self) -> anyhow::Result<()> {
        #[derive(serde::Deserialize)]
        struct Runs {
            items: Vec<serde::de::IgnoredAny>,
        }
        let mut door = self.door().await?;
        let path = format!("/v1/runs?status=active&playbook={}&limit=1", gate::PLAYBOOK);
        let begun = Instant::now();
        loop {
            let body = door.get(&path).await?.granted("the list of runs")?;
            let runs: Runs = serde_json::from_slice(&body)?;
            if runs.items.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                bail!("runs whose approval was given do not end");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the runs that were approved last are over: the others were due before them.
    pub async fn over(&self, approved: &[Approved]) -> anyhow::Result<()> {
        #[derive(serde::Deserialize)]
        struct Shown {
            run: Run,
        }
        #[derive(serde::Deserialize)]
        struct Run {
            status: RunStatus,
        }
        let mut last: Vec<&Approved> = approved.iter().collect();
        last.sort_by_key(|one| std::cmp::Reverse(one.answered));
        let mut door = self.door().await?;
        for one in last.iter().take(LAST) {
            let begun = Instant::now();
            loop {
                let body = door.get(&format!("/v1/runs/{}", one.run)).await?.granted("a run")?;
                let shown: Shown = serde_json::from_slice(&body)?;
                if shown.run.status.is_over() {
                    break;
                }
                if begun.elapsed() > PATIENCE {
                    bail!("run `{}` whose approval was given does not end", one.run);
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// One counter of `/metrics`, all its labels summed up; none when it is not there.
    pub async fn counter(&self, name: &str) -> anyhow::Result<Option<f64>> {
        let body = self.door().await?.get("/metrics").await?.granted("the metrics")?;
        Ok(counter(&String::from_utf8_lossy(&body), name))
    }
}

/// What stands in `done` once there is nothing more to approve.
const OVER: u64 = u64::MAX;

impl Found {
    async fn finish(
        &self,
        mut crowd: JoinSet<anyhow::Result<Vec<Approved>>>,
    ) -> anyhow::Result<Vec<Approved>> {
        self.done.store(OVER, Ordering::Relaxed);
        let mut all = Vec::new();
        loop {
            self.more.notify_waiters();
            // Whoever looked just before the word was given waits for the next one.
            self.more.notify_one();
            match tokio::time::timeout(LOOK, crowd.join_next()).await {
                Ok(None) => return Ok(all),
                Ok(Some(approved)) => all.extend(approved??),
                Err(_) => {}
            }
        }
    }
}

fn counter(text: &str, name: &str) -> Option<f64> {
    let values: Vec<f64> = text
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.strip_prefix('{') {
                Some(labelled) => labelled.rsplit_once('}')?.1,
                None => rest.strip_prefix(' ')?,
            };
            value.trim().parse().ok()
        })
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels() {
        let text = "# TYPE a counter\na_total 3\nb_total{x=\"1\"} 2\nb_total{x=\"2\"} 5\n# EOF\n";
        assert_eq!(counter(text, "a_total"), Some(3.0));
        assert_eq!(counter(text, "b_total"), Some(7.0));
        assert_eq!(counter(text, "a"), None);
    }
}
