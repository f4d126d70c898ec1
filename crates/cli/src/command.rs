//! What each command does.

pub mod access;
pub mod account;
pub mod archive;
pub mod audit;
pub mod backup;
pub mod bulk;
pub mod config;
pub mod demo;
pub mod health;
pub mod import;
pub mod outbox;
pub mod playbook;
pub mod policy;
pub mod privacy;
pub mod queue;
pub mod relocate;
pub mod restore;
pub mod run;
pub mod sample;
pub mod serve;
pub mod signal;
pub mod status;
pub mod switch;
pub mod task;
