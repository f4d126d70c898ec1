//! `/runs`: playbooks at work, and one run as a timeline.

use std::collections::BTreeSet;

use axum::{
    extract::State,
    response::{Html, Redirect},
};
use domain::{
    id::RunId,
    port::{Measure, Tally},
    run::{Intervention, Phase, Run, RunStatus},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Reads},
    bulk::{BulkAction, Selection},
    cursor,
    extract::{Fields, Id, Params, blank},
    guard::Caller,
    moment::Moment,
    page::{
        Choice, Done, Total,
        approval::{Pair, evidence},
        bulk::{self, Hidden},
        done,
        line::RunLine,
    },
    problem::Problem,
    timeline::{self, Entry, Names, Tone},
};

/// What the address asks for, and what was just done to many runs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    #[serde(flatten)]
    selection: Selection,
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    #[serde(deserialize_with = "blank")]
    did: Option<String>,
    #[serde(deserialize_with = "blank")]
    done: Option<u64>,
    #[serde(deserialize_with = "blank")]
    not_possible: Option<u64>,
    #[serde(deserialize_with = "blank")]
    gone: Option<u64>,
}

impl Ask {
    fn told(&self) -> Option<String> {
        let tally = Tally {
            done: self.done?,
            not_possible: self.not_possible.unwrap_or_default(),
            gone: self.gone.unwrap_or_default(),
        };
        bulk::sentence(self.did.as_deref()?, tally)
    }
}

/// The list.
#[derive(Debug, Default, Serialize)]
pub(crate) struct List {
    pub(crate) lines: Vec<RunLine>,
    pub(crate) total: Total,
    pub(crate) narrowed: bool,
    pub(crate) told: Option<String>,
    pub(crate) statuses: Vec<Choice>,
    pub(crate) playbooks: Vec<Choice>,
    pub(crate) step: String,
    pub(crate) code: String,
    pub(crate) older_than: String,
    pub(crate) codes: Vec<&'static str>,
    /// Parts of the selection the form has no field for.
    pub(crate) kept: Vec<Hidden>,
    /// The whole selection.
    pub(crate) fields: Vec<Hidden>,
    pub(crate) actions: Vec<Choice>,
    /// Whether runs in the state that was chosen may go back to a step.
    pub(crate) goes_back: bool,
    pub(crate) more: Option<String>,
}

/// Why runs are stuck most often: what the form suggests.
const CODES: [&str; 9] = [
    "model-unreachable",
    "budget-spent",
    "condition-failed",
    "delivery-failed",
    "action-invalid",
    "playbook-unusable",
    "policy-unusable",
    "step-missing",
    "program-error",
];

/// What may make sense for runs in a state, or in any.
fn actions(status: Option<RunStatus>) -> Vec<Choice> {
    BulkAction::ALL
        .into_iter()
        .filter(|action| status.is_none_or(|status| action.intervention().is_possible(status)))
        .map(|action| Choice::new(action.as_str(), action.verb(), None))
        .collect()
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    caller: Caller,
    Params(ask): Params<Ask>,
) -> Result<Html<String>, Problem> {
    let now = reads.now();
    let chosen = &ask.selection;
    let filter = chosen.filter(now)?;
    let page = cursor::page("runs", ask.cursor.as_deref(), None)?;
    let runs = cursor::hand_out("runs", reads.runs(&filter, &page).await?);
    let names = reads.names(runs.items.iter().map(|run| run.account).collect()).await?;
    let (status, playbook) = (chosen.status.map(RunStatus::as_str), chosen.playbook.as_deref());
    let fields = Hidden::all(chosen);
    let view = List {
        lines: runs.items.iter().map(|run| RunLine::new(run, &names, now)).collect(),
        total: Total::of(&runs),
        narrowed: !fields.is_empty(),
        told: ask.told(),
        statuses: RunStatus::ALL
            .iter()
            .map(|each| Choice::new(each.as_str(), each.as_str(), status))
            .collect(),
        playbooks: reads
            .playbooks()
            .await?
            .iter()
            .map(|each| Choice::new(&each.name, &*each.name, playbook))
            .collect(),
        step: chosen.step.clone().unwrap_or_default(),
        code: chosen.code.clone().unwrap_or_default(),
        older_than: chosen.older_than.clone().unwrap_or_default(),
        codes: CODES.to_vec(),
        kept: fields
            .iter()
            .filter(|field| matches!(field.name, "account" | "version"))
            .cloned()
            .collect(),
        fields,
        actions: actions(chosen.status),
        goes_back: chosen
            .status
            .is_none_or(|status| Measure::RetryFrom(String::new()).is_possible(status)),
        more: runs.next.map(|cursor| bulk::list_of(chosen, &[("cursor", cursor)])),
    };
    let frame = reads.frame(&caller, "Runs", "runs").await?;
    reads.screens().render("runs.html", &frame, &view)
}

