//! Time is testable: years of playbook time in seconds, by seed, with everything going wrong.

use std::sync::Arc;

use world::sim::{
    report::{play, play_all},
    stage::Stage,
    sync::Backstage,
};

/// Seeds that are played with every change; `cargo xtask sim` plays more.
const SEEDS: u64 = 300;

/// What must have happened in them, or nothing was shown.
const HAPPENS: [&str; 16] = [
    "calls failed",
    "calls failed after they were done",
    "calls late",
    "processes ended",
    "processes ended after a call",
    "processes stood still",
    "clocks jumped",
    "letters lost on the wire",
    "leases lost",
    "leases that ended in somebody's hands",
    "deliveries that somebody else took over",
    "signals repeated",
    "signals out of order",
    "letters that arrived",
    "decisions accepted",
    "event run_completed",
];

#[test]
fn time_is_testable_a_year_passes_in_less_than_a_second_and_every_invariant_holds_after_every_step()
{
    let at_once = std::thread::available_parallelism().map_or(2, usize::from);
    let report = play_all(1, SEEDS, at_once, 3, false, &|_, _| {}).expect("the simulation runs");
    assert!(report.failed.is_empty(), "{}", report.in_words());
    assert_eq!(report.seeds, SEEDS);
    for what in HAPPENS {
        assert!(report.tally.contains_key(what), "no {what}\n{}", report.in_words());
    }
}

#[test]
fn time_is_testable_the_same_seed_tells_the_same_story_byte_for_byte() {
    let backstage = Arc::new(Backstage::start().expect("a runtime"));
    for seed in [3, 4, 11, 12] {
        let tell = || {
            let stage = Arc::new(Stage::set(&backstage).expect("a stage"));
            play(&stage, &backstage, seed, true).expect("a seed")
        };
        let (once, twice) = (tell(), tell());
        assert_eq!(once.story, twice.story, "seed {seed}");
        assert_eq!(once.fingerprint, twice.fingerprint, "seed {seed}");
    }
}
