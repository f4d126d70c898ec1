//! The models policy allows.

/// The allow-lists of all files that have one; a model needs the consent of each (AI-12).
#[derive(Clone, Debug, Default)]
pub(crate) struct Models(Vec<Vec<String>>);

impl Models {
    pub(crate) const fn new(lists: Vec<Vec<String>>) -> Self {
        Self(lists)
    }

    pub(crate) fn allow(&self, name: &str) -> bool {
        self.0.iter().all(|list| list.iter().any(|pattern| fits(pattern, name)))
    }
}

/// Whether a name fits a pattern in which `*` stands for any characters.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters_and_nothing_else_does() {
        for (pattern, name, expected) in [
            ("*", "gpt-4o", true),
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4*", "gpt-4o-mini", true),
            ("*mini", "gpt-4o-mini", true),
            ("*mini", "mini-7b", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXcYb", false),
            // The end must not overlap what the beginning has used up.
            ("ab*b", "ab", false),
            ("gpt.4o", "gpt-4o", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn ai_12_a_model_needs_the_consent_of_every_list() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let models = Models::new(vec![list(&["gpt-*", "offline"]), list(&["offline"])]);
        assert!(models.allow("offline"));
        assert!(!models.allow("gpt-4o"));
        assert!(Models::default().allow("anything"), "no list, no limit");
        assert!(!Models::new(vec![list(&[])]).allow("offline"), "an empty list allows nothing");
    }
}
