//! The JSON API, a module for each noun.

pub(crate) mod account;
pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod catalogue;
pub(crate) mod kill;
pub(crate) mod message;
pub(crate) mod operation;
pub(crate) mod person;
pub(crate) mod run;
pub(crate) mod signal;
pub(crate) mod task;
