//! The story of a seed: a line for everything that happened, or only the fingerprint of them all.

use std::fmt::Write as _;

use super::time::{Time, moment};

/// What happened, line by line.
pub struct Story {
    hash: u64,
    lines: u64,
    told: Option<String>,
}

impl Story {
    /// One that keeps its words, or only their fingerprint.
    pub fn new(kept: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: 0, told: kept.then(String::new) }
    }

    /// Adds a line.
    pub fn tell(&mut self, time: &Time, who: &str, what: std::fmt::Arguments<'_>) {
        self.lines += 1;
        let line = format!("{} {who:<7} {what}\n", moment(time.micros()));
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(told) = &mut self.told {
            told.push_str(&line);
        }
    }

    /// Adds bytes to the fingerprint.
    pub fn seal(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The same whenever the same things happened.
    pub const fn fingerprint(&self) -> u64 {
        self.hash
    }

    /// How many lines there are.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The words, if they were kept.
    pub fn words(&self) -> &str {
        self.told.as_deref().unwrap_or_default()
    }

    /// Adds a line that is for readers only.
    pub fn remark(&mut self, what: &str) {
        if let Some(told) = &mut self.told {
            // Writing to a string does not fail.
            let _ = writeln!(told, "{what}");
        }
    }
}
