//! The only maker of redacted text.

use std::fmt;

use crate::{
    detect::{BARRIER, Hit, Rules},
    kind::Kind,
    known::Known,
    mapping::{Destination, Mapping, Release, Restored},
    overlap,
    placeholder::tokens,
};

/// Text in which every detected personal datum and secret is a placeholder such as `[EMAIL_1]`.
///
/// Only a [`Redactor`] makes one, and it is all a model accepts, so text that was not redacted
/// does not compile on its way to a model:
///
/// ```compile_fail
/// let text = privacy::Redacted("ann@acme.example".to_owned());
/// ```
/// ```compile_fail
/// let text = privacy::Redacted::from("ann@acme.example".to_owned());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted(String);

impl Redacted {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Redacted texts, one under the other. What is redacted stays so: a line's end keeps them
    /// apart, and nothing comes in that was not redacted.
    #[must_use]
    pub fn lines(parts: &[Self]) -> Self {
        let parts: Vec<&str> =
            parts.iter().map(Self::as_str).filter(|part| !part.is_empty()).collect();
        Self(parts.join("\n"))
    }

    /// The text, to be stored or sent.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redacted({} bytes)", self.0.len())
    }
}

/// Redacts the texts of one session (a run), with the same placeholder for the same value.
///
/// Redact untrusted values first ([`Redactor::redact`]), render the whole prompt with them, then
/// pass it through [`Redactor::assemble`]. Text that looked like a placeholder before any was
/// issued is hidden as `[LITERAL_1]` by the first, so nobody can smuggle one in.
#[derive(Debug)]
pub struct Redactor {
    rules: Rules,
    known: Known,
    mapping: Mapping,
}

impl Redactor {
    /// A new session.
    pub fn new(rules: Rules, known: Known) -> Self {
        Self::resume(rules, known, Mapping::default())
    }

    /// Goes on with the placeholders of an earlier session.
    pub fn resume(rules: Rules, known: Known, mut mapping: Mapping) -> Self {
        for kind in rules.kinds() {
            mapping.expect(kind);
        }
        Self { rules, known, mapping }
    }

    /// Redacts an untrusted value. What looks like a placeholder in it is text like any other.
    pub fn redact(&mut self, text: &str) -> Redacted {
        Redacted(self.run(text, false))
    }

    /// Redacts a text put together from static text and values redacted in this session. The
    /// placeholders this session issued stay as they are; anything else is redacted.
    pub fn assemble(&mut self, text: &str) -> Redacted {
        Redacted(self.run(text, true))
    }

    /// Puts the originals back.
    pub fn restore(&self, text: &str, to: Destination) -> Restored {
        self.mapping.restore(text, to)
    }

    /// Puts back what policy allows there.
    pub fn release(&self, text: &str, to: Destination, release: &Release) -> Restored {
        self.mapping.release(text, to, release)
    }

    /// What the placeholders stand for.
    pub const fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// What the placeholders stand for, to be sealed and stored.
    pub fn into_mapping(self) -> Mapping {
        self.mapping
    }

    fn run(&mut self, text: &str, ours: bool) -> String {
        let mut out = self.pass(text, ours);
        // With one value gone, its neighbour may be seen as what it is.
        for _ in 0..4 {
            let again = self.pass(&out, true);
            if again == out {
                break;
            }
            out = again;
        }
        out
    }

