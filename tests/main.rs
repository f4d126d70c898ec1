//! Does the product still work?
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

mod architecture;
mod hand_over;
mod history;
mod import;
mod injection;
mod journey;
mod killed;
mod limits;
mod outlive;
mod poison;
mod processes;
mod recovery;
mod restore;
mod simulation;
mod terminal;
mod vault;

/// Declares every case once and runs it on both databases.
macro_rules! on_both {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(world::Database::Sqlite).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() { super::$case(world::Database::Postgres).await; })*
        }
    };
}
pub(crate) use on_both;
