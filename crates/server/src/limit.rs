//! How often one address may try to sign in.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Attempts in a row, and attempts a minute after that.
const ATTEMPTS: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// Addresses remembered before those that have been quiet are forgotten.
const REMEMBERED: usize = 4096;

/// The address a connection comes from, as the listener saw it. Headers are not believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Ten attempts, then one every six seconds, for each address. Links hold 256 random bits, so
/// this keeps the database calm rather than the links safe.
pub(crate) struct SignInLimit(DefaultKeyedRateLimiter<IpAddr>);

impl SignInLimit {
    pub(crate) fn new() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(ATTEMPTS)))
    }

    /// Whether one more attempt is fine now.
    pub(crate) fn allows(&self, peer: Option<Peer>) -> bool {
        if self.0.len() > REMEMBERED {
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        self.0.check_key(&address).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_runs_out_of_attempts_and_another_does_not() {
        let limit = SignInLimit::new();
        let peer = |last| Some(Peer(SocketAddr::from(([10, 0, 0, last], 4000))));
        assert!((0..10).all(|_| limit.allows(peer(1))));
        assert!(!limit.allows(peer(1)));
        assert!(limit.allows(peer(2)));
    }
}
