//! Runs playbooks so that a crash loses nothing: claim, advance, commit; drains the outbox.

mod active;
mod advance;
mod backoff;
mod commit;
mod delivery;
mod desk;
mod exit;
mod judge;
mod letter;
mod migration;
mod outcome;
mod pace;
mod ports;
mod settings;
mod step;
mod steward;
mod trigger;
mod turn;
mod waiting;
mod worker;
mod writing;

pub use active::{ActiveError, Compiled};
pub use delivery::Delivery;
pub use desk::ApprovalDesk;
pub use migration::{MigrateRunsError, Migration, MovedGroup, MovedRuns};
pub use ports::Ports;
pub use settings::Settings;
pub use steward::{BulkError, RetryFromError, Steward};
pub use trigger::{StartError, Triggers};
pub use worker::Worker;
