//! `playgate privacy bench`: how fast texts are searched, on one core.

use std::{hint::black_box, time::Instant};

use privacy::{Known, Rules};
use serde_json::json;

use crate::{
    arguments::PrivacyBench,
    output::{Output, table},
};

/// How large a ticket is, in bytes.
const TICKET: usize = 4096;

/// Sentences of tickets in which there is nothing to hide.
const ORDINARY: &[&str] = &[
    "The dashboard has been slow since the last release and the export stops at about half.",
    "We tried it in another browser, cleared the cache and restarted, with the same result.",
    "Could you tell us whether this is a known problem and when a fix is planned?",
    "The error says ERR_TIMEOUT_417 and the status page shows nothing unusual.",
    "Steps to repeat: open the report, choose the quarter, press export, wait a minute.",
    "It worked in version 4.12.3 and stopped after the upgrade to 4.13.0 on 12 March.",
    "About 240 of our users are affected, mostly in the evening when the nightly sync runs.",
    "Please note that order ORD-482913 has not shipped either, but that is another matter.",
    "Our contract renews in September, so we would like to have this settled before then.",
    "Thank you for the quick answer last week; the workaround helped for most of the team.",
];

/// Sentences full of what has to be hidden.
const DENSE: &[&str] = &[
    "From: Rosa Lindqvist <rosa.lindqvist@example.com>\nTo: Support\n",
    "Please call Marek Nowak at +48 605 418 273 or write to marek.nowak@example.org.",
    "Card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00, signed by Priya Sharma.",
    "Login from 203.0.113.77 and 2001:db8:85a3::8a2e:370:7334 failed, password: Tr0ub4dor&3.",
    "Date of birth 12.03.1985, passport number C01X00T47, lives at 12 Elm Street, Springfield, IL 62704.",
    "Routing number 021000021, account number 9876543210, holder John Smith.",
    "{\"name\":\"Ana Costa\",\"phone\":\"(212) 555-0142\",\"dob\":\"1990-01-02\"}",
    "The key is AKIAIOSFODNN7EXAMPLX and Jane wrote that it stopped working.",
];

/// The shorter of the two lengths that hostile texts are tried at, in bytes.
const HOSTILE_BYTES: usize = 1 << 17;

/// Pieces that, repeated, make searches go back and forth if anything can.
const HOSTILE: &[(&str, &str)] = &[
    ("digits", "1"),
    ("spaced digits", "1 "),
    ("dotted digits", "1.1-"),
    ("at signs", "@"),
    ("local parts", "a@"),
    ("host names", "a."),
    ("capitals", "Aa "),
    ("colons", "a:"),
    ("members", "\"a\":"),
    ("passwords", "password "),
    ("keys", "-----BEGIN PRIVATE KEY-----\n"),
    ("births", "born "),
    ("streets", "1 A Street, "),
    ("rows", "a,b\n"),
    ("tags", "<a>b"),
    ("escapes", "\\u00e9"),
    ("marks", "e\u{301}"),
    ("urls", "://a:"),
    ("greetings", "Dear Maria, "),
    ("compound", "straße"),
];

/// Runs the command.
pub fn run(out: Output, bench: &PrivacyBench) -> anyhow::Result<()> {
    let begun = Instant::now();
    Rules::warm_up();
    let warm = begun.elapsed();
    let rules = Rules::default();
    let known = Known::default();
    let count = usize::try_from(bench.megabytes).unwrap_or(16) * 1_000_000 / TICKET;
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for (text, sentences) in [("ordinary", ORDINARY), ("dense", DENSE)] {
        let tickets: Vec<String> = (0..count).map(|number| ticket(sentences, number)).collect();
        for (what, names) in [("structured", false), ("with names", true)] {
            let mut times = Vec::with_capacity(count);
            let begun = Instant::now();
            for ticket in &tickets {
                let begun = Instant::now();
                let found = if names {
                    rules.scan(black_box(ticket), &known)
                } else {
                    rules.scan_structured(black_box(ticket), &known)
                };
                black_box(found);
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            let seconds = begun.elapsed().as_secs_f64();
            let bytes: usize = tickets.iter().map(String::len).sum();
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rate = bytes as f64 / 1e6 / seconds;
            times.sort_by(f64::total_cmp);
            let p99 = times[(times.len() * 99 / 100).min(times.len() - 1)];
            rows.push(vec![
                text.to_owned(),
                what.to_owned(),
                format!("{rate:.1} MB/s"),
                format!("{p99:.3} ms"),
            ]);
            values.push(json!({ "text": text, "search": what, "mb_per_s": rate, "p99_ms": p99 }));
        }
    }
    for (name, piece) in HOSTILE {
        // Work that is more than linear shows as a rate that falls with the length.
        let rate = |bytes: usize| {
            let text = piece.repeat(bytes / piece.len());
            let begun = Instant::now();
            black_box(rules.scan(black_box(&text), &known));
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let rate = text.len() as f64 / 1e6 / begun.elapsed().as_secs_f64();
            rate
        };
        let (short, long) = (rate(HOSTILE_BYTES), rate(8 * HOSTILE_BYTES));
        rows.push(vec![
            format!("hostile: {name}"),
            "with names".to_owned(),
            format!("{short:.1} MB/s"),
            format!("{long:.1} MB/s at 8 times the length"),
        ]);
        values.push(
            json!({ "text": name, "search": "hostile", "mb_per_s": short, "mb_per_s_8x": long }),
        );
    }
    let shown = format!(
        "{}\n\nTickets of {TICKET} bytes, one core; p99 of one ticket. Warming up took {} ms.",
        table(&["text", "search", "rate", "p99"], rows),
        warm.as_millis()
    );
    out.answer(&json!({ "ticket_bytes": TICKET, "warm_up_ms": warm.as_secs_f64() * 1e3, "results": values }), &shown)
}

/// A ticket of these sentences, another one for each number.
fn ticket(sentences: &[&str], number: usize) -> String {
    let mut text = String::with_capacity(TICKET + 200);
    let mut at = number;
    while text.len() < TICKET {
        text.push_str(sentences[at % sentences.len()]);
        text.push(if at.is_multiple_of(3) { '\n' } else { ' ' });
        at = at.wrapping_mul(7).wrapping_add(number + 3);
    }
    text
}
