//! `/`: what waits for people, in one ranked list.

use axum::{extract::State, response::Html};
use domain::{
    account::Band,
    action::{ActionName, Audience},
    draft::Author,
    message::MessageStatus,
    page::PageRequest,
    port::{QueueFilter, QueueItem, QueueOrder, RunFilter, TaskFilter},
    run::RunStatus,
    snapshot::Snapshot,
    task::TaskStatus,
    user::Role,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    app::Reads,
    cursor,
    extract::{Params, blank},
    guard::Caller,
    moment::Moment,
    page::{
        Choice, Total,
        line::{MessageLine, RunLine, TaskLine},
        link,
    },
    problem::Problem,
    timeline,
};

/// Other things that wait, shown beside the queue.
const BESIDE: PageRequest = PageRequest { cursor: None, limit: 8 };

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    /// `me` or `all`.
    #[serde(deserialize_with = "blank")]
    who: Option<String>,
    #[serde(deserialize_with = "blank")]
    playbook: Option<String>,
    #[serde(deserialize_with = "blank")]
    action: Option<ActionName>,
    #[serde(deserialize_with = "blank")]
    sort: Option<QueueOrder>,
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    done: Option<String>,
}

/// One approval in the queue.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) account_name: String,
    pub(crate) contact_name: String,
    pub(crate) action: &'static str,
    pub(crate) playbook: String,
    pub(crate) risk: &'static str,
    pub(crate) assignee: Option<String>,
    pub(crate) due: Moment,
    pub(crate) author: String,
    pub(crate) offline: bool,
    pub(crate) blocking: usize,
    pub(crate) findings: usize,
    pub(crate) health: Option<String>,
    pub(crate) band: Option<&'static str>,
    pub(crate) renewal: Option<String>,
}

impl Line {
    pub(crate) fn new(item: &QueueItem, about: Option<&Snapshot>, now: Timestamp) -> Self {
        let approval = &item.approval;
        let account = about.map(|about| &about.account);
        let health = account.and_then(|account| account.health);
        Self {
            id: approval.id.to_string(),
            account_name: item.account_name.clone(),
            contact_name: item.contact_name.clone(),
            action: timeline::action(approval.action),
            playbook: approval.playbook.clone(),
            risk: approval.risk.as_str(),
            assignee: item.assignee_name.clone(),
            due: Moment::of(approval.due_at, now),
            author: approval.version.author.label().to_owned(),
            offline: matches!(approval.version.author, Author::Offline { .. }),
            blocking: approval.version.findings.iter().filter(|found| found.blocking).count(),
            findings: approval.version.findings.len(),
            health: account.and_then(|account| in_words(account.health, account.previous_health)),
            band: health.map(|health| Band::of(health).as_str()),
            renewal: about.and_then(renewal),
        }
    }
}

/// `41, was 63`.
pub(crate) fn in_words(health: Option<f64>, before: Option<f64>) -> Option<String> {
    let health = health?;
    Some(match before.filter(|before| (before - health).abs() >= 1.0) {
        Some(before) => format!("{health:.0}, was {before:.0}"),
        None => format!("{health:.0}"),
    })
}

fn renewal(about: &Snapshot) -> Option<String> {
    let date = about.account.renewal_date?;
    Some(match about.days_until(date) {
        0 => "renews today".to_owned(),
        days if days > 0 => format!("renews in {days} d"),
        days => format!("renewal passed {} d ago", -days),
    })
}

/// Everything on the page.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Today {
    pub(crate) lines: Vec<Line>,
    pub(crate) total: Total,
    pub(crate) mine: bool,
    pub(crate) elsewhere: Option<Total>,
    pub(crate) filtered: bool,
    pub(crate) who: Vec<Choice>,
    pub(crate) playbooks: Vec<Choice>,
    pub(crate) actions: Vec<Choice>,
    pub(crate) sorts: Vec<Choice>,
    pub(crate) more: Option<String>,
    pub(crate) as_of: Option<Moment>,
    pub(crate) tasks: Vec<TaskLine>,
    pub(crate) tasks_total: Total,
    pub(crate) stuck: Vec<RunLine>,
    pub(crate) stuck_total: Total,
    pub(crate) uncertain: Vec<MessageLine>,
    pub(crate) uncertain_total: Total,
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    caller: Caller,
    Params(ask): Params<Ask>,
) -> Result<Html<String>, Problem> {
    let frame = reads.frame(&caller, "Today", "today").await?.done(ask.done.as_deref());
    let today = today(&reads, &caller, ask).await?;
    reads.screens().render("today.html", &frame, &today)
}

