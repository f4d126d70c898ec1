//! The score on documents of our own, per type and per form.

use privacy::{Known, Rules};

use crate::{corpus::document, score::Score};

/// How many documents; every template some dozens of times.
const DOCUMENTS: usize = 1600;

fn score(seed: u64) -> Score {
    let rules = Rules::default();
    let mut score = Score::default();
    for number in 0..DOCUMENTS {
        let document = document(seed, number);
        score.add(&document, &rules.scan(&document.text, &Known::default()));
    }
    score
}

#[test]
fn documents_of_customer_success_score_at_least_the_targets() {
    let score = score(7);
    let report = score.report();
    println!("{report}");
    for mistake in score.mistakes.iter().take(120) {
        println!("{mistake}");
    }
    assert!(score.total().f1() >= 0.95, "{report}");
    for (kind, least) in [
        ("EMAIL", 0.98),
        ("CREDIT_CARD", 0.98),
        ("IBAN", 0.98),
        ("IP_ADDRESS", 0.98),
        ("PHONE", 0.95),
        ("NATIONAL_ID", 0.95),
        ("BANK_ACCOUNT", 0.95),
        ("SECRET", 0.93),
        ("DATE_OF_BIRTH", 0.93),
        ("ADDRESS", 0.93),
        ("PERSON", 0.86),
    ] {
        assert!(score.f1(kind) >= least, "{kind}: {report}");
    }
    assert!(score.leaked_bytes * 100 <= score.labelled_bytes * 6, "{report}");
    assert!(score.lost_bytes * 100 <= score.other_bytes, "{report}");
    let (hit, all) = score.nobodys.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(hit * 1000 <= all * 15, "{hit} of {all}: {report}");
}

#[test]
fn no_form_of_writing_hides_more_than_one_in_ten() {
    let score = score(11);
    for ((kind, form), (covered, all)) in &score.forms {
        if *all >= 20 {
            // Names in small letters are names only where something says so.
            let least = if form == "lower" { 6 } else { 9 };
            assert!(covered * 10 >= all * least, "{kind} {form}: {covered} of {all}");
        }
    }
}
