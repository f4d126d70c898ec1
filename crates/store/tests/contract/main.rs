//! What every store promises, checked on SQLite and on PostgreSQL.
//!
//! The PostgreSQL half needs a server: `cargo xtask test` brings one, or `TEST_POSTGRES_URL` names
//! one. With `TEST_POSTGRES_REQUIRED` set, its absence is a failure.

/// Declares every case once and runs it on both databases.
macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&crate::backend::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(backend) = crate::backend::postgres(stringify!($case)).await else {
                    return;
                };
                super::$case(&backend).await;
                backend.discard().await;
            })*
        }
    };
}

#[cfg(test)]
mod access;
#[cfg(test)]
mod backend;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod bell;
#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod consequence;
#[cfg(test)]
mod content;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod effect;
#[cfg(test)]
mod erasure;
#[cfg(test)]
mod fairness;
#[cfg(test)]
mod history;
#[cfg(test)]
mod intake;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod killswitch;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod record;
#[cfg(test)]
mod resilience;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod signal;
#[cfg(test)]
mod snapshot;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod start;
#[cfg(test)]
mod steering;
#[cfg(test)]
mod together;
