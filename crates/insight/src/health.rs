//! How well an account is doing, from 0 to 100, and why (ME-03).
//!
//! A heuristic and no prophecy: it says what the data shows now, never that a customer will leave.

mod indicator;

use domain::{account::Band, snapshot::Snapshot};
use schemars::JsonSchema;
use serde::Serialize;

/// The version of the indicators and weights; raised whenever either changes.
pub const VERSION: u32 = 1;

/// The six indicators and what each weighs of 100.
///
/// NP-04 asks for five to seven weighted indicators and names these six (log-in frequency,
/// adoption, ticket volume, stakeholder engagement, satisfaction, contract utilisation) but gives
/// no weights. These are our starting point, to be checked every quarter against what happened.
/// What customers do (65) counts for more than what they say (10), because few answer surveys; and
/// of what they do the change counts most, because a large customer in decline still logs in every
/// day.
pub const WEIGHTS: [(&str, f64); 6] = [
    ("usage_trend", 40.0),
    ("active_days", 10.0),
    ("adoption", 15.0),
    ("support", 15.0),
    ("sentiment", 10.0),
    ("people", 10.0),
];

/// With less than this share of the weight known there is no score: support and people alone,
/// which are always known, say too little.
const LEAST_KNOWN: f64 = 40.0;

/// Data older than this many days lowers confidence (metric definition of the health score).
const FRESH_DAYS: f64 = 14.0;

/// A score with everything needed to explain it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Health {
    /// From 0 to 100, to one decimal.
    pub score: f64,
    /// The traffic light.
    pub band: Band,
    /// The indicators in the order of [`WEIGHTS`]; their points add up to the score.
    pub parts: Vec<Part>,
    /// From 0 to 1: the share of the weight that is known, less when the data is old.
    pub confidence: f64,
    /// The version of the formula.
    pub version: u32,
}

/// What one indicator contributes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Part {
    /// The indicator.
    pub name: &'static str,
    /// The most it can contribute, of 100, once missing indicators have been shared out.
    pub weight: f64,
    /// The indicator from 0 (worst) to 1 (best); none when its data is missing.
    pub value: Option<f64>,
    /// What it contributes: weight × value.
    pub points: f64,
    /// Why, in a sentence a CSM can check.
    pub words: String,
}

/// Scores an account; none when too little is known to say anything (a contract a few days old, a
/// source without usage).
///
/// `score = Σ weightᵢ · valueᵢ / Σ weightᵢ · 100` over the indicators whose data is there, so a
/// missing indicator is neither good nor bad; it lowers the confidence instead.
pub fn assess(snapshot: &Snapshot) -> Option<Health> {
    let readings = indicator::read(snapshot);
    let known: f64 = WEIGHTS
        .iter()
        .zip(&readings)
        .filter_map(|((_, weight), reading)| reading.value.map(|_| weight))
        .sum();
    if known < LEAST_KNOWN {
        return None;
    }
    let parts: Vec<Part> = WEIGHTS
        .iter()
        .zip(readings)
        .map(|((name, weight), reading)| {
            let weight = reading.value.map_or(0.0, |_| weight / known * 100.0);
            let points = weight * reading.value.unwrap_or(0.0);
            Part { name, weight, value: reading.value, points, words: reading.words }
        })
        .collect();
    let score = (parts.iter().map(|part| part.points).sum::<f64>() * 10.0).round() / 10.0;
    let score = score.clamp(0.0, 100.0);
    let confidence = known / 100.0 * freshness(snapshot);
    Some(Health { score, band: Band::of(score), parts, confidence, version: VERSION })
}

/// 1 while the data is at most [`FRESH_DAYS`] old, then falling to one half a month later.
fn freshness(snapshot: &Snapshot) -> f64 {
    let age = snapshot.at.duration_since(snapshot.account.as_of).as_secs_f64() / 86_400.0;
    (1.0 - (age - FRESH_DAYS) / 60.0).clamp(0.5, 1.0)
}

#[cfg(test)]
mod tests;
