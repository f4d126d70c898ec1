//! Gathering: what many callers ask for at the same moment is done for all in one unit of work.

use std::{collections::HashMap, hash::Hash, sync::Arc};

use domain::{
    account::Account,
    id::{AccountId, ApprovalId, MessageId, RunId, TaskId},
    message::Message,
    port::{Begun, Outcome, QueueItem, Session, StoreError},
    run::Run,
    snapshot::Snapshot,
    task::Task,
    turn::{Settled, Settlement},
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::{
    access, account, begin, catalogue,
    connection::{Begin, Tx},
    fault::Shared,
    message,
    open::Store,
    outbox, queue, run, settle, snapshot, task,
};

/// Questions answered in one unit of work, at most.
const MOST: usize = 256;

/// The questions that are gathered.
pub(crate) struct Gatherers {
    pub(crate) accounts: Gather<String, Vec<Account>>,
    pub(crate) sessions: Gather<access::Asked, Option<Session>>,
    pub(crate) snapshots: Gather<(Vec<AccountId>, Timestamp), Vec<Snapshot>>,
    pub(crate) policy: Gather<(), Option<String>>,
    pub(crate) runs: Gather<RunId, Option<Run>>,
    pub(crate) approvals: Gather<ApprovalId, Option<QueueItem>>,
    pub(crate) messages: Gather<MessageId, Option<Message>>,
    pub(crate) tasks: Gather<TaskId, Option<Task>>,
    pub(crate) finishes: Gather<task::Finish, bool>,
    pub(crate) settlements: Gather<(Settlement, Timestamp), Settled>,
    pub(crate) beginnings: Gather<begin::Beginning, Begun>,
    pub(crate) outcomes: Gather<(Message, Outcome, Timestamp), bool>,
    pub(crate) holds: Gather<outbox::Hold, bool>,
}

impl Gatherers {
    pub(crate) fn start(store: &Store) -> Self {
        Self {
            accounts: Gather::start(store, Begin::Single, MOST, account::named_by_each),
            sessions: Gather::start(store, Begin::Single, MOST, access::sessions),
            snapshots: Gather::start(store, Begin::Snapshot, MOST, snapshot::take_each),
            policy: Gather::start(store, Begin::Single, MOST, catalogue::versions_in_force),
            runs: Gather::start(store, Begin::Single, MOST, run::find_each),
            approvals: Gather::start(store, Begin::Single, MOST, queue::find_each),
            messages: Gather::start(store, Begin::Single, MOST, message::find_each),
            tasks: Gather::start(store, Begin::Single, MOST, task::find_each),
            finishes: Gather::start(store, Begin::Write, MOST, task::finish_each),
            settlements: Gather::start(store, Begin::Write, MOST, settle::settle_each),
            beginnings: Gather::start(store, Begin::Write, MOST, begin::begin_each),
            outcomes: Gather::start(store, Begin::Write, MOST, outbox::record_each),
            holds: Gather::start(store, Begin::Write, MOST, outbox::renew_each),
        }
    }
}

/// Does the work for all who ask; answers in their order.
pub(crate) type Work<Q, A> =
    for<'a> fn(&'a mut Tx, Vec<Q>) -> BoxFuture<'a, Result<Vec<A>, StoreError>>;

type Waiting<Q, A> = (Q, oneshot::Sender<Result<A, StoreError>>);

/// One kind of question that is answered for many at once.
///
/// Nobody waits for company: a question that comes alone is answered alone, and those that come
/// while it is answered are answered together next. A call costs 70 to 140 µs on SQLite and a round
/// trip on PostgreSQL whatever it does, so under load this is most of the cost.
pub(crate) struct Gather<Q, A> {
    questions: mpsc::UnboundedSender<Waiting<Q, A>>,
    how: Begin,
    work: Work<Q, A>,
}

impl<Q: Clone + Send + 'static, A: Send + 'static> Gather<Q, A> {
    /// Starts gathering: at most `most` questions are answered in one unit of work, which begins
    /// as `how` says.
    pub(crate) fn start(store: &Store, how: Begin, most: usize, work: Work<Q, A>) -> Self {
        let (questions, mut waiting) = mpsc::unbounded_channel::<Waiting<Q, A>>();
        // Without its own gatherers, or they would keep each other alive.
        let store = store.for_gatherer();
        tokio::spawn(async move {
            while let Some(first) = waiting.recv().await {
                let mut batch = vec![first];
                // Lets those ask who are about to.
                tokio::task::yield_now().await;
                while batch.len() < most {
                    let Ok(next) = waiting.try_recv() else { break };
                    batch.push(next);
                }
                answer(&store, how, work, batch).await;
            }
        });
        Self { questions, how, work }
    }

    /// Asks, together with whoever asks at the same moment.
    ///
    /// Runs to its end even if the caller is dropped meanwhile.
    pub(crate) async fn ask(&self, store: &Store, question: Q) -> Result<A, StoreError> {
        let (answer, answered) = oneshot::channel();
        if self.questions.send((question.clone(), answer)).is_ok()
            && let Ok(answer) = answered.await
        {
            return answer;
        }
        // The runtime the gatherer lived in is gone. Asked again, a write that came through finds
        // that it is done.
        alone(store, self.how, self.work, question).await
    }
}

/// What was found, in the order it was asked for.
pub(crate) fn in_order<K: Eq + Hash, T: Clone>(
    asked: &[K],
    found: &HashMap<K, T>,
) -> Vec<Option<T>> {
    asked.iter().map(|id| found.get(id).cloned()).collect()
}

async fn answer<Q: Clone + Send + 'static, A: Send + 'static>(
    store: &Store,
    how: Begin,
    work: Work<Q, A>,
    batch: Vec<Waiting<Q, A>>,
) {
    let (questions, asking): (Vec<Q>, Vec<_>) = batch.into_iter().unzip();
    let again = questions.clone();
    match together(store, how, work, questions).await {
        Ok(answers) => {
            for (asking, answer) in asking.into_iter().zip(answers) {
                // Whoever asked may be gone; what was done stays done.
                let _gone = asking.send(Ok(answer));
            }
        }
        // One of them may be at fault: none may keep its neighbours from their answers.
        Err(error) if again.len() > 1 && !error.is_transient() => {
            for (question, asking) in again.into_iter().zip(asking) {
                let _gone = asking.send(alone(store, how, work, question).await);
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for asking in asking {
                let error = StoreError::new(error.is_transient(), Shared(Arc::clone(&error)));
                let _gone = asking.send(Err(error));
            }
        }
    }
}

async fn together<Q: Send + 'static, A: Send + 'static>(
    store: &Store,
    how: Begin,
    work: Work<Q, A>,
    questions: Vec<Q>,
) -> Result<Vec<A>, StoreError> {
    store.run(how, move |tx| work(tx, questions)).await
}

async fn alone<Q: Send + 'static, A: Send + 'static>(
    store: &Store,
    how: Begin,
    work: Work<Q, A>,
    question: Q,
) -> Result<A, StoreError> {
    let mut answers = together(store, how, work, vec![question]).await?;
    answers.pop().ok_or_else(|| crate::fault::unreadable("answer", "there is none"))
}
