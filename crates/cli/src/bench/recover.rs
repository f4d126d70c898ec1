//! `playgate bench recover`: runs parked at their gate, the server killed, started again, and the
//! gates opened one by one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    arguments::{BenchRecover, GateKind},
    bench::{
        approver::Client,
        latency::Latency,
        machine::Machine,
        mold::Mold,
        report::{self, Figure, Targets, known, number, whole},
        site::Site,
        trace,
        usage::{self, Memory},
    },
};

/// Runs that are finished after the restart, at most, unless told otherwise.
const FINISHED: u64 = 10_000;
/// Accounts of a benchmark, at most.
const ACCOUNTS: u64 = 10_000;

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    workload: &'static str,
    database: &'static str,
    parked: u64,
    finished: u64,
    concurrency: usize,
    /// The first start, on the parked runs.
    first_ready_s: f64,
    /// The server with all of them parked, before the kill.
    parked_memory: Option<Memory>,
    /// From the restart of the process until it answered that it is healthy.
    ready_s: f64,
    /// From the restart until the first run had completed.
    first_completed_s: Option<f64>,
    /// From the restart until all that were let pass had completed.
    all_completed_s: Option<f64>,
    approval_to_step: Option<Latency>,
    /// The server when all that was over.
    memory_after: Option<Memory>,
    machine: Machine,
    targets: Targets,
}

/// Runs the benchmark and prints what it found.
pub async fn run(recover: &BenchRecover, site: &Site) -> anyhow::Result<()> {
    let gate = GateKind::Task;
    let finish = recover.finish.unwrap_or(FINISHED).min(recover.runs);
    let token = site.prepare(gate, recover.runs.div_ceil(5).clamp(200, ACCOUNTS)).await?;
    let machine = Machine::measure(site).await?;
    site.park(recover.runs, 0).await?;

    let server = site.serve().await?;
    let first_ready = server.ready_after;
    server.settle().await;
    let parked_memory = usage::memory(server.pid());
    server.kill()?;

    let restarted = site.clock.now();
    let begun = Instant::now();
    let server = site.serve().await?;
    let ready = server.ready_after;
    let client = Client {
        address: server.address,
        token,
        signal_secret: site.signal_secret.clone(),
        gate,
        clock: Arc::clone(&site.clock),
    };
    let bar = site.out.progress("gates opened", finish);
    let approved = client.approve_all(finish, recover.concurrency, &bar).await?;
    bar.finish_and_clear();
    client.over(&approved).await?;
    let waited = begun.elapsed();
    let memory_after = usage::memory(server.pid());
    server.stop().await?;

    let app = site.open().await?;
    let completed = trace::completions(&app, &approved).await?;
    let approval_to_step = trace::steps(&app, &approved).await?;
    app.store.close().await;
    anyhow::ensure!(
        completed.len() as u64 == finish,
        "of {finish} runs only {} completed within {:.1} s; `--keep` keeps the data to look at",
        completed.len(),
        waited.as_secs_f64()
    );
    let since = |at: Option<&jiff::Timestamp>| {
        at.map(|at| crate::bench::latency::milliseconds(restarted, *at) / 1000.0)
    };
    let report = Report {
        workload: "recover",
        database: site.engine(),
        parked: recover.runs,
        finished: finish,
        concurrency: recover.concurrency,
        first_ready_s: first_ready.as_secs_f64(),
        parked_memory,
        ready_s: ready.as_secs_f64(),
        first_completed_s: since(completed.iter().min()),
        all_completed_s: since(completed.iter().max()),
        approval_to_step,
        memory_after,
        machine,
        targets: Targets::of(site.engine()),
    };
    site.out.answer(&report, &text(&report))
}

impl Site {
    /// Parks runs at the gate while nothing serves; drafts of the first `readable` can be opened.
    pub async fn park(&self, runs: u64, readable: u64) -> anyhow::Result<()> {
        let app = self.open().await?;
        let bar = self.out.progress("parking runs", runs);
        bar.enable_steady_tick(Duration::from_millis(500));
        let mold = Mold::take(&app).await?;
        mold.cast(&app, runs, readable, &bar).await?;
        bar.finish_and_clear();
        app.store.close().await;
        Ok(())
    }
}

fn text(report: &Report) -> String {
    let target = &report.targets;
    let seconds = |value: Option<f64>| known(value, |value| format!("{value:.2} s"));
    let memory = |memory: Option<Memory>| {
        known(memory, |memory| {
            format!(
                "{} (peak {})",
                report::size(number(memory.resident)),
                report::size(number(memory.peak))
            )
        })
    };
    let million = report.parked >= 1_000_000;
    let ten_thousand = report.parked == FINISHED && report.finished == FINISHED;
    let aimed = |what, value, target: String, applies: bool| {
        if applies { Figure::aimed(what, value, &target) } else { Figure::plain(what, value) }
    };
    let mut figures = vec![
        Figure::plain("first start to ready", seconds(Some(report.first_ready_s))),
        aimed(
            "server memory with all parked",
            memory(report.parked_memory),
            format!("<= {} at 1,000,000", report::size(target.parked_memory_bytes)),
            million,
        ),
        Figure::aimed(
            "killed and restarted: ready",
            seconds(Some(report.ready_s)),
            &format!("<= {} s", target.ready_s),
        ),
        Figure::plain("first completed", seconds(report.first_completed_s)),
        aimed(
            "all completed",
            seconds(report.all_completed_s),
            format!("<= {} s", target.all_completed_s),
            ten_thousand,
        ),
        Figure::plain(
            "approval to next step, p50 / p99",
            known(report.approval_to_step.as_ref(), report::halves),
        ),
        Figure::plain("server memory afterwards", memory(report.memory_after)),
    ];
    figures.extend(report::limits(&report.machine));
    format!(
        "Recovery on {}: {} runs parked, server killed, {} let pass over {} connections.\n\n{}",
        report.database,
        whole(number(report.parked)),
        whole(number(report.finished)),
        report.concurrency,
        report::print(figures)
    )
}
