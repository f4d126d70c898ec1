//! Runs asynchronous work to its end on the spot, so that nothing else happens meanwhile.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::coop::unconstrained,
};

/// A runtime on a thread of its own, in which the store does its work. The thread ends with this.
pub struct Backstage {
    handle: Handle,
    /// Dropped, it ends the thread.
    _end: oneshot::Sender<()>,
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Backstage {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        thread::Builder::new().name("backstage".to_owned()).spawn(move || {
            // An error means that the sender is gone, which is what is waited for.
            let _gone = runtime.block_on(ended);
        })?;
        Ok(Self { handle, _end: end })
    }

    /// Does the work to its end, while the thread that calls this stands still.
    pub fn wait<F: Future>(&self, work: F) -> F::Output {
        let _here = self.handle.enter();
        let mut work = pin!(unconstrained(work));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match work.as_mut().poll(&mut context) {
                Poll::Ready(done) => return done,
                Poll::Pending => thread::park(),
            }
        }
    }
}
