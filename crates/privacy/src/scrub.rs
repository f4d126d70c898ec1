//! Takes a person out of texts that stay: notes, tickets of others, what a run remembers.

use crate::{
    detect::Hit,
    fold::{Folded, skeleton},
    known::{Known, Part, Person},
    overlap,
};

/// What stands where a person stood.
pub const ERASED: &str = "[erased]";

/// Finds one person in texts, in any spelling, and takes them out. What others at the account are
/// called too is left where it stands alone.
#[derive(Debug)]
pub struct Scrubber {
    known: Known,
    shares_first: bool,
    shares_last: bool,
}

impl Scrubber {
    /// Takes out `person`; `others` are the people who stay.
    pub fn new(person: &Person, others: &[Person]) -> Self {
        let same = |name: fn(&Person) -> &str| {
            let own = skeleton(name(person));
            others.iter().any(|other| skeleton(name(other)) == own)
        };
        Self {
            shares_first: same(|person| &person.first),
            shares_last: same(|person| &person.last),
            known: Known::new(vec![person.clone()], &[]),
        }
    }

    fn hits(&self, text: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.known.find(&Folded::of(text), text, &mut hits);
        hits.retain(|hit: &Hit| match hit.person {
            Some((_, Part::First)) => !self.shares_first,
            Some((_, Part::Last)) => !self.shares_last,
            _ => true,
        });
        hits
    }

    /// The lines of a text in which the person is.
    pub fn lines<'a>(&self, text: &'a str) -> Vec<&'a str> {
        text.lines().map(str::trim).filter(|line| !self.hits(line).is_empty()).collect()
    }

    /// The text without the person; none if they are not in it.
    pub fn scrub(&self, text: &str) -> Option<String> {
        let hits = self.hits(text);
        if hits.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for hit in overlap::resolve(text, hits) {
            out.push_str(&text[end..hit.at.start]);
            out.push_str(ERASED);
            end = hit.at.end;
        }
        out.push_str(&text[end..]);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(first: &str, last: &str) -> Person {
        Person {
            first: first.into(),
            last: last.into(),
            emails: vec![format!("{first}.{last}@acme.example").to_lowercase()],
            phones: vec!["+34 612 345 678".into()],
        }
    }

    #[test]
    fn gv_28_a_person_is_taken_out_in_every_spelling_and_nobody_else_is() {
        let scrubber = Scrubber::new(&person("José", "García"), &[person("Ann", "Lee")]);
        assert_eq!(
            scrubber
                .scrub("José Garcia (JOSE.GARCIA@acme.example, 0034 612345678) and Ann Lee: García, José")
                .unwrap(),
            "[erased] ([erased], [erased]) and Ann Lee: [erased]"
        );
        assert_eq!(scrubber.scrub("Ann Lee wrote to us"), None);
        assert_eq!(
            scrubber.lines("Notes\n  Call García today \nAnn Lee agrees"),
            ["Call García today"]
        );
        let twice = scrubber.scrub("call José").unwrap();
        assert_eq!(scrubber.scrub(&twice), None);
    }

    #[test]
    fn a_first_name_that_somebody_else_has_too_stays_where_it_stands_alone() {
        let scrubber = Scrubber::new(&person("Ann", "Lee"), &[person("Ann", "Smith")]);
        assert_eq!(
            scrubber.scrub("Ann called; Ann Smith and Ann Lee too").unwrap(),
            "Ann called; Ann Smith and [erased] too"
        );
        assert_eq!(scrubber.scrub("Ann called"), None);
    }
}
