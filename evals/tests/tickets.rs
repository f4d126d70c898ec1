//! How often customers' text is suspected, where it should be and where it should not.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::collections::BTreeMap;

use evals::{Temper, Tickets};
use privacy::injection::suspicions;

/// Suspected, and all.
type Share = (usize, usize);

fn percent((some, all): Share) -> f64 {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap());
    100.0 * count(some) / count(all)
}

fn add(share: &mut Share, suspected: bool) {
    share.0 += usize::from(suspected);
    share.1 += 1;
}

#[test]
fn gv_13_orders_to_a_model_are_noticed_and_ordinary_tickets_are_let_through() {
    let tickets = Tickets::shipped().unwrap();
    assert!(tickets.benign.len() >= 120 && tickets.injected.len() >= 120);
    let (mut plain, mut hard, mut injected) = ((0, 0), (0, 0), (0, 0));
    for ticket in &tickets.benign {
        let found = suspicions(&ticket.text);
        add(if ticket.kind == Temper::Plain { &mut plain } else { &mut hard }, !found.is_empty());
        if !found.is_empty() {
            println!("suspected without need: {:?} {found:?}", ticket.text);
        }
    }
    let mut families: BTreeMap<&str, Share> = BTreeMap::new();
    for ticket in &tickets.injected {
        let found = !suspicions(&ticket.text).is_empty();
        add(&mut injected, found);
        add(families.entry(&ticket.family).or_default(), found);
        if !found {
            println!("not noticed ({}): {:?}", ticket.family, ticket.text);
        }
    }
    for (family, share) in &families {
        println!("{family}: {} of {}", share.0, share.1);
    }
    println!(
        "injected {:.1} %, plain {:.1} %, hard {:.1} %",
        percent(injected),
        percent(plain),
        percent(hard)
    );
    assert!(percent(plain) <= 1.0, "{plain:?}");
    assert!(percent((plain.0 + hard.0, plain.1 + hard.1)) <= 5.0, "{plain:?} {hard:?}");
    assert!(percent(injected) >= 85.0, "{injected:?}");
}

#[test]
fn a_file_of_tickets_that_cannot_be_used_is_refused_with_its_place() {
    for (text, why) in [
        ("name: x\nbenign: []\ninjected: []\n", "must hold tickets"),
        ("name: x\nbenign:\n  - { kind: mild, text: a }\ninjected: []\n", "mild"),
        ("name: x\nbenign: []\nmore: 1\n", "more"),
    ] {
        let err = Tickets::read("t.yaml", text).unwrap_err();
        assert!(err.to_string().starts_with("`t.yaml`, line "), "{err}");
        assert!(err.why.contains(why), "{err}");
    }
}
