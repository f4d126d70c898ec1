//! Matches signals and schedules against the active playbooks and starts runs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use domain::{
    account::AccountStatus,
    event::{Event, NewEvent, Stream},
    id::{AccountId, RunId, SignalId},
    page::PageRequest,
    port::{Heard, Looked, RunFilter, Schedule, StoreError},
    run::{Cause, NewRun, Priority, Progress, RunStatus, Started},
    signal::{self, NewSignal, Signal, kind},
    snapshot::Snapshot,
    user::Actor,
};
use jiff::Timestamp;
use playbook::{Plan, Trigger};
use serde_json::json;
use tracing::{info, warn};

use crate::{
    active::{Active, ActiveError},
    ports::Ports,
};

/// Signals looked at in one go.
const BATCH: u32 = 256;
/// Accounts a schedule looks at in one go.
const POPULATION: u32 = 500;

/// Why a run was not started by hand.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such playbook.
    #[error("there is no active playbook `{name}`; there are {}", known.join(", "))]
    NoPlaybook {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The playbook is at work on the account already.
    #[error("run `{run}` of `{playbook}` for this account is still going; cancel it first")]
    Going {
        /// The playbook.
        playbook: String,
        /// Its run.
        run: RunId,
    },
    /// The database, or a stored version, failed.
    #[error(transparent)]
    Active(#[from] ActiveError),
}

impl From<StoreError> for StartError {
    fn from(err: StoreError) -> Self {
        Self::Active(err.into())
    }
}

/// Starts runs.
#[derive(Clone)]
pub struct Triggers {
    ports: Ports,
    active: Active,
    /// The lanes playbooks listen to, once they were looked at.
    heard: Arc<Mutex<Option<Arc<[Heard]>>>>,
}

enum Match {
    Start,
    /// The trigger listens to this signal, but not now.
    Suppressed(String),
    /// The trigger does not listen to it.
    No,
}

impl Triggers {
    /// Triggers over these doors.
    pub fn new(ports: Ports) -> Self {
        let active = Active::new(&ports);
        Self { ports, active, heard: Arc::default() }
    }

    /// Looks at signals nobody has looked at; tells how many there were. Lanes take turns, so that a
    /// flood of one kind leaves room for the others. What a crash interrupts is looked at again:
    /// a signal starts a playbook at most once.
    pub async fn process_signals(&self) -> Result<usize, ActiveError> {
        let heard = match self.heard() {
            Some(heard) => heard,
            None => self.listen(&self.active.plans().await?),
        };
        let signals = self.ports.journal.untriggered_of(&heard, BATCH).await?;
        if signals.is_empty() {
            return Ok(0);
        }
        let plans = self.active.plans().await?;
        self.listen(&plans);
        let now = self.ports.clock.now();
        let mut accounts: Vec<AccountId> = signals.iter().map(|signal| signal.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let snapshots: HashMap<AccountId, Snapshot> = self
            .ports
            .customers
            .snapshots(&accounts, now)
            .await?
            .into_iter()
            .map(|snapshot| (snapshot.account.id, snapshot))
            .collect();
        let looked = signals
            .iter()
            .map(|signal| self.look(&plans, signal, snapshots.get(&signal.account), now))
            .collect();
        self.trigger(looked, now).await?;
        Ok(signals.len())
    }

    /// What the playbooks make of a signal.
    fn look(
        &self,
        plans: &[Arc<Plan>],
        signal: &Signal,
        snapshot: Option<&Snapshot>,
        now: Timestamp,
    ) -> Looked {
        let mut looked = Looked { signal: signal.id, runs: Vec::new(), events: Vec::new() };
        let Some(snapshot) = snapshot else { return looked };
        for plan in plans {
            match matches(plan, signal, snapshot) {
                Match::Start => looked.runs.push(self.new_run(plan, signal, snapshot, now)),
                Match::Suppressed(why) => looked.events.push(NewEvent {
                    stream: Stream::Signal,
                    at: now,
                    actor: Actor::Engine,
                    event: Event::TriggerSuppressed {
                        playbook: plan.name.clone(),
                        account: signal.account,
                        kind: signal.kind.clone(),
                        why,
                    },
                }),
                Match::No => {}
            }
        }
        looked
    }

    /// The lanes playbooks listened to when they were last looked at.
    fn heard(&self) -> Option<Arc<[Heard]>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes which lanes playbooks listen to.
    fn listen(&self, plans: &[Arc<Plan>]) -> Arc<[Heard]> {
        let mut lanes: BTreeMap<String, Priority> = BTreeMap::new();
        for plan in plans {
            let lane = match &plan.trigger.on {
                Trigger::Lifecycle { enters } => {
                    Some(signal::lane_of(kind::LIFECYCLE_ENTERED, enters.as_str()))
                }
                Trigger::Event { signal } => Some(signal.clone()),
                Trigger::Schedule(_) => Some(signal::lane_of(kind::SCHEDULE_TICKED, &plan.name)),
                Trigger::Manual => None,
            };
            // Whoever asks for a run waits for it.
            let asked = (signal::lane_of(kind::MANUAL, &plan.name), Priority::Urgent);
            for (lane, priority) in
                lane.map(|lane| (lane, plan.priority)).into_iter().chain([asked])
            {
                let most = lanes.entry(lane).or_insert(priority);
                if priority.shares() > most.shares() {
                    *most = priority;
                }
            }
        }
        let heard: Arc<[Heard]> =
            lanes.into_iter().map(|(lane, priority)| Heard { lane, priority }).collect();
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&heard));
        heard
    }

    fn new_run(&self, plan: &Plan, signal: &Signal, snapshot: &Snapshot, now: Timestamp) -> NewRun {
        let manual = signal.kind == kind::MANUAL;
        NewRun {
            id: RunId::new(&*self.ports.clock),
            playbook: plan.name.clone(),
            version: plan.version.clone(),
            account: snapshot.account.id,
            cause: cause(plan, signal),
            priority: plan.priority,
            progress: Progress::start(plan.first().unwrap_or_default()),
            once_since: plan
                .once_per
                .filter(|_| !manual)
                .and_then(|once_per| now.checked_sub(once_per).ok()),
            key: format!("{}:{}", plan.name, signal.id),
        }
    }

    /// Marks signals as looked at and starts what they start; what somebody else has looked at
    /// meanwhile is left to them. Tells what became of each.
    async fn trigger(
        &self,
        looked: Vec<Looked>,
        now: Timestamp,
    ) -> Result<Vec<Option<Vec<Started>>>, StoreError> {
        if looked.is_empty() {
            return Ok(Vec::new());
        }
        let done = self.ports.journal.trigger(looked, now).await?;
        let new = new(&done);
        if new > 0 {
            info!(runs = new, "runs started");
        }
        Ok(done)
    }

    /// Sets when the schedules of active playbooks tick next, and removes the others'.
    pub async fn sync_schedules(&self) -> Result<(), ActiveError> {
        let now = self.ports.clock.now();
        for plan in self.active.plans().await? {
            let next = match &plan.trigger.on {
                Trigger::Schedule(schedule) => schedule.next(now),
                _ => None,
            };
            self.ports.catalogue.schedule(&plan.name, next).await?;
        }
        Ok(())
    }

    /// Handles schedules that are due; tells how many ticked.
    pub async fn process_schedules(&self) -> Result<usize, ActiveError> {
        let now = self.ports.clock.now();
        let due = self.ports.catalogue.due_schedules(now).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let plans = self.active.plans().await?;
        for tick in &due {
            let Some(plan) = plans.iter().find(|plan| plan.name == tick.playbook) else {
                self.ports.catalogue.schedule(&tick.playbook, None).await?;
                continue;
            };
            if let Err(err) = self.tick(plan, tick.due).await {
                warn!(playbook = plan.name, error = %err, "schedule's tick is tried again");
                continue;
            }
            // Ticks missed while nothing ran are not made up for: the population was just walked.
            let next = match &plan.trigger.on {
                Trigger::Schedule(schedule) => schedule.next(now),
                _ => None,
            };
            match next {
                Some(next) => {
                    self.ports.catalogue.advance_schedule(tick, next).await?;
                }
                None => self.ports.catalogue.schedule(&tick.playbook, None).await?,
            }
        }
        Ok(due.len())
    }

    /// Walks the population once for a schedule's tick and starts the playbook where it applies;
    /// tells how many runs began.
    pub async fn tick_now(&self, playbook: &str) -> Result<usize, StartError> {
        let plans = self.active.plans().await?;
        let plan = find(&plans, playbook)?;
        Ok(self.tick(plan, self.ports.clock.now()).await?)
    }

    async fn tick(&self, plan: &Plan, at: Timestamp) -> Result<usize, ActiveError> {
        let mut after = None;
        let mut begun = 0;
        loop {
            let accounts = self.ports.customers.population(after, POPULATION).await?;
            let Some(last) = accounts.last() else { return Ok(begun) };
            after = Some(*last);
            let now = self.ports.clock.now();
            let snapshots = self.ports.customers.snapshots(&accounts, now).await?;
            let mut signals = Vec::new();
            for snapshot in &snapshots {
                let signal = Signal {
                    id: SignalId::new(&*self.ports.clock),
                    source: "schedule".to_owned(),
                    event_id: format!("{}:{at}:{}", plan.name, snapshot.account.id),
                    kind: kind::SCHEDULE_TICKED.to_owned(),
                    account: snapshot.account.id,
                    at,
                    received_at: now,
                    data: json!({ "playbook": plan.name, "at": at }),
                    run: None,
                };
                if holds(plan, &signal, snapshot).unwrap_or(false) {
                    signals.push(NewSignal {
                        source: signal.source,
                        event_id: signal.event_id,
                        kind: signal.kind,
                        account: signal.account,
                        at: signal.at,
                        data: signal.data,
                        run: None,
                    });
                }
            }
            let stored = self.ports.journal.signal(signals, now).await?;
            let looked = stored
                .iter()
                .map(|signal| {
                    let snapshot = snapshots.iter().find(|s| s.account.id == signal.account);
                    let run = snapshot.map(|snapshot| self.new_run(plan, signal, snapshot, now));
                    Looked {
                        signal: signal.id,
                        runs: run.into_iter().collect(),
                        events: Vec::new(),
                    }
                })
                .collect();
            begun += new(&self.trigger(looked, now).await?);
        }
    }

    /// Starts a playbook for an account because a person asked for it (TR-01). Conditions and
    /// `once_per` are not asked: the person decided. A run that is still going is in the way.
    pub async fn start_by_hand(
        &self,
        playbook: &str,
        account: AccountId,
        by: &Actor,
    ) -> Result<Option<RunId>, StartError> {
        let plans = self.active.plans().await?;
        let plan = find(&plans, playbook)?;
        let now = self.ports.clock.now();
        let Some(snapshot) =
            self.ports.customers.snapshots(&[account], now).await?.into_iter().next()
        else {
            return Ok(None);
        };
        let filter = RunFilter {
            status: Some(RunStatus::Active),
            playbook: Some(plan.name.clone()),
            account: Some(account),
            ..RunFilter::default()
        };
        let going =
            self.ports.journal.runs(&filter, &PageRequest { cursor: None, limit: 1 }).await?;
        if let Some(run) = going.items.first() {
            // Two runs would write the same letter twice.
            return Err(StartError::Going { playbook: plan.name.clone(), run: run.id });
        }
        let signal = NewSignal {
            source: "people".to_owned(),
            event_id: self.ports.clock.uuid().to_string(),
            kind: kind::MANUAL.to_owned(),
            account,
            at: now,
            data: json!({ "playbook": plan.name, "by": by.to_string() }),
            run: None,
        };
        let stored = self.ports.journal.signal(vec![signal], now).await?;
        let Some(signal) = stored.first() else { return Ok(None) };
        let run = self.new_run(plan, signal, &snapshot, now);
        let looked = Looked { signal: signal.id, runs: vec![run.clone()], events: Vec::new() };
        let mut done = self.trigger(vec![looked], now).await?;
        let started = match done.pop().flatten() {
            Some(started) => started,
            // A worker saw the signal first; the run it started is known by its key.
            None => self.ports.journal.start(vec![run], now).await?,
        };
        Ok(started.first().map(|started| match started {
            Started::New(id) | Started::Known(id) | Started::Suppressed { by: id } => *id,
        }))
    }

    /// The active playbooks that tick by a schedule.
    pub async fn scheduled(&self) -> Result<Vec<Schedule>, ActiveError> {
        let now = self.ports.clock.now();
        Ok(self
            .active
            .plans()
            .await?
            .iter()
            .filter_map(|plan| match &plan.trigger.on {
                Trigger::Schedule(schedule) => {
                    Some(Schedule { playbook: plan.name.clone(), due: schedule.next(now)? })
                }
                _ => None,
            })
            .collect())
    }
}

