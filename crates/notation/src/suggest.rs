//! "Did you mean": the known word nearest to what somebody wrote.

/// The nearest of `known` to `word`, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.chars().count() > 100 {
        return None;
    }
    let lowered = word.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&lowered, &candidate.replace('-', "_")), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Help for a word that is not known: the nearest one, or else all of them.
pub fn help<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(word, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    (!known.is_empty()).then(|| format!("known here: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_word_and_a_stranger_finds_none() {
        let known = ["title", "owner", "once_per"];
        assert_eq!(nearest("tittle", known), Some("title"));
        assert_eq!(nearest("once-per", known), Some("once_per"));
        assert_eq!(nearest("Ownr", known), Some("owner"));
        assert_eq!(nearest("banana", known), None);
        assert_eq!(help("banana", known).unwrap(), "known here: title, owner, once_per");
        assert_eq!(help("x", []), None);
    }
}
