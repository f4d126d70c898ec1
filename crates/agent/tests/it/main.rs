//! The agent against a real local endpoint, and without any.

#[cfg(test)]
mod draft;
#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod world;
