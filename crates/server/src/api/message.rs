//! `/v1/messages`: the outbox.

use axum::{Json, extract::State};
use domain::{
    id::MessageId,
    message::{Message, MessageStatus},
    page::Page,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{App, Reads},
    cursor::{self, page},
    extract::{Body, Id, Params, blank},
    guard::Caller,
    problem::Problem,
};

/// Which messages to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// Only these.
    #[serde(deserialize_with = "blank")]
    status: Option<MessageStatus>,
    /// Where the last page ended.
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    /// At most this many, 1 to 200; 50 without it.
    #[serde(deserialize_with = "blank")]
    limit: Option<u32>,
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    Params(Filter { status, cursor, limit }): Params<Filter>,
) -> Result<Json<Page<Message>>, Problem> {
    let page = page("messages", cursor.as_deref(), limit)?;
    Ok(Json(cursor::hand_out("messages", reads.messages(status, &page).await?)))
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    Id(id): Id<MessageId>,
) -> Result<Json<Message>, Problem> {
    Ok(Json(reads.message(id).await?))
}

/// Says what became of a message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolve {
    /// True: it arrived. False: it did not; it is sent again unless its run was cancelled.
    arrived: bool,
}

pub(crate) async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MessageId>,
    Body(Resolve { arrived }): Body<Resolve>,
) -> Result<Json<Message>, Problem> {
    Ok(Json(app.resolve(id, arrived, &caller).await?))
}
