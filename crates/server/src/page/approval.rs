//! `/approvals/{id}`: why now, what would go out, and the decision.

use axum::{
    extract::State,
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use domain::{
    action::Severity,
    approval::RejectReason,
    draft::Binding,
    id::ApprovalId,
    page::PageRequest,
    port::{QueueFilter, Ruling},
    user::Permission,
};
use serde::Deserialize;

use crate::{
    app::{App, Reads},
    decide,
    extract::{Fields, Id, Params},
    guard::Caller,
    page::{Choice, Done, account::HealthView, done},
    problem::Problem,
    timeline::Names,
};

mod view;

pub(crate) use view::{Pair, Unsaved, View, evidence, view};

impl Reads {
    async fn approval_view(&self, id: ApprovalId, caller: &Caller) -> Result<View, Problem> {
        let mut reviewed = self.review(id).await?;
        if !caller.may(Permission::Inspect) {
            reviewed.conceal();
        }
        let users = self.users().await?;
        let names = Names::of_users(&users);
        let waiting = QueueFilter {
            account: Some(reviewed.account.id),
            awake_at: None,
            ..QueueFilter::waiting(self.now())
        };
        let one = PageRequest { cursor: None, limit: 1 };
        let waiting = self.queue(&waiting, &one).await?.total;
        let mut view = view(&reviewed, &names, self.now());
        let snapshots = self.snapshots(vec![reviewed.account.id]).await?;
        let snapshot = snapshots.get(&reviewed.account.id);
        view.health = snapshot.and_then(insight::health::assess).as_ref().map(HealthView::new);
        view.also = waiting.saturating_sub(u64::from(view.open));
        view.people = users
            .iter()
            .filter(|user| user.disabled_at.is_none() && user.role.may(Permission::Decide))
            .map(|user| {
                let role = user.role.as_str().replace('_', " ");
                Choice::new(&user.id.to_string(), format!("{} ({role})", user.name), None)
            })
            .collect();
        Ok(view)
    }
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Params(ask): Params<Done>,
) -> Result<Html<String>, Problem> {
    let view = reads.approval_view(id, &caller).await?;
    let title = format!("{}: {}", view.account_name, view.action);
    let frame = reads.frame(&caller, title, "today").await?.done(ask.done.as_deref());
    reads.screens().render("approval.html", &frame, &view)
}

/// Takes a decision; if that does not work, shows the item as it is now and says why, with
/// whatever was typed still there.
async fn rule(
    app: &App,
    caller: &Caller,
    id: ApprovalId,
    ruling: Ruling,
    code: &str,
) -> Result<Response, Problem> {
    let unsaved = match &ruling {
        Ruling::Edit { subject, body, .. } => {
            Some(Unsaved { subject: subject.clone(), body: body.clone() })
        }
        _ => None,
    };
    let stays = matches!(ruling, Ruling::Edit { .. });
    match app.rule(id, caller, ruling).await {
        Ok(_) if stays => Ok(done(&format!("/approvals/{id}"), code).into_response()),
        Ok(_) => Ok(next(app, caller, code).await?.into_response()),
        Err(problem) if matches!(problem.status, 409 | 422) => {
            let reads = app.reads();
            let mut view = reads.approval_view(id, caller).await?;
            view.unsaved = unsaved;
            let title = format!("{}: {}", view.account_name, view.action);
            let frame = reads.frame(caller, title, "today").await?.failed(&problem);
            let html = reads.screens().render("approval.html", &frame, &view)?;
            Ok((problem.status(), html).into_response())
        }
        Err(problem) => Err(problem),
    }
}

/// The next of the caller's own items opens by itself; without one, Today does.
async fn next(app: &App, caller: &Caller, code: &str) -> Result<Redirect, Problem> {
    let filter =
        QueueFilter { assignee: Some(caller.user().id), ..QueueFilter::waiting(app.now()) };
    let one = PageRequest { cursor: None, limit: 1 };
    let next = app.reads().queue(&filter, &one).await?.items.into_iter().next();
    Ok(match next {
        Some(item) => done(&format!("/approvals/{}", item.approval.id), code),
        None => done("/", code),
    })
}

/// The approve form. High risk asks for one active look (GV-03).
#[derive(Debug, Deserialize)]
pub(crate) struct Approve {
    binding: Binding,
    #[serde(default)]
    looked: Option<String>,
}

pub(crate) async fn approve(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Fields(form): Fields<Approve>,
) -> Result<Response, Problem> {
    let reviewed = app.reads().review(id).await?;
    if reviewed.item.approval.risk == Severity::High && form.looked.as_deref() != Some("yes") {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "not-looked",
            "this is high risk: tick that you have read the message and its facts, then approve",
        ));
    }
    rule(&app, &caller, id, Ruling::Approve { seen: form.binding }, "approved").await
}

/// The edit form.
#[derive(Debug, Deserialize)]
pub(crate) struct Edit {
    binding: Binding,
    subject: String,
    body: String,
}

pub(crate) async fn edit(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Fields(Edit { binding, subject, body }): Fields<Edit>,
) -> Result<Response, Problem> {
    // Browsers send line ends of forms as CR LF.
    let body = body.replace("\r\n", "\n");
    rule(&app, &caller, id, Ruling::Edit { seen: binding, subject, body }, "edited").await
}

/// The reject form.
#[derive(Debug, Deserialize)]
pub(crate) struct Reject {
    reason: RejectReason,
    #[serde(default)]
    note: String,
}

pub(crate) async fn reject(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Fields(Reject { reason, note }): Fields<Reject>,
) -> Result<Response, Problem> {
    let note = note.trim().to_owned();
    rule(&app, &caller, id, Ruling::Reject { reason, note }, "rejected").await
}

/// The redraft form.
#[derive(Debug, Deserialize)]
pub(crate) struct Redraft {
    instruction: String,
}

pub(crate) async fn redraft(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Fields(Redraft { instruction }): Fields<Redraft>,
) -> Result<Response, Problem> {
    let instruction = instruction.trim().to_owned();
    rule(&app, &caller, id, Ruling::Redraft { instruction }, "redraft").await
}

/// The hand-over form.
#[derive(Debug, Deserialize)]
pub(crate) struct Reassign {
    to: String,
}

pub(crate) async fn reassign(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Fields(Reassign { to }): Fields<Reassign>,
) -> Result<Response, Problem> {
    let to = app.person(&to).await?;
    rule(&app, &caller, id, Ruling::Reassign { to }, "reassigned").await
}

/// The snooze form.
#[derive(Debug, Deserialize)]
pub(crate) struct Snooze {
    #[serde(rename = "for")]
    length: String,
}

pub(crate) async fn snooze(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Fields(Snooze { length }): Fields<Snooze>,
) -> Result<Response, Problem> {
    let until = decide::until(app.now(), None, Some(&length))?;
    rule(&app, &caller, id, Ruling::Snooze { until }, "snoozed").await
}