/// A line of the timeline, for the page.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EventLine {
    pub(crate) at: Moment,
    pub(crate) stream: String,
    pub(crate) seq: i64,
    pub(crate) who: String,
    pub(crate) says: String,
    pub(crate) tone: Tone,
    pub(crate) hash: String,
}

impl EventLine {
    pub(crate) fn new(entry: Entry, now: Timestamp) -> Self {
        Self {
            at: Moment::of(entry.at, now),
            stream: entry.stream,
            seq: entry.seq,
            who: entry.who,
            says: entry.says,
            tone: entry.tone,
            hash: entry.hash.chars().take(12).collect(),
        }
    }
}

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub(crate) run: RunLine,
    pub(crate) version: String,
    pub(crate) cause: String,
    pub(crate) cause_at: Moment,
    pub(crate) evidence: Vec<Pair>,
    pub(crate) approval: Option<String>,
    pub(crate) spent: String,
    pub(crate) over: bool,
    /// Steps it may be taken back to.
    pub(crate) reached: Vec<Choice>,
    pub(crate) events: Vec<EventLine>,
}

/// The page of one run.
pub(crate) fn view(run: &Run, names: &Names, events: Vec<Entry>, now: Timestamp) -> View {
    let progress = &run.progress;
    View {
        run: RunLine::new(run, names, now),
        version: run.version.chars().take(8).collect(),
        cause: timeline::cause(&run.cause),
        cause_at: Moment::of(run.cause.at, now),
        evidence: evidence(&run.cause.data),
        approval: match &progress.phase {
            Phase::AwaitingApproval { approval } => Some(approval.to_string()),
            _ => None,
        },
        spent: format!(
            "{} steps begun, {} model calls, {} tokens",
            progress.steps_begun, progress.model_calls, progress.tokens
        ),
        over: run.status.is_over(),
        reached: if matches!(run.status, RunStatus::Stuck | RunStatus::Active) {
            let now = Some(progress.step.as_str()).filter(|step| !step.is_empty());
            let reached: BTreeSet<&str> =
                progress.results.keys().map(String::as_str).chain(now).collect();
            reached.into_iter().map(|step| Choice::new(step, step, now)).collect()
        } else {
            Vec::new()
        },
        events: events.into_iter().map(|entry| EventLine::new(entry, now)).collect(),
    }
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    caller: Caller,
    Id(id): Id<RunId>,
    Params(ask): Params<Done>,
) -> Result<Html<String>, Problem> {
    let run = reads.run(id).await?;
    let (account, events) = reads.timeline(&run).await?;
    let mut names = Names::default();
    names.accounts.insert(run.account, account);
    let view = view(&run, &names, events, reads.now());
    let title = format!("{} for {}", view.run.playbook, view.run.account_name);
    let frame = reads.frame(&caller, title, "runs").await?.done(ask.done.as_deref());
    reads.screens().render("run.html", &frame, &view)
}

async fn intervene(
    app: &App,
    caller: &Caller,
    id: RunId,
    what: Intervention,
    code: &str,
) -> Result<Redirect, Problem> {
    app.intervene(id, caller, what).await?;
    Ok(done(&format!("/runs/{id}"), code))
}

pub(crate) async fn pause(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Redirect, Problem> {
    intervene(&app, &caller, id, Intervention::Pause, "paused").await
}

pub(crate) async fn resume(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Redirect, Problem> {
    intervene(&app, &caller, id, Intervention::Resume, "resumed").await
}

/// The cancel form.
#[derive(Debug, Deserialize)]
pub(crate) struct Cancel {
    reason: String,
}

pub(crate) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
    Fields(Cancel { reason }): Fields<Cancel>,
) -> Result<Redirect, Problem> {
    let reason = reason.trim().to_owned();
    intervene(&app, &caller, id, Intervention::Cancel { reason }, "cancelled").await
}

pub(crate) async fn retry(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
) -> Result<Redirect, Problem> {
    intervene(&app, &caller, id, Intervention::Retry, "retried").await
}

/// The form that takes a run back.
#[derive(Debug, Deserialize)]
pub(crate) struct RetryFrom {
    step: String,
}

pub(crate) async fn retry_from(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<RunId>,
    Fields(RetryFrom { step }): Fields<RetryFrom>,
) -> Result<Redirect, Problem> {
    app.retry_from(id, &step, &caller).await?;
    Ok(done(&format!("/runs/{id}"), "rewound"))
}
