//! `playgate bench queue`: the first page of a long approval queue, the screen that shows it, and one
//! decision.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    arguments::{BenchQueue, GateKind},
    bench::{
        door::Door,
        gate::{self, Waiting},
        latency::Latency,
        machine::Machine,
        report::{self, Figure, Targets, known, number, whole},
        site::Site,
        usage::{self, Memory},
    },
};

/// Requests of each kind.
const TIMES: u64 = 200;
/// Drafts that can be opened, and so decided on.
const READABLE: u64 = 1000;
/// Accounts of a benchmark, at most.
const ACCOUNTS: u64 = 10_000;

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    workload: &'static str,
    database: &'static str,
    items: u64,
    first_page: Option<Latency>,
    screen: Option<Latency>,
    decision: Option<Latency>,
    server_memory: Option<Memory>,
    machine: Machine,
    targets: Targets,
}

/// Runs the benchmark and prints what it found.
pub async fn run(queue: &BenchQueue, site: &Site) -> anyhow::Result<()> {
    let gate = GateKind::Letter;
    let token = site.prepare(gate, queue.items.div_ceil(5).clamp(200, ACCOUNTS)).await?;
    let machine = Machine::measure(site).await?;
    site.park(queue.items, READABLE).await?;

    let server = site.serve().await?;
    server.settle().await;
    let mut door = Door::open(server.address, &token).await?;
    let bar = site.out.progress("requests", TIMES * 3);
    let first_page = asked(&mut door, "/v1/approvals?status=waiting&snoozed=false", &bar).await?;
    let screen = asked(&mut door, "/", &bar).await?;
    let decision = decided(&mut door, gate, TIMES.min(queue.items), &bar).await?;
    bar.finish_and_clear();
    let report = Report {
        workload: "queue",
        database: site.engine(),
        items: queue.items,
        first_page,
        screen,
        decision,
        server_memory: usage::memory(server.pid()),
        machine,
        targets: Targets::of(site.engine()),
    };
    server.stop().await?;
    site.out.answer(&report, &text(&report))
}

/// Asks for the same thing again and again.
async fn asked(
    door: &mut Door,
    path: &str,
    bar: &indicatif::ProgressBar,
) -> anyhow::Result<Option<Latency>> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        let answer = door.get(path).await?;
        times.push(milliseconds(begun.elapsed()));
        answer.granted(path)?;
        bar.inc(1);
    }
    Ok(Latency::of(times))
}

/// Approves the first items of the queue, one after the other.
async fn decided(
    door: &mut Door,
    gate: GateKind,
    count: u64,
    bar: &indicatif::ProgressBar,
) -> anyhow::Result<Option<Latency>> {
    let mut times = Vec::new();
    let mut items: Vec<Waiting> = Vec::new();
    for _ in 0..count {
        if items.is_empty() {
            let body = door.get(&gate::list(gate, None)).await?.granted("the queue")?;
            items = gate::read(gate, &body)?.items;
            items.reverse();
        }
        let Some(item) = items.pop() else { break };
        let (path, body) = gate::approval(gate, &item)?;
        let begun = Instant::now();
        let answer = door.post(&path, &body).await?;
        times.push(milliseconds(begun.elapsed()));
        answer.granted("a decision")?;
        bar.inc(1);
    }
    Ok(Latency::of(times))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn text(report: &Report) -> String {
    let goal = format!("p99 <= {} ms at 1,000,000", report.targets.queue_p99_ms);
    let line = |what, latency: &Option<Latency>| {
        Figure::aimed(what, known(latency.as_ref(), report::halves), &goal)
    };
    let mut figures = vec![
        line("first page of the queue (API), p50 / p99", &report.first_page),
        line("first screen, p50 / p99", &report.screen),
        line("one decision, p50 / p99", &report.decision),
        Figure::plain(
            "server memory, peak",
            known(report.server_memory, |memory| report::size(number(memory.peak))),
        ),
    ];
    figures.extend(report::limits(&report.machine));
    format!(
        "Queue on {}: {} drafts wait; each request was made {TIMES} times, one after the other.\n\n{}",
        report.database,
        whole(number(report.items)),
        report::print(figures)
    )
}