/// Runs that began.
fn new(done: &[Option<Vec<Started>>]) -> usize {
    done.iter().flatten().flatten().filter(|started| matches!(started, Started::New(_))).count()
}

fn find<'a>(plans: &'a [Arc<Plan>], name: &str) -> Result<&'a Plan, StartError> {
    plans.iter().find(|plan| plan.name == name).map(|plan| &**plan).ok_or_else(|| {
        StartError::NoPlaybook {
            name: name.to_owned(),
            known: plans.iter().map(|plan| format!("`{}`", plan.name)).collect(),
        }
    })
}

/// Whether a playbook's trigger listens to this signal, and its conditions hold.
fn matches(plan: &Plan, signal: &Signal, snapshot: &Snapshot) -> Match {
    let asked_for = signal.data.get("playbook").and_then(|name| name.as_str());
    match (&plan.trigger.on, signal.kind.as_str()) {
        (_, kind::MANUAL) => {
            return if asked_for == Some(plan.name.as_str()) { Match::Start } else { Match::No };
        }
        (Trigger::Lifecycle { enters }, kind::LIFECYCLE_ENTERED) => {
            let stage = signal.data.get("stage").and_then(|stage| stage.as_str());
            if stage != Some(enters.as_str()) {
                return Match::No;
            }
        }
        (Trigger::Event { signal: name }, kind) if name == kind => {}
        (Trigger::Schedule(_), kind::SCHEDULE_TICKED) if asked_for == Some(plan.name.as_str()) => {}
        _ => return Match::No,
    }
    match holds(plan, signal, snapshot) {
        Ok(true) => Match::Start,
        Ok(false) => Match::Suppressed("its condition does not hold".to_owned()),
        Err(why) => Match::Suppressed(format!("its condition failed: {why}")),
    }
}