async fn today(reads: &Reads, caller: &Caller, ask: Ask) -> Result<Today, Problem> {
    let now = reads.now();
    // A CSM begins with what is hers; everybody else with what there is.
    let default = if caller.user().role == Role::Csm { "me" } else { "all" };
    let who = ask.who.as_deref().unwrap_or(default);
    let mine = who == "me";
    let filter = QueueFilter {
        assignee: mine.then(|| caller.user().id),
        playbook: ask.playbook.clone(),
        action: ask.action,
        order: ask.sort.unwrap_or(QueueOrder::Risk),
        ..QueueFilter::waiting(now)
    };
    let list = format!("approvals by {}", filter.order);
    let page = cursor::page(&list, ask.cursor.as_deref(), None)?;
    let queue = cursor::hand_out(&list, reads.queue(&filter, &page).await?);
    let elsewhere = if mine {
        let all = QueueFilter { assignee: None, ..filter.clone() };
        let all = reads.queue(&all, &PageRequest { cursor: None, limit: 1 }).await?;
        Total::beyond(&all, &queue)
    } else {
        None
    };
    let open = TaskFilter {
        status: Some(TaskStatus::Open),
        assignee: filter.assignee,
        ..TaskFilter::default()
    };
    let tasks = reads.tasks(&open, &BESIDE).await?;
    let stuck = RunFilter { status: Some(RunStatus::Stuck), ..RunFilter::default() };
    let stuck = reads.runs(&stuck, &BESIDE).await?;
    let uncertain = reads.messages(Some(MessageStatus::Uncertain), &BESIDE).await?;

    let snapshots =
        reads.snapshots(queue.items.iter().map(|item| item.approval.account).collect()).await?;
    let names = reads
        .names(
            (tasks.items.iter().map(|task| task.account))
                .chain(stuck.items.iter().map(|run| run.account))
                .chain(uncertain.items.iter().map(|message| message.account))
                .collect(),
        )
        .await?;
    let playbooks = reads.playbooks().await?;
    let (playbook, action) = (ask.playbook.as_deref(), ask.action.map(ActionName::as_str));
    Ok(Today {
        lines: queue
            .items
            .iter()
            .map(|item| Line::new(item, snapshots.get(&item.approval.account), now))
            .collect(),
        total: Total::of(&queue),
        mine,
        elsewhere,
        filtered: playbook.is_some() || action.is_some(),
        who: vec![
            Choice::new("me", "Mine", Some(who)),
            Choice::new("all", "Everybody's", Some(who)),
        ],
        playbooks: playbooks
            .iter()
            .map(|each| Choice::new(&each.name, &*each.name, playbook))
            .collect(),
        actions: ActionName::ALL
            .iter()
            .filter(|name| name.audience() == Audience::Customer)
            .map(|name| Choice::new(name.as_str(), timeline::action(*name), action))
            .collect(),
        sorts: [("risk", "Risk, then due"), ("due", "Due first"), ("newest", "Newest first")]
            .map(|(value, label)| Choice::new(value, label, Some(filter.order.as_str())))
            .to_vec(),
        more: queue.next.as_deref().map(|cursor| {
            link(
                "/",
                &[
                    ("who", Some(who)),
                    ("playbook", playbook),
                    ("action", action),
                    ("sort", ask.sort.map(QueueOrder::as_str)),
                    ("cursor", Some(cursor)),
                ],
            )
        }),
        // The oldest reading counts: a fresh account must not make a stale one look fresh.
        as_of: snapshots
            .values()
            .map(|snapshot| snapshot.account.as_of)
            .min()
            .map(|at| Moment::of(at, now)),
        tasks: tasks.items.iter().map(|task| TaskLine::new(task, &names, now)).collect(),
        tasks_total: Total::of(&tasks),
        stuck: stuck.items.iter().map(|run| RunLine::new(run, &names, now)).collect(),
        stuck_total: Total::of(&stuck),
        uncertain: uncertain
            .items
            .iter()
            .map(|message| MessageLine::new(message, &names, now))
            .collect(),
        uncertain_total: Total::of(&uncertain),
    })
}
