//! All SQL, for SQLite and for PostgreSQL.
//!
//! One adapter, [`Store`], implements every persistence port of `domain` on both databases. Each
//! statement is written once and differs only where the databases do (see `sql`). Every unit of
//! work is one transaction in a task of its own, so that a caller who goes away in the middle
//! leaves nothing half done behind.

mod access;
mod account;
mod approval;
mod backup;
mod batch;
mod begin;
mod bell;
mod catalogue;
mod claim;
mod commit;
mod connection;
mod contact;
mod content;
mod counts;
mod create;
mod customers;
mod directory;
mod dispatch;
mod dossier;
mod duty;
mod effect;
mod erasure;
mod export;
mod fault;
mod fold;
mod gather;
mod heart;
mod history;
#[cfg(test)]
mod inside;
mod intake;
mod intervene;
mod journal;
mod key;
mod kill;
mod ledger;
mod lock;
mod measure;
mod message;
mod migrate;
mod open;
mod outbox;
mod page;
#[cfg(test)]
mod planner;
mod prune;
mod pseudonym;
mod queue;
mod rate;
mod relocate;
mod row;
mod run;
mod settle;
mod signal;
mod snapshot;
mod spread;
mod sql;
mod start;
mod statement;
mod steering;
mod task;
mod text;
mod trail;
mod user;

pub use backup::Slack;
pub use content::SubjectKeyError;
pub use counts::Counts;
pub use create::{create_database, drop_database};
pub use dossier::Dossier;
pub use duty::Duty;
pub use key::{Keys, Wrapped, WrappedKind};
pub use measure::Footprint;
pub use migrate::MigrateError;
pub use open::{OpenError, Options, PLANNER, Store};
pub use pseudonym::StoredPseudonyms;
pub use statement::{Statement, observe_statements};
pub use text::{Place, Text};
