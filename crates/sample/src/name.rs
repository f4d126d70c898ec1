//! What people are called.

mod origin;

use self::origin::{ORIGINS, Origin};
use crate::{chance::Chance, place::Place};

/// A person's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) first: String,
    pub(crate) last: String,
}

impl Person {
    /// Somebody from anywhere.
    pub(crate) fn anyone(chance: &mut Chance) -> Self {
        let given = &ORIGINS[chance.index(ORIGINS.len())];
        // Families move and marry: one name in five is not from where the other is.
        let family =
            if chance.happens(0.2) { &ORIGINS[chance.index(ORIGINS.len())] } else { given };
        Self::of(chance, given, family)
    }

    /// Somebody who works in a country, mostly with a name common there.
    pub(crate) fn in_place(chance: &mut Chance, place: &Place) -> Self {
        if chance.happens(0.55) {
            let origin = &ORIGINS[place.origin];
            Self::of(chance, origin, origin)
        } else {
            Self::anyone(chance)
        }
    }

    fn of(chance: &mut Chance, given: &Origin, family: &Origin) -> Self {
        Self {
            first: chance.pick(given.given).to_owned(),
            last: chance.pick(family.family).to_owned(),
        }
    }

    pub(crate) fn full(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// The part of a mail address before the `@`: `juergen.weissmueller`.
    pub(crate) fn mailbox(&self) -> String {
        format!("{}.{}", plain(&self.first), plain(&self.last))
    }
}

/// A name in the letters mail systems of old accept.
fn plain(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' | '-' => out.push(c),
            'ä' | 'æ' => out.push_str("ae"),
            'ö' | 'ø' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            'á' | 'à' | 'â' | 'ã' | 'å' | 'ą' | 'ả' | 'ạ' | 'ầ' | 'ă' | 'ặ' | 'ấ' =>
            {
                out.push('a');
            }
            'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ễ' => out.push('e'),
            'í' | 'ì' | 'î' | 'ï' | 'ı' => out.push('i'),
            'ó' | 'ò' | 'ô' | 'õ' | 'ơ' => out.push('o'),
            'ú' | 'ù' | 'û' | 'ư' | 'ứ' => out.push('u'),
            'ç' | 'ć' | 'č' => out.push('c'),
            'đ' => out.push('d'),
            'ğ' => out.push('g'),
            'ł' => out.push('l'),
            'ñ' | 'ń' => out.push('n'),
            'ş' | 'ś' => out.push('s'),
            'ź' | 'ż' => out.push('z'),
            // Apostrophes and blanks vanish: `O'Rourke` writes as `orourke`.
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_mailbox_in_plain_letters() {
        for origin in &ORIGINS {
            for name in origin.given.iter().chain(origin.family) {
                let letters = name.chars().filter(|c| c.is_alphabetic()).count();
                let box_ = plain(name);
                assert!(box_.len() >= letters, "`{name}` lost letters: `{box_}`");
                assert!(box_.is_ascii());
            }
        }
        let person = Person { first: "Jürgen".into(), last: "Weißmüller".into() };
        assert_eq!(person.mailbox(), "juergen.weissmueller");
    }
}
