//! One HTTP attempt per call, with an answer that is bounded and put into the form the client knows.

use std::{sync::Arc, time::Duration};

use async_openai::{error::OpenAIError, middleware::HttpRequestFactory};
use domain::clock::Clock;
use jiff::SignedDuration;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::model::{Failure, ModelError};

/// The most bytes of a good answer that are read.
const ANSWER: usize = 1 << 20;
/// The most bytes of a refusal that are read.
const REFUSAL: usize = 64 << 10;
/// The longest wait we let the other side ask for.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);

/// The error of one attempt, on its way through the client.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct Attempt {
    pub(crate) error: ModelError,
    /// Whether the endpoint refused because of the answer's schema.
    pub(crate) schema_refused: bool,
}

impl From<ModelError> for Attempt {
    fn from(error: ModelError) -> Self {
        Self { error, schema_refused: false }
    }
}

impl From<Attempt> for OpenAIError {
    fn from(attempt: Attempt) -> Self {
        Self::Boxed(Box::new(attempt))
    }
}

/// A client that follows no redirect, uses no proxy and gives up in time.
pub(crate) fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(timeout)
        .user_agent(concat!("playgate/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends a request once.
pub(crate) async fn attempt(
    client: Client,
    clock: Arc<dyn Clock>,
    has_key: bool,
    factory: HttpRequestFactory,
) -> Result<Response, OpenAIError> {
    let mut request = factory.build().await?;
    if !has_key {
        // The client library would send an empty bearer token.
        request.headers_mut().remove(header::AUTHORIZATION);
    }
    let response = client.execute(request).await.map_err(|err| Attempt::from(broken(&err)))?;
    let status = response.status();
    if !status.is_success() {
        return Err(refusal(response, clock.as_ref()).await.into());
    }
    let body = read(response, ANSWER).await.map_err(Attempt::from)?;
    let answer =
        serde_json::from_slice(&body).ok().and_then(|value| tidy(&value)).ok_or_else(|| {
            Attempt::from(ModelError {
                status: Some(status.as_u16()),
                ..ModelError::new(Failure::Malformed)
            })
        })?;
    Ok(http::Response::new(answer.to_string()).into())
}

fn broken(err: &reqwest::Error) -> ModelError {
    let failure = if err.is_connect() {
        Failure::Unreachable
    } else if err.is_timeout() {
        Failure::Silent
    } else {
        Failure::CutOff
    };
    ModelError::new(failure)
}

/// Reads at most `most` bytes of a body.
async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, ModelError> {
    let status = Some(response.status().as_u16());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|err| {
        let failure = if err.is_timeout() { Failure::Silent } else { Failure::CutOff };
        ModelError { status, ..ModelError::new(failure) }
    })? {
        if body.len() + chunk.len() > most {
            return Err(ModelError { status, ..ModelError::new(Failure::TooLarge) });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What a status other than 2xx means. The body is read for its codes, never kept.
async fn refusal(response: Response, clock: &dyn Clock) -> Attempt {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| wait(value, clock));
    let body = read(response, REFUSAL).await.unwrap_or_default();
    let error =
        serde_json::from_slice::<Value>(&body).map_or(Value::Null, |body| body["error"].clone());
    let code = ["code", "type"].iter().find_map(|key| code(&error[key]));
    let failure = match status {
        _ if code.as_deref() == Some("insufficient_quota") => Failure::QuotaSpent,
        StatusCode::TOO_MANY_REQUESTS => Failure::RateLimited,
        StatusCode::REQUEST_TIMEOUT => Failure::Silent,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::Unauthorized,
        StatusCode::NOT_FOUND => Failure::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => Failure::BadRequest,
        _ if status.is_server_error() => Failure::Down,
        _ if status.is_redirection() => Failure::Redirect,
        _ => Failure::BadRequest,
    };
    let words = String::from_utf8_lossy(&body).to_lowercase();
    let schema_refused = matches!(status.as_u16(), 400 | 422)
        && ["response_format", "json_schema", "grammar", "structured output"]
            .iter()
            .any(|word| words.contains(word));
    Attempt {
        error: ModelError { failure, status: Some(status.as_u16()), retry_after, code },
        schema_refused,
    }
}

/// A provider's code, if it looks like one: some send words, some numbers, some whole sentences.
fn code(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text)
            if (1..=64).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) =>
        {
            Some(text.clone())
        }
        _ => None,
    }
}

/// `Retry-After` in seconds or as a date, at most five minutes.
fn wait(value: &str, clock: &dyn Clock) -> Option<SignedDuration> {
    let asked = if let Ok(seconds) = value.trim().parse::<u32>() {
        SignedDuration::from_secs(i64::from(seconds))
    } else {
        let at = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
        at.duration_since(clock.now())
    };
    Some(asked.clamp(SignedDuration::ZERO, LONGEST_WAIT))
}

/// The parts of a chat completion we use, in the types the client library insists on: servers omit
/// ids, invent finish reasons and send texts in parts.
fn tidy(body: &Value) -> Option<Value> {
    let choices = body.get("choices")?.as_array()?;
    let choices: Vec<Value> = choices
        .iter()
        .take(1)
        .map(|choice| {
            let message = &choice["message"];
            let content = match &message["content"] {
                Value::Array(parts) => {
                    Value::String(parts.iter().filter_map(|part| part["text"].as_str()).collect())
                }
                Value::String(text) => Value::String(text.clone()),
                _ => Value::Null,
            };
            let reason = match choice["finish_reason"].as_str() {
                Some(
                    known @ ("stop" | "length" | "content_filter" | "tool_calls" | "function_call"),
                ) => json!(known),
                Some("max_tokens" | "limit") => json!("length"),
                _ => Value::Null,
            };
            let refusal = message["refusal"].as_str();
            json!({
                "index": 0,
                "message": { "role": "assistant", "content": content, "refusal": refusal },
                "finish_reason": reason,
            })
        })
        .collect();
    let count = |key: &str| body["usage"][key].as_u64().and_then(|count| u32::try_from(count).ok());
    let usage = match (count("prompt_tokens"), count("completion_tokens")) {
        (Some(prompt), Some(completion)) => json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt.saturating_add(completion),
        }),
        _ => Value::Null,
    };
    Some(json!({
        "id": "", "object": "chat.completion", "created": 0, "model": "",
        "choices": choices, "usage": usage,
    }))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            "2026-11-22T12:00:00Z".parse().unwrap()
        }

        fn uuid(&self) -> uuid::Uuid {
            unreachable!("no ids are made here")
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_never_longer_than_five_minutes() {
        for (value, seconds) in [
            ("7", Some(7)),
            ("86400", Some(300)),
            ("Sun, 22 Nov 2026 12:00:30 GMT", Some(30)),
            ("Sun, 22 Nov 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(wait(value, &Noon).map(|wait| wait.as_secs()), seconds, "{value}");
        }
    }
}
