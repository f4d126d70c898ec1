//! Scores of a thousand accounts, by what is really going on with them.

use std::sync::LazyLock;

use domain::account::Band;
use insight::health::{Health, assess};
use jiff::{ToSpan, civil::Date};
use sample::{Company, Destiny, Fate, Settings};

use crate::snapshot;

const AS_OF: Date = Date::constant(2026, 3, 2);

/// Accounts old enough to be scored, with their scores.
fn scored(accounts: u64, seed: u64) -> Vec<(Destiny, Health)> {
    let company = Company::new(Settings::new(accounts, seed, AS_OF)).unwrap();
    company
        .bundles()
        .filter(|bundle| bundle.destiny.fate != Fate::Churned)
        .filter_map(|bundle| {
            let health = assess(&snapshot::of(&bundle, AS_OF))?;
            Some((bundle.destiny, health))
        })
        .collect()
}

/// Seven hundred accounts, scored once for all tests.
static ACCOUNTS: LazyLock<Vec<(Destiny, Health)>> = LazyLock::new(|| scored(700, 1));

/// How far into its decline an account is today, in days.
fn days_down(destiny: &Destiny) -> Option<i64> {
    destiny.decline_begins.map(|day| AS_OF.duration_since(day).as_hours() / 24)
}

/// The probability that a troubled account scores below a sound one; ½ is a coin.
fn separation(troubled: &[f64], sound: &[f64]) -> f64 {
    let mut wins = 0.0;
    for bad in troubled {
        for good in sound {
            wins += if bad < good {
                1.0
            } else if (bad - good).abs() < 1e-9 {
                0.5
            } else {
                0.0
            };
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "hundreds of accounts")]
    let pairs = (troubled.len() * sound.len()) as f64;
    wins / pairs
}

#[test]
fn me_03_the_score_tells_a_decline_from_good_health_but_not_perfectly() {
    let accounts = &*ACCOUNTS;
    let scores = |keep: &dyn Fn(&Destiny) -> bool| -> Vec<f64> {
        accounts.iter().filter(|(d, _)| keep(d)).map(|(_, health)| health.score).collect()
    };
    let declining = scores(&|d| days_down(d).is_some_and(|days| (28..=90).contains(&days)));
    let sound = scores(&|d| matches!(d.fate, Fate::Thriving | Fate::Steady));
    assert!(declining.len() >= 40 && sound.len() >= 200, "{} {}", declining.len(), sound.len());
    let auc = separation(&declining, &sound);
    assert!((0.80..0.995).contains(&auc), "AUC {auc:.3}");
}

#[test]
fn np_04_bands_mean_something() {
    let accounts = &*ACCOUNTS;
    #[expect(clippy::cast_precision_loss, reason = "hundreds of accounts")]
    let share = |keep: &dyn Fn(&Destiny) -> bool, band: Band| {
        let all = accounts.iter().filter(|(d, _)| keep(d)).count();
        let hits = accounts.iter().filter(|(d, h)| keep(d) && h.band == band).count();
        hits as f64 / all as f64
    };
    let thriving = |d: &Destiny| d.fate == Fate::Thriving;
    let falling = |d: &Destiny| days_down(d).is_some_and(|days| (35..=75).contains(&days));
    let green = share(&thriving, Band::Green);
    let calm = share(&thriving, Band::Red);
    let red = share(&falling, Band::Red);
    let alarmed = 1.0 - share(&falling, Band::Green);
    assert!(green > 0.75, "thriving and green: {green:.2}");
    assert!(calm < 0.03, "thriving and red: {calm:.2}");
    assert!(red > 0.25, "falling and red: {red:.2}");
    assert!(alarmed > 0.80, "falling and not green: {alarmed:.2}");
}

#[test]
fn a_demo_company_has_every_colour() {
    for seed in [1, 42] {
        let accounts = scored(120, seed);
        for band in [Band::Green, Band::Yellow, Band::Red] {
            let count = accounts.iter().filter(|(_, health)| health.band == band).count();
            assert!(count >= 3, "seed {seed}: {count} {band}");
        }
    }
}

#[test]
fn tr_03_a_decline_shows_before_the_customer_decides() {
    // Enough warning to act on: the score falls while the window for saving it is still open.
    let accounts = &*ACCOUNTS;
    let in_time = accounts
        .iter()
        .filter(|(destiny, health)| {
            health.band != Band::Green
                && destiny.is_in_time(AS_OF)
                && destiny.decides_on > AS_OF.saturating_add(14.days())
        })
        .count();
    assert!(in_time >= 20, "{in_time}");
}
