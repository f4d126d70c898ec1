//! Fingerprints of values: what the directory keeps instead of the values themselves.

/// What a value is; equal letters of different spaces have different fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    Name = 1,
    Email,
    Phone,
    Org,
    Invoice,
}

/// A fingerprint in the making, which more letters can be added to: FNV-1a over 64 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct State(u64);

impl State {
    pub(super) const fn new(seed: u64) -> Self {
        Self(0xcbf2_9ce4_8422_2325 ^ seed)
    }

    pub(super) fn add(self, text: &str) -> Self {
        Self(text.bytes().fold(self.0, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    /// The finished fingerprint, never one of the two values that a table marks its places with.
    pub(super) const fn end(self, space: Space) -> u64 {
        let key = mix(self.0 ^ (space as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if key < 2 { key + 2 } else { key }
    }

    /// Of two texts with a border between them, as in a mail address.
    pub(super) const fn join(self, other: Self) -> Self {
        Self(mix(self.0).wrapping_add(other.0).wrapping_mul(0xff51_afd7_ed55_8ccd))
    }
}

/// `MurmurHash3`'s finalizer: every bit of the state reaches every bit of the fingerprint.
const fn mix(mut key: u64) -> u64 {
    key ^= key >> 33;
    key = key.wrapping_mul(0xff51_afd7_ed55_8ccd);
    key ^= key >> 33;
    key = key.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    key ^ (key >> 33)
}
