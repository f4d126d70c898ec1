//! Mail addresses: the letters and digits before and after the `at`, however both are written.

use std::ops::Range;

use super::{
    key::State,
    reading::{Reading, folded},
};

/// The most words on a side of the `at`, with a disguise that sets letters apart.
const MOST: usize = 40;
/// The same when the `at` is only a word.
const MOST_IN_WORDS: usize = 6;

/// The state of an address of the directory; none if it is no address.
pub(super) fn state(seed: u64, email: &str) -> Option<State> {
    let (local, host) = email.trim().rsplit_once('@')?;
    let side = |text: &str| {
        let words = folded(text);
        let whole = words.iter().fold(State::new(seed), |state, word| state.add(&word.key));
        (!words.is_empty()).then_some(whole)
    };
    Some(side(local)?.join(side(host)?))
}

/// An `at` in a text: the last word before it and the first behind it.
struct At {
    before: usize,
    after: usize,
    most: usize,
}

/// Addresses of a text, to be looked up in turn.
pub(super) fn candidates(
    seed: u64,
    reading: &Reading,
    mut is_known: impl FnMut(State, Range<usize>) -> bool,
) {
    for at in ats(reading) {
        let hosts = hosts(seed, reading, &at);
        let locals = locals(seed, reading, &at);
        'at: for (end, host) in hosts.iter().rev() {
            for (start, local) in locals.iter().rev() {
                let range = reading.words[*start].at.start..reading.words[*end].at.end;
                if is_known(local.join(*host), range) {
                    break 'at;
                }
            }
        }
    }
}

fn ats(reading: &Reading) -> Vec<At> {
    let mut ats = Vec::new();
    for index in 0..reading.words.len() {
        if index + 1 < reading.words.len() && reading.between(index).contains('@') {
            ats.push(At { before: index, after: index + 1, most: MOST });
        }
        let word = &reading.words[index];
        let is_at = ["at", "arobase", "arroba", "klammeraffe"].contains(&&*word.key)
            || word.key == "a" && reading.between(index).starts_with(')');
        if is_at && index > 0 && index + 1 < reading.words.len() {
            let bracket = reading
                .between(index - 1)
                .trim_end()
                .ends_with(['[', '(', '{', '<', '-', '_', '*']);
            let most = if bracket { MOST } else { MOST_IN_WORDS };
            ats.push(At { before: index - 1, after: index + 1, most });
        }
    }
    ats
}

fn is_dot(key: &str) -> bool {
    matches!(key, "dot" | "punkt" | "punto" | "point")
}

/// The beginnings that the part before the `at` may have, nearest first.
fn locals(seed: u64, reading: &Reading, at: &At) -> Vec<(usize, State)> {
    let mut starts = Vec::new();
    for start in (0..=at.before).rev().take(at.most) {
        if start < at.before && !joins(reading.between(start)) {
            break;
        }
        let state = reading.words[start..=at.before]
            .iter()
            .filter(|word| !is_dot(&word.key))
            .fold(State::new(seed), |state, word| state.add(&word.key));
        starts.push((start, state));
    }
    starts
}

/// The ends that the part behind the `at` may have, nearest first.
fn hosts(seed: u64, reading: &Reading, at: &At) -> Vec<(usize, State)> {
    let mut ends = Vec::new();
    let mut state = State::new(seed);
    for end in (at.after..reading.words.len()).take(at.most) {
        if end > at.after && !joins(reading.between(end - 1)) {
            break;
        }
        if !is_dot(&reading.words[end].key) {
            state = state.add(&reading.words[end].key);
            ends.push((end, state));
        }
    }
    ends
}

/// Whether an address may go on over what stands here.
fn joins(between: &str) -> bool {
    between.len() <= 12
        && between.matches('\n').count() < 2
        && between.chars().all(|c| c.is_whitespace() || "._-+'[](){}<>*~%=/,".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::key::Space;

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        let key = state(1, "Jane.Doe+cs@Acme-Labs.co.uk").unwrap().end(Space::Email);
        for text in [
            "to jane.doe+cs@acme-labs.co.uk now",
            "JANE.DOE+CS@ACME-LABS.CO.UK",
            "jane.doe+cs [at] acme-labs [dot] co [dot] uk, please",
            "jane.doe+cs (at) acme-labs dot co dot uk",
            "jane dot doe+cs at acme-labs dot co dot uk",
            "jane.doe+cs{at}acme-labs.co.uk",
            "jane.doe+cs&#64;acme-labs.co.uk",
            "jane.doe%2Bcs%40acme-labs.co.uk",
            "jane.doe+cs @ acme-labs . co . uk",
            "jane.doe+cs@acme-\nlabs.co.uk",
            "j a n e . d o e + c s @ a c m e - l a b s . c o . u k",
        ] {
            let reading = Reading::of(text, false);
            let mut found = false;
            candidates(1, &reading, |state, _| {
                found |= state.end(Space::Email) == key;
                found
            });
            assert!(found, "{text}");
        }
        assert!(state(1, "nobody").is_none());
    }
}
