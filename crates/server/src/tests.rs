//! What can be said of the server without a database: its table, its screens, its words.

pub(crate) mod sample;
mod screens;
mod table;
mod words;
