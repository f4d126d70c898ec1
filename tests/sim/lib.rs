//! A year of the product, by seed: real engine and store under simulated time and faults.
//!
//! One seed is one world: a database file of its own, two processes that work and one that serves,
//! customers, people who decide, and a post office that counts what arrives. Every call of a process
//! to the outside (database, writer, channel) stops at a [`gate`]; the [`world`] decides which one
//! goes on next, and whether it fails, is late, or ends its process. Nothing else happens meanwhile,
//! so a seed always tells the same story. After every step the [`watch`] holds what the database
//! says against the rules of `crates/README.md` and against the [`book`] of what really happened.

pub mod book;
pub mod calls;
pub mod doors;
pub mod due;
pub mod gate;
pub mod intake;
pub mod office;
pub mod order;
pub mod outside;
pub mod post;
pub mod process;
pub mod reckoning;
pub mod report;
pub mod stage;
pub mod story;
pub mod sync;
pub mod time;
pub mod watch;
pub mod weather;
pub mod world;
