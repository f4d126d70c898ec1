//! After the faults: waiting until nothing moves any more, and saying what became of uncertain messages.

use std::{
    collections::HashSet,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{
    http::Request,
    ledger::{Ask, Ledger},
    load::Load,
    sink,
    truth::Reader,
};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How long everything has to stand still to count as quiet.
const STILL: Duration = Duration::from_secs(2);

/// Waits until no run moves, nothing is on its way out and nothing waits for the client; at most
/// this long. What still moved at the last look, if anything did.
pub async fn wait(
    reader: &Reader,
    load: Option<&Load>,
    patience: Duration,
) -> Result<Option<String>> {
    let begun = Instant::now();
    let mut still: Option<Instant> = None;
    loop {
        let moving = match look(reader).await {
            Ok(moving) => moving,
            Err(error) => Some(format!("{error:#}")),
        };
        let idle = load.is_none_or(Load::is_idle);
        let moving =
            moving.or_else(|| (!idle).then(|| "something waits for the client".to_owned()));
        match (moving, still) {
            (None, Some(since)) if since.elapsed() >= STILL => return Ok(None),
            (None, since) => still = since.or_else(|| Some(Instant::now())),
            (Some(what), _) if begun.elapsed() >= patience => return Ok(Some(what)),
            (Some(_), _) => still = None,
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What moves now, if anything does.
async fn look(reader: &Reader) -> Result<Option<String>> {
    let messages = |status| format!("/v1/messages?limit=1&status={status}");
    for status in ["queued", "sending", "transmitting"] {
        let count = reader.count(&messages(status)).await?;
        if count > 0 {
            return Ok(Some(format!("{count} messages are {status}")));
        }
    }
    // Runs whose message is uncertain wait for a person, and for nothing else.
    let uncertain = reader.count(&messages("uncertain")).await?;
    let active = reader.count("/v1/runs?limit=1&status=active").await?;
    Ok((active > uncertain)
        .then(|| format!("{active} runs are active, with {uncertain} messages uncertain")))
}

/// Says of every uncertain message what the sink knows, as a person would who asks the mail
/// provider; tells how many there were.
pub async fn resolve(reader: &Reader, ledger: &Ledger, mail: &Path) -> Result<usize> {
    let taken: HashSet<String> = sink::read(mail)?.into_iter().map(|taken| taken.key).collect();
    let page = reader.get("/v1/messages?limit=200&status=uncertain").await?;
    let messages = page["items"].as_array().context("a list of messages")?;
    for message in messages {
        let id = message["id"].as_str().context("a message has an id")?;
        let body = json!({ "arrived": taken.contains(id) });
        let path = format!("/v1/messages/{id}/resolve");
        let request = Request::post(&path, &reader.token, &body);
        let at = *reader.servers.first().context("a server")?;
        ledger.note(Ask::Resolve, id, "", request.ask(at)).await?;
    }
    Ok(messages.len())
}
