//! The bell: tells workers, in this process and in others, that something may have become due.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use domain::port::Work;
use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::Notify;

use crate::statement;

/// The channel of `LISTEN` and `NOTIFY`.
const CHANNEL: &str = "playgate_work";

/// How long the news for other processes is gathered: `NOTIFY` takes a lock of the whole database.
const COALESCE: Duration = Duration::from_millis(10);

/// How long a lost `LISTEN` connection is left alone. Workers poll meanwhile.
const RECONNECT: Duration = Duration::from_secs(1);

/// Kinds of work, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chimes(u8);

impl Chimes {
    pub(crate) const fn add(&mut self, work: Work) {
        self.0 |= bit(work);
    }

    const fn has(self, work: Work) -> bool {
        self.0 & bit(work) != 0
    }
}

const fn bit(work: Work) -> u8 {
    match work {
        Work::Runs => 1,
        Work::Outbox => 2,
        Work::Signals => 4,
    }
}

/// One per database and process.
#[derive(Default)]
pub(crate) struct Bell {
    waiting: [Notify; 3],
    /// What other processes are yet to hear of.
    untold: AtomicU8,
    telling: AtomicBool,
    listening: AtomicBool,
}

impl Bell {
    /// Rings in this process.
    fn ring_here(&self, chimes: Chimes) {
        for (waiting, work) in self.waiting.iter().zip(Work::ALL) {
            if chimes.has(*work) {
                // Kept for whoever is busy at the moment.
                waiting.notify_one();
            }
        }
    }

    /// Rings here, and soon in other processes on the same PostgreSQL database.
    pub(crate) fn ring(self: &Arc<Self>, chimes: Chimes, others: Option<&PgPool>) {
        if chimes == Chimes::default() {
            return;
        }
        self.ring_here(chimes);
        let Some(pool) = others else { return };
        self.untold.fetch_or(chimes.0, Ordering::SeqCst);
        if !self.telling.swap(true, Ordering::SeqCst) {
            tokio::spawn(Arc::clone(self).tell(pool.clone()));
        }
    }

    /// Tells other processes what there is to tell.
    async fn tell(self: Arc<Self>, pool: PgPool) {
        tokio::time::sleep(COALESCE).await;
        self.telling.store(false, Ordering::SeqCst);
        let chimes = self.untold.swap(0, Ordering::SeqCst);
        if chimes == 0 {
            return;
        }
        statement::runs_here("postgres");
        let told = sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(format!("{chimes} {}", self.name()))
            .execute(&pool)
            .await;
        if let Err(error) = told {
            // The others poll.
            tracing::debug!(%error, "other processes were not told of new work");
        }
    }

    /// What tells this process's news from others': its own address in memory and its number.
    fn name(&self) -> String {
        format!("{}-{:p}", std::process::id(), std::ptr::from_ref(self))
    }

    /// Returns when something of this kind may have become due since the last time it returned.
    pub(crate) async fn wait(self: &Arc<Self>, work: Work, others: Option<&PgPool>) {
        if let Some(pool) = others
            && !self.listening.swap(true, Ordering::SeqCst)
        {
            tokio::spawn(listen(Arc::downgrade(self), pool.clone()));
        }
        if let Some((waiting, _)) = self.waiting.iter().zip(Work::ALL).find(|(_, of)| **of == work)
        {
            waiting.notified().await;
        }
    }
}

/// Hears what other processes tell, for as long as anybody in this one has the bell.
async fn listen(bell: std::sync::Weak<Bell>, pool: PgPool) {
    while bell.strong_count() > 0 && !pool.is_closed() {
        if let Err(error) = hear(&bell, &pool).await {
            tracing::debug!(%error, "news of other processes is not heard; polling");
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn hear(bell: &std::sync::Weak<Bell>, pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.ignore_pool_close_event(false);
    statement::runs_here("postgres");
    listener.listen(CHANNEL).await?;
    loop {
        // None: the connection was lost, and with it perhaps news.
        let Some(news) = listener.try_recv().await? else { return Ok(()) };
        let Some(bell) = bell.upgrade() else { return Ok(()) };
        let Some((chimes, from)) = news.payload().split_once(' ') else { continue };
        if let Ok(chimes) = chimes.parse()
            && from != bell.name()
        {
            bell.ring_here(Chimes(chimes));
        }
    }
}