/// Whether segment and condition let this playbook run for this account.
fn holds(plan: &Plan, signal: &Signal, snapshot: &Snapshot) -> Result<bool, String> {
    if snapshot.account.status == AccountStatus::Churned {
        return Ok(false);
    }
    let facts = plan.facts(snapshot, &cause(plan, signal), &BTreeMap::new());
    for condition in plan.segment.iter().chain(plan.trigger.when.iter()) {
        match condition.holds(&facts) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(err) => {
                warn!(playbook = plan.name, error = %err, "trigger's condition failed");
                return Err(err.to_string());
            }
        }
    }
    Ok(true)
}

fn cause(plan: &Plan, signal: &Signal) -> Cause {
    let trigger = match (&plan.trigger.on, signal.kind.as_str()) {
        (_, kind::MANUAL) | (Trigger::Manual, _) => "manual",
        (Trigger::Lifecycle { .. }, _) => "lifecycle",
        (Trigger::Event { .. }, _) => "event",
        (Trigger::Schedule(_), _) => "schedule",
    };
    Cause {
        trigger: trigger.to_owned(),
        signal: signal.id,
        kind: signal.kind.clone(),
        data: signal.data.clone(),
        at: signal.at,
        condition: plan.trigger.when.as_ref().map(|c| c.source().to_owned()).unwrap_or_default(),
    }
}