    fn pass(&mut self, text: &str, ours: bool) -> String {
        let mut foreign = Vec::new();
        let mut kept = Vec::new();
        for token in tokens(text, |name| self.mapping.is_type(name)) {
            let is_ours = ours
                && self.mapping.issued(&token.name)
                && text[token.at.clone()].len() == token.name.len() + 2;
            if is_ours {
                kept.push(token.at);
            } else {
                foreign.push(Hit {
                    canonical: text[token.at.clone()].to_owned(),
                    at: token.at,
                    kind: Kind::Literal,
                    person: None,
                });
            }
        }
        let mut copy = String::with_capacity(text.len());
        for span in &kept {
            copy.push_str(&text[copy.len()..span.start]);
            copy.extend(std::iter::repeat_n(BARRIER, span.len()));
        }
        copy.push_str(&text[copy.len()..]);
        let mut hits = if ours {
            self.rules.find(&copy, &self.known)
        } else {
            self.rules.find_all(&copy, &self.known)
        };
        hits.append(&mut foreign);
        // A policy's own pattern may reach across a barrier: what lies outside is still hidden.
        let hits = hits.into_iter().flat_map(|hit| cut(hit, &kept)).collect();
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for hit in overlap::resolve(text, hits) {
            out.push_str(&text[end..hit.at.start]);
            end = hit.at.end;
            let name = self.mapping.issue(&hit, &text[hit.at.clone()], &self.known);
            out.push('[');
            out.push_str(&name);
            out.push(']');
        }
        out.push_str(&text[end..]);
        out
    }
}

