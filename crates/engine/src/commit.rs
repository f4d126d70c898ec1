//! Group commit: turns that end close together share one transaction, each fenced on its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{
    clock::Timer,
    port::{Journal, StoreError},
    turn::{Committed, Turn},
};
use tokio::sync::{mpsc, oneshot};

/// Turns in one transaction, at most.
const BATCH: usize = 256;

type Answer = oneshot::Sender<Result<Committed, Arc<StoreError>>>;

/// Takes turns from many tasks and commits them together.
#[derive(Clone)]
pub(crate) struct Committer {
    turns: mpsc::Sender<(Turn, Answer)>,
    advancing: Arc<AtomicUsize>,
}

/// A run that is being advanced, for as long as this is held: its turn may be worth waiting for.
pub(crate) struct Advancing(Arc<AtomicUsize>);

impl Drop for Advancing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Committer {
    /// Starts the task that commits. It ends when the last handle is dropped. A turn waits at most
    /// `gather` for the turns of other runs that are being advanced, and for nobody when there are
    /// none.
    pub(crate) fn start(
        journal: Arc<dyn Journal>,
        timer: Arc<dyn Timer>,
        gather: Duration,
    ) -> Self {
        let (turns, mut waiting) = mpsc::channel::<(Turn, Answer)>(BATCH * 4);
        let advancing = Arc::new(AtomicUsize::new(0));
        let expected = Arc::clone(&advancing);
        tokio::spawn(async move {
            while let Some(first) = waiting.recv().await {
                let mut batch = vec![first];
                let mut deadline = timer.sleep(gather);
                while batch.len() < BATCH {
                    let next = if batch.len() >= expected.load(Ordering::Relaxed) {
                        waiting.try_recv().ok()
                    } else {
                        tokio::select! {
                            biased;
                            next = waiting.recv() => next,
                            () = &mut deadline => None,
                        }
                    };
                    match next {
                        Some(turn) => batch.push(turn),
                        None => break,
                    }
                }
                commit_batch(&*journal, batch).await;
            }
        });
        Self { turns, advancing }
    }

    /// Says that a run is being advanced.
    pub(crate) fn expect(&self) -> Advancing {
        self.advancing.fetch_add(1, Ordering::Relaxed);
        Advancing(Arc::clone(&self.advancing))
    }

    /// Commits one turn, together with whatever else is ready. None when the committer is gone.
    pub(crate) async fn commit(&self, turn: Turn) -> Option<Result<Committed, Arc<StoreError>>> {
        let (answer, answered) = oneshot::channel();
        self.turns.send((turn, answer)).await.ok()?;
        answered.await.ok()
    }
}

/// Commits turns together. When that fails for good, one of them may be at fault: each is then
/// committed on its own, so that it does not keep its neighbours from going on.
async fn commit_batch(journal: &dyn Journal, batch: Vec<(Turn, Answer)>) {
    let (turns, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    let again = (turns.len() > 1).then(|| turns.clone());
    match (journal.commit(turns).await, again) {
        (Ok(committed), _) => {
            for (answer, committed) in answers.into_iter().zip(committed) {
                // The task that asked may have been shut down; its turn is durable.
                let _gone = answer.send(Ok(committed));
            }
        }
        (Err(err), Some(turns)) if !err.is_transient() => {
            for (turn, answer) in turns.into_iter().zip(answers) {
                let alone = journal.commit(vec![turn]).await;
                let committed = alone
                    .map(|mut committed| committed.pop().unwrap_or(Committed::LostLease))
                    .map_err(Arc::new);
                let _gone = answer.send(committed);
            }
        }
        (Err(err), _) => {
            let err = Arc::new(err);
            for answer in answers {
                let _gone = answer.send(Err(Arc::clone(&err)));
            }
        }
    }
}
