//! What a benchmark found: figures with their targets, for people and for machines.

use serde::Serialize;

use crate::{bench::machine::Machine, output::table};

/// One figure beside what it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    what: &'static str,
    value: String,
    target: String,
}

impl Figure {
    /// A figure without a target.
    pub fn plain(what: &'static str, value: String) -> Self {
        Self { what, value, target: String::new() }
    }

    /// A figure with a target.
    pub fn aimed(what: &'static str, value: String, target: &str) -> Self {
        Self { what, value, target: target.to_owned() }
    }
}

/// The table people see.
pub fn print(figures: Vec<Figure>) -> String {
    let rows = figures
        .into_iter()
        .map(|figure| vec![figure.what.to_owned(), figure.value, figure.target])
        .collect();
    table(&["figure", "measured", "target"], rows)
}

/// The machine's limits as figures.
pub fn limits(machine: &Machine) -> Vec<Figure> {
    let load = machine.load_before.map_or_else(|| UNKNOWN.to_owned(), |load| format!("{load:.1}"));
    let system = machine.file_system.as_deref().unwrap_or(UNKNOWN);
    vec![
        Figure::plain(
            "machine: durable 4 KiB appends (fdatasync)",
            format!("{} /s on {system}", whole(machine.fdatasync_per_s)),
        ),
        Figure::plain(
            "machine: the same in place",
            format!("{} /s", whole(machine.fdatasync_in_place_per_s)),
        ),
        Figure::plain(
            "machine: commits of one plain row",
            format!("{} /s", whole(machine.single_row_commits_per_s)),
        ),
        Figure::plain(
            "machine: commits of 100 plain rows",
            format!(
                "{} /s = {} rows/s",
                whole(machine.batched_row_commits_per_s),
                whole(machine.batched_row_commits_per_s * 100.0)
            ),
        ),
        Figure::plain(
            "machine: commits of one event",
            format!("{} /s", whole(machine.single_commits_per_s)),
        ),
        Figure::plain(
            "machine: commits of 100 events",
            format!(
                "{} /s = {} events/s",
                whole(machine.batched_commits_per_s),
                whole(machine.batched_rows_per_s)
            ),
        ),
        Figure::plain("machine: cores, load before", format!("{}, {load}", machine.cores)),
    ]
}

/// What is printed where a figure cannot be had.
pub const UNKNOWN: &str = "unknown";

/// A figure that may not be known.
pub fn known<T>(value: Option<T>, print: impl Fn(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), print)
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub const fn number(count: u64) -> f64 {
    count as f64
}

/// A number without digits after the point, in groups of three.
pub fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    if value <= -0.5 {
        text.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Half and nearly all, in milliseconds.
pub fn halves(latency: &super::latency::Latency) -> String {
    format!("{:.1} / {:.1} ms", latency.p50_ms, latency.p99_ms)
}

/// Bytes as people read them.
pub fn size(bytes: f64) -> String {
    const STEP: f64 = 1024.0;
    if bytes.abs() < STEP {
        format!("{bytes:.0} B")
    } else if bytes.abs() < STEP * STEP {
        format!("{:.1} KiB", bytes / STEP)
    } else {
        format!("{:.0} MB", bytes / 1e6)
    }
}

/// What a benchmark should reach, as the JSON repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Targets {
    /// Runs of W1 a second.
    pub runs_per_s: f64,
    /// Approval to next step at ten a second: half of them.
    pub paced_p50_ms: f64,
    /// As above, ninety-nine of a hundred.
    pub paced_p99_ms: f64,
    /// CPU seconds of the server for a thousand runs.
    pub server_cpu_s_per_1000: f64,
    /// Bytes on disk for a finished run.
    pub bytes_per_run: f64,
    /// Seconds from restart to healthy after a kill.
    pub ready_s: f64,
    /// Seconds from restart until 10,000 parked runs have completed.
    pub all_completed_s: f64,
    /// Memory of the server with a million runs parked.
    pub parked_memory_bytes: f64,
    /// First page of the queue, or a decision, with a million items waiting: p99.
    pub queue_p99_ms: f64,
}

impl Targets {
    /// Of one database.
    pub fn of(engine: &str) -> Self {
        let common = Self {
            runs_per_s: 2500.0,
            paced_p50_ms: 3.0,
            paced_p99_ms: 15.0,
            server_cpu_s_per_1000: 0.5,
            bytes_per_run: 4096.0,
            ready_s: 0.5,
            all_completed_s: 6.0,
            parked_memory_bytes: 200e6,
            queue_p99_ms: 20.0,
        };
        match engine {
            "postgres" => Self {
                runs_per_s: 1800.0,
                paced_p50_ms: 6.0,
                paced_p99_ms: 25.0,
                server_cpu_s_per_1000: 0.6,
                bytes_per_run: 8192.0,
                ready_s: 1.0,
                all_completed_s: 10.0,
                ..common
            },
            _ => common,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_for_people() {
        assert_eq!(whole(1_234_567.4), "1,234,567");
        assert_eq!(whole(999.0), "999");
        assert_eq!(whole(-1000.0), "-1,000");
        assert_eq!(whole(0.2), "0");
        assert_eq!(size(900.0), "900 B");
        assert_eq!(size(4096.0), "4.0 KiB");
        assert_eq!(size(200e6), "200 MB");
        assert_eq!(known(None::<f64>, whole), "unknown");
    }
}
