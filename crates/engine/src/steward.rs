//! Steering runs from outside: many at a time, counted first; or one, back to an earlier step.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    id::RunId,
    port::{BATCH, Changed, Forecast, Rewind, RunFilter, Steering, StoreError, Tally},
    run::{Intervention, Run, RunStatus},
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
        let active = Active::new(Arc::clone(&ports.catalogue));
        Self { steering, ports, active }
    }

    /// What an intervention in all runs that match would do; does nothing.
    pub async fn forecast(
        &self,
        filter: &RunFilter,
        what: &Intervention,
    ) -> Result<Forecast, StoreError> {
        let mut forecast = Forecast::default();
        for group in self.steering.groups(filter).await? {
            if what.is_possible(group.status) {
                forecast.count += group.count;
                forecast.groups.push(group);
            } else {
                forecast.left_alone += group.count;
            }
        }
        for filter in by_status(filter, what) {
            let found = self.steering.longest_started(&filter, None, EXAMPLES).await?;
            forecast.first.extend(found);
        }
        forecast.first.sort_by_key(|run| (run.started_at, run.id));
        forecast.first.truncate(EXAMPLES as usize);
        Ok(forecast)
    }

    /// Intervenes in all runs that match, in batches; `tell` hears of each. With `expect`, only if
    /// exactly as many runs would be changed as somebody has seen.
    pub async fn intervene_all(
        &self,
        filter: &RunFilter,
        what: &Intervention,
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
        for filter in by_status(&filter, what) {
            let mut after = None;
            loop {
                let batch = self.batch(&filter, what, by, &mut after).await;
                let batch =
                    batch.map_err(|source| BulkError::Interrupted { done: tally, source })?;
                let Some(batch) = batch else { break };
                tally.add(batch);
                tell(tally);
            }
        }
        let met = tally.done + tally.not_possible + tally.gone;
        tally.gone += seen.saturating_sub(met);
        Ok(tally)
    }

    /// Intervenes in the next batch of runs; none when there are no more.
    async fn batch(
        &self,
        filter: &RunFilter,
        what: &Intervention,
        by: &Actor,
        after: &mut Option<(jiff::Timestamp, RunId)>,
    ) -> Result<Option<Tally>, StoreError> {
        let limit = u32::try_from(BATCH).unwrap_or(u32::MAX);
        let runs = self.steering.longest_started(filter, *after, limit).await?;
        let Some(last) = runs.last() else { return Ok(None) };
        *after = Some((last.started_at, last.id));
        let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
        let now = self.ports.clock.now();
        Ok(Some(self.steering.intervene_all(&ids, filter, what, by, now).await?))
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
        let messages = self.steering.messages_of(id).await?;
        let sent: BTreeMap<String, _> =
            messages.into_iter().map(|message| (message.step, message.id)).collect();
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

/// A filter for each state the intervention makes sense in.
fn by_status(filter: &RunFilter, what: &Intervention) -> Vec<RunFilter> {
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
