//! A table of fingerprints: twelve bytes a value, and room to spare for a sixth more.

const EMPTY: u64 = 0;
const GONE: u64 = 1;
/// Owners are counted up to here; what more accounts share is never counted down again.
const MANY: u32 = 31;
/// The owner that stands for none: there are more accounts than fit.
const NOBODY: u32 = (1 << 21) - 1;

/// What is known of a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// How it may be written, six bits; those of all its owners together.
    pub(super) marks: u8,
    /// One of its owners, where it can be told.
    pub(super) owner: Option<u32>,
}

/// Fingerprints by open addressing.
#[derive(Default)]
pub(super) struct Table {
    keys: Vec<u64>,
    notes: Vec<u32>,
    live: usize,
    taken: usize,
}

impl Table {
    /// Adds an owner of a fingerprint.
    pub(super) fn add(&mut self, key: u64, marks: u8, owner: u32) {
        if (self.taken + 1) * 20 > self.keys.len() * 17 {
            self.resize((self.live + 8) * 3 / 2);
        }
        let owner = owner.min(NOBODY);
        let mut at = self.place(key);
        let mut free = None;
        loop {
            match self.keys[at] {
                EMPTY => break,
                GONE => free = free.or(Some(at)),
                found if found == key => {
                    let (marked, count, _) = parts(self.notes[at]);
                    self.notes[at] = note(marked | marks, (count + 1).min(MANY), owner);
                    return;
                }
                _ => {}
            }
            at = if at + 1 == self.keys.len() { 0 } else { at + 1 };
        }
        if free.is_none() {
            self.taken += 1;
        }
        let at = free.unwrap_or(at);
        self.keys[at] = key;
        self.notes[at] = note(marks, 1, owner);
        self.live += 1;
    }

    /// Takes an owner of a fingerprint away.
    pub(super) fn remove(&mut self, key: u64) {
        let Some(at) = self.find(key) else { return };
        let (marks, count, owner) = parts(self.notes[at]);
        match count {
            MANY => {}
            0 | 1 => {
                self.keys[at] = GONE;
                self.live -= 1;
            }
            // Which of them is left is not known.
            _ => self.notes[at] = note(marks, count - 1, if count > 2 { NOBODY } else { owner }),
        }
    }

    pub(super) fn get(&self, key: u64) -> Option<Note> {
        let (marks, _, owner) = parts(self.notes[self.find(key)?]);
        Some(Note { marks, owner: (owner != NOBODY).then_some(owner) })
    }

    /// Fingerprints in it.
    pub(super) const fn len(&self) -> usize {
        self.live
    }

    /// Bytes it takes.
    pub(super) const fn bytes(&self) -> usize {
        self.keys.capacity() * 8 + self.notes.capacity() * 4
    }

    fn find(&self, key: u64) -> Option<usize> {
        if self.keys.is_empty() {
            return None;
        }
        let mut at = self.place(key);
        loop {
            match self.keys[at] {
                EMPTY => return None,
                found if found == key => return Some(at),
                _ => at = if at + 1 == self.keys.len() { 0 } else { at + 1 },
            }
        }
    }

    /// Where the search for a fingerprint begins: its share of the table's length.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the product's upper half is below the length"
    )]
    const fn place(&self, key: u64) -> usize {
        ((key as u128 * self.keys.len() as u128) >> 64) as usize
    }

    fn resize(&mut self, to: usize) {
        let keys = std::mem::replace(&mut self.keys, vec![EMPTY; to]);
        let notes = std::mem::replace(&mut self.notes, vec![0; to]);
        self.taken = self.live;
        for (key, note) in keys.into_iter().zip(notes).filter(|(key, _)| *key > GONE) {
            let mut at = self.place(key);
            while self.keys[at] != EMPTY {
                at = if at + 1 == to { 0 } else { at + 1 };
            }
            self.keys[at] = key;
            self.notes[at] = note;
        }
    }
}

const fn note(marks: u8, count: u32, owner: u32) -> u32 {
    marks as u32 & 63 | count << 6 | owner << 11
}

const fn parts(note: u32) -> (u8, u32, u32) {
    ((note & 63) as u8, (note >> 6) & 31, note >> 11)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_added_and_not_taken_away(steps in proptest::collection::vec((any::<bool>(), 2_u64..60), 0..400)) {
            let mut table = Table::default();
            let mut model: BTreeMap<u64, u32> = BTreeMap::new();
            for (add, key) in steps {
                let key = key.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(2);
                let count = model.entry(key).or_default();
                if add {
                    table.add(key, 1, 7);
                    *count += 1;
                } else if *count > 0 && *count < MANY {
                    table.remove(key);
                    *count -= 1;
                }
            }
            for (key, count) in &model {
                prop_assert_eq!(table.get(*key).is_some(), *count > 0);
            }
            prop_assert_eq!(table.len(), model.values().filter(|count| **count > 0).count());
        }
    }
}
