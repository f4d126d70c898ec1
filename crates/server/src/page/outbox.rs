//! `/outbox`: messages on their way, and those that need somebody to find out.

use axum::{
    extract::State,
    response::{Html, Redirect},
};
use domain::{id::MessageId, message::MessageStatus};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Reads},
    cursor,
    extract::{Fields, Id, Params, blank},
    guard::Caller,
    page::{Choice, Total, done, line::MessageLine, link},
    problem::Problem,
};

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    #[serde(deserialize_with = "blank")]
    status: Option<MessageStatus>,
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    done: Option<String>,
}

/// The list.
#[derive(Debug, Default, Serialize)]
pub(crate) struct List {
    pub(crate) lines: Vec<MessageLine>,
    pub(crate) total: Total,
    pub(crate) statuses: Vec<Choice>,
    pub(crate) more: Option<String>,
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    caller: Caller,
    Params(ask): Params<Ask>,
) -> Result<Html<String>, Problem> {
    let now = reads.now();
    let page = cursor::page("messages", ask.cursor.as_deref(), None)?;
    let messages = cursor::hand_out("messages", reads.messages(ask.status, &page).await?);
    let names = reads.names(messages.items.iter().map(|message| message.account).collect()).await?;
    let status = ask.status.map(MessageStatus::as_str);
    let view = List {
        lines: messages
            .items
            .iter()
            .map(|message| MessageLine::new(message, &names, now))
            .collect(),
        total: Total::of(&messages),
        statuses: MessageStatus::ALL
            .iter()
            .map(|each| Choice::new(each.as_str(), each.as_str(), status))
            .collect(),
        more: messages
            .next
            .as_deref()
            .map(|cursor| link("/outbox", &[("status", status), ("cursor", Some(cursor))])),
    };
    let frame = reads.frame(&caller, "Outbox", "outbox").await?.done(ask.done.as_deref());
    reads.screens().render("outbox.html", &frame, &view)
}

/// The form under an uncertain or failed message.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    arrived: bool,
}

pub(crate) async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<MessageId>,
    Fields(Resolve { arrived }): Fields<Resolve>,
) -> Result<Redirect, Problem> {
    app.resolve(id, arrived, &caller).await?;
    Ok(done("/outbox", "resolved"))
}
