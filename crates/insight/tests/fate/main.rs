//! The health score against accounts whose fate is known: does it see trouble where there is some?

#[cfg(test)]
mod score;
#[cfg(test)]
mod snapshot;
