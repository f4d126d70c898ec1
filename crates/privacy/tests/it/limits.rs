//! What bad and hostile input gets: a bounded result in linear time, never a panic.

use std::time::{Duration, Instant};

use privacy::{Known, Rules};

/// Texts that make searches go back and forth if anything can.
fn hostile() -> Vec<(&'static str, String)> {
    vec![
        ("digits", "1".repeat(1 << 15)),
        ("spaced digits", "1 ".repeat(1 << 14)),
        ("dotted digits", "1.1-".repeat(1 << 13)),
        ("at signs", "@".repeat(1 << 15)),
        ("local parts", "a@".repeat(1 << 14)),
        ("dots", "a.".repeat(1 << 14)),
        ("capitals", "Aa ".repeat(1 << 13)),
        ("colons", "a:".repeat(1 << 14)),
        ("quotes", "\"a\":".repeat(1 << 13)),
        ("brackets", "[a] ".repeat(1 << 13)),
        ("passwords", "password ".repeat(1 << 12)),
        ("keys", "-----BEGIN PRIVATE KEY-----\n".repeat(1 << 10)),
        ("births", "born ".repeat(1 << 13)),
        ("streets", "1 A Street, ".repeat(1 << 12)),
        ("commas", "a,b\n".repeat(1 << 13)),
        ("tags", "<a>b".repeat(1 << 13)),
        ("escapes", "\\u00e9".repeat(1 << 12)),
        ("marks", "e\u{301}".repeat(1 << 13)),
        ("urls", "://a:".repeat(1 << 13)),
        ("passports", "passport A".repeat(1 << 12)),
    ]
}

#[test]
fn hostile_text_gets_a_bounded_result() {
    let rules = Rules::default();
    for (name, text) in hostile() {
        let findings = rules.scan(&text, &Known::default());
        assert!(findings.windows(2).all(|pair| pair[0].at.end <= pair[1].at.start), "{name}");
        assert!(findings.last().is_none_or(|last| last.at.end <= text.len()), "{name}");
    }
}

/// Property 10 of the design. Six times the text takes about six times as long; a search that
/// goes back over what it has seen would take 36 times. Only the ratio is looked at, of the best of
/// several runs, so that the machine does not matter.
#[test]
fn work_grows_with_the_text_and_not_with_its_square() {
    let rules = Rules::default();
    let best = |text: &str| {
        (0..3)
            .map(|_| {
                let begun = Instant::now();
                std::hint::black_box(rules.scan(text, &Known::default()));
                begun.elapsed()
            })
            .min()
            .unwrap_or_default()
    };
    for piece in [
        "born ",
        "maria ",
        "eyJ.",
        "<a>b",
        "a,b\n",
        "Aa ",
        "://a:",
        "\"a\":",
        "a: b\n",
        "@a.",
        "INSERT VALUES (",
        "1.1-",
        "::",
    ] {
        // Both longer than any one secret may be, so that neither is taken whole.
        let (short, long) =
            (piece.repeat((10 << 10) / piece.len()), piece.repeat((60 << 10) / piece.len()));
        // On a machine that others use too a measurement may be far off, but hardly all of them.
        let mut measured = Vec::new();
        let linear = (0..5).any(|_| {
            let (few, many) = (best(&short), best(&long));
            measured.push((few, many));
            many < few * 18 + Duration::from_millis(20)
        });
        assert!(linear, "{piece:?}: {measured:?}");
    }
}

#[test]
fn ten_thousand_people_and_addresses_in_one_text_are_all_found() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for number in 0..10_000 {
        writeln!(text, "Contact: Maria Lopez, m{number}@example.com").unwrap();
    }
    let findings = Rules::default().scan(&text, &Known::default());
    assert_eq!(findings.len(), 20_000);
}

/// Property 7 of the design: long texts are searched part by part, and where a part ends does not
/// matter.
#[test]
fn a_value_where_a_part_of_a_long_text_ends_is_found_whole() {
    let line = "Nothing of note was said in the review, and nobody asked for more than that.\n";
    // Parts end near two megabytes; the values come a little earlier in each text.
    for shift in 0..5 {
        let before = line.repeat((2 << 20) / line.len() - 1 - shift);
        let values = [
            "Please write to ann.lee@acme.example today.\n",
            "Pay to DE89 3704 0044 0532 0130 00 by then.\n",
            "The card is 4111 1111 1111 1111 as said.\n",
        ];
        let text = format!("{before}{}{}", values.concat(), line.repeat(20));
        let found: Vec<&str> = Rules::default()
            .scan_structured(&text, &Known::default())
            .into_iter()
            .map(|finding| &text[finding.at])
            .collect();
        assert_eq!(
            found,
            ["ann.lee@acme.example", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111"],
            "{shift}"
        );
    }
}

#[test]
fn half_a_pair_of_surrogates_and_broken_escapes_are_only_text() {
    for text in [
        r"\ud83d",
        r"\ud83dx\u",
        r"a\udc00b",
        "%",
        "%4",
        "%zz%C3",
        "&#;&#x;&#xd800;&#99999999;",
        "\\",
    ] {
        let text = format!("{text} write to ann@acme.example {text}");
        let findings = Rules::default().scan(&text, &Known::default());
        assert!(
            findings.iter().any(|finding| &text[finding.at.clone()] == "ann@acme.example"),
            "{text}"
        );
    }
}
