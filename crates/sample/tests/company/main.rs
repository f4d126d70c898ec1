//! The fictional company seen from outside: repeatable, coherent, and nobody's real data.

#[cfg(test)]
mod mix;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod repeat;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod view;
