//! `playgate bench w1`: runs of five durable steps with one approval from outside, through a real
//! server.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use serde::Serialize;
use store::{Footprint, Store};

use crate::{
    arguments::{BenchW1, GateKind},
    bench::{
        approver::{Approved, Client},
        gate,
        latency::Latency,
        machine::Machine,
        report::{self, Figure, Targets, known, number, whole},
        server::Server,
        site::{Site, database_of},
        trace,
        usage::{self, Cluster},
    },
};

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    workload: &'static str,
    database: &'static str,
    gate: GateKind,
    runs: u64,
    concurrency: usize,
    accounts: u64,
    completed: u64,
    seconds: f64,
    runs_per_s: f64,
    steps_per_s: f64,
    /// From sending an approval to the event of the next step.
    approval_to_step: Option<Latency>,
    /// From sending an approval to the server's answer.
    approval_to_answer: Option<Latency>,
    paced: Option<Paced>,
    server_cpu_s_per_1000: Option<f64>,
    database_cpu_s_per_1000: Option<f64>,
    client_cpu_s_per_1000: Option<f64>,
    server_peak_bytes: Option<u64>,
    bytes_per_run: f64,
    wal_bytes_per_run: Option<f64>,
    commits_per_run: Option<f64>,
    /// On SQLite: one a commit and [`RESET_SYNCS`] for each time the log was folded in.
    wal_syncs_per_run: Option<f64>,
    machine: Machine,
    targets: Targets,
}

/// The second phase: a fixed rate against a server that is otherwise idle.
#[derive(Debug, Serialize)]
struct Paced {
    rate: f64,
    approvals: usize,
    approval_to_step: Option<Latency>,
    approval_to_answer: Option<Latency>,
}

/// How often SQLite makes a file durable when it folds its log in and begins it anew: the log, the
/// database, and the log's new head (<https://sqlite.org/walformat.html>; counted with `strace`).
const RESET_SYNCS: f64 = 3.0;

/// What the processes had used at one moment.
#[derive(Clone, Copy)]
struct Used {
    /// How often SQLite's log was begun anew.
    resets: Option<f64>,
    server: Option<f64>,
    database: Option<f64>,
    client: Option<f64>,
    commits: Option<f64>,
}

/// Runs the benchmark and prints what it found.
pub async fn run(w1: &BenchW1, site: &Site) -> anyhow::Result<()> {
    let accounts = w1.runs.div_ceil(5).max(200);
    let token = site.prepare(w1.gate, accounts).await?;
    let probe = site.probe().await?;
    let cluster = cluster(site, &probe.footprint().await?);
    let machine = Machine::measure(site).await?;
    let before = probe.footprint().await?;
    probe.close().await;

    let server = site.serve().await?;
    let client = Client {
        address: server.address,
        token,
        signal_secret: site.signal_secret.clone(),
        gate: w1.gate,
        clock: Arc::clone(&site.clock),
    };
    server.settle().await;
    let started = used(site, &client, &server, cluster).await?;
    let begun = std::time::Instant::now();
    let approved = flood(w1, site, &client, accounts).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let ended = used(site, &client, &server, cluster).await?;
    let paced_approved = paced(w1, site, &client, &server, accounts).await?;
    let peak = usage::memory(server.pid()).map(|memory| memory.peak);
    server.stop().await?;

    let probe = site.probe().await?;
    let after = probe.footprint().await?;
    probe.close().await;
    let app = site.open().await?;
    let counted = trace::ended(&app).await?;
    let approval_to_step = trace::steps(&app, &approved).await?;
    let paced = match &paced_approved {
        Some(paced) => Some(Paced {
            rate: w1.rate,
            approvals: paced.len(),
            approval_to_step: trace::steps(&app, paced).await?,
            approval_to_answer: trace::answers(paced),
        }),
        None => None,
    };
    app.store.close().await;

    let extra = paced_approved.as_ref().map_or(0, Vec::len) as u64;
    let completed = counted.completed.saturating_sub(extra);
    anyhow::ensure!(
        counted.runs == w1.runs + extra && completed == w1.runs,
        "of {} runs only {} were started and {} completed; `--keep` keeps the data to look at",
        w1.runs + extra,
        counted.runs,
        counted.completed
    );
    let runs = number(w1.runs);
    let all = number(w1.runs + extra);
    let per_1000 = |what: fn(&Used) -> Option<f64>| {
        what(&ended).zip(what(&started)).map(|(after, before)| (after - before) / runs * 1000.0)
    };
    let grown = |what: fn(&Footprint) -> Option<i64>| {
        what(&after).zip(what(&before)).map(|(after, before)| signed(after - before) / all)
    };
    let commits = per_1000(|used| used.commits).map(|commits| commits / 1000.0);
    let report = Report {
        workload: "w1",
        database: site.engine(),
        gate: w1.gate,
        runs: w1.runs,
        concurrency: w1.concurrency,
        accounts,
        completed,
        seconds,
        runs_per_s: runs / seconds,
        steps_per_s: runs * f64::from(gate::STEPS) / seconds,
        approval_to_step,
        approval_to_answer: trace::answers(&approved),
        paced,
        server_cpu_s_per_1000: per_1000(|used| used.server),
        database_cpu_s_per_1000: per_1000(|used| used.database),
        client_cpu_s_per_1000: per_1000(|used| used.client),
        server_peak_bytes: peak,
        bytes_per_run: grown(|print| Some(print.bytes)).unwrap_or_default(),
        wal_bytes_per_run: grown(|print| print.wal_bytes),
        commits_per_run: commits,
        wal_syncs_per_run: match site.database {
            Some(_) => grown(|print| print.wal_syncs),
            None => commits
                .zip(per_1000(|used| used.resets))
                .map(|(commits, resets)| commits + resets / 1000.0 * RESET_SYNCS),
        },
        machine,
        targets: Targets::of(site.engine()),
    };
    site.out.answer(&report, &text(&report))
}