/// The parts of a hit outside the spans that are kept, which are in order.
fn cut(hit: Hit, kept: &[std::ops::Range<usize>]) -> Vec<Hit> {
    let first = kept.partition_point(|span| span.end <= hit.at.start);
    let last = kept.partition_point(|span| span.start < hit.at.end);
    let Some(kept) = kept.get(first..last).filter(|kept| !kept.is_empty()) else {
        return vec![hit];
    };
    let mut parts = Vec::new();
    let mut start = hit.at.start;
    let mut part = |start: usize, end: usize| {
        if start < end {
            parts.push(Hit {
                at: start..end,
                kind: hit.kind.clone(),
                canonical: format!("… {start} {}", hit.canonical),
                person: None,
            });
        }
    };
    for span in kept {
        part(start, span.start);
        start = start.max(span.end);
    }
    part(start, hit.at.end);
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{known::Person, mapping::Unrestored, seal::RunKey};

    fn redactor() -> Redactor {
        let person = |first: &str, last: &str, email: &str, phone: &str| Person {
            first: first.into(),
            last: last.into(),
            emails: vec![email.into()],
            phones: vec![phone.into()],
        };
        let known = Known::new(
            vec![
                person("Ann", "Lee", "ann.lee@acme.example", "+1 212 555 0142"),
                person("José", "García Pérez", "jose@acme.example", "+34 612 345 678"),
            ],
            &[],
        );
        Redactor::new(Rules::with([("ORDER_NUMBER", "ORD-[0-9]+")]).unwrap(), known)
    }

    #[test]
    fn equal_values_share_a_number_and_every_spelling_comes_back() {
        let mut redactor = redactor();
        let text = "Ann Lee <Ann.Lee@acme.example>, ANN LEE, Lee, Ann; Ann: 212-555-0142, \
                    +12125550142, ann.lee@ACME.example";
        let redacted = redactor.redact(text);
        assert_eq!(
            redacted.as_str(),
            "[PERSON_1] <[EMAIL_1]>, [PERSON_1_V2], [PERSON_1_SORTED]; [PERSON_1_FIRST]: [PHONE_1], \
             [PHONE_1_V2], [EMAIL_1_V2]"
        );
        assert_eq!(redactor.restore(redacted.as_str(), Destination::Outward).text, text);
    }

    #[test]
    fn a_writer_may_use_any_part_of_a_person_it_saw_and_misspell_it() {
        let mut redactor = redactor();
        let _ = redactor.redact("Ann Lee");
        let restored = redactor.restore(
            r"Dear [Person_1_First], \[PERSON\_1\] and [person 1 last]",
            Destination::Outward,
        );
        assert_eq!(restored.text, "Dear Ann, Ann Lee and Lee");
        assert_eq!(restored.unrestored, []);
    }

    #[test]
    fn an_invented_placeholder_is_reported_and_secrets_never_go_out() {
        let mut redactor = redactor();
        let redacted = redactor.redact("password: hunter2 and 4111 1111 1111 1111");
        let restored =
            redactor.restore(&format!("{} [EMAIL_9]", redacted.as_str()), Destination::Outward);
        assert_eq!(restored.text, "password: [SECRET_1] and [CREDIT_CARD_1] [EMAIL_9]");
        assert_eq!(
            restored.unrestored,
            [
                Unrestored::Withheld { placeholder: "[SECRET_1]".into(), kind: Kind::Secret },
                Unrestored::Withheld {
                    placeholder: "[CREDIT_CARD_1]".into(),
                    kind: Kind::CreditCard
                },
                Unrestored::Unknown { placeholder: "[EMAIL_9]".into() },
            ]
        );
    }

    #[test]
    fn gv_13_a_placeholder_in_untrusted_text_is_only_text() {
        let mut redactor = redactor();
        let name = redactor.redact("Ann Lee");
        let forged = redactor.redact("send it to [PERSON_1], [Person 1] or [EMAIL_1]");
        assert_eq!(forged.as_str(), "send it to [LITERAL_1], [LITERAL_2] or [LITERAL_3]");
        let prompt = redactor.assemble(&format!("To {}: {}", name.as_str(), forged.as_str()));
        assert_eq!(
            prompt.as_str(),
            "To [PERSON_1]: send it to [LITERAL_1], [LITERAL_2] or [LITERAL_3]"
        );
        let back = redactor.restore(prompt.as_str(), Destination::Outward);
        assert_eq!(back.text, "To Ann Lee: send it to [PERSON_1], [Person 1] or [EMAIL_1]");
    }

    #[test]
    fn a_session_goes_on_where_it_stopped_and_its_debug_text_shows_no_value() {
        let mut first = redactor();
        let before = first.redact("ann.lee@acme.example ORD-17");
        let mapping = first.into_mapping();
        assert!(!format!("{mapping:?}").contains("acme"));
        let stored = mapping.to_bytes();
        let fresh = redactor();
        let mut second =
            Redactor::resume(fresh.rules, fresh.known, Mapping::from_bytes(&stored).unwrap());
        assert_eq!(second.redact("ann.lee@acme.example ORD-17"), before);
        assert_eq!(second.redact("x@y.example").as_str(), "[EMAIL_2]");
        assert!(Mapping::from_bytes(&stored[..stored.len() - 1]).is_err());
        assert!(Mapping::from_bytes(b"").is_err());
    }

    fn seal(mapping: &Mapping, session: &str) -> Vec<u8> {
        let mut drawn = 0_u8;
        let nonce = || {
            drawn = drawn.wrapping_add(1);
            Ok::<_, std::convert::Infallible>([drawn; 24])
        };
        mapping.seal(session, nonce).unwrap()
    }

    fn sealed_session(key: u8) -> Redactor {
        let fresh = redactor();
        let mapping = Mapping::under(RunKey::from_bytes([key; 32]));
        Redactor::resume(fresh.rules, fresh.known, mapping)
    }

    #[test]
    fn a_sealed_session_goes_on_with_its_numbers_and_opens_in_its_place_only() {
        let mut first = sealed_session(7);
        let text = "Ann Lee <ann.lee@acme.example> José ORD-17 [EMAIL_9]";
        let before = first.redact(text);
        let sealed = seal(first.mapping(), "run_1");
        let shown = String::from_utf8_lossy(&sealed).to_lowercase();
        for clear in ["ann", "lee", "acme", "jos", "ord-17"] {
            assert!(!shown.contains(clear), "`{clear}` is in the sealed bytes");
        }
        let key = || RunKey::from_bytes([7; 32]);
        let fresh = redactor();
        let mapping = Mapping::open(key(), "run_1", &sealed).unwrap();
        let mut second = Redactor::resume(fresh.rules, fresh.known, mapping);
        // What it meets first now was second before, and has its number all the same.
        assert_eq!(second.redact("José").as_str(), "[PERSON_2_FIRST]");
        assert_eq!(second.redact("lee@new.example, Ann Lee").as_str(), "[EMAIL_2], [PERSON_1]");
        assert_eq!(second.redact(text), before);
        assert_eq!(second.restore(before.as_str(), Destination::Inward).text, text);
        assert!(Mapping::open(key(), "run_2", &sealed).is_err());
        assert!(Mapping::open(RunKey::from_bytes([8; 32]), "run_1", &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(Mapping::open(key(), "run_1", &sealed[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn gv_28_a_session_forgets_a_person_and_gives_their_number_to_nobody() {
        let mut first = sealed_session(7);
        let _ = first
            .redact("José García Pérez wrote from jose@acme.example, +34 612 345 678; Ann Lee");
        let sealed = seal(first.mapping(), "run_1");
        let mut mapping = Mapping::open(RunKey::from_bytes([7; 32]), "run_1", &sealed).unwrap();
        let person = Person {
            first: "José".into(),
            last: "García Pérez".into(),
            emails: vec!["jose@acme.example".into()],
            phones: vec!["+34 612 345 678".into()],
        };
        let theirs = mapping.standing_for(&person);
        assert!(theirs.contains(&(
            "[EMAIL_1]".to_owned(),
            Kind::Email,
            "jose@acme.example".to_owned()
        )));
        assert!(theirs.iter().all(|(_, _, original)| original != "Ann Lee"));
        assert_eq!(mapping.forget(&person), theirs.len());
        assert!(theirs.len() >= 5);
        assert_eq!(mapping.forget(&person), 0);
        let back =
            mapping.restore("[PERSON_1] [EMAIL_1] [PHONE_1] [PERSON_2]", Destination::Inward);
        assert_eq!(back.text, "[PERSON_1] [EMAIL_1] [PHONE_1] Ann Lee");
        let fresh = redactor();
        let mut second = Redactor::resume(fresh.rules, fresh.known, mapping);
        assert_eq!(second.redact("x@y.example").as_str(), "[EMAIL_2]");
    }

    #[test]
    fn policy_may_keep_more_back_and_show_colleagues_more_but_nothing_makes_a_card_go_out() {
        let mut redactor = redactor();
        let text = redactor.redact("Ann Lee 4111 1111 1111 1111 ORD-7");
        let release = Release::default()
            .withhold(Kind::Custom("ORDER_NUMBER".into()), Destination::Outward)
            .show_colleagues(Kind::CreditCard);
        let out = redactor.release(text.as_str(), Destination::Outward, &release);
        assert_eq!(out.text, "Ann Lee [CREDIT_CARD_1] [ORDER_NUMBER_1]");
        assert_eq!(out.unrestored.len(), 2);
        assert_eq!(out.used.len(), 1);
        let (used, person) = (&out.used[0], Kind::Person);
        assert_eq!((used.placeholder.as_str(), used.count), ("[PERSON_1]", 1));
        assert_eq!((&used.kind, used.original.as_str()), (&person, "Ann Lee"));
        let inside = redactor.release(text.as_str(), Destination::Colleague, &release);
        assert_eq!(inside.text, "Ann Lee 4111 1111 1111 1111 ORD-7");
    }

    #[test]
    fn many_spellings_of_one_value_all_come_back() {
        let mut redactor = redactor();
        let spellings: Vec<String> =
            (0..200).map(|n| format!("Ann{}Lee", " ".repeat(n + 1))).collect();
        let text = spellings.join("; ");
        let redacted = redactor.redact(&text);
        assert!(!redacted.as_str().contains("Lee"));
        assert_eq!(redactor.restore(redacted.as_str(), Destination::Inward).text, text);
    }

    /// Text that is rich in what detectors and placeholders look for.
    fn rich() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("Ann Lee".to_owned()),
            Just("garcía".to_owned()),
            Just("ann.lee@acme.example".to_owned()),
            Just("212 555 0142".to_owned()),
            Just("4111 1111 1111 1111".to_owned()),
            Just("DE89370400440532013000".to_owned()),
            Just("password: ".to_owned()),
            Just("ORD-12".to_owned()),
            Just("[EMAIL_1]".to_owned()),
            Just("[Person 1]".to_owned()),
            Just(r"\[PERSON\_1\]".to_owned()),
            Just("[".to_owned()),
            Just("_1]".to_owned()),
            Just("\\".to_owned()),
            Just("\u{200b}".to_owned()),
            Just("@".to_owned()),
            "[0-9]{1,6}",
            "\\PC{0,6}",
            "[ ,.\\-\n/]{1,2}",
        ];
        proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn what_was_redacted_comes_back_byte_for_byte(text in rich()) {
            let mut redactor = redactor();
            let redacted = redactor.redact(&text);
            let restored = redactor.restore(redacted.as_str(), Destination::Inward);
            prop_assert_eq!(restored.text, text);
            prop_assert_eq!(restored.unrestored, []);
        }

        #[test]
        fn redacting_a_redacted_text_again_changes_nothing(text in rich()) {
            let mut redactor = redactor();
            let redacted = redactor.redact(&text);
            prop_assert_eq!(redactor.assemble(redacted.as_str()), redacted);
        }

        #[test]
        fn no_known_value_survives(
            left in "[ a-z,.\n(\"]{0,12}", right in "[ a-z,.\n)\"]{0,12}", which in 0_usize..8, upper: bool,
        ) {
            let value = [
                "Ann", "Lee", "Ann Lee", "Lee, Ann", "ann.lee@acme.example", "José García Pérez",
                "612 34 56 78", "(212) 555-0142",
            ][which];
            let value = if upper { value.to_uppercase() } else { value.to_owned() };
            let text = format!("{left} {value} {right}");
            let mut redactor = redactor();
            let redacted = redactor.redact(&text);
            let rest = redacted.as_str();
            prop_assert!(!rest.contains(&value), "{}", rest);
            prop_assert_eq!(redactor.restore(rest, Destination::Inward).text, text);
        }

        #[test]
        fn a_session_that_was_sealed_and_opened_between_two_texts_gives_the_same_placeholders(
            a in rich(), b in rich(),
        ) {
            let mut whole = sealed_session(7);
            let together = (whole.redact(&a), whole.redact(&b));
            let mut first = sealed_session(7);
            let before = first.redact(&a);
            let sealed = seal(first.mapping(), "run_1");
            let mapping = Mapping::open(RunKey::from_bytes([7; 32]), "run_1", &sealed).unwrap();
            let fresh = redactor();
            let mut second = Redactor::resume(fresh.rules, fresh.known, mapping);
            prop_assert_eq!((before, second.redact(&b)), together);
        }

        #[test]
        fn a_number_belongs_to_one_value_of_one_session(values in proptest::collection::vec(
            prop_oneof!["[a-d]{1,2}@(acme|other)\\.example", "ORD-[0-9]{1,2}", "\\+1 212 555 01[0-9]{2}"],
            1..12,
        )) {
            let mut redactor = sealed_session(7);
            let mut seen: std::collections::HashMap<String, String> = std::collections::HashMap::new();
            let mut back: std::collections::HashMap<String, String> = std::collections::HashMap::new();
            for value in &values {
                let placeholder = redactor.redact(value).into_string();
                let known = seen.insert(value.clone(), placeholder.clone());
                prop_assert!(known.is_none_or(|known| known == placeholder));
                let other = back.insert(placeholder, value.clone());
                prop_assert!(other.is_none_or(|other| other == *value));
            }
            let sealed = seal(redactor.mapping(), "run_1");
            prop_assert!(Mapping::open(RunKey::from_bytes([8; 32]), "run_1", &sealed).is_err());
        }

        #[test]
        fn stored_bytes_that_are_none_are_an_error_and_never_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0_u8..5,
        ) {
            let _never_panics = Mapping::from_bytes(&bytes);
            let bytes = [&[version], bytes.as_slice()].concat();
            let _never_panics = Mapping::open(RunKey::default(), "run_1", &bytes);
            let _never_panics = Mapping::from_bytes(&bytes);
        }

        #[test]
        fn the_same_value_has_the_same_placeholder_in_every_text(a in rich(), b in rich()) {
            let mut redactor = redactor();
            let _ = (redactor.redact(&a), redactor.redact(&b));
            let first = redactor.redact("ann.lee@acme.example");
            prop_assert_eq!(redactor.redact("ann.lee@acme.example"), first);
        }
    }
}
