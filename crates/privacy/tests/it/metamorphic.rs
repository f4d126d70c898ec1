//! Whatever a text is wrapped in, what was found in it is still found.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use privacy::{Finding, Known, Rules};
use proptest::prelude::*;

/// Values of every type in a sentence that says what they are.
const SENTENCES: &[(&str, &str, &str)] = &[
    ("Please write to rosa.lind@example.com soon.", "rosa.lind@example.com", "EMAIL"),
    ("Please call +49 30 1234567 today.", "+49 30 1234567", "PHONE"),
    ("The card is 4111 1111 1111 1111 as said.", "4111 1111 1111 1111", "CREDIT_CARD"),
    ("Pay to DE89 3704 0044 0532 0130 00 please.", "DE89 3704 0044 0532 0130 00", "IBAN"),
    ("Login came from ip 203.0.113.77 again.", "203.0.113.77", "IP_ADDRESS"),
    ("She was born on 12.03.1985 there.", "12.03.1985", "DATE_OF_BIRTH"),
    ("The SSN is 412-63-9075 he says.", "412-63-9075", "NATIONAL_ID"),
    ("Use routing number 021000021 for it.", "021000021", "BANK_ACCOUNT"),
];

fn covers(text: &str, value: &str, kind: &str) -> bool {
    let at = text.find(value).unwrap();
    Rules::default().scan(text, &Known::default()).iter().any(
        |Finding { at: found, kind: found_kind, .. }| {
            found_kind.name() == kind && found.start <= at && at + value.len() <= found.end
        },
    )
}

#[test]
fn wrapping_and_obfuscation_hide_nothing() {
    for (sentence, value, kind) in SENTENCES {
        let mut wrapped = vec![
            format!("{{\"text\":\"{sentence}\",\"n\":1}}"),
            format!("id,text\n1,\"{sentence}\"\n"),
            format!("<p>{sentence}</p>"),
            format!("> > {sentence}\n> ok"),
            format!("{sentence} The weather is fine and nothing else happened."),
            format!("The weather is fine.\n\n{sentence}"),
        ];
        if value.contains(' ') {
            let spaced = value.replace(' ', "\u{a0}");
            wrapped.push(sentence.replace(value, &spaced));
        }
        for text in &wrapped {
            let value = if text.contains(value) {
                (*value).to_owned()
            } else {
                value.replace(' ', "\u{a0}")
            };
            assert!(covers(text, &value, kind), "{text}");
        }
        let upper = sentence.to_uppercase();
        assert!(covers(&upper, &value.to_uppercase(), kind), "{upper}");
        let hidden: String = value.chars().flat_map(|c| [c, '\u{200b}']).collect();
        let text = sentence.replace(value, &hidden);
        assert!(covers(&text, hidden.trim_end_matches('\u{200b}'), kind), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn findings_are_sorted_disjoint_and_on_char_boundaries(text in "(\\PC|[0-9 .@:/,\n-]|[A-Z][a-z]{2,6} |é|\u{200b}|&#64;|%40|\\\\u00e9){0,120}") {
        let findings = Rules::default().scan(&text, &Known::default());
        prop_assert!(findings.windows(2).all(|pair| pair[0].at.end <= pair[1].at.start));
        for finding in findings {
            prop_assert!(text.get(finding.at.clone()).is_some_and(|value| !value.is_empty()));
        }
    }

    #[test]
    fn harmless_text_around_it_never_hides_a_value(which in 0..SENTENCES.len(), before in "([a-z]{1,9} ){0,6}", after in "( [a-z]{1,9}){0,6}") {
        let (sentence, value, kind) = SENTENCES[which];
        let text = format!("{before}\n{sentence}{after}.");
        prop_assert!(covers(&text, value, kind), "{}", text);
    }
}
