//! The server over a real database and a real engine, spoken to by HTTP.

// Helpers may unwrap as tests do; clippy knows them by this attribute.
#[cfg(test)]
mod api;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod door;
#[cfg(test)]
mod listener;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod world;
