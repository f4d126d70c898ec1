//! Pages of long lists, walked by cursor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Where the last page ended; none for the first.
    pub cursor: Option<String>,
    /// At most this many, 1 to 200.
    pub limit: u32,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { cursor: None, limit: 50 }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// How many items match in all; where `exact` is false, there are at least so many.
    pub total: u64,
    /// Whether `total` is exact. However many there are, no more than 10,000 are looked at to count
    /// them.
    pub exact: bool,
    /// Where the next page begins; none when this was the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with every item turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            total: self.total,
            exact: self.exact,
            next: self.next,
        }
    }

    /// How many match, for people: `12`, or `10,000+` where there may be more.
    pub fn total_in_words(&self) -> String {
        in_words(self.total, self.exact)
    }
}

/// A number for people: `12`, or `10,000+` where it is one of those there are at least.
pub fn in_words(count: u64, exact: bool) -> String {
    if exact {
        return count.to_string();
    }
    let digits = count.to_string();
    let mut words = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words.push('+');
    words
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn a_count_that_is_a_bound_says_so() {
        assert_eq!(in_words(12_345, true), "12345");
        assert_eq!(in_words(0, false), "0+");
        assert_eq!(in_words(999, false), "999+");
        assert_eq!(in_words(10_000, false), "10,000+");
        assert_eq!(in_words(1_234_567, false), "1,234,567+");
    }
}
