//! Chaos for real: a load that keeps a ledger, a sink that counts, faults, and the reconciliation of it all.

pub mod books;
pub mod chance;
pub mod disk;
pub mod fault;
pub mod http;
pub mod ledger;
pub mod load;
pub mod ordeal;
pub mod pickup;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod quiet;
pub mod reconcile;
pub mod report;
pub mod scene;
pub mod sink;
pub mod site;
pub mod truth;
pub mod upgrade;
pub mod verdict;
