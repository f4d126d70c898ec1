//! The heart: whether a commit goes through at this moment, asked once for all who want to know.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::port::StoreError;
use tokio::sync::watch;

use crate::{
    connection::Begin,
    fault::{Arrested, of_sqlx},
    open::Store,
};

/// How old an answer may be. Whoever asks more often, however many they are, costs nothing.
const FRESH: Duration = Duration::from_secs(1);

/// What came of a beat: none while it lasts.
type Outcome = Option<Result<(), bool>>;

/// The last beat, which may still be under way.
#[derive(Default)]
pub(crate) struct Heart(Mutex<Option<Beat>>);

#[derive(Clone)]
struct Beat {
    begun: Instant,
    outcome: watch::Receiver<Outcome>,
}

impl Heart {
    /// Whether a commit goes through. Where one does not end, those who wait share that one: a
    /// database that hangs is not asked over and over.
    pub(crate) async fn beat(&self, store: &Store) -> Result<(), StoreError> {
        let mut outcome = self.current(store).outcome;
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| *outcome);
        match outcome {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(transient))) => Err(StoreError::new(transient, Arrested)),
            // Whoever asked the database died of it.
            Ok(None) | Err(_) => Err(StoreError::new(false, Arrested)),
        }
    }

    fn current(&self, store: &Store) -> Beat {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(beat) = last.as_ref() {
            let over = beat.outcome.borrow().is_some() || beat.outcome.has_changed().is_err();
            if !over || beat.begun.elapsed() < FRESH {
                return beat.clone();
            }
        }
        let (tell, outcome) = watch::channel(None);
        let beat = last.insert(Beat { begun: Instant::now(), outcome }).clone();
        let store = store.clone();
        tokio::spawn(async move {
            let went = commit(&store).await;
            if let Err(error) = &went {
                tracing::warn!(%error, "the database takes no commits");
            }
            // Nobody may be waiting any more.
            let _ = tell.send(Some(went.map_err(|error| error.is_transient())));
        });
        beat
    }
}

/// SQLite is asked to read: one file has no other machines to wait for, and its one writer may be
/// at work for longer than anybody waits for this. PostgreSQL is asked for a commit with something
/// in it: a lock on a row is enough, conflicts with nobody's, and is refused where writes are.
async fn commit(store: &Store) -> Result<(), StoreError> {
    let how = match store.others() {
        None => Begin::Single,
        Some(_) => Begin::Statement,
    };
    store
        .run(how, |tx| {
            Box::pin(async {
                tx.raw("SELECT 1", "SELECT name FROM migrations LIMIT 1 FOR KEY SHARE")
                    .await
                    .map_err(of_sqlx)
            })
        })
        .await
}
