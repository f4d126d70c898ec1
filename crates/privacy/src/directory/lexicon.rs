//! Which words are ordinary: those that are companies' or people's names only with a sign of it.

use std::{collections::HashSet, sync::LazyLock};

static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../words/common.txt").lines().collect());
static ORDINARY: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../words/ordinary.txt").lines().collect());
static PROPER: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../words/proper.txt").lines().collect());

/// Whether a folded word is among the few thousand that are in every text.
pub(super) fn is_common(word: &str) -> bool {
    word.len() == 1 || COMMON.contains(word)
}

/// Whether a folded word is in an English dictionary, inflected or not.
pub(super) fn is_ordinary(word: &str) -> bool {
    let known = |word: &str| COMMON.contains(word) || ORDINARY.contains(word);
    let stem = |ending: &str, new: &str| {
        word.strip_suffix(ending)
            .is_some_and(|stem| stem.len() >= 3 && known(&format!("{stem}{new}")))
    };
    word.len() == 1
        || word.bytes().all(|byte| byte.is_ascii_digit())
        || known(word)
        || [("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ied", "y")]
            .iter()
            .chain(&[("ing", ""), ("ing", "e"), ("ly", "")])
            .any(|(ending, new)| stem(ending, new))
}

/// Whether a folded word is a common given name or a place, which many texts name.
pub(super) fn is_proper(word: &str) -> bool {
    PROPER.contains(word)
}

/// Whether a folded word is a product that most companies work with or speak of.
pub(super) fn is_tool(word: &str) -> bool {
    crate::lexicon::look_up(word.as_bytes()).is_brand()
}

/// Whether a folded word is a month or a day of the week.
pub(super) fn is_calendar(word: &str) -> bool {
    const WORDS: &str = "january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday";
    WORDS.split(' ').any(|known| known == word)
}

/// Whether a folded word at the end of a company's name only says what it is in law.
pub(super) fn is_legal(word: &str) -> bool {
    const FORMS: &str = "inc incorporated llc ltd limited corp corporation co company plc gmbh mbh ag kg kgaa ug se sa sas sarl spa srl bv nv ab as asa oy oyj aps kk pty pte llp lp sl slu sro zoo";
    FORMS.split(' ').any(|form| form == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflected_words_are_ordinary_and_made_up_names_are_not() {
        for word in ["target", "targets", "switched", "cascades", "companies", "horizon", "hiring"]
        {
            assert!(is_ordinary(word), "{word}");
        }
        for word in ["zendrix", "okonkwo", "northwind", "acmeq"] {
            assert!(!is_ordinary(word) && !is_common(word), "{word}");
        }
        assert!(is_proper("denver") && is_proper("jordan") && !is_proper("target"));
    }
}