/// Starts all runs and approves them as they come.
async fn flood(
    w1: &BenchW1,
    site: &Site,
    client: &Client,
    accounts: u64,
) -> anyhow::Result<Vec<Approved>> {
    let bar = site.out.progress("runs", w1.runs);
    let (started, approved) = tokio::join!(
        client.start("flood", w1.runs, accounts),
        client.approve_all(w1.runs, w1.concurrency, &bar),
    );
    started?;
    let approved = approved?;
    client.completed().await?;
    bar.finish_and_clear();
    Ok(approved)
}

/// Approves at a fixed rate.
async fn paced(
    w1: &BenchW1,
    site: &Site,
    client: &Client,
    server: &Server,
    accounts: u64,
) -> anyhow::Result<Option<Vec<Approved>>> {
    if w1.rate <= 0.0 {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let count = ((w1.rate * w1.rate_seconds).ceil() as u64).max(1);
    client.start("paced", count, accounts).await?;
    let waiting = client.parked(usize::try_from(count)?).await?;
    server.settle().await;
    let bar = site.out.progress("approvals at a fixed rate", count);
    let approved = client.approve_at(waiting, w1.rate, &bar).await?;
    bar.finish_and_clear();
    client.completed().await?;
    Ok(Some(approved))
}

async fn used(
    site: &Site,
    client: &Client,
    server: &Server,
    cluster: Option<Cluster>,
) -> anyhow::Result<Used> {
    let commits = client.counter("playgate_commits_total").await?;
    let log = site.folder.join("data/playgate.sqlite-wal");
    Ok(Used {
        resets: usage::log_resets(&log).map(f64::from),
        server: usage::cpu(server.pid()),
        database: cluster.and_then(Cluster::cpu),
        client: usage::cpu(std::process::id()),
        commits,
    })
}

fn cluster(site: &Site, print: &Footprint) -> Option<Cluster> {
    let database = site.database.as_deref()?;
    Cluster::of_backend(u32::try_from(print.process?).ok()?, database_of(database))
}

impl Site {
    /// The site's database, for measuring it.
    async fn probe(&self) -> anyhow::Result<Store> {
        let file = self.folder.join("data/playgate.sqlite").display().to_string();
        let url = self.database.as_deref().unwrap_or(&file);
        let options = store::Options {
            connections: 1,
            wait: Duration::from_secs(30),
            ..store::Options::default()
        };
        Store::open_with(url, Arc::clone(&self.clock), &options)
            .await
            .context("the benchmark's database does not open")
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
const fn signed(count: i64) -> f64 {
    count as f64
}

fn text(report: &Report) -> String {
    let target = &report.targets;
    let halves = |latency: &Option<Latency>| known(latency.as_ref(), report::halves);
    // The targets are for five steps and a person's word, not for letters drafted and delivered.
    let aimed = |what, value, target: &str| match report.gate {
        GateKind::Task => Figure::aimed(what, value, target),
        GateKind::Letter => Figure::plain(what, value),
    };
    let mut figures = vec![
        aimed(
            "runs/s",
            format!("{} ({} steps/s)", whole(report.runs_per_s), whole(report.steps_per_s)),
            &format!(">= {}", whole(target.runs_per_s)),
        ),
        Figure::plain("approval to next step, p50 / p99", halves(&report.approval_to_step)),
        Figure::plain("approval to answer, p50 / p99", halves(&report.approval_to_answer)),
    ];
    if let Some(paced) = &report.paced {
        figures.push(aimed(
            "idle, fixed rate: approval to next step, p50 / p99",
            halves(&paced.approval_to_step),
            &format!("<= {} / {} ms", target.paced_p50_ms, target.paced_p99_ms),
        ));
        figures.push(Figure::plain(
            "idle, fixed rate: approval to answer, p50 / p99",
            halves(&paced.approval_to_answer),
        ));
    }
    let seconds = |value| known(value, |value: f64| format!("{value:.2} s"));
    let few = |value| known(value, |value: f64| format!("{value:.2}"));
    figures.extend([
        aimed(
            "server CPU per 1,000 runs",
            seconds(report.server_cpu_s_per_1000),
            &format!("<= {} s", target.server_cpu_s_per_1000),
        ),
        Figure::plain(
            "database CPU per 1,000 runs",
            match report.database {
                "sqlite" => "in the server".to_owned(),
                _ => seconds(report.database_cpu_s_per_1000),
            },
        ),
        Figure::plain("client CPU per 1,000 runs", seconds(report.client_cpu_s_per_1000)),
        Figure::plain(
            "server memory, peak",
            known(report.server_peak_bytes, |bytes| report::size(number(bytes))),
        ),
        aimed(
            "bytes on disk per run",
            report::size(report.bytes_per_run),
            &format!("<= {}", report::size(target.bytes_per_run)),
        ),
        Figure::plain("log bytes per run", known(report.wal_bytes_per_run, report::size)),
        Figure::plain("commits per run", few(report.commits_per_run)),
        Figure::plain("fsyncs per run", few(report.wal_syncs_per_run)),
    ]);
    figures.extend(report::limits(&report.machine));
    let gate = match report.gate {
        GateKind::Task => "a task that the client finishes",
        GateKind::Letter => "a letter that the client approves and the mail folder takes",
    };
    format!(
        "W1 on {}: {} runs of 5 steps in {:.1} s, {} connections; the gate is {gate}.\n\n{}",
        report.database,
        whole(number(report.runs)),
        report.seconds,
        report.concurrency,
        report::print(figures)
    )
}
