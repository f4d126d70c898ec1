//! One seed from beginning to end: who goes on next, what goes wrong, and how time passes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use domain::{clock::Clock, limit::Limits};
use engine::Settings;
use jiff::SignedDuration;
use store::{Options, Store};

use super::{
    book::Book,
    due::Due,
    gate::{Call, Fate},
    outside::{Outside, is_waiting},
    process::{Ground, Machine, Process},
    stage::{Copy, Stage},
    story::Story,
    sync::Backstage,
    time::{DAY, HOUR, ProcessClock, SECOND, Time},
    weather::{Turn, Weather, whole},
};
use crate::chaos::chance::Chance;

/// How long a seed lasts.
pub const YEAR: i64 = 365 * DAY;

/// Steps after which a seed that does not come to its end is given up.
const MOST_STEPS: u64 = 60_000;

/// Where the process that serves is among the machines; the others work.
pub const OFFICE: usize = 2;

const NAMES: [&str; 3] = ["worker1", "worker2", "office"];

/// What a worker does by itself.
pub const JOBS: [&str; 5] = ["advance", "deliver", "trigger", "tick", "checkpoint"];

/// One world.
pub struct World {
    pub(super) chance: Chance,
    pub(super) story: Story,
    pub(super) stage: Arc<Stage>,
    pub(super) ground: Ground,
    pub(super) backstage: Arc<Backstage>,
    pub(super) machines: Vec<Machine>,
    pub(super) processes: Vec<Option<Process>>,
    /// Until when a machine is down, or its process stands still.
    pub(super) down: Vec<i64>,
    pub(super) frozen: Vec<i64>,
    pub(super) weather: Weather,
    pub(super) outside: Outside,
    /// Whether the year is over, and nothing happens outside any more.
    pub(super) over: bool,
    next_outside: i64,
    next_checkpoint: i64,
    /// When a worker looked in vain for something, and what there was.
    in_vain: BTreeMap<(usize, &'static str), (i64, usize)>,
    /// Processes started so far.
    starts: u64,
    pub(super) steps: u64,
    pub(super) tally: BTreeMap<&'static str, u64>,
    /// Goes last.
    _copy: Copy,
}

impl World {
    /// The world of a seed, at its beginning. `kept`: the story is kept in words.
    pub fn begin(
        stage: &Arc<Stage>,
        backstage: &Arc<Backstage>,
        seed: u64,
        kept: bool,
    ) -> Result<Self> {
        let mut chance = Chance::of(seed, "sim");
        let time = Arc::new(Time::at(stage.beginning));
        let copy = stage.copy(seed)?;
        let path = copy.path().display().to_string();
        let mut machines = Vec::new();
        for name in NAMES {
            let clock =
                Arc::new(ProcessClock::new(Arc::clone(&time), Chance::new(chance.number())));
            let lease_clock: Arc<dyn Clock> = Arc::<Time>::clone(&time);
            // Nothing but the world decides how long a call takes: not a machine that is busy.
            let wait = std::time::Duration::from_hours(24);
            let options = Options {
                lease_clock: Some(lease_clock),
                wait,
                // One call at a time needs no more.
                connections: 1,
                ..Options::default()
            };
            let seam: Arc<dyn Clock> = Arc::<ProcessClock>::clone(&clock);
            let store = backstage.wait(Store::open_with(&path, seam, &options))?;
            machines.push(Machine { name, clock, store });
        }
        let book = Book::open(copy.path(), Arc::clone(&time), Arc::clone(stage))?;
        let writing = Arc::new(ProcessClock::new(Arc::clone(&time), Chance::new(chance.number())));
        let ground = Ground {
            time,
            book: Arc::new(Mutex::new(book)),
            settings: settings(&mut chance),
            writer: Stage::writer(writing)?,
            // Compiling is most of a short year's cost.
            compiled: (!chance.percent(10)).then(|| stage.compiled()),
        };
        let weather = Weather::of(&mut chance);
        let outside = Outside::new(&mut chance);
        let mut world = Self {
            chance,
            story: Story::new(kept),
            stage: Arc::clone(stage),
            ground,
            backstage: Arc::clone(backstage),
            processes: machines.iter().map(|_| None).collect(),
            down: vec![0; machines.len()],
            frozen: vec![0; machines.len()],
            machines,
            weather,
            outside,
            over: false,
            next_outside: 0,
            next_checkpoint: stage.beginning + 20 * DAY,
            in_vain: BTreeMap::new(),
            starts: 0,
            steps: 0,
            tally: BTreeMap::new(),
            _copy: copy,
        };
        world.story.remark(&format!("{weather:?}\n{:?}", world.ground.settings));
        world.next_outside = world.now() + world.pause();
        Ok(world)
    }

