//! Steering runs from outside: many at a time, counted first; or one, back to an earlier step.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    id::{MessageId, RunId},
    port::{
        BATCH, Changed, Forecast, Hindered, Measure, Rewind, RunFilter, RunGroup, Steering,
        StoreError, Tally,
    },
    run::{Run, RunStatus},
    user::Actor,
};
use jiff::SignedDuration;
use playbook::{RewindError, Rewound};

use crate::{
    active::{Active, ActiveError},
    ports::Ports,
};

/// Runs shown as examples.
const EXAMPLES: u32 = 5;

/// Why many runs were not (all) changed.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// Not as many match as whoever asked has seen.
    #[error("{found} runs match now, not {expected}; nothing was changed, look again")]
    Moved {
        /// As many were seen.
        expected: u64,
        /// As many there are.
        found: u64,
    },
    /// The database failed on the way.
    #[error("stopped after {} runs; the rest can be changed by asking again", done.done)]
    Interrupted {
        /// What was done before.
        done: Tally,
        /// Why it stopped.
        source: StoreError,
    },
    /// The database failed before anything was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a run was not taken back to a step.
#[derive(Debug, thiserror::Error)]
pub enum RetryFromError {
    /// There is no such run.
    #[error("there is no run `{0}`; `playgate run list` shows them")]
    NotFound(RunId),
    /// It is over or paused.
    #[error("run `{run}` is {status}; only one that is stuck, or active and at rest, goes back")]
    NotPossible {
        /// The run.
        run: RunId,
        /// Its state.
        status: RunStatus,
    },
    /// The step is not one it can go back to.
    #[error(transparent)]
    Rewind(#[from] RewindError),
    /// It is not at rest.
    #[error("run `{0}` is moving at this moment; try again when it rests")]
    Moving(RunId),
    /// Its playbook cannot be read.
    #[error(transparent)]
    Active(#[from] ActiveError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Steers runs from outside.
#[derive(Clone)]
pub struct Steward {
    pub(crate) steering: Arc<dyn Steering>,
    pub(crate) ports: Ports,
    pub(crate) active: Active,
}

impl Steward {
    /// A steward over these doors.
    pub fn new(steering: Arc<dyn Steering>, ports: Ports) -> Self {
        let active = Active::new(&ports);
        Self { steering, ports, active }
    }

    /// What would be done to all runs that match; does nothing.
    pub async fn forecast(
        &self,
        filter: &RunFilter,
        what: &Measure,
    ) -> Result<Forecast, StoreError> {
        let mut forecast = Forecast::default();
        for group in self.steering.groups(filter).await? {
            if !what.is_possible(group.status) {
                forecast.left_alone += group.count;
            } else if matches!(what, Measure::Intervene(_)) {
                forecast.count += group.count;
                forecast.groups.push(group);
            }
        }
        match what {
            Measure::Intervene(_) => {
                for filter in by_status(filter, what) {
                    let found = self.steering.longest_started(&filter, None, EXAMPLES).await?;
                    forecast.first.extend(found);
                }
            }
            Measure::RetryFrom(step) => self.foresee(filter, what, step, &mut forecast).await?,
        }
        forecast.first.sort_by_key(|run| (run.started_at, run.id));
        forecast.first.truncate(EXAMPLES as usize);
        Ok(forecast)
    }

    /// Looks at every run that would go back: whether it can is known of each alone.
    async fn foresee(
        &self,
        filter: &RunFilter,
        what: &Measure,
        step: &str,
        forecast: &mut Forecast,
    ) -> Result<(), StoreError> {
        let mut groups: BTreeMap<(String, RunStatus, String), u64> = BTreeMap::new();
        let mut hindered: BTreeMap<(String, String, String), u64> = BTreeMap::new();
        for filter in by_status(filter, what) {
            let (mut after, mut examples) = (None, 0);
            while let Some(runs) = self.next(&filter, &mut after).await? {
                for (run, back) in self.look_back(runs, step).await? {
                    let (playbook, at) = (run.playbook.clone(), run.progress.step.clone());
                    match back {
                        Ok(_) => {
                            *groups.entry((playbook, run.status, at)).or_default() += 1;
                            forecast.count += 1;
                            if examples < EXAMPLES {
                                examples += 1;
                                forecast.first.push(run);
                            }
                        }
                        Err(why) => *hindered.entry((playbook, at, why)).or_default() += 1,
                    }
                }
            }
        }
        forecast.groups = groups
            .into_iter()
            .map(|((playbook, status, step), count)| RunGroup { playbook, status, step, count })
            .collect();
        forecast.groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        forecast.hindered = hindered
            .into_iter()
            .map(|((playbook, step, why), count)| Hindered { playbook, step, why, count })
            .collect();
        forecast.hindered.sort_by_key(|group| std::cmp::Reverse(group.count));
        Ok(())
    }

    /// Does it to all runs that match, in batches; `tell` hears of each. With `expect`, only if
    /// exactly as many runs would be changed as somebody has seen.
    pub async fn intervene_all(
        &self,
        filter: &RunFilter,
        what: &Measure,
        expect: Option<u64>,
        by: &Actor,
        tell: &(dyn Fn(Tally) + Send + Sync),
    ) -> Result<Tally, BulkError> {
        let now = self.ports.clock.now();
        // Runs that begin meanwhile were not seen by anybody.
        let end = now.checked_add(SignedDuration::from_micros(1)).unwrap_or(now);
        let mut filter = filter.clone();
        filter.started_before = Some(filter.started_before.map_or(end, |before| before.min(end)));
        let seen = self.forecast(&filter, what).await?.count;
        if let Some(expected) = expect.filter(|expected| *expected != seen) {
            return Err(BulkError::Moved { expected, found: seen });
        }
        let mut tally = Tally::default();
        // A run that went back is in another state then, and is not met a second time.
        let mut met = BTreeSet::new();
        for filter in by_status(&filter, what) {
            let mut after = None;
            loop {
                let batch = self.batch(&filter, what, by, &mut after, &mut met).await;
                let batch =
                    batch.map_err(|source| BulkError::Interrupted { done: tally, source })?;
                let Some(batch) = batch else { break };
                tally.add(batch);
                tell(tally);
            }
        }
        let found = tally.done + tally.not_possible + tally.gone;
        tally.gone += seen.saturating_sub(found);
        Ok(tally)
    }

    /// Does it to the next batch of runs; none when there are no more.
    async fn batch(
        &self,
        filter: &RunFilter,
        what: &Measure,
        by: &Actor,
        after: &mut Option<(jiff::Timestamp, RunId)>,
        met: &mut BTreeSet<RunId>,
    ) -> Result<Option<Tally>, StoreError> {
        let Some(mut runs) = self.next(filter, after).await? else { return Ok(None) };
        let now = self.ports.clock.now();
        match what {
            Measure::Intervene(what) => {
                let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
                Ok(Some(self.steering.intervene_all(&ids, filter, what, by, now).await?))
            }
            Measure::RetryFrom(step) => {
                runs.retain(|run| !met.contains(&run.id));
                let mut tally = Tally::default();
                let mut rewinds = Vec::with_capacity(runs.len());
                for (_, back) in self.look_back(runs, step).await? {
                    match back {
                        Ok(rewind) => rewinds.push(rewind),
                        Err(_) => tally.not_possible += 1,
                    }
                }
                let ids: Vec<RunId> = rewinds.iter().map(|rewind| rewind.run.id).collect();
                let answers = self.steering.rewind_all(rewinds, by, now).await?;
                for (id, answer) in ids.into_iter().zip(answers) {
                    match answer {
                        Changed::Done => {
                            met.insert(id);
                            tally.done += 1;
                        }
                        Changed::MovedOn | Changed::Sending | Changed::NotFound => tally.gone += 1,
                    }
                }
                Ok(Some(tally))
            }
        }
    }

    /// The next batch of runs that match; none when there are no more.
    async fn next(
        &self,
        filter: &RunFilter,
        after: &mut Option<(jiff::Timestamp, RunId)>,
    ) -> Result<Option<Vec<Run>>, StoreError> {
        let limit = u32::try_from(BATCH).unwrap_or(u32::MAX);
        let runs = self.steering.longest_started(filter, *after, limit).await?;
        let Some(last) = runs.last() else { return Ok(None) };
        *after = Some((last.started_at, last.id));
        Ok(Some(runs))
    }

    /// The way back of each run, or why there is none, in words that are the same for all alike.
    async fn look_back(
        &self,
        runs: Vec<Run>,
        step: &str,
    ) -> Result<Vec<(Run, Result<Rewind, String>)>, StoreError> {
        let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
        let mut sent: BTreeMap<RunId, BTreeMap<String, MessageId>> = BTreeMap::new();
        for (run, step, message) in self.steering.sent_by(&ids).await? {
            sent.entry(run).or_default().insert(step, message);
        }
        let mut looked = Vec::with_capacity(runs.len());
        for run in runs {
            let back = match self.active.plan(&run.version).await {
                Ok(plan) => {
                    let sent = sent.remove(&run.id).unwrap_or_default();
                    playbook::rewind(&plan, &run.progress, step, &sent)
                        .map(|back| Rewind {
                            run: run.clone(),
                            progress: back.progress,
                            again: after(&plan, step),
                        })
                        .map_err(|err| err.of_many())
                }
                Err(ActiveError::Store(err)) => return Err(err),
                Err(err) => Err(err.to_string()),
            };
            looked.push((run, back));
        }
        Ok(looked)
    }

    /// Has a run do its steps again from an earlier one. What later steps left behind is dropped,
    /// what waits of them is withdrawn; what was spent stays spent.
    pub async fn retry_from(
        &self,
        id: RunId,
        step: &str,
        by: &Actor,
    ) -> Result<Rewound, RetryFromError> {
        let run = self.run(id).await?;
        if !matches!(run.status, RunStatus::Stuck | RunStatus::Active) {
            return Err(RetryFromError::NotPossible { run: id, status: run.status });
        }
        let plan = self.active.plan(&run.version).await?;
        let sent = self.steering.sent_by(&[id]).await?;
        let sent = sent.into_iter().map(|(_, step, message)| (step, message)).collect();
        let rewound = playbook::rewind(&plan, &run.progress, step, &sent)?;
        let rewind = Rewind { run, progress: rewound.progress.clone(), again: after(&plan, step) };
        match self.steering.rewind(rewind, by, self.ports.clock.now()).await? {
            Changed::Done => Ok(rewound),
            Changed::MovedOn | Changed::Sending => Err(RetryFromError::Moving(id)),
            Changed::NotFound => Err(RetryFromError::NotFound(id)),
        }
    }

    async fn run(&self, id: RunId) -> Result<Run, RetryFromError> {
        self.ports.journal.run(id).await?.ok_or(RetryFromError::NotFound(id))
    }
}

/// A filter for each state in which it makes sense.
fn by_status(filter: &RunFilter, what: &Measure) -> Vec<RunFilter> {
    RunStatus::ALL
        .iter()
        .filter(|status| what.is_possible(**status))
        .filter(|status| filter.status.is_none_or(|only| only == **status))
        .map(|status| RunFilter { status: Some(*status), ..filter.clone() })
        .collect()
}

/// A step and all that come after it, reached or not.
fn after(plan: &playbook::Plan, step: &str) -> Vec<String> {
    plan.steps.iter().map(|step| step.id.clone()).skip_while(|id| id != step).collect()
}
