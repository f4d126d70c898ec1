//! The words: ids, states, events, and the ports (traits) we ask of the world. No I/O.

pub mod account;
pub mod action;
pub mod approval;
pub mod archive;
pub mod chain;
pub mod clock;
pub mod contact;
pub mod content;
pub mod draft;
pub mod event;
pub mod id;
pub mod intent;
pub mod killswitch;
pub mod limit;
pub mod message;
pub mod page;
pub mod port;
pub mod rate;
pub mod record;
pub mod run;
pub mod signal;
pub mod snapshot;
pub mod task;
pub mod turn;
pub mod user;
pub mod verdict;