    /// The book, for a moment.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.ground.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time there is.
    pub fn now(&self) -> i64 {
        self.ground.time.micros()
    }

    /// Whether a promise was broken.
    pub fn is_broken(&self) -> bool {
        !self.book().violations.is_empty()
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Lets the year go by.
    pub fn live(&mut self) -> Result<()> {
        let end = self.stage.beginning + YEAR;
        while self.now() < end && !self.is_given_up() {
            if !self.step()? && !self.happen() {
                let next = self.next_moment().min(self.next_outside).min(end);
                self.ground.time.reach(next);
                self.wake();
            }
        }
        Ok(())
    }

    /// Whether it does not come to its end, or need not.
    pub(super) fn is_given_up(&mut self) -> bool {
        if self.steps > MOST_STEPS {
            self.book().broken(format!("no end after {MOST_STEPS} steps"));
        }
        self.is_broken()
    }

    /// Does one thing that can be done at this moment; false if there is none.
    pub(super) fn step(&mut self) -> Result<bool> {
        self.revive()?;
        let calls = self.calls();
        if !calls.is_empty() {
            if !self.over && self.chance.percent(3) && self.happen_early() {
                return Ok(true);
            }
            if !self.chance.percent(20) || !self.begin_something() {
                let at = usize::try_from(self.chance.below(calls.len() as u64)).unwrap_or(0);
                let (slot, call) = calls[at].clone();
                self.let_go(slot, &call);
            }
            return Ok(true);
        }
        Ok(self.begin_something())
    }

    /// Calls that may go on now.
    fn calls(&self) -> Vec<(usize, Call)> {
        let now = self.now();
        let mut calls = Vec::new();
        for (slot, process) in self.running() {
            let waiting = process.gate.calls();
            calls.extend(
                waiting.into_iter().filter(|call| call.not_before <= now).map(|call| (slot, call)),
            );
        }
        calls
    }

    /// Processes that are there and do not stand still.
    fn running(&self) -> impl Iterator<Item = (usize, &Process)> {
        let now = self.now();
        self.processes
            .iter()
            .enumerate()
            .filter(move |(slot, _)| self.frozen[*slot] <= now)
            .filter_map(|(slot, process)| Some((slot, process.as_ref()?)))
    }

    fn let_go(&mut self, slot: usize, call: &Call) {
        let turn = self.weather.strikes(call, &mut self.chance);
        let pass = whole(1 + self.chance.below(3000));
        self.ground.time.pass(pass);
        let now = self.now();
        let (name, time) = (self.machines[slot].name, &self.ground.time);
        match turn {
            Turn::Goes(Fate::Go) => {
                self.story.tell(time, name, format_args!("{} {}", call.name, call.about));
            }
            turn => {
                self.story.tell(
                    time,
                    name,
                    format_args!("{} {} … {turn:?}", call.name, call.about),
                );
            }
        }
        match turn {
            Turn::Goes(fate) => {
                if fate != Fate::Go {
                    self.count(match fate {
                        Fate::Go | Fate::Fails(_) => "calls failed",
                        Fate::FailsAfter => "calls failed after they were done",
                        Fate::DiesAfter => "processes ended after a call",
                        Fate::Lost => "letters lost on the wire",
                    });
                }
                let Some(process) = self.processes[slot].as_mut() else { return };
                process.faults += u64::from(fate != Fate::Go);
                process.gate.release(call.id, fate, &self.backstage);
            }
            Turn::Stalls(time) => {
                self.count("calls late");
                if let Some(process) = &self.processes[slot] {
                    process.gate.stall(call.id, now + time);
                }
            }
            Turn::Freezes(time) => {
                self.count("processes stood still");
                self.frozen[slot] = now + time;
            }
            Turn::Dies(time) => {
                self.count("processes ended");
                self.end(slot, time);
            }
        }
        self.settle(slot);
    }

    /// Lets a process go on, notes what it has ended, and looks at what it did.
    pub(super) fn settle(&mut self, slot: usize) {
        self.steps += 1;
        let Some(process) = self.processes[slot].as_mut() else {
            self.book().look();
            return;
        };
        process.go();
        let (ended, faults, dying) = (process.ended(), process.faults, process.gate.is_dying());
        for (job, came) in ended {
            match came {
                Ok(0) if faults == job.faults && slot != OFFICE => {
                    let seen = self.due().seen(slot, job.name);
                    self.in_vain.insert((slot, job.name), seen);
                }
                Ok(_) => {
                    self.in_vain.remove(&(slot, job.name));
                }
                Err(panic) => {
                    let what = format!("{} of {}: {panic}", job.name, self.machines[slot].name);
                    self.book().broken(what);
                }
            }
        }
        if dying {
            let time = if self.chance.percent(50) { 0 } else { SECOND * 40 };
            self.end(slot, time);
        }
        self.book().look();
    }

    /// Ends a process with everything it has in hand.
    pub(super) fn end(&mut self, slot: usize, time: i64) {
        self.processes[slot] = None;
        self.frozen[slot] = 0;
        self.down[slot] = self.now() + time;
        self.in_vain.retain(|(of, _), _| *of != slot);
    }

    /// Starts processes whose machines are up again.
    pub(super) fn revive(&mut self) -> Result<()> {
        for slot in 0..self.machines.len() {
            if self.processes[slot].is_some() || self.down[slot] > self.now() {
                continue;
            }
            self.starts += 1;
            let seed = self.chance.number();
            let mut process = Process::start(&self.machines[slot], &self.ground, seed)?;
            if slot != OFFICE {
                let triggers = process.engine.triggers.clone();
                process.begin("schedules", async move {
                    // As the loop of a worker does: what fails is said, and ticks are looked at.
                    usize::from(triggers.sync_schedules().await.is_ok())
                });
            }
            self.processes[slot] = Some(process);
            let (name, time) = (self.machines[slot].name, &self.ground.time);
            self.story.tell(time, name, format_args!("starts"));
            self.settle(slot);
        }
        Ok(())
    }

    /// What is due for whom.
    pub(super) fn due(&self) -> Due {
        let ahead = self.machines.iter().map(|machine| machine.clock.ahead()).collect();
        Due::read(&mut self.book(), ahead, self.next_checkpoint)
    }

    /// Has a worker begin something that is due; false if there is nothing.
    fn begin_something(&mut self) -> bool {
        let due = self.due();
        let mut open = Vec::new();
        for (slot, process) in self.running().filter(|(slot, _)| *slot != OFFICE) {
            for job in JOBS {
                let seen = due.seen(slot, job);
                if seen.1 > 0
                    && !process.is_at(job)
                    && self.in_vain.get(&(slot, job)) != Some(&seen)
                {
                    open.push((slot, job));
                }
            }
        }
        let Some((slot, job)) = self.chance.pick(&open).copied() else { return false };
        let (name, time) = (self.machines[slot].name, &self.ground.time);
        self.story.tell(time, name, format_args!("looks what there is to {job}"));
        let Some(process) = self.processes[slot].as_mut() else { return false };
        let engine = process.engine.clone();
        match job {
            "advance" => process.begin(job, async move { engine.worker.advance_due().await }),
            "deliver" => {
                process.begin(job, async move { engine.delivery.drain().await.unwrap_or(0) });
            }
            "trigger" => process
                .begin(job, async move { engine.triggers.process_signals().await.unwrap_or(0) }),
            "tick" => process
                .begin(job, async move { engine.triggers.process_schedules().await.unwrap_or(0) }),
            _ => {
                self.next_checkpoint = self.ground.time.micros() + 40 * DAY;
                process.begin("checkpoint", async move {
                    let now = engine.clock.now();
                    engine.doors.checkpoint(now).await.ok().flatten().map_or(0, |_| 1)
                });
            }
        }
        self.settle(slot);
        true
    }

    /// Something happens outside, if it is time; false if not.
    fn happen(&mut self) -> bool {
        if self.now() < self.next_outside {
            return false;
        }
        self.jump();
        // Nobody decides where nothing waits: then something else happens.
        for _ in 0..4 {
            if self.happen_early() {
                break;
            }
        }
        self.next_outside = self.now() + self.pause();
        true
    }

    /// How long until something happens outside again, in microseconds.
    fn pause(&mut self) -> i64 {
        let waits = {
            let mut book = self.ground.book.lock().unwrap_or_else(PoisonError::into_inner);
            is_waiting(&mut book)
        };
        self.outside.pause(&mut self.chance, waits)
    }

    /// Something happens outside, now.
    fn happen_early(&mut self) -> bool {
        let acts = {
            let mut book = self.ground.book.lock().unwrap_or_else(PoisonError::into_inner);
            self.outside.next(&mut self.chance, &mut book, &self.stage)
        };
        let any = !acts.is_empty();
        for act in acts {
            self.act(act);
        }
        any
    }

    /// Has the process that serves do something, if it can.
    pub(super) fn act(&mut self, act: super::office::Act) {
        if self.frozen[OFFICE] > self.now() {
            return;
        }
        let Some(process) = self.processes[OFFICE].as_mut() else { return };
        if process.jobs.len() >= 8 {
            return;
        }
        self.story.tell(&self.ground.time, "people", format_args!("{}", act.in_words()));
        process.begin("act", process.engine.clone().act(act));
        self.settle(OFFICE);
    }

    /// The clock of a machine jumps now and then.
    fn jump(&mut self) {
        if self.weather == Weather::CALM || !self.chance.percent(12) {
            return;
        }
        let most = match self.chance.below(6) {
            0..=2 => 3 * SECOND,
            3 => 600 * SECOND,
            4 => 5 * HOUR,
            _ => 30 * HOUR,
        };
        let ahead = whole(self.chance.below(2 * most.unsigned_abs())) - most;
        let slot = usize::try_from(self.chance.below(3)).unwrap_or(0);
        self.count("clocks jumped");
        self.machines[slot].clock.set(ahead);
        let (name, time) = (self.machines[slot].name, &self.ground.time);
        self.story.tell(time, name, format_args!("its clock is {} s ahead", ahead / SECOND));
    }

    /// The next moment at which anything can happen by itself.
    pub(super) fn next_moment(&self) -> i64 {
        let now = self.now();
        let mut next = i64::MAX;
        let mut at = |moment: i64| {
            if moment > now {
                next = next.min(moment);
            }
        };
        let due = self.due();
        for (slot, process) in self.processes.iter().enumerate() {
            at(self.down[slot]);
            at(self.frozen[slot]);
            let Some(process) = process else { continue };
            if self.frozen[slot] > now {
                continue;
            }
            process.gate.calls().iter().for_each(|call| at(call.not_before));
            process.gate.next_sleep().into_iter().for_each(&mut at);
            if slot != OFFICE {
                due.moments(slot).for_each(&mut at);
            }
        }
        next
    }

    /// Ends the sleeps that are over.
    pub(super) fn wake(&mut self) {
        let now = self.now();
        for slot in 0..self.machines.len() {
            let awake = self.frozen[slot] <= now;
            let woken =
                self.processes[slot].as_ref().is_some_and(|process| awake && process.gate.wake());
            if woken {
                self.settle(slot);
            }
        }
    }
}

/// The engine's knobs in a seed.
fn settings(chance: &mut Chance) -> Settings {
    let gather = if chance.percent(50) { 0 } else { 2 };
    Settings {
        concurrency: 8,
        claim: 1 + u32::try_from(chance.below(5)).unwrap_or(0),
        lease: SignedDuration::from_secs(30),
        gather: std::time::Duration::from_millis(gather),
        deliveries: 1 + usize::try_from(chance.below(3)).unwrap_or(0),
        limits: Limits {
            runs_per_account: [None, Some(1), Some(1), Some(2)]
                [usize::try_from(chance.below(4)).unwrap_or(0)],
            sends_per_hour: Some(20),
            ..Limits::default()
        },
        ..Settings::default()
    }
}
