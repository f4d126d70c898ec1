//! `/v1/approvals`: the queue, and decisions on it.

use axum::{Json, extract::State};
use domain::{
    action::ActionName,
    approval::{ApprovalStatus, RejectReason},
    draft::Binding,
    id::{AccountId, ApprovalId},
    page::Page,
    port::{QueueFilter, QueueItem, QueueOrder, Reviewed, Ruling},
    user::Permission,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{App, Reads},
    cursor::{self, page},
    decide,
    extract::{Body, Id, Params, blank},
    guard::Caller,
    problem::Problem,
};

/// Which approvals to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only in this state; without it, whatever the state.
    #[serde(deserialize_with = "blank")]
    status: Option<ApprovalStatus>,
    /// Only for this person: an id, an e-mail address, or `me`.
    #[serde(deserialize_with = "blank")]
    assignee: Option<String>,
    /// Only of this playbook.
    #[serde(deserialize_with = "blank")]
    playbook: Option<String>,
    /// Only of this action.
    #[serde(deserialize_with = "blank")]
    action: Option<ActionName>,
    /// Only of this account.
    #[serde(deserialize_with = "blank")]
    account: Option<AccountId>,
    /// `risk` (highest first, then earliest due), `due` or `newest`.
    #[serde(deserialize_with = "blank")]
    sort: Option<QueueOrder>,
    /// Include what is put off until later.
    #[serde(deserialize_with = "blank")]
    snoozed: Option<bool>,
    /// Where the last page ended.
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    /// At most this many, 1 to 200; 50 without it.
    #[serde(deserialize_with = "blank")]
    limit: Option<u32>,
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    caller: Caller,
    Params(filter): Params<Filter>,
) -> Result<Json<Page<QueueItem>>, Problem> {
    let order = filter.sort.unwrap_or(QueueOrder::Risk);
    let list = format!("approvals by {order}");
    let page = page(&list, filter.cursor.as_deref(), filter.limit)?;
    let assignee = match filter.assignee.as_deref() {
        None => None,
        Some(who) => Some(reads.person(who, &caller).await?),
    };
    let filter = QueueFilter {
        status: filter.status,
        assignee,
        playbook: filter.playbook,
        action: filter.action,
        account: filter.account,
        awake_at: (filter.snoozed == Some(false)).then(|| reads.now()),
        order,
    };
    Ok(Json(cursor::hand_out(&list, reads.queue(&filter, &page).await?)))
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
) -> Result<Json<Reviewed>, Problem> {
    let mut reviewed = reads.review(id).await?;
    if !caller.may(Permission::Inspect) {
        reviewed.conceal();
    }
    Ok(Json(reviewed))
}

/// Lets a draft go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Approve {
    /// The binding of the version you saw; if the draft has changed since, nothing happens.
    binding: Binding,
}

pub(crate) async fn approve(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(body): Body<Approve>,
) -> Result<Json<Reviewed>, Problem> {
    Ok(Json(app.rule(id, &caller, Ruling::Approve { seen: body.binding }).await?))
}

/// Puts another text in a draft's place.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    /// The binding of the version the edit started from.
    binding: Binding,
    /// The new subject line.
    subject: String,
    /// The new text.
    body: String,
}

pub(crate) async fn edit(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(Edit { binding, subject, body }): Body<Edit>,
) -> Result<Json<Reviewed>, Problem> {
    Ok(Json(app.rule(id, &caller, Ruling::Edit { seen: binding, subject, body }).await?))
}

/// Rejects a draft.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reject {
    /// Why.
    reason: RejectReason,
    /// In your words.
    #[serde(default)]
    note: String,
}

pub(crate) async fn reject(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(Reject { reason, note }): Body<Reject>,
) -> Result<Json<Reviewed>, Problem> {
    Ok(Json(app.rule(id, &caller, Ruling::Reject { reason, note }).await?))
}

/// Asks for another version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redraft {
    /// What should be different.
    instruction: String,
}

pub(crate) async fn redraft(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(Redraft { instruction }): Body<Redraft>,
) -> Result<Json<Reviewed>, Problem> {
    Ok(Json(app.rule(id, &caller, Ruling::Redraft { instruction }).await?))
}

/// Hands an item over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reassign {
    /// Who decides from now on: an id `usr_…` or an e-mail address.
    to: String,
}

pub(crate) async fn reassign(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(Reassign { to }): Body<Reassign>,
) -> Result<Json<Reviewed>, Problem> {
    let to = app.person(&to).await?;
    Ok(Json(app.rule(id, &caller, Ruling::Reassign { to }).await?))
}

/// Puts an item off; exactly one of the two is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snooze {
    /// Until then.
    until: Option<Timestamp>,
    /// For so long: `4h`, `2d`.
    #[serde(rename = "for")]
    length: Option<String>,
}

pub(crate) async fn snooze(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ApprovalId>,
    Body(Snooze { until, length }): Body<Snooze>,
) -> Result<Json<Reviewed>, Problem> {
    let until = decide::until(app.now(), until, length.as_deref())?;
    Ok(Json(app.rule(id, &caller, Ruling::Snooze { until }).await?))
}
