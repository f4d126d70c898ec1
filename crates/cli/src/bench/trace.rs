//! What the audit trail says of a benchmark's runs once they are over: how many completed, and how
//! long after its approval each went on.

use std::collections::HashMap;

use domain::{
    event::Event,
    page::PageRequest,
    port::{Journal as _, Ledger as _, RunFilter},
    run::RunStatus,
};
use jiff::Timestamp;

use crate::{
    app::App,
    bench::{
        approver::Approved,
        gate,
        latency::{Latency, milliseconds},
    },
};

/// Runs whose events are read at most; of more, evenly spread ones are.
const SAMPLE: usize = 20_000;
/// Events of a run that are read; W1 has fewer.
const EVENTS: u32 = 200;

/// How many runs ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// All of them.
    pub runs: u64,
    /// Those that completed all steps.
    pub completed: u64,
}

/// Counts the runs of the benchmark's playbook.
pub async fn ended(app: &App) -> anyhow::Result<Ended> {
    let filter = RunFilter { playbook: Some(gate::PLAYBOOK.to_owned()), ..RunFilter::default() };
    let mut page = PageRequest { cursor: None, limit: 200 };
    let mut ended = Ended::default();
    loop {
        let runs = app.store.runs(&filter, &page).await?;
        for run in &runs.items {
            ended.runs += 1;
            ended.completed += u64::from(run.status == RunStatus::Completed);
        }
        page.cursor = runs.next;
        if page.cursor.is_none() {
            return Ok(ended);
        }
    }
}

/// The time from sending an approval to the event that says the next step began.
pub async fn steps(app: &App, approved: &[Approved]) -> anyhow::Result<Option<Latency>> {
    let every = approved.len().div_ceil(SAMPLE).max(1);
    let sample: HashMap<&str, Timestamp> = approved
        .iter()
        .step_by(every)
        .map(|approved| (approved.run.as_str(), approved.sent))
        .collect();
    let bar = app.out.progress("reading the trail", sample.len() as u64);
    let mut times = Vec::with_capacity(sample.len());
    for (run, sent) in sample {
        if let Some(began) = began(app, run).await? {
            times.push(milliseconds(sent, began));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Latency::of(times))
}

/// When each of these runs completed; those that did not are left out.
pub async fn completions(app: &App, approved: &[Approved]) -> anyhow::Result<Vec<Timestamp>> {
    let mut times = Vec::with_capacity(approved.len());
    for one in approved {
        for stored in app.store.events(&one.run, 0, EVENTS).await? {
            if matches!(serde_json::from_str(&stored.data)?, Event::RunCompleted {}) {
                times.push(Timestamp::from_microsecond(stored.at)?);
            }
        }
    }
    Ok(times)
}

/// When the step after the gate began.
async fn began(app: &App, run: &str) -> anyhow::Result<Option<Timestamp>> {
    for stored in app.store.events(run, 0, EVENTS).await? {
        let event: Event = serde_json::from_str(&stored.data)?;
        // A step that is done in the turn it begins in is one event, its end.
        let (Event::StepStarted { step } | Event::StepFinished { step, .. }) = event else {
            continue;
        };
        if step == gate::NEXT {
            return Ok(Some(Timestamp::from_microsecond(stored.at)?));
        }
    }
    Ok(None)
}

/// The time from sending an approval to the server's answer: by then it is durable.
pub fn answers(approved: &[Approved]) -> Option<Latency> {
    Latency::of(approved.iter().map(|one| milliseconds(one.sent, one.answered)).collect())
}
