//! Where every call of a process waits until the world lets it go, and every sleep until it is over.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use domain::clock::{Sleep, Timer};

use super::{sync::Backstage, time::Time};

/// What kind of call it is, and so what may become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only looks.
    Read,
    /// It changes something in one transaction.
    Write,
    /// It asks the writer.
    Model,
    /// It opens a conversation with the other side of a channel.
    Dial,
    /// It hands a text over.
    Wire,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done, and whoever called hears so.
    Go,
    /// It is not done. `true`: it may work later.
    Fails(bool),
    /// It is done, and whoever called hears that it failed.
    FailsAfter,
    /// It is done, and its process ends before it hears so.
    DiesAfter,
    /// On the wire: it gets lost, and nobody says so.
    Lost,
}

/// A call that waits.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place in the order of all.
    pub id: u64,
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub about: String,
    /// What kind of call it is.
    pub kind: Kind,
    /// Not let go before, in microseconds since 1970.
    pub not_before: i64,
}

/// A call that the world does: it is handed what becomes of it.
pub type Work = Box<dyn FnOnce(&Backstage, Fate) + Send>;

struct Waiting {
    call: Call,
    fate: Option<Fate>,
    waker: Option<Waker>,
    /// None: whoever called does it when it is let go.
    work: Option<Work>,
}

struct Sleeper {
    until: i64,
    over: bool,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    calls: BTreeMap<u64, Waiting>,
    sleeps: BTreeMap<u64, Sleeper>,
    dies: bool,
}

/// The gate of one process, for as long as it lives.
pub struct Gate {
    time: Arc<Time>,
    inner: Mutex<Inner>,
}

impl Gate {
    /// A gate at which nobody waits.
    pub fn new(time: Arc<Time>) -> Arc<Self> {
        Arc::new(Self { time, inner: Mutex::default() })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the call is let go; what becomes of it.
    pub fn pass(&self, name: &'static str, kind: Kind, about: String) -> Passing<'_> {
        Passing { gate: self, asked: Some((name, kind, about)), id: 0 }
    }

    /// Hands in a call that the world is to do. Dropped, the answer takes the call back.
    pub fn hand_in(
        &self,
        name: &'static str,
        kind: Kind,
        about: String,
        work: Work,
    ) -> HandedIn<'_> {
        let mut inner = self.inner();
        inner.next += 1;
        let id = inner.next;
        let call = Call { id, name, about, kind, not_before: 0 };
        inner.calls.insert(id, Waiting { call, fate: None, waker: None, work: Some(work) });
        HandedIn { gate: self, id }
    }

    /// Ends the process at the next opportunity, and never goes on.
    pub async fn die<T>(&self) -> T {
        self.inner().dies = true;
        std::future::pending().await
    }

    /// Whether the process is to end.
    pub fn is_dying(&self) -> bool {
        self.inner().dies
    }

    /// The calls that wait, in the order in which they came.
    pub fn calls(&self) -> Vec<Call> {
        self.inner()
            .calls
            .values()
            .filter(|waiting| waiting.fate.is_none())
            .map(|waiting| waiting.call.clone())
            .collect()
    }

    /// Lets a call go, and does it if it was handed in.
    pub fn release(&self, id: u64, fate: Fate, backstage: &Backstage) {
        let work = {
            let mut inner = self.inner();
            let Some(waiting) = inner.calls.get_mut(&id) else { return };
            waiting.fate = Some(fate);
            if let Some(waker) = waiting.waker.take() {
                waker.wake();
            }
            let work = waiting.work.take();
            inner.dies |= work.is_some() && fate == Fate::DiesAfter;
            work
        };
        if let Some(work) = work {
            work(backstage, fate);
        }
    }

    /// Keeps a call back until a moment.
    pub fn stall(&self, id: u64, until: i64) {
        if let Some(waiting) = self.inner().calls.get_mut(&id) {
            waiting.call.not_before = until;
        }
    }

    /// Lets everything go at once that was kept back.
    pub fn stall_nobody(&self) {
        for waiting in self.inner().calls.values_mut() {
            waiting.call.not_before = 0;
        }
    }

    /// When the next sleep is over.
    pub fn next_sleep(&self) -> Option<i64> {
        self.inner().sleeps.values().filter(|sleeper| !sleeper.over).map(|one| one.until).min()
    }

    /// Ends the sleeps that are over by now; whether there were any.
    pub fn wake(&self) -> bool {
        let now = self.time.micros();
        let mut any = false;
        for sleeper in self.inner().sleeps.values_mut() {
            if !sleeper.over && sleeper.until <= now {
                sleeper.over = true;
                any = true;
                if let Some(waker) = sleeper.waker.take() {
                    waker.wake();
                }
            }
        }
        any
    }
}

/// A call on its way through the gate.
pub struct Passing<'a> {
    gate: &'a Gate,
    asked: Option<(&'static str, Kind, String)>,
    id: u64,
}

impl Future for Passing<'_> {
    type Output = Fate;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Fate> {
        let mut inner = self.gate.inner();
        if let Some((name, kind, about)) = self.asked.take() {
            inner.next += 1;
            let id = inner.next;
            let call = Call { id, name, about, kind, not_before: 0 };
            let waker = Some(context.waker().clone());
            inner.calls.insert(id, Waiting { call, fate: None, waker, work: None });
            drop(inner);
            self.id = id;
            return Poll::Pending;
        }
        let Some(waiting) = inner.calls.get_mut(&self.id) else { return Poll::Pending };
        if let Some(fate) = waiting.fate {
            inner.calls.remove(&self.id);
            Poll::Ready(fate)
        } else {
            waiting.waker = Some(context.waker().clone());
            Poll::Pending
        }
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.gate.inner().calls.remove(&self.id);
    }
}

/// A call that was handed in, as long as somebody waits for the answer.
pub struct HandedIn<'a> {
    gate: &'a Gate,
    id: u64,
}

impl Drop for HandedIn<'_> {
    fn drop(&mut self) {
        self.gate.inner().calls.remove(&self.id);
    }
}

/// The waiting of one process.
pub struct GateTimer(pub Arc<Gate>);

impl Timer for GateTimer {
    fn sleep(&self, time: Duration) -> Sleep {
        let mut inner = self.0.inner();
        inner.next += 1;
        let id = inner.next;
        let until = self.0.time.micros() + i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4);
        inner.sleeps.insert(id, Sleeper { until, over: false, waker: None });
        drop(inner);
        Box::pin(Sleeping { gate: Arc::clone(&self.0), id })
    }
}

struct Sleeping {
    gate: Arc<Gate>,
    id: u64,
}

impl Future for Sleeping {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.gate.inner().sleeps.get_mut(&self.id) {
            Some(sleeper) if !sleeper.over => {
                sleeper.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Sleeping {
    fn drop(&mut self) {
        self.gate.inner().sleeps.remove(&self.id);
    }
}
