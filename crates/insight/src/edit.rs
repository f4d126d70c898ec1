//! How much of a draft survived its reviewer.

use schemars::JsonSchema;
use serde::Serialize;

/// How far a sent text is from its draft.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Edit {
    /// Words inserted, deleted or replaced over the words of the longer text: 0 to 1.
    pub ratio: f64,
    /// The same in words.
    pub band: Band,
}

/// The size of an edit. Ordered from none to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Not a word changed.
    None,
    /// At most 15 % of the words: a greeting, a date.
    Light,
    /// At most 40 %.
    Moderate,
    /// At most 60 %; the draft still counts as help (ME-01).
    Heavy,
    /// More than 60 %: the reviewer wrote it anew.
    Rewrite,
}

impl Band {
    /// The band of a ratio from 0 to 1.
    pub fn of(ratio: f64) -> Self {
        if ratio <= 0.0 {
            Self::None
        } else if ratio <= 0.15 {
            Self::Light
        } else if ratio <= 0.40 {
            Self::Moderate
        } else if ratio <= 0.60 {
            Self::Heavy
        } else {
            Self::Rewrite
        }
    }

    /// Whether a sent draft edited this much counts as AI-assisted (ME-01).
    pub fn is_material_help(self) -> bool {
        self <= Self::Heavy
    }
}

/// Compares a draft with what was sent, word by word.
///
/// The Levenshtein distance over words divided by the longer text's words (Levenshtein 1966,
/// Soviet Physics Doklady 10:707–710). White space is no difference; case and punctuation are.
pub fn compare(draft: &str, sent: &str) -> Edit {
    let draft: Vec<&str> = draft.split_whitespace().collect();
    let sent: Vec<&str> = sent.split_whitespace().collect();
    let longer = draft.len().max(sent.len());
    let ratio = if longer == 0 { 0.0 } else { float(distance(&draft, &sent)) / float(longer) };
    Edit { ratio, band: Band::of(ratio) }
}

/// Words to insert, delete or replace to turn one text into the other.
fn distance(mut a: &[&str], mut b: &[&str]) -> usize {
    // Most edits touch a sentence: what both ends share need not enter the square.
    while let ([first, rest @ ..], [other, others @ ..]) = (a, b)
        && first == other
    {
        (a, b) = (rest, others);
    }
    while let ([rest @ .., last], [others @ .., other]) = (a, b)
        && last == other
    {
        (a, b) = (rest, others);
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, word) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(word != other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[expect(clippy::cast_precision_loss, reason = "texts are far below 2^53 words")]
const fn float(words: usize) -> f64 {
    words as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_edit_is_counted_in_words() {
        for (draft, sent, ratio, band) in [
            (
                "Hello Ann, your contract ends soon.",
                "Hello  Ann,\nyour contract ends soon.",
                0.0,
                Band::None,
            ),
            ("", "", 0.0, Band::None),
            ("a b c d e f g h i j", "a b c d e f g h i k", 0.1, Band::Light),
            ("a b c d", "a b c", 0.25, Band::Moderate),
            ("the cat sat", "the dog stood", 2.0 / 3.0, Band::Rewrite),
            ("a b", "c d", 1.0, Band::Rewrite),
            ("", "a word", 1.0, Band::Rewrite),
        ] {
            let edit = compare(draft, sent);
            assert!((edit.ratio - ratio).abs() < 1e-12, "{draft} / {sent}: {edit:?}");
            assert_eq!(edit.band, band, "{draft} / {sent}");
        }
    }

    #[test]
    fn me_01_a_draft_counts_as_help_until_six_words_in_ten_are_new() {
        assert!(compare("a b c d e f g h i j", "a b c d 1 2 3 4 5 6").band.is_material_help());
        assert!(!compare("a b c d e f g h i j", "a b c 0 1 2 3 4 5 6").band.is_material_help());
    }

    /// The textbook definition, straight from the recurrence.
    fn by_definition(a: &[&str], b: &[&str]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a_rest @ ..], [y, b_rest @ ..]) if x == y => by_definition(a_rest, b_rest),
            ([_, a_rest @ ..], [_, b_rest @ ..]) => {
                1 + by_definition(a_rest, b)
                    .min(by_definition(a, b_rest))
                    .min(by_definition(a_rest, b_rest))
            }
        }
    }

    proptest! {
        #[test]
        fn the_short_cut_agrees_with_the_definition(
            a in proptest::collection::vec(prop_oneof![Just("x"), Just("y"), Just("z")], 0..7),
            b in proptest::collection::vec(prop_oneof![Just("x"), Just("y"), Just("z")], 0..7),
        ) {
            prop_assert_eq!(distance(&a, &b), by_definition(&a, &b));
        }

        #[test]
        fn a_ratio_is_a_share_and_symmetric(a in "[ab ]{0,40}", b in "[ab ]{0,40}") {
            let edit = compare(&a, &b);
            prop_assert!((0.0..=1.0).contains(&edit.ratio));
            prop_assert_eq!(edit, compare(&b, &a));
        }
    }
}
