//! One simulated process: a runtime of its own, the engine in it, and nothing that survives it.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use anyhow::Result;
use cli::{
    exit::CustomerExit,
    vault::{Entropy, KeyVault},
};
use domain::{
    clock::Clock,
    port::{Catalogue, Customers, Inbox, Journal, Ledger, Outbox, Rates, Steering, Writer},
};
use engine::{ApprovalDesk, Compiled, Delivery, Ports, Settings, Steward, Triggers, Worker};
use privacy::seal::MasterKey;
use store::Store;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

use super::{
    book::Book,
    calls::{Safe, Scribe},
    doors::Doors,
    gate::{Gate, GateTimer},
    post::Ways,
    time::{ProcessClock, Time},
};
use crate::chaos::chance::Chance;

/// What a process is made of that outlives it: its machine.
pub struct Machine {
    /// Its name in transcripts.
    pub name: &'static str,
    /// Its clock.
    pub clock: Arc<ProcessClock>,
    /// Its connections.
    pub store: Store,
}

/// What all processes share.
#[derive(Clone)]
pub struct Ground {
    /// The time there is.
    pub time: Arc<Time>,
    /// What really happened.
    pub book: Arc<Mutex<Book>>,
    /// The engine's knobs.
    pub settings: Settings,
    /// Who drafts.
    pub writer: Arc<dyn Writer>,
    /// What processes have compiled when they start; none: each begins with nothing, and reads the
    /// versions it needs.
    pub compiled: Option<Compiled>,
}

/// The parts of the product in one process.
#[derive(Clone)]
pub struct Engine {
    /// Advances runs.
    pub worker: Worker,
    /// Delivers.
    pub delivery: Delivery,
    /// Starts runs.
    pub triggers: Triggers,
    /// Takes decisions.
    pub desk: Arc<ApprovalDesk>,
    /// Steers runs.
    pub steward: Arc<Steward>,
    /// All doors.
    pub doors: Doors,
    /// Its clock.
    pub clock: Arc<ProcessClock>,
}

/// Keys and nonces by seed.
struct Seeded(Mutex<Chance>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        let mut chance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            let number = chance.number().to_be_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
        Ok(())
    }
}

/// Ends once everything in the runtime waits for something.
struct Idle<'a> {
    parked: &'a Mutex<Option<Waker>>,
    waits: bool,
}

impl Future for Idle<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.waits {
            return Poll::Ready(());
        }
        self.waits = true;
        *self.parked.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Something a process is at.
pub struct Job {
    /// What it is.
    pub name: &'static str,
    handle: JoinHandle<usize>,
    /// Faults there had been when it began.
    pub faults: u64,
}

/// A process, until it ends.
pub struct Process {
    runtime: Runtime,
    parked: Arc<Mutex<Option<Waker>>>,
    /// Where its calls wait.
    pub gate: Arc<Gate>,
    /// The product in it.
    pub engine: Engine,
    /// What it is at.
    pub jobs: Vec<Job>,
    /// Faults it has met.
    pub faults: u64,
}

impl Process {
    /// Starts one on a machine. `seed` decides its keys.
    pub fn start(machine: &Machine, ground: &Ground, seed: u64) -> Result<Self> {
        let parked: Arc<Mutex<Option<Waker>>> = Arc::default();
        let told = Arc::clone(&parked);
        // No timer and no network: whatever asks for either but through its seam panics.
        let runtime = Builder::new_current_thread()
            .on_thread_park(move || {
                let idle = told.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(waker) = idle {
                    waker.wake();
                }
            })
            .build()?;
        let gate = Gate::new(Arc::clone(&ground.time));
        let doors = Doors {
            gate: Arc::clone(&gate),
            store: machine.store.clone(),
            book: Arc::clone(&ground.book),
        };
        let engine = assemble(machine, ground, doors, seed);
        Ok(Self { runtime, parked, gate, engine, jobs: Vec::new(), faults: 0 })
    }

    /// Begins something; it goes as far as it can at once.
    pub fn begin(&mut self, name: &'static str, job: impl Future<Output = usize> + Send + 'static) {
        let handle = self.runtime.spawn(job);
        self.jobs.push(Job { name, handle, faults: self.faults });
        self.go();
    }

    /// Lets everything in it go on until all of it waits.
    pub fn go(&self) {
        self.runtime.block_on(Idle { parked: &self.parked, waits: false });
    }

    /// What has ended since this was asked last, with what came of it; an error if it panicked.
    pub fn ended(&mut self) -> Vec<(Job, Result<usize, String>)> {
        let mut ended = Vec::new();
        let mut at = 0;
        while at < self.jobs.len() {
            if self.jobs[at].handle.is_finished() {
                let mut job = self.jobs.remove(at);
                let came = self.runtime.block_on(&mut job.handle);
                ended.push((job, came.map_err(|error| error.to_string())));
            } else {
                at += 1;
            }
        }
        ended
    }

    /// Whether it is at something of this name.
    pub fn is_at(&self, name: &str) -> bool {
        self.jobs.iter().any(|job| job.name == name)
    }
}

fn assemble(machine: &Machine, ground: &Ground, doors: Doors, seed: u64) -> Engine {
    let clock: Arc<dyn Clock> = Arc::<ProcessClock>::clone(&machine.clock);
    let shared = Arc::new(doors.clone());
    let entropy = Arc::new(Seeded(Mutex::new(Chance::new(seed))));
    let master = MasterKey::from_bytes([0x42; 32]);
    let vault = KeyVault::new(machine.store.clone(), master.into(), None).drawing_from(entropy);
    let vault = Arc::new(vault);
    // What it remembers of customers is its own, and gone when it ends.
    let exit = CustomerExit::new(Arc::<Doors>::clone(&shared) as Arc<dyn Customers>, seed);
    let writer = Scribe { gate: Arc::clone(&doors.gate), writer: Arc::clone(&ground.writer) };
    let ports = Ports {
        journal: Arc::<Doors>::clone(&shared) as Arc<dyn Journal>,
        inbox: Arc::<Doors>::clone(&shared) as Arc<dyn Inbox>,
        outbox: Arc::<Doors>::clone(&shared) as Arc<dyn Outbox>,
        customers: Arc::<Doors>::clone(&shared) as Arc<dyn Customers>,
        rates: Arc::<Doors>::clone(&shared) as Arc<dyn Rates>,
        catalogue: Arc::<Doors>::clone(&shared) as Arc<dyn Catalogue>,
        vault: Arc::new(Safe { doors: doors.clone(), vault }),
        writer: Arc::new(writer),
        exit: Arc::new(exit),
        channels: Arc::new(Ways { doors: doors.clone() }),
        clock,
        timer: Arc::new(GateTimer(Arc::clone(&doors.gate))),
        compiled: ground.compiled.clone().unwrap_or_default(),
    };
    // Checkpoints are taken by the world.
    let ledger = Arc::new(machine.store.clone()) as Arc<dyn Ledger>;
    let steering = shared as Arc<dyn Steering>;
    Engine {
        worker: Worker::new(ports.clone(), ledger, ground.settings.clone()),
        delivery: Delivery::new(ports.clone(), ground.settings.clone()),
        triggers: Triggers::new(ports.clone()),
        desk: Arc::new(ApprovalDesk::new(ports.clone())),
        steward: Arc::new(Steward::new(steering, ports)),
        doors,
        clock: Arc::clone(&machine.clock),
    }
}
