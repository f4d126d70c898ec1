//! Time is testable: a year of playbook time in a second, by seed, with everything going wrong.

use std::sync::Arc;

use world::sim::{
    report::{again, play, play_all},
    stage::Stage,
    sync::Backstage,
};

/// Seeds that are played with every change; `cargo xtask sim` plays more.
const SEEDS: u64 = 6;

#[test]
fn time_is_testable_a_year_passes_in_a_second_and_every_invariant_holds_after_every_step() {
    let at_once = std::thread::available_parallelism().map_or(2, usize::from);
    let report = play_all(1, SEEDS, at_once, 3, &|_, _| {}).expect("the simulation runs");
    let seeds: Vec<_> = report.failed.keys().map(|seed| again(*seed)).collect();
    assert!(seeds.is_empty(), "{}\n{}", report.in_words(), seeds.join("\n"));
    assert_eq!(report.seeds, SEEDS);
    // A simulation in which nothing goes wrong shows nothing.
    for what in ["calls failed", "processes ended", "clocks jumped", "letters that arrived"] {
        assert!(report.tally.get(what).is_some_and(|count| *count > SEEDS), "{what}: {report:?}");
    }
}

#[test]
fn time_is_testable_the_same_seed_tells_the_same_story_byte_for_byte() {
    let backstage = Arc::new(Backstage::start().expect("a runtime"));
    for seed in [3, 4, 11] {
        let tell = || {
            let stage = Arc::new(Stage::set(&backstage).expect("a stage"));
            play(&stage, &backstage, seed, true).expect("a seed")
        };
        let (once, twice) = (tell(), tell());
        assert_eq!(once.story, twice.story, "seed {seed}");
        assert_eq!(once.fingerprint, twice.fingerprint, "seed {seed}");
    }
}
