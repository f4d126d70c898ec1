//! Does the model still write and route well? Suites and their runner (AI-16).
//!
//! A [`Suite`] is a YAML file of cases written for Customer Success: facts of an account and what a
//! good answer to them looks like. [`run()`] puts the cases to any [`domain::port::Writer`], grades
//! the answers in code and makes a [`Report`], which says whether the suite's own thresholds hold.
//!
//! [`Tickets`] are cases for the whole product: what customers write, with and without orders to a
//! model, and what a model that obeys would answer.
//!
//! The graders share no code with the checks that the writer itself applies, so that a check that
//! breaks is noticed here. What they cannot judge is tone, and whether a date is put together from
//! numbers that are all allowed.

mod facts;
mod grade;
mod report;
mod run;
mod suite;
mod tickets;

pub use report::{Cell, Confusion, Failure, Report, Verdict};
pub use run::run;
pub use suite::{Suite, SuiteError};
pub use tickets::{Benign, Injected, Temper, Tickets};
